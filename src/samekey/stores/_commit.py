"""A batch becomes one transaction."""

from __future__ import annotations

import sqlite3

import attrs

from ._batch import Ticket
from ._open import Opener, set_durable
from ._record import LateOwner, StoreError


Batch = list[Ticket[sqlite3.Connection]]


@attrs.define
class Committer:
    """Commits batches, through one connection at a time."""

    opener: Opener
    _connection: sqlite3.Connection | None = None
    _durable: bool = False

    def commit(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """
        Do what is in *batch*; give each ticket its result or its own error.

        Nothing of it counts unless this returns. If one ticket asks for a
        sync, all get it.

        Raises:
            Locked: If another process holds the file for too long.
        """
        if len(batch) == 1 and self._peek(connection, batch[0]):
            return
        self._choose(connection, durable=any(each.durable for each in batch))
        self.opener.begin(connection)
        for ticket in batch:
            # Each work writes with one statement, which SQLite undoes alone
            # if it fails; the neighbours' work stays.
            try:
                ticket.result = ticket.work(connection)
            except (LateOwner, StoreError) as exc:
                ticket.error = exc
            except sqlite3.DataError as exc:
                msg = f"a record must fit into {self.opener.path}, got: {exc}"
                ticket.error = StoreError(msg)
                ticket.error.__cause__ = exc
        connection.execute("COMMIT")

    def _peek(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket[sqlite3.Connection],
    ) -> bool:
        peek = ticket.peek
        if peek is not None:
            ticket.result = self.opener.patiently(lambda: peek(connection))
        return ticket.result is not None

    def _choose(
        self, connection: sqlite3.Connection, *, durable: bool
    ) -> None:
        if self._connection is not connection or self._durable != durable:
            self._connection = None
            set_durable(connection, durable=durable)
            self._connection, self._durable = connection, durable
