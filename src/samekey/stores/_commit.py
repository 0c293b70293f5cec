"""A batch becomes one transaction."""

from __future__ import annotations

import sqlite3

import attrs

from ._batch import Ticket
from ._open import Opener, set_durable
from ._record import LateOwner, StoreError, unfit
from ._several import Several, do_all


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
        durable = False
        for each in batch:
            durable = durable or each.durable
        if self._connection is not connection or self._durable != durable:
            self._choose(connection, durable=durable)
        self.opener.begin(connection)
        together = []
        for ticket in batch:
            work = ticket.work
            if len(batch) > 1 and isinstance(work, Several):
                together.append((ticket, work))
                continue
            # It writes with one statement, which SQLite undoes alone if it
            # fails; the neighbours' work stays.
            try:
                ticket.result = work(connection)
            except sqlite3.DataError as exc:
                ticket.error = unfit(exc)
            except (LateOwner, StoreError) as exc:
                ticket.error = exc
        if together:
            done = do_all(connection, [work for _, work in together])
            for (ticket, _), result in zip(together, done, strict=True):
                ticket.result = result
        connection.execute("COMMIT")

    def _peek(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket[sqlite3.Connection],
    ) -> bool:
        work = ticket.work
        if isinstance(work, Several) and work.looks:
            ticket.result = self.opener.patiently(
                lambda: work.known(connection)
            )
        return ticket.result is not None

    def _choose(
        self, connection: sqlite3.Connection, *, durable: bool
    ) -> None:
        self._connection = None
        set_durable(connection, durable=durable)
        self._connection, self._durable = connection, durable
