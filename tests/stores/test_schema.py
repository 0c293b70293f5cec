"""A file is of one application and one version, and older ones come along."""

import sqlite3

import pytest

from stores.support import NOW, claim, disk_error, injecting, record

from samekey.stores import SQLiteStore, StoreError, _rows, _schema


def make_old(path):
    """Make a file of version 1 that holds one record."""
    path.touch(0o600)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in _schema.STEPS[0]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_schema.APPLICATION}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO records VALUES"
        " ('a', 'key', x'01', 'open', 3, 0.0, ?, ?, 9e999, x'02')",
        (NOW, NOW),
    )
    connection.close()


def dump(path):
    """Give all that is in a file."""
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchall()
    lines = list(connection.iterdump())
    connection.close()
    return [*version, *lines]


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "payments.db"


def test_from_version_1(path):
    """A file of an older samekey is brought up to date, with its records."""
    make_old(path)

    with SQLiteStore(path) as store:
        found = store.get("a")

    expected = record(fingerprint=b"\x01", data=b"\x02", token=3)
    assert expected == found


def test_same_schema(path, tmp_path):
    """A file that was brought up to date is as a new one."""
    make_old(path)
    SQLiteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM records")
    connection.close()
    SQLiteStore(tmp_path / "new.db").close()

    assert dump(path) == dump(tmp_path / "new.db")


@pytest.mark.parametrize(
    "statement",
    [*(each.split("(")[0].strip() for each in _schema.STEPS[1]), "COMMIT"],
)
def test_crash(path, statement):
    """A migration that dies half-way leaves the old file, whole."""
    make_old(path)
    before = dump(path)

    with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
        injecting({statement: disk_error()})(path)

    assert before == dump(path)
    with SQLiteStore(path) as store:
        assert 3 == store.get("a").token


@pytest.mark.parametrize(
    ("pragmas", "rule"),
    [
        (
            ["application_id = 0x736B6579", "user_version = 4"],
            r"^.*payments.db must be of version 3 at most, got 4: a newer"
            r" samekey made it\. Upgrade samekey$",
        ),
        (
            ["application_id = 0x736B6579", "user_version = -1"],
            r"^.* must be of version 3 at most, got -1: .*$",
        ),
        (
            ["application_id = 0xABC"],
            r"^.*payments.db must be a file of samekey's, got a database of"
            r" another application \(0xabc\); choose another path$",
        ),
        (["user_version = 2"], r"^.* another application \(0x0\); .*$"),
    ],
)
def test_foreign(path, pragmas, rule):
    """A file of somebody else's, or of the future, is left alone."""
    path.touch(0o600)
    connection = sqlite3.connect(path)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=rule):
        SQLiteStore(path)

    assert before == path.read_bytes()


def test_foreign_tables(path):
    """A database that says nothing of itself, but has tables, is left alone."""
    path.touch(0o600)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(
        StoreError, match=r"^.* another application \(0x0\);.*$"
    ):
        SQLiteStore(path)

    assert before == path.read_bytes()


def test_not_wal(path):
    """Where there is no write-ahead log, nothing is promised."""
    store_class = injecting({"PRAGMA journal_mode": "PRAGMA journal_mode"})

    with pytest.raises(
        StoreError, match=r"^.*payments.db must be in WAL mode, got delete$"
    ):
        store_class(path)


def test_not_synchronous(path):
    """Where syncs cannot be had, nothing is promised."""
    store_class = injecting(
        {"PRAGMA synchronous = 2": "PRAGMA synchronous = 0"}
    )

    with pytest.raises(
        StoreError, match=r"^PRAGMA synchronous must be 2, got \[\(0,\)\]$"
    ):
        store_class(path)


def test_indexed(path):
    """Listing by state, sweeping and claiming never read the whole table."""
    seen = []
    with SQLiteStore(path) as store:
        claim(store)
    connection = sqlite3.connect(path)
    for query in (
        _rows._FIND,
        _rows._SCAN_OTHER,
        _rows._SWEEP.partition("(")[2].removesuffix(")"),
        _rows._SCAN,
        _rows._SCAN_STATE,
    ):
        values = ["1"] * query.count("?")
        explain = f"EXPLAIN QUERY PLAN {query}"
        plan = connection.execute(explain, values).fetchall()
        seen.extend(row[-1] for row in plan)
    connection.close()

    assert 5 == len(seen)
    assert all(each.startswith("SEARCH records USING ") for each in seen)
