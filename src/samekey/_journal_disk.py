"""
What a journal's file stands on: its disk, its neighbours, and their modes.

The file is looked at by its name and never opened: closing it would end the
locks that this process has on it (see `stores._files`).
"""

from __future__ import annotations

import os
import stat
import statistics
import tempfile
import time

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs

from samekey._owner import SIZE


MOUNTS = Path("/proc/mounts")

Level = Literal["ok", "warning", "problem"]


@attrs.frozen
class Finding:
    """
    One thing that was looked at.

    Args:
        name: What it is.

        told: What was found, in words.

        level: `warning`: think about it; `problem`: do something about it.

        value: What was found, for programs.
    """

    name: str
    told: str
    level: Level = attrs.field(default="ok", kw_only=True)
    value: object = attrs.field(default=None, kw_only=True)


_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "virtiofs",
    }
)
_FLEETING = {
    "ramfs": "it is in memory, and gone after a restart of the machine",
    "tmpfs": "it is in memory, and gone after a restart of the machine",
    "overlay": ("in a container it is gone with the container; use a volume"),
}


def file_system(file: Path, mounts: Path) -> Finding:
    name = "file system"
    kind = _kind(file, mounts)
    if kind is None:
        return Finding(name, "not known here")
    if kind in _NETWORK:
        told = (
            f"{kind}, over a network: locks and syncs do not hold there; move"
            " it to a local disk"
        )
        return Finding(name, told, level="warning", value=kind)
    if kind in _FLEETING:
        told = f"{kind}: {_FLEETING[kind]}"
        return Finding(name, told, level="warning", value=kind)
    return Finding(name, kind, value=kind)


def _kind(file: Path, mounts: Path) -> str | None:
    """Give the kind of file system that *file* is on, if that is listed."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    around = {str(parent) for parent in file.resolve().parents}
    found: tuple[int, str] | None = None
    for line in lines:
        _, place, kind, *_ = line.split(" ")
        # Spaces and the like are written as \040.
        for code in ("\\040", "\\011", "\\012", "\\134"):
            place = place.replace(code, chr(int(code[1:], 8)))
        # Of two at one place the later one covers the other.
        if place in around and (found is None or len(place) >= found[0]):
            found = len(place), kind
    return None if found is None else found[1]


def permissions(file: Path) -> Iterator[Finding]:
    for end in ("", "-wal", "-shm", ".secret"):
        each = file.with_name(file.name + end)
        name = end or "file"
        try:
            status = each.lstat()
        except FileNotFoundError:
            if end == ".secret":
                told = "none: the journal was given one, or it is lost"
                yield Finding(name, told)
            continue
        mode = stat.S_IMODE(status.st_mode)
        value = f"{mode:04o}"
        if mode & 0o077:
            told = f"mode {value}: others can use it; run: chmod 600 {each}"
            yield Finding(name, told, level="problem", value=value)
        elif end == ".secret" and status.st_size != SIZE:
            told = f"must hold {SIZE} bytes, got {status.st_size}"
            yield Finding(name, told, level="problem", value=value)
        else:
            yield Finding(name, f"mode {value}", value=value)


_ROUNDS = 5


def sync(directory: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            taken = []
            for _ in range(_ROUNDS):
                file.write(b"\0" * 4096)
                began = time.perf_counter()
                os.fsync(file.fileno())
                taken.append(time.perf_counter() - began)
    except OSError as exc:
        told = f"must be possible in {directory}, got {exc.strerror}"
        return Finding("sync", told, level="problem")
    median = statistics.median(taken)
    return Finding("sync", f"takes {median * 1_000:.2f} ms", value=median)


_LONG_LOG = 64 * 1024 * 1024


def log_size(file: Path) -> Finding:
    try:
        size = file.with_name(file.name + "-wal").lstat().st_size
    except FileNotFoundError:
        size = 0
    told = f"{size:,} bytes"
    if size > _LONG_LOG:
        told += "; a program that never stops reading keeps it from shrinking"
        return Finding("log", told, level="warning", value=size)
    return Finding("log", told, value=size)
