"""The threads in which an async client asks its journal."""

import asyncio
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from journal.support import ORDER, Api, Clock, client_of, pay

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


class Held(MemoryStore):
    """Stops after one claim, or before one completion, until it is let on."""

    def __init__(self):
        super().__init__()
        self.holds = None
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def _hold(self, name):
        if self.holds == name:
            self.holds = None
            self.reached.set()
            assert self.go_on.wait(30)

    def claim(self, *args, **options):
        claim = super().claim(*args, **options)
        self._hold("claim")
        return claim

    def complete(self, *args, **options):
        self._hold("complete")
        return super().complete(*args, **options)


async def until(condition):
    """Wait until *condition* holds."""
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 -- threads change it, too
            await anyio.sleep(0.001)


@pytest.mark.parametrize("how", ["send", "resume", "anew"])
@pytest.mark.parametrize("where", ["claim", "complete"])
def test_left(clock, where, how):
    """
    Who leaves while a thread is on it can come again, and nobody is on it then.

    asyncio's own cancellation does not wait for the thread.
    """
    store, api = Held(), Api()
    journal = Journal(store, secret=b"s" * 16)
    client = client_of(journal, api, clock=clock, asynchronous=True)
    order = {"samekey": {"operation": "order-1"}}

    async def again(request, exc):
        if how == "send":
            return await client.send(request)
        if how == "resume":
            return await client.resume(exc)
        return await pay(client)

    async def main():
        request = client.build_request(
            "POST", "/payments", json=ORDER, extensions=order
        )
        store.holds = where
        task = asyncio.create_task(client.send(request))
        await until(store.reached.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        if where == "claim":  # which may still be made
            with pytest.raises(samekey.OperationBusy):
                await again(request, caught.value)
            store.go_on.set()
            await until(lambda: not journal._held)
        answer = await again(request, caught.value)
        store.go_on.set()
        return answer

    answer = asyncio.run(main())

    assert 201 == answer.status_code
    assert 1 == len(set(api.keys))
    assert "answered" == journal.get("order-1").state
    assert set() == journal._held
    # One answer was cut off before it was on record.
    assert (1 if where == "claim" else 2) == len(api.requests)


def test_left_by_one(clock, tmp_path):
    """A neighbour that left and came again does not take others' answers."""
    store, api = SQLiteStore(tmp_path / "payments.db"), Api()
    journal = Journal(store)
    gates = [(threading.Event(), threading.Event()) for _ in "ab"]

    def fingerprint(request):
        slow = request.headers.get("slow")
        if slow is not None:
            reached, go_on = gates[int(slow)]
            reached.set()
            assert go_on.wait(30)
        return request.content

    client = client_of(
        journal,
        api,
        clock=clock,
        asynchronous=True,
        fingerprint=fingerprint,
    )
    order = {"samekey": {"operation": "left"}}
    answered = asyncio.Event()

    class Late(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            await answered.wait()
            return api(request)

    late = client_of(
        journal,
        api,
        clock=clock,
        asynchronous=True,
        fingerprint=fingerprint,
        client={"transport": Late()},
    )

    async def main():
        request = late.build_request(
            "POST", "/payments", json=ORDER, extensions=order
        )
        left = asyncio.create_task(late.send(request))
        stays = asyncio.create_task(pay(late, "stays"))
        await until(lambda: 2 == sum(1 for _ in journal.entries(state="open")))
        (reached, go_on), (reached_2, go_on_2) = gates
        # One turn is in its thread. Another claim, and then the ends of both,
        # gather for the next; that is in the midst of the claim when one of
        # them leaves.
        slow = [asyncio.create_task(paid(client, "0"))]
        await until(reached.is_set)
        slow.append(asyncio.create_task(paid(client, "1")))
        await asyncio.sleep(0.01)
        answered.set()
        await until(lambda: 2 == len(api.requests))
        await asyncio.sleep(0.01)
        go_on.set()
        await until(reached_2.is_set)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        again = asyncio.create_task(late.send(request))
        await asyncio.sleep(0.01)
        go_on_2.set()
        return await asyncio.gather(stays, again, *slow)

    async def paid(client, number):
        headers = {"slow": number}
        return await pay(client, f"slow-{number}", headers=headers)

    told = asyncio.run(main())

    assert [201] * 4 == [each.status_code for each in told]
