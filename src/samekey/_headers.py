"""
Looks for a header, and adds one, without the price of `Headers`.

The public `in` and `headers[name] = value` encode, lower and scan for every
call; together they cost more than the rest of the key. Where a probe shows
that a `Headers` keeps the list that httpx 0.27 to httpx2 2.16 keep, one pass
over it does both. Otherwise the public way is taken.
"""

from __future__ import annotations

import functools

from typing import Any

import attrs


@attrs.frozen
class Field:
    """A header's name, in the forms that it is looked up by."""

    name: str
    raw: bytes = attrs.field(
        default=attrs.Factory(lambda self: self.name.encode(), True)
    )
    lower: bytes = attrs.field(
        default=attrs.Factory(lambda self: self.name.lower().encode(), True)
    )


@functools.lru_cache(maxsize=8)
def has_list(cls: type) -> bool:
    """Tell whether *cls*, a `Headers`, keeps the list that is known here."""
    probe: Any = cls({"A": "b"})
    return getattr(probe, "_list", None) == [(b"A", b"a", b"b")]


def has(headers: Any, field: Field) -> bool:
    """Tell whether *field* is among *headers*."""
    if not has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        return field.name in headers
    lower = field.lower
    for item in headers._list:  # noqa: SIM110 -- a loop costs half
        if item[1] == lower:
            return True
    return False


def add(headers: Any, field: Field, value: str) -> None:
    """Add *field*, which is not among *headers*."""
    if has_list(type(headers)):  # type: ignore[arg-type]  # classes are hashable
        headers._list.append((field.raw, field.lower, value.encode("ascii")))
    else:
        headers[field.name] = value
