"""Tasks that come together go to a thread together."""

import asyncio
import threading

import anyio
import pytest

from samekey import _gathering, _threads
from samekey._gathering import Errand, Gatherer, Turn, gatherer_of


class Slow:
    """Does errands when it is let to, and keeps what it was given at once."""

    def __init__(self):
        self.turns = []
        self.go_on = threading.Semaphore(0)
        self.error = None

    def __call__(self, errands):
        self.turns.append(list(errands))
        if not self.go_on.acquire(timeout=30):
            raise TimeoutError
        if self.error is not None:
            raise self.error
        return [
            each if isinstance(each, Exception) else each * 2
            for each in errands
        ]


async def until(condition):
    """Wait until *condition* holds."""
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 -- threads change it, too
            await anyio.sleep(0.001)


class Crowd:
    """Tasks that use one gatherer, and what came of each."""

    def __init__(self, group):
        self.slow = Slow()
        self.gatherer = Gatherer(self.slow)
        self.told = {}
        self.scopes = {}
        self.group = group

    async def _do(self, what):
        with anyio.CancelScope() as self.scopes[what]:
            try:
                self.told[what] = await self.gatherer.do(what)
            except BaseException as exc:
                self.told[what] = type(exc)
                if not isinstance(exc, Exception):
                    raise

    async def add(self, *errands):
        """Begin tasks, and wait until all are queued or at work."""
        for what in errands:
            self.group.start_soon(self._do, what)
            await until(lambda what=what: self.knows(what))

    def knows(self, what):
        """Tell whether *what* is queued or at work."""
        queued = [e.what for t in self.gatherer._turns for e in t.errands]
        return what in queued or any(what in turn for turn in self.slow.turns)


def gathered(body):
    """Run *body* with a crowd, on asyncio or trio."""

    async def main():
        async with anyio.create_task_group() as group:
            crowd = Crowd(group)
            try:
                await body(crowd)
            finally:
                crowd.slow.go_on.release(100)
        return crowd

    return main


BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@BACKENDS
def test_together(backend):
    """Who comes while others are at it goes with the next turn."""

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3, 4)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [[1], [2, 3, 4]] == crowd.slow.turns
    assert {1: 2, 2: 4, 3: 6, 4: 8} == crowd.told


@BACKENDS
def test_bounded(backend, monkeypatch):
    """A crowd goes in several turns, in the order in which it came."""
    monkeypatch.setattr(_gathering, "MOST", 2)

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3, 4, 5, 6)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [[1], [2, 3], [4, 5], [6]] == crowd.slow.turns
    assert {each: each * 2 for each in range(1, 7)} == crowd.told


@BACKENDS
def test_errors(backend):
    """An error is told to the one whose it is."""

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(ValueError("2"), 3)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [2, 6, ValueError] == sorted(crowd.told.values(), key=str)


@BACKENDS
def test_all_fail(backend):
    """What fails as a whole is told to all of the turn."""

    async def body(crowd):
        crowd.slow.error = ZeroDivisionError()
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3)

    crowd = anyio.run(gathered(body), backend=backend)

    assert dict.fromkeys((1, 2, 3), ZeroDivisionError) == crowd.told


@BACKENDS
@pytest.mark.parametrize("gone", [(2,), (3,), (2, 3), (2, 3, 4), (4,)])
def test_cancelled_before(backend, gone):
    """Who leaves before its turn begins is not done; the others are."""

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3, 4)
        for what in gone:
            crowd.scopes[what].cancel()
            await until(lambda what=what: what in crowd.told)
        crowd.slow.go_on.release()
        await until(lambda: 1 in crowd.told)
        await crowd.add(5)

    crowd = anyio.run(gathered(body), backend=backend)

    done = [each for turn in crowd.slow.turns for each in turn]
    assert sorted({1, 2, 3, 4, 5} - set(gone)) == sorted(done)
    for what, told in crowd.told.items():
        assert (told == 2 * what) is (what not in gone)


@BACKENDS
def test_only_one_of_a_turn_leaves(backend, monkeypatch):
    """The turn after one that everybody left still comes."""
    monkeypatch.setattr(_gathering, "MOST", 1)

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3)
        crowd.scopes[2].cancel()
        await until(lambda: 2 in crowd.told)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [[1], [3]] == crowd.slow.turns


@BACKENDS
def test_follower_cancelled_meanwhile(backend):
    """Who leaves while its turn is at work does not hold the others up."""

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3, 4)
        crowd.slow.go_on.release()
        await until(lambda: len(crowd.slow.turns) == 2)
        crowd.scopes[3].cancel()
        await until(lambda: 3 in crowd.told)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [[1], [2, 3, 4]] == crowd.slow.turns
    assert (4, 8) == (crowd.told[2], crowd.told[4])


