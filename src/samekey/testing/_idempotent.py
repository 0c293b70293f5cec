"""
A server that keeps its promise about keys, as a transport.

It executes a request once per key, and gives its first answer again after
that. While the first request runs, another under its key gets a 409; one with
another payload gets a 422. A request without a key is executed each time. No
socket, no thread, no waiting: an exchange takes well under a millisecond.
"""

from __future__ import annotations

import contextlib
import inspect
import threading

from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, Self

import attrs

from samekey._names import SAFE_METHODS

from ._clock import FakeClock
from ._exchange import BUSY, FAILED, MISMATCH, Echo, Exchange, digest_of
from ._fault_server import Received
from ._faults import Answer, Fault
from ._wiring import (
    UNPLAYABLE,
    Seen,
    atell_refused,
    patience,
    received,
    seen,
    tell_refused,
)


if TYPE_CHECKING:
    from samekey._transport import AsyncBase, Base

    class _Both(Base, AsyncBase): ...
else:
    _Both = object


Handler = Callable[[Received], "Answer | Awaitable[Answer]"]

_ASYNC = "handler must not be async for a sync client"


class IdempotentTransport(_Both):
    """
    Answer as a server that executes a request once per Idempotency-Key.

        transport = IdempotentTransport(faults=[Fault.lose_answer()])
        client = samekey.Client(transport=transport)

    It takes the requests of httpx and httpx2, of sync and async clients.
    `exchanges` are in order of arrival; `requests`, `executions` and `keys`
    are read from them, and `errors` is what *handler* raised.

    Args:
        handler: Executes a request. Default: `201`, with the JSON object of
            the request, an `id` and a `status`. It may be async, for async
            clients. If it raises, the answer is a 500 and nothing is recorded.

        faults: One fault, or None, for each request in order of arrival;
            after its end nothing fails. `Fault.raw` needs a socket.

        clock: Is moved by faults that take time: `slow` by its seconds, and
            `stall` by the read timeout. Without it they take no time.

        header: Where the key is read from.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        faults: Iterable[Fault | None] = (),
        *,
        clock: FakeClock | None = None,
        header: str = "Idempotency-Key",
    ) -> None:
        self.exchanges: list[Exchange] = []
        self.errors: list[Exception] = []
        self.header = header
        self._handler = Echo() if handler is None else handler
        self._faults = iter(faults)
        self._clock = clock
        self._lock = threading.Lock()
        self._running: set[str] = set()
        # By key: what was asked, and the answer once there is one.
        self._known: dict[str, tuple[bytes, Answer | None]] = {}

    @property
    def requests(self) -> list[Received]:
        """Every request, in order of arrival."""
        return [each.request for each in self.exchanges]

    @property
    def executions(self) -> list[Received]:
        """The requests that were executed, but for those that only read."""
        return [
            each.request
            for each in self.exchanges
            if each.executed and each.request.method not in SAFE_METHODS
        ]

    @property
    def keys(self) -> list[str]:
        """Every key that was sent, each once, in order of arrival."""
        found = (request.header(self.header) for request in self.requests)
        return list(dict.fromkeys(key for key in found if key is not None))

    def play(self, *faults: Fault | None) -> None:
        """Break the next exchanges by *faults*, in place of what was left."""
        with self._lock:
            self._faults = iter(faults)

    def handle_request(self, request: Any) -> Any:
        exchange, answer = self._arrive(request, request.read())
        if answer is None:
            with self._execution(exchange) as ran:
                result = self._handler(exchange.request)
                if inspect.iscoroutine(result):
                    result.close()
                    raise TypeError(_ASYNC)
                ran.append(result)
            (answer,) = ran
        found = self._leave(exchange, request, answer)
        if found.refused:
            tell_refused(request, found.error)
        return found.outcome()

    async def handle_async_request(self, request: Any) -> Any:
        """Same as `handle_request`, awaiting."""
        exchange, answer = self._arrive(request, await request.aread())
        if answer is None:
            with self._execution(exchange) as ran:
                result: Any = self._handler(exchange.request)
                if inspect.isawaitable(result):
                    result = await result
                ran.append(result)
            (answer,) = ran
        found = self._leave(exchange, request, answer)
        if found.refused:
            await atell_refused(request, found.error)
        return found.outcome()

    def _arrive(
        self, request: Any, body: bytes
    ) -> tuple[Exchange, Answer | None]:
        """Take a request in, and give the answer if it is known by now."""
        with self._lock:
            fault = next(self._faults, None)
            if fault is not None and fault.kind == "raw":
                raise ValueError(UNPLAYABLE)
            asked = received(request, body, len(self.exchanges) + 1)
            exchange = Exchange(asked, fault=fault)
            self.exchanges.append(exchange)
            if fault is not None and not fault.after_execution:
                return exchange, Answer(503)
            key = self._key(asked)
            if key is None:
                return exchange, None
            digest = digest_of(asked)
            first, answer = self._known.setdefault(key, (digest, None))
            if first != digest:
                return exchange, MISMATCH
            if answer is not None:
                exchange.replayed = True
                return exchange, answer
            if key in self._running:
                return exchange, BUSY
            self._running.add(key)
            return exchange, None

    def _key(self, asked: Received) -> str | None:
        # What only reads is not recorded (RFC 9110, section 9.2.1).
        return (
            None if asked.method in SAFE_METHODS else asked.header(self.header)
        )

    @contextlib.contextmanager
    def _execution(self, exchange: Exchange) -> Generator[list[Any]]:
        """Hold the key while the request is executed, and record its end."""
        key = self._key(exchange.request)
        ran: list[Any] = []
        try:
            yield ran
            exchange.executed = True
        except Exception as exc:  # noqa: BLE001 -- kept for the test to see
            self.errors.append(exc)
            ran.append(FAILED)
        finally:
            if key is not None:
                with self._lock:
                    self._running.discard(key)
                    if exchange.executed:
                        digest = digest_of(exchange.request)
                        self._known[key] = (digest, ran[0])
                    else:
                        del self._known[key]

    def _leave(self, exchange: Exchange, request: Any, answer: Answer) -> Seen:
        fault = exchange.fault
        if exchange.replayed:
            headers = (*answer.headers, ("Idempotent-Replayed", "true"))
            answer = attrs.evolve(answer, headers=headers)
        seconds = 0.0
        if fault is not None:
            fault, seconds = patience(request, fault)
        if self._clock is not None:
            self._clock.advance(seconds)
        found = seen(request, fault, answer)
        exchange.result = found.word
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...

    def close(self) -> None:
        """Do nothing; there is nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def aclose(self) -> None:
        """Do nothing; there is nothing to close."""
