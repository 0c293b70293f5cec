"""
The driver of async clients; `samekey._drivers` says what holds for both.
"""

from __future__ import annotations

import functools

from collections.abc import Awaitable, Callable
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
from samekey._streams import AsyncGuarded, AsyncRejoined, left


AsyncTransmit = Callable[[Request | None], Awaitable[Response]]
"""Same as `Transmit`, awaiting."""


class AsyncDriver:
    """Same as `Driver`, awaiting."""

    async def run(self, call: Call, transmit: AsyncTransmit) -> Response:
        """Carry *call* to its outcome."""
        if not begins(call):
            return await self._carry(call, exchange(call), transmit)
        stop: Stop | None = None
        broke: BaseException | None = None
        cut: BaseException | None = None
        while True:
            latest: Response | None = None
            try:
                latest = await transmit(None)
                settled = settles(call, latest)
                if settled and not (latest.is_closed or call.unread):
                    await self._read(call, latest)
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
                await self._drain(call, latest, time_to_drain(call, step))
                if step > 0:
                    await call.terms.time.async_sleep(step)
                stop = resumes(call, latest)
            except BaseException as exc:  # noqa: BLE001 -- handed over
                cut = exc
            if stop is not None or cut is not None:
                break
        flow = exchange(call, latest, broke, stop, cut)
        latest = broke = cut = None
        return await self._carry(call, flow, transmit)

    async def _carry(
        self, call: Call, flow: Flow, transmit: AsyncTransmit
    ) -> Response:
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
                    value = await transmit(None)
                elif isinstance(effect, Read):
                    await self._read(call, effect.response)
                elif isinstance(effect, Sleep):
                    await call.terms.time.async_sleep(effect.seconds)
                elif isinstance(effect, Drain):
                    await self._drain(call, effect.response, effect.seconds)
                else:
                    value = await self._perform(call, effect, transmit)
                step = flow.send
            except BaseException as exc:  # noqa: BLE001 -- thrown in
                value = exc
                step = flow.throw

    async def _perform(
        self, call: Call, effect: Rest, transmit: AsyncTransmit
    ) -> object:
        match effect:
            case Follow(request):
                return await transmit(request)
            case Peek(response):
                return await self._peek(call, response)
            case Freeze(limit):
                await self._freeze(call, limit)
            case Claim():
                return await _together().claim(call)
            case Record(response):
                await _together().record(call, response)
            case _:
                assert_never(effect)
        return None

    async def _read(self, call: Call, response: Response) -> None:
        if response.is_closed:
            return
        plain = not is_encoded(response.headers)
        if plain and takes(
            call.library, response, call.library.AsyncByteStream
        ):
            await self._take(call, response)
        else:
            await self._let_read(call, response)

    async def _drain(
        self, call: Call, response: Response, seconds: float
    ) -> None:
        # What breaks here is of no use. `suppress` takes three calls each.
        evidence, library = call.begun(), call.library
        try:
            whole = worth_draining(evidence, seconds)
            if whole is not None and not response.is_closed:
                hurry(call, seconds)
                until = call.decided + seconds
                if not evidence.encoded and takes(
                    library, response, library.AsyncByteStream
                ):
                    await self._take(call, response, until, whole)
                else:
                    await self._let_read(call, response, until)
        except Exception:  # noqa: BLE001, S110
            pass
        try:
            if not response.is_closed:
                await response.aclose()
        except Exception:  # noqa: BLE001, S110
            pass

    async def _take(
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
        taken: list[bytes] = []
        size = 0
        chunks = aiter(stream)
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size != whole:  # else nothing is left to be waited for
                    if limits is None and is_late(call, until):
                        limits = Limits(call, response.extensions, until)
                    if limits is not None:
                        limits.check()
                    if until is not None and size > DRAIN_LIMIT:
                        raise TooLong  # noqa: TRY301 -- as if it broke
                taken.append(chunk)
            response.is_closed = True
            await stream.aclose()
        except BaseException as exc:
            put_part(call.library, response, taken, exc)
            await left(chunks)
            await response.aclose()
            raise
        finally:
            if limits is not None:
                limits.stop()
        put(response, taken)

    async def _let_read(
        self, call: Call, response: Response, until: float | None = None
    ) -> None:
        """Let the library read a body."""
        cls = stream_class(call.library, AsyncGuarded)
        response.stream = cls(
            response.stream, call, response.extensions, until
        )
        try:
            await response.aread()
        except BaseException:
            await response.aclose()
            raise

    async def _peek(self, call: Call, response: Response) -> bytes | None:
        if response.is_closed:
            return content_of(response)
        stream = response.stream
        rest = aiter(stream)
        first: list[bytes] = []
        size = 0
        limits = Limits(call, response.extensions)
        try:
            async for chunk in rest:
                first.append(chunk)
                size += len(chunk)
                if size > DRAIN_LIMIT:
                    break
                limits.check()
        finally:
            limits.stop()
        rejoined = stream_class(call.library, AsyncRejoined)
        response.stream = rejoined(stream, first, rest)
        return decoded(call, response, first) if size <= DRAIN_LIMIT else None

    async def _freeze(self, call: Call, limit: int) -> None:
        if refrain(call, call.library.AsyncByteStream):
            return
        frozen = Frozen(call, limit)
        chunks = aiter(call.request.stream)
        try:
            async for chunk in chunks:
                frozen.add(chunk)
        finally:
            await left(chunks)
        frozen.put()


@functools.cache
def _together() -> Any:
    # It loads sqlite3 and anyio; most calls have no journal.
    from samekey import _together  # noqa: PLC0415

    return _together
