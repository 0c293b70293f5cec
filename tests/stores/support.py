"""What the tests of the stores share: records, and connections that fail."""
# ruff: noqa: A002 -- the field's name

import sqlite3

from samekey.stores import Record, SQLiteStore


NOW = 1_700_000_000.0
LEASE = 60.0


def record(id="a", **changes):
    """Make a record of which only *changes* matter."""
    fields = {
        "key": "key",
        "fingerprint": b"fingerprint",
        "state": "open",
        "created": NOW,
        "updated": NOW,
        **changes,
    }
    return Record(id=id, **fields)


def claim(store, fresh=None, *, now=NOW, lease=LEASE, **options):
    """Claim, by default record "a"."""
    fresh = record() if fresh is None else fresh
    return store.claim(fresh, now=now, lease=lease, **options)


def complete(store, id="a", token=1, **options):
    """Write an answer."""
    written = {"state": "answered", "data": b"answer", "now": NOW, **options}
    return store.complete(id, token, **written)


def injecting(plan, seen=None):
    """
    Make a SQLiteStore whose connections follow *plan*.

    It says, for the beginning of a statement, what to raise once, or what to
    execute instead. What is executed is written into *seen*.
    """
    seen = [] if seen is None else seen

    class Connection(sqlite3.Connection):
        def __init__(self, *args, **options):
            seen.append("open")
            super().__init__(*args, **options)

        def execute(self, sql, *values):
            seen.append(sql)
            for start, what in list(plan.items()):
                if sql.lstrip().startswith(start):
                    if isinstance(what, str):
                        return super().execute(what, *values)
                    raise plan.pop(start)
            return super().execute(sql, *values)

        def close(self):
            seen.append("close")
            super().close()
            if "close" in plan:
                raise plan.pop("close")

    class Store(SQLiteStore):
        _factory = Connection

    return Store


def disk_error():
    """Make the error that a failed sync gives."""
    return sqlite3.OperationalError("disk I/O error")
