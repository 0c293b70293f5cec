"""
The last step before the transport.

A `Tap` listens to one send: it feeds the attempt's evidence, passes each event
on to the user's own `trace`, and lowers the httpx timeouts to what is left of
the deadline whenever a phase begins (connect, write and read would each take
the whole remainder otherwise). `Wire` stands in for a transport and taps the
sends of ours that pass.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from samekey._call import Call
from samekey._library import Request, Response
from samekey._names import EXTENSION
from samekey._policy import DEFAULT
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


class Tap:
    """Listens to one send of one attempt."""

    _stream: Any = None
    _watch: Watch | None = None

    def __init__(self, call: Call, extensions: dict[str, Any]) -> None:
        self._call = call
        self.evidence: Any = call.evidence
        self.extensions = extensions  # as they were
        self._user = extensions.get("trace")
        # Of this send alone: httpcore reads them anew in each phase.
        timeouts = extensions.get("timeout")
        self.timeouts: dict[str, float | None] = (
            {} if timeouts is None else {**timeouts}
        )
        if call.counted > 1 or call.policy.deadline is not DEFAULT:
            self._lower()

    def hear(self, name: str, info: dict[str, Any]) -> None:
        """Take one event of a sync transport."""
        if self._user is not None:
            self._user(name, info)
        self._note(name, info)

    async def ahear(self, name: str, info: dict[str, Any]) -> None:
        """Take one event of an async transport."""
        if self._user is not None:
            await self._user(name, info)
        self._note(name, info)

    def _note(self, name: str, info: dict[str, Any]) -> None:
        self.evidence.listen(name, info)
        react = _REACTIONS.get(name)
        if react is not None:
            react(self, info)

    def _lower(self) -> float | None:
        call = self._call
        if not call.active:
            return None  # handed out: the deadline has ended
        deadline = call.deadline
        now = call.terms.clock()
        if deadline is None:
            return None
        left = max(deadline - now, LEAST)
        if now > call.lowers_from:
            timeouts = self.timeouts
            for name in ("connect", "read", "write", "pool"):
                value = timeouts.get(name)
                if value is None or value > left:
                    timeouts[name] = left
        return left

    # What happens when a phase begins or ends.

    def _phase(self, info: dict[str, Any]) -> None:
        left = self._lower()
        # Read before the event by the code that waits for the connection.
        if left is not None and "timeout" in info:
            value = info["timeout"]
            info["timeout"] = left if value is None else min(value, left)

    def _connected(self, info: dict[str, Any]) -> None:
        self._stream = info["return_value"]

    def _waiting(self, info: dict[str, Any]) -> None:
        left = self._lower()
        if left is not None and self._stream is not None:
            sock = self._stream.get_extra_info("socket")
            # The read timeout goes first; a head that drips is for the dog.
            self._watch = self._call.terms.watchdog.watch(sock, left + GRACE)

    def _waited(self, info: dict[str, Any]) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


_REACTIONS = {
    f"{prefix}.{event}": reaction
    for prefix in ("connection", "http11", "http2", "proxy", "socks")
    for event, reaction in (
        ("connect_tcp.started", Tap._phase),
        ("connect_unix_socket.started", Tap._phase),
        ("start_tls.started", Tap._phase),
        ("connect_tcp.complete", Tap._connected),
        ("start_tls.complete", Tap._connected),
        ("send_request_headers.started", Tap._phase),
        ("send_request_body.started", Tap._phase),
        ("receive_response_headers.started", Tap._phase),
        ("receive_response_body.started", Tap._phase),
    )
} | {
    # Other streams share an HTTP/2 connection: its socket is left alone.
    "http11.receive_response_headers.started": Tap._waiting,
    "http11.receive_response_headers.complete": Tap._waited,
    "http11.receive_response_headers.failed": Tap._waited,
}


def tap(
    request: Request, transport: object, *, asynchronous: bool
) -> Tap | None:
    """Listen to a send of *request*, if it is one of ours."""
    call = request.extensions.get(EXTENSION)
    if not isinstance(call, Call):
        call = SENDING.get()
        if call is None or not _same_target(call, request):
            return None
    evidence = call.begun()
    evidence.sends += 1
    evidence.carrier = type(transport)
    evidence.status = None
    extensions = request.extensions
    result = call.tap = Tap(call, extensions)
    request.extensions = {
        **extensions,
        EXTENSION: call,
        "trace": result.ahear if asynchronous else result.hear,
        "timeout": result.timeouts,
    }
    return result


def _same_target(call: Call, request: Request) -> bool:
    return bool(request.method == call.method and request.url == call.url)


class Wire:
    """Stands in for a transport, sync or async, and taps our sends."""

    __slots__ = ("transport",)

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def handle_request(self, request: Request) -> Response:
        """Send *request* through the transport, listening if it is ours."""
        ear = tap(request, self.transport, asynchronous=False)
        if ear is None:
            response: Response = self.transport.handle_request(request)
            return response
        try:
            response = self.transport.handle_request(request)
        except BaseException as exc:
            ear.evidence.failure = exc
            raise
        finally:
            request.extensions = ear.extensions
        ear.evidence.status = response.status_code
        return response

    async def handle_async_request(self, request: Request) -> Response:
        """Same as `handle_request`, awaiting."""
        ear = tap(request, self.transport, asynchronous=True)
        if ear is None:
            response: Response = await self.transport.handle_async_request(
                request
            )
            return response
        try:
            response = await self.transport.handle_async_request(request)
        except BaseException as exc:
            ear.evidence.failure = exc
            raise
        finally:
            request.extensions = ear.extensions
        ear.evidence.status = response.status_code
        return response
