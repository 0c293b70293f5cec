"""One file, many handles: threads, processes, forks and failures."""

import os
import re
import sqlite3
import subprocess
import sys
import threading

from pathlib import Path

import pytest

from stores.support import (
    LEASE,
    NOW,
    claim,
    complete,
    disk_error,
    injecting,
    record,
)

from samekey.stores import SQLiteStore, StoreError, _handle
from samekey.stores._several import Several


HAMMER = Path(__file__).parent / "hammer.py"


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "payments.db"


class TestHandles:
    def test_repr(self, path):
        """A store says which file it is."""
        with SQLiteStore(path) as store:
            assert f"SQLiteStore({str(path)!r})" == repr(store)
            assert path == store.path
            assert store.durable

    def test_two(self, path):
        """Two stores on one file hold one record, and refuse a late owner."""
        with SQLiteStore(path) as one, SQLiteStore(path) as two:
            first = claim(one)
            second = claim(two, now=NOW + LEASE)

            assert (1, 2) == (first.record.token, second.record.token)
            assert second.record == one.get("a")

    def test_closed(self, path):
        """A store that was closed says so."""
        store = SQLiteStore(path)
        store.close()
        store.close()

        rule = rf"^{re.escape(str(path))} must be open, and was closed$"
        for call in (
            lambda: claim(store),
            lambda: complete(store),
            lambda: store.release("a", 1, now=NOW),
            lambda: store.get("a"),
            store.scan,
            lambda: store.sweep(now=NOW),
        ):
            with pytest.raises(StoreError, match=rule):
                call()

    @pytest.mark.parametrize(
        ("value", "error", "rule"),
        [
            (None, TypeError, "must be a number, got NoneType"),
            (-1, ValueError, "must be finite and at least 0, got -1"),
        ],
    )
    def test_busy_timeout(self, path, value, error, rule):
        """A wait that makes no sense is refused before there is a file."""
        with pytest.raises(error, match=rf"^busy_timeout {rule}$"):
            SQLiteStore(path, busy_timeout=value)

        assert not path.exists()

    def test_locked(self, path):
        """Another process that never lets go is named as the reason."""
        with SQLiteStore(path, busy_timeout=0.03) as store:
            claim(store)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")

            rule = (
                rf"^{re.escape(str(path))} must be free, and another process"
                r" has held it for 0\.03 s$"
            )
            with pytest.raises(StoreError, match=rule):
                claim(store, record("b"))
            assert store.get("a") is not None
            assert not claim(store).taken
            other.close()

            assert claim(store, record("b")).fresh

    def test_readers_do_not_wait(self, path):
        """Who asks what is settled never waits for who writes."""
        with SQLiteStore(path, busy_timeout=0) as store:
            claim(store)
            done = complete(store)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")

            assert done == claim(store, now=NOW + LEASE).record
            assert [done] == store.scan()
            other.close()

    def test_who_comes_second(self, path, monkeypatch):
        """Between the look and the write, another handle may be faster."""
        with SQLiteStore(path) as store, SQLiteStore(path) as other:

            def known(work, connection):
                monkeypatch.undo()
                claim(other, record(key="faster"))

            monkeypatch.setattr(Several, "known", known)
            second = claim(store)

        assert (False, "faster") == (second.taken, second.record.key)


