"""
How a connection is opened, and how long it waits for others.

SQLite's own wait polls ever more seldom, up to ten times a second, and so can
starve among many busy writers. Here each wait is short, and there are many.
"""

from __future__ import annotations

import os
import sqlite3
import time

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from ._files import check_files, prepare
from ._record import StoreError
from ._schema import VERSION, migrate, read_version


T = TypeVar("T")

Place = tuple[int, int]
"""Which file it is: its device, and its number there."""

# Locked, or a neighbour is just opening, closing or recovering the file.
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL})
# SQLite sleeps for 1, 2, 5 and 2 ms in this time.
_SLICE = 0.01
_PAUSE = 0.001
_FULL, _NORMAL = 2, 1


class Locked(StoreError):
    """Another process held the file for longer than the busy timeout."""


@attrs.frozen
class Opener:
    """Opens connections to one file."""

    path: Path
    factory: type[sqlite3.Connection] = attrs.field(kw_only=True)
    busy_timeout: float = attrs.field(kw_only=True)
    _name: str = attrs.field(init=False)

    @_name.default
    def _as_text(self) -> str:
        return str(self.path)

    def place(self) -> Place | None:
        """Tell which file stands at the path; None: there is none."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 -- half the price
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def open(
        self, *, after_failure: bool = False
    ) -> tuple[sqlite3.Connection, Place | None]:
        """
        Check the file, open it, and bring it up to date; tell which it is.

        Args:
            after_failure: Begin a new log. When a sync fails, the system
                forgets what it could not write, and says so only once: the
                next sync succeeds over a hole. Completions that nobody has
                synced may lie there, and recovery ends at a hole. SQLite
                still reads them, and puts them into the file.

        Raises:
            StoreError: If the file must not be used, or SQLite cannot.
        """
        prepare(self.path)
        place = self.place()
        connection = sqlite3.connect(
            self.path,
            timeout=_SLICE,
            isolation_level=None,
            check_same_thread=False,
            factory=self.factory,
        )
        try:
            self._set_up(connection)
            if after_failure:
                self.patiently(lambda: _begin_log(connection))
            check_files(self.path)  # what SQLite made next to it, too
        except BaseException:
            connection.close()
            raise
        return connection, place

    def _set_up(self, connection: sqlite3.Connection) -> None:
        name = str(self.path)
        # Another application's file is refused before anything is written.
        version = self.patiently(lambda: read_version(connection, name))
        mode = self.patiently(
            lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall()
        )
        if mode != [("wal",)]:
            msg = f"{name} must be in WAL mode, got {mode[0][0]}"
            raise StoreError(msg)
        # What is removed is overwritten, where that costs no further writes.
        connection.execute("PRAGMA secure_delete = FAST").fetchall()
        set_durable(connection, durable=True)
        if version < VERSION:
            self.begin(connection)
            migrate(connection, name)
            connection.execute("COMMIT")

    def begin(self, connection: sqlite3.Connection) -> None:
        """
        Begin a transaction that writes.

        Raises:
            Locked: If another process holds the file for too long.
        """
        self.patiently(connection.execute, "BEGIN IMMEDIATE")

    def patiently(self, call: Callable[..., T], *args: object) -> T:
        """
        Call, with *args*, until the file is not locked.

        Raises:
            Locked: If that takes longer than the busy timeout.
        """
        until: float | None = None
        while True:
            try:
                return call(*args)
            except sqlite3.OperationalError as exc:
                if getattr(exc, "sqlite_errorcode", 0) & 0xFF not in _BUSY:
                    raise
                now = time.monotonic()
                until = now + self.busy_timeout if until is None else until
                if now >= until:
                    msg = (
                        f"{self.path} must be free, and another process has"
                        f" held it for {self.busy_timeout:g} s"
                    )
                    raise Locked(msg) from exc
                # Not every lock is waited for by SQLite.
                time.sleep(_PAUSE)


def _begin_log(connection: sqlite3.Connection) -> None:
    done = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if done[0][0] != 0:
        exc = sqlite3.OperationalError("the log is being read")
        exc.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise exc


def set_durable(connection: sqlite3.Connection, *, durable: bool) -> None:
    """
    Choose whether the next commits reach the disk before they return.

    In WAL mode, NORMAL commits without a sync: after a power cut the latest
    may be lost, but never one in the middle.

    Raises:
        StoreError: If SQLite does not do as it is told.
    """
    if not durable:
        connection.execute(f"PRAGMA synchronous = {_NORMAL}")
        return
    connection.execute(f"PRAGMA synchronous = {_FULL}")
    got = connection.execute("PRAGMA synchronous").fetchall()
    if got != [(_FULL,)]:
        msg = f"PRAGMA synchronous must be {_FULL}, got {got}"
        raise StoreError(msg)
