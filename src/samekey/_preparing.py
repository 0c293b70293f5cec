"""
What stands before the first send: the body, the key's place, and whether it
may be sent at all.
"""

from __future__ import annotations

import math

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from samekey._call import Call
from samekey._effects import Claim, Effect, Freeze, Record, Sleep
from samekey._ending import attach, never_began
from samekey._library import Response
from samekey._placing import accompany, place
from samekey._policy import MIN_LEFT
from samekey._report import Outcome
from samekey.errors import BodyNotReplayable, InvalidKey, OperationBusy


if TYPE_CHECKING:
    from samekey._intent import Begun


MAX_BODY = 8 * 1024 * 1024


def prepared(call: Call) -> Generator[Effect, Any, Response | None]:
    """
    Do what stands before the first send; give the answer that is recorded.

    Raises:
        SamekeyError: If nothing may be sent.
    """
    takes_time = call.freezes or call.terms.journal is not None
    given = yield from _made_ready(call)
    if takes_time and given is None and not call.hopping:
        yield from _check_time(call)
    return given


def _made_ready(call: Call) -> Generator[Effect, Any, Response | None]:
    if call.freezes:
        yield from _frozen(call)
    if call.hopping:
        return None
    if call.in_header and call.indirect:
        if call.said is None and callable(call.terms.fingerprint):
            call.said = call.terms.fingerprint(call.request)
        place(call)
    if call.terms.journal is not None and _is_journaled(call):
        begun = yield from _claimed(call)
        if begun.step == "give":
            # It loads sqlite3; most calls have no journal.
            from samekey._claiming import given  # noqa: PLC0415

            return given(call, begun)
    elif call.operation is not None or call.theirs:
        _admit(call)
    if call.placed is not None and call.profile.companions:
        accompany(call)
    return None


def _check_time(call: Call) -> Generator[Effect, Any, None]:
    """
    Check that what stood before the first send has left some time for it.

    Raises:
        GaveUp: If it has not.
    """
    deadline, started = call.deadline, call.started
    if deadline is None:
        return
    left = deadline - call.terms.time.clock()
    # A deadline that is shorter than the least still has a first send.
    if left >= min(MIN_LEFT, (deadline - started) / 2):
        return
    begun = call.begun_as
    if begun is not None:
        if begun.before is None:
            call.outcome = Outcome.NOT_EXECUTED
            yield from record(call, None)
        # Else it stays as it was before.
        call.terms.journal.let_go(begun)
    raise never_began(call)


def _admit(call: Call) -> None:
    # Loaded where something is named; most calls name nothing.
    from samekey._admission import admit  # noqa: PLC0415

    admit(call)


def _frozen(call: Call) -> Generator[Effect, Any, None]:
    if call.spoiled:
        msg = (
            "the body is being read by another send, or broke while it was"
            " read: what is left is not it"
        )
        raise BodyNotReplayable(msg)
    try:
        yield Freeze(MAX_BODY)
    except BaseException as exc:
        call.spoiled = True
        call.outcome = Outcome.NOT_EXECUTED
        attach(call, exc)
        raise
    call.freezes = False


def _is_journaled(call: Call) -> bool:
    if call.key is None:
        if call.operation is not None and call.guarded:
            msg = (
                "an operation must have a key to be recorded in the journal,"
                f" and by the profile {call.profile.called} the API takes"
                " none; nothing was sent."
                " Leave the operation id out, or use a client without journal="
            )
            raise InvalidKey(msg)
        return False
    every: bool = call.terms.journal.journal_all
    return every or call.operation is not None


POLL = 0.25
"""How often a journal is asked whether another worker is done, in seconds."""


def _claimed(call: Call) -> Generator[Effect, Any, Begun]:
    """
    Put it on disk before its first byte leaves, or learn how it went.

    Raises:
        OperationBusy: If another worker is on it.
    """
    while True:
        try:
            begun: Begun = yield Claim()
        except BaseException:
            # Cancelled, perhaps, while its thread goes on and claims it.
            call.left = True
            if call.begun_as is not None:
                call.terms.journal.let_go(call.begun_as)
            raise
        if begun.step != "busy":
            return begun
        left = math.inf
        if call.deadline is not None:
            left = call.deadline - call.terms.time.clock() - MIN_LEFT
        if call.terms.journal.busy == "raise" or left <= 0:
            raise _busy(begun)
        yield Sleep(min(POLL, left))


def record(
    call: Call, response: Response | None
) -> Generator[Effect, Any, None]:
    """Record how it went."""
    try:
        yield Record(response)
    except BaseException:
        # Cancelled, perhaps, while its thread goes on and records it.
        call.left = True
        raise


def _busy(begun: Begun) -> OperationBusy:
    msg = (
        f"another worker ({begun.record.owner}) is on this operation; nothing"
        " was sent"
    )
    return OperationBusy(msg, begun.kept.previous(begun.record.key))
