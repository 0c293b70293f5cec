"""
A connection that is never used again once something has failed.

SQLite has locks of its own, which a forked child would find held for ever if a
thread was inside SQLite just then. So a fork waits for a moment until no thread
of ours is.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref

from collections.abc import Callable
from typing import TypeVar

from ._open import Locked, Opener, Place
from ._record import StoreError


T = TypeVar("T")


class Trust:
    """What the connections of a store share: one failure ends all of them."""

    def __init__(self) -> None:
        self.failures = 0
        self.closed = False


class Handle:
    """
    A connection that is opened when it is needed. Thread-safe.

    After a failed sync nobody knows what is on disk, so after any failure
    the connection is closed, and the next call opens another.
    """

    def __init__(self, opener: Opener, trust: Trust) -> None:
        self._opener = opener
        self._trust = trust
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        self._failures = 0
        _HANDLES.add(self)

    def hold(self, seconds: float) -> bool:
        """Keep all threads out, once the one that is in is done."""
        return self._lock.acquire(timeout=seconds)

    def let_in(self) -> None:
        """Let threads in again."""
        self._lock.release()

    def use(
        self,
        work: Callable[[sqlite3.Connection], T],
        instead: Handle | None = None,
        *,
        lasting: bool = False,
    ) -> T:
        """
        Call *work* with the connection, while no other thread has it.

        Args:
            work: Is called once.

            instead: Whose connection is taken while another thread has this
                one's. By default it is waited for.

            lasting: What is written must be found again: make sure that the
                file is where it was.

        Raises:
            StoreError: If SQLite fails, or the store was closed.
        """
        if not self._lock.acquire(blocking=instead is None):
            assert instead is not None
            return instead.use(work)
        try:
            return work(self._open(lasting=lasting))
        except Locked:
            raise  # nothing has happened
        except sqlite3.Error as exc:
            self._distrust()
            msg = f"{self._opener.path} must be usable, got: {exc}"
            raise StoreError(msg) from exc
        except BaseException:
            self._distrust()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection, once no other thread has it."""
        with self._lock:
            self._drop()

    def _open(self, *, lasting: bool) -> sqlite3.Connection:
        trust = self._trust
        if trust.closed:
            msg = f"{self._opener.path} must be open, and was closed"
            raise StoreError(msg)
        if self._failures != trust.failures:
            self._drop()
        if self._connection is None:
            self._failures = trust.failures
            self._connection, self._place = self._opener.open(
                after_failure=trust.failures > 0
            )
        elif lasting and self._opener.place() != self._place:
            # SQLite would go on with the one that it has, and nobody would
            # find it again. In WAL mode it does not look.
            msg = (
                f"{self._opener.path} must stay where it is, and was moved or"
                " removed while it was open; nothing was written"
            )
            raise StoreError(msg)
        return self._connection

    def _distrust(self) -> None:
        self._trust.failures += 1
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # If that fails, it stays open until nothing refers to it.
            with contextlib.suppress(sqlite3.Error):
                connection.close()


PAUSE = 1.0
"""For how long a fork waits, in seconds; a file may be locked for longer."""

_HANDLES: weakref.WeakSet[Handle] = weakref.WeakSet()
_HELD: list[Handle] = []


def pause() -> None:
    """Wait until no thread is inside SQLite, and keep them out."""
    until = time.monotonic() + PAUSE
    _HELD.extend(
        handle
        for handle in list(_HANDLES)
        if handle.hold(max(0.0, until - time.monotonic()))
    )


def go_on() -> None:
    """Let them in again."""
    while _HELD:
        _HELD.pop().let_in()


getattr(os, "register_at_fork", dict)(
    before=pause, after_in_parent=go_on, after_in_child=go_on
)
