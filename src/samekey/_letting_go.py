"""
Frees the connections of answers that nobody will read.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from samekey._call import Call
from samekey._effects import Drain, Effect
from samekey._ending import attach
from samekey._policy import MIN_LEFT


MAX_DRAIN = 0.5


def time_to_drain(call: Call, wait: float) -> float:
    # A failed answer that drips must not take the next attempt's time.
    if call.deadline is None:
        return MAX_DRAIN
    left = call.deadline - call.terms.clock() - wait - MIN_LEFT
    return max(0.0, min(MAX_DRAIN, left))


def let_go(call: Call, response: Any) -> Generator[Effect, Any, None]:
    """Free the connection of an answer that is not handed out."""
    if response is not None and not response.is_closed:
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
