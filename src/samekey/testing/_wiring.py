"""
What a client sees of an answer, or of a fault, when there is no wire.

The library is that of the request. What is raised is what the library's own
transport raises where a server does the same over a socket.
"""

from __future__ import annotations

import inspect
import math

from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs

from samekey._library import library_of, stream_class

from ._fault_server import Received
from ._faults import Answer, Fault


UNPLAYABLE = (
    "a transport cannot send raw bytes; use a FaultServer, which has a socket"
)


@attrs.frozen
class Seen:
    """What a client sees of one exchange: a response, or an exception."""

    response: Any = attrs.field(default=None, kw_only=True)
    error: Exception | None = attrs.field(default=None, kw_only=True)
    refused: bool = attrs.field(default=False, kw_only=True)

    @property
    def word(self) -> str:
        """Say it in a word: a status, or the class of an exception."""
        if self.error is not None:
            return type(self.error).__name__
        return str(self.response.status_code)

    def outcome(self) -> Any:
        """Return the response, or raise what there is instead."""
        if self.error is not None:
            raise self.error
        return self.response


def received(request: Any, body: bytes, number: int) -> Received:
    """Read *request* as a server would have."""
    url = request.url
    return Received(
        request.method,
        target=url.raw_path.decode("ascii"),
        headers=tuple(
            (name.lower().decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
        ),
        body=body,
        number=number,
    )


def seen(request: Any, fault: Fault | None, answer: Answer) -> Seen:
    """Tell what the client sees where *answer* would have been right."""
    library: Any = library_of(request.__class__)
    if fault is None:
        return Seen(response=_response(library, request, answer))
    if fault.kind == "refuse":
        msg = "Connection refused"
        return Seen(error=library.ConnectError(msg), refused=True)
    if fault.data is not None:
        return Seen(error=_broken(library, fault))
    right = answer if fault.answer is None else fault.answer
    if fault.after is None or not right.wire(request.method)[1]:
        return Seen(response=_response(library, request, right))
    size = min(fault.after, len(right.body) - 1)
    return Seen(response=_cut(library, request, right, fault, size))


def patience(request: Any, fault: Fault) -> tuple[Fault, float]:
    """
    Tell how long the client waits, and whether it gives up first.

    A stall of no length lasts until the read timeout, or no time without one.
    """
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    limit = timeouts.get("read")
    if fault.end == "stall" and fault.data is not None:
        limit = math.inf if limit is None else limit
        if fault.hold is None:
            return fault, 0.0 if limit == math.inf else limit
        if fault.hold < limit:  # the server closes first
            return attrs.evolve(fault, end="close"), fault.hold
        return fault, limit
    if limit is not None and fault.delay > limit:
        return attrs.evolve(fault, data=b"", end="stall"), limit
    return fault, fault.delay


def _broken(library: Any, fault: Fault) -> Exception:
    error: Exception
    if fault.end == "stall":
        error = library.ReadTimeout("The read operation timed out")
    elif fault.end == "reset":
        error = library.ReadError("[Errno 104] Connection reset by peer")
    else:
        msg = "Server disconnected without sending a response."
        error = library.RemoteProtocolError(msg)
    return error


def _response(library: Any, request: Any, answer: Answer) -> Any:
    _, body = answer.wire(request.method)
    return library.Response(
        answer.status,
        headers=list(answer.headers),
        content=body,
        request=request,
    )


def _cut(
    library: Any, request: Any, answer: Answer, fault: Fault, size: int
) -> Any:
    error = _broken(library, fault)
    if fault.end == "close":
        msg = "peer closed connection without sending complete message body"
        error = library.RemoteProtocolError(msg)
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    stream = stream_class(library, _Cut)(answer.body[:size], error)
    return library.Response(
        answer.status, headers=headers, stream=stream, request=request
    )


class _Cut:
    """A body that breaks off."""

    def __init__(self, part: bytes, error: Exception) -> None:
        self._part = part
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield self._part
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._part
        raise self._error


# Told to the request's trace, as httpcore tells it: samekey takes a failure to
# connect for "not sent" where it sees one, and not by the exception's class.
_CONNECT = "connection.connect_tcp."


def tell_refused(request: Any, error: object) -> None:
    """Tell the request's trace that no connection was made."""
    trace = request.extensions.get("trace")
    # A mock may be asked for an async client without awaiting.
    if trace is not None and not inspect.iscoroutinefunction(trace):
        trace(f"{_CONNECT}started", {})
        trace(f"{_CONNECT}failed", {"exception": error})


async def atell_refused(request: Any, error: object) -> None:
    """Same as `tell_refused`, awaiting."""
    trace = request.extensions.get("trace")
    if trace is not None:
        await trace(f"{_CONNECT}started", {})
        await trace(f"{_CONNECT}failed", {"exception": error})
