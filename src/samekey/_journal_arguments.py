"""
What a user gives to a journal, read and checked.
"""

from __future__ import annotations

import os

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from samekey._owner import SIZE, secret_beside
from samekey.errors import JournalError
from samekey.stores import MemoryStore, Sharing, SQLiteStore, Store, StoreError


ALLOWED_HEADERS = frozenset(
    {"accept", "content-type", "content-encoding", "prefer", "user-agent"}
)
"""The request headers that may be kept, besides those of `headers=`."""

NEVER = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie"}
)
"""The headers that are never kept, whatever else is said."""


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
    own = getattr(store, "__dict__", {})
    spaces = [own, *map(vars, type(store).__mro__)]
    first: dict[str, int] = {}
    for name in ("crowded", "do_all", "claim", "complete"):
        for at, space in enumerate(spaces):
            if name in space:
                first.setdefault(name, at)
    # One that has them only by `__getattr__` stands in for another store.
    if (
        len(first) < 4
        or min(first["claim"], first["complete"]) < first["do_all"]
    ):
        return None
    return cast("Sharing", store)


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
    for name in sorted(found & NEVER):
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
