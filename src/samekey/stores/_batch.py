"""
Group commit: callers that come together share a transaction and its sync.

Who finds nobody at work leads: it does everything that is queued, its own
first, in one go. Who comes meanwhile waits. When the leader is done it wakes
those whom it served, and makes the first of those who came meanwhile the next
leader. A lone caller leads at once, in its own thread, and waits for nobody.
"""

from __future__ import annotations

import threading

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from ._record import StoreError


C = TypeVar("C")
T = TypeVar("T")

MAX_BATCH = 256


class Ticket(Generic[C]):
    """One caller's work, and what came of it."""

    __slots__ = ("done", "durable", "error", "gate", "leads", "result", "work")

    def __init__(self, work: Callable[[C], object], durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.result: object = None
        self.error: Exception | None = None
        self.done = False
        self.leads = False
        self.gate: Any = None  # a lock that is held until there is news


class GroupCommit(Generic[C]):
    """
    Gathers the work of concurrent callers into batches.

    Args:
        run: Does a batch, and sets each ticket's result or error.
    """

    def __init__(self, run: Callable[[list[Ticket[C]]], None]) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._queue: list[Ticket[C]] = []
        self._led = False

    def submit(self, work: Callable[[C], T], *, durable: bool) -> T:
        """
        Have *work* done, by this thread or another, and give its result.

        Args:
            work: Is called within a transaction.

            durable: The batch must have reached the disk.

        Raises:
            Exception: What *work* raised, or what the batch failed with.
        """
        ticket = Ticket(work, durable)
        try:
            with self._lock:
                self._queue.append(ticket)
                if self._led:
                    ticket.gate = threading.Lock()
                    ticket.gate.acquire()
                else:
                    self._led = ticket.leads = True
            if ticket.gate is not None:
                ticket.gate.acquire()
            if not ticket.done:
                self._lead()
        except BaseException:
            # Such as a signal's handler. Nobody must wait for this thread.
            self._leave(ticket)
            raise
        if ticket.error is not None:
            raise ticket.error
        return cast("T", ticket.result)

    def _lead(self) -> None:
        batch: list[Ticket[C]] = []
        try:
            with self._lock:
                batch = self._queue[:MAX_BATCH]
                del self._queue[:MAX_BATCH]
            self._run(batch)
        except BaseException:
            for each in batch:
                msg = "the batch must run to its end, and was interrupted"
                each.error = StoreError(msg)
            raise
        finally:
            with self._lock:
                for each in batch:
                    each.done = True
                    if each.leads:
                        each.leads = False
                    else:
                        each.gate.release()
                self._hand_on()

    def _leave(self, ticket: Ticket[C]) -> None:
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)
            if ticket.leads:
                ticket.leads = False
                self._hand_on()

    def _hand_on(self) -> None:
        if self._queue:
            heir = self._queue[0]
            heir.leads = True
            heir.gate.release()
        else:
            self._led = False
