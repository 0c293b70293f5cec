"""
Compare a call through samekey with calls that are written by hand.

Each table is one library, sync or async (asyncio), over one of two transports.
*null* is a subclass of the library's own base transport that returns at once,
without I/O and without trace events; its answer is made anew for each send and
is as a real one: six headers, and 65 bytes of JSON in a stream that is still
to be read (`--ready`: read already, as a MockTransport's). *loopback* is the
library's HTTP transport on a keep-alive connection to a raw-socket server in
another process. Every call is a POST with a small JSON body.

In *first* the first try succeeds. In *failure* a 503 comes first, then a 201;
all waits are zero, and the loop by hand has none, though others may sleep them
(`time.sleep(0)` costs some 70 us). Ratios are to what a careful person writes,
at 1.00: one call with a new key in its headers, or for *failure* a loop over
`client.send` that keeps the request and so its key. The last line compares the
transport with *its first try*.

The contestants take turns, in a new order each round, a block of --calls calls
at a time, a hundred rounds a run: blocks are so short that most are done before
the machine looks after something else. Garbage is collected before each block,
one call warms up, and no collection starts in a block (`--gc` lets them). *us*:
the time of one call in microseconds, the median over all blocks. *ratio* and
*more* compare a block with that of the 1.00 row in the same round, and are
medians too. In brackets the quartiles. *quick* is the ratio of the lowest
deciles: where it is far from *ratio*, the machine was too busy to tell.
stamina's hooks are off, as samekey's records of retries are by default.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import itertools
import uuid

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import _bench
import httpx_retries
import stamina.instrumentation
import tenacity

from _bench import CHARGE, KEY, PATH, Bench, Call

import samekey


ROUNDS = 100
ATTEMPTS = 4
RETRIED = {408, 425, 429, 500, 502, 503, 504}
DIMENSIONS = (
    ("null", "loopback"),
    ("first", "failure"),
    ("httpx", "httpx2"),
    ("sync", "async"),
)


def new() -> dict[str, str]:
    return {KEY: str(uuid.uuid4())}


def keyed(bench: Bench, client: Any = None) -> Call:
    post = (client or bench.client()).post
    return lambda: post(PATH, json=CHARGE, headers=new())


def unkeyed(bench: Bench, client: Any = None) -> Call:
    post = (client or bench.client()).post
    return lambda: post(PATH, json=CHARGE)


def constant(bench: Bench) -> Call:
    post, headers = bench.client().post, new()
    return lambda: post(PATH, json=CHARGE, headers=headers)


def loop(bench: Bench) -> Call:
    client, failed = bench.client(), bench.library.TransportError
    build = partial(client.build_request, "POST", PATH, json=CHARGE)
    run = loop_async if bench.kind else loop_sync
    return lambda: run(client.send, build(headers=new()), failed)


def loop_sync(send: Any, request: Any, failed: type[Exception]) -> Any:
    response: Any = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = send(request)
            if response.status_code not in RETRIED:
                break
        except failed:
            if attempt == ATTEMPTS:
                raise
    return response


async def loop_async(send: Any, request: Any, failed: type[Exception]) -> Any:
    response: Any = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = await send(request)
            if response.status_code not in RETRIED:
                break
        except failed:
            if attempt == ATTEMPTS:
                raise
    return response


def by_httpx_retries(bench: Bench) -> Call | None:
    if bench.library.__name__ != "httpx":
        return None
    retry = httpx_retries.Retry(
        total=ATTEMPTS - 1, allowed_methods=["POST"], status_forcelist=RETRIED
    )
    transport = httpx_retries.RetryTransport(bench.transport(), retry)
    return keyed(bench, bench.client(transport))


def by_stamina(bench: Bench) -> Call:
    post, library = bench.client().post, bench.library
    failed = (library.TransportError, library.HTTPStatusError)
    retry = stamina.retry(on=failed, attempts=ATTEMPTS, wait_max=0)

    @retry
    def call(headers: dict[str, str]) -> Any:
        return post(PATH, json=CHARGE, headers=headers).raise_for_status()

    @retry
    async def acall(headers: dict[str, str]) -> Any:
        response = await post(PATH, json=CHARGE, headers=headers)
        return response.raise_for_status()

    return lambda: (acall if bench.kind else call)(new())


def by_tenacity(bench: Bench) -> Call:
    post = bench.client().post
    retrying = getattr(tenacity, f"{bench.kind}Retrying")(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_none(),
        retry=tenacity.retry_if_exception_type(bench.library.TransportError)
        | tenacity.retry_if_result(lambda each: each.status_code in RETRIED),
    )
    return lambda: retrying(post, PATH, json=CHARGE, headers=new())


def terms(bench: Bench) -> dict[str, Any]:
    """Give the shipped terms; where calls fail, some that never wait."""
    if len(bench.statuses) == 1:
        return {}
    return {
        "policy": samekey.RetryPolicy(wait=tenacity.wait_none()),
        "budget": samekey.RetryBudget(capacity=1e9, start=1e9),
    }


def by_client(bench: Bench) -> Call:
    return unkeyed(bench, samekey.wrap(bench.client(), **terms(bench)))


def by_transport(bench: Bench) -> Call:
    door = getattr(samekey, f"{bench.kind}Transport")
    return unkeyed(
        bench, bench.client(door(bench.transport(), **terms(bench)))
    )


HAND, LOOP, BARE = "keyed by hand", "loop by hand", "no key"
DOOR, FIRST_TRY = "samekey transport", "- its first try"
PLAIN = {HAND: keyed, BARE: unkeyed, "always one key": constant}
RETRYING: dict[str, Callable[[Bench], Call | None]] = {
    LOOP: loop,
    "httpx-retries": by_httpx_retries,
    "stamina": by_stamina,
    "tenacity": by_tenacity,
    "samekey client": by_client,
    DOOR: by_transport,
}


def table(cell: Sequence[str], url: str, options: argparse.Namespace) -> None:
    """Measure one library, sync or async, in one scenario; print it."""
    place, scenario, library, flavour = cell
    fails = scenario == "failure"
    blocks: dict[str, Callable[[], float]] = {}
    makers = {**({FIRST_TRY: by_transport} if fails else PLAIN), **RETRYING}
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        for name, make in makers.items():
            bench = Bench(
                importlib.import_module(library),
                runner if flavour == "async" else None,
                url if place == "loopback" else None,
                (503, 201) if fails and name != FIRST_TRY else (201,),
                ready=options.ready,
            )
            call = make(bench)
            if call is not None:
                stack.callback(bench.close)
                bench.check(call, has_key=name != BARE)
                blocks[name] = partial(bench.time, call, options.calls)
        rounds = options.runs * ROUNDS
        times = _bench.take_turns(blocks, rounds, collect=options.gc)
    base = times[LOOP if fails else HAND]
    print(f"\n{' '.join(cell):28}us{'ratio':>25}{'more':>20}{'quick':>8}")
    for name in makers:
        row = _bench.compare(times[name], base) if name in times else "    n/a"
        print(f"{name:18}", row)
    if fails:
        row = _bench.compare(times[DOOR], times[FIRST_TRY])
        print(f"{'to its first try':18}", row)


def main() -> None:
    """Print the tables that are asked for."""
    words = [word for names in DIMENSIONS for word in names]
    parser = argparse.ArgumentParser(description="Measure the overhead.")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--calls", type=int, default=10, help="in a block")
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument("--only", nargs="+", choices=words, default=words)
    parser.add_argument("--ready", action="store_true", help="bodies read")
    parser.add_argument("--gc", action="store_true", help="collect in blocks")
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    if min(options.runs, options.calls) < 1:
        parser.error("--runs and --calls must be at least 1")
    stamina.instrumentation.set_on_retry_hooks([])
    _bench.print_header()
    print(f"{options.runs} runs of {ROUNDS} blocks of {options.calls} calls")
    wanted = [[w for w in x if w in options.only] or x for x in DIMENSIONS]
    with _bench.server() as url:
        for cell in itertools.product(*wanted):
            if cell[:2] != ("loopback", "failure"):
                table(cell, url, options)


if __name__ == "__main__":
    main()
