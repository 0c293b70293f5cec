"""A clock that a test moves, in place of the time that clients go by."""

from __future__ import annotations

import contextlib
import copy
import math
import threading
import time

from typing import Any, TypeVar

from samekey._terms import Terms
from samekey._time import Time, standing_in
from samekey._transport import AsyncTransport, Transport
from samekey._verbs import Verbs
from samekey._wrap import _share


T = TypeVar("T")


class FakeClock:
    """
    Tells the time to clients, and is moved by their waits and by the test.

    A client that waits under it does not wait: the clock moves on by as much,
    so deadlines, `Retry-After` and retention count as they would. The waits
    are in `waits`, in seconds, in order.

    Args:
        wall: What time it is at first, in seconds since the epoch. Default
            now.

        ticking: Whether time also goes by on its own. If not, it stands
            still between waits.
    """

    def __init__(
        self, *, wall: float | None = None, ticking: bool = False
    ) -> None:
        self.waits: list[float] = []
        self._lock = threading.Lock()
        self._wall = time.time() if wall is None else wall
        # From now on, so that what a client remembers keeps its age.
        self._began = time.monotonic()
        self._ticking = ticking
        self._moved = 0.0

    def __repr__(self) -> str:
        return f"<FakeClock {self.elapsed:g} s on, {len(self.waits)} waits>"

    @property
    def elapsed(self) -> float:
        """The seconds since the clock was made, waits included."""
        if not self._ticking:
            return self._moved
        return self._moved + time.monotonic() - self._began

    def monotonic(self) -> float:
        """Stand in for `time.monotonic`."""
        return self._began + self.elapsed

    def time(self) -> float:
        """Stand in for `time.time`."""
        return self._wall + self.elapsed

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`: note the wait and move on by it."""
        with self._lock:
            self.waits.append(seconds)
            self._moved += seconds

    async def async_sleep(self, seconds: float) -> None:
        """Same as `sleep`, awaiting: others get their turn."""
        import anyio  # noqa: PLC0415 -- sync tests do without it

        self.sleep(seconds)
        await anyio.lowlevel.checkpoint()

    def advance(self, seconds: float) -> None:
        """
        Let *seconds* go by, as if something else had taken them.

        Raises:
            ValueError: If *seconds* is negative or not finite.
        """
        if not 0 <= seconds < math.inf:
            msg = f"seconds must be 0 or more and finite, got {seconds!r}"
            raise ValueError(msg)
        with self._lock:
            self._moved += seconds


def with_clock(client: T, clock: FakeClock) -> T:
    """
    Give a copy of *client* that goes by *clock*; the client does not.

    Args:
        client: A client or a transport of samekey, sync or async. Both share
            their connections, their budget and what they remember.

        clock: It stands in for clock, wall time and sleep.

    Raises:
        TypeError: If *client* is not of samekey.
    """
    if isinstance(client, Verbs):
        held: Any = client
        bound = copy.copy(held._samekey)
        bound.terms = _going_by(bound.terms, clock)
        bound.original = client
        new: Any = object.__new__(type(client))
        _share(client, new)
        object.__setattr__(new, "_samekey", bound)
    elif isinstance(client, (Transport, AsyncTransport)):
        new = copy.copy(client)
        new._terms = _going_by(client._terms, clock)
    else:
        msg = (
            "client must be a client or transport of samekey, got"
            f" {type(client).__name__}"
        )
        raise TypeError(msg)
    result: T = new
    return result


def _going_by(terms: Terms, clock: FakeClock) -> Terms:
    # Not by `attrs.evolve`: what a user gave has been read already.
    new = copy.copy(terms)
    object.__setattr__(new, "time", Time(clock))
    return new


def stand_in(clock: FakeClock) -> contextlib.AbstractContextManager[None]:
    """
    Have every client of this process go by *clock* while the context lasts.

    Also those that were made before it, and those in other threads. A client
    that `with_clock` gave keeps its own. Of two that stand in at once, the
    later one counts.
    """
    return standing_in(clock)
