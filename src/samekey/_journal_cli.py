"""
The commands of `samekey journal`.

They come with the extra `cli`: only `samekey.cli` imports this.
"""

from __future__ import annotations

import sys
import time

from pathlib import Path
from typing import Any

import attrs
import click

from samekey import _shown_journal as shown
from samekey._journal_doctor import examine
from samekey._journal_json import detailed_as_json, entry_as_json
from samekey._journal_opened import (
    as_json_option,
    console,
    detailed,
    file_argument,
    namespace_option,
    opened,
    print_json,
)
from samekey._journal_parts import Entry, Resolution
from samekey._recover_cli import recover
from samekey._report import Outcome


STATES = ("open", "answered", "not_executed", "in_doubt")

_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def journal() -> None:
    """Look into a journal, settle what is in doubt, and tidy it."""


@journal.command("list")
@file_argument
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Only the latest ones. Default 100 in a table, all in JSON.",
)
@as_json_option
def list_(
    file: Path, state: str | None, limit: int | None, *, as_json: bool
) -> None:
    """List operations, by their last change."""
    with opened(file) as found:
        entries = sorted(
            found.entries(state=state), key=lambda e: (e.updated, e.id)
        )
    if limit is None and not as_json:
        limit = 100
    left = 0 if limit is None else max(0, len(entries) - limit)
    if as_json:
        told = [entry_as_json(entry) for entry in entries[left:]]
        print_json({"operations": told})
    elif not entries:
        click.echo("There is none.")
    else:
        console().print(shown.entries_table(entries[left:]))
        if left:
            click.echo(f"{left:,} with an earlier change are not shown.")


@journal.command()
@file_argument
@click.argument("operation")
@namespace_option
@click.option("--body", is_flag=True, help="Show headers and bodies too.")
@click.option("--reveal", is_flag=True, help="Show the whole key.")
@as_json_option
def show(
    file: Path,
    operation: str,
    namespace: str | None,
    *,
    body: bool,
    reveal: bool,
    as_json: bool,
) -> None:
    """
    Show all that is recorded of an operation.

    OPERATION is its id, as the list shows it, or the id of its record, or
    the beginning of one that no other record has.
    """
    with opened(file) as found:
        one = detailed(found, operation, namespace)
        _print_details(one, reveal=reveal, body=body, as_json=as_json)


@journal.command()
@file_argument
@click.argument("operation")
@namespace_option
@click.option("--answered", is_flag=True, help="The server settled it.")
@click.option("--not-executed", is_flag=True, help="It never happened.")
@click.option("--why", required=True, help="How you know. It is kept.")
@click.option(
    "--status",
    type=click.IntRange(200, 599),
    help="Of the answer that later calls are given.",
)
@click.option(
    "--body-file",
    type=click.File("rb"),
    help="The body of that answer; - is stdin.",
)
@click.option(
    "--content-type",
    default="application/json",
    show_default=True,
    help="Of that body.",
)
@click.option(
    "--force", is_flag=True, help="Change what the server has settled, too."
)
@_yes
@as_json_option
def resolve(
    file: Path,
    operation: str,
    namespace: str | None,
    why: str,
    status: int | None,
    body_file: Any,
    content_type: str,
    *,
    answered: bool,
    not_executed: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """
    Record what became of an operation, and how you know.

    Ask the API first: after --not-executed the next call with the same id is
    sent anew. After --answered with a --status of 2xx, later calls are given
    that answer; without one, they ask the server again while it remembers the
    key. OPERATION is as for `show`.
    """
    # Not one option of two names: click takes its absence for the second.
    if answered == not_executed:
        msg = "pass --answered or --not-executed, and not both"
        raise click.UsageError(msg)
    if status is not None and not answered:
        msg = "--status goes with --answered"
        raise click.UsageError(msg)
    if body_file is not None and status is None:
        msg = "--body-file goes with --status"
        raise click.UsageError(msg)
    if not why.strip():
        msg = "--why must not be empty: it is kept for who asks later"
        raise click.UsageError(msg)
    outcome = Outcome.ANSWERED if answered else Outcome.NOT_EXECUTED
    word = Resolution(
        outcome=outcome,
        why=why,
        status=status,
        body=b"" if body_file is None else body_file.read(),
        headers=() if body_file is None else (("content-type", content_type),),
    )
    with opened(file) as found:
        one = detailed(found, operation, namespace)
        if not as_json:
            _print_details(one, reveal=False, body=False, as_json=False)
        if one.entry.busy:
            msg = "a worker is on it; wait until it is done, then look again"
            raise click.ClickException(msg)
        if not yes:
            click.confirm(_question(word, one.entry), abort=True, err=True)
        try:
            after = found.resolve(
                one.entry, outcome, why=why, answer=word.answer, force=force
            )
        except ValueError:
            msg = (
                "the server has settled it: to say otherwise may execute it"
                " twice. Pass --force to do so"
            )
            raise click.ClickException(msg) from None
    if as_json:
        print_json(entry_as_json(after))
    else:
        click.echo(f"Recorded as {outcome}.")


def _question(word: Resolution, entry: Entry) -> str:
    question = "Record it as answered?"
    if word.status is not None:
        question = f"Record it as answered, by a {word.status}?"
    if word.outcome is Outcome.NOT_EXECUTED:
        question = (
            "Record it as not executed? The next call with its id sends it"
            " anew."
        )
    if entry.state in {Outcome.ANSWERED, Outcome.NOT_EXECUTED}:
        question = f"It is {entry.state} already. {question}"
    return question


@journal.command()
@file_argument
@_yes
@as_json_option
def purge(file: Path, *, yes: bool, as_json: bool) -> None:
    """Remove what is settled and has been kept long enough."""
    with opened(file) as found:
        if not yes:
            question = "Remove what is settled and has been kept long enough?"
            click.confirm(question, abort=True, err=True)
        removed = found.purge()
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo(f"Removed: {removed:,}.")


@journal.command()
@file_argument
@as_json_option
def doctor(file: Path, *, as_json: bool) -> None:
    """
    Look at a journal's file, at its disk, and at what is in it.

    The exit status is 1 if there is a problem; a warning is none.
    """
    findings = list(examine(file, now=time.time()))
    sick = any(one.level == "problem" for one in findings)
    if as_json:
        each = [attrs.asdict(one) for one in findings]
        print_json({"ok": not sick, "findings": each})
    else:
        console().print(shown.findings_table(findings))
    sys.exit(1 if sick else 0)


journal.add_command(recover)


def _print_details(
    one: shown.Detailed, *, reveal: bool, body: bool, as_json: bool
) -> None:
    if as_json:
        print_json(detailed_as_json(one, reveal=reveal, body=body))
        return
    console().print(shown.details_table(one, reveal=reveal))
    if body:
        click.echo("\n" + shown.bodies_told(one.entry))
