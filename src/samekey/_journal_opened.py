"""
How the commands of `samekey journal` come to a journal and its operations.

A journal whose secret was given to it has no secret beside its file. These
commands work without: it guards fingerprints, and those of a record stay as
they are, whoever settles it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import click

from rich.console import Console

from samekey._intent import record_id
from samekey._journal_doctor import records
from samekey._journal_parts import Entry, kept_in
from samekey._shown_journal import Detailed, operation_told, plain
from samekey.errors import OperationBusy, SamekeyError
from samekey.journal import Journal
from samekey.keys import Operation, check_namespace
from samekey.stores import Record, SQLiteStore


class JournalFailed(click.ClickException):
    """The journal cannot be used."""

    exit_code = 2


def checked(check: Callable[[Any], object]) -> Callable[..., Any]:
    """Make a callback that refuses a value, or each of many, as *check* does."""

    def callback(context: object, parameter: object, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(check(one) for one in value)
            return None if value is None else check(value)
        except ValueError as exc:
            raise click.BadParameter(str(exc)) from exc

    return callback


file_argument = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object."
)
namespace_option = click.option(
    "--namespace",
    callback=checked(check_namespace),
    help="As the client's.",
)


class ChosenJournal(Journal):
    """A journal of which not all that is pending is taken up."""

    chosen: Collection[str] | None = None
    """The ids of the records that are; None: all."""

    def pending(self) -> Iterator[Entry]:
        for entry in super().pending():
            if self.chosen is None or entry.id in self.chosen:
                yield entry


@contextlib.contextmanager
def opened(file: Path, **options: Any) -> Iterator[ChosenJournal]:
    """Open a journal whose file is there; turn its errors into words."""
    try:
        with SQLiteStore(file.absolute()) as store:
            yield ChosenJournal(store, secret=os.urandom(32), **options)
    except OperationBusy as exc:
        raise click.ClickException(str(exc)) from exc
    except SamekeyError as exc:
        raise JournalFailed(str(exc)) from exc


_RECORD = re.compile(r"(?:op|key):[0-9a-f]{1,64}")


def detailed(journal: Journal, text: str, namespace: str | None) -> Detailed:
    """Find the operation that *text* stands for."""
    each = _found(journal, text, namespace)
    if not each:
        msg = f"nothing is recorded of {plain(text)!r}"
        raise click.ClickException(msg)
    if len(each) > 1:
        ids = ", ".join(record.id for record in each[:3])
        msg = f"more than one record fits; take one of: {ids}"
        raise click.ClickException(msg)
    entry = journal._entry(each[0], time.time())
    return Detailed(entry=entry, record=each[0])


def _found(journal: Journal, text: str, namespace: str | None) -> list[Record]:
    store = journal.store
    named = store.get(record_id(Operation(text), namespace))
    if named is not None:
        return [named]
    if _RECORD.fullmatch(text):
        whole = store.get(text)
        if whole is not None:
            return [whole]
        page = store.scan(after=text, limit=3)
        return [record for record in page if record.id.startswith(text)]
    # A tuple, or one of another namespace.
    return [
        record
        for record in records(store)
        if _is_called(record, text, namespace)
    ]


def _is_called(record: Record, text: str, namespace: str | None) -> bool:
    kept = kept_in(record)
    return (
        kept.operation is not None
        and operation_told(kept.operation, record.id) == text
        and namespace in {None, kept.namespace}
    )


def console() -> Console:
    """Make what tables are printed on; nothing in them is markup."""
    return Console(highlight=False, markup=False, emoji=False)


def print_json(value: object) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(value))
