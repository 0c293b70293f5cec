"""
The command line: `samekey demo`, `samekey journal` and `samekey profiles`.

click and rich come with the extra `cli`. Without them `main` says so, which
is why the commands stand beside the imports, and the rest imports rich late.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import json
import secrets
import sys

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

from samekey._demo.modes import WAYS, Way
from samekey._demo.run import Result, play
from samekey._demo.scenario import IN_FLIGHT, RATE, orders
from samekey._demo.tally import Mode, Row, keeps_promise


if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

try:
    import click

    from rich.console import Console
except ModuleNotFoundError:

    def _say_what_is_missing() -> None:
        sys.stderr.write("samekey needs: pip install 'samekey[cli]'\n")
        sys.exit(2)

    main: Callable[[], object] = _say_what_is_missing
else:
    from samekey._journal_cli import journal
    from samekey._shown_profiles import profiles

    @click.group(name="samekey")
    def group() -> None:
        """One operation, one key: retries for httpx that do not act twice."""

    @group.command()
    @click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=lambda: secrets.randbelow(1_000_000),
        show_default="drawn and printed",
        help="Decides amounts and faults.",
    )
    @click.option(
        "--charges",
        type=click.IntRange(min=1),
        default=1_000,
        show_default=True,
        help="How many to make in each mode.",
    )
    @click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object."
    )
    def demo(seed: int, charges: int, *, as_json: bool) -> None:
        """
        Make the same charges three ways, and count them in the ledger.

        A payments server on this machine fails on purpose. The charges go to
        it without retries, with plain retries, and with samekey. The exit
        status is 1 if samekey charged anybody twice, lost a charge, or left
        more in doubt than 2, or 0.5 % if that is more.
        """
        console = Console(highlight=False, quiet=as_json)
        # stdout is for the results, which may be piped on.
        errors = Console(stderr=True)
        sys.exit(
            run_demo(
                seed, charges, console=console, errors=errors, as_json=as_json
            )
        )

    group.add_command(journal)
    group.add_command(profiles)
    main = group


STOPPED = 130
"""The exit status after Ctrl-C: 128 and SIGINT, as shells have it."""


def run_demo(
    seed: int,
    charges: int,
    *,
    console: Console,
    errors: Console,
    as_json: bool = False,
    ways: Sequence[Way] = WAYS,
) -> int:
    """
    Run the demo, print what came of it, and give the exit status.

    Args:
        console: Where people read the results.

        errors: Where the progress is shown, if it is a terminal.

        as_json: Whether to write one JSON object to stdout as well.

        ways: The modes, of which the last has to keep the promise.
    """
    console.print(
        f"{charges:,} charges, {len(ways)} ways, {IN_FLIGHT} in flight,"
        f" {RATE:.0%} of requests fail, seed {seed}"
    )
    try:
        progress = _progress(errors)
        with progress if errors.is_terminal else contextlib.nullcontext():
            results = asyncio.run(_play_all(seed, charges, ways, progress))
    except KeyboardInterrupt:
        errors.print("Stopped.")
        return STOPPED
    kept = keeps_promise(results[-1].row)
    if as_json:
        sys.stdout.write(results_as_json(seed, charges, results) + "\n")
    console.print(_table(results))
    for result in results:
        console.print(row_told(result.row))
    if not kept:
        console.print("samekey broke its promise.", style="bold red")
    console.print(f"\n{faults_told(results)}")
    console.print(
        f"\nThe same again: samekey demo --seed {seed} --charges {charges}"
    )
    return 0 if kept else 1


async def _play_all(
    seed: int, charges: int, ways: Sequence[Way], progress: Progress
) -> list[Result]:
    each = orders(seed, charges)
    tasks = [progress.add_task(_NAMES[w.mode], total=charges) for w in ways]
    results: list[Result] = []
    for way, task in zip(ways, tasks, strict=True):
        progress.start_task(task)
        advance = functools.partial(progress.advance, task)
        results.append(await play(way, each, seed=seed, settled=advance))
    return results


def _progress(console: Console) -> Progress:
    from rich import progress  # noqa: PLC0415 -- see the top

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=console,
    )


def results_as_json(seed: int, charges: int, results: Iterable[Result]) -> str:
    """Give the results as one JSON object."""
    rows = [attrs.asdict(result.row) for result in results]
    return json.dumps({"seed": seed, "charges": charges, "rows": rows})


_NAMES: dict[Mode, str] = {
    "no_retries": "no retries",
    "plain_retries": "plain retries",
    "samekey": "samekey",
}
_COLUMNS = {
    "charged\nonce": "charged_once",
    "twice\nor more": "charged_more_than_once",
    "not\nexecuted": "not_executed",
    "in\ndoubt": "in_doubt",
    "\nlost": "lost",
    "over-\ncharged": "overcharged_minor_units",
    "\nrequests": "requests",
    "\nseconds": "seconds",
}


def _table(results: Iterable[Result]) -> Table:
    from rich import box  # noqa: PLC0415 -- see the top
    from rich.table import Table  # noqa: PLC0415

    # Narrow enough for 80 columns.
    table = Table(title="What the ledger says", box=box.SIMPLE, padding=0)
    table.add_column("\nmode")
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for row in (result.row for result in results):
        cells = {name: f"{getattr(row, name):,}" for name in _COLUMNS.values()}
        cells["overcharged_minor_units"] = _money(row)
        cells["seconds"] = f"{row.seconds:.2f}"
        table.add_row(_NAMES[row.mode], *cells.values())
    return table


_SUBJECTS: dict[Mode, str] = {
    "no_retries": "Without retries we",
    "plain_retries": "Plain retries",
    "samekey": "samekey",
}


def row_told(row: Row) -> str:
    """Say in plain words what a mode did to people."""
    said = ["charged nobody twice"]
    if row.charged_more_than_once:
        people = _people(row.charged_more_than_once)
        said = [f"charged {people} twice or more ({_money(row)} too much)"]
    if row.lost and row.mode == "samekey":
        said.append(f"lost track of {_people(row.lost)}")
    elif row.lost:
        said.append(f"charged {_people(row.lost)} but told them it had failed")
    if row.not_executed:
        said.append(f"could not charge {_people(row.not_executed)}")
    if row.in_doubt:
        said.append(f"left {_people(row.in_doubt)} in doubt, and said so")
    *first, last = said
    told = f"{', '.join(first)} and {last}" if first else last
    return f"{_SUBJECTS[row.mode]} {told}."


def faults_told(results: Sequence[Result]) -> str:
    """Say how many faults there were, and of which kind."""
    faults = [fault for result in results for fault in result.faults]
    requests = sum(result.row.requests for result in results)
    after = sum(fault.after_execution for fault in faults)
    kinds = collections.Counter(fault.kind for fault in faults)
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds))
    return (
        f"Of {requests:,} requests {len(faults):,} failed, {after:,} of them"
        f" after execution ({counts or 'no fault'}). First attempts met the"
        " same faults in each mode."
    )


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _money(row: Row) -> str:
    return f"{row.overcharged_minor_units / 100:,.2f}"
