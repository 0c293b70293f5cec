"""
What a server asks for: a wait, a retry or none.

Retry-After is obeyed as a minimum. It is read strictly (RFC 9110, section
10.2.3): 1 to 10 digits, or one of the three forms of an HTTP-date, in GMT.
`int` would take `-1`, `1_000` and Arabic digits, `float` takes `nan`, and a
sleep of `nan` never returns; all of those are read as absent.
"""

from __future__ import annotations

import calendar
import math
import re

from collections.abc import Mapping, Sequence

from samekey.profiles._profile import HINTS


NEVER = math.inf
"""A wait that fits no deadline."""

LONGEST_HINT = 86_400.0
"""With no deadline, a server's hint over a day is not waited for."""

_DIGITS = re.compile(r"[0-9]{1,10}")
_MONTHS = {
    name: number
    for number, name in enumerate(
        [
            "Jan",
            "Feb",
            "Mar",
            "Apr",
            "May",
            "Jun",
            "Jul",
            "Aug",
            "Sep",
            "Oct",
            "Nov",
            "Dec",
        ],
        start=1,
    )
}
_CLOCK = r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)"
_DATES = (
    # Sun, 06 Nov 1994 08:49:37 GMT
    re.compile(
        rf"[A-Z][a-z]{{2}}, (?P<d>\d\d) (?P<m>[A-Z][a-z]{{2}}) (?P<Y>\d{{4}})"
        rf" {_CLOCK} GMT"
    ),
    # Sunday, 06-Nov-94 08:49:37 GMT
    re.compile(
        rf"[A-Z][a-z]{{5,8}}, (?P<d>\d\d)-(?P<m>[A-Z][a-z]{{2}})-(?P<y>\d\d)"
        rf" {_CLOCK} GMT"
    ),
    # Sun Nov  6 08:49:37 1994
    re.compile(
        rf"[A-Z][a-z]{{2}} (?P<m>[A-Z][a-z]{{2}}) (?P<d>[ \d]\d) {_CLOCK}"
        r" (?P<Y>\d{4})"
    ),
)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """
    Read how long the server asks to wait, in seconds; 0 if it does not.

    Args:
        headers: The answer's headers. `retry-after-ms` goes before
            `Retry-After`, for it is the finer one.

        now: The time, in seconds since the epoch.
    """
    text = headers.get("retry-after-ms")
    if text is not None and _DIGITS.fullmatch(text.strip()):
        return int(text) / 1000
    text = headers.get("retry-after")
    if text is None:
        return 0.0
    text = text.strip()
    if _DIGITS.fullmatch(text):
        return float(int(text))
    moment = _http_date(text, now)
    return 0.0 if moment is None else max(0.0, moment - now)


def should_retry(
    hints: Sequence[str], headers: Mapping[str, str]
) -> bool | None:
    """
    Read whether the server wants to be asked again; None: it does not say.

    Args:
        hints: The headers to look at. The first that says it goes before.
    """
    for name in hints:
        said = headers.get(name, "").strip().lower()
        if HINTS[name] == "flag" and said in _FLAGS:
            return _FLAGS[said]
    return None


_FLAGS = {"true": True, "false": False}


def rate_limit(
    hints: Sequence[str], headers: Mapping[str, str], now: float
) -> float:
    """
    Read how long a rate limit holds, in seconds; 0 if nothing says it.

    `x-ratelimit-reset` is seconds, or the time in seconds since the epoch;
    `ratelimit` is that of draft-ietf-httpapi-ratelimit-headers-10 (its `t`).
    """
    if "x-ratelimit-reset" in hints:
        text = headers.get("x-ratelimit-reset", "").strip()
        if _DIGITS.fullmatch(text):
            value = float(int(text))
            return max(0.0, value - now) if value > _EPOCH else value
    if "ratelimit" in hints:
        found = _RESET.search(headers.get("ratelimit", ""))
        if found is not None:
            return float(int(found[1]))
    return 0.0


_EPOCH = 1e9
_RESET = re.compile(r"(?:^|;)\s*t=([0-9]{1,10})(?![0-9])")


def _http_date(text: str, now: float) -> float | None:
    if not text.isascii():
        return None
    found = next((m for d in _DATES if (m := d.fullmatch(text))), None)
    if found is None or found["m"] not in _MONTHS:
        return None
    parts = found.groupdict()
    year = int(parts["Y"]) if "Y" in parts else _century(int(parts["y"]), now)
    month, day = _MONTHS[found["m"]], int(found["d"])
    hour, minute, second = (int(found[name]) for name in "HMS")
    if (
        year < 1970
        or not 1 <= day <= calendar.monthrange(year, month)[1]
        or hour > 23
        or minute > 59
        or second > 60
    ):
        return None
    if year == 9999:  # the usual way to say never
        return NEVER
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _century(short: int, now: float) -> int:
    # RFC 9110, section 5.6.7: more than 50 years ahead is in the past.
    this_year = 1970 + int(now // 31_556_952)
    year = this_year - this_year % 100 + short
    return year - 100 if year > this_year + 50 else year
