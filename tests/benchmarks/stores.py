"""
Measure what a claim on a SQLiteStore costs, next to one bare fdatasync.

The files are made in --directory, by default the system's for temporary files:
it should be on the disk that is meant, for what is measured is mostly that
disk. One at a time, in turns and in a new order each round: *fdatasync* appends
512 bytes to a file and syncs it; *claim* records a new operation; *claim in a
full file* does so among --records others; *claim, known* finds one that is
answered, *complete* and *complete, durable* write an answer of 300 bytes. *us*
is the median of all blocks of --calls calls, in brackets the quartiles, and
*ratio* and *more* compare with the bare fdatasync of the same round. A claim
is meant to cost at most 1.35 x an fdatasync and 60 us more. Both files have
been through a checkpoint before; *claim, new log* tells what the first claims
after an open cost, while the log grows and each sync must record its length.

Then the throughput of --threads threads that claim, each its own operations,
as against one thread: at least 6 x is meant. *bare* is the same with an
fdatasync in the place of SQLite, and so what threads can reach on this machine
and disk. Last, how
long a sweep of 500 expired records takes in the full file, the longest of all:
under 50 ms.
"""

from __future__ import annotations

import argparse
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

import _bench
import attrs

from samekey.stores import Record, SQLiteStore
from samekey.stores._batch import GroupCommit, Ticket


NOW = 1_700_000_000.0
LEASE = 60.0
ROUNDS = 100
LINE = b"x" * 512
ANSWER = b"x" * 300
BATCH = 500
WARM = 400  # enough for a checkpoint

numbers = itertools.count()


def record() -> Record:
    """Make an operation like those that are journaled."""
    number = next(numbers)
    digest = f"{number * 2_654_435_761 % 2**32:08x}"  # ids are not in order
    return Record(
        id=f"{digest}/order-{number}/charge",
        key=f"{digest}-0000-4000-8000-{number:012d}",
        fingerprint=digest.encode() * 4,
        state="open",
        owner="host:4711",
        created=NOW,
        updated=NOW,
        expires=NOW + 1e9 + number,
        data=b'{"method":"POST","origin":"https://api.example.com"}',
    )


def claim(store: SQLiteStore) -> str:
    """Claim a new operation."""
    made = store.claim(record(), now=NOW, lease=LEASE)
    assert made.fresh
    return made.record.id


