"""
What answers mean: the rules of unknown APIs, and how a rule is looked for.
"""

from __future__ import annotations

import json

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from samekey._pointer import value_at
from samekey._report import key_hint
from samekey.profiles._values import Answer


Meaning = Literal[
    "mismatch", "already_done", "in_flight", "store_down", "missing"
]
MEANINGS: tuple[Meaning, ...] = (
    "mismatch",
    "already_done",
    "in_flight",
    "store_down",
    "missing",
)
"""In the order in which they are looked for."""


class Read(NamedTuple):
    """What an answer means, and whose resource it names."""

    meaning: Meaning | None = None
    resource: str | None = None


def statuses_of(rules: Iterable[Answer]) -> frozenset[int]:
    """Collect the statuses that *rules* are about."""
    found: set[int] = set()
    for rule in rules:
        # Where the status is not documented it is an error's.
        found |= set(range(400, 500)) if rule.status is None else {rule.status}
    return frozenset(found)


def fits(
    rule: Answer,
    status: int,
    headers: Mapping[str, str],
    body: object,
    *,
    after_doubt: bool,
) -> bool:
    """Tell whether an answer is what *rule* describes."""
    return (
        (rule.status is None or rule.status == status)
        and (after_doubt or not rule.after_doubt)
        and (rule.header is None or has_header(headers, rule))
        and (rule.code is None or _says(body, rule))
    )


def has_header(headers: Mapping[str, str], rule: Answer) -> bool:
    """Tell whether the header that *rule* names says what it wants."""
    assert rule.header is not None
    value = headers.get(rule.header)
    if value is None:
        return False
    return rule.value is None or value.strip().lower() == rule.value.lower()


def _says(body: object, rule: Answer) -> bool:
    if rule.field is not None:
        found = value_at(body, rule.field)
        return _written(found) == rule.code
    return rule.code in codes_in(body)


def resource_of(body: object, rule: Answer) -> str | None:
    """Find the id of the resource, where *rule* says where it stands."""
    return None if rule.id is None else _written(value_at(body, rule.id))


def _written(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)


def json_of(body: bytes | None) -> object:
    """Give the JSON value of a body; None if it is none."""
    try:
        return json.loads(body or b"")
    except (ValueError, RecursionError):
        return None


def words_in(body: object, key: str | None) -> str | None:
    """Find what the server says in words, without the *key* in it."""
    for where in _WORDS:
        found = value_at(body, where)
        if isinstance(found, str) and found:
            words = found if key is None else found.replace(key, key_hint(key))
            return words if len(words) <= 300 else f"{words[:299]}…"
    return None


_WORDS = (
    "/error/message",
    "/message",
    "/detail",
    "/title",
    "/errors/0/detail",
    "/errors/0/message",
    "/error_description",
    "/error",
)


def codes_in(value: object) -> frozenset[str]:
    """Find the error codes of a JSON value: `code`, `type`, `error.code`."""
    if not isinstance(value, dict):
        return frozenset()
    error = value.get("error")
    places = [value, error] if isinstance(error, dict) else [value]
    found = (
        _written(place.get(name))
        for place in places
        for name in ("code", "type")
    )
    return frozenset(code for code in found if code is not None)


def _coded(codes: Iterable[str], *statuses: int) -> tuple[Answer, ...]:
    return tuple(
        Answer(status=status, code=code)
        for status in statuses
        for code in codes
    )


GENERIC_ANSWERS: dict[str, tuple[Answer, ...]] = {
    "replay": (
        Answer(header="Idempotent-Replayed", value="true"),
        Answer(header="Idempotency-Replayed", value="true"),
    ),
    "in_flight": (
        Answer(status=409, header="Retry-After"),
        Answer(status=409, after_doubt=True),
        *_coded(
            (
                "idempotency_key_in_use",
                "concurrent_idempotent_requests",
                "PREVIOUS_REQUEST_IN_PROGRESS",
            ),
            409,
        ),
    ),
    "mismatch": (
        Answer(status=422, after_doubt=True),
        *_coded(
            (
                "idempotency_error",
                "idempotency_key_mismatch",
                "invalid_idempotent_request",
                "idempotency_key_already_used_error",
            ),
            400,
            409,
            422,
        ),
    ),
}
"""
The rules of unknown APIs.

They are modelled on draft-ietf-httpapi-idempotency-key-header-07 (an expired
draft), sections 2.6 and 2.7, and on the codes that APIs were seen to use.
"""
