"""
An answer of which the journal has kept the status, and no body.

Whoever looks for the body is told so, however they look: the library itself
would tell them to read it first.
"""

from __future__ import annotations

import functools

from collections.abc import Iterator
from typing import Any, Self

from samekey._call import Call
from samekey._library import Module, stream_class
from samekey._notes import blend
from samekey.errors import AnswerLost, build


def unkept(call: Call, status: int | None, headers: Any) -> Any:
    """Make the answer to *call*."""
    response = _class(call.library)(
        status,
        headers=headers,
        stream=stream_class(call.library, _Missing)(call),
        request=call.request,
    )
    response.missing = functools.partial(_error, call)
    return response


class _Missing:
    """A body that is not there."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def __iter__(self) -> Iterator[bytes]:
        raise _error(self.call)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise _error(self.call)

    def close(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


def _error(call: Call) -> AnswerLost:
    kind = call.library.TransportError
    msg = (
        "the journal knows that it was answered, but has not kept the"
        " answer, and the server may have forgotten the key; ask the API"
        " for it"
    )
    return build(
        blend(AnswerLost, kind, kind), msg, call.report(), "retention"
    )


@functools.lru_cache(maxsize=8)
def _class(library: Module) -> Any:
    base: Any = library.Response

    class Unkept(base):  # type: ignore[misc]  # known at run time
        """A response whose `content` says why it has none."""

        missing: Any

        @property
        def content(self) -> bytes:
            raise self.missing()

        def __reduce_ex__(self, protocol: Any) -> Any:
            # What is pickled has no stream, as any that was not read.
            state: Any = self.__getstate__()
            del state["missing"]
            return object.__new__, (library.Response,), state

    return Unkept
