"""
What `samekey journal` tells programs.
"""

from __future__ import annotations

import base64
import math

from collections.abc import Iterable
from typing import Any

import attrs

from samekey._journal_parts import Entry
from samekey._message import Message
from samekey._report import Attempt, Report, key_hint
from samekey._shown_journal import Detailed, operation_told


def entry_as_json(entry: Entry, *, reveal: bool = False) -> dict[str, Any]:
    """Give what the list shows."""
    report = entry.report
    return {
        "id": entry.id,
        "operation": operation_told(entry.operation, entry.id),
        "namespace": entry.namespace,
        "generation": entry.generation,
        "state": entry.state,
        "busy": entry.busy,
        "damaged": entry.damaged,
        "method": entry.method,
        "url": entry.url,
        "created": entry.created,
        "updated": entry.updated,
        "attempts": None if report is None else len(report.attempts),
        "key": entry.key if reveal else key_hint(entry.key),
    }


def detailed_as_json(
    found: Detailed, *, reveal: bool, body: bool
) -> dict[str, Any]:
    """Give everything; bodies only with *body*, the key with *reveal*."""
    entry, record, kept = found.entry, found.record, found.kept
    endless = math.isinf(record.expires)
    report = entry.report
    return {
        **entry_as_json(entry, reveal=reveal),
        "retention": kept.retention,
        "own_key": kept.theirs,
        "owner": record.owner,
        "lease_until": record.lease_until,
        "expires": None if endless else record.expires,
        "attempts": [] if report is None else _attempts(report.attempts),
        "replayed": None if report is None else report.replayed,
        "already_done": report is not None and report.already_done,
        "resource_id": None if report is None else report.resource_id,
        "answer": _message(entry.answer, body=body),
        "request": _message(entry.request, body=body),
        "changes": [attrs.asdict(change) for change in entry.changes],
        "earlier": [_earlier(report) for report in kept.earlier],
    }


def _attempts(attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    return [attrs.asdict(attempt) for attempt in attempts]


def _earlier(report: Report) -> dict[str, Any]:
    return {
        "generation": report.generation,
        "outcome": report.outcome,
        "attempts": _attempts(report.attempts),
    }


def _message(message: Message | None, *, body: bool) -> dict[str, Any] | None:
    if message is None:
        return None
    size = None if message.body is None else len(message.body)
    told: dict[str, Any] = {"body_size": size, "redacted": message.redacted}
    if message.status is not None:
        told["status"] = message.status
    if body:
        told["headers"] = message.headers
        told |= _body(message.body)
    return told


def _body(body: bytes | None) -> dict[str, str | None]:
    if body is None:
        return {"body": None}
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
