"""What a store must keep to when its owners write."""

from __future__ import annotations

from pathlib import Path

import attrs

from samekey.stores import LateOwner

from ._conformance_help import (
    LEASE,
    NOW,
    StoreCase,
    claim,
    record,
    refused,
    same,
)


class WriteCases(StoreCase):
    """Completions and releases, and those that come too late."""

    def test_complete(self, tmp_path: Path) -> None:
        """A completion writes state and data, and ends the lease."""
        with self.make_store(tmp_path) as store:
            made = claim(store, record("a", data=b"1")).record

            done = store.complete(
                "a", 1, state="answered", data=b"2", now=NOW + 1
            )

            expected = attrs.evolve(
                made,
                state="answered",
                data=b"2",
                lease_until=0.0,
                updated=NOW + 1,
            )
            same(done, expected, "the completed record")
            same(store.get("a"), expected, "what is read")

    def test_complete_again(self, tmp_path: Path) -> None:
        """The latest owner may correct what it wrote, and when it expires."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"))
            store.complete("a", 1, state="in_doubt", data=b"1", now=NOW)

            done = store.complete(
                "a",
                1,
                state="answered",
                data=b"",
                now=NOW,
                expires=NOW + 5,
                durable=True,
            )

            same((done.state, done.data), ("answered", b""), "the record")
            same(done.expires, NOW + 5, "its end")
            same(store.get("a"), done, "what is read")

    def test_a_late_owner_is_refused(self, tmp_path: Path) -> None:
        """Once another has taken over, the late owner's answer is refused."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"))
            taken = claim(store, record("a", owner="b"), now=NOW + LEASE)

            error = refused(
                LateOwner,
                lambda: store.complete(
                    "a", 1, state="answered", data=b"late", now=NOW
                ),
            )

            same(error.record, taken.record, "the error's record")
            same(store.get("a"), taken.record, "the record")
            done = store.complete(
                "a", 2, state="answered", data=b"", now=NOW + LEASE
            )
            same(done.token, 2, "the token")

    def test_a_record_that_is_gone(self, tmp_path: Path) -> None:
        """A record that was swept is not brought back by its late owner."""
        with self.make_store(tmp_path) as store:
            error = refused(
                LateOwner,
                lambda: store.complete(
                    "a", 1, state="answered", data=b"", now=NOW
                ),
            )
            store.release("a", 1, now=NOW)

            same(error.record, None, "the error's record")
            same(store.get("a"), None, "the record")

    def test_release(self, tmp_path: Path) -> None:
        """Who lets go leaves the record as it was, and free for the next."""
        with self.make_store(tmp_path) as store:
            made = claim(store, record("a", data=b"1")).record

            store.release("a", 1, now=NOW + 1)

            left = store.get("a")
            expected = attrs.evolve(made, lease_until=0.0, updated=NOW + 1)
            same(left, expected, "the record")
            taken = claim(store, record("a"), now=NOW + 1)
            same((taken.taken, taken.record.token), (True, 2), "the next")

    def test_a_late_owner_releases_nothing(self, tmp_path: Path) -> None:
        """A late owner cannot end the lease of who has taken over."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"))
            taken = claim(store, record("a"), now=NOW + LEASE)

            store.release("a", 1, now=NOW + LEASE)

            same(store.get("a"), taken.record, "the record")
