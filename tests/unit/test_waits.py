"""Waits are long enough for the server, and never nonsense."""

import asyncio
import datetime as dt
import math

import httpx
import pytest
import tenacity

from hypothesis import given
from hypothesis import strategies as st

from samekey._policy import RetryPolicy
from samekey._report import Verdict
from samekey._verdict import Evidence
from samekey._waits import (
    NEVER,
    StrategyCaller,
    default_wait,
    poll_floor,
    retry_after,
)


NOW = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC).timestamp()
CENTURY = dt.datetime(2076, 1, 1, tzinfo=dt.UTC).timestamp() - NOW


def absent(*texts):
    """Say that none of *texts* asks for a wait."""
    return dict.fromkeys(texts, 0.0)


RETRY_AFTER = {
    "7": 7.0,
    "007": 7.0,
    " 7 ": 7.0,
    "9999999999": 9_999_999_999.0,
    **absent("0", "", "12345678901", "-1", "+5", "1_000", "1.5", "1e3"),
    **absent("inf", "nan", "0x10", "7 s", "7, 8", "\u0667", "\u00b2"),
    # The three forms of a date.
    "Wed, 01 Jul 2026 12:00:30 GMT": 30.0,
    "Wednesday, 01-Jul-26 12:00:30 GMT": 30.0,
    "Wed Jul  1 12:00:30 2026": 30.0,
    # Past, and never.
    **absent("Wed, 01 Jul 2026 11:59:59 GMT", "Sun Nov  6 08:49:37 1994"),
    **absent("Sun, 06 Nov 1994 08:49:37 GMT", "Wed Jul  1 12:00:30 1969"),
    "Fri, 31 Dec 9999 23:59:59 GMT": NEVER,
    "Fri Dec 31 23:59:59 9999": NEVER,
    # A leap second is the next second; 29 February needs its year.
    "Wed, 01 Jul 2026 12:00:60 GMT": 60.0,
    "Tue, 29 Feb 2028 12:00:00 GMT": 52_531_200.0,
    **absent("Mon, 29 Feb 2027 12:00:00 GMT"),
    # A year of two digits is at most 50 ahead.
    "Wednesday, 01-Jan-76 00:00:00 GMT": CENTURY,
    "Wednesday, 01-Jan-69 00:00:00 GMT": CENTURY - 2_556 * 86_400,
    **absent("Wednesday, 01-Jan-77 00:00:00 GMT"),
    # Not a date.
    **absent("Wed, 01 Jul 2026 12:00:30", "Wed, 01 Jul 2026 12:00:30 gmt"),
    **absent("Wed, 01 Jul 2026 12:00:30 UTC", "2026-07-01T12:00:30Z"),
    **absent("Wed, 01 Jul 2026 12:00:30 +0000", "wed Jul  1 12:00:30 2026"),
    **absent("Wed, 1 Jul 2026 12:00:30 GMT", "Wed, 01 Jul 2026 12:30 GMT"),
    **absent("Wed, 00 Jul 2026 12:00:30 GMT", "Wed Jxl  1 12:00:30 2026"),
    **absent("Wed, 31 Feb 2027 12:00:30 GMT", "Wed Jul  1 24:00:30 2026"),
    **absent("Wed, 01 Jul 2026 12:60:30 GMT", "Wed Jul  1 12:00:61 2026"),
    **absent("Wed, 0\u0661 Jul 2026 12:00:30 GMT"),
    **absent("Fri, 32 Dec 9999 99:99:99 GMT"),
}
DATE = "[MTWFS][a-z]{2,8}, ?[0-9]{2}[ -](Jan|Feb)[ -]([0-9]{2}){1,2}"
HINTS = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.from_regex(DATE + r" ([0-9]{2}:){2}[0-9]{2} GMT", fullmatch=True),
)


