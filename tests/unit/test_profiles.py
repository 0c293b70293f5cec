"""The answers of an unknown API are read with care."""

import json

import httpx
import pytest

from samekey._headers import Field
from samekey.profiles import GENERIC, Profile
from samekey.profiles._answers import codes_in, json_of


IN_FLIGHT = [
    "idempotency_key_in_use",
    "concurrent_idempotent_requests",
    "PREVIOUS_REQUEST_IN_PROGRESS",
]
REUSE = [
    "idempotency_error",
    "idempotency_key_mismatch",
    "invalid_idempotent_request",
    "idempotency_key_already_used_error",
]
PLAIN = Profile("plain", replay=(), in_flight=(), mismatch=())


def body(codes):
    """Make a body with *codes*, in the places where they are looked for."""
    first, second, *_ = [*codes, None, None]
    return {"code": first, "error": {"code": second}}


def meaning(status, codes=(), *, headers=None, after_doubt=False):
    found = GENERIC.read(
        status,
        httpx.Headers(headers or {}),
        body(codes),
        after_doubt=after_doubt,
    )
    return found.meaning


def in_flight(*args, **options):
    return meaning(*args, **options) == "in_flight"


def reuse(*args, **options):
    return meaning(*args, **options) == "mismatch"


class TestProfile:
    def test_plain(self):
        """A profile that says nothing uses the common header."""
        assert Field("Idempotency-Key") == PLAIN.header
        assert "generic" == GENERIC.name
        assert GENERIC.plain

    def test_says_nothing(self):
        """A profile with empty lists takes answers as answers."""
        headers = {"idempotent-replayed": "true"}

        assert PLAIN.is_replay(headers) is False
        for code in (*REUSE, *IN_FLIGHT):
            found = PLAIN.read(409, {}, {"code": code}, after_doubt=True)
            assert found == (None, None)

    def test_coded(self):
        """The body is read where the meaning of a status stands in it."""
        assert {400, 409, 422} == GENERIC.coded
        assert {400, 409, 422} == GENERIC.listed


class TestReplay:
    @pytest.mark.parametrize(
        ("headers", "marked"),
        [
            ({"Idempotent-Replayed": "true"}, True),
            ({"Idempotency-Replayed": "true"}, True),
            ({"Idempotent-Replayed": " TRUE "}, True),
            ({"Idempotent-Replayed": "false"}, False),
            ({"Idempotent-Replayed": "1"}, False),
            ({"Idempotent-Replayed": ""}, False),
            ({"Replayed": "true"}, False),
            ({}, False),
        ],
    )
    def test_marked(self, headers, marked):
        """A recorded answer is one whose header says true."""
        assert GENERIC.is_replay(httpx.Headers(headers)) is marked


class TestReuse:
    @pytest.mark.parametrize("status", [400, 409, 422])
    @pytest.mark.parametrize("code", REUSE)
    def test_code(self, status, code):
        """A code of key reuse is believed, among others too."""
        assert reuse(status, [code, "invalid_request"]) is True

    @pytest.mark.parametrize("status", [200, 403, 404, 500])
    def test_other_status(self, status):
        """A code of key reuse means nothing with another status."""
        assert reuse(status, REUSE, after_doubt=True) is False

    @pytest.mark.parametrize(
        ("status", "after_doubt", "refused"),
        [
            (422, True, True),
            (422, False, False),
            (409, True, False),
            (400, True, False),
        ],
    )
    def test_no_code(self, status, after_doubt, refused):
        """Without a code, only a 422 after doubt is key reuse."""
        assert reuse(status, after_doubt=after_doubt) is refused
        assert reuse(status, ["x"], after_doubt=after_doubt) is refused


class TestInFlight:
    @pytest.mark.parametrize("code", IN_FLIGHT)
    def test_code(self, code):
        """A 409 with a code of one in flight is believed."""
        assert in_flight(409, [code, "invalid_request"]) is True

    @pytest.mark.parametrize("status", [200, 400, 422, 429, 503])
    def test_other_status(self, status):
        """Only a 409 can say that the first request is still running."""
        headers = {"Retry-After": "1"}

        told = meaning(status, IN_FLIGHT, headers=headers, after_doubt=True)

        assert told != "in_flight"

    @pytest.mark.parametrize(
        ("headers", "after_doubt", "running"),
        [
            ({}, False, False),
            ({}, True, True),
            ({"Retry-After": "1"}, False, True),
            ({"Retry-After": ""}, False, True),
        ],
    )
    def test_no_code(self, headers, after_doubt, running):
        """Without a code, a 409 is one with Retry-After or after doubt."""
        told = in_flight(409, headers=headers, after_doubt=after_doubt)

        assert told is running


class TestCodes:
    @pytest.mark.parametrize(
        ("value", "codes"),
        [
            ({"code": "a"}, {"a"}),
            ({"type": "a", "code": "b"}, {"a", "b"}),
            ({"error": {"code": "a", "type": "b"}}, {"a", "b"}),
            ({"code": "a", "error": {"code": "b"}}, {"a", "b"}),
            ({"error": "a"}, set()),
            ({"error": ["a"]}, set()),
            ({"code": 409, "type": None}, {"409"}),
            ({"code": True, "type": 1.5}, set()),
            ({"error": {"code": ["a"], "message": "b"}}, set()),
            ({"errors": [{"code": "a"}]}, set()),
            (["code"], set()),
            ("code", set()),
            (None, set()),
        ],
    )
    def test_places(self, value, codes):
        """Codes are strings or ints, in the body or in its error."""
        assert codes == codes_in(json_of(json.dumps(value).encode()))

    @pytest.mark.parametrize(
        "body",
        [
            None,
            b"",
            b"<html>",
            b'{"code": "a"',
            b'{"code": "\xff"}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
        ],
        ids=range(7),
    )
    def test_unreadable(self, body):
        """A body that cannot be read has no codes."""
        assert frozenset() == codes_in(json_of(body))

    def test_encoding(self):
        """Codes are found in any of the encodings of JSON."""
        assert {"a"} == codes_in(json_of('{"code": "a"}'.encode("utf-16")))
