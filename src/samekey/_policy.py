"""
How often, how long and how hard to try.

tenacity's strategies are the vocabulary of `wait` and `retry`. They are called
directly, with a `RetryCallState` of ours; tenacity's own loop is not used, and
tenacity is not imported here.
"""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import math

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs


class Default(enum.Enum):
    """Stands where leaving an argument out and None are two things."""

    DEFAULT = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.DEFAULT

DEFAULT_DEADLINE = 60.0
MIN_LEFT = 0.05
"""No attempt starts with less than this many seconds left."""

RETRIED_CLIENT_STATUSES = frozenset({408, 425, 429})
SETTLED_SERVER_STATUSES = frozenset({501, 505, 511})

DOUBTFUL_STATUSES = {408} | frozenset(
    range(500, 1000)
) - SETTLED_SERVER_STATUSES
"""A request that was answered with one of these may have been executed."""

RETRIED_STATUSES = RETRIED_CLIENT_STATUSES | DOUBTFUL_STATUSES
"""The statuses that are retried by default."""


def check_attempts(attempts: object) -> int:
    if isinstance(attempts, bool) or not isinstance(attempts, int):
        msg = f"attempts must be an int, got {type(attempts).__name__}"
        raise TypeError(msg)
    if attempts < 1:
        msg = f"attempts must be at least 1, got {attempts}"
        raise ValueError(msg)
    return attempts


def to_float(value: float) -> float:
    """Give *value* as a float; infinity, where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def show_seconds(seconds: float) -> str:
    """Write a time for a message: `600`, `0.25`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def check_seconds(value: object, name: str) -> float:
    """
    Check a time, and give it in seconds.

    Raises:
        TypeError: If it is neither a number nor a timedelta.

        ValueError: If it is NaN, infinite, zero or negative.
    """
    if isinstance(value, dt.timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = to_float(value)
    else:
        msg = f"{name} must be seconds or a timedelta, got {type(value).__name__}"
        raise TypeError(msg)
    if not math.isfinite(seconds) or seconds <= 0:
        msg = f"{name} must be a finite time above 0, got {value!r}"
        raise ValueError(msg)
    return seconds


def _deadline(value: object) -> float | Default | None:
    if value is None or value is DEFAULT:
        return value
    return check_seconds(value, "deadline")


def _statuses(value: object) -> frozenset[int] | None:
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        msg = f"statuses must be a set of ints, got {type(value).__name__}"
        raise TypeError(msg)
    result = frozenset(value)
    for status in result:
        if isinstance(status, bool) or not isinstance(status, int):
            msg = f"statuses must be ints, got {status!r}"
            raise TypeError(msg)
        if not 100 <= status <= 999:
            msg = f"statuses must be from 100 to 999, got {status}"
            raise ValueError(msg)
    return result


def _strategy(value: Any, name: str) -> Any:
    if value is None:
        return None
    if not callable(value) or isinstance(value, type):
        msg = f"{name} must be a tenacity strategy, got {value!r}"
        raise TypeError(msg)
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        type(value).__call__
    ):
        msg = f"{name} must be a plain strategy, got a coroutine: {value!r}"
        raise TypeError(msg)
    return value


def _wait(value: Callable[[Any], float] | None) -> Any:
    return _strategy(value, "wait")


def _retry(value: Callable[[Any], bool] | None) -> Any:
    return _strategy(value, "retry")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """
    How one operation is retried. Times are seconds or timedeltas.

    Args:
        attempts: How often it is sent at most, the first time included.
            Default 4. Asking a server that is still working on the key does
            not count.

        wait: A tenacity wait strategy that replaces the default waits: full
            jitter of 0.5 s doubling to 20 s after a status; after an unknown
            result half of 1 s doubling, and as much again at random. What the
            server asks for in Retry-After is a minimum in any case.

        retry: A tenacity retry strategy that adds retries to the default
            ones, where a resend is safe. It sees the attempt's response or
            exception, and cannot forbid a retry.

        deadline: Wall time over everything, waits included. Default: 60 s, or
            the request's longest httpx timeout if that is longer. None: none.

        statuses: Replaces the set of statuses that are retried, by default
            408, 425, 429 and those from 500 on but 501, 505 and 511. Empty
            means none. It does not change what a status means.

    Raises:
        TypeError: If an argument is of the wrong type; coroutine strategies
            are.

        ValueError: If *attempts* is under 1, *deadline* is not above 0, or a
            status has not three digits.
    """

    attempts: int = attrs.field(default=4, converter=check_attempts)
    wait: Callable[[Any], float] | None = attrs.field(
        default=None, converter=_wait
    )
    retry: Callable[[Any], bool] | None = attrs.field(
        default=None, converter=_retry
    )
    deadline: float | dt.timedelta | Default | None = attrs.field(
        default=DEFAULT, converter=_deadline
    )
    statuses: frozenset[int] | None = attrs.field(
        default=None, converter=_statuses
    )
    retried: frozenset[int] = attrs.field(init=False, repr=False, eq=False)

    @retried.default
    def _retried(self) -> frozenset[int]:
        return RETRIED_STATUSES if self.statuses is None else self.statuses