class TestFork:
    def test_child(self, path):
        """A forked child must make its own store, and its parent's goes on."""
        rule = (
            r"^SQLiteStore\('.*'\) must be used in the process that made it"
            r" \(\d+\), got \d+; make another in this one$"
        )
        script = f"""
import os, re, sys
from stores.support import claim, complete, NOW
from samekey.stores import SQLiteStore

store = SQLiteStore(sys.argv[1])
claim(store)
pid = os.fork()
if pid == 0:
    for call in (
        lambda: claim(store),
        lambda: complete(store),
        lambda: store.release("a", 1, now=NOW),
        lambda: store.get("a"),
        store.scan,
        lambda: store.sweep(now=NOW),
    ):
        try:
            call()
        except RuntimeError as exc:
            assert re.match({rule!r}, str(exc)), exc
            print("refused", flush=True)
    store.close()
    with SQLiteStore(sys.argv[1]) as own:
        print(own.get("a").key, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(complete(store).state)
"""
        done = subprocess.run(
            [sys.executable, "-c", script, path],
            capture_output=True,
            text=True,
            check=True,
            cwd=HAMMER.parents[1],
        )

        assert ["refused"] * 6 + ["key", "answered"] == done.stdout.split()

    def test_while_a_file_is_made(self, path):
        """A child can make a file although a thread was just making one."""
        script = """
import os, sys, threading, time
from samekey.stores import SQLiteStore

began, fsync = threading.Event(), os.fsync

def slow(file):
    began.set()
    time.sleep(0.05)
    fsync(file)

os.fsync = slow
thread = threading.Thread(target=SQLiteStore, args=[sys.argv[1]])
thread.start()
began.wait()
pid = os.fork()
if pid == 0:
    os.fsync = fsync
    SQLiteStore(sys.argv[1] + ".child").close()
    os._exit(0)
print(os.waitpid(pid, 0)[1])
thread.join()
"""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, path],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )

        assert "0\n" == done.stdout

    def test_fork_waits(self, path):
        """A fork waits until no thread is inside SQLite, but not for ever."""
        began, go_on, order = threading.Event(), threading.Event(), []
        with SQLiteStore(path) as store:

            def inside(connection):
                began.set()
                go_on.wait()
                order.append("out")

            thread = threading.Thread(target=store._writer.use, args=[inside])
            thread.start()
            began.wait()
            timer = threading.Timer(0.05, go_on.set)
            timer.start()

            _handle.pause()
            order.append("forked")
            assert not store._writer.hold(0)
            _handle.go_on()
            thread.join()

            assert ["out", "forked"] == order
            assert claim(store).fresh

    def test_fork_waits_for_a_moment(self, path, monkeypatch):
        """A thread that does not come out does not stop a fork."""
        monkeypatch.setattr(_handle, "PAUSE", 0.01)
        with SQLiteStore(path) as store:
            store._writer.use(lambda connection: _handle.pause())
            assert store._writer not in _handle._HELD
            _handle.go_on()

            assert claim(store).fresh

    def test_another_process(self, path, monkeypatch):
        """In another process a store does nothing, not even close."""
        store = SQLiteStore(path)
        claim(store)
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: 1)
            with pytest.raises(RuntimeError, match=r"^.*, got 1; make .*$"):
                complete(store)
            store.close()

        assert "answered" == complete(store).state
        store.close()


