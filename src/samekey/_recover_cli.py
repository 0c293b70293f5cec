"""
`samekey journal recover`: what dead processes left is sent again.

Credentials are not in the journal. A header that is given here goes to one
host only.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import sys

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from rich.console import Console

from samekey import _shown_journal as shown
from samekey._header_options import Header, header, header_env
from samekey._journal_opened import (
    ChosenJournal,
    as_json_option,
    checked,
    file_argument,
    namespace_option,
    opened,
    print_json,
)
from samekey._journal_parts import Entry, Progress, Recovered, kept_in
from samekey._library import origin
from samekey._pointer import check_pointer
from samekey._policy import check_seconds
from samekey._recovery import can_be_sent
from samekey.profiles import get


def _place(text: str) -> Any:
    import httpx  # noqa: PLC0415 -- the other commands do without

    try:
        found = origin(httpx.URL(text))
    except httpx.InvalidURL:
        found = ("", "", None)
    if found[0] not in {"http", "https"} or not found[1]:
        msg = "it must be a URL such as https://api.example.com"
        raise ValueError(msg)
    return found


def _known(name: str) -> str:
    get(name)
    return name


@click.command()
@file_argument
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=checked(header),
    help="A header to send, as 'Name: value'. Others on this machine can see"
    " it while this runs: for a secret take --header-env.",
)
@click.option(
    "--header-env",
    "env_headers",
    multiple=True,
    callback=checked(header_env),
    help="A header, and the environment variable that has its value, as"
    " Authorization=API_AUTH.",
)
@click.option(
    "--base-url",
    "home",
    callback=checked(_place),
    help="Send only what goes to this scheme, host and port. It is needed"
    " with a header where operations of several hosts are pending.",
)
@click.option(
    "--profile",
    callback=checked(_known),
    help="How the API takes keys. Default: by its host.",
)
@namespace_option
@click.option(
    "--retention",
    type=float,
    callback=checked(lambda given: check_seconds(given, "--retention")),
    help="For how long the server remembers keys, in seconds. Default: what"
    " was counted on when the operation was first sent.",
)
@click.option(
    "--redact",
    multiple=True,
    callback=checked(lambda text: check_pointer(text, "--redact")),
    help="A JSON pointer to what is taken out of answers, as in Journal(...).",
)
@as_json_option
def recover(
    file: Path,
    headers: tuple[Header, ...],
    env_headers: tuple[Header, ...],
    home: Any,
    profile: str | None,
    namespace: str | None,
    retention: float | None,
    redact: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """
    Send what is open or in doubt again, under the same keys.

    Only what has its request in the journal can be sent: where the program
    has Journal(..., remember="request"). Credentials are not in the journal;
    pass them here. The exit status is 1 if anything is left: in doubt, too
    old to be sent, at another worker, or skipped, since its request was not
    kept or it is for another host or namespace.
    """
    terms: dict[str, Any] = {"namespace": namespace, "profile": profile}
    sent = (*headers, *env_headers)
    with opened(file, redact=redact) as journal:
        recovered, left = _recovered(journal, sent, home, retention, terms)
    if as_json:
        each = [
            {
                "operation": _name(one.entry),
                "id": one.entry.id,
                "became": one.became,
            }
            for one in left
        ]
        print_json({**attrs.asdict(recovered), "left": each})
    else:
        for one in left:
            click.echo(f"{one.became}: {_name(one.entry)}")
        click.echo(shown.recovered_told(recovered))
    sys.exit(1 if left else 0)


def _name(entry: Entry) -> str:
    return shown.operation_told(entry.operation, entry.id)


def _recovered(
    journal: ChosenJournal,
    headers: tuple[Header, ...],
    home: Any,
    retention: float | None,
    terms: dict[str, Any],
) -> tuple[Recovered, list[Progress]]:
    import httpx  # noqa: PLC0415 -- the other commands do without

    from samekey._budget import RetryBudget  # noqa: PLC0415
    from samekey._wrap import wrap  # noqa: PLC0415

    def host(entry: Entry) -> Any:
        assert entry.request is not None
        return origin(httpx.URL(str(entry.request.url)))

    sends = functools.partial(can_be_sent, every=journal.journal_all)
    pending, elsewhere = [], []
    for entry in journal.pending():
        if home is None or not sends(entry) or host(entry) == home:
            pending.append(entry)
        else:
            elsewhere.append(entry)
    hosts = {host(entry) for entry in pending if sends(entry)}
    if headers and len(hosts) > 1:
        msg = (
            f"the header would go to {len(hosts)} hosts; pass --base-url to"
            " say which it is for"
        )
        raise click.UsageError(msg)
    seen: list[Progress] = []
    budget = RetryBudget()
    with (
        httpx.Client(headers=list(headers), timeout=30.0) as plain,
        _bar(len(pending)) as advance,
    ):

        def tell(progress: Progress) -> None:
            seen.append(progress)
            advance()

        for each, ids in _by_retention(journal, pending, retention).items():
            journal.chosen = ids
            client = wrap(
                plain, journal=journal, retention=each, budget=budget, **terms
            )
            client.recover(progress=tell)
    seen.extend(
        Progress(
            done=len(pending),
            total=len(pending),
            entry=entry,
            became="skipped",
            error=None,
        )
        for entry in elsewhere
    )
    counts: collections.Counter[str] = collections.Counter()
    counts.update(one.became for one in seen)
    settled = {"answered", "not_executed"}
    left = [one for one in seen if one.became not in settled]
    return Recovered(**counts), left


_AT_ONCE = 1e-6
"""A retention that is always over, in seconds."""


def _by_retention(
    journal: ChosenJournal, pending: list[Entry], retention: float | None
) -> dict[float, set[str]]:
    """
    Sort records' ids by how long the server is relied on.

    Only the client that sent it first knew; so what it recorded counts, as
    long as nobody says otherwise.
    """
    groups: dict[float, set[str]] = {}
    for entry in pending:
        if retention is None:
            record = journal.store.get(entry.id)
            known = 0.0 if record is None else kept_in(record).retention
        else:
            known = retention
        groups.setdefault(max(known, _AT_ONCE), set()).add(entry.id)
    return groups


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far it is."""
    from rich import progress  # noqa: PLC0415 -- only here

    errors = Console(stderr=True)
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        console=errors,
    )
    task = bar.add_task("recovering", total=total)
    with bar if errors.is_terminal else contextlib.nullcontext():
        yield functools.partial(bar.advance, task)
