"""
Forms in bracket notation: `{"a": {"b": [1]}}` is `a[b][0]=1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast


def bracketed(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """
    Write nested *values* as the fields of a form.

    None is left out. True is `true`.

    Raises:
        TypeError: If a value is no str, int, bool, list or mapping; a float
            is refused, since nobody knows how it will be written.

        ValueError: If a name is empty, or has a bracket in it.
    """
    return tuple(
        field
        for name, value in values.items()
        for field in _fields(_checked(name), value)
    )


def _fields(name: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case bool():
            yield name, str(value).lower()
        case str() | int():
            yield name, str(value)
        case Mapping():
            values = cast("Mapping[object, object]", value)
            for inner, item in values.items():
                yield from _fields(f"{name}[{_checked(inner)}]", item)
        case list() | tuple():
            for index, item in enumerate(cast("Sequence[object]", value)):
                yield from _fields(f"{name}[{index}]", item)
        case _:
            msg = (
                f"{name} must be a str, int, bool, list or mapping, got"
                f" {type(value).__name__}"
            )
            raise TypeError(msg)


def _checked(name: object) -> str:
    if not isinstance(name, str) or not name or set(name) & set("[]"):
        msg = f"a field's name must be a str without brackets, got {name!r}"
        raise ValueError(msg)
    return name