@BACKENDS
def test_leader_cancelled_meanwhile(backend):
    """A leader's cancellation waits for the thread; then all are told."""

    async def body(crowd):
        await crowd.add(1)
        await until(lambda: crowd.slow.turns)
        await crowd.add(2, 3)
        crowd.slow.go_on.release()
        await until(lambda: len(crowd.slow.turns) == 2)
        crowd.scopes[2].cancel()
        await crowd.add(4)

    crowd = anyio.run(gathered(body), backend=backend)

    assert [[1], [2, 3], [4]] == crowd.slow.turns
    assert (6, 8) == (crowd.told[3], crowd.told[4])


@BACKENDS
def test_no_thread_to_be_had(backend):
    """A turn whose leader is cancelled before its thread is another's."""

    async def body(crowd):
        limiter = _threads.limiter()
        limiter.total_tokens = 1
        borrower = object()
        await limiter.acquire_on_behalf_of(borrower)
        crowd.group.start_soon(crowd._do, 1)
        await anyio.wait_all_tasks_blocked()
        await crowd.add(2, 3)
        assert [] == crowd.slow.turns
        crowd.scopes[1].cancel()
        await until(lambda: 1 in crowd.told)
        await crowd.add(4)
        limiter.release_on_behalf_of(borrower)

    crowd = anyio.run(gathered(body), backend=backend)

    done = [each for turn in crowd.slow.turns for each in turn]
    assert [2, 3, 4] == sorted(done)
    assert {2: 4, 3: 6, 4: 8} == {what: crowd.told[what] for what in (2, 3, 4)}


@pytest.mark.parametrize("times", [1, 3])
def test_cancelled_by_asyncio(times):
    """asyncio's own `cancel` does not wait for the thread; we do."""
    slow = Slow()

    async def main():
        gatherer = Gatherer(slow)
        leader = asyncio.create_task(gatherer.do(1))
        await until(lambda: slow.turns)
        others = [asyncio.create_task(gatherer.do(each)) for each in (2, 3)]
        await asyncio.sleep(0)
        slow.go_on.release()
        assert 2 == await leader
        await until(lambda: len(slow.turns) == 2)
        for _ in range(times):
            others[0].cancel()
            await asyncio.sleep(0.01)
        assert not others[0].done()
        last = asyncio.create_task(gatherer.do(4))
        slow.go_on.release(10)
        told = await asyncio.gather(*others, last, return_exceptions=True)
        return [
            asyncio.CancelledError if isinstance(each, BaseException) else each
            for each in told
        ]

    assert [asyncio.CancelledError, 6, 8] == asyncio.run(main())
    assert [[1], [2, 3], [4]] == slow.turns


def test_closed():
    """A task that is thrown away waits for nobody."""
    slow = Slow()

    async def main():
        coroutine = Gatherer(slow).do(1)
        while coroutine.send(None) is None:
            pass  # until it waits for its thread
        await until(lambda: slow.turns)
        coroutine.close()
        slow.go_on.release()

    asyncio.run(main())

    assert [[1]] == slow.turns


@BACKENDS
def test_gatherer_of(backend):
    """Each owner has one on each loop."""

    class Owner:
        pass

    one, other = Owner(), Owner()

    async def main():
        first = gatherer_of(one, list)
        assert first is gatherer_of(one, list)
        assert first is not gatherer_of(other, list)
        return first

    assert anyio.run(main, backend=backend) is not anyio.run(
        main, backend=backend
    )


def test_called_off():
    """A start that was called off does nothing, also if it comes late."""
    turn = Turn()
    turn.errands.append(Errand(2))
    given = []
    early = turn.start

    assert turn.call_off()
    turn.run(given.append, early)
    assert [] == given
    turn.run(lambda errands: [*errands], turn.start)

    assert (True, 2) == (turn.over, turn.errands[0].result)
    assert not turn.call_off()


def test_a_loop_that_is_closed():
    """Whoever forgets a leader that waits for its thread is not held up."""
    slow = Slow()
    gatherer = Gatherer(slow)
    loop = asyncio.new_event_loop()

    async def main():
        leader = asyncio.create_task(gatherer.do(1))
        await until(lambda: slow.turns)
        leader.cancel()
        await asyncio.sleep(0.01)
        return leader

    leader = loop.run_until_complete(main())
    assert not leader.done()
    loop.close()
    leader._log_destroy_pending = False
    timer = threading.Timer(10, slow.go_on.release)
    timer.start()

    with pytest.raises(RuntimeError):
        leader.get_coro().close()  # as the collector does

    assert slow.go_on._value == 0
    slow.go_on.release()
    timer.cancel()
