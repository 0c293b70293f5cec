"""A client notices what must not be sent again, or not in this way."""

import re

import attrs
import pytest

from samekey._memory import MAX_ENTRIES, Entry, Memory
from samekey._report import Outcome, Report
from samekey.errors import KeyExpired, OperationChanged


HOUR = 3_600.0
ENTRY = Entry(
    fingerprint=b"request",
    key=b"key",
    generation=1,
    first_sent=100.0,
    first_sent_wall=5_000.0,
)


def later(seconds=0.0, *, wall=None, **changes):
    """Make the entry of a later call of the same operation."""
    return attrs.evolve(
        ENTRY,
        first_sent=ENTRY.first_sent + seconds,
        first_sent_wall=ENTRY.first_sent_wall
        + (seconds if wall is None else wall),
        **changes,
    )


def admit(memory, fresh, digest=b"id", *, force=False, named=True):
    """Ask *memory* whether a call may be sent."""
    return memory.admit(
        digest, fresh, retention=HOUR, force=force, named=named
    )


@pytest.fixture
def memory():
    """Remember one operation, which ended in doubt."""
    result = Memory()
    report = Report(key="k", outcome=Outcome.IN_DOUBT)
    admit(result, later(report=report))
    return result


class TestSame:
    def test_first(self):
        """An operation that is new is remembered as it is."""
        memory = Memory()
        fresh = later()

        assert fresh is admit(memory, fresh)
        assert not any((fresh.doubtful, fresh.settled, fresh.touched))

    def test_again(self, memory):
        """The same operation again gets what was learnt of it before."""
        known = admit(memory, later(10))
        known.doubtful = known.touched = True

        assert known is admit(memory, later(20))
        assert 1 == len(memory)

    @pytest.mark.parametrize("named", [True, False])
    def test_other_request(self, memory, named):
        """The same operation or key with another payload is refused."""
        what, new = ("operation", "generation") if named else ("key", "key")
        rule = (
            rf"^this {what} was called before with another request; nothing"
            rf" was sent\. A deliberate new try is a new {new}$"
        )

        with pytest.raises(OperationChanged, match=rule) as caught:
            admit(memory, later(fingerprint=b"other"), named=named)

        assert Outcome.IN_DOUBT == caught.value.previous.outcome

    def test_other_key(self, memory):
        """The same operation under another key is refused."""
        rule = (
            r"^this operation was called before with another key; nothing was"
            r" sent$"
        )

        with pytest.raises(OperationChanged, match=rule) as caught:
            admit(memory, later(key=b"other"))

        assert Outcome.IN_DOUBT == caught.value.previous.outcome

    def test_two_operations(self, memory):
        """What one operation said does not bind another."""
        other = later(fingerprint=b"other", key=b"other")

        assert other is admit(memory, other, b"other id")
        assert 2 == len(memory)


class TestAge:
    @pytest.mark.parametrize(
        ("seconds", "wall"),
        [(HOUR, 0.0), (0.0, HOUR), (HOUR + 1, HOUR), (-9_000.0, HOUR)],
    )
    def test_expired(self, memory, seconds, wall):
        """Past retention by either clock, nothing is sent."""
        rule = (
            r"^first sent 360\d s ago, and the server remembers keys for 3600"
            r" s; nothing was sent\. Ask the API what became of it$"
        )

        with pytest.raises(KeyExpired, match=rule) as caught:
            admit(memory, later(seconds, wall=wall))

        assert Outcome.IN_DOUBT == caught.value.previous.outcome

    @pytest.mark.parametrize(
        ("seconds", "wall"), [(HOUR - 1, HOUR - 1), (-1.0, -9_000.0)]
    )
    def test_in_time(self, memory, seconds, wall):
        """Within retention the operation may be sent again."""
        known = admit(memory, later(seconds, wall=wall))

        assert (100.0, 5_000.0) == (known.first_sent, known.first_sent_wall)

    @pytest.mark.parametrize(
        ("retention", "shown"),
        [(0.5, "0.5"), (3_600.0, "3600"), (2_592_000.0, "2592000")],
    )
    def test_shown(self, memory, retention, shown):
        """Times are shown as a person writes them, up to months."""
        rule = rf"^first sent {shown} s ago, .* for {shown} s; nothing .*$"

        with pytest.raises(KeyExpired, match=rule):
            memory.admit(
                b"id",
                later(retention),
                retention=retention,
                force=False,
                named=True,
            )

    def test_not_extended(self, memory):
        """Calling again does not make the server remember for longer."""
        admit(memory, later(HOUR - 1))

        with pytest.raises(KeyExpired, match=r"^first sent 3601 s ago, .*$"):
            admit(memory, later(HOUR + 1))

    def test_change_goes_first(self, memory):
        """An old operation with another payload is called changed."""
        with pytest.raises(OperationChanged, match=r"^this operation .*$"):
            admit(memory, later(2 * HOUR, fingerprint=b"other"))


