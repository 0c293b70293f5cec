"""
Attempts -> outcome: what an operation's attempts tell together.

The table is data: the first row whose history and last attempt both fit is
what holds. The tests walk it.
"""

from __future__ import annotations

import enum

from collections.abc import Callable

import attrs

from samekey._names import SAFE_METHODS
from samekey._policy import DOUBTFUL_STATUSES
from samekey._report import Outcome, Verdict
from samekey._verdict import Evidence


class History(enum.Enum):
    """What every known send of the operation adds up to."""

    ANY = "any"
    SETTLED = "a 2xx head ever seen"
    DOUBTFUL = "doubtful before"
    CLEAR = "none doubtful"
    CLEAR_HERE = "none doubtful, and an earlier call left nothing behind"
    HARMLESS = "all NOT_SENT, 425 or 429"


class Last(enum.Enum):
    """What the last attempt was."""

    READ_2XX = "a 2xx read whole"
    REPLAYED_ERROR = "a marked replay of >= 500"
    REUSE = "refused as key reuse"
    ALREADY_DONE = "an answer that says: already done"
    SETTLED_ANSWER = "402, a marked replay < 500"
    NOT_NOW = "425, 429"
    OTHER_STATUS = "any other status not itself doubtful"
    NOT_SENT = "NOT_SENT"
    GONE = "404 or 410"
    READ_DOUBTFUL = "a doubtful status read whole"
    READ_STATUS = "any status read whole"
    ANYTHING = "anything else"


class Told(enum.Enum):
    """How the caller learns it."""

    RETURNED = "returns it"
    ANSWER_LOST = "raises AnswerLost"
    IN_DOUBT = "raises InDoubt"
    KEY_REUSED = "raises KeyReused"
    NOT_EXECUTED = "raises NotExecuted"


@attrs.frozen
class Row:
    """If *history* and *last* fit, the outcome is *outcome*, told so."""

    history: History
    last: Last
    outcome: Outcome
    told: Told


TABLE = (
    # More than the loss of an earlier answer: it says whose it is.
    Row(History.ANY, Last.ALREADY_DONE, Outcome.ANSWERED, Told.RETURNED),
    Row(History.SETTLED, Last.READ_2XX, Outcome.ANSWERED, Told.RETURNED),
    Row(History.SETTLED, Last.ANYTHING, Outcome.ANSWERED, Told.ANSWER_LOST),
    Row(History.ANY, Last.REPLAYED_ERROR, Outcome.IN_DOUBT, Told.IN_DOUBT),
    Row(History.DOUBTFUL, Last.REUSE, Outcome.IN_DOUBT, Told.IN_DOUBT),
    Row(History.CLEAR, Last.REUSE, Outcome.ANSWERED, Told.KEY_REUSED),
    Row(History.ANY, Last.SETTLED_ANSWER, Outcome.ANSWERED, Told.RETURNED),
    Row(History.CLEAR_HERE, Last.NOT_NOW, Outcome.NOT_EXECUTED, Told.RETURNED),
    Row(History.CLEAR, Last.OTHER_STATUS, Outcome.ANSWERED, Told.RETURNED),
    Row(
        History.HARMLESS,
        Last.NOT_SENT,
        Outcome.NOT_EXECUTED,
        Told.NOT_EXECUTED,
    ),
    Row(History.ANY, Last.ANYTHING, Outcome.IN_DOUBT, Told.IN_DOUBT),
)

# After doubt, "it is not there" is what a DELETE wanted.
DELETE_TABLE = (
    Row(History.DOUBTFUL, Last.GONE, Outcome.ANSWERED, Told.RETURNED),
    *TABLE,
)

# A safe request executes nothing (RFC 9110, section 9.2.1).
SAFE_TABLE = (
    Row(History.ANY, Last.READ_DOUBTFUL, Outcome.NOT_EXECUTED, Told.RETURNED),
    Row(History.ANY, Last.READ_STATUS, Outcome.ANSWERED, Told.RETURNED),
    Row(History.ANY, Last.ANYTHING, Outcome.NOT_EXECUTED, Told.NOT_EXECUTED),
)


def table_for(method: str) -> tuple[Row, ...]:
    """Choose the table by which *method* is judged."""
    if method in SAFE_METHODS:
        return SAFE_TABLE
    return DELETE_TABLE if method == "DELETE" else TABLE


class Past:
    """
    What the sends before the last one add up to.

    Attributes:
        doubtful: One was doubtful.

        settled: One had a 2xx head.

        touched: One was other than NOT_SENT, 425, 429.

        remembered: One in an earlier call was.

        failed: One was answered with a status from 500 on.
    """

    doubtful = False
    settled = False
    touched = False
    remembered = False
    failed = False

    def copy(self) -> Past:
        """Make one that can be added to by itself."""
        new = Past()
        new.__dict__.update(self.__dict__)
        return new

    def add(self, evidence: Evidence) -> None:
        """Count one more attempt."""
        if evidence.doubtful:
            self.doubtful = True
        if evidence.settled:
            self.settled = True
        if not evidence.harmless:
            self.touched = True
        if evidence.status is not None and evidence.status >= 500:
            self.failed = True


_FITS_HISTORY: dict[History, Callable[[Past, Evidence], bool]] = {
    History.ANY: lambda past, last: True,
    History.SETTLED: lambda past, last: past.settled or last.settled,
    History.DOUBTFUL: lambda past, last: past.doubtful,
    History.CLEAR: lambda past, last: not past.doubtful,
    History.CLEAR_HERE: lambda past, last: (
        not (past.doubtful or past.remembered)
    ),
    History.HARMLESS: lambda past, last: not (past.touched or past.remembered),
}

# What needs a status, by the attempt and its status.
_FITS_STATUS: dict[Last, Callable[[Evidence, int], bool]] = {
    Last.READ_2XX: lambda last, status: last.settled and not last.lost,
    Last.ALREADY_DONE: lambda last, status: last.done,
    Last.REPLAYED_ERROR: lambda last, status: last.replayed and status >= 500,
    Last.REUSE: lambda last, status: last.reuse,
    Last.SETTLED_ANSWER: lambda last, status: last.replayed or status == 402,
    Last.NOT_NOW: lambda last, status: last.harmless,
    Last.OTHER_STATUS: lambda last, status: (
        not (last.doubtful or last.harmless)
    ),
    Last.GONE: lambda last, status: status in {404, 410},
    Last.READ_DOUBTFUL: lambda last, status: (
        not last.lost and (last.harmless or status in DOUBTFUL_STATUSES)
    ),
    Last.READ_STATUS: lambda last, status: not last.lost,
}


def _fits_last(kind: Last, last: Evidence) -> bool:
    if kind is Last.ANYTHING:
        return True
    if kind is Last.NOT_SENT:
        return last.verdict is Verdict.NOT_SENT
    return last.status is not None and _FITS_STATUS[kind](last, last.status)


def decide(table: tuple[Row, ...], past: Past, last: Evidence) -> Row:
    """Find the row that holds."""
    return next(
        row
        for row in table
        if _FITS_HISTORY[row.history](past, last)
        and _fits_last(row.last, last)
    )
