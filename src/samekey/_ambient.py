"""
Ambient operations: an operation id for calls made deep inside an SDK.

It is a context variable: tasks inherit it, pool threads do not.
"""

from __future__ import annotations

import contextlib

from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

import attrs

from samekey._parts import KeyPart
from samekey.keys import Operation


@attrs.frozen
class Scope:
    """An ambient operation, and the steps inside it."""

    operation: Operation
    steps: tuple[KeyPart, ...] = ()
    outer: Scope | None = None

    def at(self, method: str, url: Any) -> Operation:
        """Give the operation of a call to *url*, made inside."""
        parts = (self.operation.id, *self.steps, method, url.path)
        return attrs.evolve(self.operation, id=parts)


SCOPE: ContextVar[Scope | None] = ContextVar("samekey_scope", default=None)


class operation:  # noqa: N801 -- used as a verb: with samekey.operation(...)
    """
    Name what every keyed call inside belongs to.

    The operation id of a call inside is (the ambient id, the steps, method,
    path), so an SDK's own retry of a call is the same operation. Two equal
    calls in one scope are one operation: tell them apart by `step`. An inner
    `operation` replaces the outer one; an explicit `operation=` or key wins;
    GET and the other methods that get no key by default stay without.

        with samekey.operation(("order", order_id)) as op:
            sdk.create_charge(...)
            with op.step("capture"):
                sdk.capture(...)

    Args:
        id: As for `Operation`, or an `Operation`.

    Raises:
        InvalidKey: If *id*, or a part of it, is empty.

        TypeError: If a part of *id* cannot stand in a key, as None.
    """

    def __init__(self, id: KeyPart | Operation) -> None:  # noqa: A002
        self._scope = Scope(id if isinstance(id, Operation) else Operation(id))

    def __enter__(self) -> Self:
        # What is left stands in the context, not here: two tasks may be
        # inside one object.
        SCOPE.set(attrs.evolve(self._scope, outer=SCOPE.get()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        here = SCOPE.get()
        SCOPE.set(None if here is None else here.outer)

    @contextlib.contextmanager
    def step(self, name: KeyPart) -> Iterator[None]:
        """
        Tell calls inside apart from equal ones in the same operation.

        Raises:
            InvalidKey: If *name* is empty.

            TypeError: If *name* cannot stand in a key.
        """
        Operation(name)
        outer = SCOPE.get()
        if outer is None or outer.operation is not self._scope.operation:
            outer = self._scope
        token = SCOPE.set(attrs.evolve(outer, steps=(*outer.steps, name)))
        try:
            yield
        finally:
            SCOPE.reset(token)
