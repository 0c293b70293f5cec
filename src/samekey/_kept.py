"""
What a journal keeps of an operation: the bytes beside its key and state.

It is JSON, so that whoever has to explain a double charge can read it with
any tool. Never in it: credentials, cookies, and request headers that nobody
listed.
"""

from __future__ import annotations

import json

from typing import Any, Self

import attrs

from samekey._kept_json import (
    compact,
    from_message,
    from_part,
    from_report,
    to_message,
    to_part,
    to_report,
)
from samekey._message import Message
from samekey._parts import KeyPart
from samekey._report import Outcome, Report


VERSION = 1


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
            value["operation"] = from_part(self.operation)
        if self.namespace is not None:
            value["namespace"] = self.namespace
        if self.generation != 1:
            value["generation"] = self.generation
        if self.theirs:
            value["theirs"] = True
        if self.report is not None:
            value["report"] = from_report(self.report)
        if self.answer is not None:
            value["answer"] = from_message(self.answer)
        if self.request is not None:
            value["request"] = from_message(self.request)
        if self.changes:
            value["changes"] = [attrs.asdict(one) for one in self.changes]
        if self.earlier:
            # An earlier generation had another key.
            value["earlier"] = [
                {**from_report(report), "key": report.key}
                for report in self.earlier
            ]
        return compact(value).encode()

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
                operation=to_part(get("operation")),
                namespace=get("namespace"),
                generation=get("generation", 1),
                theirs=get("theirs", False),
                method=value["method"],
                url=value["url"],
                retention=value["retention"],
                mark=value["mark"],
                report=to_report(get("report"), key),
                answer=to_message(get("answer")),
                request=to_message(get("request")),
                changes=tuple(Change(**c) for c in get("changes", ())),
                earlier=tuple(
                    report
                    for one in get("earlier", ())
                    if (report := to_report(one, one.get("key"))) is not None
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
