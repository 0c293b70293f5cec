"""
Hands out an answer whose body the user reads.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._library import Response, stream_class
from samekey._streams import AsyncHanded, Handed


def hand_out(
    call: Call, response: Response, *, asynchronous: bool = False
) -> Response:
    """Let errors of the body's stream carry the operation."""
    cls = stream_class(call.library, AsyncHanded if asynchronous else Handed)
    response.stream = cls(response.stream, call, response.headers)
    return response
