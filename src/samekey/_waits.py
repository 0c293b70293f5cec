"""
How long to wait before the next attempt, where nobody else says.
"""

from __future__ import annotations

from collections.abc import Callable

from samekey._report import Verdict
from samekey._verdict import Evidence


def poll_floor(polls: int) -> float:
    """Give the least wait before poll number *polls* + 1."""
    return float(min(5.0, 0.5 * 2 ** min(polls, 4)))


STALE = 0.1
"""The most that a resend after a stale keep-alive connection waits."""

_STALE_WITHIN = 1.0
_CAP = 20.0


def default_wait(
    evidence: Evidence, number: int, random: Callable[[], float]
) -> float:
    """
    Give the wait after failed attempt *number*.

    After an unknown result, at least half of 1 s doubling: a resend should
    not overlap an execution that is only slow. Otherwise full jitter over
    0.5 s doubling. Both up to 20 s.
    """
    if _stale(evidence):
        return random() * STALE
    power = 2.0 ** min(number - 1, 10)
    if evidence.verdict is Verdict.UNKNOWN:
        half = min(_CAP, power) / 2
        return half + random() * half
    return random() * min(_CAP, power / 2)


def _stale(evidence: Evidence) -> bool:
    # The server closed an idle connection as we wrote on it.
    return (
        evidence.begun == 1
        and not evidence.connecting
        and evidence.verdict is Verdict.UNKNOWN
        and not (evidence.error or "").endswith("Timeout")
        and evidence.ended - evidence.started < _STALE_WITHIN
    )
