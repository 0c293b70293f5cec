"""
What is recorded of how a call went.
"""

from __future__ import annotations

import contextlib

import attrs

from samekey import _log
from samekey._call import Call
from samekey._headers import pairs
from samekey._intent import Begun, End, is_success
from samekey._kept import Kept
from samekey._library import Response, content_of
from samekey._message import Message
from samekey._outcome import Told
from samekey._redaction import REDACTED, redact
from samekey._report import Outcome, Report
from samekey.journal import Journal
from samekey.stores import LateOwner


def end_of(call: Call, response: Response | None) -> End:
    """Say how *call* went."""
    begun = call.begun_as
    assert begun is not None
    return End(
        begun=begun,
        state=str(call.outcome),
        kept=_outcome(call, response, begun),
        now=call.terms.time.wall(),
    )


def recorded(call: Call) -> None:
    """Note that the journal knows how *call* went, up to now."""
    now = 0 if call.evidence is None else 1
    call.recorded = len(call.attempts or ()) + now


def unrecorded(call: Call, error: BaseException) -> None:
    """Note why it is not recorded how *call* went, and let go of it."""
    assert call.begun_as is not None
    call.terms.journal.let_go(call.begun_as)
    if isinstance(error, LateOwner):
        why = "another worker had taken it over"
    else:
        why = f"the journal failed: {error}"
    call.unrecorded = why
    call.forget_report()
    with contextlib.suppress(Exception):  # the answer goes before it
        _log.unrecorded(call, why)


def _outcome(call: Call, response: Response | None, begun: Begun) -> Kept:
    """Make what is kept of how *call* went."""
    before = begun.kept
    in_doubt = call.outcome is Outcome.IN_DOUBT
    return before.ended(
        report=_joined(call, before.report),
        answer=_answer(call, call.terms.journal, response, before.answer),
        retention=call.retention,
        request=before.request if in_doubt else None,
    )


def _joined(call: Call, before: Report | None) -> Report:
    """Give the report with the attempts that others have recorded."""
    report = call.report()
    if before is None and not (call.before or call.recorded):
        return report
    new = report.attempts[len(call.before) + call.recorded :]
    old = () if before is None else before.attempts
    return attrs.evolve(
        report,
        attempts=tuple(
            attrs.evolve(one, number=number)
            for number, one in enumerate((*old, *new), start=1)
        ),
    )


def _answer(
    call: Call,
    journal: Journal,
    response: Response | None,
    before: Message | None,
) -> Message | None:
    """Give what is kept of the answer; *before* is what was, until now."""
    if call.outcome is not Outcome.ANSWERED:
        return None
    evidence = call.begun()
    if (
        response is None
        or evidence.lost
        or not (evidence.settled or call.row().told is not Told.ANSWER_LOST)
    ):
        return _status_only(call, before)
    body: bytes | None = None
    headers: list[tuple[str, str]] = []
    redacted = False
    if journal.remember != "outcome":
        headers = [
            pair
            for pair in pairs(response.headers)
            if pair[0] not in _NOT_KEPT
        ]
        body = call.seen if call.unread else content_of(response)
        if body is not None and len(body) > journal.max_answer:
            body = None
        if body is not None:
            body, redacted = redact(body, journal.redact)
            if redacted and body == REDACTED.encode():
                body = None  # of which nothing is left to be given
    return Message(
        status=response.status_code,
        headers=tuple(headers),
        body=body,
        redacted=redacted,
    )


def _status_only(call: Call, before: Message | None) -> Message | None:
    """
    Give the status of an answer that was lost, or did not hold its promise.

    A 2xx that was ever seen has settled it, whatever came after.
    """
    seen = [one.status for one in (*(call.attempts or ()), call.begun())]
    settled = [status for status in seen if is_success(status)]
    if settled:
        return Message(status=settled[-1])
    if before is not None and is_success(before.status):
        return before
    return Message(status=seen[-1])


_NOT_KEPT = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "set-cookie",
        "transfer-encoding",
    }
)
"""Credentials, and what is said of bytes that are kept as they read."""
