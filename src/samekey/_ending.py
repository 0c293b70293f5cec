"""
How the caller learns the outcome: a response, an error of ours, or theirs.
"""

from __future__ import annotations

from typing import Any

from samekey import _log
from samekey._call import Call
from samekey._library import Response
from samekey._names import EXTENSION
from samekey._notes import blend, note, passing_note
from samekey._outcome import Told
from samekey._policy import DOUBTFUL_STATUSES, RETRIED_STATUSES
from samekey._redirects import disarm
from samekey._report import Outcome, Report, Verdict
from samekey._verdict import judge
from samekey.errors import (
    AnswerLost,
    GaveUp,
    InDoubt,
    KeyReused,
    NotExecuted,
    Reason,
    build,
)


def settle(
    call: Call,
    response: Response | None,
    failure: Exception | None,
    reason: Reason,
) -> Response:
    """
    End an operation by the row of the table that holds.

    Raises:
        GaveUp: If there is no answer to hand out.

        KeyReused: If the server took the key for another payload's.
    """
    evidence = call.evidence
    assert evidence is not None
    row = call.row()
    call.outcome = row.outcome
    call.finish()
    told = row.told
    if told is Told.RETURNED and evidence.lost:
        answered = row.outcome is Outcome.ANSWERED
        told = Told.ANSWER_LOST if answered else Told.NOT_EXECUTED
    if _hands_out(call, told, response, lost=evidence.lost):
        if failure is not None:
            # A response hook raised for this status.
            attach(call, failure)
            raise failure
        assert response is not None
        if row.outcome is not Outcome.ANSWERED:
            _log.gave_up(call, evidence, reason, _SAID[told])
        if response.status_code not in RETRIED_STATUSES:
            call.terms.budget.succeeded(call.url)
        disarm(call, response)
        response.extensions[EXTENSION] = call
        return response
    _log.gave_up(call, evidence, reason, _SAID[told])
    if told is Told.KEY_REUSED:
        raise _reused(call, response)
    raise _gave_up(call, told, response, failure, reason)


def _hands_out(
    call: Call, told: Told, response: Response | None, *, lost: bool
) -> bool:
    if response is None or lost:
        return False
    evidence = call.evidence
    assert evidence is not None
    if told is Told.RETURNED:
        return True
    if told is Told.KEY_REUSED:
        # Below an SDK the answer is the SDK's to read.
        return call.is_transport
    return (
        told is Told.IN_DOUBT
        and call.returns_doubt
        and not evidence.reuse
        and response.status_code in DOUBTFUL_STATUSES
    )


def _reused(call: Call, response: Response | None) -> KeyReused:
    status = None if response is None else response.status_code
    assert call.evidence is not None
    words = call.evidence.words
    said = "" if words is None else f': "{words}"'
    msg = (
        f"the server says that this key was used with another payload (status"
        f" {status}){said}; correct the request, or use another operation id"
    )
    exc = KeyReused(msg, call.report(), words)
    exc.response = response
    attach(call, exc)
    return exc


_TOLD: dict[Told, type[GaveUp]] = {
    Told.ANSWER_LOST: AnswerLost,
    Told.IN_DOUBT: InDoubt,
    Told.NOT_EXECUTED: NotExecuted,
}

_SAID = {
    Told.RETURNED: "it was not executed",
    Told.ANSWER_LOST: "the server settled it, but its answer was lost",
    Told.IN_DOUBT: "it may have been executed, or may not",
    Told.NOT_EXECUTED: "it was not executed",
    Told.KEY_REUSED: "its key was used with another payload",
}


def _gave_up(
    call: Call,
    told: Told,
    response: Response | None,
    failure: Exception | None,
    reason: Reason,
) -> GaveUp:
    plain = _TOLD[told]
    evidence = call.evidence
    assert evidence is not None
    report = call.report()
    # What is in doubt shows the latest doubtful attempt, never a later 4xx.
    shown: object = failure if failure is not None else response
    if plain is InDoubt and call.doubt is not None:
        shown = call.doubt
    cause = shown if isinstance(shown, BaseException) else failure
    library = call.library
    other: type[BaseException]
    if isinstance(shown, BaseException):
        other = type(shown)
    elif call.is_transport:
        other = library.TransportError
    else:
        other = library.HTTPStatusError
    msg = f"{call.method} to {call.url.host}: {_SAID[told]} ({_last(call)})"
    exc = build(
        blend(plain, other, library.TransportError),
        msg,
        report,
        reason,
    )
    named = call.theirs or call.operation is not None
    exc.add_note(
        note(plain, report, reason, asked=evidence.asked, named=named)
    )
    exc.request = call.request
    if plain is not InDoubt:
        exc.response = response
    elif not isinstance(shown, BaseException):
        exc.response = shown
    exc.__cause__ = cause
    if evidence.reuse:
        exc.__cause__ = _reused(call, response)
    attach(call, exc)
    return exc


