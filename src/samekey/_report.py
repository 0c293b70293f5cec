"""
What is told of an operation: its attempts, its outcome, its key.

These are values. They hold no request, no response and no body, so they can
be logged, pickled and kept.
"""

from __future__ import annotations

import enum
import hashlib

import attrs


class Verdict(enum.StrEnum):
    """
    What one attempt tells.

    The rules that decide it are at the top of `samekey._verdict`.
    """

    NOT_SENT = "NOT_SENT"
    """Certainly no byte of the request was acted on."""

    UNKNOWN = "UNKNOWN"
    """The server may have executed it, or may not."""

    ANSWERED = "ANSWERED"
    """A status line was seen."""


class Outcome(enum.StrEnum):
    """What all attempts of an operation tell together."""

    ANSWERED = "answered"
    """The server settled it."""

    NOT_EXECUTED = "not_executed"
    """It was certainly not executed."""

    IN_DOUBT = "in_doubt"
    """Nobody knows yet; keep the key."""

    OPEN = "open"
    """No outcome yet."""


@attrs.frozen(kw_only=True)
class Attempt:
    """
    One send of an operation.

    Attributes:
        number: Counts from 1 over the whole operation, polls included.

        verdict: What this attempt tells.

        status: The HTTP status, where one was seen.

        error: The class name of the exception it ended with, where it did.

        started: When it began, in seconds since the epoch.

        elapsed: How long it took, in seconds.

        waited: How long the client slept before it, in seconds.
    """

    number: int
    verdict: Verdict
    status: int | None = None
    error: str | None = None
    started: float
    elapsed: float
    waited: float = 0.0


def key_hint(key: str | None) -> str:
    """
    Show enough of *key* to find it in a log, and no more.

    The last six characters of a key of 20 or more, a short hash otherwise: a
    short key's tail would be most of it.
    """
    if key is None:
        return "none"
    if len(key) >= 20:
        return "…" + key[-6:]
    return "#" + hashlib.sha256(key.encode()).hexdigest()[:6]


@attrs.frozen(kw_only=True)
class Report:
    """
    What is known of one operation.

    Attributes:
        key: The idempotency key, whole; None for a request without one. The
            repr shows its tail only.

        operation: The operation id as the caller gave it, or None. Not in the
            repr.

        generation: The generation of a named operation, from 1.

        outcome: `answered`, `not_executed`, `in_doubt`, or `open` while it is
            still running.

        attempts: Every attempt, oldest first.

        replayed: `"server"` if the answer was marked as a recorded one,
            `"journal"` if it came from the journal, else None.

        already_done: The server said that the operation had succeeded before,
            in place of its answer.

        resource_id: The id of the resource that belongs to the key, where the
            API names it.

        unrecorded: Why the journal did not record the outcome, where it did
            not.
    """

    key: str | None = attrs.field(repr=key_hint)
    operation: object = attrs.field(default=None, repr=False)
    generation: int = 1
    outcome: Outcome
    attempts: tuple[Attempt, ...] = ()
    replayed: str | None = None
    already_done: bool = False
    resource_id: str | None = None
    unrecorded: str | None = None
