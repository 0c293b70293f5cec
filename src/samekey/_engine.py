"""
The life of one operation, as a generator.

`exchange` yields what should happen next, a driver makes it happen and sends
back the answer or throws in the exception. httpx's `auth_flow` is the model,
plus two things that it lacks: exceptions are thrown in, and a flow can ask to
wait. No I/O here, no clock but the one that is given, no library by name: so
every decision is tested with no network, and sync, asyncio and trio cannot
drift apart.

    Freeze?  (admit)  { Send  Follow*  Read|Peek?  decide  Drain?  Sleep }*

What is simple enough goes the straight way (`_straight`) as far as that leads:
the same rules, asked without the generator.

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
    Sleep,
)
from samekey._ending import attach, leave, settle
from samekey._letting_go import close_unread, let_go, time_to_drain
from samekey._library import Response
from samekey._names import EXTENSION
from samekey._next import Stop, next_step, overslept
from samekey._placing import put
from samekey._preparing import prepared, record
from samekey._redirects import hop_of
from samekey._report import Outcome
from samekey._understanding import (
    absorbed,
    count,
    json_in,
    look_at_head,
    looked_at,
    understand,
)
from samekey._verdict import Evidence
from samekey.errors import Reason


# Python 3.11 takes some 70 ns to read a member from its class.
_ANSWERED = Outcome.ANSWERED


Flow = Generator[Effect, Any, Response]


def exchange(  # noqa: C901, PLR0912, PLR0915 -- a life, in order
    call: Call,
    latest: Response | None = None,
    broke: BaseException | None = None,
    stop: Stop | None = None,
    cut: BaseException | None = None,
) -> Flow:
    """
    Carry one operation to its outcome.

    A driver that came by the straight way says how far it has got.

    Args:
        call: The operation.

        latest: What the latest send gave.

        broke: What that send raised, or the reading of *latest* did.

        stop: Why there is no other one.

        cut: What was raised after it, on the way to the next one.

    Raises:
        SamekeyError: As drawn at the top of `samekey.errors`.

        BaseException: What the user's own code raises inside a send, and
            cancellations, as the same object, with the report attached.
    """
    try:
        given = yield from prepared(call)
    except BaseException as exc:
        call.withdraw()
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
    response: Any = latest
    failure = None
    try:
        if cut is not None:
            raise cut  # noqa: TRY301 -- as if it had been raised here
        while stop is None:
            response = latest
            failure = None
            if latest is None and broke is None:
                call.begin(call.terms.time.clock())
            evidence = call.begun()
            try:
                if broke is not None:
                    raise broke  # noqa: TRY301 -- sorted out below
                if latest is not None:
                    latest = None
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
                latest = broke = None
            if call.indirect and failure is None:
                failure = yield from looked_at(call, evidence, response)
            evidence.ended = call.terms.time.clock()
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
            count(call, evidence, failure if response is None else response)
            if call.terms.hooks:
                _telling.attempted(call, evidence)
            step = next_step(call, evidence, response, failure)
            if isinstance(step, Stop):
                stop = step
                break
            _log.retry(call, evidence, step)
            if response is not None:
                yield Drain(response, time_to_drain(call, step))
            if call.terms.hooks:
                _telling.retries(call, evidence, step)
            if step > 0:
                yield Sleep(step)
            stop = overslept(call, evidence, response, call.terms.time.clock())
        if failure is None:
            failure = yield from _read(call, response)
        if call.begun_as is not None:
            yield from _recorded(call, response)
    except BaseException as exc:
        broke = cut = None  # an exception must not hold its own frame
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
            return _settled_aloud(call, response, failure, stop.reason)
        return settle(call, response, failure, stop.reason)
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
    call: Call, response: Any
) -> Generator[Effect, Any, Exception | None]:
    """Read the body, unless the user will; give what broke it, if it did."""
    if response is None or call.unread or response.is_closed:
        return None
    evidence = call.begun()
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


def _recorded(call: Call, response: Any) -> Generator[Effect, Any, None]:
    call.outcome = call.row().outcome
    if response is not None:
        call.note_replay(response.headers)
    yield from record(call, response)


def _noted(
    call: Call, evidence: Evidence, response: Response
) -> Generator[Effect, Any, None]:
    """Record a 2xx in the journal, and tell the hooks of it."""
    call.outcome = _ANSWERED
    call.note_replay(response.headers)
    if call.begun_as is not None:
        yield from record(call, response)
    if call.terms.hooks:
        _telling.attempted(call, evidence)
        _telling.ended(call)
