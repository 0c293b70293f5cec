"""What the arguments of a store must be."""

from __future__ import annotations

import math

from collections.abc import Collection


MAX_ID = 1_024
MAX_KEY = 255
MAX_STATE = 32
MAX_OWNER = 255
MAX_TOKEN = 2**62
MAX_COUNT = 1_000_000
MAX_TIME = 1e300


def check_text(value: object, name: str, most: int, *, least: int = 1) -> str:
    """
    Check that *value* is a string of *least* to *most* characters.

    Raises:
        TypeError: If it is not a string.

        ValueError: If it is too short or too long, or UTF-8 cannot carry it.
    """
    if not isinstance(value, str):
        msg = f"{name} must be a str, got {type(value).__name__}"
        raise TypeError(msg)
    if not least <= len(value) <= most:
        msg = f"{name} must be {least} to {most} characters, got {len(value)}"
        raise ValueError(msg)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            msg = f"{name} must be valid Unicode, got one with a surrogate"
            raise ValueError(msg) from None
    return value


def check_bytes(value: object, name: str) -> bytes:
    """
    Check that *value* is bytes.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(value, bytes):
        msg = f"{name} must be bytes, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def check_time(value: object, name: str, *, endless: bool = False) -> float:
    """
    Check that *value* is a number of seconds, not negative.

    Args:
        value: What is checked.

        name: How the message calls it.

        endless: Infinity is allowed too.

    Raises:
        TypeError: If it is not a number.

        ValueError: If it is NaN, negative or, unless *endless*, infinite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} must be a number, got {type(value).__name__}"
        raise TypeError(msg)
    if not 0 <= value <= (math.inf if endless else MAX_TIME):
        rule = "at least 0" if endless else "finite and at least 0"
        msg = f"{name} must be {rule}, got {value!r}"
        raise ValueError(msg)
    return float(value)


def is_time(value: object) -> bool:
    """Tell whether *value* is what nearly all times are."""
    return type(value) is float and 0 <= value <= MAX_TIME


def check_int(value: object, name: str, most: int) -> int:
    """
    Check that *value* is an int of 1 to *most*.

    Raises:
        TypeError: If it is not an int.

        ValueError: If it is under 1 or over *most*.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} must be an int, got {type(value).__name__}"
        raise TypeError(msg)
    if not 1 <= value <= most:
        msg = f"{name} must be 1 to {most}, got {value}"
        raise ValueError(msg)
    return value


def check_take(take: Collection[str]) -> None:
    """
    Check that *take* is several states, and not the letters of one.

    Raises:
        TypeError: If it is a string.
    """
    if isinstance(take, str):
        msg = (
            f"take must be a collection of states, got str; write ({take!r},)"
        )
        raise TypeError(msg)
