"""
Many processes claim the same operations, in one journal, at once.

    python tests/journal/many_processes.py [--processes 16] [--claims 20000]

Each process takes its share of the claims, at random, over a tenth as many
operations, with keys of its own, and completes most of what it is given; some
it leaves open, as a crash would, and some it gives back in doubt. It prints
how many operations were found under two keys, how many had no key, how many
errors reached a caller, and how fast it went: all but the last must be 0.
"""
# ruff: noqa: T201 -- it prints its figures

import argparse
import collections
import multiprocessing
import random
import sys
import tempfile
import time

import attrs

from samekey._intent import Intent, Wish
from samekey._kept import Kept
from samekey._message import Message
from samekey.journal import Journal
from samekey.stores import LateOwner


NOW = 1_700_000_000.0


def work(path, number, claims, ids, barrier):
    """Claim, and complete some; give each id with its key, and the errors."""
    dice = random.Random(number)
    told, errors = [], []
    steps = collections.Counter()
    journal = Journal(path)
    barrier.wait()
    for turn in range(claims):
        name = f"op:{dice.randrange(ids)}"
        now = NOW + turn / 10
        intent = Intent(
            id=name,
            key=f"{number}-{turn}-key",
            theirs=False,
            fingerprint=journal.fingerprint(name.encode()),
            named=True,
            force=False,
            retention=86_400.0,
            kept=Kept(operation=name),
        )
        try:
            wish = Wish(intent=intent, now=now, lease=dice.choice([0, 60]))
            begun = journal.begin(wish)
            told.append((name, begun.record.key))
            steps[begun.step] += 1
            if begun.step == "send":
                finish(journal, begun, dice.random(), now)
        except LateOwner:
            steps["late"] += 1
        except Exception as exc:  # noqa: BLE001 -- it is what is looked for
            errors.append(repr(exc))
    journal.close()
    return told, errors, steps


def finish(journal, begun, die, now):
    """Complete what was begun, in one way or another."""
    if die < 0.1:
        journal.let_go(begun)
        return
    state, status = "answered", 201
    if die < 0.3:
        state, status = "in_doubt", None
    elif die < 0.4:
        state, status = "not_executed", 429
    elif die < 0.5:
        status = 402
    kept = attrs.evolve(begun.kept, answer=Message(status=status, body=b"{}"))
    journal.complete(begun, state=state, kept=kept, now=now)


def run(processes, claims, directory=None):
    """Have them all claim; give the figures."""
    with tempfile.TemporaryDirectory(dir=directory) as name:
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager, context.Pool(processes) as pool:
            barrier = manager.Barrier(processes)
            share = claims // processes
            began = time.perf_counter()
            told = pool.starmap(
                work,
                [
                    (f"{name}/j.db", n, share, claims // 10, barrier)
                    for n in range(processes)
                ],
                chunksize=1,
            )
            elapsed = time.perf_counter() - began
        keys = collections.defaultdict(set)
        steps = collections.Counter()
        for pairs, _, counted in told:
            steps += counted
            for each, key in pairs:
                keys[each].add(key)
        journal = Journal(f"{name}/j.db")
        recorded = {each.id: each.key for each in journal.entries()}
        journal.close()
    errors = [error for _, found, _ in told for error in found]
    return {
        "processes": processes,
        "claims": sum(len(pairs) for pairs, _, _ in told),
        "operations": len(keys),
        "two keys": sum(len(found) > 1 for found in keys.values()),
        "another key": sum(
            keys[each] != {key} for each, key in recorded.items()
        ),
        "missing": len(keys.keys() - recorded.keys()),
        "errors": len(errors),
        **steps,
        "seconds": round(elapsed, 1),
    }, errors


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip())
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--directory")
    options = parser.parse_args()
    figures, errors = run(options.processes, options.claims, options.directory)
    print(", ".join(f"{value} {name}" for name, value in figures.items()))
    for error, count in collections.Counter(errors).most_common(5):
        print(count, error)
    names = ("two keys", "another key", "missing", "errors")
    sys.exit(1 if any(figures[name] for name in names) else 0)


if __name__ == "__main__":
    main()
