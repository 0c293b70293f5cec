"""
Frees the connections of answers that nobody will read.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from samekey._call import Call
from samekey._effects import Drain, Effect
from samekey._ending import attach
from samekey._headers import look_at
from samekey._policy import MIN_LEFT


MAX_DRAIN = 0.5


def time_to_drain(call: Call, wait: float) -> float:
    """Give the seconds for a failed answer, from what was decided on it."""
    # One that drips must not take the next attempt's time.
    deadline = call.deadline
    if deadline is None:
        return MAX_DRAIN
    return min(MAX_DRAIN, deadline - call.decided - wait - MIN_LEFT)


def let_go(call: Call, response: Any) -> Generator[Effect, Any, None]:
    """Free the connection of an answer that is not handed out."""
    if response is not None and not response.is_closed:
        evidence = call.begun()
        _, evidence.length, evidence.encoded = look_at(
            response.headers, call.profile.watched
        )
        call.decided = call.terms.time.clock()
        yield Drain(response, time_to_drain(call, 0.0))


def close_unread(
    call: Call, response: Any, exc: BaseException
) -> Generator[Effect, Any, None]:
    """Close what nobody will read, because of *exc*, which goes on up."""
    if response.is_closed:
        return
    try:
        yield Drain(response, 0.0)
    except BaseException as more:
        if isinstance(exc, Exception):
            attach(call, more)  # a cancellation must not be lost
            raise
