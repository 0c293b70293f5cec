"""
What a journal keeps of an operation: the bytes beside its key and state.

It is JSON, so that whoever has to explain a double charge can read it with
any tool. Never in it: credentials, cookies, and request headers that nobody
listed.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import uuid

from collections.abc import Iterable
from typing import Any, Self

import attrs

from samekey._parts import KeyPart
from samekey._pointer import steps_of
from samekey._report import Attempt, Outcome, Report, Verdict


VERSION = 1

REDACTED = "[redacted]"

_write = json.JSONEncoder(separators=(",", ":")).encode


@attrs.frozen(kw_only=True)
class Message:
    """
    A request or an answer that is kept.

    Args:
        status: Of an answer. *method* and *url*: of a request.

        headers: Those that may be kept.

        body: None: it is not kept.

        redacted: Something in the body has been taken out.
    """

    status: int | None = None
    method: str | None = None
    url: str | None = attrs.field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    redacted: bool = False


@attrs.frozen(kw_only=True)
class Change:
    """A person's word on an operation: when, what and why."""

    at: float
    what: str
    why: str


@attrs.frozen(kw_only=True)
class Kept:
    """
    What is kept of an operation.

    Args:
        operation: Its id, or None.

        namespace: As the client's. *generation*: from 1.

        theirs: The key is the user's.

        method: Of the request. *url*: without credentials and query.

        retention: For how long the server was relied on, in seconds.

        mark: Says under which secret the fingerprint was made.

        report: How it went, if that is known.

        answer: What the server said. *request*: what was asked, if it is to
            be sent again without the caller.

        changes: What people have said of it since.

        earlier: The reports of generations before.
    """

    operation: KeyPart | None = attrs.field(default=None, repr=False)
    namespace: str | None = None
    generation: int = 1
    theirs: bool = False
    method: str = ""
    url: str = ""
    retention: float = 0.0
    mark: str = ""
    report: Report | None = None
    answer: Message | None = None
    request: Message | None = None
    changes: tuple[Change, ...] = ()
    earlier: tuple[Report, ...] = ()

    def ended(
        self,
        *,
        report: Report | None,
        answer: Message | None,
        retention: float,
        request: Message | None,
    ) -> Kept:
        """Copy it, with how it went."""
        return Kept(
            operation=self.operation,
            namespace=self.namespace,
            generation=self.generation,
            theirs=self.theirs,
            method=self.method,
            url=self.url,
            retention=retention,
            mark=self.mark,
            report=report,
            answer=answer,
            request=request,
            changes=self.changes,
            earlier=self.earlier,
        )

    def previous(self, key: str) -> Report:
        """Give the report, as errors carry it: it says which operation's."""
        report = self.report
        if report is None:  # whoever was on it has not come back
            report = Report(
                key=key, generation=self.generation, outcome=Outcome.OPEN
            )
        return attrs.evolve(report, operation=self.operation)

    def encode(self) -> bytes:
        """Write it as bytes; what is as usual is left out."""
        value: dict[str, Any] = {
            "v": VERSION,
            "method": self.method,
            "url": self.url,
            "retention": self.retention,
            "mark": self.mark,
        }
        if self.operation is not None:
            value["operation"] = _from_part(self.operation)
        if self.namespace is not None:
            value["namespace"] = self.namespace
        if self.generation != 1:
            value["generation"] = self.generation
        if self.theirs:
            value["theirs"] = True
        if self.report is not None:
            value["report"] = _from_report(self.report)
        if self.answer is not None:
            value["answer"] = _from_message(self.answer)
        if self.request is not None:
            value["request"] = _from_message(self.request)
        if self.changes:
            value["changes"] = [_unusual(change) for change in self.changes]
        if self.earlier:
            # An earlier generation had another key.
            value["earlier"] = [
                {**_from_report(report), "key": report.key}
                for report in self.earlier
            ]
        return _write(value).encode()

    @classmethod
    def decode(cls, data: bytes, key: str | None) -> Self:
        """
        Read it from bytes; *key* is the record's, which is kept beside it.

        Raises:
            ValueError: If it is damaged, or from a newer samekey.
        """
        try:
            value = json.loads(data)
            if value["v"] > VERSION:
                msg = f"a newer samekey wrote it (version {value['v']})"
                raise ValueError(msg)
            get = value.get
            return cls(
                operation=_to_part(get("operation")),
                namespace=get("namespace"),
                generation=get("generation", 1),
                theirs=get("theirs", False),
                method=value["method"],
                url=value["url"],
                retention=value["retention"],
                mark=value["mark"],
                report=_to_report(get("report"), key),
                answer=_to_message(get("answer")),
                request=_to_message(get("request")),
                changes=tuple(Change(**c) for c in get("changes", ())),
                earlier=tuple(
                    report
                    for one in get("earlier", ())
                    if (report := _to_report(one, one.get("key"))) is not None
                ),
            )
        except (
            ArithmeticError,  # what `decimal` says of text
            AttributeError,
            KeyError,
            RecursionError,
            TypeError,
        ) as exc:
            msg = f"it is not what a journal keeps: {exc!r}"
            raise ValueError(msg) from None


# An operation id keeps its types: the key is derived from them.


def _from_part(part: Any) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        return [_from_part(item) for item in part]
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


def _to_part(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_to_part(item) for item in value)
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


def _unusual(value: Message | Change | Report | Attempt) -> dict[str, Any]:
    # A part of what attrs.asdict takes, which looks at what is inside.
    kept = {}
    for name, usual in _USUAL[type(value)]:
        found = getattr(value, name)
        if found != usual:
            kept[name] = found
    return kept


_APART = frozenset({"attempts", "body", "key", "operation", "unrecorded"})
"""What is written in another way, or stands elsewhere: the key in the record,
the operation id above."""

_USUAL = {
    cls: tuple(
        (field.name, field.default)
        for field in attrs.fields(cls)
        if field.name not in _APART
    )
    for cls in (Message, Change, Report, Attempt)
}


def _from_report(report: Report) -> dict[str, Any]:
    kept = _unusual(report)
    kept["attempts"] = [_unusual(attempt) for attempt in report.attempts]
    return kept


def _to_report(value: Any, key: str | None) -> Report | None:
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


def _from_message(message: Message) -> dict[str, Any]:
    kept = _unusual(message)
    if message.body is not None:
        kept["body"] = base64.b64encode(message.body).decode()
    return kept


def _to_message(value: Any) -> Message | None:
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


def redact(body: bytes, pointers: Iterable[str]) -> tuple[bytes, bool]:
    """
    Take what *pointers* point at out of a JSON body.

    Returns it and whether anything was taken out. A body that is no JSON is
    taken out as a whole: nobody can say what is in it.
    """
    wanted = tuple(pointers)
    if not wanted or not body:
        return body, False
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return REDACTED.encode(), True
    found = [_blank(value, steps_of(where)) for where in wanted]
    if not any(found):
        return body, False
    return _write(value).encode(), True


def _blank(value: Any, steps: tuple[str, ...]) -> bool:
    """Take out what *steps* lead to; `*` stands for every item of a list."""
    first, *rest = steps
    if isinstance(value, list):
        every = range(len(value)) if first == "*" else ()
        if first.isdecimal() and int(first) < len(value):
            every = range(int(first), int(first) + 1)
        places: list[Any] = list(every)
    else:
        inside = isinstance(value, dict) and first in value
        places = [first] if inside else []
    if rest:
        # Each of them, not the first one only.
        return sum(_blank(value[at], tuple(rest)) for at in places) > 0
    for at in places:
        value[at] = REDACTED
    return bool(places)
