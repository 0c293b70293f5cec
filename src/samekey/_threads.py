"""
The threads in which async code asks a journal's store, which blocks.

They are not taken from anyio's own number: all of those may be the user's, in
which sync code waits for a payment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from samekey.stores import StoreError


T = TypeVar("T")

MOST = 40
"""How many there are at once on a loop."""


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """
    Call *function* with *args* in a thread, and give what it does.

    Raises:
        StoreError: If no thread is to be had.
    """
    begun = False

    def call() -> T:
        nonlocal begun
        begun = True
        return function(*args)

    try:
        return await anyio.to_thread.run_sync(call, limiter=limiter())
    except RuntimeError as exc:
        if begun:
            raise
        msg = f"it must have a thread, got: {exc}"
        raise StoreError(msg) from exc


_LIMITER: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar(
    "samekey_limiter"
)


def limiter() -> anyio.CapacityLimiter:
    """Give what bounds their number on the loop that is running."""
    try:
        return _LIMITER.get()
    except LookupError:
        made = anyio.CapacityLimiter(MOST)
        _LIMITER.set(made)
        return made
