"""
The records of a journal: how they are read, settled and removed.
"""

from __future__ import annotations

import math

from collections.abc import Iterator

import attrs

from samekey import _time
from samekey._intent import Begun, End, is_final, record_id
from samekey._journal_parts import Entry, kept_in
from samekey._kept import Change, Kept
from samekey._message import Message
from samekey._owner import is_dead
from samekey._parts import KeyPart
from samekey._report import Outcome, Report
from samekey.errors import OperationBusy
from samekey.keys import Operation
from samekey.stores import (
    Completion,
    LateOwner,
    Record,
    Sharing,
    Store,
    StoreError,
)


class Book:
    """What a journal knows, and who is on what in this process."""

    store: Store
    _sharing: Sharing | None  # the store, if it can
    keep: float
    owner: str
    # The owners of what is under way here. Each change of a set of str is one
    # step, which no other thread comes between.
    _held: set[str]

    def __repr__(self) -> str:
        return f"Journal({self.store!r})"

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def complete(
        self, begun: Begun, *, state: str, kept: Kept, now: float
    ) -> None:
        """
        Record how it went.

        Raises:
            LateOwner: If another worker has taken it over.

            StoreError: If the store fails.
        """
        self.end(End(begun=begun, state=state, kept=kept, now=now))

    def end(self, end: End) -> None:
        """
        Same as `complete`.

        Raises:
            LateOwner: If another worker has taken it over.

            StoreError: If the store fails.
        """
        try:
            error = self._end(end)
        finally:
            self.let_go(end.begun)
        if error is not None:
            raise error

    def _end(self, end: End) -> Exception | None:
        completion = self._completion(end)
        try:
            if self._sharing is not None:
                # It gives no record, which would have to be read first.
                return self._sharing.do_all((completion,), ()).completions[0]
            self.store.complete(
                completion.id,
                completion.token,
                state=completion.state,
                data=completion.data,
                now=completion.now,
                expires=completion.expires,
            )
        except (LateOwner, StoreError) as exc:
            return exc
        return None

    def _completion(self, end: End) -> Completion:
        record = end.begun.record
        return Completion(
            id=record.id,
            token=record.token,
            state=end.state,
            data=end.kept.encode(),
            now=end.now,
            expires=self._until(end.state, end.kept, end.now),
        )

    def _until(self, state: str, kept: Kept, now: float) -> float:
        """Tell from when it may be swept."""
        if state in {Outcome.ANSWERED, Outcome.NOT_EXECUTED}:
            return now + max(self.keep, min(kept.retention, _LONG))
        return math.inf

    def let_go(self, begun: Begun) -> None:
        """Note that nobody here is on it any more; nothing is written."""
        self._let_go(begun.record.owner)

    def _let_go(self, owner: str) -> None:
        self._held.discard(owner)

    def _is_over(self, record: Record) -> bool:
        """Tell whether nobody is on it, whatever its lease says."""
        if record.owner.startswith(f"{self.owner}-"):
            return record.owner not in self._held
        return is_dead(record.owner)

    def entries(
        self, *, state: str | None = None, wall: float | None = None
    ) -> Iterator[Entry]:
        """
        Go over what is recorded, in no order that means anything.

        Args:
            state: Only those in this state.

            wall: The time, in seconds since the epoch. Default now.

        Raises:
            StoreError: If the store fails.
        """
        now = _time.PROCESS.wall() if wall is None else wall
        after = ""
        while page := self.store.scan(state=state, after=after):
            for record in page:
                yield self._entry(record, now)
            after = page[-1].id

    def pending(self) -> Iterator[Entry]:
        """
        Go over what is open or in doubt, and that nobody is on.

        Raises:
            StoreError: If the store fails.
        """
        for state in (str(Outcome.OPEN), str(Outcome.IN_DOUBT)):
            for entry in self.entries(state=state):
                if not entry.busy:
                    yield entry

    def get(
        self,
        operation: KeyPart | Operation,
        *,
        namespace: str | None = None,
    ) -> Entry | None:
        """
        Give what is recorded of an operation; None if nothing is.

        Args:
            operation: Its id. *namespace*: as the client's.

        Raises:
            StoreError: If the store fails.
        """
        if not isinstance(operation, Operation):
            operation = Operation(operation)
        record = self.store.get(record_id(operation, namespace))
        return (
            None
            if record is None
            else self._entry(record, _time.PROCESS.wall())
        )

    def find(self, id: str) -> Entry | None:  # noqa: A002 -- the field's name
        """Give what is recorded under a record's id; None if nothing is."""
        record = self.store.get(id)
        return (
            None
            if record is None
            else self._entry(record, _time.PROCESS.wall())
        )

    def resolve(
        self,
        entry: Entry,
        outcome: Outcome,
        *,
        why: str,
        answer: Message | None = None,
        force: bool = False,
        wall: float | None = None,
    ) -> Entry:
        """
        Record what a person, or a look at the API, has found out.

        After `answered` a call under the same id is given *answer*. Without
        one it asks the server again within its memory of the key, and is told
        `KeyExpired` past it. After `not_executed` it is sent as if it were
        the first.

        Args:
            entry: The operation, as it was seen: if something has become
                known of it since, nothing is changed.

            outcome: `answered` or `not_executed`.

            why: Is kept with it, and when.

            answer: What later calls are given.

            force: Change what the server itself has settled, too.

            wall: The time, in seconds since the epoch. Default now.

        Raises:
            OperationBusy: If a live worker is on it, or it has changed.

            ValueError: If *outcome* is another one, *why* is empty, or
                `not_executed` is said of what the server has settled and
                *force* is not set.

            StoreError: If the store fails.
        """
        if outcome not in (Outcome.ANSWERED, Outcome.NOT_EXECUTED):
            msg = f"outcome must be answered or not_executed, got {outcome}"
            raise ValueError(msg)
        if not why:
            msg = "why must not be empty: it is kept for who asks later"
            raise ValueError(msg)
        now = _time.PROCESS.wall() if wall is None else wall
        record = self.store.get(entry.id)
        if (
            record is None
            or record.state != entry.state
            or record.updated != entry.updated
            or record.token != entry.token
        ):
            msg = "something has become known of it since it was looked at"
            raise OperationBusy(msg)
        if not (record.lease_until <= now or self._is_over(record)):
            msg = f"another worker ({record.owner}) is on it"
            raise OperationBusy(msg, entry.report)
        kept = kept_in(record)
        final = record.state == Outcome.ANSWERED and is_final(kept)
        if final and outcome is Outcome.NOT_EXECUTED and not force:
            msg = (
                "the server has settled it: to say otherwise may execute it"
                " twice. Pass force=True to do so"
            )
            raise ValueError(msg)
        claim = self.store.claim(
            attrs.evolve(record, owner=self.owner),
            now=max(now, record.lease_until),
            lease=_RESOLVING,
            take=(record.state,),
        )
        if not claim.taken or claim.record.token != record.token + 1:
            if claim.taken:  # and that one is done with it already
                self.store.release(record.id, claim.record.token, now=now)
            msg = "another worker has taken it"
            raise OperationBusy(msg, entry.report)
        change = Change(at=now, what=str(outcome), why=why)
        report = kept.report or Report(key=record.key, outcome=outcome)
        kept = attrs.evolve(
            kept,
            report=attrs.evolve(report, outcome=outcome),
            answer=answer,
            request=None,  # as when a call settles it
            changes=(*kept.changes, change),
        )
        begun = Begun(step="send", record=claim.record, kept=kept)
        self.complete(begun, state=str(outcome), kept=kept, now=now)
        after = self.store.get(entry.id)
        assert after is not None
        return self._entry(after, now)

    def purge(self, *, wall: float | None = None) -> int:
        """
        Remove what is settled and has been kept long enough.

        It is done in batches that hold others up for less than 50 ms each.

        Returns how many were removed.

        Raises:
            StoreError: If the store fails.
        """
        now = _time.PROCESS.wall() if wall is None else wall
        removed = 0
        while count := self.store.sweep(now=now):
            removed += count
        return removed

    def _entry(self, record: Record, now: float) -> Entry:
        damaged = None
        try:
            kept = kept_in(record)
        except StoreError as exc:
            # One that cannot be read must not hide the others.
            kept, damaged = Kept(generation=0), str(exc)
        busy = record.lease_until > now and not self._is_over(record)
        return Entry(
            id=record.id,
            key=record.key,
            state=record.state,
            operation=kept.operation,
            namespace=kept.namespace,
            generation=kept.generation,
            created=record.created,
            updated=record.updated,
            busy=busy,
            method=kept.method,
            url=kept.url,
            report=kept.report,
            answer=kept.answer,
            request=kept.request,
            changes=kept.changes,
            earlier=kept.earlier,
            damaged=damaged,
            token=record.token,
        )


_LONG = 10 * 365 * 86_400.0
_RESOLVING = 10.0
