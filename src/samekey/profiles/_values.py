"""
What a profile is made of.

Every value is checked when it is made, so that one that exists can be used.
An answer list that is left out (None) is one that the API's documents do not
tell; the generic rules stand in for it.
"""

from __future__ import annotations

import math

from collections.abc import Iterable
from typing import Any, Literal

import attrs

from samekey._pointer import check_pointer
from samekey.profiles._checks import (
    checked,
    duration,
    flag,
    header_name,
    host_patterns,
    http_status,
    instance_of,
    length,
    method_names,
    one_of,
    path_patterns,
    text,
)


Kind = Literal["header", "json", "form", "query", "none"]
Form = Literal["uuid4", "uuid4hex", "uuid5", "caller"]
After5xx = Literal["replays", "executes", "resumes", "locks"]
AfterRetention = Literal["executes", "rejects"]
Tier = Literal["full", "placement", "own"]


@attrs.frozen(kw_only=True)
class Match:
    """
    Which requests a profile is for. What is left out fits everything.

    Args:
        hosts: Such as `"api.example.com"`, or `"*.example.com"` for what is
            below it.

        paths: Such as `"/v1/payments"`. A `*` at the end stands for the rest,
            at the start for anything before, in between for one segment.

        methods: The methods that get a key without being asked. Default None:
            those that are not idempotent (RFC 9110, section 9.2.2).
    """

    hosts: tuple[str, ...] = checked("hosts", host_patterns, default=())
    paths: tuple[str, ...] = checked("paths", path_patterns, default=())
    methods: tuple[str, ...] | None = checked(
        "methods", method_names, default=None
    )


@attrs.frozen(kw_only=True)
class Placement:
    """
    Where an API wants the key.

    Args:
        kind: `"header"`, `"json"` (a member of the body), `"form"`,
            `"query"`, or `"none"`: the API takes no key.

        name: Of the header, form field or query parameter.

        pointer: Of the member, as `"/idempotency_key"` (RFC 6901).

        quoted: The header is a structured field's string (RFC 9651, section
            3.3.3), in double quotes.

    Raises:
        ValueError: If *name* or *pointer* is missing, or stands where it
            means nothing.
    """

    kind: Kind = checked("kind", one_of(Kind), default="header")
    name: str | None = checked("name", text, default=None)
    pointer: str | None = checked("pointer", check_pointer, default=None)
    quoted: bool = checked("quoted", flag, default=False)

    def __attrs_post_init__(self) -> None:
        wanted = {"json": "pointer", "none": None}.get(self.kind, "name")
        for name in ("name", "pointer"):
            given = getattr(self, name) is not None
            if given != (name == wanted):
                what = "must be given" if name == wanted else "means nothing"
                msg = f"{name} {what} with kind {self.kind!r}"
                raise ValueError(msg)
        if self.kind == "header":
            header_name(self.name, "name")
        elif self.quoted:
            msg = "quoted means nothing without kind 'header'"
            raise ValueError(msg)


@attrs.frozen(kw_only=True)
class Companion:
    """
    A header that stays the same over all attempts, beside the key.

    Args:
        name: Of the header.

        value: `"first_sent"`: when the first attempt began, as an HTTP-date.
    """

    name: str = checked("name", header_name)
    value: Literal["first_sent"] = checked(
        "value", one_of(Literal["first_sent"])
    )


@attrs.frozen(kw_only=True)
class KeyRules:
    """
    Which keys an API takes.

    Args:
        form: What generated keys look like: `"uuid4"` (36 characters),
            `"uuid4hex"` (32, no dashes), `"uuid5"` (a UUID whose version says
            5), or `"caller"`: only the caller knows it, none is generated.

        min: The fewest characters. max: The most.

        pattern: A regular expression that the whole key must fit.

        required: The API refuses requests without one.

    Raises:
        ValueError: If no generated key would fit.
    """

    form: Form = checked("form", one_of(Form), default="uuid4")
    min: int = checked("min", length, default=1)
    max: int = checked("max", length, default=255)
    pattern: str | None = checked("pattern", text, default=None)
    required: bool = checked("required", flag, default=False)


@attrs.frozen(kw_only=True)
class Retention:
    """
    How long an API remembers a key.

    Args:
        seconds: None where it is not documented; `math.inf` for ever.

        after: What a repeat does after that: `"executes"` it anew, or
            `"rejects"` it. None where it is not documented.

        margin: How long before its end a key counts as forgotten. Default 5 %
            of *seconds*, at most 60 s.
    """

    seconds: float | None = checked("seconds", duration, default=None)
    after: AfterRetention | None = checked(
        "after", one_of(AfterRetention), default=None
    )
    margin: float = checked("margin", duration)

    @margin.default
    def _margin(self) -> float:
        if self.seconds is None or math.isinf(self.seconds):
            return 0.0
        return min(60.0, self.seconds * 0.05)

    @property
    def usable(self) -> float | None:
        """For how long a key can be relied on; None if it is not known."""
        if self.seconds is None:
            return None
        return max(0.0, self.seconds - self.margin)


@attrs.frozen(kw_only=True)
class Answer:
    """
    One way in which an API says something. What is given must all fit.

    Args:
        status: The HTTP status; no 2xx.

        header: A header that must be there; *value*: what it must say, in
            any case.

        code: A code in the JSON body: at *field*, a JSON pointer, or else at
            `code`, `type`, `error.code` or `error.type`.

        id: A JSON pointer to the id of the resource that the key belongs to.

        after_doubt: Only after an attempt that may have been executed.

    Raises:
        ValueError: If nothing is given that could tell it apart.
    """

    status: int | None = checked("status", http_status, default=None)
    header: str | None = checked("header", header_name, default=None)
    value: str | None = checked("value", text, default=None)
    code: str | None = checked("code", text, default=None)
    field: str | None = checked("field", check_pointer, default=None)
    id: str | None = checked("id", check_pointer, default=None)
    after_doubt: bool = checked("after_doubt", flag, default=False)

    def __attrs_post_init__(self) -> None:
        if self.status is None and self.header is None and self.code is None:
            msg = "an answer must have a status, a header or a code"
            raise ValueError(msg)
        if self.value is not None and self.header is None:
            msg = "value means nothing without header"
            raise ValueError(msg)
        if self.field is not None and self.code is None:
            msg = "field means nothing without code"
            raise ValueError(msg)


def marks(value: object, name: str) -> tuple[Answer, ...]:
    """Check what marks a replay: a successful one is known by its head."""
    found = answers(value, name)
    for one in found:
        if one.header is None or attrs.evolve(one, **_UNMARKED) != one:
            msg = f"{name} must name a header, and nothing of status or body"
            raise ValueError(msg)
    return found


_UNMARKED: dict[str, Any] = {
    "status": None,
    "code": None,
    "field": None,
    "id": None,
    "after_doubt": False,
}


def answers(value: object, name: str) -> tuple[Answer, ...]:
    if isinstance(value, Answer) or not isinstance(value, Iterable):
        msg = f"{name} must be a list of Answer, got {type(value).__name__}"
        raise TypeError(msg)
    found = tuple(value)
    for one in found:
        if not isinstance(one, Answer):
            msg = f"{name} must hold Answer, got {type(one).__name__}"
            raise TypeError(msg)
    return found


def companion_list(value: object, name: str) -> tuple[Companion, ...]:
    if isinstance(value, Companion) or not isinstance(value, Iterable):
        msg = f"{name} must be a list of Companion, got {type(value).__name__}"
        raise TypeError(msg)
    found = tuple(value)
    for one in found:
        instance_of(Companion)(one, name)
    return found
