"""What a result or an exception tells whoever called."""

from __future__ import annotations

import enum

from collections.abc import Callable
from typing import Any

from samekey._library import library_of
from samekey.errors import AnswerLost, GaveUp, InDoubt, OperationBusy


class Told(enum.StrEnum):
    """What a caller was told."""

    DONE = "done"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


Tell = Callable[[object], "Told | str"]


def told(found: object, right: object = None, *, steady: bool = False) -> Told:
    """
    Read what a caller was told from a result or an exception.

    Args:
        right: The result when nothing failed.

        steady: Whether that is the same each time. Then any other is a
            failure; if not, only an empty one in place of one that is not.
    """
    if isinstance(found, Exception):
        return _told_by_error(found)
    outcome = getattr(found, "outcome", None)
    for said in (found, outcome):
        if isinstance(said, str) and said in {"in_doubt", "not_executed"}:
            doubt = said == "in_doubt"
            return Told.IN_DOUBT if doubt else Told.FAILED
    status = getattr(found, "status_code", None)
    if isinstance(status, int) and status >= 400:
        doubt = status == 408 or status >= 500
        return Told.IN_DOUBT if doubt else Told.FAILED
    if steady:
        return Told.DONE if found == right else Told.FAILED
    return Told.FAILED if right and not found else Told.DONE


def _told_by_error(error: Exception) -> Told:
    # What AnswerLost tells of is settled, but what comes after it is not done.
    if isinstance(error, (InDoubt, OperationBusy, AnswerLost)):
        return Told.IN_DOUBT
    if isinstance(error, ExceptionGroup):  # of a group of tasks
        group: ExceptionGroup[Exception] = error
        each = {_told_by_error(inner) for inner in group.exceptions}
        return Told.IN_DOUBT if Told.IN_DOUBT in each else Told.FAILED
    kind: type = type(error)
    library: Any = library_of(kind)
    if isinstance(error, GaveUp) or library is None:
        return Told.FAILED
    # The library's own: it says what it saw, and not what became of it.
    if isinstance(error, library.HTTPStatusError):
        failed: Any = error
        return told(failed.response)
    never = (library.ConnectError, library.ConnectTimeout, library.PoolTimeout)
    return Told.FAILED if isinstance(error, never) else Told.IN_DOUBT
