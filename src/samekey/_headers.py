"""
Looks for headers, and adds one, without the price of `Headers`.

The public `in`, `get` and `headers[name] = value` encode, lower and scan for
every call; together they cost more than the rest of the key. Where a probe
shows that a `Headers` keeps the list that httpx 0.27 to httpx2 2.16 keep, one
pass over it does. Otherwise the public way is taken.
"""

from __future__ import annotations

import functools

from collections.abc import Collection
from typing import Any


FORM = "application/x-www-form-urlencoded"
_TYPE = b"content-type"
_FORM = FORM.encode()
_new = object.__new__


class Field:
    """A header's name, in the forms that it is looked up by."""

    __slots__ = ("looked_for", "lower", "name", "raw")

    def __init__(self, name: str) -> None:
        self.name = name
        self.raw = name.encode("ascii")
        self.lower = self.raw.lower()
        # With what `look` looks for besides.
        self.looked_for = frozenset([self.lower, _TYPE])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Field({self.name!r})"


@functools.lru_cache(maxsize=8)
def has_list(cls: type) -> bool:
    """Tell whether *cls*, a `Headers`, keeps what is known here, and no more."""
    state = getattr(cls({"A": "b"}), "__dict__", None)
    return state == {"_list": [(b"A", b"a", b"b")], "_encoding": None}


def has(headers: Any, field: Field) -> bool:
    """Tell whether *field* is among *headers*."""
    if not has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        return field.name in headers
    lower = field.lower
    for item in headers._list:  # noqa: SIM110 -- a loop costs half
        if item[1] == lower:
            return True
    return False


def look(headers: Any, field: Field) -> tuple[bool, bool]:
    """Tell whether *field* is there, and whether the body is a form."""
    if not has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        kind = headers.get("content-type", "")
        return field.name in headers, kind.lower().startswith(FORM)
    looked_for = field.looked_for
    found = form = False
    for item in headers._list:
        if item[1] in looked_for:
            if item[1] == _TYPE:
                form = item[2][:33].lower() == _FORM
            else:
                found = True
    return found, form


ENCODING = b"content-encoding"
LENGTH = b"content-length"
FRAMING = frozenset([ENCODING, LENGTH])


class Watched:
    """Headers of an answer, in lower case, that tell more than its status."""

    __slots__ = ("telling", "together")

    def __init__(self, telling: Collection[bytes]) -> None:
        self.telling = telling
        self.together = FRAMING.union(telling)


def look_at(headers: Any, watched: Watched) -> tuple[bool, bytes | None, bool]:
    """
    Look at the head of an answer, in one pass.

    Tells whether one of the headers is there that tell more, what the length
    of the body is (several are joined), and whether that is encoded.
    """
    telling = watched.telling
    if not has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        said = headers.get("content-length")
        return (
            any(name.decode() in headers for name in telling),
            None if said is None else said.encode(),
            "content-encoding" in headers,
        )
    together = watched.together
    tells = encoded = False
    length: bytes | None = None
    for item in headers._list:
        name = item[1]
        if name in together:
            if name == LENGTH:
                value = item[2]
                length = value if length is None else length + b", " + value
            elif name == ENCODING:
                encoded = True
            if name in telling:
                tells = True
    return tells, length, encoded


def is_encoded(headers: Any) -> bool:
    """Tell whether the body of an answer is encoded."""
    if not has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        return "content-encoding" in headers
    for item in headers._list:  # noqa: SIM110 -- a loop costs half
        if item[1] == ENCODING:
            return True
    return False


def pairs(headers: Any) -> list[tuple[str, str]]:
    """Give all names, in lower case, with their values."""
    if has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        try:
            return [
                (lower.decode("ascii"), value.decode("ascii"))
                for _, lower, value in headers._list
            ]
        except UnicodeDecodeError:
            pass  # a `Headers` finds out what it is
    return [(name.lower(), text) for name, text in headers.multi_items()]


def add(headers: Any, field: Field, value: str) -> None:
    """Add *field*, which is not among *headers*."""
    if has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        headers._list.append((field.raw, field.lower, value.encode("ascii")))
    else:
        headers[field.name] = value


def with_field(headers: Any, field: Field, value: str) -> Any:
    """Copy *headers*, and add *field*, which is not among them."""
    cls: Any = type(headers)
    if not has_list(cls):
        copy = cls(headers)
        copy[field.name] = value
        return copy
    copy = _new(cls)
    copy._list = [
        *headers._list,
        (field.raw, field.lower, value.encode("ascii")),
    ]
    copy._encoding = None
    return copy
