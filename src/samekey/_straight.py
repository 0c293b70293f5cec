"""
The straight way: what nearly every call takes, without the generator.

Nothing stands before its sends, and the head of each answer is all that is
decided on. A driver asks these functions in turn; as soon as one does not
know, `exchange` goes on from there. The rules are the same, and stand in the
same places: only what asks them is shorter.

    begins  { send  reads?  answered  resends  drain  plans  sleep?  resumes }*
"""

from __future__ import annotations

from samekey import _log
from samekey._call import Call
from samekey._library import Response
from samekey._names import EXTENSION
from samekey._next import Stop, next_step, overslept
from samekey._report import Outcome
from samekey._understanding import count, look_at_head
from samekey._verdict import Evidence


# Python 3.11 takes some 70 ns to read a member from its class.
_ANSWERED = Outcome.ANSWERED


def begins(call: Call) -> bool:
    """Begin the first attempt, if nothing stands before its send."""
    if (
        call.freezes
        or call.indirect
        or call.follows
        or call.operation is not None
        or call.theirs
        or call.policy.retry is not None
    ):
        return False
    if call.evidence is not None or call.first_sent is not None:
        call.begin(call.terms.clock())
        return True
    # The same, where nothing went before: it begins as it was opened.
    evidence = call.evidence = Evidence()
    evidence.started = call.first_sent = call.started
    call.first_sent_wall = call.terms.wall()
    call.counted = 1
    return True


def reads(call: Call, response: Response) -> bool:
    """Tell whether the unread body of an answer is read at once."""
    status = response.status_code
    if not 200 <= status < 300:
        return False
    evidence = call.evidence
    assert evidence is not None
    evidence.status = status
    evidence.reading = True
    return True


def answered(call: Call, response: Response) -> bool:
    """
    Settle a 2xx: nearly every call.

    It is the first row of the table, without the table.
    """
    status = response.status_code
    if not 200 <= status < 300:
        return False
    evidence = call.evidence
    assert evidence is not None
    evidence.status = status
    evidence.ended = call.terms.clock()
    call.outcome = _ANSWERED
    call.release()
    # The origin, where a resend has asked for it already.
    call.terms.budget.succeeded(call._origin or call.url)
    response.extensions[EXTENSION] = call
    return True


def resends(call: Call, response: Response) -> float | Stop | None:
    """
    Decide on an answer that is none of those that settle a call.

    Gives what `next_step` does; None if it takes more than the head.
    """
    status = response.status_code
    if status not in call.policy.retried or status in call.profile.listed:
        return None
    evidence = call.evidence
    assert evidence is not None
    evidence.status = status
    evidence.ended = call.terms.clock()
    look_at_head(call, evidence, response)
    count(call, evidence, response)
    return next_step(call, evidence, response, None)


def plans(call: Call, seconds: float) -> None:
    """Note that it is sent once more, after *seconds*."""
    assert call.evidence is not None
    _log.retry(call, call.evidence, seconds)
    call.waited = seconds


def resumes(call: Call, response: Response) -> Stop | None:
    """Begin one more attempt, if there is still time for it."""
    evidence = call.evidence
    assert evidence is not None
    now = call.terms.clock()
    late = overslept(call, evidence, response, now)
    if late is None:
        call.begin(now)
    return late
