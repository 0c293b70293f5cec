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
import weakref

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import attrs

from samekey._book import Book
from samekey._intent import (
    Begun,
    End,
    Intent,
    Step,
    Tried,
    Wish,
    decide,
)
from samekey._journal_arguments import (
    ALLOWED_HEADERS,
    allowed_headers,
    check_size,
    choose_secret,
    one_of,
    open_store,
    sharing_of,
    texts,
)
from samekey._journal_parts import (
    Entry,
    Progress,
    Recovered,
    Resolution,
    kept_in,
)
from samekey._kept import Change, Kept
from samekey._message import Message
from samekey._owner import own_name
from samekey._pointer import check_pointer
from samekey._policy import check_seconds
from samekey._report import Outcome
from samekey.keys import check_secret
from samekey.stores import Ask, Claim, Record, Store, StoreError


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


class Journal(Book):
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
        self._sharing = sharing_of(self.store)
        self._numbers = itertools.count(1)
        self.begin_anew()
        _JOURNALS.add(self)
        if store is not self.store:
            # Made here, so nobody else closes it.
            weakref.finalize(self, self.store.close)

    def begin_anew(self) -> None:
        """Be on nothing, under a name of its own: this may be a child."""
        self.owner = own_name()
        self._held = set()

    def fingerprint(self, digest: bytes) -> bytes:
        """Make a fingerprint from which no body can be guessed."""
        return hmac.digest(self.secret, digest, "sha256")

    @property
    def shares(self) -> bool:
        """Whether what comes together can be recorded together."""
        return self._sharing is not None

    def begin(self, wish: Wish) -> Begun:
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
        self._held.add(owner)
        begun: Begun | None = None
        try:
            sharing = self._sharing
            claim: Claim | None = None
            if sharing is not None and sharing.crowded:
                # Most of a crowd is new, and a look would cost more than it
                # saves. What is answered needs nothing that could be written.
                claim = self._claim(self._ask(wish, owner))
            begun = self._begin(wish, owner, claim)
        finally:
            if begun is None or begun.step != "send":
                self._let_go(owner)
        return begun

    def do_all(
        self, ends: Sequence[End], wishes: Sequence[Wish]
    ) -> tuple[list[Exception | None], list[Begun | Exception]]:
        """
        Record how operations went, and intents, with one sync.

        Gives each what `end` or `begin` would, or would raise.
        """
        owners = [f"{self.owner}-{next(self._numbers)}" for _ in wishes]
        self._held.update(owners)
        over = {end.begun.record.owner for end in ends}.union(owners)
        begun: list[Begun | Exception] = []
        try:
            done = self._done(ends, wishes, owners)
            for each in zip(wishes, owners, done.claims, strict=True):
                try:
                    begun.append(self._begin(*each))
                except Exception as exc:  # noqa: BLE001 -- each has its own
                    begun.append(exc)
        finally:
            for one in begun:
                if isinstance(one, Begun) and one.step == "send":
                    over.discard(one.record.owner)
            self._held.difference_update(over)
        return list(done.completions), begun

    def _done(
        self, ends: Sequence[End], wishes: Sequence[Wish], owners: list[str]
    ) -> Tried:
        """Write what can be written with one sync."""
        sharing = self._sharing
        if sharing is None:
            return Tried(list(map(self._end, ends)), [None] * len(wishes))
        if not ends and len(wishes) == 1 and not sharing.crowded:
            return Tried([], [None])
        completions = [self._completion(end) for end in ends]
        asks = list(map(self._ask, wishes, owners))
        try:
            done = sharing.do_all(completions, asks)
        except StoreError as exc:
            return Tried([exc] * len(ends), [exc] * len(wishes))
        return Tried(done.completions, list(done.claims))

    def _ask(self, wish: Wish, owner: str) -> Ask:
        now, lease = wish.now, wish.lease
        fresh = self._fresh(wish.intent, owner, now, until=now + lease)
        return Ask(fresh=fresh, now=now, lease=lease, take=(), replaces=None)

    def _begin(
        self, wish: Wish, owner: str, claim: Claim | StoreError | None
    ) -> Begun:
        if isinstance(claim, StoreError):
            raise claim
        found: Record | None = None
        if claim is None:
            found = self.store.get(wish.intent.id)
        while True:
            if found is None:
                if claim is None:
                    claim = self._claim(self._ask(wish, owner))
                if claim.fresh:
                    return Begun(
                        step="send",
                        record=claim.record,
                        kept=wish.intent.kept,
                    )
                found = claim.record
            begun = self._go_on(wish, owner, found)
            if begun is not None:
                return begun
            found = claim = None

    def _go_on(self, wish: Wish, owner: str, record: Record) -> Begun | None:
        """Do what *record* lets an intent do; None: look once more."""
        intent, now = wish.intent, wish.now
        kept = kept_in(record)
        free = record.lease_until <= now or self._is_over(record)
        step = decide(record, kept, intent, now=now, free=free, mark=self.mark)
        if step in {"give", "busy"}:
            return Begun(step=step, record=record, kept=kept)
        # Its lease may be our own that is over, or a dead worker's.
        at = max(now, record.lease_until)
        # Past the old one in any case: who has seen that one, too, and comes
        # second, must not find it over.
        lease = max(_MOMENT, now + wish.lease - at)
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
            return None  # somebody was faster
        if claim.record.token == record.token + 1:
            return _sending(
                claim, before=None if step == "replace" else record.state
            )
        # Somebody was faster, and is done with it already.
        self.store.release(record.id, claim.record.token, now=now)
        return None

    def _claim(self, ask: Ask) -> Claim:
        if self._sharing is None:
            return self.store.claim(
                ask.fresh, now=ask.now, lease=ask.lease, take=ask.take
            )
        # Without another look.
        [made] = self._sharing.do_all((), (ask,)).claims
        if isinstance(made, StoreError):
            raise made
        return made

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
        until: float = 0.0,
    ) -> Record:
        kept = intent.kept
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
            state=_OPEN,
            lease_until=until,
            owner=owner,
            created=now,
            updated=now,
            data=kept.encode(),
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


_JOURNALS: weakref.WeakSet[Journal] = weakref.WeakSet()


def _begin_anew() -> None:
    for journal in list(_JOURNALS):
        journal.begin_anew()


getattr(os, "register_at_fork", dict)(after_in_child=_begin_anew)

_OPEN = str(Outcome.OPEN)
_MOMENT = 0.001
_EARLIER = 20
