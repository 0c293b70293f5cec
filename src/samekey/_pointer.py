"""JSON pointers (RFC 6901)."""

from __future__ import annotations

import functools

from typing import Any


@functools.lru_cache(maxsize=512)
def steps_of(where: str) -> tuple[str, ...]:
    """Take a JSON pointer apart."""
    return tuple(
        step.replace("~1", "/").replace("~0", "~")
        for step in where.split("/")[1:]
    )


def value_at(value: Any, where: str) -> object:
    """Give what a JSON pointer points at; None if nothing."""
    for step in steps_of(where):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal():
            index = int(step)
            value = value[index] if index < len(value) else None
        else:
            return None
    return value


def check_pointer(value: object, name: str) -> str:
    """
    Check a JSON pointer.

    Raises:
        TypeError: If it is not a str.

        ValueError: If it does not start with a slash.
    """
    if not isinstance(value, str):
        msg = f"{name} must be a JSON pointer, got {type(value).__name__}"
        raise TypeError(msg)
    if not value.startswith("/"):
        msg = f"{name} must be a JSON pointer such as '/id', got {value!r}"
        raise ValueError(msg)
    return value
