"""A changed payload shows, and one that says the same does not."""

import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._fingerprint import fingerprint


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def of(body=b"", kind=JSON, method="POST", url="https://a/x", scope=()):
    """Fingerprint a request that is like the others but for what is given."""
    return fingerprint(method, url, kind, body, scope=scope)


def at_depth(frames, body):
    """Fingerprint a body from code that is *frames* calls deep."""
    return of(body) if frames == 0 else at_depth(frames - 1, body)


class TestRequest:
    def test_size(self):
        """A fingerprint is 32 bytes, whatever the request."""
        assert 32 == len(of(b"x" * 100_000))

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "PUT"},
            {"url": "https://a/y"},
            {"url": "https://b/x"},
            {"kind": "text/plain"},
            {"kind": None},
            {"body": b"[2]"},
            {"scope": (("account", "a"),)},
        ],
    )
    def test_counts(self, change):
        """Method, URL, content type, scope and body are what it says."""
        assert of(b"[1]") != of(**{"body": b"[1]", **change})

    def test_nothing_runs_into_its_neighbour(self):
        """What stands at a border is never taken for the other side's."""
        digests = {
            of(b"b", None, "POST", "https://a/"),
            of(b"", None, "POST", "https://a/b"),
            of(b"b", None, "POSTh", "ttps://a/"),
            of(b"b", "x", "POST", "https://a/"),
        }

        assert 4 == len(digests)

    def test_scope(self):
        """Each header of the scope counts, by name, value and order."""
        scopes = [
            (),
            (("account", "a"),),
            (("account", "b"),),
            (("region", "a"),),
            (("account", "a"), ("region", "b")),
            (("account", "aregion"), ("", "b")),
        ]

        assert len(scopes) == len({of(scope=scope) for scope in scopes})

    def test_bytes_that_are_no_text(self):
        """Header values that were not UTF-8 are told apart all the same."""
        one, other = (
            of(kind="text/x; name=\udcff", scope=(("name", value),))
            for value in ("\udcfe", "\udcfd")
        )

        assert one != other


class TestContentType:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("application/json", "Application/JSON"),
            ("application/json", " application/json ; charset=utf-8"),
            ("application/vnd.a+json", "application/vnd.A+JSON;charset=UTF-8"),
            ("text/plain; charset=utf-8", "Text/Plain; charset=UTF-8"),
        ],
    )
    def test_same(self, one, other):
        """Case does not count, nor does the charset of JSON."""
        assert of(b"[1]", one) == of(b"[1]", other)

    def test_charset_of_text(self):
        """The charset of a text counts: the same bytes are another text."""
        latin, utf = "text/plain; charset=latin-1", "text/plain; charset=utf-8"

        assert of(b"\xc3\xa9", latin) != of(b"\xc3\xa9", utf)

    def test_form(self):
        """A form is compared as bytes."""
        assert of(b"a=1&b=2", FORM) == of(b"a=1&b=2", FORM.upper())
        assert of(b"a=1&b=2", FORM) != of(b"b=2&a=1", FORM)
        assert of(b"[1]", FORM) != of(b"[ 1 ]", FORM)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


class TestJson:
    @given(VALUES, st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]))
    def test_same_meaning(self, value, codec):
        """White space, order of names, escapes and UTF do not count."""
        plain = json.dumps(value).encode()
        fancy = json.dumps(
            turned(value), indent=3, separators=(" ,", " : ")
        ).encode(codec)

        assert of(plain) == of(fancy)

    @given(VALUES, VALUES)
    def test_other_meaning(self, one, other):
        """What is another value is another payload."""
        one, other = (json.dumps(v, sort_keys=True) for v in (one, other))

        assert (one == other) is (of(one.encode()) == of(other.encode()))

    @pytest.mark.parametrize("kind", [JSON, "application/vnd.api+json"])
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (b"1", b"1.0"),
            (b"10.5", b"10.50"),
            (b"1e2", b"100"),
            (b"0", b"-0"),
            (b"1E2", b"1e2"),
            (b"1", b'"1"'),
            (b"NaN", b'"NaN"'),
            (b"Infinity", b"-Infinity"),
            (b"null", b'"null"'),
            (b"[]", b"{}"),
            (b"[[1],2]", b"[1,[2]]"),
            (b"[1,2]", b"[2,1]"),
            (b'{"a":{"b":1}}', b'{"a":{},"b":1}'),
            (b'{"a":"\\u00e9"}', b'{"a":"e\\u0301"}'),
            (b"9" * 5_000, b"9" * 5_001),
        ],
    )
    def test_as_written(self, kind, one, other):
        """Numbers count as they are written, and types count."""
        assert of(one, kind) != of(other, kind)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (b'{"a":1,"a":2}', b'{"a": 1,"a":2}'),
            (b'[{"a":1,"a":1}]', b'[{"a":1, "a":1}]'),
            (b'{"a":1,"a":2}', b'{"a":2}'),
            (b'{"a":1,"\\u0061":1}', b'{"a":1}'),
            (b"[1", b"[ 1"),
            (b"\xff\xfe\xff", b"\xff\xfe"),
            (b"", b" "),
        ],
    )
    def test_no_one_meaning(self, one, other):
        """A name that stands twice, or no JSON, is compared as bytes."""
        assert of(one) != of(other)

    def test_lone_surrogate(self):
        """Text that is no Unicode is compared like any other."""
        assert of(b'"\\ud800"') == of(b' "\\uD800" ')
        assert of(b'"\\ud800"') != of(b'"\\ud801"')

    def test_broken(self):
        """JSON with a comma too many is another payload than without it."""
        assert of(b"[1,]") != of(b"[1]")

    def test_too_deep(self):
        """A body too deep to read is compared as bytes."""
        deep = b"[" * 100_000 + b"]" * 100_000

        assert of(deep) == of(deep)
        assert of(deep) != of(deep + b" ")

    def test_called_from_deep(self):
        """How deep the calling code is does not change what a body says."""
        body = b"[" * 400 + b"]" * 400

        assert of(body) == at_depth(700, body)


def turned(value):
    """Give the same value with its names in the other order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    if isinstance(value, list):
        return [turned(item) for item in value]
    return value


def multipart(mark, *, content=b"abc"):
    """Write a form of one file."""
    head = b'--%b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' % mark
    return head + content + b"\r\n--%b--\r\n" % mark


class TestMultipart:
    @pytest.mark.parametrize(
        "kind",
        [
            "multipart/form-data; boundary={}",
            'multipart/form-data; boundary="{}"',
            "Multipart/Form-Data;BOUNDARY={}",
            "multipart/form-data; charset=utf-8; boundary={}; x=y",
        ],
    )
    def test_boundary(self, kind):
        """A boundary is made anew for each body and does not count."""
        one, other = (
            of(multipart(mark), kind.format(mark.decode()))
            for mark in (b"0a1b2c", b"ffffffffffff")
        )

        assert one == other

    @pytest.mark.parametrize("other", [b"abd", b"abc\r\n--", b"abc--0a1b"])
    def test_content(self, other):
        """What is between the boundaries counts."""
        kind = "multipart/form-data; boundary=0a1b"

        assert of(multipart(b"0a1b"), kind) != of(
            multipart(b"0a1b", content=other), kind
        )

    @pytest.mark.parametrize("end", ["", "; boundary=", '; boundary=""'])
    def test_none(self, end):
        """Without a boundary, the body is compared as it is."""
        kind = "multipart/form-data" + end

        assert of(multipart(b"0a"), kind) != of(multipart(b"0b"), kind)
