"""
What a call tells its journal before its first byte, and what it is told.
"""

from __future__ import annotations

import datetime as dt

from typing import Any

from samekey._admission import digest_of
from samekey._call import Call
from samekey._intent import (
    Begun,
    Intent,
    Wish,
    is_success,
    key_id,
    record_id,
)
from samekey._journal_arguments import NEVER
from samekey._kept import Kept
from samekey._library import Response, content_of
from samekey._message import Message
from samekey._names import EXTENSION
from samekey._outcome import Past
from samekey._placing import rekey
from samekey._reading import put_whole
from samekey._redaction import redact
from samekey._report import Outcome
from samekey._unkept import unkept
from samekey.journal import Journal


SLACK = 30.0
"""How much longer than its deadline a call holds its lease, in seconds."""

ENDLESS = 600.0
"""The lease of a call without a deadline, in seconds."""


def wish_of(call: Call) -> Wish:
    """Say what *call* wants to be recorded."""
    terms = call.terms
    lease = ENDLESS
    if call.deadline is not None:
        lease = max(0.0, call.deadline - terms.time.clock()) + SLACK
    return Wish(intent=intent_of(call), now=terms.time.wall(), lease=lease)


def intent_of(call: Call) -> Intent:
    """Say what *call* is about to do."""
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
    allowed = journal.headers.union(scope) - NEVER
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


def take_up(call: Call, begun: Begun) -> None:
    """Go on under the key, and with the past, that are recorded."""
    if begun.step != "send":
        return
    record = begun.record
    call.begun_as = begun
    if call.left:
        call.terms.journal.let_go(begun)
    if begun.kept.report is None:
        call.recorded = 0
    elif call.evidence is None:
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
