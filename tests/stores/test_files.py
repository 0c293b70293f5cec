"""A store's file is its owner's alone, before SQLite opens it."""

import errno
import os
import re
import shutil
import sqlite3
import stat

import pytest

from stores.support import claim, complete, record

from samekey.stores import SQLiteStore, StoreError, _files


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "payments.db"


def mode(path):
    """Give the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_private(path):
    """Whatever the umask, only the owner reads what is stored."""
    before = os.umask(0)
    try:
        with SQLiteStore(path) as store:
            claim(store)
            found = {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert found == {
        "payments.db": 0o600,
        "payments.db-shm": 0o600,
        "payments.db-wal": 0o600,
    }


def test_reopened(path):
    """What a process has recorded is there for the next."""
    with SQLiteStore(path) as store:
        made = claim(store)

    with SQLiteStore(str(path)) as store:
        assert made.record == store.get("a")


def test_an_empty_file(path):
    """An empty file, as a crash at the first use leaves, is used."""
    path.touch(0o600)

    with SQLiteStore(path) as store:
        assert claim(store).fresh


def test_working_directory(tmp_path, monkeypatch):
    """The file stays where it is when the process changes directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    with SQLiteStore("payments.db") as store:
        monkeypatch.chdir(elsewhere)
        claim(store)

    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666, 0o400, 0o200])
def test_permissions(path, bits):
    """A file that others can write, or its owner cannot, is refused."""
    path.touch()
    path.chmod(bits)

    rule = (
        rf"^{re.escape(str(path))} must be writable by its owner and nobody"
        rf" else, got mode {bits:04o}; run: chmod 600 {re.escape(str(path))}$"
    )
    with pytest.raises(StoreError, match=rule):
        SQLiteStore(path)


@pytest.mark.parametrize("name", ["", "-wal", "-shm", "-journal"])
def test_link(path, tmp_path, name):
    """A link is not followed, not even from a file next to it."""
    link = tmp_path / f"payments.db{name}"
    link.symlink_to(tmp_path / "elsewhere.db")

    rule = rf"^{re.escape(str(link))} must be a regular file, got a link$"
    with pytest.raises(StoreError, match=rule):
        SQLiteStore(path)

    assert not (tmp_path / "elsewhere.db").exists()


def test_no_file(path):
    """A directory is no file."""
    path.mkdir()

    with pytest.raises(
        StoreError, match=r"^.* must be a regular file, got something else$"
    ):
        SQLiteStore(path)


def test_other_owner(path, monkeypatch):
    """Another user's file is refused."""
    path.touch(0o600)
    owner = path.stat().st_uid
    monkeypatch.setattr(_files, "_getuid", lambda: owner + 1)

    rule = (
        rf"^.*payments.db must belong to this user \({owner + 1}\), got user"
        rf" {owner}; each user needs a file of its own$"
    )
    with pytest.raises(StoreError, match=rule):
        SQLiteStore(path)


def test_no_owners(path, monkeypatch):
    """Where files have no owners, none is asked for."""
    monkeypatch.setattr(_files, "_getuid", None)

    with SQLiteStore(path) as store:
        assert claim(store).fresh


def test_no_directory(tmp_path):
    """A directory that is missing is named."""
    missing = tmp_path / "missing"
    rule = (
        rf"^{re.escape(str(missing))}/payments.db must be in a directory that"
        rf" exists; make {re.escape(str(missing))}$"
    )

    with pytest.raises(StoreError, match=rule):
        SQLiteStore(missing / "payments.db")


def test_cannot_be_made(path, monkeypatch):
    """A file that cannot be made says why."""

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", fail)

    rule = r"^.* must be a file that can be made, got No space left on device$"
    with pytest.raises(StoreError, match=rule) as caught:
        SQLiteStore(path)

    assert isinstance(caught.value.__cause__, OSError)


def test_cannot_be_read(tmp_path):
    """A name that the file system refuses is an error of the store."""
    path = tmp_path / ("x" * 253)  # too long once "-wal" is added
    path.touch(0o600)

    rule = r"^.* must be a file that can be read, got File name too long$"
    with pytest.raises(StoreError, match=rule):
        SQLiteStore(path)


@pytest.mark.parametrize(
    ("path", "error", "rule"),
    [
        (
            ":memory:",
            ValueError,
            "path must name a file, got ':memory:'; use MemoryStore",
        ),
        ("", ValueError, "path must name a file, got ''"),
        ("a\0b", ValueError, r"path must name a file, got 'a\x00b'"),
        (None, TypeError, "path must be a str or a path, got NoneType"),
        (b"a", TypeError, "path must be a str or a path, got bytes"),
    ],
)
def test_no_path(path, error, rule):
    """What names no file is refused."""
    with pytest.raises(error, match=rf"^{re.escape(rule)}$"):
        SQLiteStore(path)


def test_corrupt(path):
    """A file that is no database is refused, and left as it is."""
    content = b"not a database" * 99
    path.write_bytes(content)
    path.chmod(0o600)

    rule = r"^.*payments.db must be usable, got: file is not a database$"
    with pytest.raises(StoreError, match=rule) as caught:
        SQLiteStore(path)

    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert content == path.read_bytes()


def test_damaged_later(path):
    """Damage that is met in use is an error of the store, not a wrong answer."""
    with SQLiteStore(path) as store:
        for each in range(50):
            claim(store, lease=each)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

    with SQLiteStore(path) as store:
        with pytest.raises(
            StoreError, match=r"^.* got: database disk image is malformed$"
        ):
            claim(store)


@pytest.mark.parametrize("again", [False, True])
def test_moved(path, again):
    """What would go into a file that nobody finds again is not told as done."""
    with SQLiteStore(path) as store:
        claim(store)
        path.rename(path.with_name("moved.db"))
        if again:
            SQLiteStore(path).close()
        else:  # what need not last does not ask
            assert "answered" == complete(store).state
            assert store.get("a") is not None

        rule = r"must stay where it is, and was moved or removed while it was"
        with pytest.raises(StoreError, match=rule):
            claim(store, record("b"))

        # Who comes next finds what a new process would.
        assert store.get("a") is None
        assert claim(store, record("b")).fresh
        with SQLiteStore(path) as other:
            assert other.get("b") is not None
    with SQLiteStore(path) as other:
        assert other.get("b") is not None


def test_removed(tmp_path):
    """So it is where the whole directory went."""
    home = tmp_path / "home"
    home.mkdir()
    with SQLiteStore(home / "payments.db") as store:
        claim(store)
        shutil.rmtree(home)

        with pytest.raises(StoreError, match=r"was moved or removed"):
            claim(store, record("b"))
        with pytest.raises(StoreError, match=r"must be in a directory that"):
            claim(store, record("b"))


def test_damaged_record(path):
    """A record with impossible fields is not handed out."""
    with SQLiteStore(path) as store:
        claim(store)
        other = sqlite3.connect(path)
        with other:
            other.execute("UPDATE records SET token = 0")
        other.close()

        rule = (
            r"^the record must be intact, and is damaged: token must be 1 to"
            r" 4611686018427387904, got 0$"
        )
        with pytest.raises(StoreError, match=rule):
            store.get("a")
