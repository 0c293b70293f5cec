"""Tasks that pay together share transactions; each is told its own."""

import contextvars
import logging
import sqlite3
import threading

import anyio
import attrs
import httpx
import pytest

from journal.support import Api, Clock, client_of, pay
from kinds import fast

import samekey

from samekey import _claiming, _recording
from samekey.journal import Journal
from samekey.stores import MemoryStore, SQLiteStore


BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


class Watched(SQLiteStore):
    """Counts commits, and fails where it is told to."""

    commits = 0
    fails_at = None

    class _factory(sqlite3.Connection):  # noqa: N801 -- as the store calls it
        def execute(self, sql, *values):
            if sql == "COMMIT":
                Watched.commits += 1
                if Watched.fails_at == Watched.commits:
                    raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)


@pytest.fixture
def journal(tmp_path):
    """Make a journal whose commits are counted."""
    with Watched(tmp_path / "payments.db") as store:
        Watched.commits, Watched.fails_at = 0, None
        yield Journal(store)


def all_pay(client, operations, backend, **options):
    """Have a task for each of *operations* pay; give what each was told."""
    told = {}

    async def work(number, operation):
        try:
            told[number] = await pay(client, operation, **options)
        except Exception as exc:  # noqa: BLE001 -- what they are told
            told[number] = exc

    async def main():
        async with anyio.create_task_group() as group:
            for number, operation in enumerate(operations):
                group.start_soon(work, number, operation)

    anyio.run(main, backend=backend)
    return [told[number] for number in range(len(operations))]


@BACKENDS
def test_share(journal, clock, backend):
    """32 tasks take far fewer than 64 commits, and all is recorded."""
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)

    told = all_pay(client, [f"order-{n}" for n in range(32)], backend)

    assert [201] * 32 == [each.status_code for each in told]
    assert 32 == len(set(api.keys))
    assert Watched.commits <= 20
    assert 32 == sum(1 for _ in journal.entries(state="answered"))
    again = all_pay(client, [f"order-{n}" for n in range(32)], backend)
    assert [each.content for each in told] == [each.content for each in again]
    assert {"journal"} == {samekey.report(each).replayed for each in again}
    assert 32 == len(api.requests)


@BACKENDS
def test_the_same(journal, clock, backend):
    """Of tasks that pay the same at once, one pays."""
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)

    told = all_pay(client, ["order-1"] * 8, backend)

    assert 1 == len(api.requests)
    kinds = [type(each) for each in told]
    assert httpx.Response in kinds
    assert {httpx.Response, samekey.OperationBusy} >= set(kinds)


@BACKENDS
def test_each_its_own(journal, clock, backend):
    """One that is refused does not stop those that come with it."""
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)
    all_pay(client, ["order-0", "order-2"], backend)
    names = ["order-0", "order-1", "order-2", "order-3"]

    told = all_pay(client, names, backend, order={"amount": 1})

    assert [
        samekey.OperationChanged,
        httpx.Response,
        samekey.OperationChanged,
        httpx.Response,
    ] == [type(each) for each in told]


@BACKENDS
def test_all_fail(journal, clock, backend):
    """If the commit fails, nothing is sent, and all are told."""
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)
    all_pay(client, ["order-0"], backend)
    Watched.fails_at = Watched.commits + 2  # one alone, and then the others

    told = all_pay(client, [f"order-{n}" for n in range(1, 9)], backend)

    failed = [each for each in told if not isinstance(each, httpx.Response)]
    assert {samekey.JournalError} == {type(each) for each in failed}
    assert 1 <= len(failed) == 9 - len(set(api.keys))
    again = all_pay(client, [f"order-{n}" for n in range(1, 9)], backend)
    assert [201] * 8 == [each.status_code for each in again]
    assert 9 == len(set(api.keys))


@BACKENDS
def test_answer_first(journal, clock, backend, caplog):
    """If the commit of an answer fails, the caller has it all the same."""
    client = client_of(journal, Api(), clock=clock, asynchronous=True)
    Watched.fails_at = 2

    with caplog.at_level(logging.WARNING, "samekey"):
        [answer] = all_pay(client, ["order-1"], backend)

    assert 201 == answer.status_code
    why = samekey.report(answer).unrecorded
    assert why.startswith("the journal failed: ")
    assert "disk I/O error" in why
    assert 1 == len(caplog.records)


@BACKENDS
def test_own_context(journal, clock, backend):
    """What the user wrote sees the context of the task whose call it is."""
    tenant = contextvars.ContextVar("tenant")
    seen = []

    def fingerprint(request):
        seen.append((tenant.get(), request.headers["tenant"]))
        return b"the same"

    client = client_of(
        journal,
        Api(),
        clock=clock,
        asynchronous=True,
        fingerprint=fingerprint,
    )

    async def work(name):
        tenant.set(name)
        await pay(client, name, headers={"tenant": name})

    async def main():
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(work, f"order-{number}")

    anyio.run(main, backend=backend)

    assert 8 == len(seen)
    assert all(one == other for one, other in seen)


