"""Callers that come together share a transaction and its sync."""

import sqlite3
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.support import (
    NOW,
    claim,
    complete,
    disk_error,
    injecting,
    record,
)

from samekey.stores import (
    Ask,
    Completion,
    LateOwner,
    SQLiteStore,
    StoreError,
    _batch,
)
from samekey.stores._batch import GroupCommit


class Gate:
    """Runs batches, and holds the first one up until it is told to go on."""

    def __init__(self, error=None):
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.batches = []
        self.error = error

    def __call__(self, batch):
        self.batches.append([ticket.work for ticket in batch])
        if len(self.batches) == 1:
            self.began.set()
            self.go_on.wait()
            if self.error is not None:
                raise self.error
        for ticket in batch:
            ticket.result = ticket.work


def wait_for(group, count):
    """Wait until so many are queued."""
    while len(group._queue) < count:
        pass


def test_alone():
    """A lone caller's work is done in its own thread, at once."""
    threads = []

    def run(batch):
        threads.append(threading.current_thread())

    GroupCommit(run).submit(lambda connection: None, durable=True)

    assert [threading.current_thread()] == threads


def test_together():
    """Who comes while another is at it is served in the next batch."""
    gate = Gate()
    group = GroupCommit(gate)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.submit, "first", durable=True)
        gate.began.wait()
        rest = []
        for each in ("a", "b", "c"):
            rest.append(pool.submit(group.submit, each, durable=True))
            wait_for(group, len(rest))
        gate.go_on.set()

        assert ["first", "a", "b", "c"] == [f.result() for f in (first, *rest)]
    assert [["first"], ["a", "b", "c"]] == gate.batches


def test_bounded(monkeypatch):
    """A crowd is served in several batches, none of which holds others up."""
    monkeypatch.setattr(_batch, "MAX_BATCH", 2)
    gate = Gate()
    group = GroupCommit(gate)
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(group.submit, 0, durable=True)]
        gate.began.wait()
        for each in range(1, 6):
            futures.append(pool.submit(group.submit, each, durable=True))
            wait_for(group, each)
        gate.go_on.set()

        assert [*range(6)] == [future.result() for future in futures]
    assert [[0], [1, 2], [3, 4], [5]] == gate.batches


def test_interrupted_leader():
    """A signal in the leader fails its batch, and the next ones go on."""
    gate = Gate(KeyboardInterrupt())
    group = GroupCommit(gate)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.submit, "first", durable=True)
        gate.began.wait()
        second = pool.submit(group.submit, "second", durable=True)
        wait_for(group, 1)
        gate.go_on.set()

        assert "second" == second.result()
        assert isinstance(first.exception(), KeyboardInterrupt)
    assert "third" == group.submit("third", durable=True)


def test_interrupted_leader_of_others():
    """Those whom an interrupted leader was to serve are told."""
    gate = Gate()
    group = GroupCommit(gate)

    def interrupt(batch):
        raise KeyboardInterrupt

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(group.submit, "first", durable=True)
        gate.began.wait()
        rest = []
        for each in ("a", "b"):
            rest.append(pool.submit(group.submit, each, durable=True))
            wait_for(group, len(rest))
        group._run = interrupt
        gate.go_on.set()

        assert "first" == first.result()
        assert isinstance(rest[0].exception(), KeyboardInterrupt)
        told = rest[1].exception()
    assert isinstance(told, StoreError)
    assert "the batch must run to its end, and was interrupted" == str(told)


class Interrupting:
    """A lock that a signal's handler interrupts instead of waiting."""

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile
        self.calls = 0

    def acquire(self):
        self.calls += 1
        if self.calls == 2:
            self.meanwhile()
            raise KeyboardInterrupt

    def locked(self):
        return False


@pytest.mark.parametrize("served", ["no", "leads", "yes"])
def test_interrupted_follower(monkeypatch, served):
    """A signal in a thread that waits holds nobody else up."""
    gate = Gate()
    group = GroupCommit(gate)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.submit, "first", durable=True)
        gate.began.wait()

        def meanwhile():
            monkeypatch.undo()
            if served == "leads":
                gate.go_on.set()
                first.result()
            elif served == "yes":
                with group._lock:
                    group._queue.clear()

        monkeypatch.setattr(
            _batch.threading, "Lock", lambda: Interrupting(meanwhile)
        )
        with pytest.raises(KeyboardInterrupt):
            group.submit("second", durable=True)
        gate.go_on.set()

        assert "first" == first.result()
    assert "third" == group.submit("third", durable=True)
    assert [["first"], ["third"]] == gate.batches


