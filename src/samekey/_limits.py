"""
What holds a body that is read: the deadline, and for a drain its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekey._call import Call
from samekey._watchdog import Watch
from samekey._wire import GRACE


class TooLong(Exception):
    """A body that is only drained is longer than the limit."""


class Limits:
    """Watches the chunks of a body: their sum, and the deadline."""

    __slots__ = ("_call", "_extensions", "_left", "_until", "watch")

    def __init__(
        self,
        call: Call,
        extensions: Mapping[str, Any],
        limit: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self._call = call
        self._extensions = extensions
        self._left = limit
        self._until = call.deadline
        if seconds is not None:
            self._until = call.terms.clock() + seconds
        self.watch: Watch | None = None

    def check(self, chunk: bytes) -> None:
        """
        Take one chunk.

        Raises:
            TooLong: If there are more bytes than the limit.

            ReadTimeout: The library's, if the deadline has passed.
        """
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLong
        call = self._call
        if self._until is None:
            return
        left = self._until - call.terms.clock()
        if left <= 0:
            msg = "the deadline passed while the answer was read"
            raise call.library.ReadTimeout(msg)
        if (
            self.watch is None
            and call.timeouts is not None
            and self._extensions.get("network_stream") is not None
        ):
            read = call.timeouts.get("read")
            if read is None or read > left:
                self.watch = self._start(left)

    def _start(self, left: float) -> Watch | None:
        version = self._extensions.get("http_version", b"")
        # Other streams share an HTTP/2 connection.
        if not version.startswith(b"HTTP/1"):
            return None
        sock = self._extensions["network_stream"].get_extra_info("socket")
        return self._call.terms.watchdog.watch(sock, left + GRACE)

    def stop(self) -> None:
        """Stop watching the socket."""
        if self.watch is not None:
            self.watch.cancel()
            self.watch = None
