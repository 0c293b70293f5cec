"""Records as rows. Each function is called in a transaction, or reads once."""

from __future__ import annotations

import operator
import sqlite3

from collections.abc import Callable

import attrs

from ._decide import Ask, Completion
from ._record import Claim, Record, StoreError


_NAMES = tuple(field.name for field in attrs.fields(Record))
_COLUMNS = ", ".join(_NAMES)
_row: Callable[[Record], tuple[object, ...]] = operator.attrgetter(*_NAMES)
_READ = f"SELECT {_COLUMNS} FROM records"  # noqa: S608 -- constants of this file
_FIND = f"{_READ} WHERE id = ?"
_SCAN = f"{_READ} WHERE id > ? ORDER BY id LIMIT ?"
_SCAN_STATE = f"{_READ} WHERE state = ? AND id > ? ORDER BY id LIMIT ?"
_ROW = f"INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD = f"INSERT OR IGNORE {_ROW}"
_REPLACE = f"INSERT OR REPLACE {_ROW}"
_TAKE = "UPDATE records SET token = ?, owner = ?, lease_until = ? WHERE id = ?"
_COMPLETE = (
    "UPDATE records SET state = ?, data = ?, lease_until = ?, updated = ?,"
    " expires = ? WHERE id = ?"
)
_RELEASE = (
    "UPDATE records SET lease_until = 0.0, updated = ?"
    " WHERE id = ? AND token = ?"
)
_SWEEP = (
    "DELETE FROM records WHERE id IN (SELECT id FROM records"
    " WHERE expires <= ? AND lease_until <= ? ORDER BY expires LIMIT ?)"
)


def find(connection: sqlite3.Connection, id: str) -> Record | None:  # noqa: A002
    """Read one record, or None."""
    rows = connection.execute(_FIND, (id,)).fetchall()
    return _record(rows[0]) if rows else None


def known(connection: sqlite3.Connection, ask: Ask) -> Claim | None:
    """Tell what is there, if the decision is to leave it; else None."""
    found = find(connection, ask.fresh.id)
    if found is None:
        return None
    claimed = ask.decide(found)
    return None if claimed.taken else claimed


def claim(connection: sqlite3.Connection, ask: Ask) -> Claim:
    """Look and, if the decision is to take it, write."""
    if ask.replaces is None:
        # Most are new, and then this has looked and written in one.
        claimed = ask.decide(None)
        if connection.execute(_ADD, _row(claimed.record)).rowcount == 1:
            return claimed
    claimed = ask.decide(find(connection, ask.fresh.id))
    record = claimed.record
    if claimed.fresh:
        connection.execute(_REPLACE, _row(record))
    elif claimed.taken:
        taken = (record.token, record.owner, record.lease_until, record.id)
        connection.execute(_TAKE, taken)
    return claimed


def complete(connection: sqlite3.Connection, completion: Completion) -> Record:
    """Look whether the token is the latest, and write."""
    record = completion.decide(find(connection, completion.id))
    written = (
        record.state,
        record.data,
        record.lease_until,
        record.updated,
        record.expires,
        record.id,
    )
    connection.execute(_COMPLETE, written)
    return record


def release(
    connection: sqlite3.Connection,
    id: str,  # noqa: A002
    token: int,
    now: float,
) -> None:
    """End the lease of *token*, if that is the latest."""
    connection.execute(_RELEASE, (now, id, token))


def scan(
    connection: sqlite3.Connection, state: str | None, after: str, limit: int
) -> list[Record]:
    """Read records in the order of their ids."""
    if state is None:
        rows = connection.execute(_SCAN, (after, limit))
    else:
        rows = connection.execute(_SCAN_STATE, (state, after, limit))
    return [_record(row) for row in rows.fetchall()]


def sweep(connection: sqlite3.Connection, now: float, limit: int) -> int:
    """Remove what has expired and nobody holds."""
    return connection.execute(_SWEEP, (now, now, limit)).rowcount


def _record(row: tuple[object, ...]) -> Record:
    try:
        return Record(**dict(zip(_NAMES, row, strict=True)))  # type: ignore[arg-type]  # Record checks them
    except (TypeError, ValueError) as exc:
        msg = f"the record must be intact, and is damaged: {exc}"
        raise StoreError(msg) from exc