class TestRetryAfter:
    @pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER.items())
    def test_table(self, text, seconds):
        """Seconds and dates in GMT are obeyed; anything else is absent."""
        assert seconds == retry_after({"retry-after": text}, NOW)

    @pytest.mark.parametrize(
        ("milliseconds", "seconds"),
        [("1500", 1.5), (" 250 ", 0.25), ("0", 0.0), ("x", 9.0), ("-1", 9.0)],
    )
    def test_milliseconds(self, milliseconds, seconds):
        """The finer header goes first, if it can be read."""
        headers = {"Retry-After-Ms": milliseconds, "Retry-After": "9"}

        assert seconds == retry_after(httpx.Headers(headers), NOW)

    def test_absent(self):
        """A server that asks for nothing asks for no wait."""
        assert 0.0 == retry_after({}, NOW)
        assert 0.0 == retry_after({"retry-after-ms": "soon"}, NOW)
        assert 0.25 == retry_after({"retry-after-ms": "250"}, NOW)

    @pytest.mark.parametrize("month", range(1, 13))
    def test_months(self, month):
        """A date may be in any month."""
        date = dt.datetime(2027, month, 15, 1, 2, 3, tzinfo=dt.UTC)

        told = retry_after({"retry-after": date.ctime()}, NOW)

        assert date.timestamp() - NOW == told

    @given(HINTS, HINTS)
    def test_any(self, text, milliseconds):
        """Whatever a server sends, a wait is a time of at least 0."""
        headers = {"retry-after": text}
        finer = {**headers, "retry-after-ms": milliseconds}

        assert retry_after(headers, NOW) >= 0
        assert retry_after(finer, NOW) >= 0


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


class Awaitable:
    """Awaitable, with nothing to close."""

    def __await__(self):
        return iter(())


class TestStrategyCaller:
    def test_state(self):
        """Strategies see how the attempt ended, and times by our clock."""
        caller = StrategyCaller(100.0)
        caller.show(2, 103.5, ["answer"])
        caller.will_sleep(1.5)
        caller.will_sleep(0.5)

        state = caller.state
        assert (2, 3.5) == (state.attempt_number, state.seconds_since_start)
        assert (2.0, 0.5) == (state.idle_for, state.upcoming_sleep)
        assert ["answer"] == state.outcome.result()

    def test_tenacity(self):
        """tenacity's own strategies work with the state that they get."""
        wait = tenacity.wait_fixed(1) + tenacity.wait_exponential()
        retry = tenacity.retry_if_result(lambda result: result == "again")
        retry |= tenacity.retry_if_exception_type(httpx.ReadTimeout)
        policy = RetryPolicy(wait=wait, retry=retry)
        caller = StrategyCaller(0.0)
        told = []
        for result in ("again", "done", httpx.ReadTimeout(""), OSError()):
            caller.show(len(told) + 1, 1.0, result)
            told.append((caller.wants_retry(policy), caller.wait(policy)))

        assert [(True, 2), (False, 3), (True, 5), (False, 9)] == told

    @pytest.mark.parametrize("seconds", [0, 0.25, math.inf])
    def test_time(self, seconds):
        """A wait may be nothing, and longer than any deadline."""
        policy = RetryPolicy(wait=lambda state: seconds)

        assert seconds == StrategyCaller(0.0).wait(policy)

    @pytest.mark.parametrize("seconds", [-0.5, math.nan, -math.inf])
    def test_no_time(self, seconds):
        """A wait that is no time is refused, not slept."""
        policy = RetryPolicy(wait=lambda state: seconds)
        rule = rf"^wait must give a time of at least 0, got {seconds}$"

        with pytest.raises(ValueError, match=rule):
            StrategyCaller(0.0).wait(policy)

    @pytest.mark.parametrize("name", ["wait", "retry"])
    @pytest.mark.parametrize("make", [asyncio.Event().wait, Awaitable])
    def test_awaited(self, name, make):
        """What would have to be awaited is refused, and not left behind."""
        policy = RetryPolicy(**{name: lambda state: make()})
        caller = StrategyCaller(0.0)
        ask = caller.wait if name == "wait" else caller.wants_retry
        rule = rf"^{name} must be a plain strategy, got one that is awaited$"

        with pytest.raises(TypeError, match=rule):
            ask(policy)
