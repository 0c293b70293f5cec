"""
The time that calls go by: the process's own, or one that stands in for it.

A client's terms hold a `Time`, so a test can give one client a time of its own.
By default it is PROCESS, and its functions are those of Python's `time`, with
nothing in between: they are asked several times in each call. A test can also
have another time stand in for every client there is, also for those that were
made before it; then PROCESS tells that. `samekey.testing` does both.
"""

from __future__ import annotations

import contextlib
import time

from collections.abc import Awaitable, Callable, Generator
from typing import Protocol


class StandIn(Protocol):
    """What may stand in for the process's time."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    async def async_sleep(self, seconds: float) -> None: ...


class Time:
    """
    What calls go by.

    Attributes:
        clock: Gives seconds that only go forward.

        wall: Gives seconds since the epoch.

        sleep: Lets seconds pass.

        async_sleep: Same, awaiting; under asyncio and trio.
    """

    __slots__ = ("async_sleep", "clock", "sleep", "wall")

    clock: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], None]
    async_sleep: Callable[[float], Awaitable[None]]

    def __init__(self, stand_in: StandIn | None = None) -> None:
        self.go_by(stand_in)

    def go_by(self, stand_in: StandIn | None) -> None:
        """Tell the time of *stand_in*; None: Python's."""
        if stand_in is None:
            self.clock, self.wall = time.monotonic, time.time
            self.sleep, self.async_sleep = time.sleep, _async_sleep
        else:
            self.clock, self.wall = stand_in.monotonic, stand_in.time
            self.sleep = stand_in.sleep
            self.async_sleep = stand_in.async_sleep


async def _async_sleep(seconds: float) -> None:
    import anyio  # noqa: PLC0415 -- `import samekey` does not load it

    await anyio.sleep(seconds)


PROCESS = Time()
"""The time of every client that has none of its own."""

# The last one counts; a test within a test goes back to the one before.
_STAND_INS: list[StandIn] = []


@contextlib.contextmanager
def standing_in(stand_in: StandIn) -> Generator[None]:
    """Have *stand_in* tell the time to every client of this process."""
    _STAND_INS.append(stand_in)
    PROCESS.go_by(stand_in)
    try:
        yield
    finally:
        _STAND_INS.remove(stand_in)
        PROCESS.go_by(_STAND_INS[-1] if _STAND_INS else None)