@BACKENDS
def test_fingerprint_fails(journal, clock, backend):
    """What `fingerprint=` raises is told to the one whose call it is."""

    def fingerprint(request):
        if request.headers["tenant"] == "odd":
            raise LookupError("odd")
        return b"the same"

    api = Api()
    client = client_of(
        journal,
        api,
        clock=clock,
        asynchronous=True,
        fingerprint=fingerprint,
    )
    told = []

    async def work(name):
        try:
            await pay(client, name, headers={"tenant": name})
        except LookupError as exc:
            told.append(str(exc))

    async def main():
        async with anyio.create_task_group() as group:
            for name in ("a", "odd", "b"):
                group.start_soon(work, name)

    anyio.run(main, backend=backend)

    assert (["odd"], 2) == (told, len(api.requests))


@BACKENDS
def test_cancelled(journal, clock, backend):
    """A task that is cancelled in its claim holds nothing afterwards."""
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)

    async def main():
        with anyio.move_on_after(0):
            await pay(client)
        return await pay(client)

    assert 201 == anyio.run(main, backend=backend).status_code
    assert 1 == len(api.requests)


@BACKENDS
def test_store_of_another(clock, backend):
    """A store whose transactions cannot be shared has a thread for each."""
    api = Api()
    client = client_of(
        Journal(MemoryStore()), api, clock=clock, asynchronous=True
    )

    told = all_pay(client, ["order-1", "order-2"] * 2, backend)

    assert 2 == len(api.requests)
    kinds = [type(each) for each in told]
    assert httpx.Response in kinds
    assert {httpx.Response, samekey.OperationBusy} >= set(kinds)


@pytest.mark.parametrize("known", [False, True])
def test_crowded(journal, clock, known):
    """A thread that comes while others are at it claims without a look."""
    api = Api()
    client = client_of(journal, api, clock=clock)
    if known:
        pay(client)
    told = []

    def hold(connection):
        thread.start()
        while not journal.store._group._queue:
            pass

    thread = threading.Thread(target=lambda: told.append(pay(client)))
    journal.store._group.submit(hold, durable=False)
    thread.join()

    assert 1 == len(api.requests)
    assert known == (samekey.report(told[0]).replayed == "journal")


class Forked(SQLiteStore):
    """A store that finds itself in another process."""

    forked = False

    def _check_process(self):
        if self.forked:
            msg = "another process"
            raise RuntimeError(msg)


def test_forked(tmp_path, clock):
    """A store that cannot be asked at all is told before the send."""
    with Forked(tmp_path / "payments.db") as store:
        api = Api()
        client = client_of(Journal(store), api, clock=clock)

        def fork(request):
            store.forked = True
            return httpx.Response(201, json={})

        api.script.append(fork)
        answer = pay(client)
        with pytest.raises(RuntimeError, match=r"^another process$"):
            pay(client, "order-2")

    assert "another process" in samekey.report(answer).unrecorded
    assert 1 == len(api.requests)


@BACKENDS
def test_forked_tasks(tmp_path, clock, backend):
    """So it is to tasks."""
    with Forked(tmp_path / "payments.db") as store:
        api = Api()
        client = client_of(Journal(store), api, clock=clock, asynchronous=True)

        def fork(request):
            store.forked = True
            return httpx.Response(201, json={})

        api.script.append(fork)
        [answer] = all_pay(client, ["order-1"], backend)
        [error] = all_pay(client, ["order-2"], backend)

    assert "another process" in samekey.report(answer).unrecorded
    assert isinstance(error, RuntimeError)
    assert 1 == len(api.requests)


@BACKENDS
def test_each_its_own_error(tmp_path, clock, backend):
    """An error that all have in common is another object for each."""
    with Forked(tmp_path / "payments.db") as store:
        client = client_of(
            Journal(store), Api(), clock=clock, asynchronous=True
        )
        all_pay(client, ["order-0"], backend)
        store.forked = True

        told = all_pay(client, [f"order-{n}" for n in range(1, 9)], backend)

    assert {RuntimeError} == {type(each) for each in told}
    assert 8 == len({id(each) for each in told})


@pytest.mark.parametrize("asynchronous", [False, True])
def test_answer_before_what_is_kept(journal, clock, asynchronous, monkeypatch):
    """An answer of which nothing can be kept is given all the same."""

    def fail(*args):
        raise LookupError("planted")

    client = client_of(journal, Api(), clock=clock, asynchronous=asynchronous)
    monkeypatch.setattr(_recording, "_answer", fail)
    if asynchronous:
        [answer] = all_pay(client, ["order-1"], "asyncio")
    else:
        answer = pay(client)

    assert 201 == answer.status_code
    why = "the journal failed: planted"
    assert why == samekey.report(answer).unrecorded
    assert set() == journal._held


@pytest.mark.parametrize("asynchronous", [False, True])
def test_claim_that_cannot_be_taken_up(
    journal, clock, asynchronous, monkeypatch
):
    """What fails after a claim is told, and holds nothing afterwards."""

    def fail(*args):
        raise LookupError("planted")

    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=asynchronous)
    other = client_of(journal, Api(503, 503), clock=clock, secret=b"s" * 16)
    with pytest.raises(samekey.InDoubt):
        pay(other, policy=fast(attempts=1))
    monkeypatch.setattr(_claiming, "rekey", fail)
    if asynchronous:
        [error] = all_pay(client, ["order-1"], "asyncio")
    else:
        with pytest.raises(LookupError) as caught:
            pay(client)
        error = caught.value

    assert isinstance(error, LookupError)
    assert [] == api.requests
    assert set() == journal._held


