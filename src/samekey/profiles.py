"""
How one API takes keys, and what its answers mean.

The rules of unknown APIs are `GENERIC`. They are modelled on the
`Idempotency-Key` header of draft-ietf-httpapi-idempotency-key-header-07 (an
expired draft), with the key unquoted, as nearly every API wants it.
"""

from __future__ import annotations

import json

from collections.abc import Mapping

import attrs

from samekey._headers import Field


@attrs.frozen(kw_only=True)
class Profile:
    """
    How one API takes keys, and what its answers mean.

    Attributes:
        name: What it is called.

        header: The header that carries the key.

        in_flight_codes: Codes of a 409 body that say: still running.

        reuse_codes: Codes of a 400, 409 or 422 body that say: this key was
            used with another payload.

        replay_headers: Headers whose value `true` marks a recorded answer.

        coded: The statuses whose meaning stands in the body.

        telling: The headers, in lower case, that say what a failed answer
            means, or when to ask again. Few answers have one.
    """

    name: str
    header: Field = attrs.field(factory=lambda: Field("Idempotency-Key"))
    in_flight_codes: frozenset[str] = frozenset()
    reuse_codes: frozenset[str] = frozenset()
    replay_headers: tuple[str, ...] = ()
    coded: frozenset[int] = frozenset({400, 409, 422})
    telling: frozenset[bytes] = attrs.field(init=False, repr=False)

    @telling.default
    def _telling(self) -> frozenset[bytes]:
        names = (*self.replay_headers, "retry-after", "retry-after-ms")
        return frozenset(name.lower().encode() for name in names)

    def is_replay(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the answer is marked as a recorded one."""
        return any(
            headers.get(name, "").strip().lower() == "true"
            for name in self.replay_headers
        )

    def is_reuse(
        self, status: int, codes: frozenset[str], *, after_doubt: bool
    ) -> bool:
        """Tell whether the server refused the key as another payload's."""
        if status not in self.coded:
            return False
        if status == _UNPROCESSABLE and after_doubt:
            return True
        return not self.reuse_codes.isdisjoint(codes)

    def is_in_flight(
        self,
        status: int,
        headers: Mapping[str, str],
        codes: frozenset[str],
        *,
        after_doubt: bool,
    ) -> bool:
        """Tell whether the first request under the key is still running."""
        return status == _CONFLICT and (
            after_doubt
            or "retry-after" in headers
            or not self.in_flight_codes.isdisjoint(codes)
        )


_CONFLICT = 409
_UNPROCESSABLE = 422


GENERIC = Profile(
    name="generic",
    in_flight_codes=frozenset(
        {
            "idempotency_key_in_use",
            "concurrent_idempotent_requests",
            "PREVIOUS_REQUEST_IN_PROGRESS",
        }
    ),
    reuse_codes=frozenset(
        {
            "idempotency_error",
            "idempotency_key_mismatch",
            "invalid_idempotent_request",
            "idempotency_key_already_used_error",
        }
    ),
    replay_headers=("idempotent-replayed", "idempotency-replayed"),
)


def codes_in(body: bytes | None) -> frozenset[str]:
    """Find the error codes of a JSON *body*: `code`, `type`, `error.code`."""
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(value, dict):
        return frozenset()
    error = value.get("error")
    places = [value, error] if isinstance(error, dict) else [value]
    return frozenset(
        place[name]
        for place in places
        for name in ("code", "type")
        if isinstance(place.get(name), str)
    )
