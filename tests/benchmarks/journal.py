"""
Measure what the journal adds to a call.

The files are made in --directory, by default the system's for temporary files:
it should be on the disk that is meant, for most of it is that disk. All
clients send to a transport without I/O. One at a time, in turns and in a new
order each round: *fdatasync* appends 512 bytes to a file and syncs it; *raw*
is an httpx call; *named* one through samekey with an operation id and no
journal; *journaled* the same with a journal, each a new operation; *in a full
file* among --records others; *repeat* is a call that the journal answers; in *sync, named*
an fdatasync comes before each named call, which then finds the processor's
caches cold: what no journal can be cheaper than.
*us* is the median of all blocks, in brackets the quartiles.

What the journal adds is *journaled* less *named*: at most 1.35 x an fdatasync
and 60 us are meant, with one sync in all. To count syncs:

    strace -f -c -e trace=fsync,fdatasync python tests/benchmarks/journal.py \
        --syncs 1000

Then the throughput of claims, the journal alone, each time on a new file:
--threads threads, and as many asyncio tasks by the way that an async driver
takes, as against one at a time; at least 6 x is meant. *in memory* is the same
with a store that does no I/O: the most that so many threads can do in this
interpreter. Last, how long the list of what is open takes in the full file,
and the batches of a purge: under 50 ms each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import sqlite3
import statistics
import tempfile
import threading
import time

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import _bench
import attrs
import httpx

import samekey

from samekey._gathering import gatherer_of
from samekey._intent import Intent, Wish, record_id
from samekey._kept import Kept
from samekey.journal import Journal
from samekey.stores import MemoryStore, Record


ROUNDS = 30
LINE = b"x" * 512
BATCH = 500
MANY = 1_000_000

Measure = Callable[[Journal, int, float], float]

numbers = itertools.count()


def name() -> str:
    """Make the id of a new operation."""
    return f"order-{next(numbers)}/charge"


def post(client: Any, operation: str | None = None) -> Any:
    """Pay, perhaps under a name."""
    if operation is None:
        return client.post(_bench.PATH, json=_bench.CHARGE)
    return client.post(_bench.PATH, json=_bench.CHARGE, operation=operation)


def wrapped(journal: Journal | None) -> Any:
    """Make a client over a transport without I/O."""
    bench = _bench.Bench(library=httpx)
    return samekey.wrap(bench.client(), journal=journal)


def fill(path: Path, count: int) -> None:
    """Put *count* answered operations into a journal's file, at one go."""
    journal = Journal(path)
    post(wrapped(journal), name())
    [made] = journal.store.scan()
    journal.close()
    now = time.time()

    def rows() -> Any:
        for number in range(count):
            yield attrs.astuple(
                attrs.evolve(
                    made,
                    id=record_id(samekey.Operation(name()), None),
                    expires=now + 1e6 + number,
                )
            )

    connection = sqlite3.connect(path)
    with connection:
        marks = ", ".join("?" * len(attrs.fields(Record)))
        names = ", ".join(each.name for each in attrs.fields(Record))
        connection.executemany(
            f"INSERT INTO records ({names}) VALUES ({marks})", rows()
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def timed(call: Callable[[], object], calls: int) -> float:
    """Give the time of one of *calls*, in us."""
    began = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - began) / calls / 1000


def alone(
    empty: Journal, full: Journal, file: int, rounds: int, calls: int
) -> None:
    """Print what one call costs that nobody else competes with."""

    def sync() -> None:
        os.write(file, LINE)
        os.fdatasync(file)

    def both() -> None:
        sync()
        post(plain, name())

    plain, own, busy = wrapped(None), wrapped(empty), wrapped(full)
    raw = _bench.Bench(library=httpx).client()
    known = name()
    post(own, known)
    contestants: dict[str, tuple[Callable[[], object], int]] = {
        "fdatasync": (sync, calls),
        "raw": (lambda: post(raw), calls),
        "named": (lambda: post(plain, name()), calls),
        "sync, named": (both, calls),
        "journaled": (lambda: post(own, name()), calls),
        "in a full file": (lambda: post(busy, name()), calls),
        "repeat": (lambda: post(own, known), calls),
    }
    blocks: dict[str, Callable[[], float]] = {
        key: partial(timed, *value) for key, value in contestants.items()
    }
    times = _bench.take_turns(blocks, rounds, collect=False)
    print(f"\n{'one at a time':16}us")
    for key in blocks:
        print(
            f"{key:14}"
            + "{:8.1f} [{:7.1f} {:7.1f}]".format(*_bench.spread(times[key]))
        )
    rows = zip(
        times["fdatasync"], times["named"], times["journaled"], strict=True
    )
    over = statistics.median(z - y - 1.35 * x for x, y, z in rows)
    print(f"added - 1.35 x fdatasync: {over:.1f} us (goal: at most 60)")
    bare = zip(
        times["fdatasync"], times["named"], times["sync, named"], strict=True
    )
    least = statistics.median(z - y - 1.35 * x for x, y, z in bare)
    print(f"the same of sync, named: {least:.1f} us")
    for one, other, goal in (
        ("in a full file", "journaled", "under 2"),
        ("repeat", "raw", "at most 0.8"),
    ):
        ratio = statistics.median(
            x / y for x, y in zip(times[one], times[other], strict=True)
        )
        print(f"{one} / {other}: {ratio:.2f} (goal: {goal})")


