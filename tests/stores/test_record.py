"""What goes into a store is checked, and what it raises can be read."""

import pickle
import re

import pytest

from stores.support import NOW, claim, complete, record

from samekey import SamekeyError
from samekey.stores import LateOwner, MemoryStore, SQLiteStore, StoreError


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """Open each of both stores."""
    if request.param == "memory":
        made = MemoryStore()
    else:
        made = SQLiteStore(tmp_path / "payments.db")
    with made:
        yield made


NOT_AN_INT = [("3", TypeError, "an int, got str"), (0, ValueError, "1 to")]
NOT_A_TIME = [
    ("3", TypeError, "a number, got str"),
    (True, TypeError, "a number, got bool"),
    (-0.5, ValueError, "finite and at least 0, got -0.5"),
    (float("nan"), ValueError, "finite and at least 0, got nan"),
    (float("inf"), ValueError, "finite and at least 0, got inf"),
]
NOT_A_TEXT = [
    (b"a", TypeError, "a str, got bytes"),
    ("", ValueError, "1 to {most} characters, got 0"),
    ("a" * 1_025, ValueError, "1 to {most} characters, got 1025"),
    ("a\ud800", ValueError, "valid Unicode, got one with a surrogate"),
]
NOT_BYTES = [("a", TypeError, "bytes, got str")]
FIELDS = {
    "id": NOT_A_TEXT,
    "key": NOT_A_TEXT,
    "state": NOT_A_TEXT,
    "owner": [(None, TypeError, "a str, got NoneType")],
    "fingerprint": NOT_BYTES,
    "data": NOT_BYTES,
    "token": NOT_AN_INT,
    "lease_until": NOT_A_TIME,
    "created": NOT_A_TIME,
    "updated": NOT_A_TIME,
    "expires": [(-1, ValueError, "at least 0, got -1"), *NOT_A_TIME[:2]],
}
MOST = {"id": 1_024, "key": 255, "state": 32}


@pytest.mark.parametrize(
    ("name", "value", "error", "rule"),
    [(name, *case) for name, cases in FIELDS.items() for case in cases],
)
def test_field(name, value, error, rule):
    """A record with an impossible field cannot be made."""
    told = re.escape(rule.format(most=MOST.get(name)))

    with pytest.raises(error, match=rf"^{name} must be {told}.*$"):
        record(**{name: value})


@pytest.mark.parametrize("name", ["now", "lease"])
@pytest.mark.parametrize(("value", "error", "rule"), NOT_A_TIME)
def test_claim_times(store, name, value, error, rule):
    """A claim at an impossible time is refused."""
    with pytest.raises(error, match=rf"^{name} must be {re.escape(rule)}$"):
        claim(store, **{name: value})


def test_take_one_string(store):
    """A lone state is not taken for a collection of letters."""
    rule = (
        r"^take must be a collection of states, got str; write"
        r" \('in_doubt',\)$"
    )

    with pytest.raises(TypeError, match=rule):
        claim(store, take="in_doubt")


@pytest.mark.parametrize(("value", "error", "rule"), NOT_AN_INT)
def test_ints(store, value, error, rule):
    """Tokens and limits are whole numbers from 1."""
    calls = {
        "replaces": lambda: claim(store, replaces=value),
        "token": lambda: complete(store, token=value),
        "limit": lambda: store.scan(limit=value),
    }
    calls_too = {
        "token": lambda: store.release("a", value, now=NOW),
        "limit": lambda: store.sweep(now=NOW, limit=value),
    }

    for name, call in (*calls.items(), *calls_too.items()):
        with pytest.raises(error, match=rf"^{name} must be {rule}.*$"):
            call()


@pytest.mark.parametrize(("value", "error", "rule"), NOT_A_TEXT)
def test_ids(store, value, error, rule):
    """What cannot be an id is refused wherever one is asked for."""
    told = re.escape(rule.format(most=1_024))

    for call in (
        lambda: complete(store, value),
        lambda: store.release(value, 1, now=NOW),
        lambda: store.get(value),
    ):
        with pytest.raises(error, match=rf"^id must be {told}$"):
            call()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"state": ""}, "state must be 1 to 32 characters, got 0"),
        ({"data": "text"}, "data must be bytes, got str"),
        ({"now": -1}, "now must be finite and at least 0, got -1"),
        ({"expires": -1}, "expires must be at least 0, got -1"),
    ],
)
def test_completion(store, change, rule):
    """An impossible completion is refused, and leaves the record."""
    made = claim(store)

    with pytest.raises((TypeError, ValueError), match=rf"^{rule}$"):
        complete(store, **change)

    assert made.record == store.get("a")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"state": ""}, "state must be 1 to 32 characters, got 0"),
        ({"after": None}, "after must be a str, got NoneType"),
    ],
)
def test_scan(store, change, rule):
    """A scan from nowhere is refused."""
    with pytest.raises((TypeError, ValueError), match=rf"^{rule}$"):
        store.scan(**change)


def test_shown():
    """Neither key nor answer is shown where a record is printed."""
    shown = repr(record(key="secret-1", data=b"secret-2", fingerprint=b"s-3"))

    assert shown.startswith("Record(id='a', state='open', token=1, ")
    assert not re.search("secret|s-3", shown)


class TestLateOwner:
    @pytest.mark.parametrize(
        ("there", "text"),
        [
            (None, "the record of token 1 is gone"),
            (
                record(token=2),
                "token must be 2, the latest claim's, got 1; nothing was"
                " written",
            ),
        ],
    )
    def test_shown(self, there, text):
        """The error says whose turn it is, and can be sent elsewhere."""
        error = LateOwner(1, there)
        error.add_note("a note")

        copy = pickle.loads(pickle.dumps(error))

        assert text == str(error) == str(copy)
        assert (1, there) == (copy.token, copy.record)
        assert ["a note"] == copy.__notes__

    def test_base(self):
        """Both errors are caught as samekey's own."""
        assert issubclass(LateOwner, SamekeyError)
        assert issubclass(StoreError, SamekeyError)
