"""Both stores keep to what every store must keep to."""

from samekey.stores import MemoryStore, SQLiteStore
from samekey.testing import StoreConformance


class TestMemory(StoreConformance):
    def make_store(self, tmp_path):
        return MemoryStore(1_000)


class TestSQLite(StoreConformance):
    def make_store(self, tmp_path):
        return SQLiteStore(tmp_path / "payments.db")

    def reopen(self, store, tmp_path):
        return SQLiteStore(tmp_path / "payments.db")
