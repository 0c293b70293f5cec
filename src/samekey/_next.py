"""
What happens after an attempt that did not settle it: resend, or stop and why.

The rules are asked in order: is a retry wanted; is a resend safe; is there an
attempt, time, retention and budget left. The budget comes last, since asking
it takes a token.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._hints import LONGEST_HINT, rate_limit, retry_after, should_retry
from samekey._library import Response, content_of
from samekey._names import IDEMPOTENT_METHODS
from samekey._policy import MIN_LEFT
from samekey._report import Verdict
from samekey._strategies import StrategyCaller
from samekey._verdict import Evidence
from samekey._waits import default_wait, poll_floor
from samekey.errors import Reason


# Python 3.11 takes some 70 ns to read a member from its class.
_NOT_SENT = Verdict.NOT_SENT
_UNKNOWN = Verdict.UNKNOWN


SLIP = 0.001
"""How much less than the least may be left after a wait, in seconds."""


class Stop:
    """It ends here, because of *reason*."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def next_step(  # noqa: C901, PLR0911 -- one for each reason
    call: Call,
    evidence: Evidence,
    response: Response | None,
    failure: Exception | None,
) -> float | Stop:
    """Decide what follows an attempt: a send in so many seconds, or none."""
    policy, profile, terms = call.policy, call.profile, call.terms
    wanted = evidence.status in policy.retried
    if (
        evidence.reuse
        or evidence.replayed
        or evidence.done
        or profile.particular
    ):
        closed = _closed(call, evidence)
        # A lost 2xx is settled, whatever it hints at.
        told = response is not None and not evidence.lost
        if closed is None and told and profile.hints:
            assert response is not None
            # What the server asks for goes before what the status means.
            hint = should_retry(profile.hints, response.headers)
            wanted = wanted or hint is True
            closed = "hint" if hint is False else None
        if closed is not None:
            return Stop(closed)
    strategies: StrategyCaller | None = None
    if policy.retry is not None or policy.wait is not None:
        strategies = call.strategies
        if strategies is None:
            strategies = call.strategies = StrategyCaller(call.started)
        strategies.show(
            call.counted or 1,
            evidence.ended,
            response if failure is None else failure,
        )
    unwanted = None if wanted else _unwanted(call, evidence, failure)
    if unwanted is not None and not (
        strategies is not None
        and policy.retry is not None
        and not evidence.replayed
        and strategies.wants_retry(policy)
    ):
        return Stop(unwanted)
    unsafe = _unsafe(call, evidence)
    if unsafe is not None:
        return Stop(unsafe)
    in_flight = evidence.in_flight
    if call.counted >= policy.attempts and not in_flight:
        return Stop("attempts")
    seconds = _wait(call, evidence, response, strategies)
    call.decided = now = terms.time.clock()
    late = _too_late(call, evidence, seconds, now + seconds)
    if late is not None:
        return Stop(late)
    if not (in_flight or terms.budget.spend(call._origin or call.origin)):
        return Stop("budget")
    if strategies is not None:
        strategies.will_sleep(seconds)
    call.waited = seconds
    return seconds


def _closed(call: Call, evidence: Evidence) -> Reason | None:
    """Tell why not even `retry=` may ask again."""
    if evidence.reuse:
        return "key_reuse"
    if evidence.done:
        return "status"
    status = evidence.status
    profile = call.profile
    if (
        status is not None
        and status >= 500
        and (
            evidence.replayed
            or (profile.after_5xx == "replays" and _repeats(call, evidence))
        )
    ):
        return "replayed_error"
    if evidence.in_flight and profile.after_5xx == "locks":
        past = call.past
        return "locked" if past is not None and past.failed else None
    return None


def _repeats(call: Call, evidence: Evidence) -> bool:
    """
    Tell whether an API that marks no replays has given one.

    The first error may come from before the key was looked up.
    """
    before = call.attempts
    if not before or call.profile.replay or evidence.store_down:
        return False
    return before[-1].status == evidence.status


def _unwanted(
    call: Call, evidence: Evidence, failure: Exception | None
) -> Reason | None:
    """Tell why not, where the status does not ask for a resend."""
    if evidence.verdict is _NOT_SENT:
        refused = evidence.refused or isinstance(
            failure, call.library.UnsupportedProtocol
        )
        return "request" if refused else None
    if evidence.verdict is _UNKNOWN:
        return None
    return None if evidence.in_flight or evidence.lost else "status"


def _unsafe(call: Call, evidence: Evidence) -> Reason | None:
    if evidence.verdict is not _NOT_SENT:
        keyed = call.key is not None and not call.bare
        # A hop of a redirect may have another method.
        if call.guarded or not (
            keyed or call.request.method in IDEMPOTENT_METHODS
        ):
            return "unkeyed"
        if keyed and not call.vouched():
            return "unvouched"
    return None if call.replayable else "body"


def _wait(
    call: Call,
    evidence: Evidence,
    response: Response | None,
    strategies: StrategyCaller | None,
) -> float:
    terms = call.terms
    if evidence.in_flight:
        seconds = poll_floor(call.polls - 1)
    elif strategies is not None and call.policy.wait is not None:
        seconds = strategies.wait(call.policy)
    else:
        seconds = default_wait(evidence, call.counted, terms.random)
    profile = call.profile
    if profile.min_retry_delay > seconds and not (
        call.key is None or evidence.verdict is _NOT_SENT
    ):
        seconds = profile.min_retry_delay
    if response is None or not evidence.telling:
        return seconds
    now = terms.time.wall()
    evidence.asked = retry_after(response.headers, now)
    if profile.hints and evidence.status == 429:
        evidence.asked = max(
            evidence.asked, rate_limit(profile.hints, response.headers, now)
        )
    return max(seconds, evidence.asked)


def _too_late(
    call: Call, evidence: Evidence, seconds: float, due: float
) -> Reason | None:
    deadline = call.deadline
    if (
        seconds > LONGEST_HINT
        if deadline is None
        else due + MIN_LEFT > deadline
    ):
        return "in_flight" if evidence.in_flight else "deadline"
    if call.key is None or call.first_sent is None:
        return None
    # As Call.age and Call.retention, of which this is nearly every use.
    terms = call.terms
    retention = terms.retention
    if retention is None:
        retention = call.profile.memory
    if (
        due - call.first_sent >= retention
        or terms.time.wall() + seconds - call.first_sent_wall >= retention
    ):
        return "retention"
    return None


def overslept(
    call: Call, evidence: Evidence, response: Response | None, now: float
) -> Stop | None:
    """
    Tell whether it is too late for the next attempt, that is due *now*.

    Draining and sleeping may have taken longer than was asked for.
    """
    deadline = call.deadline
    if deadline is None or deadline - now >= MIN_LEFT - SLIP:
        return None
    # What was drained cannot be handed out to be read.
    if response is not None and (call.unread or content_of(response) is None):
        evidence.lost = True
    return Stop("in_flight" if evidence.in_flight else "deadline")
