"""A header is found and added as the library itself would do it."""

import collections

import httpx
import httpx2
import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey import _headers
from samekey._headers import (
    Field,
    Watched,
    add,
    has,
    has_list,
    is_encoded,
    look,
    look_at,
    pairs,
    with_field,
)


KEY = Field("Idempotency-Key")


class Plain(collections.UserDict):
    """Headers that keep no list."""


class Other(Plain):
    """Headers that keep another list."""

    _list = (("A", "b"),)


LISTED = [httpx.Headers, httpx2.Headers]
UNLISTED = [Plain, Other]


def label(cls):
    return f"{cls.__module__}.{cls.__name__}"


class TestField:
    def test_forms(self):
        """A name is kept as it is sent and as it is compared."""
        assert (b"Idempotency-Key", b"idempotency-key") == (
            KEY.raw,
            KEY.lower,
        )

    def test_equal(self):
        """Two profiles that use one header are equal in that."""
        assert Field("Idempotency-Key") == KEY
        assert hash(Field("Idempotency-Key")) == hash(KEY)
        assert Field("X-Request-Id") != KEY
        assert KEY != "Idempotency-Key"

    def test_repr(self):
        """A header shows its name."""
        assert "Field('Idempotency-Key')" == repr(KEY)


class TestHasList:
    @pytest.mark.parametrize("cls", LISTED, ids=label)
    def test_known(self, cls):
        """The quick way is taken with both libraries."""
        assert has_list(cls) is True

    @pytest.mark.parametrize("cls", UNLISTED, ids=label)
    def test_unknown(self, cls):
        """The quick way is not taken with headers that keep no such list."""
        assert has_list(cls) is False


class TestHas:
    @pytest.mark.parametrize("cls", LISTED, ids=label)
    @pytest.mark.parametrize(
        ("headers", "found"),
        [
            ({}, False),
            ({"X-Idempotency-Key": "a"}, False),
            ({"A": "b", "IDEMPOTENCY-KEY": ""}, True),
            ([("idempotency-key", "a"), ("idempotency-key", "b")], True),
            ({b"Idempotency-Key": b"a"}, True),
        ],
    )
    def test_listed(self, cls, headers, found):
        """A header is found in any case, empty or twice."""
        assert has(cls(headers), KEY) is found

    @pytest.mark.parametrize("cls", UNLISTED, ids=label)
    def test_unlisted(self, cls):
        """A header is found in other kinds of headers too."""
        assert has(cls({"Idempotency-Key": "a"}), KEY) is True
        assert has(cls({"A": "b"}), KEY) is False


class TestLook:
    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    @pytest.mark.parametrize(
        ("kind", "form"),
        [
            ("application/x-www-form-urlencoded", True),
            ("Application/X-WWW-Form-URLencoded; charset=UTF-8", True),
            ("application/json", False),
            ("text/plain; a=application/x-www-form-urlencoded", False),
            ("", False),
        ],
    )
    def test_form(self, cls, kind, form):
        """A form is known by its content type, in any case."""
        headers = cls({"content-type": kind, "A": "b"})
        keyed = cls({"A": "b", "content-type": kind, "Idempotency-Key": "c"})

        assert (False, form) == look(headers, KEY)
        assert (True, form) == look(keyed, KEY)

    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    def test_none(self, cls):
        """Without a content type, a body is no form."""
        assert (False, False) == look(cls({"A": "b"}), KEY)


class TestLookAt:
    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    @pytest.mark.parametrize(
        ("headers", "tells"),
        [
            ({}, False),
            ({"a": "x"}, False),
            ({"a": "x", "c": ""}, True),
            ({"b": "x", "c": "x"}, True),
        ],
    )
    def test_tells(self, cls, headers, tells):
        """One of several headers is enough, even an empty one."""
        watched = Watched({b"b", b"c"})

        assert (tells, None, False) == look_at(cls(headers), watched)

    @pytest.mark.parametrize("cls", LISTED, ids=label)
    def test_case(self, cls):
        """A header is found in any case."""
        headers = cls({"RETRY-AFTER": "1"})

        assert look_at(headers, Watched({b"retry-after"}))[0]

    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    @pytest.mark.parametrize(
        ("headers", "length", "encoded"),
        [
            ({"content-length": "5"}, b"5", False),
            ({"content-encoding": "gzip"}, None, True),
            ({"a": "x", "content-length": ""}, b"", False),
        ],
    )
    def test_framing(self, cls, headers, length, encoded):
        """The length of the body is found, and whether it is encoded."""
        headers = cls(headers)

        assert (False, length, encoded) == look_at(headers, Watched(()))
        assert encoded is is_encoded(headers)

    @pytest.mark.parametrize("cls", LISTED, ids=label)
    def test_several(self, cls):
        """Several lengths are joined, as the library joins them."""
        name = "Content-Length"
        headers = cls([(name, "1"), ("a", "2"), (name.lower(), "3")])

        _, length, _ = look_at(headers, Watched(()))

        assert length == headers[name].encode() == b"1, 3"

    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    @pytest.mark.parametrize("name", ["content-length", "content-encoding"])
    def test_framing_that_tells(self, cls, name):
        """A profile may look at how a body is framed, too."""
        watched = Watched({name.encode()})

        assert look_at(cls({name: "1"}), watched)[0]


class TestAdd:
    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    def test_found(self, cls):
        """A header that was added is found by everyone."""
        headers = cls({"A": "b"})

        add(headers, KEY, "key-1")

        assert has(headers, KEY)
        assert "key-1" == headers["Idempotency-Key"]
        assert "b" == headers["A"]

    @pytest.mark.parametrize("cls", LISTED, ids=label)
    @given(
        value=st.text(
            st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1
        ),
        others=st.dictionaries(st.sampled_from("ABC"), st.just("x")),
    )
    def test_same_as_library(self, cls, value, others):
        """The quick way leaves headers as the library's own way does."""
        quick, slow = cls(others), cls(others)

        add(quick, KEY, value)
        slow["Idempotency-Key"] = value

        assert slow.raw == quick.raw
        assert slow == quick


class TestWithField:
    @pytest.mark.parametrize("cls", LISTED + UNLISTED, ids=label)
    def test_copy(self, cls):
        """A copy has the header, and what it was made from has not."""
        headers = cls({"A": "b"})

        copy = with_field(headers, KEY, "key-1")

        assert "key-1" == copy["Idempotency-Key"]
        assert "b" == copy["A"]
        assert not has(headers, KEY)
        assert isinstance(copy, cls)


class TestPairs:
    @pytest.mark.parametrize("listed", [True, False])
    @pytest.mark.parametrize("cls", LISTED, ids=label)
    def test_pairs(self, cls, listed, monkeypatch):
        """All are given, in their order, as the library reads them."""
        monkeypatch.setattr(_headers, "has_list", lambda cls: listed)
        headers = [("A", "1"), ("b", ""), ("a", "2")]

        assert [("a", "1"), ("b", ""), ("a", "2")] == pairs(cls(headers))

    @pytest.mark.parametrize("raw", ["\u00fc", "\u20ac"])
    @pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
    @pytest.mark.parametrize("cls", LISTED, ids=label)
    def test_beyond_ascii(self, cls, encoding, raw):
        """What is not ASCII is read as the library reads it."""
        if raw == "\u20ac":
            encoding = "utf-8"
        headers = cls([(b"A", raw.encode(encoding)), (b"b", b"c")])

        assert [("a", raw), ("b", "c")] == pairs(headers)
