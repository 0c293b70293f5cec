"""
The journal: a key that outlives the process.

The intent and its key are durable before the first byte of the request
leaves. Whoever comes after a crash, a restart or a second click finds the
key, and how it went:

    recorded                          what a call with the same id does
    nothing                           is sent, once the intent is on disk
    another request, another key      OperationChanged
    answered: 2xx or already done     gives that answer; nothing is sent
    answered: anything else           asks again under the same key
    not executed                      is sent under the same key
    open, in doubt                    is sent again under the same key, or
                                      KeyExpired past the server's memory of
                                      it, or OperationBusy while another
                                      worker is on it

Only the intent needs to reach the disk before anything else happens. The
outcome may be lost in a power cut: that costs one resend under the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import math
import os
import threading
import weakref

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import attrs

from samekey import _time
from samekey._intent import (
    Begun,
    Intent,
    Step,
    decide,
    is_final,
    record_id,
)
from samekey._journal_parts import (
    ALLOWED_HEADERS,
    Entry,
    Progress,
    Recovered,
    Resolution,
    allowed_headers,
    check_size,
    choose_secret,
    kept_in,
    one_of,
    open_store,
    texts,
)
from samekey._kept import Change, Kept, Message
from samekey._owner import is_dead, own_name
from samekey._parts import KeyPart
from samekey._pointer import check_pointer
from samekey._policy import check_seconds
from samekey._report import Outcome, Report
from samekey.errors import OperationBusy
from samekey.keys import Operation, check_secret
from samekey.stores import Claim, Record, Store, StoreError


__all__ = [
    "Change",
    "Entry",
    "Journal",
    "Message",
    "Progress",
    "Recovered",
    "Resolution",
]

Remember = Literal["outcome", "answer", "request"]

MAX_ANSWER = 64 * 1024
KEEP = 30 * 86_400.0


class Journal:
    """
    The durable memory of operations. Thread-safe; shared by many clients.

    Args:
        store: Where records live: a `Store`, or the path of a SQLite file.

        remember: `"outcome"`: how it went; `"answer"` (the default): the
            answer too, so that it can be given again; `"request"`: the
            request too, so that `recover` can send it without the caller.

        redact: JSON pointers to what is taken out of bodies before they are
            kept, such as `["/card/number"]`; `*` stands for every item of a
            list. A request out of which something was taken is not sent
            again by `recover`.

        headers: Request headers that may be kept, besides Accept,
            Content-Type, Content-Encoding, Prefer and User-Agent. Never
            Authorization or Cookie.

        max_answer: Longer answers are not kept, in bytes. Default 65,536.

        keep: How long what is settled is kept, in seconds. Default 30 days,
            and no less than the server's retention. What is open or in doubt
            is kept until somebody settles it.

        journal_all: Keep calls without an operation id too, under their key.

        busy: `"raise"` (the default) raises `OperationBusy` while another
            worker is on an operation; `"wait"` waits for it, up to the
            deadline.

        secret: Under which fingerprints are made, 16 bytes or more, so that
            nobody can guess a body from the file. Default: a random one, in a
            file beside the store's with `.secret` after its name.

    Raises:
        JournalError: If the store, or its secret, cannot be used.

        TypeError: If an argument is of the wrong type.

        ValueError: If one is out of range, or *secret* is missing for a store
            that has no file.
    """

    def __init__(
        self,
        store: Store | str | os.PathLike[str],
        *,
        remember: Remember = "answer",
        redact: Iterable[str] = (),
        headers: Iterable[str] = (),
        max_answer: int = MAX_ANSWER,
        keep: float = KEEP,
        journal_all: bool = False,
        busy: Literal["raise", "wait"] = "raise",
        secret: bytes | str | None = None,
    ) -> None:
        self.remember = one_of(remember, "remember", get_args(Remember))
        self.redact = tuple(
            check_pointer(item, "redact") for item in texts(redact, "redact")
        )
        self.headers = ALLOWED_HEADERS | allowed_headers(headers)
        self.max_answer = check_size(max_answer)
        self.keep = check_seconds(keep, "keep")
        self.journal_all = journal_all
        self.busy = one_of(busy, "busy", ("raise", "wait"))
        given = check_secret(secret)
        self.store, path = open_store(store)
        self.secret = choose_secret(given, self.store, path)
        self.mark = hashlib.sha256(self.secret).hexdigest()[:8]
        self.owner = own_name()
        self._held: set[str] = set()  # the owners of what is under way here
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        if store is not self.store:
            # Made here, so nobody else closes it.
            weakref.finalize(self, self.store.close)

    def __repr__(self) -> str:
        return f"Journal({self.store!r})"

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    # What the engine asks

    def fingerprint(self, digest: bytes) -> bytes:
        """Make a fingerprint from which no body can be guessed."""
        return hmac.digest(self.secret, digest, "sha256")

    def begin(self, intent: Intent, *, now: float, lease: float) -> Begun:
        """
        Put an intent on disk, or tell what is recorded already.

        Raises:
            OperationChanged: If the request or the key is another one, or a
                new generation follows one in doubt.

            KeyExpired: If the server may have forgotten the key.

            StoreError: If the store fails.
        """
        # Known here before others can see it in the record.
        owner = f"{self.owner}-{next(self._numbers)}"
        with self._lock:
            self._held.add(owner)
        begun: Begun | None = None
        try:
            begun = self._begin(intent, owner, now=now, lease=lease)
        finally:
            if begun is None or begun.step != "send":
                self._let_go(owner)
        return begun

    def _begin(
        self, intent: Intent, owner: str, *, now: float, lease: float
    ) -> Begun:
        # A look first: what is answered needs nothing that could be written.
        found = self.store.get(intent.id)
        while True:
            if found is None:
                fresh = self._fresh(intent, owner, now)
                claim = self.store.claim(fresh, now=now, lease=lease, take=())
                if claim.fresh:
                    return _sending(claim)
                found = claim.record
            record, found = found, None
            kept = kept_in(record)
            free = record.lease_until <= now or self._is_over(record)
            step = decide(
                record, kept, intent, now=now, free=free, mark=self.mark
            )
            if step in {"give", "busy"}:
                return Begun(step=step, record=record, kept=kept)
            # Its lease may be our own that is over, or a dead worker's.
            at = max(now, record.lease_until)
            instead = self._instead(step, record, kept, intent, owner, now)
            if instead is None:
                claim = self.store.claim(
                    attrs.evolve(record, owner=owner),
                    now=at,
                    lease=lease,
                    take=(record.state,),
                )
            else:
                claim = self.store.claim(
                    instead,
                    now=at,
                    lease=lease,
                    take=(),
                    replaces=record.token,
                )
            if not claim.taken:
                continue  # somebody was faster: look again
            if claim.record.token == record.token + 1:
                return _sending(
                    claim,
                    before=None if step == "replace" else record.state,
                )
            # Somebody was faster, and is done with it already.
            self.store.release(record.id, claim.record.token, now=now)

    def complete(
        self, begun: Begun, *, state: str, kept: Kept, now: float
    ) -> None:
        """
        Record how it went.

        Raises:
            LateOwner: If another worker has taken it over.

            StoreError: If the store fails.
        """
        settled = state in {Outcome.ANSWERED, Outcome.NOT_EXECUTED}
        until = now + max(self.keep, min(kept.retention, _LONG))
        try:
            self.store.complete(
                begun.record.id,
                begun.record.token,
                state=state,
                data=kept.encode(),
                now=now,
                expires=until if settled else math.inf,
            )
        finally:
            self.let_go(begun)

    def let_go(self, begun: Begun) -> None:
        """Note that nobody here is on it any more; nothing is written."""
        self._let_go(begun.record.owner)

    def _let_go(self, owner: str) -> None:
        with self._lock:
            self._held.discard(owner)

    def _instead(
        self,
        step: Step,
        record: Record,
        kept: Kept,
        intent: Intent,
        owner: str,
        now: float,
    ) -> Record | None:
        """Make what is put in the record's place; None if it stays."""
        if step == "reopen":
            return _reopened(record, kept, intent, owner)
        if step != "replace":
            return None
        if intent.kept.generation == kept.generation:
            # What is said not to be executed keeps its key, lest who said so
            # was wrong.
            intent = attrs.evolve(intent, key=record.key)
        return self._fresh(intent, owner, now, before=kept)

    def _fresh(
        self,
        intent: Intent,
        owner: str,
        now: float,
        before: Kept | None = None,
    ) -> Record:
        kept = attrs.evolve(intent.kept, mark=self.mark)
        if before is not None:
            report = () if before.report is None else (before.report,)
            kept = attrs.evolve(
                kept,
                changes=before.changes,
                earlier=(*before.earlier, *report)[-_EARLIER:],
            )
        return Record(
            id=intent.id,
            key=intent.key,
            fingerprint=intent.fingerprint,
            state=str(Outcome.OPEN),
            owner=owner,
            created=now,
            updated=now,
            data=kept.encode(),
        )

    def _is_over(self, record: Record) -> bool:
        """Tell whether nobody is on it, whatever its lease says."""
        if record.owner.startswith(f"{self.owner}-"):
            with self._lock:
                return record.owner not in self._held
        return is_dead(record.owner)

    # What people ask

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
        now = _time.wall() if wall is None else wall
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
        return None if record is None else self._entry(record, _time.wall())

    def find(self, id: str) -> Entry | None:  # noqa: A002 -- the field's name
        """Give what is recorded under a record's id; None if nothing is."""
        record = self.store.get(id)
        return None if record is None else self._entry(record, _time.wall())

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
        `KeyExpired` past it. After
        `not_executed` it is sent as if it were the first.

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
        now = _time.wall() if wall is None else wall
        record = self.store.get(entry.id)
        if (
            record is None
            or record.state != entry.state
            or (record.updated != entry.updated)
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
        now = _time.wall() if wall is None else wall
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
        )


def _sending(claim: Claim, before: str | None = None) -> Begun:
    record = claim.record
    return Begun(
        step="send", record=record, kept=kept_in(record), before=before
    )


def _reopened(
    record: Record, kept: Kept, intent: Intent, owner: str
) -> Record:
    """
    Make what is recorded while a refused operation is asked for again.

    If that is cut off, the refusal is no longer the last word.
    """
    kept = attrs.evolve(kept, answer=None, request=intent.kept.request)
    return attrs.evolve(
        record,
        state=str(Outcome.OPEN),
        owner=owner,
        expires=math.inf,
        data=kept.encode(),
    )


_EARLIER = 20
_LONG = 10 * 365 * 86_400.0
_RESOLVING = 10.0
