"""
The life of one operation, as a generator.

`exchange` yields what should happen next, a driver makes it happen and sends
back the answer or throws in the exception. httpx's `auth_flow` is the model,
plus two things that it lacks: exceptions are thrown in, and a flow can ask to
wait. No I/O here, no clock but the one that is given, no library by name: so
every decision is tested with no network, and sync, asyncio and trio cannot
drift apart.

    Freeze?  (admit)  { Send  Follow*  Read|Peek?  decide  Drain?  Sleep }*

An operation leaves in one of three ways: a response is returned; a `GaveUp`
or `KeyReused` is raised; what the user's own code raised, or a cancellation,
goes on up as the same object. In each case the report is attached.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from samekey import _log, _telling
from samekey._call import Call
from samekey._effects import (
    SEND,
    Drain,
    Effect,
    Follow,
    Read,
    Record,
    Sleep,
)
from samekey._ending import attach, leave, settle
from samekey._letting_go import close_unread, let_go, time_to_drain
from samekey._library import Response, content_of
from samekey._names import EXTENSION
from samekey._next import Stop, next_step
from samekey._placing import put
from samekey._policy import MIN_LEFT
from samekey._preparing import prepared
from samekey._redirects import hop_of
from samekey._report import Outcome
from samekey._understanding import (
    absorbed,
    json_in,
    look_at_head,
    looked_at,
    understand,
)
from samekey._verdict import Evidence
from samekey.errors import Reason


# Python 3.11 takes some 70 ns to read a member from its class.
_ANSWERED = Outcome.ANSWERED


SLIP = 0.001
"""How much less than the least may be left after a wait, in seconds."""

Flow = Generator[Effect, Any, Response]


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
        call.begin()
        return True
    # The same, where nothing went before: it begins as it was opened.
    evidence = call.evidence = Evidence()
    evidence.started = call.first_sent = call.started
    call.first_sent_wall = call.terms.wall()
    call.counted = 1
    return True


def reads(call: Call, response: Response) -> bool:
    """Tell whether the unread body of a first answer is read at once."""
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
    Settle a 2xx to the first send: nearly every call.

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
    call.terms.budget.succeeded(call.url)
    response.extensions[EXTENSION] = call
    return True


def exchange(  # noqa: C901, PLR0912, PLR0915 -- a life, in order
    call: Call,
    first: Response | None = None,
    broke: BaseException | None = None,
) -> Flow:
    """
    Carry one operation to its outcome.

    Args:
        call: The operation.

        first: What the first send gave, if a driver has made it already; then
            `begins` was called before it.

        broke: What it raised, or the reading of *first* did.

    Raises:
        SamekeyError: As drawn at the top of `samekey.errors`.

        BaseException: What the user's own code raises inside a send, and
            cancellations, as the same object, with the report attached.
    """
    try:
        given = yield from prepared(call)
    except BaseException as exc:
        if not isinstance(exc, Exception):
            attach(call, exc)  # cut off, not refused
        if call.terms.hooks:
            _telling.ended(call, exc=exc)
        raise
    if given is not None:
        if call.terms.hooks:
            _telling.ended(call)
        return given
    failure: Exception | None
    response: Any = None
    try:
        while True:
            response = first
            failure = None
            if first is None and broke is None:
                evidence = call.begin()
            else:
                assert call.evidence is not None
                evidence = call.evidence
            try:
                if broke is not None:
                    raise broke  # noqa: TRY301 -- sorted out below
                if first is not None:
                    first = None
                elif call.follows:
                    response = yield from _followed(call, evidence)
                else:
                    response = yield SEND
                evidence.status = status = response.status_code
                # One that will be retried is decided on by its head alone.
                if not (call.unread or response.is_closed) and (
                    200 <= status < 300
                    or call.policy.retry is not None
                    or status not in call.policy.retried
                    or status in call.profile.coded
                ):
                    evidence.reading = True
                    yield Read(response)
            except Exception as exc:  # noqa: BLE001 -- sorted out
                failure = absorbed(call, evidence, exc)
                # A response hook that raised for the status has shown it.
                response = getattr(exc, "response", response)
                first = broke = None
            if call.indirect and failure is None:
                failure = yield from looked_at(call, evidence, response)
            evidence.ended = call.terms.clock()
            if (
                call.policy.retry is None
                and failure is None
                and 200 <= response.status_code < 300
            ):
                if call.indirect:
                    yield from _noted(call, evidence, response)
                # The first row of the table, nearly every case.
                call.outcome = _ANSWERED
                if call.entry is not None:
                    call.note_replay(response.headers)
                    call.finish()
                call.release()
                # The origin, where a resend has asked for it already.
                call.terms.budget.succeeded(call._origin or call.url)
                response.extensions[EXTENSION] = call
                return response  # type: ignore[no-any-return]
            if response is not None:
                look_at_head(call, evidence, response)
                if (
                    response.status_code in call.profile.listed
                    and call.key is not None
                ):
                    body = yield from json_in(call, evidence, response)
                    understand(call, evidence, response, body)
            _count(call, evidence, failure if response is None else response)
            if call.terms.hooks:
                _telling.attempted(call, evidence)
            step = next_step(call, evidence, response, failure)
            if isinstance(step, Stop):
                break
            if response is not None:
                yield Drain(response, time_to_drain(call, step.seconds))
            _log.retry(call, evidence, step.seconds)
            if call.terms.hooks:
                _telling.retries(call, evidence, step.seconds)
            call.waited = step.seconds
            if step.seconds > 0:
                yield Sleep(step.seconds)
            # Draining and sleeping may have taken longer than was asked for.
            deadline = call.deadline
            if deadline is not None and (
                deadline - call.terms.clock() < MIN_LEFT - SLIP
            ):
                step = Stop("in_flight" if evidence.in_flight else "deadline")
                # What was drained cannot be handed out to be read.
                if response is not None and (
                    call.unread or content_of(response) is None
                ):
                    evidence.lost = True
                break
        if failure is None:
            failure = yield from _read(call, evidence, response)
        if call.begun_as is not None:
            yield from _recorded(call, response)
    except BaseException as exc:
        broke = None  # an exception must not hold its own frame
        if call.begun_as is not None:
            call.terms.journal.let_go(call.begun_as)
        leave(call, exc)
        if call.terms.hooks:
            _telling.ended(call, exc=exc)
        if not (response is None or isinstance(exc, GeneratorExit)):
            yield from close_unread(call, response, exc)
        raise
    try:
        if call.terms.hooks:
            return _settled_aloud(call, response, failure, step.reason)
        return settle(call, response, failure, step.reason)
    except BaseException:
        yield from let_go(call, response)
        raise


def _settled_aloud(
    call: Call,
    response: Response | None,
    failure: Exception | None,
    reason: Reason,
) -> Response:
    try:
        result = settle(call, response, failure, reason)
    except Exception as exc:
        _telling.ended(call, reason, exc)
        raise
    _telling.ended(call, reason)
    return result


def _read(
    call: Call, evidence: Evidence, response: Any
) -> Generator[Effect, Any, Exception | None]:
    """Read the body, unless the user will; give what broke it, if it did."""
    if response is None or call.unread or response.is_closed:
        return None
    evidence.reading = True
    try:
        yield Read(response)
    except Exception as exc:  # noqa: BLE001 -- sorted out
        return absorbed(call, evidence, exc)
    return None


def _followed(call: Call, evidence: Evidence) -> Flow:
    # A same-origin 307 or 308 is part of the attempt (RFC 9110, 15.4.8).
    response: Response = yield SEND
    hops: list[Response] = []
    while (request := hop_of(call, response)) is not None:
        evidence.status = response.status_code
        evidence.reading = True
        yield Read(response)
        evidence.reading = False
        hops.append(response)
        if len(hops) > call.max_redirects:
            msg = f"followed {call.max_redirects} redirects, got another"
            raise call.library.TooManyRedirects(msg, request=request)
        if call.placed is not None:
            put(call, request)  # the Location need not have the query
        response = yield Follow(request)
    if hops:
        response.history = [*hops, *response.history]
    return response


def _count(call: Call, evidence: Evidence, shown: object) -> None:
    """Count an attempt that is understood."""
    if evidence.doubtful:
        # What is in doubt shows the latest one, never a later 4xx.
        call.doubt = shown
    if evidence.poll and not evidence.in_flight:
        call.counted += 1
    if evidence.in_flight:
        call.polls += 1
    elif call.polls:
        call.polls = 0


def _recorded(call: Call, response: Any) -> Generator[Effect, Any, None]:
    call.outcome = call.row().outcome
    if response is not None:
        call.note_replay(response.headers)
    yield Record(response)


def _noted(
    call: Call, evidence: Evidence, response: Response
) -> Generator[Effect, Any, None]:
    """Record a 2xx in the journal, and tell the hooks of it."""
    call.outcome = _ANSWERED
    call.note_replay(response.headers)
    if call.begun_as is not None:
        yield Record(response)
    if call.terms.hooks:
        _telling.attempted(call, evidence)
        _telling.ended(call)