@pytest.mark.parametrize("step", [1, 2])
def test_interrupted_at_the_end(step):
    """A signal after the batch, or after the heir is known, loses nobody."""
    gate = Gate()
    group = GroupCommit(gate)
    finish = group._finish
    steps = []

    def interrupted(ticket):
        steps.append(ticket)
        if len(steps) == step:
            if step == 2:  # that of the first heir
                batch = ticket.batch
                finish(ticket)
                ticket.leads, ticket.batch = True, batch
            raise KeyboardInterrupt
        finish(ticket)

    group._finish = interrupted
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(group.submit, 0, durable=True)]
        gate.began.wait()
        for each in (1, 2):
            futures.append(pool.submit(group.submit, each, durable=True))
            wait_for(group, each)
        gate.go_on.set()
        errors = [future.exception() for future in futures]

    assert isinstance(errors[step - 1], KeyboardInterrupt)
    assert 1 == sum(error is not None for error in errors)
    assert 3 == group.submit(3, durable=True)


class TestSQLite:
    @pytest.fixture
    def seen(self):
        """What was executed."""
        return []

    @pytest.fixture
    def store(self, tmp_path, seen):
        """Open a store whose statements are seen."""
        with injecting({}, seen)(tmp_path / "payments.db") as store:
            yield store

    def test_shared(self, store, seen):
        """The claims of 32 threads take far fewer than 32 syncs."""
        barrier = threading.Barrier(32)
        commits = []

        def trace(statement):
            commits.append(statement)

        store._writer.use(lambda it: it.set_trace_callback(trace))

        def call(number):
            barrier.wait()
            return claim(store, record(f"{number}"))

        with ThreadPoolExecutor(32) as pool:
            claims = list(pool.map(call, range(32)))

        assert all(each.fresh for each in claims)
        assert commits.count("COMMIT") <= 16

    def test_alone_among_neighbours(self, store, seen):
        """What fails in a batch does not fail its neighbours."""
        claim(store, record("late"))
        claim(store, record("late"), now=NOW + 60)
        calls = [
            lambda: claim(store, record("a")),
            lambda: complete(store, "late"),
            lambda: complete(store, "missing"),
            lambda: claim(store, record("b")),
        ]
        futures = []
        with ThreadPoolExecutor(4) as pool:

            def hold(connection):
                for number, call in enumerate(calls, 1):
                    futures.append(pool.submit(call))
                    wait_for(store._group, number)
                del seen[:]

            store._group.submit(hold, durable=False)

        errors = [type(each.exception()) for each in futures]
        assert [type(None), LateOwner, LateOwner, type(None)] == errors
        assert 2 == seen.count("COMMIT")  # that of hold, and one for all
        assert store.get("b") is not None

    def test_all_fail(self, tmp_path):
        """If the commit fails, everybody is told, each with its own error."""
        plan = {}
        futures = []
        with injecting(plan)(tmp_path / "other.db") as store:
            store.get("a")
            with ThreadPoolExecutor(3) as pool:

                def hold(connection):
                    for number in range(3):
                        fresh = record(f"{number}")
                        futures.append(pool.submit(claim, store, fresh))
                        wait_for(store._group, number + 1)

                store._group.submit(hold, durable=False)
                plan["COMMIT"] = disk_error()
            errors = [each.exception() for each in futures]
            left = store.scan()

        assert {StoreError} == {type(each) for each in errors}
        assert 3 == len({id(each) for each in errors})
        assert [] == left

    def test_durable_if_any_is(self, store, seen):
        """A batch with one claim in it is synced for all."""
        claim(store)
        futures = []
        with ThreadPoolExecutor(2) as pool:

            def hold(connection):
                futures.append(pool.submit(complete, store))
                wait_for(store._group, 1)
                futures.append(pool.submit(claim, store, record("b")))
                wait_for(store._group, 2)
                del seen[:]

            store._group.submit(hold, durable=False)

        assert [None, None] == [each.exception() for each in futures]
        levels = [s[-1] for s in seen if s.startswith("PRAGMA synchronous = ")]
        assert ["2"] == levels


