"""
The operation ids that payments are sent under, and their references.

`create` of `("order", 7)` is sent as `("payments.create", "order", 7)`, so
that no two verbs of one id share a key, and none has that of a plain call.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import attrs

from samekey._parts import KeyPart
from samekey.keys import Operation


_PREFIX = "payments."
_REFERENCE = "reference"
_LEAST = 2  # The verb, and one part of an id.


def named(verb: str, operation: object) -> Operation:
    """
    Give the operation that *verb* of *operation* is.

    Raises:
        InvalidKey: If *operation*, or a part of it, is empty.

        TypeError: If it, or a part of it, cannot stand in a key, as None.
    """
    if operation is None:
        msg = (
            "operation must say what is to happen once, such as"
            " ('order', 123), got None; is the row saved, has it an id yet?"
        )
        raise TypeError(msg)
    plain = (
        operation if isinstance(operation, Operation) else Operation(operation)  # type: ignore[arg-type]  # it checks that
    )
    # "a" and ("a",) are one operation id.
    parts = plain.id if isinstance(plain.id, tuple) else (plain.id,)
    return attrs.evolve(plain, id=(_PREFIX + verb, *parts))


def unnamed(operation: object) -> tuple[str, tuple[KeyPart, ...]]:
    """
    Give the verb and the id that `named` made *operation* of.

    Raises:
        ValueError: If it did not make it.
    """
    if not _is_ours(operation):
        msg = (
            "it must come from a call of Payments; if you know the operation"
            " id of that call, pass it as operation="
        )
        raise ValueError(msg)
    return str(operation[0]).removeprefix(_PREFIX), operation[1:]


def _is_ours(operation: object) -> TypeGuard[tuple[Any, ...]]:
    return (
        _is_tuple(operation)
        and len(operation) >= _LEAST
        and str(operation[0]).startswith(_PREFIX)
    )


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    # Checkers know nothing of what is in a tuple that was an object.
    return isinstance(value, tuple)


def reference(
    operation: Operation, *, namespace: str | None, secret: bytes | None
) -> str:
    """
    Make the reference of what *operation*, which `named` made, pays for.

    It is shaped as a key, and is another one, so that nobody who sees it at
    the API knows the key.
    """
    _, parts = unnamed(operation.id)
    named_so = attrs.evolve(operation, id=(_PREFIX + _REFERENCE, *parts))
    return named_so.key(namespace=namespace, secret=secret)
