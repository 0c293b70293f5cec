"""
Between an operation and its journal: what is claimed, given and recorded.

These are the only functions that touch the journal's store while a call runs.
They block, so an async driver runs them in a thread.
"""

from __future__ import annotations

import contextvars
import datetime as dt

from collections.abc import Sequence
from typing import Any

import attrs

from samekey import _log
from samekey._admission import digest_of
from samekey._call import Call
from samekey._headers import pairs
from samekey._intent import (
    Begun,
    End,
    Intent,
    Wish,
    is_success,
    key_id,
    record_id,
)
from samekey._kept import Kept
from samekey._library import Response, content_of
from samekey._message import Message
from samekey._names import EXTENSION
from samekey._outcome import Past, Told
from samekey._placing import rekey
from samekey._reading import put_whole
from samekey._redaction import REDACTED, redact
from samekey._report import Outcome, Report
from samekey._unkept import unkept
from samekey.errors import JournalError
from samekey.journal import Journal
from samekey.stores import LateOwner, StoreError


SLACK = 30.0
"""How much longer than its deadline a call holds its lease, in seconds."""

ENDLESS = 600.0
"""The lease of a call without a deadline, in seconds."""


def claim(call: Call) -> Begun:
    """
    Put what *call* is about to do on disk, before its first byte.

    Raises:
        OperationChanged: If it was recorded with another request or key.

        KeyExpired: If the server may have forgotten its key.

        JournalError: If the store fails.
    """
    journal: Journal = call.terms.journal
    wish = _wish(call)
    try:
        begun = journal.begin(wish)
    except StoreError as exc:
        raise failed(exc) from exc
    _take_up(call, begun)
    return begun


def _wish(call: Call) -> Wish:
    terms = call.terms
    lease = ENDLESS
    if call.deadline is not None:
        lease = max(0.0, call.deadline - terms.time.clock()) + SLACK
    return Wish(intent=_intent(call), now=terms.time.wall(), lease=lease)


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
        _take_up(call, begun)
    except Exception as exc:  # noqa: BLE001 -- each has its own
        return exc
    return begun


def _intent(call: Call) -> Intent:
    operation = call.operation
    terms = call.terms
    key = call.key or ""
    named = operation is not None
    return Intent(
        id=key_id(key)
        if operation is None
        else record_id(operation, terms.namespace),
        key=key,
        theirs=call.theirs,
        fingerprint=terms.journal.fingerprint(digest_of(call)),
        named=named,
        force=operation is not None and operation.force,
        retention=call.retention,
        stated=terms.retention is not None
        or call.profile.retention.usable is not None,
        kept=Kept(
            operation=None if operation is None else operation.id,
            namespace=terms.namespace,
            generation=1 if operation is None else operation.generation,
            theirs=call.theirs,
            method=call.method,
            url=_plain_url(call.url),
            retention=call.retention,
            mark=terms.journal.mark,
            request=_request(call, terms.journal),
        ),
    )


def _plain_url(url: Any) -> str:
    if url.query or url.fragment or url.userinfo:
        # It parses the URL once more.
        url = url.copy_with(userinfo=b"", query=None, fragment=None)
    return str(url)


def _request(call: Call, journal: Journal) -> Message | None:
    if journal.remember != "request":
        return None
    request, placed = call.request, call.placed
    url, content = call.url, content_of(request) or b""
    if placed is not None and placed.given is not None:
        # As it was given: recovery puts the key there again, once
        # `fingerprint=` has looked at it.
        if placed.query:
            url = placed.given
        else:
            content = placed.given
    body, redacted = redact(content, journal.redact)
    scope = (name.lower() for name in call.profile.scope_headers)
    allowed = journal.headers.union(scope)
    return Message(
        method=call.method,
        url=str(url.copy_with(userinfo=b"")),
        headers=tuple(
            (name.lower(), value)
            for name, value in request.headers.multi_items()
            if name.lower() in allowed
        ),
        body=body,
        redacted=redacted,
    )


