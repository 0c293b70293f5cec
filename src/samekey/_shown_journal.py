"""
What `samekey journal` shows to people.

Ids, paths and bodies come from elsewhere, so nothing in them may steer a
terminal. Of a key only the end is shown, unless it is asked for.
"""

from __future__ import annotations

import datetime as dt
import math
import urllib.parse

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from samekey._journal_disk import Finding
from samekey._journal_parts import Entry, Recovered, kept_in
from samekey._kept import Kept
from samekey._message import Message
from samekey._report import Report, key_hint
from samekey.stores import Record


if TYPE_CHECKING:
    from rich.table import Table


@attrs.frozen(kw_only=True)
class Detailed:
    """An operation, with all that is recorded of it."""

    entry: Entry
    record: Record

    @property
    def kept(self) -> Kept:
        """What is kept in the record."""
        return kept_in(self.record)


def plain(text: str) -> str:
    """Write what is not printable as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text
    )


def plain_lines(text: str) -> str:
    """Same as `plain`, of a text with lines and tabs."""
    return "".join(c if c in "\n\t" else plain(c) for c in text)


def operation_told(operation: object, id: str) -> str:  # noqa: A002
    """
    Write an operation id so that the command line takes it.

    One without an id goes by the beginning of the record's.
    """
    if operation is None:
        return id.partition(":")[0] + ":" + id.partition(":")[2][:12]
    return plain(operation if isinstance(operation, str) else repr(operation))


def when(seconds: float) -> str:
    """Write a time, in UTC."""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def state_told(entry: Entry) -> str:
    """Write its state, and whether it can be read or a worker is on it."""
    if entry.damaged is not None:
        return f"{entry.state} (damaged)"
    return f"{entry.state} (busy)" if entry.busy else entry.state


def entries_table(entries: Iterable[Entry]) -> Table:
    """Show operations, one a row."""
    table = _table("operation", "gen", "state", "request")
    for name in ("first sent", "last change"):
        table.add_column(f"{name}\n(UTC)", min_width=10)
    table.add_column("sends", justify="right")
    table.add_column("key", no_wrap=True)
    for entry in entries:
        url = urllib.parse.urlsplit(entry.url)
        report = entry.report
        table.add_row(
            operation_told(entry.operation, entry.id),
            str(entry.generation),
            state_told(entry),
            plain(f"{entry.method} {url.netloc}{url.path}"),
            when(entry.created),
            when(entry.updated),
            "?" if report is None else str(len(report.attempts)),
            key_hint(entry.key),
        )
    return table


def details_table(found: Detailed, *, reveal: bool) -> Table:
    """Show all that is recorded of an operation, but for the bodies."""
    from rich.table import Table  # noqa: PLC0415 -- comes with an extra

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _lines(found, reveal=reveal):
        table.add_row(name, text)
    return table


def _lines(found: Detailed, *, reveal: bool) -> Iterable[tuple[str, str]]:
    entry, record, kept = found.entry, found.record, found.kept
    yield "operation", operation_told(entry.operation, entry.id)
    if entry.namespace is not None:
        yield "namespace", plain(entry.namespace)
    yield "generation", str(entry.generation)
    yield "state", state_told(entry)
    yield "record", entry.id
    whose = ", the caller's own" if kept.theirs else ""
    yield "key", f"{entry.key if reveal else key_hint(entry.key)}{whose}"
    yield "request", plain(f"{entry.method} {entry.url}")
    if entry.request is not None:
        yield "kept to be sent again", _message_told(entry.request)
    yield "first sent", f"{when(entry.created)} UTC"
    yield "last change", f"{when(entry.updated)} UTC"
    yield "server remembers keys", f"{kept.retention:g} s"
    if entry.busy:
        until = when(record.lease_until)
        yield "worker", f"{plain(record.owner)}, until {until} UTC at most"
    if not math.isinf(record.expires):
        yield "kept until", f"{when(record.expires)} UTC"
    yield from _report_lines(entry.report)
    if entry.answer is not None:
        yield "answer", _message_told(entry.answer)
    for change in entry.changes:
        said = f"{when(change.at)} UTC {change.what}: {plain(change.why)}"
        yield "changed", said
    for report in kept.earlier:
        count = len(report.attempts)
        yield (
            f"generation {report.generation}",
            f"{report.outcome} after {_sends(count)}",
        )


def _report_lines(report: Report | None) -> Iterable[tuple[str, str]]:
    if report is None:
        yield "attempts", "not known: whoever sent it has not come back"
        return
    for attempt in report.attempts:
        how = attempt.error if attempt.status is None else str(attempt.status)
        took = f"took {attempt.elapsed:.2f} s"
        told = f"{when(attempt.started)} UTC {attempt.verdict}, {how}, {took}"
        yield f"attempt {attempt.number}", told
    if report.replayed is not None:
        yield "replayed by", f"the {report.replayed}"
    if report.already_done:
        yield "already done", "so said the server"
    if report.resource_id is not None:
        yield "resource", plain(report.resource_id)


def _message_told(message: Message) -> str:
    status = "" if message.status is None else f"{message.status}, "
    taken = ", something taken out" if message.redacted else ""
    size = "no body kept"
    if message.body is not None:
        size = f"{len(message.body):,} bytes"
    return f"{status}{size}{taken}"


def bodies_told(entry: Entry) -> str:
    """Show headers and bodies of request and answer, as far as they are kept."""
    told = []
    for name, message in (
        ("request", entry.request),
        ("answer", entry.answer),
    ):
        if message is not None:
            lines = [f"{one}: {text}" for one, text in message.headers]
            head = "".join(f"{plain(line)}\n" for line in lines)
            told.append(f"{name}\n{head}\n{_body_told(message.body)}")
    return "\n\n".join(told)


def _body_told(body: bytes | None) -> str:
    if body is None:
        return "(no body kept)"
    try:
        return plain_lines(body.decode())
    except UnicodeDecodeError:
        return f"({len(body):,} bytes that are no text)"


def recovered_told(recovered: Recovered) -> str:
    """Say how many operations ended how."""
    counts = attrs.asdict(recovered)
    if not any(counts.values()):
        return "Nothing was open or in doubt."
    return ", ".join(
        f"{name} {count:,}" for name, count in counts.items() if count
    )


def findings_table(findings: Iterable[Finding]) -> Table:
    """Show what the doctor found."""
    table = _table("", "looked at", "found")
    for one in findings:
        table.add_row(_SIGNS[one.level], one.name, plain(one.told))
    return table


_SIGNS = {"ok": "ok", "warning": "warning", "problem": "PROBLEM"}


def _table(*titles: str) -> Table:
    from rich import box  # noqa: PLC0415 -- comes with an extra
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _sends(count: int) -> str:
    return f"{count} {'attempt' if count == 1 else 'attempts'}"
