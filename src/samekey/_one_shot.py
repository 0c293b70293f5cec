"""
A request's body that is sent once, or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from samekey._library import Module, stream_class


class _Once:
    """A request's body that is sent once, or not at all."""

    def __init__(self, inner: Any, consumed: type[Exception]) -> None:
        self.inner = inner
        self.consumed = consumed
        self.begun = False

    def begin(self) -> None:
        if self.begun:
            raise self.consumed
        self.begun = True


class SyncOnce(_Once):
    """The sync one."""

    def __iter__(self) -> Iterator[bytes]:
        self.begin()
        yield from self.inner


class AsyncOnce(_Once):
    """The async one."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begin()
        async for chunk in self.inner:
            yield chunk


def only_once(library: Module, stream: Any) -> Any:
    """Let a request's body be iterated once; multipart rewinds by itself."""
    plain = isinstance(stream, library.SyncByteStream)
    if plain and isinstance(stream, library.AsyncByteStream):
        return stream
    cls = stream_class(library, SyncOnce if plain else AsyncOnce)
    return cls(stream, library.StreamConsumed)
