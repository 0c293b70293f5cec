"""
The parts of what a journal keeps, as JSON.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import uuid

from typing import Any

import attrs

from samekey._message import Message
from samekey._report import Attempt, Outcome, Report, Verdict


compact = json.JSONEncoder(separators=(",", ":")).encode
"""Writes a value as JSON without spaces."""


# An operation id keeps its types: the key is derived from them.


def from_part(part: Any) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        return [from_part(item) for item in part]
    kind, write = next(
        (kind, write) for cls, kind, write in _WRITERS if isinstance(part, cls)
    )
    return {kind: write(part)}


_WRITERS: tuple[tuple[type, str, Any], ...] = (
    (int, "int", str),
    (bytes, "bytes", lambda part: base64.b64encode(part).decode()),
    (decimal.Decimal, "decimal", str),
    (uuid.UUID, "uuid", str),
    (dt.datetime, "datetime", dt.datetime.isoformat),
)


def to_part(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(to_part(item) for item in value)
    if not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    return _READERS[kind](text)


_READERS: dict[str, Any] = {
    "int": int,
    "bytes": base64.b64decode,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "datetime": dt.datetime.fromisoformat,
}


def _unusual(value: Message | Report | Attempt) -> dict[str, Any]:
    # A part of what attrs.asdict takes, which looks at what is inside.
    kept = {}
    for name, usual in _USUAL[type(value)]:
        found = getattr(value, name)
        if found != usual:
            kept[name] = found
    return kept


_APART = frozenset({"attempts", "body", "key", "operation", "unrecorded"})
"""What is written in another way, or stands elsewhere: the key in the record,
the operation id beside the report."""

_USUAL = {
    cls: tuple(
        (field.name, field.default)
        for field in attrs.fields(cls)
        if field.name not in _APART
    )
    for cls in (Message, Report, Attempt)
}


def from_report(report: Report) -> dict[str, Any]:
    kept = _unusual(report)
    kept["attempts"] = [_unusual(attempt) for attempt in report.attempts]
    return kept


def to_report(value: Any, key: str | None) -> Report | None:
    if value is None:
        return None
    attempts = [
        Attempt(**{**one, "verdict": _VERDICTS[one["verdict"]]})
        for one in value["attempts"]
    ]
    value["outcome"] = _OUTCOMES[value["outcome"]]
    value["attempts"] = tuple(attempts)
    value["key"] = key
    return Report(**value)


# By their words: a fifth of what asking the class costs.
_VERDICTS = {str(one): one for one in Verdict}
_OUTCOMES = {str(one): one for one in Outcome}


def from_message(message: Message) -> dict[str, Any]:
    kept = _unusual(message)
    if message.body is not None:
        kept["body"] = base64.b64encode(message.body).decode()
    return kept


def to_message(value: Any) -> Message | None:
    if value is None:
        return None
    body = value.get("body")
    headers = value.get("headers", ())
    return Message(
        **{
            **value,
            "headers": tuple((name, text) for name, text in headers),
            "body": None if body is None else base64.b64decode(body),
        }
    )
