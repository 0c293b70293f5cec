"""
What a journal is made of, and what it is asked about.
"""

from __future__ import annotations

import os

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import attrs

from samekey._kept import Change, Kept
from samekey._message import Message
from samekey._owner import SIZE, secret_beside
from samekey._report import Outcome, Report
from samekey.errors import JournalError
from samekey.stores import (
    MemoryStore,
    Record,
    Sharing,
    SQLiteStore,
    Store,
    StoreError,
)


@attrs.frozen(kw_only=True)
class Entry:
    """
    An operation as the journal has it, for people and for recovery.

    Attributes:
        id: The record's id, by which `Journal.resolve` takes it.

        key: Its idempotency key; not in the repr.

        state: `open`, `answered`, `not_executed` or `in_doubt`.

        operation: The operation id as it was given; not in the repr.

        namespace: That of the client. *generation*: from 1.

        created: When it was first sent, in seconds since the epoch.

        updated: When something became known of it.

        busy: A live worker is on it.

        method: Of the request. *url*: without credentials and query.

        report: How it went, where that is known.

        answer: What the server said, where it is kept.

        request: The request, where it is kept to be sent again.

        changes: What people have said of it.

        earlier: The reports of generations before.

        damaged: Why the record cannot be read, if it cannot; then only what
            stands beside it is known.
    """

    id: str
    key: str = attrs.field(repr=False)
    state: str
    operation: object = attrs.field(repr=False)
    namespace: str | None
    generation: int
    created: float
    updated: float
    busy: bool
    method: str
    url: str
    report: Report | None
    answer: Message | None
    request: Message | None
    changes: tuple[Change, ...]
    earlier: tuple[Report, ...] = ()
    damaged: str | None = None


Became = Literal[
    "answered", "not_executed", "in_doubt", "expired", "busy", "skipped"
]
"""
What became of an operation that was pending.

`expired`: the server may have forgotten its key; `busy`: another worker has
taken it; `skipped`: it was not this client's, or nobody could say.
"""


@attrs.frozen(kw_only=True)
class Resolution:
    """
    What a look at the API has told of an operation.

    Args:
        outcome: `answered` or `not_executed`.

        why: How it was found out; it is kept.

        status: Of the answer that later calls are given. Without one, they
            ask the server again.

        body: Of that answer. *headers*: its headers, such as Content-Type.
    """

    outcome: Outcome
    why: str
    status: int | None = None
    body: bytes = attrs.field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)

    @property
    def answer(self) -> Message | None:
        """The answer, as it is kept."""
        if self.status is None:
            return None
        return Message(
            status=self.status, headers=tuple(self.headers), body=self.body
        )


@attrs.frozen(kw_only=True)
class Progress:
    """
    How far a recovery is.

    Attributes:
        done: How many have been looked at, of *total*.

        entry: The last of them. *became*: what became of it.

        error: What was raised, if anything was.
    """

    done: int
    total: int
    entry: Entry
    became: Became
    error: Exception | None = None


@attrs.frozen(kw_only=True)
class Recovered:
    """
    How many operations ended how.

    Attributes:
        answered: The server settled them.

        not_executed: They were not executed.

        in_doubt: Nobody knows yet.

        expired: The server may have forgotten their keys.

        busy: Another worker has them.

        skipped: They are another client's, or nobody could say.
    """

    answered: int = 0
    not_executed: int = 0
    in_doubt: int = 0
    expired: int = 0
    busy: int = 0
    skipped: int = 0


ALLOWED_HEADERS = frozenset(
    {"accept", "content-type", "content-encoding", "prefer", "user-agent"}
)
"""The request headers that may be kept, besides those of `headers=`."""

_NEVER = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie"}
)


def kept_in(record: Record) -> Kept:
    try:
        return Kept.decode(record.data, record.key)
    except ValueError as exc:
        msg = f"the record must be readable, and is not: {exc}"
        raise StoreError(msg) from exc


def open_store(
    store: Store | str | os.PathLike[str],
) -> tuple[Store, Path | None]:
    if isinstance(store, (str, os.PathLike)):
        try:
            opened = SQLiteStore(store)
        except StoreError as exc:
            raise JournalError(*exc.args) from exc
        return opened, opened.path
    for name in ("claim", "complete", "release", "get", "scan", "sweep"):
        if not callable(getattr(store, name, None)):
            msg = (
                "store must be a Store or the path of a SQLite file, got"
                f" {type(store).__name__}"
            )
            raise TypeError(msg)
    return store, getattr(store, "path", None)


def sharing_of(store: Store) -> Sharing | None:
    """
    Give the store, if it can do several things at once.

    One of a class that has changed `claim` or `complete`, and not `do_all`, is
    asked by those: it may encrypt what is kept, or count.
    """
    if not isinstance(store, Sharing):
        return None
    own = getattr(store, "__dict__", {})
    spaces = [own, *map(vars, type(store).__mro__)]
    first = {
        name: next((at for at, one in enumerate(spaces) if name in one), 0)
        for name in ("do_all", "claim", "complete")
    }
    changed = min(first["claim"], first["complete"]) < first["do_all"]
    return None if changed else store


def choose_secret(
    given: bytes | None, store: Store, path: Path | None
) -> bytes:
    if given is not None:
        return given
    if isinstance(store, MemoryStore):
        return os.urandom(SIZE)
    if path is None:
        msg = (
            "secret must be given for a store that has no file of its own:"
            " every process that shares it needs the same one"
        )
        raise ValueError(msg)
    return secret_beside(path)


def one_of(value: object, name: str, words: tuple[str, ...]) -> Any:
    if value not in words:
        msg = f"{name} must be one of {', '.join(words)}, got {value!r}"
        raise ValueError(msg)
    return value


def texts(value: object, name: str) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        msg = f"{name} must be a list of str, got {type(value).__name__}"
        raise TypeError(msg)
    return tuple(value)


def allowed_headers(names: object) -> frozenset[str]:
    found = frozenset(str(n).lower() for n in texts(names, "headers"))
    for name in sorted(found & _NEVER):
        msg = f"headers must not have {name}, which is never kept"
        raise ValueError(msg)
    return found


def check_size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"max_answer must be an int, got {type(value).__name__}"
        raise TypeError(msg)
    if value < 0:
        msg = f"max_answer must be at least 0, got {value}"
        raise ValueError(msg)
    return value
