"""What a store must keep to when records are claimed."""

from __future__ import annotations

import math

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


class ClaimCases(StoreCase):
    """Claims: who is first, who takes over, and what replaces what."""

    def test_new(self, tmp_path: Path) -> None:
        """An operation that is new is recorded as it is, under token 1."""
        with self.make_store(tmp_path) as store:
            fresh = record("a", data=b"data", owner="host:1")

            made = claim(store, fresh)

            expected = attrs.evolve(fresh, token=1, lease_until=NOW + LEASE)
            same(made.record, expected, "a new record")
            same((made.taken, made.fresh), (True, True), "taken, fresh")
            same(store.get("a"), expected, "what is read")
            same(store.get("b"), None, "a record that is not there")

    def test_state_as_given(self, tmp_path: Path) -> None:
        """A record begins in the state that it is given, whatever word."""
        with self.make_store(tmp_path) as store:
            made = claim(store, record("a", state="indeterminate"))

            same(made.record.state, "indeterminate", "the state")

    def test_the_recorded_wins(self, tmp_path: Path) -> None:
        """Who takes over gets the recorded key, whoever recorded it."""
        with self.make_store(tmp_path) as store:
            first = claim(store, record("a", key="first", data=b"1")).record
            other = record(
                "a",
                key="other",
                fingerprint=b"other",
                data=b"2",
                owner="b",
                created=NOW + 9,
                expires=NOW + 9,
            )

            second = claim(store, other, now=NOW + LEASE)

            expected = attrs.evolve(
                first, token=2, owner="b", lease_until=NOW + 2 * LEASE
            )
            same(second.record, expected, "the record taken over")
            same((second.taken, second.fresh), (True, False), "taken, fresh")
            same(store.get("a"), expected, "what is read")

    def test_a_lease_is_respected(self, tmp_path: Path) -> None:
        """While somebody is at it, others are told so and change nothing."""
        with self.make_store(tmp_path) as store:
            first = claim(store, record("a", owner="a")).record
            last = math.nextafter(NOW + LEASE, 0)

            for now in (NOW - 1, NOW, last):
                second = claim(store, record("a", owner="b"), now=now)

                same(second.record, first, "the record")
                same((second.taken, second.fresh), (False, False), "taken")
            same(store.get("a"), first, "what is read")

    def test_a_lease_ends_on_time(self, tmp_path: Path) -> None:
        """At the very time at which a lease ends, it is over."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"), lease=0.1)

            for token in (2, 3):
                now = store.scan()[0].lease_until
                taken = claim(store, record("a"), now=now, lease=0.1)

                same(taken.taken, True, "taken")
                same(taken.record.token, token, "the token")

    def test_take(self, tmp_path: Path) -> None:
        """Only what is in a state that the caller names is taken over."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"))
            done = store.complete("a", 1, state="in_doubt", data=b"", now=NOW)

            for take in (("open",), (), frozenset({"answered", "doubt"})):
                left = claim(store, record("a"), take=take)
                same(left.taken, False, f"taken with take={take}")
                same(left.record, done, "the record")
            taken = claim(store, record("a"), take={"open", "in_doubt"})

            same(taken.taken, True, "taken")
            same(taken.record.state, "in_doubt", "the state")

    def test_replaces(self, tmp_path: Path) -> None:
        """A new generation takes the place of the one that it names."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a"))
            old = store.complete("a", 1, state="answered", data=b"1", now=NOW)
            fresh = record("a", key="new", fingerprint=b"new", data=b"2")

            left = claim(store, fresh, replaces=2)
            same(left.taken, False, "taken with another token")
            same(left.record, old, "the record")
            same(store.get("a"), old, "what is read")
            made = claim(store, fresh, take=(), replaces=1)

            expected = attrs.evolve(fresh, token=2, lease_until=NOW + LEASE)
            same(made.record, expected, "the new record")
            same((made.taken, made.fresh), (True, True), "taken, fresh")
            same(store.get("a"), expected, "what is read")
            refused(
                LateOwner,
                lambda: store.complete(
                    "a", 1, state="answered", data=b"", now=NOW
                ),
            )

    def test_replaces_nothing_that_is_held(self, tmp_path: Path) -> None:
        """What somebody is at is not replaced under them."""
        with self.make_store(tmp_path) as store:
            held = claim(store, record("a")).record

            left = claim(store, record("a", key="new"), replaces=1)

            same(left.taken, False, "taken")
            same(store.get("a"), held, "the record")

    def test_replaces_what_is_gone(self, tmp_path: Path) -> None:
        """Where nothing is left to replace, the token is past it all the same."""
        with self.make_store(tmp_path) as store:
            made = claim(store, record("a"), replaces=7)

            same((made.taken, made.fresh), (True, True), "taken, fresh")
            same(made.record.token, 8, "the token")
