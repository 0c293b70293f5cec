"""
Hands out an answer whose body the user reads.

A body that breaks in the user's hands raises the library's own error, with the
report attached.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._ending import attach
from samekey._library import Response
from samekey._notes import passing_note
from samekey._streams import answer, async_answer


def hand_out(
    call: Call, response: Response, *, asynchronous: bool = False
) -> Response:
    """Let errors of the body's stream carry the operation."""
    if response.is_closed:
        return response

    def broken(exc: BaseException) -> None:
        call.lost_in_hand(type(exc).__name__)
        attach(call, exc)
        exc.add_note(passing_note(call.report()))

    wrap = async_answer if asynchronous else answer
    response.stream = wrap(call.library, response.stream, broken=broken)
    return response
