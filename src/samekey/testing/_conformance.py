"""
What every store must keep to, as tests that a store is run against.

    class TestMine(StoreConformance):
        def make_store(self, tmp_path):
            return MyStore(tmp_path / "mine.db")

pytest runs it; nothing else is needed. Stores have no clock, so nothing here
sleeps.
"""

from __future__ import annotations

import itertools

from collections.abc import Callable
from pathlib import Path

from samekey.stores import Claim, Store

from ._conformance_claims import ClaimCases
from ._conformance_help import LEASE, NOW, claim, record, same, together
from ._conformance_reads import ReadCases
from ._conformance_sharing import SharingCases
from ._conformance_writes import WriteCases


class StoreConformance(ClaimCases, WriteCases, ReadCases, SharingCases):
    """
    The tests of a store; a subclass says which store.

    Override `make_store`, and `reopen` if what is stored can be seen by
    another handle.
    """

    def test_threads_claim_one(self, tmp_path: Path) -> None:
        """Of 32 threads that claim one operation, one is the first."""
        with self.make_store(tmp_path) as store:
            claims = together(
                32, lambda n: claim(store, record("a", key=f"key-{n}"))
            )

            same(sum(each.fresh for each in claims), 1, "how many are fresh")
            same(sum(each.taken for each in claims), 1, "how many have taken")
            keys = {each.record.key for each in claims}
            same(len(keys), 1, "how many keys there are")

    def test_threads_take_one(self, tmp_path: Path) -> None:
        """Of 16 threads that take over or replace one, one does."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"), lease=0)

            for token, replaces in ((2, None), (3, 2)):
                claims = together(
                    16,
                    _taker(store, now=NOW + token * LEASE, replaces=replaces),
                )

                taken = [each for each in claims if each.taken]
                same(len(taken), 1, "how many have taken it")
                same(taken[0].record.token, token, "the token")

    def test_threads_claim_many(self, tmp_path: Path) -> None:
        """Of 200 operations that 16 threads claim, none has two keys."""
        with self.make_store(tmp_path) as store:
            lists = together(
                16,
                lambda n: [
                    claim(store, record(f"{each}", key=f"{n}-{each}"))
                    for each in range(200)
                ],
            )

            claims = list(itertools.chain.from_iterable(lists))
            same(sum(each.fresh for each in claims), 200, "how many are fresh")
            pairs = {(each.record.id, each.record.key) for each in claims}
            same(len(pairs), 200, "how many keys 200 operations have")


def _taker(
    store: Store, *, now: float, replaces: int | None
) -> Callable[[int], Claim]:
    return lambda n: claim(
        store, record("a", key=f"key-{n}"), now=now, replaces=replaces
    )
