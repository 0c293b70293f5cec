"""
Case 17, keys: no two operations share a key by the way they are written.

Peers join parts by NUL, or by a colon, or write `1` and `"1"` alike. Here each
part is written with its type and its length, so nothing can run together.
"""

import datetime as dt
import decimal
import enum
import uuid

import pytest

from hypothesis import assume, example, given
from hypothesis import strategies as st

import samekey


HALF_A_DAY = dt.timedelta(hours=12)
TRAPS = "\0:|/,;1a()si"
ZONES = st.builds(dt.timezone, st.timedeltas(-HALF_A_DAY, HALF_A_DAY))
MOMENTS = st.datetimes(
    min_value=dt.datetime(1970, 1, 2),  # noqa: DTZ001 -- zones are drawn
    max_value=dt.datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)
PARTS = st.recursive(
    st.one_of(
        st.text(TRAPS, min_size=1, max_size=4),
        st.text(min_size=1),
        st.integers(-20, 20),
        st.integers(),
        st.binary(min_size=1, max_size=4),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.uuids(),
        MOMENTS,
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(tuple),
    max_leaves=6,
)
IDS = st.lists(PARTS, min_size=1, max_size=4).map(tuple)


def meaning(part):
    """Give what *part* means, so that only equal meanings are equal."""
    if isinstance(part, tuple):
        return "tuple", tuple(meaning(inner) for inner in part)
    if isinstance(part, decimal.Decimal):
        return "decimal", part  # 10.5 == 10.50, by decimal's own rule
    if isinstance(part, dt.datetime):
        return "datetime", part.astimezone(dt.UTC)
    return type(part).__name__, part


def check_injective(derive, one, two):
    """Check that *derive* tells *one* from *two* if, and only if, they differ."""
    same = meaning(one) == meaning(two)
    assert same == (derive(*one) == derive(*two)), (one, two)


def joined(separator):
    """Make a function that derives keys as peers do."""
    return lambda *parts: separator.join(str(part) for part in parts)


PAIRS = [
    (("a", "b\0c"), ("a\0b", "c")),
    (("a\0b",), ("a", "b")),
    (("ab", "c"), ("a", "bc")),
    (("a:b",), ("a", "b")),
    ((1,), ("1",)),
    ((1, 1), (11,)),
    (("a",), (b"a",)),
    ((1,), (decimal.Decimal(1),)),
    (("a", ("b",)), ("a", "b")),
    ((("a", "b"), "c"), ("a", ("b", "c"))),
    ((uuid.UUID(int=1),), (str(uuid.UUID(int=1)),)),
    ((uuid.UUID(int=1),), (uuid.UUID(int=1).bytes,)),
    (("é",), ("é".encode(),)),
    (("\u00e9",), ("e\u0301",)),
    (("a",), ("a\0",)),
    (("a",), ("A",)),
]


@pytest.mark.parametrize(("one", "two"), PAIRS, ids=repr)
def test_parts_that_look_alike_have_two_keys(one, two):
    """What differs in type, or in where a part ends, is two operations."""
    check_injective(samekey.derive_key, one, two)


@given(IDS, IDS)
@example((0,), (decimal.Decimal("-0"),))
def test_different_operations_have_different_keys(one, two):
    """Two operation ids have one key only if they mean the same."""
    check_injective(samekey.derive_key, one, two)


@given(st.text(TRAPS, min_size=2, max_size=6), st.data())
def test_no_split_of_a_text_is_another(text, data):
    """However a text is cut into parts, each cut is another operation."""
    cuts = st.integers(1, len(text) - 1)
    one, two = data.draw(cuts), data.draw(cuts)
    assume(one != two)

    first, second = (text[:one], text[one:]), (text[:two], text[two:])
    check_injective(samekey.derive_key, first, second)
    check_injective(samekey.derive_key, first, (text,))


@given(IDS, st.data())
def test_the_same_operation_has_one_key(parts, data):
    """Equal amounts, and equal moments in two time zones, are the same."""

    def respell(part):
        if isinstance(part, tuple):
            return tuple(respell(inner) for inner in part)
        if isinstance(part, decimal.Decimal):
            sign, digits, exponent = part.as_tuple()
            return decimal.Decimal((sign, (*digits, 0), exponent - 1))
        if isinstance(part, dt.datetime):
            hours = dt.timedelta(hours=data.draw(st.integers(-12, 12)))
            return part.astimezone(dt.timezone(hours))
        return part

    assert samekey.derive_key(*parts) == samekey.derive_key(
        *(respell(part) for part in parts)
    )


@given(st.text(TRAPS, min_size=1), st.text(TRAPS, min_size=1))
def test_a_namespace_is_no_part(namespace, part):
    """Namespace, secret and generation cannot be imitated by parts."""
    secret = b"0123456789abcdef"
    keys = {
        samekey.derive_key(part),
        samekey.derive_key(part, namespace=namespace),
        samekey.derive_key(namespace, part),
        samekey.derive_key(part, generation=2),
        samekey.derive_key(part, 2),
        samekey.derive_key(part, secret=secret),
        samekey.derive_key(secret, part),
    }

    assert 7 == len(keys)


@given(IDS)
def test_a_derived_key_passes_for_a_uuid(parts):
    """Every derived key is a UUIDv4 to whoever checks."""
    key = samekey.derive_key(*parts)

    assert key == str(uuid.UUID(key))
    assert 4 == uuid.UUID(key).version
    assert uuid.RFC_4122 == uuid.UUID(key).variant


class Plan(enum.StrEnum):
    """A string by another name."""

    PRO = "pro"


def test_an_enum_member_is_its_value():
    """A StrEnum member and its value are one operation."""
    assert samekey.derive_key(Plan.PRO) == samekey.derive_key("pro")


class TestTheChecker:
    """The check above sees the peers' mistakes."""

    @pytest.mark.parametrize("separator", ["\0", ":", ""], ids=repr)
    def test_reports_parts_that_are_joined(self, separator):
        """A key of joined parts is reported, whatever joins them."""
        pairs = [
            (("a", f"b{separator}c"), (f"a{separator}b", "c")),
            ((1,), ("1",)),
        ]
        for one, two in pairs[separator == "" :]:
            with pytest.raises(AssertionError):
                check_injective(joined(separator), one, two)
