"""
The last step before the transport.

A send is tapped: its events feed the attempt's evidence, go on to the user's
own `trace`, and lower the httpx timeouts to what is left of the deadline
whenever a phase begins (connect, write and read would each take the whole
remainder otherwise). `Wire` stands in for a transport and taps the sends of
ours that pass.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from samekey._call import Call
from samekey._library import Request, Response
from samekey._names import EXTENSION
from samekey._policy import DEFAULT
from samekey._verdict import Evidence
from samekey._watchdog import Watch


SENDING: ContextVar[Call | None] = ContextVar("samekey_sending", default=None)
"""
The call whose auth flow is running.

An auth flow may send another Request object than the one it was given, with
none of our extensions on it. It is ours if it asks for the same thing.
"""

GRACE = 0.02
"""How long after the deadline a socket is shut down."""

LEAST = 0.001
"""The least timeout: 0 would mean non-blocking."""


class _Send:
    """
    What belongs to one send, and takes its events.

    Not to its call: the same Request may be sent twice at once.
    """

    __slots__ = ("call", "evidence", "network", "timeouts", "user", "watch")

    call: Call
    evidence: Evidence
    user: Any  # the user's own `trace`
    timeouts: dict[str, float | None]
    network: Any  # the stream that it opened
    watch: Watch | None  # over its socket

    def tell(self, name: str, info: dict[str, Any]) -> None:
        """Tell the user of an event of a sync transport, and take it."""
        self.user(name, info)
        self.take(name, info)

    async def atell(self, name: str, info: dict[str, Any]) -> None:
        """Same as `tell`, awaiting; the user may not have asked for it."""
        if self.user is not None:
            await self.user(name, info)
        self.take(name, info)

    def take(self, name: str, info: dict[str, Any]) -> None:
        """Take one event."""
        self.evidence.listen(name, info)
        react = _REACTIONS.get(name)
        if react is not None:
            react(self.call, self, info)


def _lower(call: Call, send: _Send) -> float | None:
    if not call.active:
        return None  # handed out: the deadline has ended
    deadline = call.deadline
    if deadline is None:
        return None
    now = call.terms.time.clock()
    left = max(deadline - now, LEAST)
    if now > call.lowers_from:
        call.lowered = True
        timeouts = send.timeouts
        for name in ("connect", "read", "write", "pool"):
            value = timeouts.get(name)
            if value is None or value > left:
                timeouts[name] = left
    return left


# What happens when a phase begins or ends.


def _phase(call: Call, send: _Send, info: dict[str, Any]) -> None:
    left = _lower(call, send)
    # Read before the event by the code that waits for the connection.
    if left is not None and "timeout" in info:
        value = info["timeout"]
        info["timeout"] = left if value is None else min(value, left)


def _connected(call: Call, send: _Send, info: dict[str, Any]) -> None:
    send.network = info["return_value"]


def _waiting(call: Call, send: _Send, info: dict[str, Any]) -> None:
    left = _lower(call, send)
    if left is not None and send.network is not None:
        sock = send.network.get_extra_info("socket")
        # The read timeout goes first; a head that drips is for the dog.
        send.watch = call.terms.watchdog.watch(sock, left + GRACE)


def _waited(call: Call, send: _Send, info: dict[str, Any]) -> None:
    if send.watch is not None:
        send.watch.cancel()
        send.watch = None


_REACTIONS = {
    f"{prefix}.{event}": reaction
    for prefix in ("connection", "http11", "http2", "proxy", "socks")
    for event, reaction in (
        ("connect_tcp.started", _phase),
        ("connect_unix_socket.started", _phase),
        ("start_tls.started", _phase),
        ("connect_tcp.complete", _connected),
        ("start_tls.complete", _connected),
        ("send_request_headers.started", _phase),
        ("send_request_body.started", _phase),
        ("receive_response_headers.started", _phase),
        ("receive_response_body.started", _phase),
    )
} | {
    # Other streams share an HTTP/2 connection: its socket is left alone.
    "http11.receive_response_headers.started": _waiting,
    "http11.receive_response_headers.complete": _waited,
    "http11.receive_response_headers.failed": _waited,
}


def _sending(request: Request) -> Call | None:
    """Give the call whose auth flow sends *request* in place of its own."""
    call = SENDING.get()
    if call is None or not _same_target(call, request):
        return None
    return call


def _same_target(call: Call, request: Request) -> bool:
    return bool(request.method == call.method and request.url == call.url)


def tapped(
    call: Call, extensions: Any, transport: object, *, asynchronous: bool
) -> Any:
    """Make the *extensions* of a send of *call* that is listened to."""
    evidence = call.evidence
    assert evidence is not None
    evidence.sends += 1
    evidence.carrier = type(transport)
    evidence.status = None
    # Of this send alone: httpcore reads them anew in each phase.
    timeouts = extensions.get("timeout")
    timeouts = call.timeouts = {} if timeouts is None else {**timeouts}
    send = _Send()
    send.call = call
    send.evidence = evidence
    send.user = user = extensions.get("trace")
    send.timeouts = timeouts
    send.network = send.watch = None
    if call.counted > 1 or call.policy.deadline is not DEFAULT:
        _lower(call, send)
    extensions = {**extensions}
    extensions[EXTENSION] = call
    if asynchronous:
        extensions["trace"] = send.atell
    else:
        extensions["trace"] = send.take if user is None else send.tell
    extensions["timeout"] = timeouts
    return extensions


class Wire:
    """Stands in for a transport, sync or async, and taps our sends."""

    __slots__ = ("transport",)

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def handle_request(self, request: Request) -> Response:
        """Send *request* through the transport, listening if it is ours."""
        transport, extensions = self.transport, request.extensions
        call = extensions.get(EXTENSION)
        if not isinstance(call, Call):
            call = _sending(request)
            if call is None:
                return transport.handle_request(request)  # type: ignore[no-any-return]
        request.extensions = tapped(
            call, extensions, transport, asynchronous=False
        )
        evidence = call.evidence
        assert evidence is not None
        try:
            response: Response = transport.handle_request(request)
        except BaseException as exc:
            evidence.failure = exc
            raise
        finally:
            request.extensions = extensions
        evidence.status = response.status_code
        return response

    async def handle_async_request(self, request: Request) -> Response:
        """Same as `handle_request`, awaiting."""
        transport, extensions = self.transport, request.extensions
        call = extensions.get(EXTENSION)
        if not isinstance(call, Call):
            call = _sending(request)
            if call is None:
                return await transport.handle_async_request(request)  # type: ignore[no-any-return]
        request.extensions = tapped(
            call, extensions, transport, asynchronous=True
        )
        evidence = call.evidence
        assert evidence is not None
        try:
            response: Response = await transport.handle_async_request(request)
        except BaseException as exc:
            evidence.failure = exc
            raise
        finally:
            request.extensions = extensions
        evidence.status = response.status_code
        return response
