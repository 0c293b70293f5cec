"""
A driver on paper: it plays a script to the engine, with a clock of its own.

No network, no sleeping. Each `Step` says what one send shows; the driver
records every effect that the engine asked for, and how long it slept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import httpx

from samekey import _journaling
from samekey._budget import RetryBudget
from samekey._call import Call
from samekey._door import open_call
from samekey._effects import (
    Claim,
    Drain,
    Effect,
    Follow,
    Freeze,
    Peek,
    Read,
    Record,
    Send,
    Sleep,
)
from samekey._engine import exchange
from samekey._policy import RetryPolicy
from samekey._terms import Terms
from samekey._time import Time


class Clock:
    """Stands still until it is told."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@attrs.frozen(kw_only=True)
class Step:
    """What one send shows."""

    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b"{}"
    raises: BaseException | None = None
    breaks: Exception | None = None  # the body does
    seconds: float = 0.0
    # What the trace shows of a send that raises.
    events: Sequence[tuple[str, dict[str, Any]]] = ()
    carrier: type = httpx.HTTPTransport


def answer(status: int, **options: Any) -> Step:
    return Step(status=status, **options)


def sent() -> tuple[str, dict[str, Any]]:
    """Make the event that our request began to be written."""
    request = httpx.Request("POST", "http://x")
    plain = type("Core", (), {"method": request.method.encode()})()
    return "http11.send_request_headers.started", {"request": plain}


def lost(error: Exception | None = None, **options: Any) -> Step:
    """The request went out, and no answer came."""
    raises = httpx.ReadTimeout("") if error is None else error
    return Step(raises=raises, events=[sent()], **options)


def refused() -> Step:
    """The connection was refused."""
    return Step(
        raises=httpx.ConnectError(""),
        events=[("connection.connect_tcp.failed", {"exception": OSError()})],
    )


class Paper:
    """Plays *steps* to one operation after the other."""

    def __init__(
        self,
        *steps: Step,
        random: Callable[[], float] = lambda: 0.5,
        **terms: Any,
    ) -> None:
        self.steps = list(steps)
        self.clock = Clock()
        self.effects: list[Effect] = []
        self.slept: list[float] = []
        self.keys: list[str | None] = []
        terms.setdefault("budget", RetryBudget(capacity=1e6, start=1e6))
        time = Time()
        time.clock, time.wall = self.clock, lambda: self.clock() + 1e9
        self.terms = Terms(
            time=time,
            random=random,
            **terms,
        )

    def open(
        self,
        method: str = "POST",
        url: str = "https://api.example.com/x",
        *,
        policy: RetryPolicy | None = None,
        unread: bool = False,
        returns_doubt: bool = False,
        timeout: dict[str, float] | None = None,
        **own: Any,
    ) -> Call:
        if policy is not None:
            own["policy"] = policy
        every = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
        request = httpx.Request(
            method,
            url,
            content=b"{}" if method in {"POST", "PATCH", "PUT"} else None,
            extensions={"timeout": timeout or every, "samekey": own},
        )
        call = open_call(self.terms, httpx, request)  # type: ignore[arg-type]
        call.unread = unread
        call.returns_doubt = returns_doubt
        return call

    def post(self, **options: Any) -> httpx.Response:
        return self.run(self.open(**options))

    def run(self, call: Call) -> httpx.Response:
        self.call = call
        flow = exchange(call)
        step: Any = flow.send
        value: Any = None
        while True:
            try:
                effect = step(value)
            except StopIteration as stop:
                response: httpx.Response = stop.value
                return response
            self.effects.append(effect)
            try:
                value, step = self._perform(call, effect), flow.send
            except BaseException as exc:  # noqa: BLE001
                value, step = exc, flow.throw

    def _perform(self, call: Call, effect: Effect) -> Any:
        match effect:
            case Send() | Follow():
                return self._send(call)
            case Read(response) | Peek(response):
                broken = response.extensions.get("breaks")
                if broken is not None:
                    raise broken
                return response.read()
            case Sleep(seconds):
                self.slept.append(seconds)
                self.clock.now += seconds
            case Claim():
                return _journaling.claim(call)
            case Record(response):
                _journaling.record(call, response)
            case Drain() | Freeze():
                pass
        return None

    def _send(self, call: Call) -> httpx.Response:
        step = self.steps.pop(0)
        self.keys.append(call.key)
        evidence = call.evidence
        assert evidence is not None
        evidence.sends += 1
        evidence.carrier = step.carrier
        evidence.status = None
        for name, info in step.events:
            evidence.listen(name, info)
        self.clock.now += step.seconds
        if step.raises is not None:
            evidence.failure = step.raises
            raise step.raises
        assert step.status is not None
        evidence.status = step.status
        return httpx.Response(
            step.status,
            headers=step.headers,
            stream=Body(step.body),
            request=call.request,
            extensions={"breaks": step.breaks},
        )


class Body(httpx.SyncByteStream):
    """A body that is not read yet."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Any:
        yield self.data
