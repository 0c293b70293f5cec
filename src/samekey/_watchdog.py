"""
Closes sockets whose answer is still dripping in when the deadline comes.

httpx has no total deadline: each byte starts its read timeout anew, so a
server that sends one byte a second can hold a call for hours. Where the trace
gives the socket, it is shut down at the deadline, from one thread that
is started when it is first needed and ends when it has nothing to watch.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time

from typing import Any


_LONGEST_WAIT = 3_600.0


class Watch:
    """One socket that is watched, until `cancel`."""

    __slots__ = ("dog", "sock")

    def __init__(self, dog: Watchdog, sock: Any) -> None:
        self.dog = dog
        self.sock: Any = sock

    def cancel(self) -> None:
        """Stop watching; after this returns the socket is left alone."""
        with self.dog.condition:
            self.sock = None


class Watchdog:
    """Shuts sockets down at their deadlines."""

    _IDLE = 5.0

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self._heap: list[tuple[float, int, Watch]] = []
        self._numbers = itertools.count()
        self._running = False

    def watch(self, sock: Any, seconds: float) -> Watch:
        """Shut *sock* down in *seconds*, unless the watch is cancelled."""
        watch = Watch(self, sock)
        entry = (time.monotonic() + seconds, next(self._numbers), watch)
        with self.condition:
            heapq.heappush(self._heap, entry)
            if not self._running:
                # With no thread to be had, the deadline is kept by the httpx
                # timeouts alone.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(
                        target=self._run, name="samekey-watchdog", daemon=True
                    ).start()
                    self._running = True
            elif self._heap[0] is entry:
                self.condition.notify()
        return watch

    def _run(self) -> None:
        with self.condition:
            while True:
                while self._heap and self._heap[0][2].sock is None:
                    heapq.heappop(self._heap)
                if not self._heap:
                    if not self.condition.wait(self._IDLE) and not self._heap:
                        self._running = False
                        return
                    continue
                left = self._heap[0][0] - time.monotonic()
                if left > 0:
                    self.condition.wait(min(left, _LONGEST_WAIT))
                    continue
                watch = heapq.heappop(self._heap)[2]
                if watch.sock is not None:
                    _shut_down(watch.sock)
                    watch.sock = None


def _shut_down(sock: Any) -> None:
    # An SSLSocket's own shutdown would drop its TLS state under the reader.
    with contextlib.suppress(Exception):
        if isinstance(sock, socket.socket):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        else:
            sock.shutdown(socket.SHUT_RDWR)
