"""
Tells a client's hooks what happens to a call. Only called if there are any.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._report import Attempt
from samekey._verdict import Evidence
from samekey.hooks import (
    About,
    AttemptEnded,
    OperationEnded,
    RetryPlanned,
    tell,
)


def _about(call: Call) -> About:
    if call.about is not None:
        return call.about
    operation = call.operation
    call.about = About(
        key=call.key,
        operation=None if operation is None else operation.id,
        method=call.method,
        url=call.url,
        profile=call.profile.name,
    )
    return call.about


def _attempt(call: Call, evidence: Evidence) -> Attempt:
    terms = call.terms
    number = len(call.before) + len(call.attempts or ()) + 1
    return evidence.attempt(number, terms.time.wall() - terms.time.clock())


def attempted(call: Call, evidence: Evidence) -> None:
    """Tell that an attempt has ended."""
    event = AttemptEnded(about=_about(call), attempt=_attempt(call, evidence))
    call.heard = event.attempt.number
    tell(call.terms.hooks, event)


def retries(call: Call, evidence: Evidence, wait: float) -> None:
    """Tell that another attempt will be made."""
    event = RetryPlanned(
        about=_about(call),
        attempt=_attempt(call, evidence),
        wait=wait,
        poll=evidence.in_flight,
    )
    tell(call.terms.hooks, event)


def ended(
    call: Call, reason: str | None = None, exc: BaseException | None = None
) -> None:
    """Tell that an operation has its outcome, or was refused one."""
    evidence = call.evidence
    seen = len(call.before)
    earlier = max(seen, call.closed)
    if evidence is not None:
        seen += len(call.attempts or ()) + 1
    if evidence is not None and seen > call.heard:
        attempted(call, evidence)  # it was cut short
    report = call.report()
    event = OperationEnded(
        about=_about(call),
        report=report,
        reason=reason,
        error=None if exc is None else type(exc).__name__.partition("[")[0],
        # A journal's answer is that of attempts which others have made.
        earlier=earlier if call.from_journal is None else len(report.attempts),
    )
    call.closed = seen
    tell(call.terms.hooks, event)
