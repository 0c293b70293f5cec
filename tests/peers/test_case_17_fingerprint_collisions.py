"""
Case 17, fingerprints: another payload is noticed, the same one is not.

`1` and `1.0` are two types to many servers. A body in which a name stands
twice has no one meaning, and a peer that parses it maps two payloads to one.
"""

import decimal
import json

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

import samekey

from samekey._fingerprint import fingerprint
from samekey.testing import Answer, FaultServer


JSON = "application/json"
TEXTS = st.text('1a"\\{}[],: \u00e9', max_size=3)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 12),
        st.floats(allow_nan=True, width=16),
        TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
    ),
    max_leaves=5,
)


def digest(body, kind=JSON):
    """Fingerprint a POST of *body*."""
    return fingerprint("POST", "https://api/x", kind, body)


def meaning(body):
    """Give what JSON *body* says, number literals as they are written."""

    def literal(text):
        return "number", text

    def freeze(value):
        if isinstance(value, list):
            return "array", tuple(freeze(item) for item in value)
        if isinstance(value, tuple) and "object" == value[0]:
            return "object", frozenset((n, freeze(v)) for n, v in value[1])
        if isinstance(value, tuple):
            return value
        return type(value).__name__, value

    def pairs_of(pairs):
        return "object", tuple(pairs)

    return freeze(
        json.loads(
            body,
            parse_int=literal,
            parse_float=literal,
            parse_constant=literal,
            object_pairs_hook=pairs_of,
        )
    )


def check_told_apart(compare, one, two):
    """Check that *compare* gives two payloads two fingerprints."""
    assert compare(one) != compare(two), (one, two)


@given(VALUES, VALUES)
@example(1, 1.0)
@example({"a": 1}, {"a": "1"})
@example(float("nan"), "NaN")
@example([], {})
@example([[]], [])
@example(["a,b"], ["a", "b"])
def test_two_bodies_are_one_only_if_they_say_the_same(one, two):
    """Fingerprints of JSON bodies are equal exactly if the bodies are."""
    first, second = json.dumps(one).encode(), json.dumps(two).encode()
    same = meaning(first) == meaning(second)

    assert same == (digest(first) == digest(second))


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_white_space_order_and_escapes_do_not_count(value, indent, escape):
    """One JSON value has one fingerprint, however it is laid out."""
    plain = json.dumps(value).encode()

    def reverse(value):
        if isinstance(value, dict):
            return {n: reverse(v) for n, v in reversed(value.items())}
        if isinstance(value, list):
            return [reverse(item) for item in value]
        return value

    other = json.dumps(reverse(value), indent=indent, ensure_ascii=escape)
    assert digest(plain) == digest(other.encode())
    assert digest(plain) == digest(b" " + other.encode() + b"\n")


DIFFERENT = {
    "1 and 1.0": (b'{"a": 1}', b'{"a": 1.0}'),
    "1.0 and 1.00": (b'{"a": 1.0}', b'{"a": 1.00}'),
    "1e2 and 100": (b"[1e2]", b"[100]"),
    "-0 and 0": (b"[-0]", b"[0]"),
    "1 and true": (b"[1]", b"[true]"),
    "1 and '1'": (b"[1]", b'["1"]'),
    "null and absent": (b'{"a": null}', b"{}"),
    "twice and once": (b'{"a": 1, "a": 2}', b'{"a": 2}'),
    "twice, and the other way": (b'{"a":1,"a":2}', b'{"a":2,"a":1}'),
    "twice, inside": (b'[{"a":1,"a":2}]', b'[{"a":2}]'),
    "NaN and null": (b"[NaN]", b"[null]"),
    "NaN and 'NaN'": (b"[NaN]", b'["NaN"]'),
    "NaN and -Infinity": (b"[NaN]", b"[-Infinity]"),
    "beyond 2**53": (b"[9007199254740993]", b"[9007199254740992]"),
    "beyond a float": (b"[1e400]", b"[2e400]"),
    "composed": ('["\u00e9"]'.encode(), '["e\u0301"]'.encode()),
    "JSON and no JSON": (b'{"a":1}', b'{"a":1,}'),
    "a list and no JSON": (b"[1]", b"[1,]"),
}


@pytest.mark.parametrize(("one", "two"), DIFFERENT.values(), ids=DIFFERENT)
def test_bodies_that_look_alike_are_told_apart(one, two):
    """What a server may read in two ways is another payload."""
    check_told_apart(digest, one, two)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_other_bodies_are_compared_as_bytes(one, two):
    """What is no JSON is the same only if it is the same bytes."""
    kind = "application/octet-stream"

    assert (one == two) == (digest(one, kind) == digest(two, kind))


@given(st.binary(max_size=12))
@example(b"\xff{")
@example(b"[" * 5_000)
@example(b'"\\ud800"')
def test_any_bytes_have_a_fingerprint(body):
    """What calls itself JSON and is none has a fingerprint as well."""
    assert 32 == len(digest(body))


def form(mark, *values):
    """Write a multipart form as httpx does."""
    head = b'\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
    parts = [b"--" + mark + head + value + b"\r\n" for value in values]
    kind = f"multipart/form-data; boundary={mark.decode()}"
    return b"".join(parts) + b"--" + mark + b"--\r\n", kind


def test_a_boundary_does_not_count():
    """The same form under another boundary is the same payload."""
    assert digest(*form(b"abc", b"1")) == digest(*form(b"xyz", b"1"))
    assert digest(*form(b"abc", b"1")) != digest(*form(b"abc", b"2"))
    assert digest(*form(b"abc", b"1")) != digest(*form(b"abc", b"1", b"1"))


def test_a_boundary_inside_a_value_counts():
    """A value that holds the boundary's text is not one without it."""
    one, two = form(b"abc", b"see --abc, p. 1"), form(b"abc", b"see --, p. 1")

    assert digest(*one) != digest(*two)


AMOUNTS = [decimal.Decimal("1.5"), decimal.Decimal("1.50")]


def test_a_changed_payload_is_refused_before_it_is_sent(kind):
    """The client notices what the server would have to refuse."""
    bodies = [f'{{"amount":{amount}}}'.encode() for amount in AMOUNTS]
    headers = {"Content-Type": JSON}
    with (
        FaultServer(lambda _: Answer(201)) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post(
            "/x", content=bodies[0], headers=headers, operation="order-1"
        )
        with pytest.raises(samekey.OperationChanged) as caught:
            session.post(
                "/x", content=bodies[1], headers=headers, operation="order-1"
            )

    assert 1 == len(server.requests)
    assert server.requests[0].key == caught.value.previous.key


class TestTheChecker:
    """The check above sees the peers' mistakes."""

    @pytest.mark.parametrize("name", ["twice and once", "1.0 and 1.00"])
    def test_reports_a_comparison_of_parsed_values(self, name):
        """A fingerprint of what the parser made of it is reported."""
        with pytest.raises(AssertionError):
            check_told_apart(json.loads, *DIFFERENT[name])