class TestGeneration:
    @pytest.mark.parametrize(
        "outcome", [Outcome.ANSWERED, Outcome.NOT_EXECUTED]
    )
    def test_settled(self, outcome):
        """A new generation may follow one that is settled."""
        memory = Memory()
        first = admit(memory, later(report=Report(key="k", outcome=outcome)))
        fresh = later(2 * HOUR, generation=2, fingerprint=b"o", key=b"o")

        with pytest.raises(OperationChanged, match=r"is in doubt: a new one"):
            admit(memory, fresh)  # another call of the last one is under way
        memory.leave(first)
        assert fresh is admit(memory, fresh)
        assert fresh is admit(
            memory, later(2 * HOUR, generation=2, fingerprint=b"o", key=b"o")
        )
        assert 1 == len(memory)

    @pytest.mark.parametrize(
        "report",
        [
            None,
            Report(key="k", outcome=Outcome.OPEN),
            Report(key="k", outcome=Outcome.IN_DOUBT),
        ],
        ids=["running", "open", "in doubt"],
    )
    def test_in_doubt(self, report):
        """A new generation is refused while the last one may still act."""
        memory = Memory()
        admit(memory, later(report=report))
        rule = re.escape(
            "generation 1 of this operation is in doubt: a new one could"
            " execute it twice; nothing was sent. Settle it first, or pass"
            " Operation(..., force=True)"
        )

        with pytest.raises(OperationChanged, match=rf"^{rule}$") as caught:
            admit(memory, later(generation=2))

        assert report is caught.value.previous

    def test_refused_leaves_it(self, memory):
        """A refused call changes nothing of what is remembered."""
        for changes in ({"generation": 2}, {"fingerprint": b"other"}):
            with pytest.raises(OperationChanged, match=r"^.*nothing .*$"):
                admit(memory, later(**changes))

        assert 1 == admit(memory, later(5)).generation

    def test_forced(self, memory):
        """Forced, a new generation may follow one in doubt."""
        fresh = later(generation=2)

        assert fresh is admit(memory, fresh, force=True)

    @pytest.mark.parametrize("force", [True, False])
    def test_earlier(self, memory, force):
        """An earlier generation is refused, forced or not."""
        admit(memory, later(generation=3), force=True)
        rule = (
            r"^generation must be at least 3, the last one called, got 2;"
            r" nothing was sent$"
        )

        with pytest.raises(OperationChanged, match=rule):
            admit(memory, later(generation=2), force=force)


class TestBound:
    def test_last(self):
        """The last 10,000 operations are remembered, by last use."""
        memory = Memory()
        for number in range(MAX_ENTRIES):
            admit(memory, later(), b"%d" % number)
        first = admit(memory, later(1), b"0")
        admit(memory, later(), b"one more")

        assert 10_000 == len(memory)
        assert first is admit(memory, later(2), b"0")
        fresh = later(3)
        assert fresh is admit(memory, fresh, b"1")

    def test_new_generation_is_use(self):
        """A new generation counts as the last use of an operation."""
        memory = Memory()
        for number in range(MAX_ENTRIES):
            admit(memory, later(), b"%d" % number)
        second = admit(memory, later(generation=2), b"0", force=True)
        admit(memory, later(), b"one more")

        assert second is admit(memory, later(generation=2), b"0")
