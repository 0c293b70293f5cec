"""
Case 10: Retry-After is read strictly, obeyed as a minimum, and never trusted.

    600            obeyed; if it does not fit the deadline, the call ends now
    a date         an HTTP-date in GMT; in the past it means now
    1.5, nan, -1   not what RFC 9110, section 10.2.3 allows: absent
    9999999999     does not fit, and is not slept through

One peer slept 4,294,967 s, one crashed on a date, one lost whole days.
"""

import email.utils
import math
import time

import pytest

from hypothesis import example, given
from hypothesis import strategies as st
from kinds import fast

import samekey

from samekey._hints import retry_after
from samekey.testing import Answer, Fault, FaultServer


ORDER = {"amount": 500}
NOW = 1_800_000_000.0
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
HINTS = st.one_of(
    st.text(),
    st.text("0123456789.,+-_eE naif%", max_size=12),
    st.from_regex(
        r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    ),
    st.from_regex(
        r"[A-Z][a-z]{5,8}, \d\d-(Jan|Feb|Dec)-\d\d \d\d:\d\d:\d\d GMT"
    ),
    st.from_regex(r"[A-Z][a-z]{2} Feb [ \d]\d \d\d:\d\d:\d\d \d{4}"),
)


def read(text, now=NOW):
    """Read one Retry-After."""
    return retry_after({"retry-after": text}, now)


def check_reads(reader, text):
    """Check that *reader* gives a time that can be slept."""
    seconds = reader(text)
    assert isinstance(seconds, float)
    assert seconds >= 0


class TestReading:
    """What a server may have written, and how it is read."""

    @given(text=HINTS, now=st.floats(0, 1e11))
    @example(text="٣", now=NOW)
    @example(text="1_000", now=NOW)
    @example(text="Fri, 30 Feb 2027 00:00:00 GMT", now=NOW)
    @example(text="Fri, 00 Jan 0000 00:00:60 GMT", now=NOW)
    def test_any_text_is_read_as_a_time(self, text, now):
        """Whatever stands there, the result is a number of seconds."""
        check_reads(lambda hint: read(hint, now), text)
        check_reads(lambda h: retry_after({"retry-after-ms": h}, now), text)

    @given(st.integers(0, 9_999_999_999))
    def test_digits_are_seconds(self, seconds):
        """Up to ten digits are seconds, exactly."""
        assert seconds == read(str(seconds))
        assert seconds == read(f" {seconds}\t")
        assert seconds / 1000 == retry_after(
            {"retry-after-ms": str(seconds), "retry-after": "7"}, NOW
        )

    @given(st.integers(-NOW, 2 * NOW))
    def test_a_date_is_so_far_away(self, seconds):
        """An HTTP-date is the time until then, days and years included."""
        date = email.utils.formatdate(NOW + seconds, usegmt=True)

        assert max(0.0, seconds) == read(date)

    @pytest.mark.parametrize(
        "date",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ],
    )
    def test_all_three_forms_of_a_date_are_read(self, date):
        """The two obsolete forms of RFC 9110, section 5.6.7, are dates."""
        assert 60.0 == read(date, 784_111_777.0 - 60)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "1.5", "-1", "+1", "1e3", "nan", "inf", "0x10", "1_000"),
            *("soon", "10 s", "1,2", "٣", "\uff11", "9" * 11, "0" * 11, "²"),
            *(DATE.replace("GMT", "PST"), DATE.replace("GMT", "+0100")),
            *(DATE.replace("Nov", "Foo"), DATE.replace("06", "31")),
            "1994-11-06T08:49:37Z",
        ],
    )
    def test_all_else_is_absent(self, text):
        """What RFC 9110 does not allow is no hint."""
        assert 0.0 == read(text, 0.0)

    def test_the_year_9999_is_never(self):
        """The usual way to write "never" fits no deadline."""
        assert math.inf == read("Fri, 31 Dec 9999 23:59:59 GMT")

    @pytest.mark.parametrize("text", ["nan", "-1", DATE, "soon"])
    def test_the_checker_reports_float(self, text):
        """A reader that calls float() is reported."""
        with pytest.raises((AssertionError, ValueError)):
            check_reads(float, text)


def answer(hint, status=503):
    """Make the fault that says *hint*."""
    return Fault.status(status, headers=[("Retry-After", hint)])


def gmt(seconds):
    """Write the HTTP-date that is so far from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def settle(received):
    """Answer that it is done."""
    return Answer(201)


def outcome(session, **options):
    """Post; give the report, whatever became of it."""
    try:
        response = session.post("/payments", json=ORDER, **options)
    except samekey.GaveUp as exc:
        return exc.report, exc.reason
    return samekey.report(response), None


def test_a_hint_that_does_not_fit_ends_it_now(kind):
    """Ten minutes are not slept under a deadline of one."""
    hints = ["600", "9999999999", gmt(86_400), "Fri, 31 Dec 9999 23:59:59 GMT"]
    started = time.monotonic()
    with (
        FaultServer(settle, [answer(hint) for hint in hints]) as server,
        kind.open(base_url=server.url) as session,
    ):
        ends = [outcome(session) for _ in hints]
    elapsed = time.monotonic() - started

    assert len(hints) == len(server.requests)
    assert elapsed < 5
    reason = "deadline" if "client" == kind.door else None
    for report, why in ends:
        assert samekey.Outcome.IN_DOUBT == report.outcome
        assert reason == why


def test_what_is_no_hint_does_not_delay(kind):
    """Garbage, and a date in the past, are no reason to wait."""
    hints = ["1.5", "nan", "-600", "soon", "99999999999", gmt(-600), "0"]
    script = [fault for hint in hints for fault in (answer(hint), None)]
    started = time.monotonic()
    with (
        FaultServer(settle, script) as server,
        kind.open(base_url=server.url) as session,
    ):
        ends = [outcome(session) for _ in hints]
    elapsed = time.monotonic() - started

    assert 2 * len(hints) == len(server.requests)
    assert elapsed < 5
    assert {0.0} == {report.attempts[1].waited for report, _ in ends}


def test_a_hint_is_a_minimum(kind):
    """However short the policy's own waits are, the server's hint holds."""
    fault = Fault.status(503, headers=[("retry-after-ms", "150")])
    arrivals = []

    def app(received):
        return Answer(201)

    def script(received):
        arrivals.append(time.monotonic())
        return fault if 1 == received.number else None

    with (
        FaultServer(app, script) as server,
        kind.open(base_url=server.url) as session,
    ):
        report, _ = outcome(session)

    first, second = arrivals
    assert 0.15 == report.attempts[1].waited
    assert 0.15 <= second - first < 1


def test_a_hint_makes_nothing_retryable(kind):
    """A 400 with a Retry-After is an answer; asking again is no cure."""
    with (
        FaultServer(settle, [answer("0", 400)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    assert 400 == response.status_code
    assert 1 == len(server.requests)


def test_a_429_with_a_long_hint_is_returned(kind):
    """A server that wants ten minutes is told on, as not executed."""
    with (
        FaultServer(settle, [answer("600", 429)]) as server,
        kind.open(base_url=server.url, terms={"policy": fast()}) as session,
    ):
        response = session.post("/payments", json=ORDER)

    assert 429 == response.status_code
    assert "600" == response.headers["retry-after"]
    assert samekey.Outcome.NOT_EXECUTED == samekey.report(response).outcome