def fill(path: Path, count: int) -> None:
    """Put *count* records into a store's file, at one go."""
    rows = (
        attrs.astuple(
            attrs.evolve(record(), state="answered", expires=NOW + number)
        )
        for number in range(count)
    )
    connection = sqlite3.connect(path)
    with connection:
        names = ", ".join(each.name for each in attrs.fields(Record))
        marks = ", ".join("?" * len(attrs.fields(Record)))
        connection.executemany(
            f"INSERT INTO records ({names}) VALUES ({marks})",
            rows,
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
    empty: SQLiteStore, full: SQLiteStore, file: int, rounds: int, calls: int
) -> None:
    """Print what one call costs that nobody else competes with."""
    new_log = [timed(partial(claim, empty), 1) for _ in range(WARM // 2)]
    for store in (empty, full):
        timed(partial(claim, store), WARM)

    def sync() -> None:
        os.write(file, LINE)
        os.fdatasync(file)

    known = claim(full)
    full.complete(known, 1, state="answered", data=ANSWER, now=NOW)
    again = attrs.evolve(record(), id=known)
    write = partial(
        empty.complete,
        claim(empty),
        1,
        state="answered",
        data=ANSWER,
        now=NOW,
    )
    contestants: dict[str, Callable[[], object]] = {
        "fdatasync": sync,
        "claim": partial(claim, empty),
        "claim in a full file": partial(claim, full),
        "claim, known": partial(full.claim, again, now=NOW, lease=LEASE),
        "complete": write,
        "complete, durable": partial(write, durable=True),
    }
    blocks: dict[str, Callable[[], float]] = {
        name: partial(timed, call, calls) for name, call in contestants.items()
    }
    times = _bench.take_turns(blocks, rounds, collect=False)
    print(f"\n{'one at a time':24}us{'ratio':>25}{'more':>20}{'quick':>8}")
    for name in blocks:
        print(f"{name:22}", _bench.compare(times[name], times["fdatasync"]))
    print(f"{'claim, new log':22}{statistics.median(new_log):8.1f}")
    base, own = times["fdatasync"], times["claim"]
    over = statistics.median(
        y - 1.35 * x for x, y in zip(base, own, strict=True)
    )
    grown = statistics.median(
        y / x for x, y in zip(own, times["claim in a full file"], strict=True)
    )
    print(f"claim - 1.35 x fdatasync: {over:.1f} us (goal: at most 60)")
    print(f"claim in a full file: {grown:.2f} x a claim (goal: under 2)")


def crowd(call: Callable[[], object], threads: int, seconds: float) -> float:
    """Give how many calls a second so many threads make."""
    barrier = threading.Barrier(threads)

    def work(_: int) -> tuple[int, float, float]:
        barrier.wait()
        began = now = time.perf_counter()
        count = 0
        while now - began < seconds:
            call()
            count += 1
            now = time.perf_counter()
        return count, began, now

    with ThreadPoolExecutor(threads) as pool:
        told = list(pool.map(work, range(threads)))
    elapsed = max(each[2] for each in told) - min(each[1] for each in told)
    return sum(each[0] for each in told) / elapsed


def together(
    store: SQLiteStore, file: int, threads: int, rounds: int, seconds: float
) -> None:
    """Print the throughput of one thread and of many, in turns."""

    def sync(batch: list[Ticket[None]]) -> None:
        os.write(file, LINE * len(batch))
        os.fdatasync(file)

    group: GroupCommit[None] = GroupCommit(sync)

    def bare() -> None:
        group.submit(lambda nothing: record(), durable=True)

    calls: dict[str, Callable[[], object]] = {
        "SQLiteStore": partial(claim, store),
        "bare": bare,
    }
    blocks: dict[str, Callable[[], float]] = {
        f"{name}, {count}": partial(crowd, call, count, seconds)
        for name, call in calls.items()
        for count in (1, threads)
    }
    told = _bench.take_turns(blocks, rounds, collect=True)
    print(f"\n{'claims a second':24}{'one':>8}{threads:>8}   ratio")
    for name in calls:
        lone, many = told[f"{name}, 1"], told[f"{name}, {threads}"]
        ratio = statistics.median(
            y / x for x, y in zip(lone, many, strict=True)
        )
        print(
            f"{name:24}{statistics.median(lone):8.0f}"
            f"{statistics.median(many):8.0f}{ratio:8.2f}"
        )
    print("(goal: a ratio of at least 6)")


def sweeps(store: SQLiteStore, rounds: int) -> None:
    """Print how long sweeps take."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        if store.sweep(now=NOW + 1e8, limit=BATCH) < BATCH:
            break
        times.append((time.perf_counter() - began) * 1000)
    print(
        f"\nsweep of {BATCH}: {statistics.median(times):.1f} ms, at most"
        f" {max(times):.1f} ms, of {len(times)} (goal: under 50)"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the stores.")
    parser.add_argument("--directory", help="where the files are made")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--calls", type=int, default=5, help="in a block")
    parser.add_argument("--quick", action="store_true", help="a short run")
    options = parser.parse_args()
    rounds = ROUNDS // 5 if options.quick else ROUNDS
    _bench.print_header()
    with contextlib.ExitStack() as stack:
        directory = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(dir=options.directory)
            )
        )
        print(f"SQLite {sqlite3.sqlite_version}, {options.records:,} records")
        paths = [directory / name for name in ("empty.db", "full.db")]
        empty, full = (stack.enter_context(SQLiteStore(p)) for p in paths)
        fill(paths[1], options.records)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        file = os.open(directory / "file", flags)
        stack.callback(os.close, file)
        alone(empty, full, file, rounds, options.calls)
        seconds = 0.2 if options.quick else 0.5
        together(empty, file, options.threads, rounds // 10, seconds)
        sweeps(full, rounds)


if __name__ == "__main__":
    main()
