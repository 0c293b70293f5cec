"""
What happens after an attempt that did not settle it: resend, or stop and why.

The rules are asked in order: is a retry wanted; is a resend safe; is there an
attempt, time, retention and budget left. The budget comes last, since asking
it takes a token.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._library import Response
from samekey._outcome import IDEMPOTENT_METHODS
from samekey._policy import MIN_LEFT
from samekey._report import Verdict
from samekey._verdict import Evidence
from samekey._waits import (
    LONGEST_HINT,
    StrategyCaller,
    default_wait,
    poll_floor,
    retry_after,
)
from samekey.errors import Reason


class Resend:
    """Send once more, after *seconds*."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


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
) -> Resend | Stop:
    """Decide what follows an attempt."""
    if evidence.reuse:
        return Stop("key_reuse")
    # Not even `retry=` may ask again after these two.
    if evidence.replayed and (evidence.status or 0) >= 500:
        return Stop("replayed_error")
    policy = call.policy
    strategies: StrategyCaller | None = None
    if policy.retry is not None or policy.wait is not None:
        strategies = call.strategies
        if strategies is None:
            strategies = call.strategies = StrategyCaller(call.started)
        strategies.show(
            max(1, call.counted),
            evidence.ended,
            response if failure is None else failure,
        )
    unwanted = _unwanted(call, evidence, failure)
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
    if not evidence.in_flight and call.counted >= policy.attempts:
        return Stop("attempts")
    seconds = _wait(call, evidence, response, strategies)
    late = _too_late(call, evidence, seconds)
    if late is not None:
        return Stop(late)
    if not evidence.in_flight and not call.terms.budget.spend(call.origin):
        return Stop("budget")
    if strategies is not None:
        strategies.will_sleep(seconds)
    return Resend(seconds)


def _unwanted(
    call: Call, evidence: Evidence, failure: Exception | None
) -> Reason | None:
    if evidence.verdict is Verdict.NOT_SENT:
        refused = evidence.refused or isinstance(
            failure, call.library.UnsupportedProtocol
        )
        return "request" if refused else None
    if evidence.verdict is Verdict.UNKNOWN:
        return None
    if evidence.in_flight or evidence.lost:
        return None
    return None if evidence.status in call.policy.retried else "status"


def _unsafe(call: Call, evidence: Evidence) -> Reason | None:
    if evidence.verdict is not Verdict.NOT_SENT:
        keyed = call.key is not None and not call.bare
        # A hop of a redirect may have another method.
        safe = keyed or call.request.method in IDEMPOTENT_METHODS
        if call.guarded or not safe:
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
    if response is None or not evidence.telling:
        return seconds
    evidence.asked = retry_after(response.headers, terms.wall())
    return max(seconds, evidence.asked)


def _too_late(call: Call, evidence: Evidence, seconds: float) -> Reason | None:
    terms = call.terms
    deadline = call.deadline
    at = terms.clock() + seconds
    if (
        at + MIN_LEFT > deadline
        if deadline is not None
        else (seconds > LONGEST_HINT)
    ):
        return "in_flight" if evidence.in_flight else "deadline"
    if call.key is not None and call.age(at) >= terms.retention:
        return "retention"
    return None
