"""No two different operations are written as the same bytes."""

import datetime as dt
import decimal
import enum
import re
import uuid

from decimal import Decimal

import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._parts import encode
from samekey.errors import InvalidKey


PARIS = dt.timezone(dt.timedelta(hours=1), "CET")
NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)

# Frozen, as the keys are that are made of them.
WRITTEN = [
    (("order", 123, "charge"), b"(22:s5:orderi2:7bs6:charge"),
    ((-255, 0), b"(10:i3:-ffi1:0"),
    ((b"\x00\xff",), b"(5:b2:\x00\xff"),
    ((Decimal("10.50"),), b"(9:d6:105e-1"),
    ((Decimal("1E+3"), Decimal("-0.00")), b"(10:d3:1e3d1:0"),
    ((uuid.UUID(bytes=b"sixteen bytes ok"),), b"(20:u16:sixteen bytes ok"),
    ((NOON,), b"(36:t32:2026-01-05T12:00:00.000000+00:00"),
    ((("a", ("b", 1)), b"c"), b"(23:(15:s1:a(8:s1:bi1:1b1:c"),
]

TEXT = st.text(st.characters(codec="utf-8"), min_size=1)
AGES = dt.timedelta(days=700_000)
DAY = dt.timedelta(hours=23)
MOMENTS = st.builds(
    lambda ago, zone: (NOON - ago).astimezone(dt.timezone(zone)),
    st.timedeltas(-AGES, AGES),
    st.timedeltas(-DAY, DAY),
)
LEAVES = st.one_of(
    TEXT,
    st.integers(),
    st.binary(min_size=1),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
    MOMENTS,
)
# Few and short, so that equal ones and near misses are common.
NEAR = st.sampled_from(
    [
        "1",
        "a",
        "ab",
        "b",
        "s1:a",
        1,
        10,
        b"1",
        b"a",
        Decimal(1),
        Decimal("1.0"),
    ]
)


def tuples(leaves):
    """Make tuples of *leaves* and of such tuples."""
    parts = st.recursive(
        leaves,
        lambda inner: st.lists(inner, min_size=1, max_size=4).map(tuple),
    )
    return st.lists(parts, min_size=1, max_size=4).map(tuple)


def meaning(part):
    """Say what a part means, so that `==` compares meanings."""
    if isinstance(part, tuple):
        return "tuple", tuple(meaning(inner) for inner in part)
    if isinstance(part, dt.datetime):
        return "datetime", part.astimezone(dt.UTC)
    return type(part).__name__, part


READERS = {
    b"s": lambda data: ("str", data.decode()),
    b"i": lambda data: ("int", int(data, 16)),
    b"b": lambda data: ("bytes", data),
    b"d": lambda data: ("Decimal", Decimal(data.decode())),
    b"u": lambda data: ("UUID", uuid.UUID(bytes=data)),
    b"t": lambda data: ("datetime", dt.datetime.fromisoformat(data.decode())),
    b"(": lambda data: ("tuple", tuple(read(data))),
}


def read(data):
    """Read written parts back, by what is documented."""
    while data:
        length, _, rest = data[1:].partition(b":")
        size = int(length)
        yield READERS[data[:1]](rest[:size])
        data = rest[size:]


class Autumn(dt.tzinfo):
    """A zone whose clock is put back an hour."""

    def utcoffset(self, moment):
        return dt.timedelta(hours=1 if moment is None or moment.fold else 2)


class Zoneless(dt.tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, moment):
        return None


class Text(enum.StrEnum):
    CHARGE = "charge"


class OldText(str, enum.Enum):  # noqa: UP042 -- the older way is meant
    CHARGE = "charge"


class Number(enum.IntEnum):
    ONE = 1


