"""Answers that nobody will read: their connections are given back."""

import asyncio
import threading
import types

import anyio
import httpx
import pytest

from journal.support import ORDER, client_of, memory
from kinds import fast

import samekey

from samekey.journal import Journal
from samekey.stores import MemoryStore


OPTIONS = {"json": ORDER, "operation": "order-1"}
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that a test can break, and see closed."""

    def __init__(self, broken=None, waits=None):
        self.broken, self.waits = broken, waits
        self.closed = False

    def __iter__(self):
        yield b"{}"
        if self.broken is not None:
            raise self.broken

    async def __aiter__(self):
        yield b"{}"
        if self.waits is not None:
            self.waits.set()
            await anyio.sleep_forever()

    def close(self):
        self.closed = True

    async def aclose(self):
        self.closed = True
        await anyio.lowlevel.checkpoint()


def answering(body, status=201):
    """Make an API that answers with *body*."""
    return lambda request: httpx.Response(status, stream=body)


class _Slow(MemoryStore):
    """Completes when it is told to."""

    def __init__(self):
        super().__init__()
        self.reached, self.going = threading.Event(), threading.Event()

    def complete(self, *args, **options):
        self.reached.set()
        assert self.going.wait(10)
        return super().complete(*args, **options)


def stream(client):
    """Ask for an answer that is handed out unread."""
    return client.stream("POST", "/payments", **OPTIONS)


class TestInterrupted:
    def test_while_it_is_looked_at(self):
        """A signal in the middle of a body closes it."""
        body = _Body(broken=KeyboardInterrupt())
        client = client_of(memory(), answering(body))
        with pytest.raises(KeyboardInterrupt) as caught, stream(client):
            pass

        assert body.closed
        assert "answered" == samekey.report(caught.value).outcome

    def test_while_it_is_recorded(self):
        """So does one while the journal writes."""

        class Interrupted(MemoryStore):
            def complete(self, *args, **options):
                raise KeyboardInterrupt

        body = _Body()
        client = client_of(Journal(Interrupted()), answering(body))
        with pytest.raises(KeyboardInterrupt), stream(client):
            pass

        assert body.closed

    def test_by_asyncio(self):
        """So does a task that is cancelled while a thread goes on writing."""
        body = _Body()
        store = _Slow()

        async def run(client):
            async with stream(client):
                pass

        async def main():
            client = client_of(
                Journal(store), answering(body), asynchronous=True
            )
            task = asyncio.create_task(run(client))
            await asyncio.to_thread(store.reached.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            store.going.set()
            return samekey.report(caught.value)

        assert "answered" == asyncio.run(main()).outcome
        assert body.closed

    @BACKENDS
    def test_by_a_scope(self, backend):
        """So does a cancel scope."""

        async def main():
            body = _Body(waits=anyio.Event())
            client = client_of(memory(), answering(body), asynchronous=True)
            told = []

            async def run():
                try:
                    async with stream(client):
                        pass
                except anyio.get_cancelled_exc_class() as exc:
                    told.append(samekey.report(exc).outcome)
                    raise

            async with anyio.create_task_group() as group:
                group.start_soon(run)
                await body.waits.wait()
                group.cancel_scope.cancel()
            return body.closed, told

        assert (True, ["answered"]) == anyio.run(main, backend=backend)


class TestRaised:
    def test_by_a_strategy(self):
        """What the user's own `wait=` raises leaves no connection behind."""

        def wait(state):
            raise LookupError

        body = _Body()
        client = client_of(None, answering(body, 503), policy=fast(wait=wait))
        with pytest.raises(LookupError):
            client.post("/payments", json=ORDER)

        assert body.closed

    def test_and_interrupted(self):
        """A signal while it is closed is not lost."""

        class Stuck(_Body):
            def close(self):
                raise KeyboardInterrupt

        def wait(state):
            raise LookupError

        client = client_of(
            None, answering(Stuck(), 503), policy=fast(wait=wait)
        )
        with pytest.raises(KeyboardInterrupt) as caught:
            client.post("/payments", json=ORDER)

        assert "in_doubt" == samekey.report(caught.value).outcome

    def test_coroutine_that_is_dropped(self):
        """Nothing is awaited in a coroutine that is closed."""

        class Endless(_Body):
            async def __aiter__(self):
                yield b"{}"
                await _forever()

            async def aclose(self):
                await _forever()

        client = client_of(
            None, answering(Endless()), asynchronous=True, verify="json"
        )
        request = client.build_request("POST", "/payments", json=ORDER)
        running = client.send(request, stream=True)
        running.send(None)

        running.close()


@types.coroutine
def _forever():
    yield


class TestUnkept:
    def test_outcome_only(self):
        """A stream is handed out at once if its body is not kept."""
        body = _Body(broken=httpx.ReadError(""))
        journal = memory(remember="outcome")
        client = client_of(journal, answering(body))
        with stream(client) as response:
            chunks = response.iter_raw()

            assert b"{}" == next(chunks)
        [entry] = journal.entries()
        assert ("answered", None) == (entry.state, entry.answer.body)
