"""
Measure what an operation in flight costs in memory.

Tasks on one event loop, 10,000 by default, each POST a small JSON body over
a transport that answers nobody until all of them wait in it. tracemalloc tells
what is allocated then, less what was before the tasks were made. *more* is
what samekey adds to a plain AsyncClient, whose calls carry a key set by hand,
on the same transport: per operation, in bytes. A client's own memory of the
operations that have ended is not in it, nor is anything else that is not per
operation in flight; keys that are chosen at random are not remembered.

Each figure is the median of --runs, taken in turns; a small run comes first,
so that what is made once is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import statistics
import tracemalloc
import uuid

from collections.abc import Callable
from typing import Any

import _bench

from _bench import ANSWER, CHARGE, HEADERS, KEY, PATH

import samekey


GOAL = 3 * 1024
URL = "http://127.0.0.1:8000"


def waiting_transport(library: Any, expected: int) -> Any:
    """Make a transport that is full once *expected* requests wait in it."""
    base: Any = library.AsyncBaseTransport

    class WaitingTransport(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.full, self.gate = asyncio.Event(), asyncio.Event()
            self.waiting = 0

        async def handle_async_request(self, request: Any) -> Any:
            self.waiting += 1
            if self.waiting == expected:
                self.full.set()
            await self.gate.wait()
            return library.Response(201, headers=HEADERS, content=ANSWER)

    return WaitingTransport()


def plain(library: Any, transport: Any) -> Any:
    return library.AsyncClient(
        base_url=URL, transport=transport, trust_env=False
    )


def client_door(library: Any, transport: Any) -> Any:
    return samekey.wrap(plain(library, transport))


def transport_door(library: Any, transport: Any) -> Any:
    return plain(library, samekey.AsyncTransport(transport))


PLAIN = "keyed by hand"
MAKERS: dict[str, Callable[[Any, Any], Any]] = {
    PLAIN: plain,
    "samekey client": client_door,
    "samekey transport": transport_door,
}


async def measure(library: Any, name: str, operations: int) -> float:
    """Give the bytes that each of *operations* in flight holds."""
    transport = waiting_transport(library, operations)

    async def call() -> int:
        headers = {KEY: str(uuid.uuid4())} if name == PLAIN else None
        response = await client.post(PATH, json=CHARGE, headers=headers)
        status: int = response.status_code
        return status

    async with MAKERS[name](library, transport) as client:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        tasks = [asyncio.create_task(call()) for _ in range(operations)]
        await transport.full.wait()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        transport.gate.set()
        statuses = await asyncio.gather(*tasks)
    assert set(statuses) == {201}
    return held / operations


def main() -> int:
    """Print the table; return 1 if samekey adds more than the goal."""
    parser = argparse.ArgumentParser(description="Measure memory.")
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short run")
    options = parser.parse_args()
    if options.quick:
        options.operations, options.runs = 500, 1
    _bench.print_header()
    print(f"{options.operations} operations in flight, {options.runs} runs")
    tracemalloc.start()
    bad = False
    for module in ("httpx", "httpx2"):
        library = importlib.import_module(module)
        held: dict[str, list[float]] = {name: [] for name in MAKERS}
        for name in MAKERS:
            asyncio.run(measure(library, name, 100))
        for _ in range(options.runs):
            for name, results in held.items():
                run = measure(library, name, options.operations)
                results.append(asyncio.run(run))
        print(f"\n{module:18}  bytes per operation      more")
        base = statistics.median(held[PLAIN])
        for name, results in held.items():
            each = statistics.median(results)
            bad |= each - base > GOAL
            print(f"{name:18} {each:20.0f} {each - base:+9.0f}")
    print(f"\n{'more than' if bad else 'within'} {GOAL} bytes more")
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