class TestEncode:
    @pytest.mark.parametrize(("parts", "written"), WRITTEN)
    def test_frozen(self, parts, written):
        """A release never changes how parts are written."""
        assert written == encode(parts)

    @given(tuples(LEAVES))
    def test_can_be_read_back(self, parts):
        """What was written tells the parts, so no others are written so."""
        assert [meaning(parts)] == list(read(encode(parts)))

    @given(tuples(NEAR), tuples(NEAR))
    def test_different(self, one, other):
        """Parts are written alike only if they mean the same."""
        assert (meaning(one) == meaning(other)) is (
            encode(one) == encode(other)
        )

    def test_types_count(self):
        """The number 1 and the ways to write it are four operations."""
        ones = [1, "1", b"1", Decimal(1), ("1",), (1,)]

        assert 6 == len({encode((one,)) for one in ones})

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("ab", "c"), ("a", "bc")),
            (("a", "b"), (("a", "b"),)),
            ((("a", "b"), "c"), (("a",), "b", "c")),
        ],
    )
    def test_bounds_count(self, one, other):
        """Where one part ends and the next begins counts."""
        assert encode(one) != encode(other)

    def test_one_instant(self):
        """A moment is the same in every time zone."""
        here = dt.datetime(2026, 1, 5, 13, tzinfo=PARIS)

        assert encode((NOON,)) == encode((here,))
        assert encode((NOON,)) != encode((here.replace(tzinfo=dt.UTC),))

    def test_repeated_hour(self):
        """The two halves of a repeated hour are two moments."""
        first = dt.datetime(2026, 10, 25, 2, 30, tzinfo=Autumn())

        assert encode((first,)) != encode((first.replace(fold=1),))

    @pytest.mark.parametrize(
        "amounts", ["10.5 10.50", "0 -0", "0 0E+7", "1E+2 100.0", "-1.10 -1.1"]
    )
    def test_one_amount(self, amounts):
        """An amount is the same with and without trailing zeros."""
        one, other = map(Decimal, amounts.split())

        assert encode((one,)) == encode((other,))

    def test_context_does_not_count(self):
        """The decimal context of a thread changes no key."""
        with decimal.localcontext(prec=1):
            assert b"(9:d6:105e-1" == encode((Decimal("10.50"),))

    def test_enum_of_text(self):
        """A member of an enum of strings is its value, in every Python."""
        written = encode(("charge", "charge", 1))

        assert written == encode((Text.CHARGE, OldText.CHARGE, Number.ONE))


KINDS = (
    "a part of an operation id must be a str, int, bytes, Decimal, UUID,"
    " aware datetime or tuple, got "
)
EMPTY = "a part of an operation id must not be empty, got "
FINITE = "a Decimal in an operation id must be finite, got "
NAIVE = (
    "a datetime in an operation id must have a time zone, got a naive one;"
    " pass it with tzinfo, or as a string"
)
FLOAT = KINDS + "float; pass a Decimal, a string, or an int of minor units"
FIRST = dt.datetime(1, 1, 1, tzinfo=PARIS)
OTHER_AGE = "a datetime in an operation id must be one in UTC too, got "
SURROGATE = "a part of an operation id must be valid Unicode, got a surrogate"
REFUSED = [
    (None, TypeError, KINDS + "NoneType; is the row saved, has it an id yet?"),
    (True, TypeError, KINDS + "bool; pass 'yes' or 'no'"),
    (10.5, TypeError, FLOAT),
    (float("nan"), TypeError, FLOAT),
    (Decimal("NaN"), TypeError, FINITE + "NaN"),
    (Decimal("-Infinity"), TypeError, FINITE + "-Infinity"),
    (NOON.replace(tzinfo=None), TypeError, NAIVE),
    (NOON.replace(tzinfo=Zoneless()), TypeError, NAIVE),
    (FIRST, InvalidKey, f"{OTHER_AGE}{FIRST}"),
    (NOON.date(), TypeError, KINDS + "date; pass date.isoformat()"),
    (["a"], TypeError, KINDS + "list; pass a tuple"),
    ({"a": 1}, TypeError, KINDS + "dict"),
    ("", InvalidKey, EMPTY + "''"),
    (b"", InvalidKey, EMPTY + "b''"),
    ((), InvalidKey, EMPTY + "()"),
    ("a\ud800", InvalidKey, SURROGATE),
]


class TestRefused:
    @pytest.mark.parametrize(("part", "kind", "message"), REFUSED)
    def test_refused(self, part, kind, message):
        """What two customers could share is refused, at any depth."""
        for parts in ((part,), ("a", (1, (part,)))):
            with pytest.raises(kind, match=rf"^{re.escape(message)}$"):
                encode(parts)

    @pytest.mark.parametrize("part", [["4242"], "4242\ud800"])
    def test_private(self, part):
        """A refusal does not show the part, which may be private."""
        with pytest.raises((TypeError, InvalidKey), match=r"^[^4]+$"):
            encode((part,))
