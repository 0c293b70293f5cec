"""
The body of an answer, as it is read under a deadline or handed out.

httpx checks the class of a stream, so there is one class for each library's
sync and async base, made when it is first needed.
"""

from __future__ import annotations

import functools

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterator,
    Sequence,
)
from typing import Any

from samekey._call import Call
from samekey._library import Module, Response
from samekey._watchdog import Watch
from samekey._wire import GRACE


class TooLong(Exception):
    """A body that is only drained is longer than the limit."""


class Limits:
    """Watches the chunks of a body: their sum, and the deadline."""

    __slots__ = ("_call", "_left", "_response", "_until", "_watch")

    def __init__(
        self,
        call: Call,
        response: Response,
        limit: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self._call = call
        self._response = response
        self._left = limit
        self._until = call.deadline
        if seconds is not None:
            self._until = call.terms.clock() + seconds
        self._watch: Watch | None = None

    def check(self, chunk: bytes) -> None:
        """
        Take one chunk.

        Raises:
            TooLong: If there are more bytes than the limit.

            ReadTimeout: The library's, if the deadline has passed.
        """
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLong
        call = self._call
        if self._until is None:
            return
        left = self._until - call.terms.clock()
        if left <= 0:
            msg = "the deadline passed while the answer was read"
            raise call.library.ReadTimeout(msg)
        if self._watch is None and call.tap is not None:
            read = call.tap.timeouts().get("read")
            if read is None or read > left:
                self._watch = self._start(left)

    def _start(self, left: float) -> Watch | None:
        extensions = self._response.extensions
        stream = extensions.get("network_stream")
        version = extensions.get("http_version", b"")
        # Other streams share an HTTP/2 connection.
        if stream is None or not version.startswith(b"HTTP/1"):
            return None
        sock = stream.get_extra_info("socket")
        return self._call.terms.watchdog.watch(sock, left + GRACE)

    def stop(self) -> None:
        """Stop watching the socket."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


Broken = Callable[[BaseException], None]


class _Answer:
    """What the sync and the async stream have in common."""

    def __init__(
        self,
        inner: Any,
        *,
        limits: Limits | None = None,
        broken: Broken | None = None,
        first: Sequence[bytes] = (),
        rest: Any = None,
    ) -> None:
        self._inner = inner
        self._limits = limits
        self._broken = broken
        self._first = first
        self._rest = inner if rest is None else rest

    @property
    def elapsed(self) -> Any:
        # httpx2 keeps the time on its own stream and asks for it here.
        return getattr(self._inner, "elapsed", None)

    def _failed(self, exc: BaseException) -> None:
        if self._broken is not None and not isinstance(exc, GeneratorExit):
            self._broken(exc)

    def _taken(self, chunk: bytes) -> bytes:
        if self._limits is not None:
            self._limits.check(chunk)
        return chunk

    def _end(self) -> None:
        if self._limits is not None:
            self._limits.stop()


class _SyncAnswer(_Answer):
    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._first
            for chunk in self._rest:
                yield self._taken(chunk)
        except BaseException as exc:
            self._failed(exc)
            raise
        finally:
            self._end()

    def close(self) -> None:
        self._inner.close()


class _AsyncAnswer(_Answer):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest = aiter(self._rest)
        try:
            for chunk in self._first:
                yield chunk
            async for chunk in rest:
                yield self._taken(chunk)
        except BaseException as exc:
            self._failed(exc)
            raise
        finally:
            self._end()
            # Left to the garbage collector it would warn, on trio.
            if isinstance(rest, AsyncGenerator):
                await rest.aclose()

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Once:
    """A request's body that is sent once, or not at all."""

    def __init__(self, inner: Any, consumed: type[Exception]) -> None:
        self._inner = inner
        self._consumed = consumed
        self._begun = False

    def _begin(self) -> None:
        if self._begun:
            raise self._consumed
        self._begun = True


class _SyncOnce(_Once):
    def __iter__(self) -> Iterator[bytes]:
        self._begin()
        yield from self._inner

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


class _AsyncOnce(_Once):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begin()
        async for chunk in self._inner:
            yield chunk

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()


def only_once(library: Module, stream: Any) -> Any:
    """Let a request's body be iterated once; multipart rewinds by itself."""
    plain = isinstance(stream, library.SyncByteStream)
    if plain and isinstance(stream, library.AsyncByteStream):
        return stream
    cls = _class_for(
        library.SyncByteStream if plain else library.AsyncByteStream,
        _SyncOnce if plain else _AsyncOnce,
    )
    return cls(stream, library.StreamConsumed)


@functools.lru_cache(maxsize=8)
def _class_for(base: type, own: type) -> type:
    return type(own.__name__, (own, base), {})


def answer(library: Module, inner: Any, **options: Any) -> Any:
    """Wrap the sync stream *inner*; options as `_Answer`."""
    return _class_for(library.SyncByteStream, _SyncAnswer)(inner, **options)


def async_answer(library: Module, inner: Any, **options: Any) -> Any:
    """Same as `answer`, for an async stream."""
    return _class_for(library.AsyncByteStream, _AsyncAnswer)(inner, **options)
