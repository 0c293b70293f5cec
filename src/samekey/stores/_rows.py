"""Records as rows. Each function is called in a transaction, or reads once."""

from __future__ import annotations

import functools
import operator
import sqlite3

from collections.abc import Callable, Collection, Sequence

import attrs

from ._decide import Ask, Completion
from ._record import Claim, LateOwner, Record, StoreError


_NAMES = tuple(field.name for field in attrs.fields(Record))
_COLUMNS = ", ".join(_NAMES)
_row: Callable[[Record], tuple[object, ...]] = operator.attrgetter(*_NAMES)
_READ = f"SELECT {_COLUMNS} FROM records"  # noqa: S608 -- constants of this file
_FIND = f"{_READ} WHERE id = ?"
_SCAN = f"{_READ} WHERE id > ? ORDER BY id LIMIT ?"
_SCAN_STATE = f"{_READ} WHERE state = ? AND id > ? ORDER BY id LIMIT ?"
# So SQLite sees that the index has them all.
_SCAN_OTHER = _SCAN_STATE.replace("?", "? AND state <> 'answered'", 1)
_MARKS = f"({', '.join('?' * len(_NAMES))})"
_ROW = f"INTO records ({_COLUMNS}) VALUES {_MARKS}"
_ADD = f"INSERT OR IGNORE {_ROW}"
_REPLACE = f"INSERT OR REPLACE {_ROW}"
_TAKE = "UPDATE records SET token = ?, owner = ?, lease_until = ? WHERE id = ?"
_COMPLETE = (
    "UPDATE records SET state = ?, data = ?, lease_until = ?, updated = ?,"
    " expires = ? WHERE id = ?"
)
_SETTLE = (
    "UPDATE records SET state = ?, data = ?, lease_until = 0.0, updated = ?,"
    " expires = coalesce(?, expires) WHERE id = ? AND token = ?"
)
_RELEASE = (
    "UPDATE records SET lease_until = 0.0, updated = ?"
    " WHERE id = ? AND token = ?"
)
_SWEEP = (
    "DELETE FROM records WHERE id IN (SELECT id FROM records"
    " WHERE expires <= ? AND expires < 1e300 AND lease_until <= ?"
    " ORDER BY expires LIMIT ?)"
)


@functools.cache
def _known(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT id FROM records WHERE id IN ({marks})"  # noqa: S608


@functools.cache
def _add(count: int) -> str:
    return f"INSERT {_ROW}{f', {_MARKS}' * (count - 1)}"


def find(connection: sqlite3.Connection, id: str) -> Record | None:  # noqa: A002
    """Read one record, or None."""
    rows = connection.execute(_FIND, (id,)).fetchall()
    return _record(rows[0]) if rows else None


def known(
    connection: sqlite3.Connection, ids: Sequence[str]
) -> Collection[str]:
    """Tell which of *ids* there are records of."""
    rows = connection.execute(_known(len(ids)), ids).fetchall()
    return {row[0] for row in rows}


def add(connection: sqlite3.Connection, records: Sequence[Record]) -> bool:
    """Add new records, all or, if one does not fit, none; tell which."""
    values = [value for record in records for value in _row(record)]
    try:
        connection.execute(_add(len(records)), values)
    except sqlite3.DataError:
        return False
    return True


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


def settle(connection: sqlite3.Connection, completion: Completion) -> None:
    """Write if the token is the latest, without a look."""
    written = (
        completion.state,
        completion.data,
        completion.now,
        completion.expires,
        completion.id,
        completion.token,
    )
    if connection.execute(_SETTLE, written).rowcount == 0:
        raise LateOwner(completion.token, find(connection, completion.id))


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
        sql = _SCAN_STATE if state == "answered" else _SCAN_OTHER
        rows = connection.execute(sql, (state, after, limit))
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
