"""
What an answer, or the lack of one, means: noted as the attempt's evidence.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_never

from samekey import _log
from samekey._call import Call
from samekey._effects import Effect, Peek
from samekey._headers import look_at
from samekey._letting_go import let_go
from samekey._library import Response, content_of, from_transport
from samekey._names import EXTENSION
from samekey._verdict import Evidence, judge
from samekey._verifying import unfit
from samekey.profiles._answers import json_of, words_in


def absorbed(call: Call, evidence: Evidence, exc: Exception) -> Exception:
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


def look_at_head(call: Call, evidence: Evidence, response: Response) -> None:
    """Note what the head of an answer tells besides its status."""
    headers = response.headers
    tells, evidence.length, evidence.encoded = look_at(
        headers, call.profile.watched
    )
    if tells:
        evidence.telling = True
        evidence.replayed = call.profile.is_replay(headers)
    if response.history or call.hopping:
        evidence.hop = _is_hop(call, response)


def _is_hop(call: Call, response: Response) -> bool:
    """Tell whether a redirect that had answered the request came before."""
    seen = [one.status_code for one in response.history]
    if call.hopping:
        seen += [one.status or 0 for one in call.attempts or ()]
    # A 307 or 308 has not (RFC 9110, sections 15.4.8 and 15.4.9).
    return any(
        300 <= status < 400 and status not in {307, 308} for status in seen
    )


def json_in(
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
        absorbed(call, evidence, exc)
    return None


def understand(
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


def count(call: Call, evidence: Evidence, shown: object) -> None:
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


def looked_at(
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
            return absorbed(call, evidence, exc)
    body = call.seen if call.unread else content_of(response)
    if verify is None or body is None:  # too long to be looked at
        return None
    try:
        what = unfit(call, response, body)
    except BaseException:
        yield from let_go(call, response)
        raise
    if what is None:
        return None
    evidence.lost = True
    evidence.error = "DecodingError"
    lost: Exception = call.library.DecodingError(what, request=call.request)
    return lost
