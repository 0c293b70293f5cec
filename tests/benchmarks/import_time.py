"""
Compare the start of a process that imports samekey with one that imports httpx.

Times are of the whole process, from start to end, in milliseconds: the median
of --runs and its quartiles. The programs take turns, in a new order each
round. *ratio* and *more* compare with the 1.00 row of the same round, *quick*
the lowest deciles, which a busy machine disturbs least. Then it is checked
which modules are loaded, and the exit status is 1 if one is that must not be.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from functools import partial

import _bench


HTTPX, HTTPX2 = "import httpx", "import httpx2"
CLIENT = "import samekey; samekey.Client"
CLIENT2 = "import samekey.httpx2; samekey.httpx2.Client"
PAIRS = ((HTTPX, CLIENT), (HTTPX2, CLIENT2))

# What each program must leave unloaded.
UNLOADED = {
    "import samekey": ("httpx", "httpx2", "tenacity", "anyio", "trio"),
    CLIENT: ("httpx2", "tenacity", "anyio", "trio"),
    CLIENT2: ("httpx", "tenacity", "anyio", "trio"),
}


def milliseconds(program: str) -> float:
    """Give the time that a process takes to run *program*."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - began) * 1000


def loaded(program: str) -> set[str]:
    """Give the names of the modules that are loaded after *program*."""
    told = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(told.stdout.split())


def main() -> int:
    """Print times and checks; return 1 if a check fails."""
    parser = argparse.ArgumentParser(description="Measure the import.")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="three runs")
    options = parser.parse_args()
    runs = 3 if options.quick else options.runs
    _bench.print_header()
    print(f"{runs} runs, whole processes\n")
    programs = ["pass", *(each for pair in PAIRS for each in pair)]
    times = _bench.take_turns(
        {each: partial(milliseconds, each) for each in programs},
        runs,
        collect=True,
    )
    print(f"{'':46}ms{'ratio':>25}{'more':>20}{'quick':>8}")
    print(f"{'pass':44}", _bench.compare(times["pass"], times[HTTPX]))
    for base, own in PAIRS:
        for each in (base, own):
            row = _bench.compare(times[each], times[base])
            print(f"{each:44}", row)
    print()
    bad = False
    for program, names in UNLOADED.items():
        found = loaded(program)
        there = [each for each in names if each in found]
        bad |= bool(there)
        said = f"LOADED: {', '.join(there)}" if there else "not loaded"
        print(f"{program:44} {len(found):4} modules;", *names, said)
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
