"""
The straight way: what nearly every call takes, without the generator.

Nothing stands before its sends, and the head of each answer is all that is
decided on. A driver asks these functions in turn; as soon as one does not
know, `exchange` goes on from there. The rules are the same, and stand in the
same places: only what asks them is shorter.

    begins  { send  settles  read?  answered  resends  drain  sleep?  resumes }*
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
        call.begin(call.terms.time.clock())
        return True
    # The same, where nothing went before: it begins as it was opened.
    evidence = call.evidence = Evidence()
    evidence.started = call.first_sent = call.started
    call.first_sent_wall = call.terms.time.wall()
    call.counted = 1
    return True


def settles(call: Call, response: Response) -> bool:
    """Tell whether an answer is a 2xx: then its body is read at once."""
    evidence = call.evidence
    assert evidence is not None
    evidence.status = status = response.status_code
    if not 200 <= status < 300:
        return False
    if not call.unread:
        evidence.reading = True
    return True


def answered(call: Call, response: Response) -> Response:
    """
    Give a 2xx: nearly every call.

    It is the first row of the table, without the table.
    """
    evidence = call.evidence
    assert evidence is not None
    evidence.ended = call.terms.time.clock()
    call.outcome = _ANSWERED
    call.release()
    # The origin, where a resend has asked for it already.
    call.terms.budget.succeeded(call._origin or call.url)
    response.extensions[EXTENSION] = call
    return response


def resends(call: Call, response: Response) -> float | Stop | None:
    """
    Decide on an answer that is none of those that settle a call.

    Gives what `next_step` does; None if it takes more than the head.
    """
    evidence = call.evidence
    assert evidence is not None
    status = evidence.status
    if status not in call.policy.retried or status in call.profile.listed:
        return None
    evidence.ended = call.terms.time.clock()
    look_at_head(call, evidence, response)
    count(call, evidence, response)
    step = next_step(call, evidence, response, None)
    if not isinstance(step, Stop):
        _log.retry(call, evidence, step)
    return step


def resumes(call: Call, response: Response) -> Stop | None:
    """Begin one more attempt, if there is still time for it."""
    evidence = call.evidence
    assert evidence is not None
    now = call.terms.time.clock()
    late = overslept(call, evidence, response, now)
    if late is None:
        call.begin(now)
    return late
