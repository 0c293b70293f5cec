"""
Run a function against every fault, at every point of every attempt.

The function is given an `IdempotentTransport` and sends through it. First it
runs twice with no fault: that shows what is right. Then it runs once for each
schedule, that is a list of faults, one a request. Schedules come by the number
of their faults, so the first that is found is the shortest. A schedule grows
only at requests that were really made, so none is tried in vain. Besides,
each fault comes alone for ever, and after each other one: only then a client
gives up.

The clock is a `FakeClock` for all clients of samekey, so nothing waits. Their
log is silent meanwhile.
"""

from __future__ import annotations

import collections
import itertools

from collections.abc import Iterable, Iterator, Sequence

import attrs

from ._bench import Bench, FaultFound, Function, Schedule
from ._faults import Fault
from ._idempotent import Handler
from ._told import Tell


FAULTS: Sequence[Fault] = (
    Fault.lose_answer(),
    Fault.lose_request(),
    Fault.status(503, executed=True),
    Fault.status(503),
    Fault.lose_answer(reset=True),
    Fault.cut(),
    Fault.refuse(),
)
"""What `explore` tries by default."""


@attrs.frozen
class Exploration:
    """
    What was tried, when nothing was found.

    Attributes:
        runs: How often the function ran.

        requests: How many requests it sent in all.

        complete: Whether every schedule was tried; if not, *bound* ended it.
    """

    runs: int
    requests: int = attrs.field(kw_only=True)
    complete: bool = attrs.field(kw_only=True)


def explore(
    call: Function,
    *,
    attempts: int = 3,
    faults: Iterable[Fault] | None = None,
    bound: int = 2_000,
    handler: Handler | None = None,
    told: Tell | None = None,
    backend: str = "asyncio",
) -> Exploration:
    """
    Run *call* against every fault, and raise at the first that does harm.

        def pay(transport):
            client = samekey.Client(base_url=URL, transport=transport)
            return client.post("/payments", json=CHARGE).status_code

        explore(pay)

    Args:
        call: Sends one piece of work through the transport that it is given,
            by a client that it makes anew; sync or async. It must send the
            same requests each time, at a time: what it stores must be new in
            each run, and what it waits must be samekey's own waits.

        attempts: How many of its first requests are broken, in every
            combination.

        faults: What to break them by. Default `FAULTS`.

        bound: The most runs.

        handler: Answers in place of the default of `IdempotentTransport`. It
            must not remember anything from run to run.

        told: Is given the result or the exception, and says what it tells a
            caller: `"done"`, `"failed"` or `"in_doubt"`. Default: `InDoubt`
            and what the library raises for a request without an answer are
            doubt, so is a status of 408 or 500 and up; any other exception is
            a failure, and so is a result that differs from the one with no
            fault.

        backend: What runs an async *call*: `"asyncio"` or `"trio"`. The test
            itself must not be async.

    Raises:
        FaultFound: An AssertionError: something was executed twice, or was
            lost, or the caller was told what is not so. Its message shows the
            attempts, and ends with a script that replays them.

        ValueError: If an argument is out of range, or *call* executed nothing
            through the transport, so that nothing can be shown.
    """
    if attempts < 1 or bound < 1:
        name, got = (
            ("attempts", attempts) if attempts < 1 else ("bound", bound)
        )
        msg = f"{name} must be at least 1, got {got}"
        raise ValueError(msg)
    chosen = FAULTS if faults is None else tuple(faults)
    bench = Bench(call, handler, told, backend)
    bench.set_up()
    late: FaultFound | None = None
    complete = True
    for schedule, rest in _schedules(bench, chosen, attempts):
        if bench.runs >= bound:
            complete = False
            break
        found = bench.examine(schedule, rest)
        if found is not None and found.kind != "two_keys":
            raise found
        late = found if late is None else late
    if late is not None:
        raise late
    return Exploration(bench.runs, requests=bench.requests, complete=complete)


def replay(
    call: Function,
    faults: Iterable[Fault | None],
    *,
    handler: Handler | None = None,
    told: Tell | None = None,
    backend: str = "asyncio",
) -> Exploration:
    """
    Run *call* against one schedule, as `explore` would.

    Args:
        faults: A fault or None for each request, in order.

        call: As for `explore`, and so are the others.

    Raises:
        FaultFound: As `explore` does.
    """
    bench = Bench(call, handler, told, backend)
    bench.set_up()
    found = bench.examine(tuple(faults))
    if found is not None:
        raise found
    return Exploration(bench.runs, requests=bench.requests, complete=True)


def _schedules(
    bench: Bench, faults: Sequence[Fault], attempts: int
) -> Iterator[tuple[Schedule, Fault | None]]:
    """Give each schedule once: its beginning, and what comes for ever."""
    waiting: collections.deque[Schedule] = collections.deque([()])
    while waiting:
        done = waiting.popleft()
        # It has been tried by now: what it reached is known.
        reached = bench.reached.pop(done)
        for point in range(len(done), min(reached, attempts)):
            before = (*done, *[None] * (point - len(done)))
            for fault in faults:
                waiting.append((*before, fault))
                yield waiting[-1], None
        if done == ():
            for point in range(reached):
                before = (None,) * point
                yield from ((before, each) for each in faults)
                for one, two in itertools.permutations(faults, 2):
                    yield (*before, one), two
