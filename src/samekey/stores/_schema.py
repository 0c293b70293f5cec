"""
What is in the file, and how an older one becomes a newer one.

A file carries an application id and a version. A new one goes through every
step, as an old one does, and all steps are one transaction: a crash leaves
the version that was there.
"""

from __future__ import annotations

import sqlite3

from ._record import StoreError


APPLICATION = 0x736B6579  # "skey"

# `data` stands last, so that reading the rest of a row stays cheap.
_FIRST = (
    """
    CREATE TABLE records (
        id TEXT PRIMARY KEY NOT NULL, key TEXT NOT NULL,
        fingerprint BLOB NOT NULL, state TEXT NOT NULL,
        token INTEGER NOT NULL, lease_until REAL NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL, expires REAL NOT NULL,
        data BLOB NOT NULL
    )
    """,
    "CREATE INDEX by_state ON records (state, id)",
    "CREATE INDEX by_expires ON records (expires)",
)
_OWNER = (
    "ALTER TABLE records RENAME TO records_1",
    "DROP INDEX by_state",
    "DROP INDEX by_expires",
    """
    CREATE TABLE records (
        id TEXT PRIMARY KEY NOT NULL, key TEXT NOT NULL,
        fingerprint BLOB NOT NULL, state TEXT NOT NULL,
        token INTEGER NOT NULL, lease_until REAL NOT NULL,
        owner TEXT NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL, expires REAL NOT NULL,
        data BLOB NOT NULL
    )
    """,
    """
    INSERT INTO records
    SELECT id, key, fingerprint, state, token, lease_until, '',
        created, updated, expires, data
    FROM records_1
    """,
    "DROP TABLE records_1",
    "CREATE INDEX by_state ON records (state, id)",
    "CREATE INDEX by_expires ON records (expires)",
)
# Nearly all are answered, and what is asked for are the others. An index that
# leaves out what nobody asks for is a page or two that a claim need not write.
_SPARSE = (
    "DROP INDEX by_state",
    "DROP INDEX by_expires",
    "CREATE INDEX by_state ON records (state, id) WHERE state <> 'answered'",
    "CREATE INDEX by_expires ON records (expires) WHERE expires < 1e300",
)
STEPS = (_FIRST, _OWNER, _SPARSE)
"""Step n makes version n of version n - 1."""

VERSION = len(STEPS)


def read_version(connection: sqlite3.Connection, name: str) -> int:
    """
    Read which version the file is; 0: it is new.

    Raises:
        StoreError: If it is another application's, or from a newer samekey.
    """
    # One statement, and so one state of the file: another process may be in
    # the middle of making it.
    application, version, tables = connection.execute(
        "SELECT application_id, user_version,"
        " (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchall()[0]
    if application != APPLICATION and (application or version or tables):
        msg = (
            f"{name} must be a file of samekey's, got a database of another"
            f" application ({application:#x}); choose another path"
        )
        raise StoreError(msg)
    if not 0 <= version <= VERSION:
        msg = (
            f"{name} must be of version {VERSION} at most, got {version}: a"
            " newer samekey made it. Upgrade samekey"
        )
        raise StoreError(msg)
    return int(version)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """
    Bring the file to the newest version; call it in a transaction.

    Raises:
        StoreError: As `read_version`.
    """
    for step in STEPS[read_version(connection, name) :]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
