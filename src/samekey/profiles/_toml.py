"""
Reads profiles from TOML; an error names file, table and field.

    [acme]
    name = "Acme Payments"
    [acme.match]
    hosts = ["api.acme.example"]
    [acme.placement]
    kind = "json"
    pointer = "/request_id"
    [acme.retention]
    seconds = 86400
    [acme.answers]
    in_flight = [{ status = 409, code = "busy", field = "/error/reason" }]
"""

from __future__ import annotations

import functools
import math
import os

from collections.abc import Callable
from pathlib import Path
from typing import Any

from samekey.profiles._profile import Profile
from samekey.profiles._values import (
    Answer,
    Companion,
    KeyRules,
    Match,
    Placement,
    Retention,
)


_PLAIN = frozenset(
    {
        "aliases",
        "tier",
        "confidence",
        "verified_on",
        "sources",
        "notes",
    }
)
_ANSWERS = (
    "replay",
    "in_flight",
    "mismatch",
    "already_done",
    "missing",
    "store_down",
)
_BEHAVIOUR = frozenset(
    {"after_5xx", "hints", "min_retry_delay", "scope_headers"}
)


class _At(Exception):
    """What is wrong, and in which field."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(field, what)
        self.field = field
        self.what = what


def load(path: str | os.PathLike[str]) -> tuple[Profile, ...]:
    """
    Read the profiles of a TOML file.

    It has one table a profile; the file that comes with samekey,
    `samekey/profiles/profiles.toml`, shows the fields.

    Raises:
        OSError: If the file cannot be read.

        ValueError: If it is no TOML, or a field is wrong; the message names
            file, table and field.
    """
    file = Path(path)
    return _read(file.read_bytes(), str(file))


@functools.cache
def shipped() -> tuple[Profile, ...]:
    """Give the profiles that come with samekey; read on first use."""
    file = Path(__file__).with_name("profiles.toml")
    return _read(file.read_bytes(), "profiles.toml")


def _read(data: bytes, file: str) -> tuple[Profile, ...]:
    import tomllib  # noqa: PLC0415 -- seldom needed before a first call

    try:
        tables = tomllib.loads(data.decode())
    except ValueError as exc:
        msg = f"{file}: {exc}"
        raise ValueError(msg) from None
    found: list[Profile] = []
    for name, table in tables.items():
        try:
            found.append(_profile(name, table))
        except _At as exc:
            where = f"[{name}] {exc.field}" if exc.field else f"[{name}]"
            msg = f"{file}: {where}: {exc.what}"
            raise ValueError(msg) from None
    return tuple(found)


def _profile(name: str, table: object) -> Profile:
    rest = dict(_table(table, ""))
    given: dict[str, Any] = {
        key: rest.pop(key) for key in _PLAIN if key in rest
    }
    if "name" in rest:
        given["title"] = rest.pop("name")
    for key, kind in _PARTS.items():
        if key in rest:
            given[key] = kind(key, rest.pop(key))
    if "companions" in rest:
        given["companions"] = _list(
            "companions", Companion, rest.pop("companions")
        )
    answers = dict(_table(rest.pop("answers", {}), "answers"))
    for key in _ANSWERS:
        if key in answers:
            given[key] = _list(f"answers.{key}", Answer, answers.pop(key))
    _nothing_left(answers, "answers.")
    behaviour = _table(rest.pop("behaviour", {}), "behaviour")
    _nothing_left(behaviour.keys() - _BEHAVIOUR, "behaviour.")
    given.update(behaviour)
    _nothing_left(rest, "")
    made: Profile = _made("", Profile, {"name": name, **given})
    return made


def _part(kind: type) -> Callable[[str, object], object]:
    def make(name: str, value: object) -> object:
        return _made(name, kind, _table(value, name))

    return make


def _retention(name: str, value: object) -> object:
    table = dict(_table(value, name))
    if "indefinite" in table:
        if table.pop("indefinite") is not True or "seconds" in table:
            field = f"{name}.indefinite"
            raise _At(field, "must be true, without seconds")
        table["seconds"] = math.inf
    return _made(name, Retention, table)


# Fields of a profile that stand elsewhere in the file.
_WRITTEN = {
    "title": "name",
    **{name: f"answers.{name}" for name in _ANSWERS},
    **{name: f"behaviour.{name}" for name in _BEHAVIOUR},
}

_PARTS: dict[str, Callable[[str, object], object]] = {
    "match": _part(Match),
    "placement": _part(Placement),
    "key": _part(KeyRules),
    "retention": _retention,
}


@functools.cache
def _fields(kind: Any) -> frozenset[str]:
    return frozenset(f.name for f in kind.__attrs_attrs__ if f.init)


def _made(name: str, kind: Any, table: dict[str, Any]) -> Any:
    known = _fields(kind)
    prefix = f"{name}." if name else ""
    _nothing_left(table.keys() - known, prefix)
    try:
        return kind(**table)
    except (TypeError, ValueError) as exc:
        # A message starts with the name of its field.
        first, _, what = str(exc).partition(" ")
        field, dot, inner = first.partition(".")
        if field in known:
            if kind is Profile:
                field = _WRITTEN.get(field, field)
            raise _At(prefix + field + dot + inner, what) from None
        raise _At(name, str(exc)) from None


def _list(name: str, kind: type, value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _At(name, f"must be a list of tables, got {_kind(value)}")
    return tuple(
        _made(f"{name}[{index}]", kind, _table(item, f"{name}[{index}]"))
        for index, item in enumerate(value)
    )


def _table(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _At(name, f"must be a table, got {_kind(value)}")
    return value


def _nothing_left(rest: Any, prefix: str) -> None:
    if rest:
        raise _At(prefix + min(rest), "is not a field that is known")


def _kind(value: object) -> str:
    return type(value).__name__
