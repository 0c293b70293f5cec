"""
What a store must keep to if one transaction of its can serve several.

A store that does not offer that has nothing to keep to here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samekey.stores import (
    Ask,
    Claim,
    Completion,
    LateOwner,
    Record,
    Sharing,
)

from ._conformance_help import (
    LEASE,
    NOW,
    StoreCase,
    claim,
    record,
    same,
    together,
)


class SharingCases(StoreCase):
    """Completions and claims that are made at once."""

    def test_several(self, tmp_path: Path) -> None:
        """Each gets what it would have got alone, in the order asked."""
        with self.make_store(tmp_path) as store:
            if not isinstance(store, Sharing):
                return
            for each in ("done", "late", "known"):
                claim(store, record(each))
            claim(store, record("late"), now=NOW + LEASE)

            told = store.do_all(
                [_completion("late"), _completion("done")],
                [
                    _ask("z"),
                    _ask("known", key="other"),
                    _ask("a"),
                    _ask("z", key="second"),
                ],
            )

            same(
                [type(each) for each in told.completions],
                [LateOwner, type(None)],
                "what came of the completions",
            )
            same(_state(store.get("done")), "answered", "the state")
            same(_state(store.get("late")), "open", "what nobody completed")
            same(
                [
                    (each.fresh, each.record.id, each.record.key)
                    for each in _claims(told.claims)
                ],
                [
                    (True, "z", "key"),
                    (False, "known", "key"),
                    (True, "a", "key"),
                    (False, "z", "key"),
                ],
                "what came of the claims",
            )

    def test_several_replace(self, tmp_path: Path) -> None:
        """Completions come first; what they settle can be replaced at once."""
        with self.make_store(tmp_path) as store:
            if not isinstance(store, Sharing):
                return
            claim(store, record("a"))

            told = store.do_all(
                [_completion("a")],
                [_ask("a", key="new", replaces=1), _ask("b")],
            )

            found = store.get("a")
            same(
                [each.fresh for each in _claims(told.claims)],
                [True, True],
                "what is fresh",
            )
            assert found is not None
            same((found.key, found.token), ("new", 2), "what is recorded")

    def test_several_nothing(self, tmp_path: Path) -> None:
        """Nothing at all can be asked for."""
        with self.make_store(tmp_path) as store:
            if not isinstance(store, Sharing):
                return

            told = store.do_all([], [])

            same((told.completions, told.claims), ([], []), "what came of it")

    def test_threads_claim_several(self, tmp_path: Path) -> None:
        """Of 200 operations that 8 threads claim at once, each is one's."""
        with self.make_store(tmp_path) as store:
            if not isinstance(store, Sharing):
                return
            ids = [f"{each}" for each in range(200)]

            lists = together(
                8,
                lambda n: _claims(
                    store.do_all(
                        [], [_ask(each, key=f"{n}-{each}") for each in ids]
                    ).claims
                ),
            )

            claims = [each for some in lists for each in some]
            same(sum(each.fresh for each in claims), 200, "how many are fresh")
            pairs = {(each.record.id, each.record.key) for each in claims}
            same(len(pairs), 200, "how many keys 200 operations have")


def _ask(
    id: str,  # noqa: A002 -- the field's name
    *,
    replaces: int | None = None,
    **changes: Any,
) -> Ask:
    fresh = record(id, **changes)
    return Ask(fresh=fresh, now=NOW, lease=LEASE, take=(), replaces=replaces)


def _completion(id: str) -> Completion:  # noqa: A002 -- the field's name
    return Completion(
        id=id, token=1, state="answered", data=b"1", now=NOW, expires=None
    )


def _claims(claims: Iterable[Claim | Exception]) -> list[Claim]:
    return [each for each in claims if isinstance(each, Claim)]


def _state(found: Record | None) -> str | None:
    return None if found is None else found.state
