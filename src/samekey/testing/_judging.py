"""
What a run shows: was it done once, and was the caller told the truth?

A run is compared with one in which nothing failed. What that one executed is
what is right, so nobody has to say how many operations a function has. An
operation is known by method, target and body.
"""

from __future__ import annotations

import collections

from typing import Any

import attrs

from samekey._names import IDEMPOTENT_METHODS, SAFE_METHODS

from ._exchange import Exchange
from ._idempotent import IdempotentTransport
from ._told import Told


Name = tuple[str, str, bytes]


@attrs.frozen(kw_only=True)
class Run:
    """One run of the user's function."""

    transport: IdempotentTransport
    result: Any = None
    error: Exception | None = None
    told: Told = Told.DONE

    @property
    def exchanges(self) -> list[Exchange]:
        return self.transport.exchanges

    def counts(self) -> collections.Counter[Name]:
        """Count what was executed; doing a PUT twice is doing it once."""
        done = [_name(each) for each in self.exchanges if _acts(each)]
        counts = collections.Counter(done)
        for name in counts:
            if name[0] in IDEMPOTENT_METHODS:
                counts[name] = 1
        return counts

    def keys(self) -> dict[Name, list[str]]:
        """Give the keys of each operation, as the client chose them."""
        found: dict[Name, dict[str, None]] = {}
        for each in self.exchanges:
            key = each.request.header(self.transport.header)
            if key is not None:
                found.setdefault(_name(each), {})[key] = None
        return {name: list(keys) for name, keys in found.items()}


def _acts(exchange: Exchange) -> bool:
    return exchange.executed and exchange.request.method not in SAFE_METHODS


def _name(exchange: Exchange) -> Name:
    request = exchange.request
    return request.method, request.target, request.body


@attrs.frozen
class Problem:
    """What is wrong with a run: a word for programs, a sentence for people."""

    kind: str
    says: str = attrs.field(kw_only=True)


def wrong_without_fault(run: Run) -> Problem | None:
    """Find what is wrong with a run in which nothing failed."""
    for each in run.exchanges:
        if each.replayed or each.result == "422":
            return Problem(
                "key_reused",
                says="two requests share one key though nothing failed, so"
                " the second was not executed",
            )
    if run.error is not None:
        return Problem(
            "broken",
            says=f"it raises {type(run.error).__name__} though nothing failed",
        )
    if run.told != Told.DONE:
        return Problem(
            "broken", says=f"it says {run.told} though nothing failed"
        )
    return None


def wrong(run: Run, right: Run, *, alike: bool) -> Problem | None:
    """
    Find what is wrong with *run*, where *right* is how it should have been.

    Args:
        alike: Whether the requests are the same each time. If not, they can
            only be counted.
    """
    counts, expected = run.counts(), right.counts()
    total, once = counts.total(), expected.total()
    for name, count in counts.items():
        if alike and count > expected[name]:
            return Problem("doubled", says=_doubled(count, expected[name]))
    if total > once:
        return Problem("doubled", says=_doubled(total, once))
    if run.told == Told.DONE and total < once:
        return Problem(
            "lost",
            says=f"it tells its caller that it is done, and was executed {_times(total)};"
            f" {_times(once)} is right",
        )
    if run.told == Told.FAILED and _last_acted(run):
        return Problem(
            "denied",
            says="it tells its caller that it failed, and it was executed; that is"
            " a doubt (InDoubt), or done. If what you return or raise means"
            " doubt, say so with told=",
        )
    return None


def two_keys(run: Run, right: Run) -> Problem | None:
    """Find an operation that was sent under another key while in doubt."""
    allowed = right.keys()
    for name, keys in run.keys().items():
        if len(keys) <= max(1, len(allowed.get(name, ()))):
            continue
        for before, after in zip(
            run.exchanges, run.exchanges[1:], strict=False
        ):
            same = _name(before) == _name(after) == name
            header = run.transport.header
            if (
                same
                and _in_doubt(before)
                and before.request.header(header)
                != after.request.header(header)
            ):
                return Problem(
                    "two_keys",
                    says="it was sent again under another key while nobody"
                    " knew what had become of the first",
                )
    return None


def _in_doubt(exchange: Exchange) -> bool:
    """Tell whether the client cannot know what became of it."""
    if exchange.fault is not None and not exchange.fault.reads:
        return False
    result = exchange.result
    return not result.isdigit() or result == "408" or result >= "500"


def _last_acted(run: Run) -> bool:
    """Tell whether the operation that was given up was executed."""
    header = run.transport.header
    report = getattr(run.error, "report", None)
    key = getattr(report, "key", None)
    acting = [
        each
        for each in run.exchanges
        if each.request.method not in SAFE_METHODS
    ]
    if not acting or _asked_in(run.error) in SAFE_METHODS:
        return False  # what failed was to read
    last = acting[-1]
    if key is None:
        key = last.request.header(header)
    return any(
        each.executed
        and (
            _name(each) == _name(last)
            if key is None
            else each.request.header(header) == key
        )
        for each in acting
    )


def _asked_in(error: Exception | None) -> str | None:
    """Give the method of the request that *error* is about."""
    asked: Any = error
    try:
        return str(asked.request.method)
    except (AttributeError, RuntimeError):  # the library's, where it has none
        return None


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _doubled(count: int, right: int) -> str:
    return f"it was executed {_times(count)}; {_times(right)} is right"
