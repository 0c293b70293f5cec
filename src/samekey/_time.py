"""
The time that calls go by: the process's own, or one that stands in for it.

A client's terms hold `clock`, `wall` and the sleeps as values, so a test can
give one client a time of its own. By default they are the functions below.
They ask for a stand-in first, so a test can also do it for every client there
is, also for those that were made before it. `samekey.testing` does both.
Nothing is replaced by its name, and without a stand-in it costs one look at
an empty list.
"""

from __future__ import annotations

import contextlib
import time

from collections.abc import Generator
from typing import Protocol


class StandIn(Protocol):
    """What may stand in for the process's time."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


# The last one counts; a test within a test goes back to the one before.
_STAND_INS: list[StandIn] = []


def clock() -> float:
    """Give seconds that only go forward."""
    return _STAND_INS[-1].monotonic() if _STAND_INS else time.monotonic()


def wall() -> float:
    """Give seconds since the epoch."""
    return _STAND_INS[-1].time() if _STAND_INS else time.time()


def sleep(seconds: float) -> None:
    """Let *seconds* pass."""
    (_STAND_INS[-1] if _STAND_INS else time).sleep(seconds)


async def async_sleep(seconds: float) -> None:
    """Same as `sleep`, awaiting; under asyncio and trio."""
    import anyio  # noqa: PLC0415 -- `import samekey` does not load it

    if _STAND_INS:
        _STAND_INS[-1].sleep(seconds)
        seconds = 0  # others get their turn, and a cancellation is seen
    await anyio.sleep(seconds)


@contextlib.contextmanager
def standing_in(stand_in: StandIn) -> Generator[None]:
    """Have *stand_in* tell the time to every client of this process."""
    _STAND_INS.append(stand_in)
    try:
        yield
    finally:
        _STAND_INS.remove(stand_in)
