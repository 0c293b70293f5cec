"""
The bodies of answers: read under a deadline, looked at, or handed out.

httpx checks the class of a stream, so each of these is made into a class of
the library when it is first needed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from samekey._call import Call
from samekey._ending import attach
from samekey._limits import DRAIN_LIMIT, Limits, TooLong, is_late
from samekey._notes import passing_note
from samekey.errors import AnswerLost


class Answer:
    """A body that stands in for another, *inner*."""

    inner: Any

    @property
    def elapsed(self) -> Any:
        # httpx2 keeps the time on its own stream and asks for it here.
        return getattr(self.inner, "elapsed", None)

    def close(self) -> None:
        self.inner.close()

    async def aclose(self) -> None:
        await self.inner.aclose()


async def left(chunks: Any) -> None:
    """Leave an async iterator; on trio the garbage collector would warn."""
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()


class _Guarded(Answer):
    """A body that must not pass the deadline; drained, if *until* is given."""

    def __init__(
        self,
        inner: Any,
        call: Call,
        extensions: Any,
        until: float | None,
    ) -> None:
        self.inner = inner
        self.call = call
        self.extensions = extensions
        self.until = until


class Guarded(_Guarded):
    """The sync one."""

    def __iter__(self) -> Iterator[bytes]:
        return guarded(self.inner, self.call, self.extensions, self.until)


class AsyncGuarded(_Guarded):
    """The async one."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aguarded(self.inner, self.call, self.extensions, self.until)


def guarded(
    stream: Any, call: Call, extensions: Any, until: float | None
) -> Iterator[bytes]:
    """Give the chunks of *stream*, up to the deadline, or *until* then."""
    limits: Limits | None = None
    size = 0
    try:
        for chunk in stream:
            size += len(chunk)
            if limits is None and is_late(call, until):
                limits = Limits(call, extensions, until)
            if limits is not None:
                limits.check()
            if until is not None and size > DRAIN_LIMIT:
                raise TooLong
            yield chunk
    finally:
        if limits is not None:
            limits.stop()


async def aguarded(
    stream: Any, call: Call, extensions: Any, until: float | None
) -> AsyncIterator[bytes]:
    """Same as `guarded`, awaiting."""
    limits: Limits | None = None
    size = 0
    chunks = aiter(stream)
    try:
        async for chunk in chunks:
            size += len(chunk)
            if limits is None and is_late(call, until):
                limits = Limits(call, extensions, until)
            if limits is not None:
                limits.check()
            if until is not None and size > DRAIN_LIMIT:
                raise TooLong
            yield chunk
    finally:
        if limits is not None:
            limits.stop()
        await left(chunks)


class _Handed(Answer):
    """A body that breaks in the user's hands with the report attached."""

    def __init__(self, inner: Any, call: Call, headers: Any) -> None:
        self.inner = inner
        self.call = call
        self.headers = headers

    def broken(self, exc: BaseException) -> None:
        if isinstance(exc, AnswerLost):
            return  # the journal's: nothing was sent that could break
        call = self.call
        call.note_replay(self.headers)
        call.lost_in_hand(type(exc).__name__)
        attach(call, exc)
        exc.add_note(passing_note(call.report()))


class Handed(_Handed):
    """The sync one."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.inner
        except GeneratorExit:
            raise
        except BaseException as exc:
            self.broken(exc)
            raise


class AsyncHanded(_Handed):
    """The async one."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self.inner)
        try:
            async for chunk in chunks:
                yield chunk
        except BaseException as exc:
            # Where it has come to its end there is nothing to leave.
            if not isinstance(exc, GeneratorExit):
                self.broken(exc)
            await left(chunks)
            raise


class _Rejoined(Answer):
    """A body that was looked at: its *first* chunks, and the *rest*."""

    def __init__(self, inner: Any, first: list[bytes], rest: Any) -> None:
        self.inner = inner
        self.first = first
        self.rest = rest


class Rejoined(_Rejoined):
    """The sync one."""

    def __iter__(self) -> Iterator[bytes]:
        yield from self.first
        yield from self.rest


class AsyncRejoined(_Rejoined):
    """The async one."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.first:
                yield chunk
            async for chunk in self.rest:
                yield chunk
        finally:
            await left(self.rest)
