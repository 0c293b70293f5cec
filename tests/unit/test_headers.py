"""A header is found and added as the library itself would do it."""

import collections

import httpx
import httpx2
import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._headers import Field, add, has, has_list


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
