"""When the journal fails: before the send nothing is sent, after it nothing
is taken from the caller.
"""

import errno
import logging
import os
import re
import sqlite3

from pathlib import Path

import httpx
import pytest

from journal.support import (
    Api,
    Clock,
    client_of,
    live_owner,
    lost,
    memory,
    pay,
)
from kinds import fast

import samekey

from samekey.journal import Journal
from samekey.stores import MemoryStore, SQLiteStore


SAID = {
    "EIO": "disk I/O error",
    "ENOSPC": "database or disk is full",
    "EMFILE": "unable to open database file",
    "EACCES": "attempt to write a readonly database",
}
CLAIM, COMPLETION = 6, 4  # how many statements each of them has
ERRORS = pytest.mark.parametrize("error", SAID)


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "payments.db"


class Fuse:
    """Blows at one statement, before or after it has been executed."""

    def __init__(self):
        self.left = None
        self.text = ""
        self.after = False
        self.seen = []


def blowing(path, fuse):
    """Make a journal over a file whose connections have a fuse."""

    class Connection(sqlite3.Connection):
        def execute(self, sql, *values):
            blows = False
            if fuse.left is not None:
                fuse.seen.append(sql)
                fuse.left -= 1
                blows = fuse.left == 0
            if blows and not fuse.after:
                raise sqlite3.OperationalError(fuse.text)
            done = super().execute(sql, *values)
            if blows:
                done.close()
                raise sqlite3.OperationalError(fuse.text)
            return done

    class Store(SQLiteStore):
        _factory = Connection

    return Journal(Store(path))


class Once:
    """A server that keeps its promise about keys."""

    def __init__(self):
        self.answers = {}
        self.sends = 0
        self.meddle = None

    def __call__(self, request):
        self.sends += 1
        key = request.headers["idempotency-key"]
        answer = self.answers.setdefault(key, len(self.answers) + 1)
        if self.meddle is not None:
            self.meddle()
        return httpx.Response(201, json={"number": answer})


class TestBefore:
    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("statement", range(1, CLAIM + 1))
    @ERRORS
    def test_claim(self, path, clock, statement, error, after):
        """Whatever fails in a claim, nothing is sent, and the next is fine."""
        fuse, api = Fuse(), Once()
        journal = blowing(path, fuse)
        pay(client_of(journal, api, clock=clock), "order-0")
        fuse.left, fuse.text = statement, SAID[error]
        fuse.after = after
        client = client_of(journal, api, clock=clock)

        rule = (
            rf"^the journal must record it first, and failed: "
            rf"{re.escape(str(path))} must be usable, got: {SAID[error]}$"
        )
        with pytest.raises(samekey.JournalError, match=rule):
            pay(client)
        assert 1 == api.sends
        assert statement == len(fuse.seen)
        fuse.left = None
        assert 201 == pay(client).status_code
        assert (2, 2) == (api.sends, len(api.answers))
        states = {each.state for each in journal.entries()}
        assert {"answered"} == states

    def test_statements(self, path, clock):
        """A call has as many statements as fail in these tests."""
        fuse = Fuse()
        journal = blowing(path, fuse)
        counts = []

        def look(request):
            counts.append(len(fuse.seen))
            return httpx.Response(201, json={})

        client = client_of(journal, look, clock=clock)
        pay(client, "order-0")
        fuse.left = 1_000
        pay(client)

        assert [0, CLAIM] == counts
        assert CLAIM + COMPLETION == len(fuse.seen)
        assert ["COMMIT"] * 2 == [fuse.seen[CLAIM - 1], fuse.seen[-1]]

    @ERRORS
    @pytest.mark.parametrize("call", ["open", "fsync", "link"])
    def test_first_use(self, path, monkeypatch, error, call):
        """What fails in the first use of a file is told when it is wrapped."""
        number = getattr(errno, error)

        def fails(*args, **options):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(os, call, fails)
            with pytest.raises(
                samekey.JournalError, match=rf"^.*{os.strerror(number)}$"
            ):
                samekey.wrap(httpx.Client(), journal=path)
        assert [] == [
            each for each in path.parent.iterdir() if each.suffix == ".secret"
        ]
        left = {each.name for each in path.parent.iterdir()}
        assert left <= {"payments.db", "payments.db-wal", "payments.db-shm"}

        samekey.wrap(httpx.Client(), journal=path)

    @pytest.mark.parametrize(
        ("break_it", "rule"),
        [
            (lambda p: p.write_bytes(b"x" * 4096), "is not a database"),
            (lambda p: p.chmod(0o400), "must be writable by its owner"),
            (lambda p: p.chmod(0o666), "must be writable by its owner"),
        ],
        ids=["garbage", "read-only", "open to all"],
    )
    def test_file(self, path, break_it, rule):
        """A file that cannot be used is told when it is wrapped."""
        Journal(path).close()
        break_it(path)

        with pytest.raises(samekey.JournalError, match=rf"^.*{rule}.*$"):
            samekey.wrap(httpx.Client(), journal=path)

    def test_directory(self, tmp_path):
        """A directory that is missing is told when it is wrapped."""
        path = tmp_path / "missing" / "payments.db"

        with pytest.raises(
            samekey.JournalError,
            match=rf"^{path} must be in a directory that exists; make .*$",
        ):
            samekey.Client(journal=path)
        with pytest.raises(samekey.JournalError):
            samekey.Transport(httpx.MockTransport(Api()), journal=str(path))

    def test_damaged_in_use(self, path, clock):
        """A file that is damaged while it is used sends nothing either."""
        Journal(path).close()
        api = Once()
        client = client_of(Journal(path), api, clock=clock)
        with path.open("r+b") as file:
            file.write(b"x" * path.stat().st_size)

        with pytest.raises(samekey.JournalError):
            pay(client)
        assert 0 == api.sends

    def test_full(self, clock):
        """A store without room sends nothing."""
        journal = Journal(MemoryStore(1))
        client = client_of(
            journal, Api(lost()), clock=clock, policy=fast(attempts=1)
        )
        with pytest.raises(samekey.InDoubt):
            pay(client)

        with pytest.raises(samekey.JournalError, match=r"^.* is full: .*$"):
            pay(client, "order-2")