class TestProcesses:
    def test_race(self, path):
        """Of 100 operations that 8 processes claim, none has two keys."""
        workers = [
            subprocess.Popen(
                [sys.executable, HAMMER, path, str(number), "200", "100"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(8)
        ]
        for worker in workers:
            assert "ready\n" == worker.stdout.readline()
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        told = [worker.communicate() for worker in workers]

        assert [""] * 8 == [errors for _, errors in told]
        lines = [line.split() for out, _ in told for line in out.splitlines()]
        assert 1_600 == len(lines)
        ids = {line[0] for line in lines}
        assert len(ids) == len({(*line[:2],) for line in lines})
        assert len(ids) == sum(line[2] == "1" for line in lines)


class TestFailures:
    @pytest.mark.parametrize("statement", ["COMMIT", "BEGIN", "INSERT"])
    def test_disk_error(self, path, statement):
        """After a failed sync nothing is told as done, or trusted again."""
        plan, seen = {}, []
        with injecting(plan, seen)(path) as store:
            claim(store, record("b"))
            store._reader.use(lambda connection: None)
            del seen[:]
            plan[statement] = disk_error()

            rule = rf"^{re.escape(str(path))} must be usable, got: disk I/O.*$"
            with pytest.raises(StoreError, match=rule) as caught:
                claim(store)

            assert isinstance(caught.value.__cause__, sqlite3.Error)
            assert "close" == seen[-1]
            assert claim(store).fresh
            assert store.get("b") is not None
            store._reader.use(lambda connection: None)
            assert 2 == seen.count("open")  # whoever reads begins anew too
            assert 2 == seen.count("close")

    def test_new_log(self, path):
        """What was not synced when a sync failed is put into the file."""
        plan, seen = {}, []
        log = path.with_name("payments.db-wal")
        with injecting(plan, seen)(path) as store, SQLiteStore(path) as other:
            claim(store)
            done = complete(store)
            assert log.stat().st_size > 0
            plan["COMMIT"] = disk_error()
            with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
                claim(store, record("b"))

            assert done == claim(store).record

            assert 0 == log.stat().st_size
            assert done == other.get("a")

    def test_new_log_must_wait(self, path):
        """While somebody reads the old log there is no new one, and no claim."""
        plan = {}
        with injecting(plan)(path, busy_timeout=0.03) as store:
            claim(store)
            reader = sqlite3.connect(path, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            plan["COMMIT"] = disk_error()
            with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
                claim(store, record("b"))

            with pytest.raises(StoreError, match=r"^.* has held it for .*$"):
                claim(store, record("b"))
            reader.close()

            assert claim(store, record("b")).fresh

    def test_read_error(self, path):
        """After a failed read whoever writes begins anew too."""
        plan, seen = {}, []
        with injecting(plan, seen)(path) as store:
            store.get("a")
            del seen[:]
            plan["SELECT id"] = disk_error()

            with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
                store.get("a")

            assert claim(store).fresh
            assert 1 == seen.count("open")

    def test_cannot_close(self, path):
        """A connection that cannot be closed is not used again all the same."""
        plan, seen = {}, []
        with injecting(plan, seen)(path) as store:
            plan["COMMIT"], plan["close"] = disk_error(), disk_error()
            with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
                claim(store)

            assert claim(store).fresh
            assert {} == plan

    def test_cannot_open_again(self, path):
        """A file that was spoilt meanwhile is checked when it is opened anew."""
        plan = {}
        with injecting(plan)(path) as store:
            plan["COMMIT"] = disk_error()
            with pytest.raises(StoreError, match=r"^.* got: disk I/O error$"):
                claim(store)
            path.chmod(0o666)

            with pytest.raises(StoreError, match=r"^.* chmod 600 .*$"):
                claim(store)
            path.chmod(0o600)

            assert claim(store).fresh

    def test_bug(self, path):
        """What is no failure of SQLite's goes up as itself."""
        plan = {}
        with injecting(plan)(path) as store:
            plan["INSERT"] = ZeroDivisionError("planted")

            with pytest.raises(ZeroDivisionError, match=r"^planted$"):
                claim(store)

            assert claim(store).fresh

    def test_too_big(self, path):
        """A record that SQLite cannot hold is refused alone."""
        plan = {}
        with injecting(plan)(path) as store:
            plan["INSERT"] = sqlite3.DataError("string or blob too big")

            rule = (
                r"^a record must fit into the store, got: string or blob too"
                r" big$"
            )
            with pytest.raises(StoreError, match=rule):
                claim(store)

            assert store.get("a") is None

    def test_lazy_is_lazy(self, path):
        """Only a claim, and a completion that asks for it, waits for a sync."""
        seen = []
        with injecting({}, seen)(path) as store:
            del seen[:]
            claim(store)
            complete(store)
            complete(store, durable=True)
            store.release("a", 1, now=NOW)
            store.sweep(now=NOW)

        levels = [s[-1] for s in seen if s.startswith("PRAGMA synchronous = ")]
        assert ["2", "1", "2", "1"] == levels


def test_import_without_owners():
    """Where the system has no owners of files, the import works."""
    code = (
        "import os; del os.getuid, os.O_NOFOLLOW, os.register_at_fork;"
        " import samekey.stores"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_is_light():
    """Stores load no HTTP library, no tenacity and no anyio."""
    code = "import sys, samekey.stores; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"httpx", "httpx2", "tenacity", "anyio"} & set(
        done.stdout.split()
    )


def test_kit_needs_no_pytest():
    """The kit can be imported where pytest is not."""
    code = (
        "import sys; sys.modules['pytest'] = None;"
        " import samekey.testing; samekey.testing.StoreConformance"
    )

    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
