"""
What a profile is made of.

Every value is checked when it is made, so that one that exists can be used.
An answer list that is left out (None) is one that the API's documents do not
tell; the generic rules stand in for it.
"""

from __future__ import annotations

import datetime as dt
import math
import re

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import attrs

from samekey._pointer import check_pointer


Kind = Literal["header", "json", "form", "query", "none"]
Form = Literal["uuid4", "uuid4hex", "uuid5", "caller"]
After5xx = Literal["replays", "executes", "resumes", "locks"]
AfterRetention = Literal["executes", "rejects"]
Tier = Literal["full", "placement", "own"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HOST = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_-]+")


def text(value: object, name: str) -> str:
    """Check that *value* is a string, and not an empty one."""
    if not isinstance(value, str):
        msg = f"{name} must be a str, got {type(value).__name__}"
        raise TypeError(msg)
    if not value:
        msg = f"{name} must not be empty"
        raise ValueError(msg)
    return value


def checked(name: str, check: Any, **options: Any) -> Any:
    """Make an attrs field whose values *check* sees, but for a default None."""
    optional = options.get("default", check) is None

    def convert(value: object) -> object:
        return None if value is None and optional else check(value, name)

    return attrs.field(converter=convert, **options)


def one_of(kinds: Any) -> Any:
    """Make a check for one of the words of a Literal."""
    words = get_args(kinds)

    def check(value: object, name: str) -> object:
        if value not in words:
            msg = f"{name} must be one of {', '.join(words)}, got {value!r}"
            raise ValueError(msg)
        return value

    return check


def texts(value: object, name: str) -> tuple[str, ...]:
    """Check a list of strings."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(
        value, Iterable
    ):
        msg = f"{name} must be a list of str, got {type(value).__name__}"
        raise TypeError(msg)
    return tuple(text(item, name) for item in value)


def header_name(value: object, name: str) -> str:
    if _TOKEN.fullmatch(text(value, name)) is None:
        msg = f"{name} must be a header's name, got {value!r}"
        raise ValueError(msg)
    return str(value)


def _hosts(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for host in found:
        if _HOST.fullmatch(host) is None:
            msg = (
                f"{name} must be as 'api.example.com' or '*.example.com', in"
                f" lower case, got {host!r}"
            )
            raise ValueError(msg)
    return found


def _paths(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for path in found:
        if path[0] not in "/*":
            msg = f"{name} must start with '/' or '*', got {path!r}"
            raise ValueError(msg)
    return found


def _methods(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for method in found:
        if not method.isalpha() or not method.isupper():
            msg = f"{name} must be as 'POST', got {method!r}"
            raise ValueError(msg)
    return found


def number(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} must be an int, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def _length(value: object, name: str) -> int:
    found = number(value, name)
    if found < 1:
        msg = f"{name} must be at least 1, got {found}"
        raise ValueError(msg)
    return found


def _status(value: object, name: str) -> int:
    found = number(value, name)
    if not 100 <= found <= 599 or 200 <= found < 300:
        msg = (
            f"{name} must be a status from 100 to 599 but no 2xx, which"
            f" settles every operation; got {found}"
        )
        raise ValueError(msg)
    return found


def flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        msg = f"{name} must be a bool, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def duration(value: object, name: str) -> float:
    """Check a time of 0 or more; infinity is one."""
    seconds = value
    if isinstance(value, dt.timedelta):
        seconds = value.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        msg = f"{name} must be seconds or a timedelta, got {type(value).__name__}"
        raise TypeError(msg)
    if not seconds >= 0:
        msg = f"{name} must be at least 0, got {value!r}"
        raise ValueError(msg)
    return float(seconds)


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

    hosts: tuple[str, ...] = checked("hosts", _hosts, default=())
    paths: tuple[str, ...] = checked("paths", _paths, default=())
    methods: tuple[str, ...] | None = checked(
        "methods", _methods, default=None
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
    min: int = checked("min", _length, default=1)
    max: int = checked("max", _length, default=255)
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

    status: int | None = checked("status", _status, default=None)
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
