"""
A store that lives and dies with the process.

It is bounded, and never forgets what must be known: an operation that is
open, in doubt or held stays, and a full store says so.
"""

from __future__ import annotations

import math
import threading

from collections.abc import Collection
from typing import Self

import attrs

from ._checks import MAX_COUNT, check_int
from ._decide import (
    Ask,
    Completion,
    check_id,
    check_release,
    check_scan,
    check_sweep,
)
from ._record import Claim, Record, StoreError


_SETTLED = frozenset({"answered", "not_executed"})


class MemoryStore:
    """
    Hold records in memory. Thread-safe.

    A full store drops what has expired, then the settled operation that was
    written least recently. A forked child has a copy of its own.

    Args:
        max_records: The most that it holds.

    Raises:
        TypeError: If *max_records* is not an int.

        ValueError: If it is under 1.
    """

    durable = False

    def __init__(self, max_records: int = 10_000) -> None:
        self._max = check_int(max_records, "max_records", MAX_COUNT)
        self._records: dict[str, Record] = {}
        # Ids of settled records, the least recently written first.
        self._settled: dict[str, None] = {}
        # Nothing can be dropped as expired before this time.
        self._soonest = math.inf
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MemoryStore({self._max})"

    def close(self) -> None:
        """Forget everything. Closing twice does no harm."""
        with self._lock:
            self._closed = True
            self._records.clear()
            self._settled.clear()

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
            StoreError: If the store is full of what must not be dropped, or
                closed.
        """
        ask = Ask(
            fresh=fresh, now=now, lease=lease, take=take, replaces=replaces
        )
        with self._lock:
            records = self._open()
            found = records.get(fresh.id)
            claim = ask.decide(found)
            if claim.taken:
                if found is None and len(records) >= self._max:
                    self._make_room(now)
                self._write(claim.record)
            return claim

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

            StoreError: If the store is closed.
        """
        completion = Completion(
            id=id,
            token=token,
            state=state,
            data=data,
            now=now,
            expires=expires,
        )
        with self._lock:
            record = completion.decide(self._open().get(id))
            self._write(record)
            return record

    def release(self, id: str, token: int, *, now: float) -> None:  # noqa: A002
        """
        End the lease; nothing if *token* is old. See `Store`.

        Raises:
            StoreError: If the store is closed.
        """
        check_release(id, token, now)
        with self._lock:
            found = self._open().get(id)
            if found is not None and found.token == token:
                self._write(attrs.evolve(found, lease_until=0.0, updated=now))

    def get(self, id: str) -> Record | None:  # noqa: A002
        """
        Return the record, or None.

        Raises:
            StoreError: If the store is closed.
        """
        check_id(id)
        with self._lock:
            return self._open().get(id)

    def scan(
        self, *, state: str | None = None, after: str = "", limit: int = 100
    ) -> list[Record]:
        """
        Return records in the order of their ids. See `Store`.

        Raises:
            StoreError: If the store is closed.
        """
        check_scan(state, after, limit)
        with self._lock:
            found = [
                record
                for record in self._open().values()
                if record.id > after and state in (None, record.state)
            ]
        return sorted(found, key=lambda record: record.id)[:limit]

    def sweep(self, *, now: float, limit: int = 500) -> int:
        """
        Remove up to *limit* expired records. See `Store`.

        Raises:
            StoreError: If the store is closed.
        """
        check_sweep(now, limit)
        with self._lock:
            self._open()
            return self._drop(now, limit)

    def _open(self) -> dict[str, Record]:
        if self._closed:
            msg = "the store must be open, and was closed"
            raise StoreError(msg)
        return self._records

    def _write(self, record: Record) -> None:
        self._records[record.id] = record
        self._soonest = min(self._soonest, _droppable(record))
        self._settled.pop(record.id, None)
        if record.state in _SETTLED:
            self._settled[record.id] = None

    def _drop(self, now: float, limit: int) -> int:
        over = [
            record.id
            for record in self._records.values()
            if _droppable(record) <= now
        ][:limit]
        for each in over:
            del self._records[each]
            self._settled.pop(each, None)
        return len(over)

    def _make_room(self, now: float) -> None:
        records = self._records
        if self._soonest <= now:
            dropped = self._drop(now, self._max)
            self._soonest = min(
                map(_droppable, records.values()), default=math.inf
            )
            if dropped:
                return
        for each in self._settled:
            if records[each].lease_until <= now:
                del records[each], self._settled[each]
                return
        msg = (
            f"the store must have room, and is full: all {self._max} of its"
            " operations are open, in doubt or held. Settle some, or make"
            " max_records larger"
        )
        raise StoreError(msg)


def _droppable(record: Record) -> float:
    return max(record.expires, record.lease_until)
