"""What a store must keep to when it is read, swept and opened again."""

from __future__ import annotations

import math

from pathlib import Path

from samekey.stores import StoreError

from ._conformance_help import NOW, StoreCase, claim, record, same


ODD_IDS = [
    'it\'s "quoted"; DROP TABLE records; --',
    "a",
    "A",
    " a",
    "a ",
    "%",
    "_",
    "line\nbreak",
    "\u00e9",
    "e\u0301",
    "\U0001f4b3",
    "\uffff",
    "\U0001f4b3" * 1_024,
    "1",
    "1.0",
]


class ReadCases(StoreCase):
    """Pages, sweeps, other handles, and what a store must carry."""

    def test_scan(self, tmp_path: Path) -> None:
        """Records come in the order of their ids, a page at a time."""
        ids = ["b", "\U0001f4b3", "a", "B", "\uffff", "ab", "\u00e9"]
        with self.make_store(tmp_path) as store:
            for each in ids:
                claim(store, record(each))
            for each in ("ab", "B"):
                store.complete(each, 1, state="in_doubt", data=b"", now=NOW)

            same([each.id for each in store.scan()], sorted(ids), "all")
            pages: list[str] = []
            for _ in range(4):
                after = pages[-1] if pages else ""
                page = store.scan(after=after, limit=2)
                pages.extend(each.id for each in page)
            same(pages, sorted(ids), "page by page")
            doubtful = store.scan(state="in_doubt")
            same([each.id for each in doubtful], ["B", "ab"], "by state")
            same(
                store.scan(state="in_doubt", after="B"), doubtful[1:], "after"
            )
            same(store.scan(state="in_doubt", limit=1), doubtful[:1], "limit")
            same(store.scan(state="answered"), [], "none")

    def test_sweep(self, tmp_path: Path) -> None:
        """Only what has expired and nobody holds is swept."""
        ends = {
            "past": NOW - 1,
            "now": NOW,
            "next": math.nextafter(NOW, NOW * 2),
        }
        with self.make_store(tmp_path) as store:
            for each, expires in ends.items():
                claim(store, record(each, expires=expires), lease=0)
            claim(store, record("held", expires=0.0), lease=1)
            claim(store, record("never"), lease=0)

            same(store.sweep(now=NOW), 2, "how many were swept")
            left = [each.id for each in store.scan()]
            same(left, ["held", "never", "next"], "what is left")
            same(store.sweep(now=NOW + 1), 2, "how many were swept later")
            same(store.get("held"), None, "a record whose lease is over")
            same(store.sweep(now=NOW * 9), 0, "how many are left to sweep")

    def test_sweep_is_bounded(self, tmp_path: Path) -> None:
        """A sweep removes no more than it is told to."""
        with self.make_store(tmp_path) as store:
            for each in range(10):
                claim(store, record(f"{each}", expires=NOW), lease=0)

            swept = [store.sweep(now=NOW, limit=4) for _ in range(4)]

            same(swept, [4, 4, 2, 0], "how many were swept")

    def test_a_swept_id_is_new(self, tmp_path: Path) -> None:
        """What was swept is forgotten, key and all."""
        with self.make_store(tmp_path) as store:
            claim(store, record("a", expires=NOW), lease=0)
            store.sweep(now=NOW)

            made = claim(store, record("a", key="new"))

            same((made.fresh, made.record.key), (True, "new"), "the record")

    def test_ids_do_not_mix(self, tmp_path: Path) -> None:
        """Ids that look alike are different ids."""
        with self.make_store(tmp_path) as store:
            for number, each in enumerate(ODD_IDS):
                made = claim(store, record(each, key=f"key-{number}"))
                same(made.fresh, True, f"fresh, for id {each[:40]!r}")
            store.complete("a", 1, state="answered", data=b"a", now=NOW)
            store.release("A", 1, now=NOW)

            for number, each in enumerate(ODD_IDS):
                kept = store.get(each)
                assert kept is not None
                same((kept.id, kept.key), (each, f"key-{number}"), "id, key")
                same(kept.state == "answered", each == "a", "answered")
                same(kept.lease_until == 0, each in "aA", "free")

    def test_nul(self, tmp_path: Path) -> None:
        """An id with a NUL is refused, or kept whole."""
        with self.make_store(tmp_path) as store:
            try:
                claim(store, record("a\0b"))
                claim(store, record("a\0c"))
            except (ValueError, StoreError):
                same(store.scan(), [], "what is left of it")
                return

            found = [each.id for each in store.scan()]
            same(found, ["a\0b", "a\0c"], "the ids")

    def test_big(self, tmp_path: Path) -> None:
        """A mebibyte of any bytes comes back as it was."""
        data = bytes(range(256)) * 4_096
        with self.make_store(tmp_path) as store:
            claim(store, record("a", data=data, fingerprint=data[:64]))
            same(store.scan()[0].data == data, True, "claimed data")

            store.complete("a", 1, state="answered", data=data[1:], now=NOW)

            kept = store.get("a")
            assert kept is not None
            same(kept.data == data[1:], True, "completed data")
            same(kept.fingerprint, data[:64], "the fingerprint")

    def test_another_handle(self, tmp_path: Path) -> None:
        """What one handle has written, another one sees at once."""
        with self.make_store(tmp_path) as store:
            other = self.reopen(store, tmp_path)
            if other is None:
                return
            with other:
                made = claim(store, record("a")).record
                same(other.get("a"), made, "the claimed record")
                second = claim(other, record("a", key="other"))
                same(second.taken, False, "taken by another handle")
                done = store.complete(
                    "a", 1, state="answered", data=b"1", now=NOW
                )
                same(other.get("a"), done, "the completed record")
                same(other.scan(state="answered"), [done], "the scan")

    def test_after_closing(self, tmp_path: Path) -> None:
        """What a closed handle has written is there for the next."""
        with self.make_store(tmp_path) as store:
            other = self.reopen(store, tmp_path)
            if other is None:
                return
            claim(other, record("a"))
            done = other.complete("a", 1, state="answered", data=b"1", now=NOW)
            other.close()
            other.close()

            same(store.get("a"), done, "the record")
