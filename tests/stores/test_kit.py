"""The kit passes stores that keep to it, and fails those that do not."""

import pytest

from stores.broken import BROKEN

from samekey.stores import MemoryStore, SQLiteStore, StoreError
from samekey.testing import StoreConformance


def kit_for(store_class):
    """Make the kit for a class of stores."""
    on_disk = issubclass(store_class, SQLiteStore)

    class Kit(StoreConformance):
        def make_store(self, tmp_path):
            return store_class(*[tmp_path / "a.db"] * on_disk)

        def reopen(self, store, tmp_path):
            return store_class(tmp_path / "a.db") if on_disk else None

    return Kit()


def failures(kit, tmp_path):
    """Run every test of the kit; give the names of those that fail."""
    failed = set()
    for name in dir(kit):
        if name.startswith("test_"):
            directory = tmp_path / name
            directory.mkdir()
            try:
                getattr(kit, name)(directory)
            except Exception:  # noqa: BLE001 -- a test fails in any way
                failed.add(name)
    return failed


class RefusesNul(MemoryStore):
    """Refuses ids with a NUL, as PostgreSQL does; that is allowed."""

    def claim(self, fresh, **options):
        if "\0" in fresh.id:
            raise StoreError("no NUL")
        return super().claim(fresh, **options)


@pytest.mark.parametrize("store_class", [MemoryStore, SQLiteStore, RefusesNul])
def test_sound(store_class, tmp_path):
    """A store that keeps to everything fails nothing."""
    assert set() == failures(kit_for(store_class), tmp_path)


@pytest.mark.parametrize("store_class", BROKEN, ids=lambda each: each.__name__)
def test_broken(store_class, tmp_path):
    """A store that breaks one promise fails the tests of that promise."""
    failed = failures(kit_for(store_class), tmp_path)

    assert BROKEN[store_class] <= failed


def test_every_test_can_fail(tmp_path):
    """Each test of the kit is failed by some broken store, or is trivial."""
    wanted = set().union(*BROKEN.values())
    tests = {n for n in dir(StoreConformance) if n.startswith("test_")}

    assert tests - wanted == {
        "test_a_record_that_is_gone",
        "test_a_swept_id_is_new",
        "test_complete_again",
        "test_state_as_given",
    }


def test_no_store():
    """A kit without a store says what to define."""
    with pytest.raises(
        NotImplementedError,
        match=r"^StoreConformance must define make_store\(tmp_path\)$",
    ):
        StoreConformance().make_store(None)


def test_no_way_to_reopen():
    """A store that nobody else can see is not asked to show it."""
    assert StoreConformance().reopen(MemoryStore(), None) is None