@pytest.mark.parametrize("asynchronous", [False, True])
def test_too_big(tmp_path, clock, asynchronous):
    """What the store has no room for is told before the send."""

    class Connection(sqlite3.Connection):
        def execute(self, sql, *values):
            if sql.startswith("INSERT"):
                msg = "string or blob too big"
                raise sqlite3.DataError(msg)
            return super().execute(sql, *values)

    class Store(SQLiteStore):
        _factory = Connection

    api = Api()
    with Store(tmp_path / "payments.db") as store:
        client = client_of(
            Journal(store), api, clock=clock, asynchronous=asynchronous
        )
        if asynchronous:
            [error] = all_pay(client, ["order-1"], "asyncio")
        else:
            with pytest.raises(samekey.JournalError) as caught:
                pay(client)
            error = caught.value

    assert isinstance(error, samekey.JournalError)
    assert "a record must fit into the store" in str(error)
    assert [] == api.requests


class Encrypting(SQLiteStore):
    """Keeps nothing in plain bytes."""

    def claim(self, fresh, **options):
        fresh = attrs.evolve(fresh, data=fresh.data[::-1])
        claim = super().claim(fresh, **options)
        record = attrs.evolve(claim.record, data=claim.record.data[::-1])
        return attrs.evolve(claim, record=record)

    def complete(self, id, token, *, data, **options):  # noqa: A002 -- field
        return super().complete(id, token, data=data[::-1], **options)

    def get(self, id):  # noqa: A002 -- the field's name
        found = super().get(id)
        if found is None:
            return None
        return attrs.evolve(found, data=found.data[::-1])


@pytest.mark.parametrize("asynchronous", [False, True])
def test_store_with_a_mind_of_its_own(tmp_path, clock, asynchronous):
    """A store that has changed how it claims is asked to claim."""
    path = tmp_path / "payments.db"
    api = Api()
    with Encrypting(path) as store:
        client = client_of(
            Journal(store), api, clock=clock, asynchronous=asynchronous
        )
        for _ in "ab":
            if asynchronous:
                [told] = all_pay(client, ["order-1"], "asyncio")
            else:
                told = pay(client)

    assert "journal" == samekey.report(told).replayed
    assert 1 == len(api.requests)
    with SQLiteStore(path) as store:
        [record] = store.scan()
    assert record.data.startswith(b"}")


def test_who_is_asked(tmp_path):
    """What shares is found by who has changed what last."""

    class Both(Encrypting):
        def do_all(self, completions, asks):
            raise NotImplementedError

    class Proxy:
        """Stands before another store."""

        def __init__(self, store):
            self.store = store

        def __getattr__(self, name):
            return getattr(self.store, name)

    with (
        SQLiteStore(tmp_path / "a.db") as plain,
        Encrypting(tmp_path / "b.db") as own,
        Both(tmp_path / "c.db") as both,
        SQLiteStore(tmp_path / "d.db") as patched,
    ):
        patched.claim = plain.claim
        shares = [Journal(e).shares for e in (plain, own, both, patched)]
        shares.append(Journal(Proxy(plain), secret=b"s" * 16).shares)

    assert [True, False, True, False, False] == shares
    assert not Journal(MemoryStore()).shares


class Outcome(BaseException):
    """As a test framework raises it."""


@BACKENDS
def test_more_than_an_error(journal, clock, backend):
    """Whatever `fingerprint=` raises is raised in the task whose call it is."""

    def fingerprint(request):
        if request.headers["tenant"] == "odd":
            raise Outcome
        return b"the same"

    client = client_of(
        journal,
        Api(),
        clock=clock,
        asynchronous=True,
        fingerprint=fingerprint,
    )
    told = []

    async def work(number):
        name = "odd" if number == 3 else "even"
        try:
            told.append(await pay(client, number, headers={"tenant": name}))
        except Outcome as exc:
            told.append(exc)

    async def main():
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(work, number)

    anyio.run(main, backend=backend)

    kinds = [type(each) for each in told]
    assert (7, 1) == (kinds.count(httpx.Response), kinds.count(Outcome))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_filter_that_raises(journal, clock, asynchronous, monkeypatch):
    """What a user's logging raises does not take an answer away."""

    class Filter(logging.Filter):
        def filter(self, record):
            raise LookupError

    logger = logging.getLogger("samekey")
    monkeypatch.setattr(logger, "filters", [Filter()])
    client = client_of(journal, Api(), clock=clock, asynchronous=asynchronous)
    Watched.fails_at = 2

    if asynchronous:
        [answer] = all_pay(client, ["order-1"], "asyncio")
    else:
        answer = pay(client)

    assert 201 == answer.status_code
    assert "disk I/O error" in samekey.report(answer).unrecorded
