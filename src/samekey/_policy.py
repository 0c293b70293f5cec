"""
How often, how long and how hard to try.

A `RetryPolicy` belongs to a call; a `RetryBudget` to a client, or to several.
The budget is not part of the policy, so that a policy given for one call
cannot dodge it.

tenacity's strategies are the vocabulary of `wait` and `retry`. They are called
directly, with a `RetryCallState` of ours; tenacity's own loop is not used, and
tenacity is not imported here.
"""

from __future__ import annotations

import collections
import datetime
import enum
import inspect
import math
import threading

from collections.abc import Callable, Hashable, Iterable
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


def doubtful_status(status: int) -> bool:
    """Tell whether a request answered with *status* may have been executed."""
    return status == 408 or (  # noqa: PLR2004 -- Request Timeout
        status >= 500 and status not in SETTLED_SERVER_STATUSES  # noqa: PLR2004
    )


def retried_by_default(status: int) -> bool:
    return status in RETRIED_CLIENT_STATUSES or doubtful_status(status)


def check_attempts(attempts: object) -> int:
    if isinstance(attempts, bool) or not isinstance(attempts, int):
        msg = f"attempts must be an int, got {type(attempts).__name__}"
        raise TypeError(msg)
    if attempts < 1:
        msg = f"attempts must be at least 1, got {attempts}"
        raise ValueError(msg)
    return attempts


def check_seconds(value: object, name: str) -> float:
    """
    Check a time, and give it in seconds.

    Raises:
        TypeError: If it is neither a number nor a timedelta.

        ValueError: If it is NaN, infinite, zero or negative.
    """
    if isinstance(value, datetime.timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
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
        if not 100 <= status <= 999:  # noqa: PLR2004 -- three digits
            msg = f"statuses must be from 100 to 999, got {status}"
            raise ValueError(msg)
    return result


def _strategy(name: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value is None:
            return None
        if not callable(value):
            msg = f"{name} must be a tenacity strategy, got {value!r}"
            raise TypeError(msg)
        if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
            type(value).__call__
        ):
            msg = f"{name} must be a plain strategy, got a coroutine: {value!r}"
            raise TypeError(msg)
        return value

    return check


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
        default=None, converter=_strategy("wait")
    )
    retry: Callable[[Any], bool] | None = attrs.field(
        default=None, converter=_strategy("retry")
    )
    deadline: float | datetime.timedelta | Default | None = attrs.field(
        default=DEFAULT, converter=_deadline
    )
    statuses: frozenset[int] | None = attrs.field(
        default=None, converter=_statuses
    )

    def retries(self, status: int) -> bool:
        """Tell whether *status* is one that is retried."""
        if self.statuses is None:
            return retried_by_default(status)
        return status in self.statuses


class RetryBudget:
    """
    A token bucket per origin that bounds resends to a share of calls.

    One resend takes one token; a call's first send is free. An answer that
    needs no retry gives *per_success* back. With an empty bucket an operation
    ends now instead of joining the storm. Thread-safe; may be shared by
    several clients.

    Args:
        capacity: The most tokens that a bucket holds. Default 10.

        start: What a new bucket holds. Default 3 (or *capacity*, if that is
            less), so that a lone call has all the retries of the default
            policy.

        per_success: Tokens for each success. Default 0.1.

    Raises:
        TypeError: If an argument is not a number.

        ValueError: If one is negative or not finite, *capacity* is under 1,
            or *start* is above *capacity*.
    """

    MAX_ORIGINS = 1_000
    _BATCH = 128

    def __init__(
        self,
        *,
        capacity: float = 10,
        start: float | Default = DEFAULT,
        per_success: float = 0.1,
    ) -> None:
        self.capacity = _tokens(capacity, "capacity")
        self.start = (
            min(3.0, self.capacity)
            if start is DEFAULT
            else _tokens(start, "start")
        )
        self.per_success = _tokens(per_success, "per_success")
        if self.capacity < 1:
            msg = f"capacity must be at least 1, got {capacity}"
            raise ValueError(msg)
        if self.start > self.capacity:
            msg = f"start must be at most capacity ({capacity}), got {start}"
            raise ValueError(msg)
        self._buckets: collections.OrderedDict[Hashable, float] = (
            collections.OrderedDict()
        )
        self._lock = threading.Lock()
        # Successes are the common case, so they are only noted; they are
        # counted when a token is asked for, or a batch has come together.
        self._noted: collections.deque[Any] = collections.deque()

    def __repr__(self) -> str:
        return (
            f"RetryBudget(capacity={self.capacity}, start={self.start},"
            f" per_success={self.per_success})"
        )

    def succeeded(self, url: Any) -> None:
        """Note that a call to *url* needed no retry."""
        self._noted.append(url)
        if len(self._noted) >= self._BATCH:
            with self._lock:
                self._count()

    def spend(self, url: Any) -> bool:
        """Take a token for a resend to *url*; False if there is none."""
        with self._lock:
            self._count()
            key = origin(url)
            left = self._get(key)
            if left < 1 - 1e-9:
                return False
            self._buckets[key] = left - 1
            return True

    def tokens(self, url: Any) -> float:
        """Tell how many tokens the bucket of *url* holds."""
        with self._lock:
            self._count()
            return self._buckets.get(origin(url), self.start)

    def _count(self) -> None:
        noted = self._noted
        for _ in range(len(noted)):
            key = origin(noted.popleft())
            self._buckets[key] = min(
                self.capacity, self._get(key) + self.per_success
            )

    def _get(self, key: Hashable) -> float:
        left = self._buckets.get(key)
        if left is None:
            while len(self._buckets) >= self.MAX_ORIGINS:
                self._buckets.popitem(last=False)
            left = self._buckets[key] = self.start
        else:
            self._buckets.move_to_end(key)
        return left


def _tokens(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} must be a number, got {type(value).__name__}"
        raise TypeError(msg)
    if not math.isfinite(value) or value < 0:
        msg = f"{name} must be finite and at least 0, got {value!r}"
        raise ValueError(msg)
    return float(value)


_PORTS = {"http": 80, "https": 443}


def origin(url: Any) -> tuple[str, str, int | None]:
    """Give scheme, host and port (RFC 6454, section 4) of a URL object."""
    scheme = url.scheme
    port = url.port
    return scheme, url.host, _PORTS.get(scheme) if port is None else port