def never_began(call: Call) -> GaveUp:
    """
    End an operation whose time was over before its first send.

    Reading its body or asking the journal has taken that.
    """
    row = call.row_unsent()
    told, call.outcome = row.told, row.outcome
    _log.never_began(call, _SAID[told])
    kind = call.library.TransportError
    msg = (
        f"{call.method} to {call.url.host}: {_SAID[told]} (no time was left"
        " for its first send; nothing was sent)"
    )
    report = call.report()
    exc = build(blend(_TOLD[told], kind, kind), msg, report, "deadline")
    named = call.theirs or call.operation is not None
    exc.add_note(note(_TOLD[told], report, "deadline", named=named))
    exc.request = call.request
    attach(call, exc)
    return exc


def _last(call: Call) -> str:
    evidence = call.evidence
    assert evidence is not None
    if evidence.error is not None:
        return evidence.error
    return f"status {evidence.status}"


_ATTRIBUTE = "_samekey_call"


def attach(call: Call, exc: BaseException) -> None:
    """Attach the operation to *exc*, where `report` finds it."""
    # The exception may be anybody's, and may refuse plain assignment.
    BaseException.__setattr__(exc, _ATTRIBUTE, call)


def leave(call: Call, exc: BaseException) -> None:
    """Note that an operation is left through *exc*, which is not ours."""
    evidence = call.evidence
    if evidence is None:  # it was cut off just before its first send
        call.withdraw()
        attach(call, exc)
        return
    if evidence.ended == 0:
        evidence.ended = call.terms.time.clock()
        evidence.error = type(exc).__name__
        evidence.verdict = judge(evidence, exc, call.library, call.method)
        if evidence.sends == 0 and call.client is not None and _refuses(call):
            evidence.verdict = Verdict.NOT_SENT
        if evidence.doubtful:
            call.doubt = exc
    call.outcome = call.row().outcome
    call.finish()
    attach(call, exc)
    notes = getattr(exc, "__notes__", None)
    if isinstance(notes, list):
        # One exception object may be raised for many calls, as by a mock.
        notes[:] = [n for n in notes if not str(n).startswith("samekey: ")]
    exc.add_note(passing_note(call.report()))


def _refuses(call: Call) -> bool:
    """Tell whether the client asks no transport, as things are."""
    client, library = call.client, call.library
    own = library.SyncByteStream
    if isinstance(client, library.AsyncClient):
        own = library.AsyncByteStream
    return client.is_closed or not isinstance(call.request.stream, own)


def carried_by(value: Any) -> Call | None:
    """Find the operation that a response or an exception carries."""
    found: object = None
    if not isinstance(value, BaseException):
        found = getattr(value, "extensions", {}).get(EXTENSION)
        return found if isinstance(found, Call) else None
    found = value.__dict__.get(_ATTRIBUTE)
    if isinstance(found, Call):
        return found
    if isinstance(value, TimeoutError):
        # As a timeout around the call raises it, out of the cancellation.
        for inner in (value.__cause__, value.__context__):
            behind = None if inner is None else carried_by(inner)
            if behind is not None:
                return behind
    # As raise_for_status() raises it, or a decoder above our streams.
    for name in ("response", "_request"):
        behind = value.__dict__.get(name)
        if behind is not None and not isinstance(behind, BaseException):
            return carried_by(behind)
    return None


def report(value: object) -> Report:
    """
    Tell what is known of the operation behind *value*.

    Args:
        value: A response that a wrapped client or transport returned, or an
            exception that left one.

    Raises:
        LookupError: If *value* carries no operation.
    """
    own = getattr(value, "report", None)
    if isinstance(value, (GaveUp, KeyReused)) and isinstance(own, Report):
        return own
    call = carried_by(value)
    if call is None:
        msg = f"no operation of samekey is behind this {type(value).__name__}"
        raise LookupError(msg)
    if call.outcome is Outcome.ANSWERED and not isinstance(
        value, BaseException
    ):
        response: Any = value
        call.note_replay(response.headers)
    return call.report()
