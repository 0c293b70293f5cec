"""
What the benchmarks share: the line about the machine, a transport without
I/O, a keep-alive server in a process of its own, taking turns, and medians.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import os
import pathlib
import platform
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from importlib.metadata import version
from typing import Any

import attrs


KEY = "Idempotency-Key"
PATH = "/payments"
CHARGE = {"amount": 1999, "currency": "EUR", "card": "tok_visa"}
ANSWER = b'{"payment_id":"pay_8Zk2QdVbN","status":"succeeded","amount":1999}'
HEADERS = [
    (b"Date", b"Tue, 14 Jan 2025 09:30:00 GMT"),
    (b"Server", b"loopback"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"%d" % len(ANSWER)),
    (b"Request-Id", b"req_4mXcYp0aT1"),
    (b"Cache-Control", b"no-store"),
]
Call = Callable[[], Any]  # what an async one gives is awaited
PACKAGES = "httpx httpx2 samekey stamina tenacity httpx-retries"


def print_header() -> None:
    """Say when, on what and with what the figures were measured."""
    processor, load = platform.processor(), os.getloadavg()[0]
    with contextlib.suppress(OSError):
        told = pathlib.Path("/proc/cpuinfo").read_text()
        processor = told.partition("model name\t: ")[2].partition("\n")[0]
    print(dt.datetime.now(dt.UTC).date(), processor, sep=", ", end=", ")
    print(f"{os.cpu_count()} cores, load {load:.1f}", end=", ")
    print("Python", platform.python_version())
    print(", ".join(f"{each} {version(each)}" for each in PACKAGES.split()))


@attrs.define
class Bench:
    """Makes the transport and the client of a contestant, and times it."""

    library: Any
    runner: asyncio.Runner | None = None  # None: it is sync
    url: str | None = None  # None: a transport without I/O
    statuses: tuple[int, ...] = (201,)  # what that answers, in turn
    ready: bool = False  # the bodies of its answers are read already
    inner: Any = attrs.field(default=None, init=False)
    made: Any = attrs.field(default=None, init=False)

    @property
    def kind(self) -> str:
        """How the names of its classes begin."""
        return "" if self.runner is None else "Async"

    def transport(self) -> Any:
        """Make the transport that sends."""
        if self.url is None:
            self.inner = _null_transport(self)
        else:
            self.inner = getattr(self.library, f"{self.kind}HTTPTransport")()
        return self.inner

    def client(self, transport: Any = None) -> Any:
        """Make a client of the library, by default over that transport."""
        self.made = getattr(self.library, f"{self.kind}Client")(
            base_url=self.url or "http://127.0.0.1:8000",
            transport=self.transport() if transport is None else transport,
            trust_env=False,
        )
        return self.made

    def time(self, call: Call, calls: int) -> float:
        """Give the time of one of *calls*, in us; one more is not timed."""
        if self.runner is not None:
            return self.runner.run(_time(call, calls))
        call()
        began = time.perf_counter_ns()
        for _ in range(calls):
            call()
        return (time.perf_counter_ns() - began) / calls / 1000

    def check(self, call: Call, *, has_key: bool) -> None:
        """Call once, and see that it does what it is to be timed for."""
        self.time(call, 1)
        if self.url is None:
            assert self.inner.sent == 2 * len(self.statuses)
            assert (KEY in self.inner.latest.headers) == has_key

    def close(self) -> None:
        """Close the client."""
        if self.runner is None:
            self.made.close()
        else:
            self.runner.run(self.made.aclose())


async def _time(call: Call, calls: int) -> float:
    await call()
    began = time.perf_counter_ns()
    for _ in range(calls):
        await call()
    return (time.perf_counter_ns() - began) / calls / 1000


def _null_transport(bench: Bench) -> Any:
    library, statuses, ready = bench.library, bench.statuses, bench.ready
    response, count = library.Response, len(statuses)
    stream_base: Any = getattr(library, f"{bench.kind or 'Sync'}ByteStream")
    base: Any = getattr(library, f"{bench.kind}BaseTransport")

    class Body(stream_base):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            yield ANSWER

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield ANSWER

    class NullTransport(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.sent = 0
            self.latest: Any = None

        def _answer(self, request: Any) -> Any:
            status = statuses[self.sent % count]
            self.sent += 1
            self.latest = request
            extensions = {"http_version": b"HTTP/1.1"}
            body: Any = {"content": ANSWER} if ready else {"stream": Body()}
            return response(
                status, headers=HEADERS, extensions=extensions, **body
            )

        handle_request = _answer

        async def handle_async_request(self, request: Any) -> Any:
            return self._answer(request)

    return NullTransport()


def take_turns(
    blocks: dict[str, Callable[[], float]], rounds: int, *, collect: bool
) -> dict[str, list[float]]:
    """
    Run each of *blocks* once a round, in a new order; give what they give.

    A first round only warms up. Garbage is collected before each block, and
    in one only if *collect*.
    """
    results: dict[str, list[float]] = {name: [] for name in blocks}
    order, dice = list(blocks), random.Random(0)
    gc.collect()
    gc.freeze()
    for number in range(rounds + 1):
        dice.shuffle(order)
        for name in order:
            gc.collect()
            if not collect:
                gc.disable()
            result = blocks[name]()
            gc.enable()
            if number > 0:
                results[name].append(result)
    gc.unfreeze()
    return results


def spread(values: list[float]) -> tuple[float, float, float]:
    """Give the median of two or more *values*, and the quartiles about it."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def compare(own: list[float], base: list[float]) -> str:
    """Give medians and quartiles: of *own*, and as against *base*."""
    pairs = list(zip(own, base, strict=True))
    more, _, _ = spread([x - y for x, y in pairs])
    quick, quick_base = (statistics.quantiles(x, n=10)[0] for x in (own, base))
    return (
        "{:7.1f} [{:6.1f} {:6.1f}]".format(*spread(own))
        + "{:7.3f} [{:.3f} {:.3f}]".format(*spread([x / y for x, y in pairs]))
        + f"{more:+8.1f}{quick / quick_base:8.3f}"
    )


@contextlib.contextmanager
def server() -> Generator[str]:
    """Run the keep-alive server in another process; give its URL."""
    with subprocess.Popen(
        [sys.executable, __file__], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def serve() -> None:
    """Answer every request with the same 201, until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_answer, args=(sock,), daemon=True).start()


def _answer(sock: socket.socket) -> None:
    lines = [b"HTTP/1.1 201 Created", *(b"%b: %b" % h for h in HEADERS)]
    answer = b"\r\n".join([*lines, b"", ANSWER])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    seen = b""
    with sock, contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            seen += data
            if _is_whole(seen):
                sock.sendall(answer)
                seen = b""


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2]
    return bool(end) and len(body) >= int(length.split(b"\r\n", 1)[0] or 0)


if __name__ == "__main__":
    serve()
