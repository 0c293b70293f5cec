"""
What a journal tells of operations: what it has, and what became of them.
"""

from __future__ import annotations

from typing import Literal

import attrs

from samekey._kept import Change, Kept
from samekey._message import Message
from samekey._report import Outcome, Report
from samekey.stores import Record, StoreError


@attrs.frozen(kw_only=True)
class Entry:
    """
    An operation as the journal has it, for people and for recovery.

    Attributes:
        id: The record's id, by which `Journal.resolve` takes it.

        key: Its idempotency key; not in the repr.

        state: `open`, `answered`, `not_executed` or `in_doubt`.

        operation: The operation id as it was given; not in the repr.

        namespace: That of the client. *generation*: from 1.

        created: When it was first sent, in seconds since the epoch.

        updated: When something became known of it.

        token: How often it was taken up; one more with each worker.

        busy: A live worker is on it.

        method: Of the request. *url*: without credentials and query.

        report: How it went, where that is known.

        answer: What the server said, where it is kept.

        request: The request, where it is kept to be sent again.

        changes: What people have said of it.

        earlier: The reports of generations before.

        damaged: Why the record cannot be read, if it cannot; then only what
            stands beside it is known.
    """

    id: str
    key: str = attrs.field(repr=False)
    state: str
    operation: object = attrs.field(repr=False)
    namespace: str | None
    generation: int
    created: float
    updated: float
    busy: bool
    method: str
    url: str
    report: Report | None
    answer: Message | None
    request: Message | None
    changes: tuple[Change, ...]
    earlier: tuple[Report, ...] = ()
    damaged: str | None = None
    token: int = 1


Became = Literal[
    "answered", "not_executed", "in_doubt", "expired", "busy", "skipped"
]
"""
What became of an operation that was pending.

`expired`: the server may have forgotten its key; `busy`: another worker has
taken it; `skipped`: it was not this client's, or nobody could say.
"""


@attrs.frozen(kw_only=True)
class Resolution:
    """
    What a look at the API has told of an operation.

    Args:
        outcome: `answered` or `not_executed`.

        why: How it was found out; it is kept.

        status: Of the answer that later calls are given. Without one, they
            ask the server again.

        body: Of that answer. *headers*: its headers, such as Content-Type.
    """

    outcome: Outcome
    why: str
    status: int | None = None
    body: bytes = attrs.field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)

    @property
    def answer(self) -> Message | None:
        """The answer, as it is kept."""
        if self.status is None:
            return None
        return Message(
            status=self.status, headers=tuple(self.headers), body=self.body
        )


@attrs.frozen(kw_only=True)
class Progress:
    """
    How far a recovery is.

    Attributes:
        done: How many have been looked at, of *total*.

        entry: The last of them. *became*: what became of it.

        error: What was raised, if anything was.
    """

    done: int
    total: int
    entry: Entry
    became: Became
    error: Exception | None = None


@attrs.frozen(kw_only=True)
class Recovered:
    """
    How many operations ended how.

    Attributes:
        answered: The server settled them.

        not_executed: They were not executed.

        in_doubt: Nobody knows yet.

        expired: The server may have forgotten their keys.

        busy: Another worker has them.

        skipped: They are another client's, or nobody could say.
    """

    answered: int = 0
    not_executed: int = 0
    in_doubt: int = 0
    expired: int = 0
    busy: int = 0
    skipped: int = 0


def kept_in(record: Record) -> Kept:
    try:
        return Kept.decode(record.data, record.key)
    except ValueError as exc:
        msg = f"the record must be readable, and is not: {exc}"
        raise StoreError(msg) from exc
