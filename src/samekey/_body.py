"""
Bodies: a request's, frozen into bytes; an answer's, drained or looked at.

The steps between the I/O, which both drivers share.
"""

from __future__ import annotations

from typing import Any

from samekey._call import Call
from samekey._library import Response
from samekey._limits import DRAIN_LIMIT
from samekey._verdict import Evidence
from samekey.errors import BodyNotReplayable


UNKNOWN = -1
"""The length of a body whose head does not say it."""


def refrain(call: Call, base: type) -> bool:
    """
    Tell whether the body is not for this kind of client.

    The library says so itself when the request is sent.
    """
    return not isinstance(call.request.stream, base)


class Frozen:
    """Collects a body, so that every attempt sends the same bytes."""

    def __init__(self, call: Call, limit: int) -> None:
        self._call = call
        self._limit = limit
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """
        Take one chunk.

        Raises:
            BodyNotReplayable: If the body is over the limit.
        """
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > self._limit:
            msg = (
                f"a body that is not bytes must be at most {self._limit} bytes"
                " to be sent again, got more; nothing was sent. Pass bytes, or"
                " a policy with attempts=1 and no operation id"
            )
            raise BodyNotReplayable(msg)

    def put(self) -> None:
        """Make the bytes the request's body; its framing stays."""
        request: Any = self._call.request
        data = b"".join(self._chunks)
        request.stream = self._call.library.ByteStream(data)
        request.read()
        declared = request.headers.get("content-length")
        if declared is not None and declared != str(len(data)):
            # httpx counts a file from its start, and sends it from where it
            # stands: a length that is too long never gets an answer.
            request.headers["content-length"] = str(len(data))
        self._call.replayable = True


def worth_draining(evidence: Evidence, seconds: float) -> int | None:
    """
    Tell how many bytes a failed answer has that is worth reading.

    None: it is not. UNKNOWN, if its head does not say; it may be.
    """
    if seconds <= 0:
        return None
    length = evidence.length
    if length is None:
        return UNKNOWN
    if length.isdigit() and (whole := int(length)) <= DRAIN_LIMIT:
        return whole
    return None


def hurry(call: Call, seconds: float) -> None:
    """Give the rest of an answer no more than *seconds*."""
    timeouts = call.timeouts
    if timeouts is not None:
        read = timeouts.get("read")
        if read is None or read > seconds:
            timeouts["read"] = seconds


def decoded(call: Call, response: Response, chunks: list[bytes]) -> bytes:
    """Undo the content encoding of a body that was looked at."""
    raw = b"".join(chunks)
    try:
        copy = call.library.Response(
            response.status_code, headers=response.headers, content=raw
        )
        content: bytes = copy.content
    except Exception:  # noqa: BLE001 -- then no code is found in it
        return raw
    return content
