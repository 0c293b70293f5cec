"""What one caller wants done in one transaction, new claims in one statement."""

from __future__ import annotations

import sqlite3

from collections.abc import Iterator, Sequence

import attrs

from . import _rows
from ._decide import Ask, Completion
from ._record import Claim, Done, LateOwner, StoreError, unfit


# Each number has a statement of its own, which SQLite compiles once.
MOST = 32


@attrs.frozen
class Several:
    """
    What one caller wants done.

    Args:
        completions: Are made first.

        asks: What it claims.

        looks: Look first, and write only if there is something to write.
    """

    completions: Sequence[Completion]
    asks: Sequence[Ask]
    looks: bool = False

    def __call__(self, connection: sqlite3.Connection) -> Done:
        """Do it; call it in a transaction."""
        return Done(
            [_completed(connection, each) for each in self.completions],
            _claim_all(connection, self.asks),
        )

    def known(self, connection: sqlite3.Connection) -> Done | None:
        """Tell what is there, if the decision is to leave all of it."""
        known: list[Claim | StoreError] = []
        for ask in self.asks:
            found = _rows.find(connection, ask.fresh.id)
            claimed = None if found is None else ask.decide(found)
            if claimed is None or claimed.taken:
                return None
            known.append(claimed)
        return Done([], known)


# Each of these writes with one statement, which SQLite undoes alone if it
# fails; what else is done stays.


def _completed(
    connection: sqlite3.Connection, completion: Completion
) -> Exception | None:
    try:
        _rows.settle(connection, completion)
    except (LateOwner, StoreError) as exc:
        return exc
    except sqlite3.DataError as exc:
        return unfit(exc)
    return None


def do_all(
    connection: sqlite3.Connection, works: Sequence[Several]
) -> list[Done]:
    """Do what several callers want; call it in a transaction."""
    completed = [
        [_completed(connection, each) for each in work.completions]
        for work in works
    ]
    # What is completed first can be claimed by one who comes at the same time.
    asks = [ask for work in works for ask in work.asks]
    claims = iter(_claim_all(connection, asks))
    return [
        Done(done, [next(claims) for _ in work.asks])
        for work, done in zip(works, completed, strict=True)
    ]


def _claim_all(
    connection: sqlite3.Connection, asks: Sequence[Ask]
) -> list[Claim | StoreError]:
    made: list[Claim | None] = [None] * len(asks)
    if len(asks) > 1:
        for at, claim in _added(connection, asks):
            made[at] = claim
    return [
        _claimed(connection, ask) if each is None else each
        for each, ask in zip(made, asks, strict=True)
    ]


def _claimed(connection: sqlite3.Connection, ask: Ask) -> Claim | StoreError:
    try:
        return _rows.claim(connection, ask)
    except StoreError as exc:
        return exc
    except sqlite3.DataError as exc:
        return unfit(exc)


def _added(
    connection: sqlite3.Connection, asks: Sequence[Ask]
) -> Iterator[tuple[int, Claim]]:
    """Add what is new of *asks*; give the places of what was added."""
    # Of those that ask for the same the first is the one.
    firsts: dict[str, int] = {}
    for at, ask in enumerate(asks):
        if ask.replaces is None:
            firsts.setdefault(ask.fresh.id, at)
    for some in _chunks(list(firsts)):
        known = _rows.known(connection, some)
        claims = [
            (at, asks[at].decide(None))
            for at in map(firsts.__getitem__, some)
            if asks[at].fresh.id not in known
        ]
        records = [claim.record for _, claim in claims]
        if records and _rows.add(connection, records):
            yield from claims


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), MOST):
        yield ids[start : start + MOST]
