"""
Try the default retry policy and retry budget in an outage, and print tables.

A discrete-event simulation. One FIFO server gets an open-loop load of 70 % of
its capacity, which drops to 10 % for 30 s. It works on abandoned requests too:
so an overload can outlive its cause. Clients give up on an attempt after 1 s.
Calls are spread over processes, each with its own bucket, that began 40 s
before the outage: of 20 each has filled its bucket by then, of 500 each has
earned about one token; 500 that ran for long are the rows that start at 10.
*start 3* is the default, *0.2 s* a shorter wait; the control has no budget.

- *queueing* takes everything in, so that each failure is a timeout.
- *refusing* answers 503, at once and at no cost, when its queue is full.
- *light* is no overload: requests fail at random, half of them by timeout.
  *lone*: attempts of a new process's first call if it always fails; *cold*:
  share of first calls unanswered; *wait*: mean of calls that were sent again.

*amplified* and *answered*, a share, are of operations begun in the outage;
*peak* is the busiest second over normal; *recover* lasts until 99 % of a
second's attempts are answered, inf if over 240 s. The exit status is 1 if the
control looks no worse than the default, or if a lone call lacks a retry.
These figures rank policies; they predict no site.
"""

import argparse
import datetime as dt
import functools
import heapq
import itertools
import math
import os
import platform
import random
import time

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib.metadata import distributions
from statistics import fmean, median

import attrs


# The policies on trial. Waits: the longest after a first attempt, doubled for
# each later one, and the least share of it that is waited (0 is full jitter).
ATTEMPTS = 4
WAITS = {"status": (0.5, 0.0), "unknown": (1.0, 0.5)}
SHORT_WAITS = {"status": (0.2, 0.0), "unknown": (0.2, 0.0)}
CAP = 20.0
BUCKET = 10.0
START = 3.0
PER_SUCCESS = 0.1

# The world they are tried in.
CAPACITY = 200.0
LOAD = 0.7 * CAPACITY
LEFT = 0.1
WARM_UP = 40.0
OUTAGE = 30.0
END = WARM_UP + OUTAGE
SETTLED = END + 40.0  # By then each operation of the outage has ended.
HORIZON = 310.0
TIMEOUT = 1.0
SERVERS = {"queueing": math.inf, "refusing": 15.0}  # Requests that may wait.
FLEETS = (20, 500)
HEALTHY = 0.99
TROUBLE = 0.02
CALLS = 40_000

CONTROL, DEFAULT = "control: no budget", f"start {START:g}"
STARTS = {CONTROL: math.inf, "start 0": 0.0, "start 1": 1.0, DEFAULT: START}
STARTS["start 10"] = BUCKET
OUTAGE_COLUMNS = "  amplified     peak x  recover s   answered"
LIGHT_COLUMNS = "       lone       cold     steady     wait s"


@attrs.frozen(kw_only=True)
class Policy:
    """A row of the tables; an infinite *start* is no budget."""

    name: str
    start: float = math.inf
    attempts: int = ATTEMPTS
    waits: dict[str, tuple[float, float]] = WAITS

    def wait(self, failure: str, attempt: int, dice: random.Random) -> float:
        """Draw the wait between a *failure* and the next attempt."""
        first, least = self.waits[failure]
        return min(CAP, first * 2.0 ** (attempt - 1)) * dice.uniform(least, 1)


LONG = [Policy(name=name, start=start) for name, start in STARTS.items()]
SHORT = [
    attrs.evolve(each, name=f"{each.name}, 0.2 s", waits=SHORT_WAITS)
    for each in LONG
]
POLICIES = [Policy(name="no retry", attempts=1), *LONG, *SHORT]


@attrs.define
class Bucket:
    """What a process may still resend."""

    tokens: float

    def earn(self) -> None:
        """Add the share of one success."""
        if self.tokens < BUCKET:
            self.tokens = min(BUCKET, self.tokens + PER_SUCCESS)

    def spend(self) -> bool:
        """Take a token for a resend, if there is a whole one."""
        whole = self.tokens > 1 - 1e-9  # Ten times 0.1 is just under 1.
        self.tokens -= whole
        return whole


@attrs.define
class Server:
    """A FIFO queue in an outage; its unit of work is a request."""

    limit: float
    taken: float = 0.0

    def take(self, now: float, work: float) -> tuple[float, str]:
        """Take in a request; say when and how its attempt ends."""
        lost = (1 - LEFT) * min(max(now - WARM_UP, 0), OUTAGE)
        done = CAPACITY * (now - lost)
        if self.taken - done > self.limit:
            return now, "status"
        self.taken = max(self.taken, done) + work
        at = self.taken / CAPACITY  # As if there were no outage.
        if at > WARM_UP:
            at = min(WARM_UP + (at - WARM_UP) / LEFT, at + (1 - LEFT) * OUTAGE)
        if at > now + TIMEOUT:
            return now + TIMEOUT, "unknown"
        return at, "answered"