def test_closed_while_waiting(tmp_path):
    """Who waits while the store is closed is told so."""
    store = SQLiteStore(tmp_path / "payments.db")
    futures = []
    with ThreadPoolExecutor(2) as pool:

        def hold(connection):
            futures.append(pool.submit(complete, store))
            wait_for(store._group, 1)
            futures.append(pool.submit(store.close))
            while not store._trust.closed:
                pass

        store._group.submit(hold, durable=False)

    assert isinstance(futures[0].exception(), StoreError)
    assert futures[1].exception() is None


class TestSeveral:
    """What one caller, or several, have done in one transaction."""

    def test_too_big(self, tmp_path):
        """One record that does not fit does not keep the others out."""
        plan = {}
        with injecting(plan)(tmp_path / "payments.db") as store:
            plan["INSERT INTO"] = sqlite3.DataError("string or blob too big")
            plan["INSERT OR"] = sqlite3.DataError("string or blob too big")

            told = store.do_all([], [ask("a"), ask("b")]).claims

            assert {} == plan
            rule = "a record must fit into the store, got: string or blob too"
            assert str(told[0]).startswith(rule)
            assert told[1].fresh
            assert ["b"] == [each.id for each in store.scan()]

    def test_too_big_to_complete(self, tmp_path):
        """A completion that does not fit fails alone, too."""
        plan = {}
        with injecting(plan)(tmp_path / "payments.db") as store:
            claim(store, record("a"))
            claim(store, record("b"))
            plan["UPDATE"] = sqlite3.DataError("string or blob too big")

            told = store.do_all([completion("a"), completion("b")], [])

            assert [StoreError, type(None)] == list(
                map(type, told.completions)
            )
            plan["UPDATE"] = sqlite3.DataError("string or blob too big")
            with pytest.raises(StoreError, match=r"^a record must fit .*$"):
                complete(store, "a")

    def test_damaged(self, tmp_path):
        """A damaged record fails only those who ask for it."""
        path = tmp_path / "payments.db"
        with SQLiteStore(path) as store:
            claim(store, record("a"))
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE records SET token = 0")
            connection.close()

            told = store.do_all([completion("a")], [ask("a"), ask("b")])

        assert str(told.completions[0]).startswith("the record must be intact")
        assert str(told.claims[0]).startswith("the record must be intact")
        assert told.claims[1].fresh

    @pytest.mark.parametrize("count", [31, 32, 33, 64, 70])
    def test_many(self, tmp_path, count):
        """However many they are, each is claimed once, and once only."""
        asks = [ask(f"{number % (count - 3)}") for number in range(count)]
        with SQLiteStore(tmp_path / "payments.db") as store:
            first = store.do_all([], asks).claims
            second = store.do_all([], asks).claims

            assert count - 3 == sum(each.fresh for each in first)
            assert 0 == sum(each.fresh for each in second)
            assert count - 3 == len(store.scan())
        assert [each.fresh.id for each in asks] == [
            each.record.id for each in first
        ]

    def test_callers_share(self, tmp_path):
        """Callers that come together have new claims in one statement."""
        seen = []
        futures = []
        with (
            injecting({}, seen)(tmp_path / "payments.db") as store,
            ThreadPoolExecutor(3) as pool,
        ):

            def hold(connection):
                for number in range(3):
                    futures.append(
                        pool.submit(claim, store, record(f"{number}"))
                    )
                    wait_for(store._group, number + 1)
                del seen[:]

            store._group.submit(hold, durable=False)
            assert all(each.result().fresh for each in futures)

        assert 1 == sum(each.startswith("INSERT") for each in seen)

    def test_reader_while_it_writes(self, tmp_path):
        """Who reads while a batch is written has a connection of its own."""
        found = []
        with SQLiteStore(tmp_path / "payments.db") as store:
            claim(store, record("a"))

            def hold(connection):
                with ThreadPoolExecutor(1) as pool:
                    found.append(pool.submit(store.get, "a").result(30))

            store._group.submit(hold, durable=False)

            def busy(connection):
                with ThreadPoolExecutor(1) as pool:
                    found.append(pool.submit(store.get, "a").result(30))

            # A reader has the writer's: the next one has its own.
            store._writer.use(busy)

        assert ["a", "a"] == [each.id for each in found]


def ask(id, **changes):  # noqa: A002 -- the field's name
    """Ask for a new operation."""
    fresh = record(id, **changes)
    return Ask(fresh=fresh, now=NOW, lease=60.0, take=(), replaces=None)


def completion(id):  # noqa: A002 -- the field's name
    """Settle an operation."""
    return Completion(
        id=id, token=1, state="answered", data=b"1", now=NOW, expires=None
    )
