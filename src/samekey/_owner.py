"""
Who is on an operation, and where the journal's secret stands.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile

from pathlib import Path

from samekey.errors import JournalError


def own_name() -> str:
    """Make a name for a journal of this process: host, pid, and a nonce."""
    return f"{_host()}:{os.getpid()}:{secrets.token_hex(4)}"


def _host() -> str:
    return socket.gethostname()[:200]


def is_dead(owner: str) -> bool:
    """Tell whether *owner* was a process of this host that is gone."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if host != _host() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


SIZE = 32


def secret_beside(path: Path) -> bytes:
    """
    Read the secret beside a store's file, or make one.

    Raises:
        JournalError: If it cannot be read or made, or others can read it.
    """
    file = path.with_name(path.name + ".secret")
    try:
        if not file.exists():
            _make(file)
        status = file.lstat()
        found = file.read_bytes()
    except OSError as exc:
        msg = f"{file} must be readable, got {exc.strerror}"
        raise JournalError(msg) from exc
    if status.st_mode & 0o077:
        msg = (
            f"{file} must be readable by its owner and nobody else, got mode"
            f" {status.st_mode & 0o777:04o}; run: chmod 600 {file}"
        )
        raise JournalError(msg)
    if len(found) != SIZE:
        msg = f"{file} must hold {SIZE} bytes, got {len(found)}"
        raise JournalError(msg)
    return found


def _make(file: Path) -> None:
    # As a whole or not at all, and never over one that is there.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(os.urandom(SIZE))
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)  # noqa: PTH108 -- a name, not a path