def outage(size: int, limit: float, policy: Policy, seed: int) -> list[float]:
    """Run one outage: amplification, peak, recovery, share answered."""
    # Streams of their own, so that all policies meet the same arrivals.
    arrivals, works, jitter = (random.Random(f"{seed}/{i}") for i in range(3))
    server, order = Server(limit), itertools.count()
    fleet = [Bucket(policy.start) for _ in range(size)]
    events: list[tuple[float, int, str, Bucket, bool, int]] = []
    begun = sent = answered = peak = sends = good = second = 0
    arrival, recovery = 0.0, math.inf
    while True:
        if not events or arrival < events[0][0]:
            now, what, attempt = arrival, "send", 1
            bucket, counts = arrivals.choice(fleet), WARM_UP <= now < END
            begun += counts
            arrival += arrivals.expovariate(LOAD)
        else:
            now, _, what, bucket, counts, attempt = heapq.heappop(events)
        if int(now) > second:  # A second is over: how was it?
            peak = max(peak, sends)
            if second >= END and good >= HEALTHY * sends:
                recovery = min(recovery, second - END)
            if now > (HORIZON if recovery == math.inf else SETTLED):
                return [sent / begun, peak / LOAD, recovery, answered / begun]
            second, sends, good = int(now), 0, 0
        if what == "answered":
            bucket.earn()
            answered += counts
            continue
        if what == "send":
            sends, sent = sends + 1, sent + counts
            at, what = server.take(now, works.expovariate(1))
            good += what == "answered"
        elif attempt < policy.attempts and bucket.spend():
            at, what = now + policy.wait(what, attempt, jitter), "send"
            attempt += 1
        else:
            continue
        event = (at, next(order), what, bucket, counts, attempt)
        heapq.heappush(events, event)


def call(
    policy: Policy, bucket: Bucket, trouble: float, dice: random.Random
) -> tuple[bool, int, float]:
    """Make a call: is it lost, after how many attempts, how long waited."""
    attempt, waited = 1, 0.0
    while dice.random() < trouble:
        if attempt == policy.attempts or not bucket.spend():
            return True, attempt, waited
        waited += policy.wait(dice.choice(list(WAITS)), attempt, dice)
        attempt += 1
    bucket.earn()
    return False, attempt, waited


def light(policy: Policy, seed: int) -> list[float]:
    """Run light trouble: lone attempts, share lost cold and steady, wait."""
    dice, bucket = random.Random(seed), Bucket(policy.start)
    lone = call(policy, attrs.evolve(bucket), 1, dice)[1]
    run = functools.partial(call, policy, trouble=TROUBLE, dice=dice)
    cold = [run(bucket=Bucket(policy.start)) for _ in range(CALLS)]
    steady = [run(bucket=bucket) for _ in range(2 * CALLS)][CALLS:]
    waits = [waited for _, attempts, waited in steady if attempts > 1] or [0]
    lost = [fmean(one[0] for one in calls) for calls in (cold, steady)]
    return [lone, *lost, fmean(waits)]


def table(
    pool: Executor, seeds: int, run: Callable[[Policy, int], list[float]]
) -> dict[str, list[float]]:
    """Run every policy; print and return the medians."""
    runs = [pool.map(run, [each] * seeds, range(seeds)) for each in POLICIES]
    rows: dict[str, list[float]] = {}
    for policy, results in zip(POLICIES, runs, strict=True):
        row = [median(column) for column in zip(*results, strict=True)]
        print(f"{policy.name:27}", *(f"{cell:11.3g}" for cell in row))
        rows[policy.name] = row
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print everything; return the exit status."""
    parser = argparse.ArgumentParser(description="Simulate retry storms.")
    parser.add_argument("--seeds", type=int, default=11)
    parser.add_argument("--quick", action="store_true", help="one seed")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    seeds, began = 1 if options.quick else options.seeds, time.monotonic()
    print(dt.datetime.now(dt.UTC).date(), platform.platform(), sep=", ")
    print(os.cpu_count(), "CPUs, Python", platform.python_version(), end=", ")
    found = [each.version for each in distributions(name="samekey")]
    print("samekey", *found, f"(medians of {seeds} seeds)")
    bad = False
    with ProcessPoolExecutor() as pool:
        for (kind, limit), size in itertools.product(SERVERS.items(), FLEETS):
            print(f"\n{kind}, {size:3} processes    {OUTAGE_COLUMNS}")
            rows = table(pool, seeds, functools.partial(outage, size, limit))
            # Refusals are free, so there even the control recovers.
            for column in range(3 if limit == math.inf else 2):
                bad |= rows[CONTROL][column] <= rows[DEFAULT][column]
        print(f"\nlight, {TROUBLE:3.0%} of requests   {LIGHT_COLUMNS}")
        rows = table(pool, seeds, light)
    bad |= rows[DEFAULT][0] != ATTEMPTS
    print(f"\n{time.monotonic() - began:.0f} s,", "FAILED" if bad else "ok")
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
