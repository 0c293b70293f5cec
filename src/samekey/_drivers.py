"""
The drivers: they make happen what the engine asks for, and decide nothing.

A call begins on the straight way, if it may, and goes on with `exchange` where
that ends.

`Driver` and `AsyncDriver`, of `samekey._async_drivers`, are the only twins of
the loop. They sleep as the terms say: by anyio in the async one, so asyncio
and trio are one case.
"""

from __future__ import annotations

import functools

from collections.abc import Callable
from typing import Any, assert_never

from samekey._body import (
    UNKNOWN,
    Frozen,
    decoded,
    hurry,
    refrain,
    worth_draining,
)
from samekey._call import Call
from samekey._effects import (
    Claim,
    Drain,
    Effect,
    Follow,
    Freeze,
    Peek,
    Read,
    Record,
    Rest,
    Send,
    Sleep,
)
from samekey._engine import Flow, exchange
from samekey._headers import is_encoded
from samekey._letting_go import time_to_drain
from samekey._library import Request, Response, content_of, stream_class
from samekey._limits import DRAIN_LIMIT, Limits, TooLong, is_late
from samekey._next import Stop
from samekey._reading import put, put_part, takes
from samekey._straight import (
    answered,
    begins,
    resends,
    resumes,
    settles,
)
from samekey._streams import Guarded, Rejoined


Transmit = Callable[[Request | None], Response]
"""Sends the call's own request (None), or the hop of a redirect."""


class Driver:
    """Runs operations with blocking I/O."""

    def run(self, call: Call, transmit: Transmit) -> Response:
        """Carry *call* to its outcome."""
        if not begins(call):
            return self._carry(call, exchange(call), transmit)
        stop: Stop | None = None
        broke: BaseException | None = None
        cut: BaseException | None = None
        while True:
            latest: Response | None = None
            try:
                latest = transmit(None)
                settled = settles(call, latest)
                if settled and not (latest.is_closed or call.unread):
                    self._read(call, latest)
            except BaseException as exc:  # noqa: BLE001 -- handed over
                broke = exc
                break
            if settled:
                return answered(call, latest)
            try:
                step = resends(call, latest)
                if step is None or isinstance(step, Stop):
                    stop = step
                    break
                self._drain(call, latest, time_to_drain(call, step))
                if step > 0:
                    call.terms.time.sleep(step)
                stop = resumes(call, latest)
            except BaseException as exc:  # noqa: BLE001 -- handed over
                cut = exc
            if stop is not None or cut is not None:
                break
        flow = exchange(call, latest, broke, stop, cut)
        latest = broke = cut = None
        return self._carry(call, flow, transmit)

    def _carry(self, call: Call, flow: Flow, transmit: Transmit) -> Response:
        step: Callable[[Any], Effect] = flow.send
        value: Any = None
        while True:
            try:
                effect = step(value)
            except StopIteration as stop:
                result: Response = stop.value
                return result
            finally:
                value = None  # an exception must not hold its own frame
            try:
                if isinstance(effect, Send):
                    value = transmit(None)
                elif isinstance(effect, Read):
                    self._read(call, effect.response)
                elif isinstance(effect, Sleep):
                    call.terms.time.sleep(effect.seconds)
                elif isinstance(effect, Drain):
                    self._drain(call, effect.response, effect.seconds)
                else:
                    value = self._perform(call, effect, transmit)
                step = flow.send
            except BaseException as exc:  # noqa: BLE001 -- thrown in
                value = exc
                step = flow.throw

    def _perform(self, call: Call, effect: Rest, transmit: Transmit) -> object:
        match effect:
            case Follow(request):
                return transmit(request)
            case Peek(response):
                return self._peek(call, response)
            case Freeze(limit):
                self._freeze(call, limit)
            case Claim():
                return _journaling().claim(call)
            case Record(response):
                _journaling().record(call, response)
            case _:
                assert_never(effect)
        return None

    def _read(self, call: Call, response: Response) -> None:
        if response.is_closed:
            return
        plain = not is_encoded(response.headers)
        if plain and takes(
            call.library, response, call.library.SyncByteStream
        ):
            self._take(call, response)
        else:
            self._let_read(call, response)

    def _drain(self, call: Call, response: Response, seconds: float) -> None:
        # What breaks here is of no use. `suppress` takes three calls each.
        evidence, library = call.begun(), call.library
        try:
            whole = worth_draining(evidence, seconds)
            if whole is not None and not response.is_closed:
                hurry(call, seconds)
                until = call.decided + seconds
                if not evidence.encoded and takes(
                    library, response, library.SyncByteStream
                ):
                    self._take(call, response, until, whole)
                else:
                    self._let_read(call, response, until)
        except Exception:  # noqa: BLE001, S110
            pass
        try:
            if not response.is_closed:
                response.close()
        except Exception:  # noqa: BLE001, S110
            pass

    def _take(
        self,
        call: Call,
        response: Response,
        until: float | None = None,
        whole: int = UNKNOWN,
    ) -> None:
        """Take a plain body in; drain it, if *until* is given."""
        stream = response.stream
        response.is_stream_consumed = True
        limits: Limits | None = None
        chunks: list[bytes] = []
        size = 0
        try:
            for chunk in stream:
                size += len(chunk)
                if size != whole:  # else nothing is left to be waited for
                    if limits is None and is_late(call, until):
                        limits = Limits(call, response.extensions, until)
                    if limits is not None:
                        limits.check()
                    if until is not None and size > DRAIN_LIMIT:
                        raise TooLong  # noqa: TRY301 -- as if it broke
                chunks.append(chunk)
            response.is_closed = True
            stream.close()
        except BaseException as exc:
            put_part(call.library, response, chunks, exc)
            response.close()
            raise
        finally:
            if limits is not None:
                limits.stop()
        put(response, chunks)

    def _let_read(
        self, call: Call, response: Response, until: float | None = None
    ) -> None:
        """Let the library read a body."""
        cls = stream_class(call.library, Guarded)
        response.stream = cls(
            response.stream, call, response.extensions, until
        )
        try:
            response.read()
        except BaseException:
            response.close()
            raise

    def _peek(self, call: Call, response: Response) -> bytes | None:
        if response.is_closed:
            return content_of(response)
        stream = response.stream
        rest = iter(stream)
        first: list[bytes] = []
        size = 0
        limits = Limits(call, response.extensions)
        try:
            for chunk in rest:
                first.append(chunk)
                size += len(chunk)
                if size > DRAIN_LIMIT:
                    break
                limits.check()
        finally:
            limits.stop()
        rejoined = stream_class(call.library, Rejoined)
        response.stream = rejoined(stream, first, rest)
        return decoded(call, response, first) if size <= DRAIN_LIMIT else None

    def _freeze(self, call: Call, limit: int) -> None:
        if refrain(call, call.library.SyncByteStream):
            return
        frozen = Frozen(call, limit)
        for chunk in call.request.stream:
            frozen.add(chunk)
        frozen.put()


@functools.cache
def _journaling() -> Any:
    # It loads sqlite3; most calls have no journal.
    from samekey import _journaling  # noqa: PLC0415

    return _journaling
