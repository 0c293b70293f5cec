"""A batch becomes one transaction."""

from __future__ import annotations

import sqlite3

from ._batch import Ticket
from ._open import Opener, set_durable
from ._record import LateOwner, StoreError


def commit(
    connection: sqlite3.Connection,
    batch: list[Ticket[sqlite3.Connection]],
    opener: Opener,
) -> None:
    """
    Do what is in *batch*, and give each ticket its result or its own error.

    Nothing of it counts unless this returns. If one ticket asks for a sync,
    all get it.

    Raises:
        Locked: If another process holds the file for too long.
    """
    durable = any(ticket.durable for ticket in batch)
    set_durable(connection, durable=durable)
    opener.begin(connection)
    for ticket in batch:
        # Each work writes with one statement, which SQLite undoes alone if
        # it fails; the neighbours' work stays.
        try:
            ticket.result = ticket.work(connection)
        except (LateOwner, StoreError) as exc:
            ticket.error = exc
        except sqlite3.DataError as exc:
            msg = f"a record must fit into {opener.path}, got: {exc}"
            ticket.error = StoreError(msg)
            ticket.error.__cause__ = exc
    connection.execute("COMMIT")
