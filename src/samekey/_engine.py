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

import math

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, assert_never

from samekey import _log, _telling
from samekey._call import Call
from samekey._effects import (
    SEND,
    Claim,
    Drain,
    Effect,
    Follow,
    Freeze,
    Peek,
    Read,
    Record,
    Sleep,
)
from samekey._ending import attach, leave, settle
from samekey._headers import any_of
from samekey._library import Response, content_of, from_transport
from samekey._names import EXTENSION
from samekey._next import Stop, next_step
from samekey._placing import accompany, place, put
from samekey._policy import MIN_LEFT
from samekey._redirects import hop_of
from samekey._report import Outcome
from samekey._verdict import Evidence, judge
from samekey._verifying import unfit
from samekey.errors import BodyNotReplayable, InvalidKey, OperationBusy, Reason
from samekey.profiles._answers import json_of, words_in


if TYPE_CHECKING:
    from samekey._intent import Begun


# Python 3.11 takes some 70 ns to read a member from its class.
_ANSWERED = Outcome.ANSWERED

MAX_BODY = 8 * 1024 * 1024
MAX_DRAIN = 0.5

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
        given = yield from _prepared(call)
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
                failure = _absorbed(call, evidence, exc)
                # A response hook that raised for the status has shown it.
                response = getattr(exc, "response", response)
                first = broke = None
            if call.indirect and failure is None:
                failure = yield from _looked_at(call, evidence, response)
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
                _look_at_head(call, evidence, response)
                if (
                    response.status_code in call.profile.listed
                    and call.key is not None
                ):
                    body = yield from _json(call, evidence, response)
                    _understand(call, evidence, response, body)
            _count(call, evidence, failure if response is None else response)
            if call.terms.hooks:
                _telling.attempted(call, evidence)
            step = next_step(call, evidence, response, failure)
            if isinstance(step, Stop):
                break
            if response is not None:
                yield Drain(response, _time_to_drain(call, step.seconds))
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
            yield from _closed(call, response, exc)
        raise
    try:
        if call.terms.hooks:
            return _settled_aloud(call, response, failure, step.reason)
        return settle(call, response, failure, step.reason)
    except BaseException:
        yield from _let_go(call, response)
        raise


def _prepared(call: Call) -> Generator[Effect, Any, Response | None]:
    """
    Do what stands before the first send; give the answer that is recorded.

    Raises:
        SamekeyError: If nothing may be sent.
    """
    if call.freezes:
        yield from _frozen(call)
    if call.hopping:
        return None
    if call.in_header and call.indirect:
        if call.said is None and callable(call.terms.fingerprint):
            call.said = call.terms.fingerprint(call.request)
        place(call)
    if call.terms.journal is not None and _is_journaled(call):
        begun = yield from _claimed(call)
        if begun.step == "give":
            # It loads sqlite3; most calls have no journal.
            from samekey._journaling import given  # noqa: PLC0415

            return given(call, begun)
    elif call.operation is not None or call.theirs:
        _admit(call)
    if call.placed is not None and call.profile.companions:
        accompany(call)
    return None


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


def _admit(call: Call) -> None:
    # Loaded where something is named; most calls name nothing.
    from samekey._admission import admit  # noqa: PLC0415

    admit(call)


def _frozen(call: Call) -> Generator[Effect, Any, None]:
    if call.spoiled:
        msg = (
            "the body is being read by another send, or broke while it was"
            " read: what is left is not it"
        )
        raise BodyNotReplayable(msg)
    try:
        yield Freeze(MAX_BODY)
    except BaseException as exc:
        call.spoiled = True
        call.outcome = Outcome.NOT_EXECUTED
        attach(call, exc)
        raise
    call.freezes = False


def _time_to_drain(call: Call, wait: float) -> float:
    # A failed answer that drips must not take the next attempt's time.
    if call.deadline is None:
        return MAX_DRAIN
    left = call.deadline - call.terms.clock() - wait - MIN_LEFT
    return max(0.0, min(MAX_DRAIN, left))


def _let_go(call: Call, response: Any) -> Generator[Effect, Any, None]:
    """Free the connection of an answer that is not handed out."""
    if response is not None and not response.is_closed:
        yield Drain(response, _time_to_drain(call, 0.0))


def _closed(
    call: Call, response: Any, exc: BaseException
) -> Generator[Effect, Any, None]:
    """Close what nobody will read, because of *exc*, which goes on up."""
    if response.is_closed:
        return
    try:
        yield Drain(response, 0.0)
    except BaseException as more:
        if isinstance(exc, Exception):
            attach(call, more)  # a cancellation must not be lost
            raise


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
        return _absorbed(call, evidence, exc)
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


