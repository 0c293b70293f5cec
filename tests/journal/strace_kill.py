"""
Kill a process that pays at every system call that writes, by strace.

    python tests/journal/strace_kill.py [--every 4]

As `every_kill.py`, whose scenarios these are, but the kills are at the system
calls that make, write, sync, cut and remove files: so also in the middle of a
commit, a checkpoint or a migration. A child stops itself, strace attaches to
it and lets it go on, and sends SIGKILL as the n-th call of one kind begins.

Then the same calls fail, one at a time, with EIO, ENOSPC, EMFILE or EACCES.
Here nothing that raised a `JournalError` may have been sent.

It prints the same figures, which are to be 0. It needs strace, and the right
to trace; without them it says so and does nothing.
"""
# ruff: noqa: T201 -- it prints its figures

import argparse
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from pathlib import Path

import attrs

from every_kill import (
    NAMES,
    SCENARIOS,
    Case,
    Steps,
    client_of,
    figures_of,
    journal_of,
    pay,
    payments,
    warm_up,
)

import samekey

from samekey.stores import StoreError


CALLS = (
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
)
ERRORS = {
    "openat": ("EMFILE", "EACCES"),
    "write": ("EIO", "ENOSPC"),
    "pwrite64": ("EIO", "ENOSPC"),
    "fsync": ("EIO",),
    "fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO",),
    "unlink": ("EACCES",),
}


def traced(*options):
    """Make a way to run a child that strace attaches to."""

    def run(work):
        def stopped():
            os.kill(os.getpid(), signal.SIGSTOP)
            work()

        pid = os.fork()
        if pid == 0:
            os._exit(in_process(stopped))
        os.waitpid(pid, os.WUNTRACED)
        with subprocess.Popen(
            ["strace", "-f", "-qqq", *options, "-p", str(pid)],
            stderr=subprocess.PIPE,
            text=True,
        ) as strace:
            wait_until_traced(pid, strace)
            os.kill(pid, signal.SIGCONT)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return run


def in_process(work):
    """Do *work* in this process; give its exit code."""
    try:
        work()
    except BaseException as exc:  # noqa: BLE001 -- a child ends here
        print(repr(exc), file=sys.stderr, flush=True)
        return 1
    return 0


def wait_until_traced(pid, strace):
    """Wait until strace has attached."""
    status = Path(f"/proc/{pid}/status")
    while strace.poll() is None:
        tracer = re.search(r"TracerPid:\t(\d+)", status.read_text())
        if tracer and tracer[1] != "0":
            return
        time.sleep(0.001)
    msg = f"strace must attach, and said: {strace.stderr.read()}"
    raise SystemExit(msg)


@attrs.frozen(kw_only=True)
class Failing(Case):
    """One call that fails, instead of a kill."""

    def first(self):
        """Pay, and check that nothing is sent that raised a JournalError."""
        steps = Steps()
        try:
            journal = journal_of(self.path, steps)
        except (samekey.JournalError, StoreError):
            return
        client = client_of(journal, self.url, steps)
        if self.scenario in {"recovery", "migration"}:
            # It stops where the journal fails.
            with contextlib.suppress(StoreError, samekey.JournalError):
                client.recover()
        else:
            for name in self.names:
                before = steps.seen.count("before send")
                try:
                    pay(client, name)
                except samekey.JournalError:
                    assert before == steps.seen.count("before send")
        with contextlib.suppress(sqlite3.Error):
            journal.close()


def count(case, call):
    """Count how often a scenario makes a system call."""
    with tempfile.TemporaryDirectory(prefix="count-") as name:
        found = Path(name) / "count"
        run = traced("-e", f"trace={call}", "-o", str(found))
        errors, _ = case.run(run)
        assert not errors, errors
        return len(re.findall(rf"\b{call}\(", found.read_text()))


def inject(url, directory, scenario, every, *, failing):
    """Kill, or fail, at each call of each kind; print the figures."""
    cls = Failing if failing else Case
    number = 0
    all_names, errors, told = [], [], []
    for call in CALLS:

        def case_of(number):
            kind = "failing" if failing else "kill"
            start = f"{kind}-{scenario}-{number}"
            names = tuple(f"{start}-{name}" for name in NAMES)
            all_names.extend(names)
            return cls(
                scenario=scenario,
                url=url,
                path=Path(),
                names=names,
                kill_at=0 if failing else -1,
                planted=False,
            )

        number += 1
        total = count(attrs.evolve(case_of(number), kill_at=0), call)
        done = 0
        for turn in range(1, total + 1, every):
            for error in ERRORS[call] if failing else ("KILL",):
                number += 1
                how = f"error={error}" if failing else "signal=KILL"
                run = traced(
                    "-o",
                    os.devnull,
                    "-e",
                    f"trace={call}",
                    "-e",
                    f"inject={call}:{how}:when={turn}",
                )
                found, _ = case_of(number).run(run)
                errors += found
                done += 1
        told.append(f"{call} {done}")
    figures = figures_of(directory, all_names)
    shown = ", ".join(f"{v} {k}" for k, v in figures.items())
    print(
        f"{'failed' if failing else 'killed'}, {scenario}: {', '.join(told)};"
        f" {shown}, {len(errors)} errors",
        flush=True,
    )
    return sum(figures.values()) - figures["operations"] + len(errors)


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip())
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    if shutil.which("strace") is None:
        print("strace is not here: nothing was killed")
        return
    warm_up()
    began = time.monotonic()
    wrong = 0
    with payments() as (url, directory):
        for failing in (False, True):
            # What fails, fails alone: of tasks it is tested elsewhere.
            for scenario in SCENARIOS[: 4 if failing else 5]:
                wrong += inject(
                    url, directory, scenario, options.every, failing=failing
                )
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
