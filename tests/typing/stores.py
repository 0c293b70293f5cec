"""What type checkers see of the stores; nothing here runs."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from samekey.stores import (
    Claim,
    LateOwner,
    MemoryStore,
    Record,
    SQLiteStore,
    Store,
)
from samekey.testing import StoreConformance


def any_store(store: Store, fresh: Record) -> None:
    with store as opened:
        assert_type(opened, Store)
        claim = opened.claim(fresh, now=1.0, lease=60, take={"open"})
        assert_type(claim, Claim)
        assert_type(store.durable, bool)
        try:
            done = store.complete(
                fresh.id,
                claim.record.token,
                state="answered",
                data=b"",
                now=2.0,
                durable=True,
            )
        except LateOwner as exc:
            assert_type(exc.record, Record | None)
        else:
            assert_type(done, Record)
        assert_type(store.get("a"), Record | None)
        assert_type(store.scan(state="open"), list[Record])
        assert_type(store.sweep(now=3.0), int)


def both_stores(fresh: Record) -> None:
    any_store(MemoryStore(max_records=5), fresh)
    any_store(SQLiteStore("payments.db", busy_timeout=5), fresh)
    any_store(SQLiteStore(Path("payments.db")), fresh)


class TestMine(StoreConformance):
    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore()
