"""The threads in which an async client asks its journal."""

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from journal.support import Api, Clock, client_of, pay

import samekey

from samekey import _threads
from samekey.journal import Journal
from samekey.stores import MemoryStore, SQLiteStore


BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


@pytest.fixture(params=[False, True], ids=["alone", "shared"])
def journal(request, tmp_path):
    """Make a journal whose store can share transactions, or cannot."""
    store = (
        SQLiteStore(tmp_path / "payments.db")
        if request.param
        else MemoryStore()
    )
    with store:
        yield Journal(store, secret=b"s" * 16)


@BACKENDS
def test_own(journal, clock, backend):
    """Threads of the user's that wait for a payment do not stand in its way."""
    client = client_of(journal, Api(), clock=clock, asynchronous=True)
    told = []

    def wait(number):
        # A sync endpoint that comes back to the loop to pay.
        told.append(anyio.from_thread.run(pay, client, f"order-{number}"))

    async def main():
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 4
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                for number in range(4):
                    group.start_soon(anyio.to_thread.run_sync, wait, number)

    anyio.run(main, backend=backend)

    assert [201] * 4 == [each.status_code for each in told]


@BACKENDS
@pytest.mark.parametrize("ended", [False, True])
def test_none_to_be_had(journal, clock, backend, ended, monkeypatch):
    """No thread for a claim: nothing is sent. For an outcome: no matter."""
    run_sync, left = anyio.to_thread.run_sync, [ended]

    async def failing(*args, **options):
        if not left.pop():
            await anyio.lowlevel.checkpoint()
            raise RuntimeError("can't start new thread")
        left.append(False)
        return await run_sync(*args, **options)

    monkeypatch.setattr(anyio.to_thread, "run_sync", failing)
    api = Api()
    client = client_of(journal, api, clock=clock, asynchronous=True)

    async def main():
        return await pay(client)

    if ended:
        answer = anyio.run(main, backend=backend)
        unrecorded = samekey.report(answer).unrecorded
        assert 201 == answer.status_code
        assert unrecorded.startswith("the journal failed: it must have a thre")
    else:
        with pytest.raises(
            samekey.JournalError,
            match=r"^the journal must record it first, and failed: it must"
            r" have a thread, got: can't start new thread$",
        ):
            anyio.run(main, backend=backend)
        assert [] == api.requests
    monkeypatch.undo()
    # Nobody is on it any more.
    assert 201 == anyio.run(main, backend=backend).status_code


@BACKENDS
def test_what_it_raises(backend):
    """What is raised in the thread is what is raised."""

    def bug():
        raise RuntimeError("a bug")

    async def main():
        with pytest.raises(RuntimeError, match=r"^a bug$"):
            await _threads.in_thread(bug)

    anyio.run(main, backend=backend)
