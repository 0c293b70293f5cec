"""
What the fields of a profile must be.

A check takes a value and the field's name, and gives the value back, in the
form in which it is kept.
"""

from __future__ import annotations

import datetime as dt
import re

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

import attrs


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
    """Make an attrs field whose values *check* sees, save a default None."""
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


def header_names(value: object, name: str) -> tuple[str, ...]:
    return tuple(header_name(item, name) for item in texts(value, name))


def host_patterns(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for host in found:
        if _HOST.fullmatch(host) is None:
            msg = (
                f"{name} must be as 'api.example.com' or '*.example.com', in"
                f" lower case, got {host!r}"
            )
            raise ValueError(msg)
    return found


def path_patterns(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for path in found:
        if path[0] not in "/*":
            msg = f"{name} must start with '/' or '*', got {path!r}"
            raise ValueError(msg)
    return found


def method_names(value: object, name: str) -> tuple[str, ...]:
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


def length(value: object, name: str) -> int:
    found = number(value, name)
    if found < 1:
        msg = f"{name} must be at least 1, got {found}"
        raise ValueError(msg)
    return found


def http_status(value: object, name: str) -> int:
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
        msg = (
            f"{name} must be seconds or a timedelta, got"
            f" {type(value).__name__}"
        )
        raise TypeError(msg)
    if not seconds >= 0:
        msg = f"{name} must be at least 0, got {value!r}"
        raise ValueError(msg)
    return float(seconds)


def instance_of(kind: type) -> Callable[[object, str], object]:
    def check(value: object, name: str) -> object:
        if not isinstance(value, kind):
            msg = (
                f"{name} must be a {kind.__name__}, got {type(value).__name__}"
            )
            raise TypeError(msg)
        return value

    return check
