"""The default waits are long enough for the server."""

import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._report import Verdict
from samekey._verdict import Evidence
from samekey._waits import default_wait, poll_floor


def evidence(verdict=Verdict.UNKNOWN, **seen):
    """Make the evidence of an attempt."""
    result = Evidence()
    result.verdict = verdict
    for name, value in seen.items():
        setattr(result, name, value)
    return result


NUMBERS = st.integers(1, 10_000)
SHARES = st.floats(0, 1, exclude_max=True)


class TestDefaultWait:
    @given(NUMBERS, SHARES)
    def test_after_unknown(self, number, share):
        """After an unknown result, half the wait is sure, half is random."""
        most = min(20.0, 2.0 ** min(number - 1, 99))
        wait = default_wait(evidence(), number, lambda: share)

        assert most / 2 <= wait <= most

    @given(
        st.sampled_from([Verdict.ANSWERED, Verdict.NOT_SENT]), NUMBERS, SHARES
    )
    def test_after_known(self, verdict, number, share):
        """After a status or a refused connection, all of it is random."""
        most = min(20.0, 2.0 ** min(number - 1, 99) / 2)
        wait = default_wait(evidence(verdict), number, lambda: share)

        assert wait == pytest.approx(share * most)

    def test_doubles(self):
        """Waits double from 1 s, or from half, up to 20 s."""
        known = evidence(Verdict.ANSWERED)

        for number, most in enumerate([1, 2, 4, 8, 16, 20, 20], start=1):
            assert most == default_wait(evidence(), number, lambda: 1.0)
        for number, most in enumerate([0.5, 1, 2, 4, 8, 16, 20], start=1):
            assert most == default_wait(known, number, lambda: 1.0)

    @pytest.mark.parametrize(
        ("seen", "wait"),
        [
            ({}, 0.1),
            ({"error": "RemoteProtocolError"}, 0.1),
            ({"ended": 0.999}, 0.1),
            ({"ended": 1.0}, 1.0),
            ({"begun": 0}, 1.0),
            ({"begun": 2}, 1.0),
            ({"connecting": True}, 1.0),
            ({"error": "ReadTimeout"}, 1.0),
            ({"verdict": Verdict.NOT_SENT}, 0.5),
            ({"verdict": Verdict.ANSWERED}, 0.5),
        ],
    )
    def test_stale(self, seen, wait):
        """A connection that was closed while idle is replaced at once."""
        seen = evidence(**{"begun": 1, **seen})

        assert wait == default_wait(seen, 1, lambda: 1.0)


def test_poll_floor():
    """Polls are half a second apart, then double that, up to 5 s."""
    floors = map(poll_floor, (0, 1, 2, 3, 4, 5, 5_000))

    assert [0.5, 1, 2, 4, 5, 5, 5] == list(floors)
