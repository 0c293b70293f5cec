"""
What a client remembers of its named operations and its users' keys.

Only digests, and only the last 10,000. It notices a changed payload, forbids
`not_executed` once a send is known that may have acted, and notices when the
server may have forgotten the key. It never answers. It dies with the client.
"""

from __future__ import annotations

import collections
import threading

import attrs

from samekey._outcome import Past
from samekey._policy import show_seconds
from samekey._report import Outcome, Report
from samekey.errors import KeyExpired, OperationChanged


MAX_ENTRIES = 10_000

UNPROTECTED = (
    "it may have been executed, and no key protects a resend; nothing was"
    " sent. Ask the API what became of it"
)


@attrs.define
class Entry:
    """What is remembered of one operation."""

    fingerprint: bytes
    key: bytes
    generation: int
    first_sent: float
    first_sent_wall: float
    doubtful: bool = False
    settled: bool = False
    touched: bool = False
    failed: bool = False
    report: Report | None = None
    under_way: int = 0  # how many calls of it

    def add_to(self, past: Past, *, alone: bool) -> None:
        """
        Add what the calls of it have seen so far to *past*, of one of them.

        *alone*: No other one is under way, of which nobody knows what it does.
        """
        past.doubtful = past.doubtful or self.doubtful
        past.settled = past.settled or self.settled
        past.failed = past.failed or self.failed
        past.remembered = past.remembered or self.touched or not alone


class Memory:
    """The last 10,000 operations of one client. Thread-safe."""

    def __init__(self) -> None:
        self._entries: collections.OrderedDict[bytes, Entry] = (
            collections.OrderedDict()
        )
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def admit(
        self,
        digest: bytes,
        fresh: Entry,
        *,
        retention: float,
        force: bool,
        named: bool,
    ) -> Entry:
        """
        Compare an operation with what is remembered of it, and remember it.

        From now on the caller is under way, until `leave`.

        Args:
            digest: Of the operation id, or of the user's key.

            fresh: What the entry would be if there is none.

            retention: How long the server remembers a key, in seconds.

            force: A new generation is wanted although the last is in doubt.

            named: *digest* is an operation id's; else a user's key's.

        Raises:
            OperationChanged: If the request or the key is another one, or a
                new generation follows one in doubt.

            KeyExpired: If the server may have forgotten the key.
        """
        with self._lock:
            entry = self._entries.get(digest)
            if entry is not None:
                if entry.generation == fresh.generation:
                    _compare(entry, fresh, named=named)
                    _check_age(entry, fresh, retention)
                    self._entries.move_to_end(digest)
                    entry.under_way += 1
                    return entry
                _check_generation(entry, fresh, force=force)
            self._entries[digest] = fresh
            self._entries.move_to_end(digest)
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
            fresh.under_way = 1
            return fresh

    def leave(self, entry: Entry) -> None:
        """Note that one of the calls of *entry* is not under way any more."""
        with self._lock:
            entry.under_way -= 1


def _compare(entry: Entry, fresh: Entry, *, named: bool) -> None:
    what = "this operation" if named else "this key"
    way = "generation" if named else "key"
    if entry.fingerprint != fresh.fingerprint:
        msg = (
            f"{what} was called before with another request; nothing was"
            f" sent. A deliberate new try is a new {way}"
        )
        raise OperationChanged(msg, entry.report)
    if entry.key != fresh.key:
        msg = f"{what} was called before with another key; nothing was sent"
        raise OperationChanged(msg, entry.report)


def _check_age(entry: Entry, fresh: Entry, retention: float) -> None:
    # The longer of the two: one clock stops in suspend, one can be set back.
    age = max(
        fresh.first_sent - entry.first_sent,
        fresh.first_sent_wall - entry.first_sent_wall,
    )
    if age >= retention:
        msg = (
            f"first sent {show_seconds(age)} s ago, and the server remembers"
            f" keys for {show_seconds(retention)} s; nothing was sent. Ask the"
            " API what became of it"
        )
        raise KeyExpired(msg, entry.report)


def _check_generation(entry: Entry, fresh: Entry, *, force: bool) -> None:
    if fresh.generation < entry.generation:
        msg = (
            f"generation must be at least {entry.generation}, the last one"
            f" called, got {fresh.generation}; nothing was sent"
        )
        raise OperationChanged(msg, entry.report)
    report = entry.report
    in_doubt = (
        report is None
        or entry.under_way > 0
        or report.outcome in (Outcome.IN_DOUBT, Outcome.OPEN)
    )
    if in_doubt and not force:
        msg = (
            f"generation {entry.generation} of this operation is in doubt: a"
            " new one could execute it twice; nothing was sent. Settle it"
            " first, or pass Operation(..., force=True)"
        )
        raise OperationChanged(msg, report)
