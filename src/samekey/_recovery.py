"""
What a dead process left open, taken up one by one.

Recovery is the biggest storm there is: every open operation at once, at the
moment when the server comes back. So there is one probe at a time, it draws
on the client's own budget, and the gap between probes doubles while they fail.

The flow is a generator, as the engine's is, and the client doors drive it.
"""

from __future__ import annotations

import collections

from collections.abc import Callable, Generator
from typing import Any

from samekey._journal_parts import (
    Became,
    Entry,
    Progress,
    Recovered,
    Resolution,
)
from samekey._report import Outcome
from samekey._terms import Terms
from samekey.errors import (
    BodyNotReplayable,
    InvalidKey,
    KeyExpired,
    OperationBusy,
    OperationChanged,
)
from samekey.keys import Operation


FIRST_GAP = 1.0
LONGEST_GAP = 60.0

# What the flow asks its driver to do.


class Pending:
    """Give the operations that are pending. Answer: a list of `Entry`."""

    __slots__ = ()


class Pause:
    """Wait."""

    __slots__ = ("seconds",)
    __match_args__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Probe:
    """Send its request again. Answer: what came of it, and any error."""

    __slots__ = ("entry",)
    __match_args__ = ("entry",)

    def __init__(self, entry: Entry) -> None:
        self.entry = entry


class Ask:
    """Ask the user. Answer: a `Resolution`, or None."""

    __slots__ = ("entry",)
    __match_args__ = ("entry",)

    def __init__(self, entry: Entry) -> None:
        self.entry = entry


class Settle:
    """Record what the user has said. Answer: True; False if it was taken."""

    __slots__ = ("entry", "resolution")
    __match_args__ = ("entry", "resolution")

    def __init__(self, entry: Entry, resolution: Resolution) -> None:
        self.entry = entry
        self.resolution = resolution


Step = Pending | Pause | Probe | Ask | Settle


def recovery(
    terms: Terms,
    *,
    origin_of: Callable[[str], Any],
    home: Any,
    asks: bool,
    tell: Callable[[Progress], object] | None,
) -> Generator[Step, Any, Recovered]:
    """
    Take up what is pending.

    Args:
        origin_of: Gives the origin of a URL, for the budget.

        home: That of the client's base_url, or None.

        asks: The user can be asked.

        tell: Is told after each operation.
    """
    entries: list[Entry] = yield Pending()
    counts: collections.Counter[str] = collections.Counter()
    gap = 0.0
    for done, entry in enumerate(entries, start=1):
        became: Became = "skipped"
        error: Exception | None = None
        if entry.namespace == terms.namespace:
            if can_be_sent(entry, every=terms.journal.journal_all):
                assert entry.request is not None
                where = origin_of(str(entry.request.url))
                # Another host must not get this client's credentials.
                if terms.vouches(where, home):
                    if not terms.budget.spend(where):
                        gap = _longer(gap)
                    if gap:
                        yield Pause(gap)
                    became, error = yield Probe(entry)
                    gap = _longer(gap) if became == "in_doubt" else 0.0
            if asks and became in {"skipped", "expired"}:
                became = yield from _asked(entry, became)
        counts[became] += 1
        if tell is not None:
            tell(
                Progress(
                    done=done,
                    total=len(entries),
                    entry=entry,
                    became=became,
                    error=error,
                )
            )
    return Recovered(**counts)


def _asked(entry: Entry, became: Became) -> Generator[Step, Any, Became]:
    found: Resolution | None = yield Ask(entry)
    if found is None:
        return became
    settled: bool = yield Settle(entry, found)
    if not settled:
        return "busy"
    return "answered" if found.outcome is Outcome.ANSWERED else "not_executed"


def _longer(gap: float) -> float:
    return min(LONGEST_GAP, max(FIRST_GAP, gap * 2))


def can_be_sent(entry: Entry, *, every: bool) -> bool:
    """
    Tell whether its request is kept as it was.

    *every*: the journal keeps calls without an operation id, too.
    """
    request = entry.request
    return (
        request is not None
        and not request.redacted
        and (every or entry.operation is not None)
    )


def again_of(entry: Entry) -> dict[str, Any]:
    """Give the arguments of `request` that send it once more."""
    request = entry.request
    assert request is not None
    operation: Any = entry.operation
    named = {}
    if operation is not None:
        named["operation"] = Operation(operation, generation=entry.generation)
    return {
        "method": request.method,
        "url": request.url,
        # As they were: the library would have text be ASCII.
        "headers": [
            (name.encode(), value.encode()) for name, value in request.headers
        ],
        "content": request.body,
        "idempotency_key": entry.key,
        **named,
    }


_NOT_TRIED = (BodyNotReplayable, InvalidKey, OperationChanged)


def became_of(exc: Exception) -> Became:
    """Tell what an operation became that ended in an error."""
    if isinstance(exc, _NOT_TRIED):
        return "skipped"  # nothing was sent, and it is as it was
    if isinstance(exc, KeyExpired):
        return "expired"
    if isinstance(exc, OperationBusy):
        return "busy"
    found = getattr(exc, "report", None)
    outcome = None if found is None else found.outcome
    if outcome is Outcome.ANSWERED:
        return "answered"
    if outcome is Outcome.NOT_EXECUTED:
        return "not_executed"
    return "in_doubt"