def _absorbed(call: Call, evidence: Evidence, exc: Exception) -> Exception:
    """
    Take *exc* as what the network did, and note what it tells.

    Raises:
        Exception: *exc* itself, if it is the user's own code's.
    """
    library = call.library
    if isinstance(exc, library.HTTPStatusError):
        # A response hook has raised for the status: that status decides.
        if evidence.status is None or not _is_ours(call, exc):
            raise exc
        return exc
    if not from_transport(library, exc) or not (
        evidence.reading or evidence.owns(exc)
    ):
        raise exc
    evidence.error = type(exc).__name__
    if evidence.status is None:
        evidence.verdict = judge(evidence, exc, library, call.method)
    else:
        evidence.lost = True
    return exc


def _is_ours(call: Call, exc: Any) -> bool:
    return exc.response.request.extensions.get(EXTENSION) is call


def _look_at_head(call: Call, evidence: Evidence, response: Response) -> None:
    headers = response.headers
    evidence.telling = any_of(headers, call.profile.telling)
    if evidence.telling:
        evidence.replayed = call.profile.is_replay(headers)


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


def _json(
    call: Call, evidence: Evidence, response: Response
) -> Generator[Effect, Any, object]:
    """Give the JSON value of a body in which a meaning may stand."""
    if evidence.lost or response.status_code not in call.profile.coded:
        return None
    if not call.unread:
        return json_of(content_of(response))
    try:
        call.seen = yield Peek(response)
        return json_of(call.seen)
    except Exception as exc:  # noqa: BLE001 -- sorted out
        evidence.reading = True
        _absorbed(call, evidence, exc)
    return None


def _understand(
    call: Call, evidence: Evidence, response: Response, body: object
) -> None:
    """Note what the profile says that an answer means."""
    past = call.past
    found = call.profile.read(
        response.status_code,
        response.headers,
        body,
        after_doubt=past is not None and past.doubtful,
    )
    evidence.resource = found.resource
    match found.meaning:
        case "mismatch":
            evidence.reuse = True
            evidence.words = words_in(body, call.key)
        case "in_flight":
            evidence.in_flight = True
        case "already_done":
            evidence.done = True
        case "store_down":
            evidence.store_down = True
        case "missing":
            _log.key_missing(call, evidence)
        case None:
            pass
        case _:
            assert_never(found.meaning)


def _looked_at(
    call: Call, evidence: Evidence, response: Response
) -> Generator[Effect, Any, Exception | None]:
    """
    Look at a 2xx that is checked, or recorded, before it is handed out.

    One that is not what it should be has settled the operation, and its body
    is lost.
    """
    verify = call.terms.verify
    # What is not kept need not be looked at: the user may wait for a stream.
    kept = (
        call.begun_as is not None and call.terms.journal.remember != "outcome"
    )
    if not 200 <= response.status_code < 300 or not (
        kept or verify is not None
    ):
        return None
    if call.unread:
        try:
            call.seen = yield Peek(response)
        except Exception as exc:  # noqa: BLE001 -- sorted out
            evidence.reading = True
            return _absorbed(call, evidence, exc)
    body = call.seen if call.unread else content_of(response)
    if verify is None or body is None:  # too long to be looked at
        return None
    try:
        what = unfit(call, response, body)
    except BaseException:
        yield from _let_go(call, response)
        raise
    if what is None:
        return None
    evidence.lost = True
    evidence.error = "DecodingError"
    lost: Exception = call.library.DecodingError(what, request=call.request)
    return lost


def _is_journaled(call: Call) -> bool:
    if call.key is None:
        if call.operation is not None and call.guarded:
            msg = (
                "an operation must have a key to be recorded in the journal,"
                f" and {call.profile.called} takes none; nothing was sent."
                " Leave the operation id out, or use a client without journal="
            )
            raise InvalidKey(msg)
        return False
    every: bool = call.terms.journal.journal_all
    return every or call.operation is not None


POLL = 0.25
"""How often a journal is asked whether another worker is done, in seconds."""


def _claimed(call: Call) -> Generator[Effect, Any, Begun]:
    """
    Put it on disk before its first byte leaves, or learn how it went.

    Raises:
        OperationBusy: If another worker is on it.
    """
    while True:
        try:
            begun: Begun = yield Claim()
        except BaseException:
            # Cancelled, perhaps, while its thread goes on and claims it.
            call.left = True
            if call.begun_as is not None:
                call.terms.journal.let_go(call.begun_as)
            raise
        if begun.step != "busy":
            return begun
        left = math.inf
        if call.deadline is not None:
            left = call.deadline - call.terms.clock() - MIN_LEFT
        if call.terms.journal.busy == "raise" or left <= 0:
            raise _busy(begun)
        yield Sleep(min(POLL, left))


def _busy(begun: Begun) -> OperationBusy:
    msg = (
        f"another worker ({begun.record.owner}) is on this operation; nothing"
        " was sent"
    )
    return OperationBusy(msg, begun.kept.previous(begun.record.key))


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
