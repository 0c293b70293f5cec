"""
Play one mode: a server, a client, all the orders.
"""

from __future__ import annotations

import asyncio
import collections
import tempfile
import time

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from samekey._demo.modes import Way
from samekey._demo.scenario import IN_FLIGHT, Order, Script
from samekey._demo.tally import Row, Told, tally
from samekey.testing import Fault, FaultServer, PaymentsApp


@attrs.frozen
class Result:
    """The row of one mode, and the faults that it met."""

    row: Row
    faults: tuple[Fault, ...] = attrs.field(kw_only=True)


async def play(
    way: Way,
    orders: Sequence[Order],
    *,
    seed: int,
    settled: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
) -> Result:
    """
    Pay *orders* on a server of their own, 32 at a time.

    Args:
        settled: Called after each order.
    """
    told: dict[str, Told] = {}
    script = Script(seed)
    with (
        # Only this user can enter it.
        tempfile.TemporaryDirectory(prefix="samekey-demo-") as directory,
        PaymentsApp(Path(directory, "ledger.db")) as app,
    ):
        with FaultServer(app, script) as server:
            started = clock()
            async with way.client(server.url) as client:
                rest = iter(orders)

                async def work() -> None:
                    for order in rest:
                        told[order.reference] = await way.pay(client, order)
                        settled()

                async with asyncio.TaskGroup() as group:
                    for _ in range(IN_FLIGHT):
                        group.create_task(work())
            seconds = clock() - started
        # The server is gone, so whatever still ran has ended.
        charged = collections.Counter(c.reference or "" for c in app.ledger())
    row = tally(
        way.mode,
        orders,
        charged=charged,
        told=told,
        requests=len(server.requests),
        seconds=seconds,
    )
    return Result(row, faults=tuple(script.drawn))
