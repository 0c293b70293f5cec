"""
What may be shown of an event, under names that all back ends share.
"""

from __future__ import annotations

from typing import cast

from samekey._report import Attempt, Outcome, key_hint
from samekey.hooks import About, AttemptEnded, OperationEnded, RetryPlanned


# Those of RFC 9110, of RFC 5789, and QUERY.
METHODS = frozenset(
    {
        "CONNECT",
        "DELETE",
        "GET",
        "HEAD",
        "OPTIONS",
        "PATCH",
        "POST",
        "PUT",
        "QUERY",
        "TRACE",
    }
)


def method_of(about: About) -> str:
    """Give the method, or `_OTHER`: whoever invents methods adds no label."""
    return about.method if about.method in METHODS else "_OTHER"


def operation_of(about: About) -> str | None:
    """Write the operation id, if it has one."""
    operation = about.operation
    if operation is None or isinstance(operation, str):
        return operation
    if isinstance(operation, tuple):
        return "/".join(map(str, cast("tuple[object, ...]", operation)))
    return str(operation)


def trouble_of(event: OperationEnded) -> str | None:
    """Name what went wrong: what is raised, or an outcome that settles nothing."""
    if event.error is not None:
        return event.error
    outcome = event.report.outcome
    return None if outcome is Outcome.ANSWERED else str(outcome)


def facts_of(
    event: AttemptEnded | RetryPlanned | OperationEnded,
    *,
    operation_ids: bool,
) -> dict[str, object]:
    """Tell of an event in values that can be written anywhere."""
    about = event.about
    facts: dict[str, object] = {
        "key": key_hint(about.key),
        "method": about.method,
        "host": about.host,
        "profile": about.profile,
    }
    if operation_ids:
        facts["operation"] = operation_of(about)
    if isinstance(event, OperationEnded):
        _tell_outcome(facts, event)
    else:
        _tell_attempt(facts, event.attempt)
        if isinstance(event, RetryPlanned):
            facts["wait"] = event.wait
            facts["poll"] = event.poll
    return facts


def _tell_attempt(facts: dict[str, object], attempt: Attempt) -> None:
    facts["attempt"] = attempt.number
    facts["verdict"] = str(attempt.verdict)
    facts["status"] = attempt.status
    facts["error"] = attempt.error
    facts["elapsed"] = attempt.elapsed


def _tell_outcome(facts: dict[str, object], event: OperationEnded) -> None:
    report = event.report
    attempts = event.attempts
    facts["outcome"] = str(report.outcome)
    facts["reason"] = event.reason
    facts["error"] = event.error
    facts["attempts"] = len(report.attempts)
    facts["status"] = report.attempts[-1].status if report.attempts else None
    facts["elapsed"] = (
        attempts[-1].started + attempts[-1].elapsed - attempts[0].started
        if attempts
        else 0.0
    )
    facts["replayed"] = report.replayed
