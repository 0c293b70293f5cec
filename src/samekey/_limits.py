"""
What holds a body that is read: the deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekey._call import Call
from samekey._watchdog import Watch
from samekey._wire import GRACE


DRAIN_LIMIT = 64 * 1024
"""How much of an answer is looked at, or drained, in bytes."""


class TooLong(Exception):
    """A body that is only drained is longer than the limit."""


def is_late(call: Call, until: float | None) -> bool:
    """Tell whether the chunks of a body are to be watched from now on."""
    return until is not None or call.terms.time.clock() > call.lowers_from


class Limits:
    """Watches over a body that comes in chunks, for the deadline."""

    __slots__ = ("_call", "_extensions", "_until", "watch")

    def __init__(
        self,
        call: Call,
        extensions: Mapping[str, Any],
        until: float | None = None,
    ) -> None:
        self._call = call
        self._extensions = extensions
        self._until = call.deadline if until is None else until
        self.watch: Watch | None = None

    def check(self) -> None:
        """
        Look at the time after a chunk.

        Raises:
            ReadTimeout: The library's, if the deadline has passed.
        """
        call = self._call
        if self._until is None:
            return
        left = self._until - call.terms.time.clock()
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
