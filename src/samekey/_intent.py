"""
What a record in the journal lets a call do: decided, and nothing done.
"""

from __future__ import annotations

import hashlib

from collections.abc import Sequence
from typing import Literal

import attrs

from samekey._kept import Kept
from samekey._policy import show_seconds
from samekey._report import Outcome
from samekey.errors import KeyExpired, OperationChanged
from samekey.keys import Operation
from samekey.stores import Claim, Record, StoreError


Step = Literal["send", "reopen", "replace", "give", "busy"]
"""
What a record lets a call do.

`send`: once more, under its key; `reopen`: so too, and it is open until that
is answered; `replace`: as something new; `give`: its answer is given; `busy`:
another worker is on it.
"""


@attrs.frozen(kw_only=True)
class Intent:
    """
    What a call is about to do.

    Args:
        id: The record's.

        key: The key, unless there is a record. *theirs*: it is the user's.

        fingerprint: What the request says.

        named: It has an operation id; *force*: a new generation is wanted
            although the last one is in doubt.

        retention: For how long the server is relied on, in seconds; *stated*:
            the caller, or a profile, says so, and it is no guess.

        kept: What is kept of it.
    """

    id: str
    key: str = attrs.field(repr=False)
    theirs: bool
    fingerprint: bytes = attrs.field(repr=False)
    named: bool
    force: bool
    retention: float
    stated: bool = True
    kept: Kept


@attrs.frozen(kw_only=True)
class Wish:
    """An intent that is to be recorded at *now*, held for *lease* seconds."""

    intent: Intent
    now: float
    lease: float


@attrs.frozen(kw_only=True)
class Begun:
    """
    What the journal says to an intent.

    Args:
        step: What to do.

        record: What is recorded now. *kept*: what is kept in it.

        before: The state that was recorded before; None if nothing was that
            matters.
    """

    step: Step
    before: str | None = None
    record: Record
    kept: Kept


@attrs.frozen(kw_only=True)
class End:
    """How what was begun went: the state, and what is kept, at *now*."""

    begun: Begun
    state: str
    kept: Kept
    now: float


@attrs.frozen
class Tried:
    """
    What came of several things that were written together.

    Args:
        completions: For each None, or why it failed.

        claims: For each the claim, or why it failed; None: it was not tried.
    """

    completions: Sequence[Exception | None]
    claims: Sequence[Claim | StoreError | None]


def record_id(operation: Operation, namespace: str | None) -> str:
    """Give the id under which an operation is recorded."""
    space = "" if namespace is None else namespace
    digest = hashlib.sha256(
        b"%d:%b" % (len(space.encode()), space.encode()) + operation.encoded()
    )
    return f"op:{digest.hexdigest()}"


def key_id(key: str) -> str:
    """Give the id under which a call without an operation id is recorded."""
    return f"key:{hashlib.sha256(key.encode()).hexdigest()}"


def decide(
    record: Record,
    kept: Kept,
    intent: Intent,
    *,
    now: float,
    free: bool,
    mark: str,
) -> Step:
    """
    Decide what a record lets a call do, by the table of `samekey.journal`.

    Args:
        free: Nobody is on it. *mark*: of the secret of today's fingerprints.

    Raises:
        OperationChanged: If the request or the key is another one, or a new
            generation follows one in doubt.

        KeyExpired: If the server may have forgotten the key.
    """
    unsettled = record.state not in {Outcome.ANSWERED, Outcome.NOT_EXECUTED}
    if intent.kept.generation != kept.generation:
        _check_generation(record, kept, intent, unsettled=unsettled)
        return "replace" if free else "busy"
    _compare(record, kept, intent, mark)
    if not free:
        return "busy"
    if record.state == Outcome.NOT_EXECUTED:
        return "replace"
    age = max(0.0, now - record.created)
    # What was counted on when it was sent goes before a guess of today.
    retention = intent.retention if intent.stated else kept.retention
    fresh = age < retention
    answer = kept.answer
    if record.state == Outcome.ANSWERED and is_final(kept):
        given = answer is not None and answer.body is not None
        return "send" if fresh and not given else "give"
    if not fresh:
        msg = (
            f"first sent {show_seconds(age)} s ago, and the server remembers"
            f" keys for {show_seconds(retention)} s; nothing was sent."
            " Ask the API what became of it, and tell the journal:"
            " Journal.resolve, or `samekey journal resolve`"
        )
        raise KeyExpired(msg, kept.previous(record.key))
    return "reopen" if record.state == Outcome.ANSWERED else "send"


def is_final(kept: Kept) -> bool:
    """Tell whether the answer is one that another send would not change."""
    report, answer = kept.report, kept.answer
    if report is not None and report.already_done:
        return True
    return answer is not None and is_success(answer.status)


def is_success(status: int | None) -> bool:
    """Tell whether *status* is one that settles an operation."""
    return status is not None and 200 <= status < 300


def _check_generation(
    record: Record, kept: Kept, intent: Intent, *, unsettled: bool
) -> None:
    wanted = intent.kept.generation
    if wanted < kept.generation:
        msg = (
            f"generation must be at least {kept.generation}, the last one"
            f" recorded, got {wanted}; nothing was sent"
        )
        raise OperationChanged(msg, kept.previous(record.key))
    if unsettled and not intent.force:
        msg = (
            f"generation {kept.generation} of this operation is in doubt: a"
            " new one could execute it twice; nothing was sent. Settle it"
            " first, or pass Operation(..., force=True)"
        )
        raise OperationChanged(msg, kept.previous(record.key))


def _compare(record: Record, kept: Kept, intent: Intent, mark: str) -> None:
    what = "this operation" if intent.named else "this key"
    # With the secret lost, it cannot be said whether they are the same.
    if kept.mark == mark and record.fingerprint != intent.fingerprint:
        way = "generation" if intent.named else "key"
        msg = (
            f"{what} was recorded with another request; nothing was sent. A"
            f" deliberate new try is a new {way}"
        )
        raise OperationChanged(msg, kept.previous(record.key))
    if intent.theirs and record.key != intent.key:
        msg = f"{what} was recorded with another key; nothing was sent"
        raise OperationChanged(msg, kept.previous(record.key))
