"""
What may stand in an operation id, and the bytes that it becomes.
"""

from __future__ import annotations

import datetime as dt
import functools

from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from samekey.errors import InvalidKey


if TYPE_CHECKING:
    import decimal
    import uuid

    KeyPart = Union[  # noqa: UP007 -- it names itself
        str,
        int,
        bytes,
        decimal.Decimal,
        uuid.UUID,
        dt.datetime,
        "tuple[KeyPart, ...]",
    ]
else:
    # decimal and uuid are loaded where a part is one.
    KeyPart = object
"""What may stand in an operation id."""


# How parts become bytes. Each is a type letter, the length of what follows in
# decimal, a colon, and the bytes: nothing can run into its neighbour.


def encode(parts: tuple[KeyPart, ...]) -> bytes:
    """Write *parts* as bytes that no other parts have."""
    if not parts:
        msg = "an operation id must have at least one part, got none"
        raise InvalidKey(msg)
    return framed(b"(", b"".join(encode_part(part) for part in parts))


def encode_part(part: KeyPart) -> bytes:
    write = _COMMON.get(type(part))
    if write is not None:
        return write(part)
    for writers in (_plain_writers, _more_writers):
        for kind, write in writers():
            if isinstance(part, kind) and not isinstance(part, bool):
                return write(part)
    raise TypeError(_refusal(part))


def framed(letter: bytes, data: bytes) -> bytes:
    return b"%b%d:%b" % (letter, len(data), data)


def _write_str(part: str) -> bytes:
    if not part:
        msg = "a part of an operation id must not be empty, got ''"
        raise InvalidKey(msg)
    try:
        return framed(b"s", str.encode(part))
    except UnicodeEncodeError:
        msg = (
            "a part of an operation id must be valid Unicode, got a surrogate"
        )
        raise InvalidKey(msg) from None


def _write_bytes(part: bytes) -> bytes:
    if not part:
        msg = "a part of an operation id must not be empty, got b''"
        raise InvalidKey(msg)
    return framed(b"b", part)


def _write_int(part: int) -> bytes:
    return framed(b"i", b"%x" % part)


def _write_decimal(part: decimal.Decimal) -> bytes:
    sign, digits, exponent = part.as_tuple()
    if not isinstance(exponent, int):
        msg = f"a Decimal in an operation id must be finite, got {part}"
        raise TypeError(msg)
    # 10.5 and 10.50 are one amount, and so are 0 and -0.
    text = "".join(map(str, digits)).lstrip("0")
    trimmed = text.rstrip("0")
    if not trimmed:
        return framed(b"d", b"0")
    exponent += len(text) - len(trimmed)
    return framed(b"d", f"{'-' * sign}{trimmed}e{exponent}".encode())


def _write_uuid(part: uuid.UUID) -> bytes:
    return framed(b"u", part.bytes)


def _write_datetime(part: dt.datetime) -> bytes:
    if part.utcoffset() is None:
        msg = (
            "a datetime in an operation id must have a time zone, got a naive"
            " one; pass it with tzinfo, or as a string"
        )
        raise TypeError(msg)
    try:
        moment = part.astimezone(dt.UTC)
    except OverflowError:
        msg = (
            f"a datetime in an operation id must be one in UTC too, got {part}"
        )
        raise InvalidKey(msg) from None
    return framed(b"t", moment.isoformat(timespec="microseconds").encode())


def _write_tuple(part: tuple[KeyPart, ...]) -> bytes:
    if not part:
        msg = "a part of an operation id must not be empty, got ()"
        raise InvalidKey(msg)
    return encode(part)


_WRITERS: tuple[tuple[type, Callable[..., bytes]], ...] = (
    (str, _write_str),
    (int, _write_int),
    (bytes, _write_bytes),
    (tuple, _write_tuple),
    (dt.datetime, _write_datetime),
)


_COMMON: dict[type, Callable[..., bytes]] = dict(_WRITERS)
"""By the very type, which nearly every part is of; a bool is none."""


def _plain_writers() -> tuple[tuple[type, Callable[..., bytes]], ...]:
    return _WRITERS


@functools.cache
def _more_writers() -> tuple[tuple[type, Callable[..., bytes]], ...]:
    import decimal  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    return (decimal.Decimal, _write_decimal), (uuid.UUID, _write_uuid)


_WAY_OUT: tuple[tuple[type, str], ...] = (
    (type(None), "is the row saved, has it an id yet?"),
    (bool, "pass 'yes' or 'no'"),
    (float, "pass a Decimal, a string, or an int of minor units"),
    (dt.date, "pass date.isoformat()"),
    (list, "pass a tuple"),
)


def _refusal(part: object) -> str:
    # Without the value: an operation id may be private.
    hint = next((h for kind, h in _WAY_OUT if isinstance(part, kind)), None)
    return (
        "a part of an operation id must be a str, int, bytes, Decimal, UUID,"
        f" aware datetime or tuple, got {type(part).__name__}"
        + ("" if hint is None else f"; {hint}")
    )
