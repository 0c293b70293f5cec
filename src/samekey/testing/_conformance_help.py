"""
What the tests of a store have in common.

They compare by functions, because pytest explains an `assert` only in files
that it knows, and `python -O` leaves them out.
"""

from __future__ import annotations

import threading

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from samekey.stores import Claim, Record, Store


E = TypeVar("E", bound=Exception)
T = TypeVar("T")

NOW = 1_700_000_000.25
LEASE = 60.0


def record(id: str, **changes: Any) -> Record:  # noqa: A002 -- the field's name
    """Make a record of which only *changes* matter."""
    fields: dict[str, Any] = {
        "key": "key",
        "fingerprint": b"fingerprint",
        "state": "open",
        "created": NOW,
        "updated": NOW,
        **changes,
    }
    return Record(id=id, **fields)


def claim(
    store: Store,
    fresh: Record,
    *,
    now: float = NOW,
    lease: float = LEASE,
    take: Collection[str] = ("open",),
    replaces: int | None = None,
) -> Claim:
    """Claim, by default at the time at which everything begins."""
    return store.claim(
        fresh, now=now, lease=lease, take=take, replaces=replaces
    )


def same(actual: object, expected: object, what: str) -> None:
    """
    Compare.

    Raises:
        AssertionError: If they differ.
    """
    if actual != expected:
        msg = f"{what} must be {expected!r}, got {actual!r}"
        raise AssertionError(msg)


def refused(expected: type[E], call: Callable[[], object]) -> E:
    """
    Give the error that *call* raises.

    Raises:
        AssertionError: If it raises none.
    """
    try:
        result = call()
    except expected as exc:
        return exc
    msg = f"{expected.__name__} must be raised, got {result!r}"
    raise AssertionError(msg)


def together(count: int, call: Callable[[int], T]) -> list[T]:
    """Call from as many threads at once, each with its number."""
    barrier = threading.Barrier(count)

    def wait_and_call(number: int) -> T:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_call, range(count)))


class StoreCase:
    """How the tests get at the store."""

    def make_store(self, tmp_path: Path) -> Store:
        """
        Make an empty store that has room for 1,000 records.

        Raises:
            NotImplementedError: A subclass says how.
        """
        msg = f"{type(self).__name__} must define make_store(tmp_path)"
        raise NotImplementedError(msg)

    def reopen(self, store: Store, tmp_path: Path) -> Store | None:
        """Open another handle on what *store* holds; None: there is no way."""
        return None
