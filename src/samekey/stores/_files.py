"""
Whose file it is, before SQLite opens it.

A file that exists is looked at by its name and never opened: closing any
descriptor of a file ends all locks that this process holds on it (POSIX), and
another store of this process may be using it.
"""

from __future__ import annotations

import os
import stat
import threading

from collections.abc import Callable
from pathlib import Path
from typing import cast

from ._record import StoreError


PRIVATE = 0o600

_SIBLINGS = ("-wal", "-shm", "-journal")
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
# Windows has no owners of this kind.
_getuid: Callable[[], int] | None = getattr(os, "getuid", None)
# A thread that comes second must not open the file before it is closed here.
_creating = threading.Lock()
# A child that is forked meanwhile must not find it held by nobody.
getattr(os, "register_at_fork", dict)(
    before=_creating.acquire,
    after_in_parent=_creating.release,
    after_in_child=_creating.release,
)


def check_path(path: object) -> Path:
    """
    Give *path* as an absolute one, so that a `chdir` does not move the file.

    Raises:
        TypeError: If it is no path.

        ValueError: If it is empty or `":memory:"`.
    """
    if not isinstance(path, (str, os.PathLike)):
        msg = f"path must be a str or a path, got {type(path).__name__}"
        raise TypeError(msg)
    name = os.fsdecode(cast("str", path))
    if not name or "\0" in name:
        msg = f"path must name a file, got {name!r}"
        raise ValueError(msg)
    if name == ":memory:":
        msg = "path must name a file, got ':memory:'; use MemoryStore"
        raise ValueError(msg)
    return Path(name).absolute()


def prepare(path: Path) -> None:
    """
    Make the file with mode 0600, or check the one that is there.

    Raises:
        StoreError: If its directory is missing, if it cannot be made, or as
            `check_files`.
    """
    if not path.parent.is_dir():
        msg = f"{path} must be in a directory that exists; make {path.parent}"
        raise StoreError(msg)
    try:
        with _creating:
            _create(path)
    except OSError as exc:
        msg = f"{path} must be a file that can be made, got {exc.strerror}"
        raise StoreError(msg) from exc
    check_files(path)


def check_files(path: Path) -> None:
    """
    Check the file, and those that SQLite keeps next to it.

    Raises:
        StoreError: If one is no regular file, another user's, or one that
            others can write or the owner cannot.
    """
    try:
        for each in ("", *_SIBLINGS):
            _check(path.with_name(path.name + each))
    except OSError as exc:
        msg = f"{path} must be a file that can be read, got {exc.strerror}"
        raise StoreError(msg) from exc


def _create(path: Path) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | _NOFOLLOW
    try:
        file = os.open(path, flags, PRIVATE)
    except FileExistsError:
        return
    try:
        os.fsync(file)
    finally:
        os.close(file)
    # Its name must outlive a power cut too.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _check(path: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        what = "a link" if stat.S_ISLNK(status.st_mode) else "something else"
        msg = f"{path} must be a regular file, got {what}"
        raise StoreError(msg)
    if _getuid is not None and status.st_uid != _getuid():
        msg = (
            f"{path} must belong to this user ({_getuid()}), got user"
            f" {status.st_uid}; each user needs a file of its own"
        )
        raise StoreError(msg)
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o022 or mode & PRIVATE != PRIVATE:
        msg = (
            f"{path} must be writable by its owner and nobody else, got mode"
            f" {mode:04o}; run: chmod 600 {path}"
        )
        raise StoreError(msg)
