"""
Group commit: callers that come together share a transaction and its sync.

Who finds nobody at work leads: it does everything that is queued, its own
too, in one go. Who comes meanwhile waits. When the leader is done it wakes
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

    __slots__ = (
        "batch",
        "done",
        "durable",
        "error",
        "gate",
        "heir",
        "leads",
        "result",
        "work",
    )

    def __init__(
        self,
        work: Callable[[C], object],
        durable: bool,
    ) -> None:
        self.work = work
        self.durable = durable
        self.result: object = None
        self.error: Exception | None = None
        self.done = False
        self.gate: Any = None  # a lock that is held until there is news
        self.leads = False
        self.batch: list[Ticket[C]] = []  # whom it serves as the leader
        self.heir: Ticket[C] | None = None

    def wake(self) -> None:
        """Let it go on; once more does no harm."""
        if self.gate.locked():
            self.gate.release()


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
        self.led = False

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
                if self.led:
                    gate = threading.Lock()
                    gate.acquire()
                    ticket.gate = gate
                else:
                    ticket.leads = True
                    self.led = True
                self._queue.append(ticket)
            if ticket.gate is not None:
                ticket.gate.acquire()
            if ticket.leads:
                self._lead(ticket)
        except BaseException:
            # Such as what a signal's handler raises, between any two steps
            # above and below. Nobody must wait for this thread for ever.
            self._leave(ticket)
            raise
        if ticket.error is not None:
            raise ticket.error
        return cast("T", ticket.result)

    def _lead(self, ticket: Ticket[C]) -> None:
        with self._lock:
            ticket.batch = self._queue[:MAX_BATCH]
            del self._queue[:MAX_BATCH]
        self._run(ticket.batch)
        self._finish(ticket)

    def _finish(self, ticket: Ticket[C]) -> None:
        # Each step may be the second time.
        with self._lock:
            for each in ticket.batch:
                each.done = True
                if each is not ticket:
                    each.wake()
            if ticket.heir is None and self._queue:
                ticket.heir = self._queue[0]
                ticket.heir.leads = True
            if ticket.heir is not None:
                ticket.heir.wake()
            else:
                self.led = False
            ticket.leads = False
            ticket.batch = []  # it refers to itself there

    def _leave(self, ticket: Ticket[C]) -> None:
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)
            if not ticket.leads:
                return
            for each in ticket.batch:
                if not each.done:
                    msg = "the batch must run to its end, and was interrupted"
                    each.error = StoreError(msg)
        self._finish(ticket)
