"""A store in memory is bounded, and never forgets what must be known."""

import re

import pytest

from stores.support import LEASE, NOW, claim, complete, record

from samekey.stores import MemoryStore, StoreError


FULL = (
    r"^the store must have room, and is full: all 2 of its operations are"
    r" open, in doubt or held\. Settle some, or make max_records larger$"
)


def ids(store):
    """Give the ids that are there."""
    return [each.id for each in store.scan()]


@pytest.fixture
def store():
    """Make a store with room for two, which holds two open operations."""
    result = MemoryStore(2)
    claim(result, record("a"))
    claim(result, record("b"))
    return result


@pytest.mark.parametrize(
    ("value", "error", "rule"),
    [
        (0, ValueError, "must be 1 to 1000000, got 0"),
        (True, TypeError, "must be an int, got bool"),
        (1.0, TypeError, "must be an int, got float"),
    ],
)
def test_refused(value, error, rule):
    """A size that makes no sense is refused."""
    with pytest.raises(error, match=rf"^max_records {re.escape(rule)}$"):
        MemoryStore(value)


def test_repr():
    """A store says how much it holds, and that it does not last."""
    with MemoryStore(5) as store:
        assert "MemoryStore(5)" == repr(store)
        assert not store.durable


def test_open_operations_stay(store):
    """A full store refuses what is new rather than forget what is open."""
    with pytest.raises(StoreError, match=FULL):
        claim(store, record("c"), now=NOW + LEASE)

    assert ["a", "b"] == ids(store)


def test_doubtful_and_held_ones_stay(store):
    """What is in doubt stays, and so does what somebody is asking again."""
    complete(store, "a", state="in_doubt")
    complete(store, "b")
    claim(store, record("b"), take=["answered"])

    with pytest.raises(StoreError, match=FULL):
        claim(store, record("c"))

    assert ["a", "b"] == ids(store)


def test_held_ones_stay_past_their_end():
    """What has expired stays while somebody is at it."""
    store = MemoryStore(1)
    claim(store, record("a", expires=NOW))

    with pytest.raises(StoreError, match=r"^.* is full: all 1 of .*$"):
        claim(store, record("b"))

    assert claim(store, record("b"), now=NOW + LEASE).fresh
    assert ["b"] == ids(store)


def test_known_ones_need_no_room(store):
    """What is there already can be claimed in a full store."""
    taken = claim(store, record("a"), now=NOW + LEASE)

    assert taken.taken


@pytest.mark.parametrize("state", ["answered", "not_executed"])
def test_settled_ones_go(store, state):
    """A full store forgets what has been settled for the longest time."""
    complete(store, "b", state=state)
    complete(store, "a", state=state)

    assert claim(store, record("c")).fresh
    assert ["a", "c"] == ids(store)


def test_expired_ones_go_first(store):
    """What has expired goes before what is settled, open or not."""
    complete(store, "a")
    store.sweep(now=NOW)
    complete(store, "b", state="in_doubt", expires=NOW + 1)

    claim(store, record("c"), now=NOW + 1)

    assert ["a", "c"] == ids(store)


def test_expired_later():
    """Each record goes when its own time has come."""
    store = MemoryStore(2)
    claim(store, record("a", expires=NOW + 1), lease=0)
    claim(store, record("b", expires=NOW + 2), lease=0)

    for name, later in (("c", 1), ("d", 2)):
        claim(store, record(name), now=NOW + later)

    assert ["c", "d"] == ids(store)


def test_an_end_that_was_put_off(store):
    """What was to expire by now, and no longer does, stays."""
    complete(store, "a", state="in_doubt", expires=NOW + 1)
    complete(store, "a", state="in_doubt", expires=NOW + 99)
    complete(store, "b")

    claim(store, record("c"), now=NOW + 2)

    assert ["a", "c"] == ids(store)


def test_closed(store):
    """A store that was closed has forgotten everything, and says so."""
    store.close()
    store.close()

    for call in (
        lambda: claim(store),
        lambda: complete(store),
        lambda: store.release("a", 1, now=NOW),
        lambda: store.get("a"),
        store.scan,
        lambda: store.sweep(now=NOW),
    ):
        with pytest.raises(
            StoreError, match=r"^the store must be open, and was closed$"
        ):
            call()
