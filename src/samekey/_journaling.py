"""
Between an operation and its journal: what is claimed and recorded.

These are the only functions that touch the journal's store while a call runs.
They block, so an async driver runs them in a thread.
"""

from __future__ import annotations

import contextvars

from collections.abc import Sequence

import attrs

from samekey._call import Call
from samekey._claiming import take_up, wish_of
from samekey._intent import Begun, End, Wish
from samekey._library import Response
from samekey._recording import end_of, recorded, unrecorded
from samekey.errors import JournalError
from samekey.journal import Journal
from samekey.stores import StoreError


def claim(call: Call) -> Begun:
    """
    Put what *call* is about to do on disk, before its first byte.

    Raises:
        OperationChanged: If it was recorded with another request or key.

        KeyExpired: If the server may have forgotten its key.

        JournalError: If the store fails.
    """
    journal: Journal = call.terms.journal
    wish = wish_of(call)
    try:
        begun = journal.begin(wish)
    except StoreError as exc:
        raise failed(exc) from exc
    take_up(call, begun)
    return begun


def failed(exc: StoreError) -> JournalError:
    """Make the error of a call that could not be recorded first."""
    return JournalError(f"the journal must record it first, and failed: {exc}")


def _began(call: Call, begun: Begun | Exception) -> Begun | Exception:
    if isinstance(begun, StoreError):
        error = failed(begun)
        error.__cause__ = begun
        return error
    if isinstance(begun, Exception):
        return begun
    try:
        take_up(call, begun)
    except Exception as exc:  # noqa: BLE001 -- each has its own
        return exc
    return begun


def record(call: Call, response: Response | None) -> None:
    """
    Record how *call* went. If that fails, the caller gets the answer anyway.
    """
    journal: Journal = call.terms.journal
    try:
        journal.end(end_of(call, response))
    except Exception as exc:  # noqa: BLE001 -- the answer goes before it
        unrecorded(call, exc)
    else:
        recorded(call)


@attrs.frozen
class Errand:
    """A call that is to be claimed, or one that has *ended*."""

    call: Call
    response: Response | None = attrs.field(default=None, kw_only=True)
    ended: bool = attrs.field(default=False, kw_only=True)
    # Of the task: a thread serves many, and what users wrote may look at it.
    context: contextvars.Context = attrs.field(
        factory=contextvars.copy_context, init=False
    )


def do_all(errands: Sequence[Errand]) -> list[Begun | BaseException | None]:
    """
    Claim and record for calls of one journal, with one sync.

    Gives each call that is to be claimed what to do, or why nothing is.
    """
    journal: Journal = errands[0].call.terms.journal
    told: list[Begun | BaseException | None] = [None] * len(errands)
    ends: dict[int, End] = {}
    wishes: dict[int, Wish] = {}
    for at, errand in enumerate(errands):
        try:
            if errand.ended:
                ends[at] = end_of(errand.call, errand.response)
            else:
                wishes[at] = errand.context.run(wish_of, errand.call)
        except BaseException as exc:  # noqa: BLE001 -- each has its own
            if errand.ended:
                unrecorded(errand.call, exc)
            else:
                told[at] = exc
    errors: Sequence[Exception | None]
    begun: Sequence[Begun | Exception]
    try:
        errors, begun = journal.do_all([*ends.values()], [*wishes.values()])
    except Exception as exc:  # noqa: BLE001 -- an answer goes before it
        if len(errands) > 1:
            # Nothing was done. An error carries one report, so each gets its
            # own.
            return [told for one in errands for told in do_all([one])]
        errors, begun = [exc] * len(ends), [exc] * len(wishes)
    for at, error in zip(ends, errors, strict=True):
        if error is None:
            recorded(errands[at].call)
        else:
            errands[at].context.run(unrecorded, errands[at].call, error)
    for at, one in zip(wishes, begun, strict=True):
        told[at] = _began(errands[at].call, one)
    return told
