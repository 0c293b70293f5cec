"""
A store in one SQLite file, for threads and processes of one machine.

What holds, and what it rests on:

- A claim that returns is on disk: WAL mode, `synchronous=FULL` and read back,
  so that a commit is one sync of the write-ahead log. SQLite shows a commit
  to others only after that sync, so that nobody acts on what could be lost.
- A completion is committed without a sync by default. Others see it at once;
  a power cut may lose it, which costs one resend under the same key.
- Who reads never waits for who writes. A lone claim looks first, and begins a
  transaction that writes only if there is something to write. Claims in a
  crowd do not look: most operations are new, and looking would cost more than
  it saves.
- Writers begin with `BEGIN IMMEDIATE`, so that none fails half-way because
  another was faster. Threads share transactions (see `_batch`), processes
  take turns.
- After any failure of SQLite's the connection is closed (see `_handle`).

The log is copied into the file by SQLite's own automatic checkpoint, at 1,000
pages, in the commit that gets it there. That is some 250 claims apart and
keeps the log at about 4 MiB; a thread of our own would have to be stopped,
forked and explained. The last to close the file empties the log.

It needs a local file system: WAL mode does not work over a network.
"""

from __future__ import annotations

import os
import sqlite3

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self, TypeVar

from . import _rows
from ._batch import GroupCommit, Ticket
from ._checks import check_time
from ._commit import Committer
from ._decide import (
    Ask,
    Completion,
    check_id,
    check_release,
    check_scan,
    check_sweep,
)
from ._files import check_path
from ._handle import Handle, Trust
from ._open import Opener
from ._record import Claim, Done, Record, StoreError
from ._several import Several


T = TypeVar("T")


class SQLiteStore:
    """
    Hold records in a SQLite file. Thread-safe, and safe among processes.

    A new file is readable by its owner only. A forked child must make a store
    of its own; this one's methods raise `RuntimeError` there.

    Args:
        path: The file; it is made where there is none. Its directory must
            exist, and be on a local disk.

        busy_timeout: For how long to wait for other processes, in seconds.

    Raises:
        StoreError: If the file is a link, another user's, one that others can
            write, another application's, from a newer samekey, or damaged; or
            if it cannot be made.

        TypeError: If an argument is of another type.

        ValueError: If *path* is empty or `":memory:"`, or *busy_timeout* is
            negative or not finite.
    """

    durable = True

    # What tests replace by one that fails.
    _factory: type[sqlite3.Connection] = sqlite3.Connection

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_timeout: float = 30.0,
    ) -> None:
        self._pid = os.getpid()
        self._opener = Opener(
            check_path(path),
            factory=self._factory,
            busy_timeout=check_time(busy_timeout, "busy_timeout"),
        )
        self._committer = Committer(self._opener)
        self._trust = Trust()
        self._writer = Handle(self._opener, self._trust)
        self._reader = Handle(self._opener, self._trust)
        self._group: GroupCommit[sqlite3.Connection] = GroupCommit(self._run)
        self._writer.use(lambda connection: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self._opener.path)!r})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._opener.path

    @property
    def crowded(self) -> bool:
        """Whether other threads are at it. See `Sharing`."""
        return self._group.led

    def close(self) -> None:
        """
        Close the file, once what is under way is done.

        Closing twice does no harm. In a forked child it does nothing, for the
        file is the parent's to close.
        """
        if self._pid == os.getpid():
            self._trust.closed = True
            self._reader.close()
            self._writer.close()

    def claim(
        self,
        fresh: Record,
        *,
        now: float,
        lease: float,
        take: Collection[str] = ("open",),
        replaces: int | None = None,
    ) -> Claim:
        """
        Record an operation, or tell what is recorded of it. See `Store`.

        Raises:
            StoreError: If the file fails.
        """
        ask = Ask(
            fresh=fresh, now=now, lease=lease, take=take, replaces=replaces
        )
        work = Several((), (ask,), looks=True)
        [made] = self._write(work, durable=True).claims
        if isinstance(made, StoreError):
            raise made
        return made

    def do_all(
        self, completions: Sequence[Completion], asks: Sequence[Ask]
    ) -> Done:
        """
        Complete and claim in one transaction. See `Sharing`.

        Raises:
            StoreError: If the file fails.
        """
        return self._write(Several(completions, asks), durable=bool(asks))

    def complete(
        self,
        id: str,  # noqa: A002
        token: int,
        *,
        state: str,
        data: bytes,
        now: float,
        expires: float | None = None,
        durable: bool = False,
    ) -> Record:
        """
        Write how it went, and end the lease. See `Store`.

        Raises:
            LateOwner: If another claim has taken the record, or it is gone.

            StoreError: If the file fails.
        """
        completion = Completion(
            id=id,
            token=token,
            state=state,
            data=data,
            now=now,
            expires=expires,
        )
        return self._write(
            lambda connection: _rows.complete(connection, completion),
            durable=durable,
        )

    def release(self, id: str, token: int, *, now: float) -> None:  # noqa: A002
        """
        End the lease; nothing if *token* is old. See `Store`.

        Raises:
            StoreError: If the file fails.
        """
        check_release(id, token, now)
        self._write(
            lambda connection: _rows.release(connection, id, token, now),
            durable=False,
        )

    def get(self, id: str) -> Record | None:  # noqa: A002
        """
        Return the record, or None.

        Raises:
            StoreError: If the file fails.
        """
        check_id(id)
        return self._read(_rows.find, id)

    def scan(
        self, *, state: str | None = None, after: str = "", limit: int = 100
    ) -> list[Record]:
        """
        Return records in the order of their ids. See `Store`.

        Raises:
            StoreError: If the file fails.
        """
        check_scan(state, after, limit)
        return self._read(_rows.scan, state, after, limit)

    def sweep(self, *, now: float, limit: int = 500) -> int:
        """
        Remove up to *limit* expired records. See `Store`.

        Raises:
            StoreError: If the file fails.
        """
        check_sweep(now, limit)
        return self._write(
            lambda connection: _rows.sweep(connection, now, limit),
            durable=False,
        )

    def _read(self, work: Callable[..., T], *args: object) -> T:
        self._check_process()

        # Outside a transaction, one statement sees one state of the file.
        def look(connection: sqlite3.Connection) -> T:
            return self._opener.patiently(work, connection, *args)

        if self._group.led:
            return self._reader.use(look)
        # What has written last need not read the pages again.
        return self._writer.use(look, instead=self._reader)

    def _write(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        durable: bool,
    ) -> T:
        self._check_process()
        return self._group.submit(work, durable=durable)

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            msg = (
                f"{self!r} must be used in the process that made it"
                f" ({self._pid}), got {os.getpid()}; make another in this one"
            )
            raise RuntimeError(msg)

    def _run(self, batch: list[Ticket[sqlite3.Connection]]) -> None:
        """Do a batch; if it fails, each ticket has an error of its own."""
        try:
            self._writer.use(
                lambda connection: self._committer.commit(connection, batch),
                lasting=any(ticket.durable for ticket in batch),
            )
        except StoreError as exc:
            for ticket in batch:
                ticket.error = StoreError(*exc.args)
                ticket.error.__cause__ = exc.__cause__
