"""What a server says of retries is read, and never nonsense."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st
from paper import Paper, answer

from samekey._hints import NEVER, rate_limit, retry_after, should_retry
from samekey.profiles import Profile


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


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, None),
        ({"x-should-retry": "true"}, True),
        ({"x-should-retry": " FALSE "}, False),
        ({"x-should-retry": "perhaps"}, None),
        ({"retry-after": "true"}, None),
        ({"transient-error": "true", "x-should-retry": "false"}, False),
    ],
)
def test_should_retry(headers, told):
    """The first hint that says it goes before the others."""
    hints = ("x-should-retry", "retry-after", "transient-error")

    assert should_retry(hints, httpx.Headers(headers)) is told


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW) - 30)}, 0.0),
        ({"x-ratelimit-reset": "-1"}, 0.0),
        ({"x-ratelimit-reset": "soon", "ratelimit": "r=0;t=7"}, 7.0),
        ({"ratelimit": '"default";r=50;t=30'}, 30.0),
        ({"ratelimit": '"default";r=50;t=30000000000'}, 0.0),
        ({"ratelimit": "r=1"}, 0.0),
    ],
)
def test_rate_limit(headers, seconds):
    """How long a rate limit holds is read strictly."""
    hints = ("x-ratelimit-reset", "ratelimit")

    assert seconds == rate_limit(hints, httpx.Headers(headers), NOW)


def test_only_what_the_profile_names_is_read():
    """A header that the API is not known for says nothing."""
    headers = httpx.Headers({"x-ratelimit-reset": "12", "ratelimit": "t=7"})

    assert 0.0 == rate_limit((), headers, NOW)
    assert should_retry((), headers) is None


def test_a_rate_limit_is_waited_for():
    """A 429 is asked again once the limit is over."""
    profile = Profile("api", hints=["x-ratelimit-reset"])
    limited = answer(429, headers={"X-RateLimit-Reset": "12"})
    paper = Paper(limited, answer(200), profile=profile)

    paper.post()

    assert [12.0] == paper.slept
