"""
What `samekey journal doctor` looks at, and what it makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from samekey._journal_disk import (
    MOUNTS,
    Finding,
    Level,
    file_system,
    log_size,
    permissions,
    sync,
)
from samekey._journal_parts import kept_in
from samekey._report import Outcome
from samekey.stores import Record, SQLiteStore, Store, StoreError


def examine(
    file: Path, *, now: float, mounts: Path = MOUNTS
) -> Iterator[Finding]:
    """
    Look at a journal's file, and at what stands beside it.

    Args:
        file: The journal's; it exists.

        now: The time, in seconds since the epoch.

        mounts: Where the kernel lists file systems.
    """
    file = file.absolute()
    yield file_system(file, mounts)
    yield from permissions(file)
    yield sync(file.parent)
    # Before it is opened: the last one to close the file empties it.
    yield log_size(file)
    try:
        with SQLiteStore(file) as store:
            yield _version(store)
            yield _integrity(store)
            yield from _contents(store, now)
    except StoreError as exc:
        yield Finding("store", str(exc), level="problem")


def records(store: Store) -> Iterator[Record]:
    """Go over all records."""
    after = ""
    while page := store.scan(after=after):
        yield from page
        after = page[-1].id


def _version(store: SQLiteStore) -> Finding:
    version = store._read(
        lambda connection: connection.execute("PRAGMA user_version").fetchone()
    )[0]
    return Finding("version", str(version), value=version)


def _integrity(store: SQLiteStore) -> Finding:
    rows = store._read(
        lambda connection: connection.execute(
            "PRAGMA quick_check(1)"
        ).fetchall()
    )
    told = str(rows[0][0])
    level: Level = "ok" if told == "ok" else "problem"
    return Finding("integrity", told, level=level, value=told)


SLACK = 60.0
"""How far clocks may differ, in seconds."""


def _contents(store: SQLiteStore, now: float) -> Iterator[Finding]:
    counts = dict.fromkeys(map(str, _STATES), 0)
    future = 0
    unreadable: list[str] = []
    latest = 0.0
    oldest: float | None = None
    for record in records(store):
        counts[record.state] = counts.get(record.state, 0) + 1
        latest = max(latest, record.created, record.updated)
        future += max(record.created, record.updated) > now + SLACK
        if record.state == Outcome.IN_DOUBT:
            seen = record.created
            oldest = seen if oldest is None else min(seen, oldest)
        try:
            kept_in(record)
        except StoreError:
            unreadable.append(record.id)
    told = ", ".join(f"{state} {count:,}" for state, count in counts.items())
    yield Finding("operations", told, value=counts)
    if unreadable:
        told = (
            f"{len(unreadable):,} cannot be read: damaged, or a newer"
            f" samekey's: {', '.join(unreadable[:3])}"
        )
        yield Finding("records", told, level="problem", value=len(unreadable))
    if oldest is not None:
        told = f"{(now - oldest) / 3_600:.1f} h old: settle it"
        yield Finding("oldest in doubt", told, level="warning", value=oldest)
    if future:
        told = (
            f"{future:,} are from the future, by up to {latest - now:.0f} s:"
            " set the clock right"
        )
        yield Finding("clock", told, level="problem", value=future)
    else:
        yield Finding("clock", "no record is from the future", value=0)


_STATES = (
    Outcome.OPEN,
    Outcome.ANSWERED,
    Outcome.NOT_EXECUTED,
    Outcome.IN_DOUBT,
)