class TestAfter:
    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("statement", range(1, COMPLETION + 1))
    @ERRORS
    def test_completion(self, path, clock, caplog, statement, error, after):
        """The caller has the answer, and knows that the journal has not."""
        fuse, api = Fuse(), Once()
        journal = blowing(path, fuse)

        def blow():
            fuse.left, fuse.text = statement, SAID[error]
            fuse.after = after

        api.meddle = blow
        with caplog.at_level(logging.WARNING, "samekey"):
            response = pay(client_of(journal, api, clock=clock))
        fuse.left = api.meddle = None

        assert {"number": 1} == response.json()
        report = samekey.report(response)
        assert (
            f"the journal failed: {path} must be usable, got: {SAID[error]}"
        ) == report.unrecorded
        [record] = caplog.records
        assert "unrecorded" == record.samekey_event
        assert re.fullmatch(
            r"POST to api\.example\.com: the outcome \(answered\) was not"
            r" recorded: the journal failed: .*, key ….{6}",
            record.getMessage(),
        )
        another = client_of(Journal(path), api, clock=clock)
        committed = after and statement == COMPLETION
        if committed:
            assert "journal" == samekey.report(pay(another)).replayed
            return
        with pytest.raises(samekey.OperationBusy):
            pay(another)
        clock.now += 100
        again = pay(another)
        assert {"number": 1} == again.json()
        assert (2, 1) == (api.sends, len(api.answers))

    def test_doubt(self, path, clock):
        """What is raised tells it too."""
        fuse = Fuse()
        journal = blowing(path, fuse)

        def losing(request):
            fuse.left, fuse.text = 1, SAID["EIO"]
            raise httpx.ReadTimeout("")

        client = client_of(
            journal, losing, clock=clock, policy=fast(attempts=1)
        )
        with pytest.raises(samekey.InDoubt) as caught:
            pay(client)

        assert caught.value.report.unrecorded.endswith("disk I/O error")

    def test_another_error(self, clock):
        """Nor does an answer go lost in a store that breaks its protocol."""

        class Careless(MemoryStore):
            def complete(self, *args, **options):
                raise OSError("gone")

        journal = Journal(Careless())
        response = pay(client_of(journal, Once(), clock=clock))

        assert {"number": 1} == response.json()
        assert "the journal failed: gone" == (
            samekey.report(response).unrecorded
        )

    def test_taken_over(self, clock):
        """So it is where another worker has taken it over meanwhile."""
        store = MemoryStore()
        mine, other = (
            Journal(store, secret="s" * 16),
            Journal(store, secret="s" * 16),
        )
        api = Once()

        def meddle():
            api.meddle = None
            clock.now += 100  # past its lease
            pay(client_of(other, api, clock=clock))

        api.meddle = meddle
        response = pay(client_of(mine, api, clock=clock))

        assert "another worker had taken it over" == (
            samekey.report(response).unrecorded
        )
        assert (2, 1) == (api.sends, len(api.answers))

    def test_no_handler(self, clock):
        """Where nobody wants log records none are made."""
        journal = memory()
        logging.getLogger("samekey").setLevel(logging.ERROR)
        api = Once()
        api.meddle = journal.close
        try:
            response = pay(client_of(journal, api, clock=clock))
        finally:
            logging.getLogger("samekey").setLevel(logging.NOTSET)

        assert samekey.report(response).unrecorded is not None


class TestUnits:
    def test_dead(self, monkeypatch):
        """Only a process of this host that is gone is dead."""
        from samekey._owner import is_dead, own_name  # noqa: PLC0415

        assert not is_dead(own_name())
        assert not is_dead(live_owner())

        def refused(pid, signal):
            raise PermissionError

        with monkeypatch.context() as patched:
            patched.setattr(os, "kill", refused)
            assert not is_dead(live_owner())

    def test_secret_is_whole(self, path, monkeypatch):
        """A secret that could not be written leaves nothing behind."""

        def full(size):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "urandom", full)
            with pytest.raises(
                samekey.JournalError, match=r"^.* got No space .*$"
            ):
                Journal(path)

        names = {each.name for each in path.parent.iterdir()}
        assert not any("secret" in name for name in names)
        assert 32 == len(Journal(path).secret)
        assert Path(f"{path}.secret").exists()
