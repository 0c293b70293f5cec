"""
The retry budget: it bounds resends to a share of calls.

It belongs to a client, or to several, and not to a policy, so that a policy
given for one call cannot dodge it.
"""

from __future__ import annotations

import collections
import math
import threading

from collections.abc import Hashable
from typing import Any

from samekey._library import origin
from samekey._policy import DEFAULT, Default, to_float


# Tenths that add up to one fall short of it.
_ONE = 1 - 1e-9


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
    BATCH = 512

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
        # The latest used one stands last. Each is a list of its tokens.
        self._buckets: collections.OrderedDict[Hashable, list[float]] = (
            collections.OrderedDict()
        )
        self._latest: list[float] | None = None
        self._latest_key: Hashable = None
        self._lock = threading.Lock()
        # Successes are the common case, so they are only noted, and counted
        # when a token is asked for, or a batch has come together.
        self._noted: collections.deque[Any] = collections.deque()

    def __repr__(self) -> str:
        return (
            f"RetryBudget(capacity={self.capacity}, start={self.start},"
            f" per_success={self.per_success})"
        )

    def succeeded(self, url: Any) -> None:
        """
        Note that a call to *url* needed no retry.

        An origin that is known already may stand for the URL.
        """
        self._noted.append(url)
        if len(self._noted) >= self.BATCH:
            with self._lock:
                self._count()

    def spend(self, url: Any) -> bool:
        """
        Take a token for a resend to *url*; False if there is none.

        An origin that is known already may stand for the URL.
        """
        key = url if isinstance(url, tuple) else origin(url)
        with self._lock:
            if self._noted:
                self._count()
            bucket = self._latest
            if bucket is None or key != self._latest_key:
                bucket = self._get(key)
            if bucket[0] < _ONE:
                return False
            bucket[0] -= 1
            return True

    def tokens(self, url: Any) -> float:
        """Tell how many tokens the bucket of *url* holds."""
        with self._lock:
            self._count()
            bucket = self._buckets.get(origin(url))
            return self.start if bucket is None else bucket[0]

    def _count(self) -> None:
        noted, bucket = self._noted, self._latest
        while noted:
            url = noted.popleft()
            key = url if isinstance(url, tuple) else origin(url)
            if bucket is None or key != self._latest_key:
                bucket = self._get(key)
            bucket[0] += self.per_success
            bucket[0] = min(bucket[0], self.capacity)

    def _get(self, key: Hashable) -> list[float]:
        bucket = self._buckets.get(key)
        if bucket is None:
            while len(self._buckets) >= self.MAX_ORIGINS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = [self.start]
        else:
            self._buckets.move_to_end(key)
        self._latest, self._latest_key = bucket, key
        return bucket


def _tokens(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} must be a number, got {type(value).__name__}"
        raise TypeError(msg)
    tokens = to_float(value)
    if not math.isfinite(tokens) or tokens < 0:
        msg = f"{name} must be finite and at least 0, got {value!r}"
        raise ValueError(msg)
    return tokens
