"""
Tasks that come to a journal together go to it together.

A store blocks, so a thread has to ask it. Who finds nobody at work takes all
that is queued to one; who comes meanwhile waits for the next turn. So many
tasks cost one change of threads and one sync, and a lone one waits for
nobody. It is group commit once more, on the loop.
"""

from __future__ import annotations

import threading
import weakref

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel

from samekey._threads import in_thread


T = TypeVar("T")

MOST = 256
"""The most that goes to a thread at once."""


class Errand(Generic[T]):
    """What one task wants done, and what came of it."""

    __slots__ = ("done", "result", "what")

    def __init__(self, what: T) -> None:
        self.what = what
        self.result: object = None
        self.done = False


class Turn(Generic[T]):
    """What goes to a thread at once. It begins, or is called off."""

    def __init__(self) -> None:
        self.errands: list[Errand[T]] = []
        # Whose task sees to it; None: the first that notices takes it on.
        self.leader: Errand[T] | None = None
        self.starts: anyio.Event | None = None  # what the leader waits for
        self.news: anyio.Event | None = None  # and what the others do
        self._lock = threading.Lock()
        self.start = 1  # how often it was to begin
        self._begun = False
        self.over = False

    def run(
        self, perform: Callable[[Sequence[T]], Sequence[object]], start: int
    ) -> None:
        """Do it all, unless this *start* was called off; in a thread."""
        with self._lock:
            if start != self.start:
                return
            self._begun = True
        results: Sequence[object]
        try:
            results = perform([each.what for each in self.errands])
        except BaseException as exc:  # noqa: BLE001 -- each is told
            results = [exc] * len(self.errands)
        for each, result in zip(self.errands, results, strict=True):
            each.result = result
            each.done = True
        self.over = True

    def call_off(self) -> bool:
        """Have it not begin; tell whether it has not."""
        with self._lock:
            if not self._begun:
                self.start += 1
            return not self._begun

    def tell(self) -> None:
        """Wake those who wait for news."""
        if self.news is not None:
            self.news.set()
            self.news = None


class Gatherer(Generic[T]):
    """
    Gathers the errands of the tasks of one loop.

    Args:
        perform: Does several, in order, and gives what came of each; what is
            an exception is raised in the task whose it is.
    """

    def __init__(
        self, perform: Callable[[Sequence[T]], Sequence[object]]
    ) -> None:
        self._perform = perform
        self._turns: list[Turn[T]] = []  # that are to come
        self._running = False
        self._crowded = False

    async def do(self, what: T) -> object:
        """
        Have *what* done, and give what came of it.

        Raises:
            Exception: What came of it, if that is one.
        """
        errand = Errand(what)
        turn = self._join(errand)
        try:
            while not errand.done:
                if turn.leader is None:
                    turn.leader = errand
                if turn.leader is errand:
                    await self._lead(turn)
                else:
                    if turn.news is None:
                        turn.news = anyio.Event()
                    await turn.news.wait()
        except BaseException:
            self._leave(turn, errand)
            raise
        if isinstance(errand.result, BaseException):
            raise errand.result
        return errand.result

    def _join(self, errand: Errand[T]) -> Turn[T]:
        turns = self._turns
        if not turns or len(turns[-1].errands) >= MOST:
            turns.append(Turn())
        turns[-1].errands.append(errand)
        return turns[-1]

    def _leave(self, turn: Turn[T], errand: Errand[T]) -> None:
        if turn in self._turns:
            turn.errands.remove(errand)
            if not turn.errands:
                self._turns.remove(turn)
        if turn.leader is errand:
            turn.leader = None
            turn.tell()
        self._start()

    async def _lead(self, turn: Turn[T]) -> None:
        if self._running or self._turns[0] is not turn:
            turn.starts = anyio.Event()
            await turn.starts.wait()
        self._running = True
        try:
            if self._crowded:
                # Who has just been served comes again, as likely as not.
                await anyio.lowlevel.checkpoint()
            await self._run(turn)
        finally:
            self._running = False
            self._crowded = len(turn.errands) > 1
            self._start()

    def _start(self) -> None:
        """Have the next turn start, if its leader waits for that."""
        turns = self._turns
        if turns and turns[0].starts is not None and not self._running:
            turns[0].starts.set()

    async def _run(self, turn: Turn[T]) -> None:
        self._turns.remove(turn)
        try:
            await in_thread(turn.run, self._perform, turn.start)
        except BaseException as exc:
            # Such as a cancellation. The others must not be left behind.
            if turn.call_off():
                self._turns.insert(0, turn)
            elif not isinstance(exc, GeneratorExit):
                await _ended(turn)
            raise
        finally:
            turn.tell()


async def _ended(turn: Turn[Any]) -> None:
    # asyncio's own `cancel` does not wait for the thread, as anyio's does.
    with anyio.CancelScope(shield=True):
        while not turn.over:
            try:
                await anyio.sleep(0.001)
            except (Exception, GeneratorExit):  # noqa: BLE001 -- no loop
                return
            except BaseException:  # noqa: BLE001, S112 -- once more
                continue


_GATHERERS: anyio.lowlevel.RunVar[
    weakref.WeakKeyDictionary[object, Gatherer[Any]]
] = anyio.lowlevel.RunVar("samekey_gatherers")


def gatherer_of(
    owner: object, perform: Callable[[Sequence[T]], Sequence[object]]
) -> Gatherer[T]:
    """Give the one that gathers for *owner* on the loop that is running."""
    try:
        known = _GATHERERS.get()
    except LookupError:
        known = weakref.WeakKeyDictionary()
        _GATHERERS.set(known)
    found = known.get(owner)
    if found is None:
        found = known[owner] = Gatherer(perform)
    return found