def _take_up(call: Call, begun: Begun) -> None:
    """Go on under the key, and with the past, that are recorded."""
    if begun.step != "send":
        return
    record = begun.record
    call.begun_as = begun
    if call.left:
        call.terms.journal.let_go(begun)
    call.claimed = 0
    if call.evidence is not None:
        call.claimed = len(call.attempts or ()) + 1
    elif begun.kept.report is not None:
        call.before = begun.kept.report.attempts
    if record.key != call.key:
        rekey(call, record.key)
    if begun.before is None:
        return
    call.first_sent_wall = record.created
    age = max(0.0, call.terms.time.wall() - record.created)
    call.first_sent = call.terms.time.clock() - age
    past = call.past = Past() if call.past is None else call.past
    past.remembered = True
    # One that died in the middle of it may have sent it.
    past.doubtful = past.doubtful or begun.before != Outcome.ANSWERED
    report, answer = begun.kept.report, begun.kept.answer
    if report is not None:
        statuses = [one.status for one in report.attempts]
        if answer is not None:
            statuses.append(answer.status)
        past.failed = any(status >= 500 for status in statuses if status)
        past.settled = any(map(is_success, statuses))


def given(call: Call, begun: Begun) -> Response:
    """Make the response out of an answer that is recorded."""
    kept = begun.kept
    # One that a person has resolved has no answer.
    answer = Message(status=200) if kept.answer is None else kept.answer
    call.key = begun.record.key
    call.from_journal = kept.report
    call.outcome = Outcome.ANSWERED
    library = call.library
    # A `Headers` finds out that it is UTF-8; text that it is given is ASCII.
    headers = [(n.encode(), value.encode()) for n, value in answer.headers]
    response: Any
    if answer.body is None:
        response = unkept(call, answer.status, headers)
    else:
        headers.append((b"content-length", b"%d" % len(answer.body)))
        response = library.Response(
            answer.status,
            headers=headers,
            stream=library.ByteStream(answer.body),
            request=call.request,
        )
    if call.client is not None:
        # Set by the client's own send, which is not asked here.
        response.default_encoding = getattr(
            call.client, "_default_encoding", response.default_encoding
        )
    if answer.body is not None and not call.unread:
        put_whole(library, response, answer.body)
    response.elapsed = dt.timedelta(0)
    response.extensions[EXTENSION] = call
    call.release()
    result: Response = response
    return result


def record(call: Call, response: Response | None) -> None:
    """
    Record how *call* went. If that fails, the caller gets the answer anyway.
    """
    journal: Journal = call.terms.journal
    try:
        journal.end(_end(call, response))
    except Exception as exc:  # noqa: BLE001 -- the answer goes before it
        unrecorded(call, exc)


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


def do_all(errands: Sequence[Errand]) -> list[Begun | Exception | None]:
    """
    Claim and record for calls of one journal, with one sync.

    Gives each call that is to be claimed what to do, or why nothing is.
    """
    journal: Journal = errands[0].call.terms.journal
    told: list[Begun | Exception | None] = [None] * len(errands)
    ends: dict[int, End] = {}
    wishes: dict[int, Wish] = {}
    for at, errand in enumerate(errands):
        try:
            if errand.ended:
                ends[at] = _end(errand.call, errand.response)
            else:
                wishes[at] = errand.context.run(_wish, errand.call)
        except Exception as exc:  # noqa: BLE001 -- each has its own
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
        if error is not None:
            errands[at].context.run(unrecorded, errands[at].call, error)
    for at, one in zip(wishes, begun, strict=True):
        told[at] = _began(errands[at].call, one)
    return told


def _end(call: Call, response: Response | None) -> End:
    begun = call.begun_as
    assert begun is not None
    return End(
        begun=begun,
        state=str(call.outcome),
        kept=_outcome(call, response, begun),
        now=call.terms.time.wall(),
    )


def unrecorded(call: Call, error: Exception) -> None:
    """Note why it is not recorded how *call* went, and let go of it."""
    assert call.begun_as is not None
    call.terms.journal.let_go(call.begun_as)
    if isinstance(error, LateOwner):
        why = "another worker had taken it over"
    else:
        why = f"the journal failed: {error}"
    call.unrecorded = why
    call.forget_report()
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
    if before is None and not (call.before or call.claimed):
        return report
    new = report.attempts[len(call.before) + call.claimed :]
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