def wish(now: float, lease: float) -> Wish:
    """Make what a new operation asks for."""
    operation = samekey.Operation(name())
    return Wish(
        intent=Intent(
            id=record_id(operation, None),
            key=f"key-{operation.id}",
            theirs=False,
            fingerprint=b"x" * 32,
            named=True,
            force=False,
            retention=3600.0,
            kept=Kept(operation=operation.id, method="POST"),
        ),
        now=now,
        lease=lease,
    )


def crowd(journal: Journal, threads: int, seconds: float) -> float:
    """Give how many claims a second so many threads make."""
    barrier = threading.Barrier(threads)
    now = time.time()

    def work(_: int) -> int:
        barrier.wait()
        began = time.perf_counter()
        for count in itertools.count(1):
            journal.begin(wish(now, 60.0))
            if time.perf_counter() - began >= seconds:
                return count
        raise AssertionError

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        told = list(pool.map(work, range(threads)))
    return sum(told) / (time.perf_counter() - began)


def tasks(journal: Journal, count: int, seconds: float) -> float:
    """Give how many claims a second so many tasks make."""

    async def main() -> float:
        gatherer = gatherer_of(
            journal, lambda wishes: journal.do_all((), wishes)[1]
        )
        began = time.perf_counter()
        now = time.time()

        async def work() -> int:
            for done in itertools.count(1):
                await gatherer.do(wish(now, 60.0))
                if time.perf_counter() - began >= seconds:
                    return done
            raise AssertionError

        told = await asyncio.gather(*(work() for _ in range(count)))
        return sum(told) / (time.perf_counter() - began)

    return asyncio.run(main())


def together(directory: Path, threads: int, rounds: int) -> None:
    """Print the throughput of one and of many, in turns."""
    files = itertools.count()

    def on_disk() -> Journal:
        return Journal(directory / f"new-{next(files)}.db")

    kinds: tuple[tuple[str, Measure, Callable[[], Journal]], ...] = (
        ("claims, threads", crowd, on_disk),
        ("claims, tasks", tasks, on_disk),
        ("in memory, threads", crowd, lambda: Journal(MemoryStore(MANY))),
    )
    print(f"\n{'a second':18}{'one':>8}{threads:>8}{'ratio':>8} (goal: 6)")
    for kind, measure, make in kinds:
        pairs = []
        for _ in range(rounds):
            journal = make()
            pairs.append([measure(journal, n, 0.5) for n in (1, threads)])
            journal.close()
        lone, many = (
            statistics.median(each) for each in zip(*pairs, strict=True)
        )
        ratio = statistics.median(y / x for x, y in pairs)
        print(f"{kind:18}{lone:8.0f}{many:8.0f}{ratio:8.2f}")


def listing(journal: Journal) -> None:
    """Print how long the list of what is open takes, and a purge."""
    now = time.time()
    for _ in range(50):
        journal.begin(wish(now, 0.0))
    began = time.perf_counter()
    found = sum(1 for _ in journal.entries(state="open"))
    elapsed = (time.perf_counter() - began) * 1000
    print(f"\nlist of {found} open ones: {elapsed:.1f} ms")
    times = []
    while True:
        began = time.perf_counter()
        if not journal.store.sweep(now=now + 1e9, limit=BATCH):
            break
        times.append((time.perf_counter() - began) * 1000)
    print(
        f"purge, a batch of {BATCH}: {statistics.median(times):.1f} ms, at"
        f" most {max(times):.1f} ms, of {len(times)} (goal: under 50)"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the journal.")
    parser.add_argument("--directory", help="where the files are made")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--calls", type=int, default=30, help="in a block")
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--syncs", type=int, help="only make so many calls")
    options = parser.parse_args()
    rounds = ROUNDS // 5 if options.quick else ROUNDS
    with contextlib.ExitStack() as stack:
        directory = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(dir=options.directory)
            )
        )
        if options.syncs:
            client = wrapped(Journal(directory / "syncs.db"))
            for _ in range(options.syncs):
                post(client, name())
            return
        _bench.print_header()
        print(f"SQLite {sqlite3.sqlite_version}, {options.records:,} records")
        fill(directory / "full.db", options.records)
        empty, full = (
            Journal(directory / each) for each in ("empty.db", "full.db")
        )
        stack.callback(empty.close)
        stack.callback(full.close)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        file = os.open(directory / "file", flags)
        stack.callback(os.close, file)
        alone(empty, full, file, rounds, options.calls)
        together(directory, options.threads, 3 if options.quick else 5)
        listing(full)


if __name__ == "__main__":
    main()
