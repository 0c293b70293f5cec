"""
What a client tells while it works: each attempt, each retry, each outcome.

A hook is an object with any of `on_attempt`, `on_retry` and `on_outcome`, or a
plain function that is given every event:

    samekey.wrap(client, hooks=[print])

It is called in the middle of the call, so it must be quick, and it must not
wait for anything: coroutine functions are refused. What it raises is logged,
and changes nothing.
"""

from __future__ import annotations

import inspect
import logging

from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast, runtime_checkable

import attrs

from samekey._report import Attempt, Report, key_hint


logger = logging.getLogger("samekey")


@attrs.frozen(kw_only=True)
class About:
    """
    Which operation an event is about.

    Attributes:
        key: The idempotency key, whole, or None; its tail in the repr.

        operation: The operation id as the caller gave it, or None; not in the
            repr.

        method: Of the request. *url*: the library's own object.

        profile: The name of the profile.
    """

    key: str | None = attrs.field(repr=key_hint)
    operation: object = attrs.field(repr=False)
    method: str
    url: Any = attrs.field(repr=False)
    profile: str

    @property
    def host(self) -> str:
        """The host of the URL."""
        host: str = self.url.host
        return host


@attrs.frozen(kw_only=True)
class AttemptEnded:
    """An attempt has ended. *about*: whose; *attempt*: how."""

    about: About
    attempt: Attempt


@attrs.frozen(kw_only=True)
class RetryPlanned:
    """
    Another attempt will be made.

    Attributes:
        about: Of which operation. *attempt*: the one that failed.

        wait: How long is waited first, in seconds.

        poll: It asks whether the first request is still running.
    """

    about: About
    attempt: Attempt
    wait: float
    poll: bool


@attrs.frozen(kw_only=True)
class OperationEnded:
    """
    An operation has its outcome, for now.

    It is told once for each call, for each `resume`, and for each hop of a
    redirect that a transport sees. A call that is refused before anything is
    sent is told of too, as by `OperationChanged`: its outcome stays `open`,
    unless it is known. Not so `InvalidKey`: there is no operation yet.

    Attributes:
        about: Which one. *report*: how it went.

        reason: Why it was not sent once more, where that is why it ended.

        error: The class name of what is raised, where something is.

        earlier: How many of the report's attempts were made before this
            call: by the one that is resumed, or by who gave the journal its
            answer.
    """

    about: About
    report: Report
    reason: str | None = None
    error: str | None = None
    earlier: int = 0

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those of the report's attempts that this call made."""
        return self.report.attempts[self.earlier :]


Event = AttemptEnded | RetryPlanned | OperationEnded


@runtime_checkable
class Hook(Protocol):
    """What is told of each event. A hook may have any of these only."""

    def on_attempt(self, event: AttemptEnded) -> object: ...
    def on_retry(self, event: RetryPlanned) -> object: ...
    def on_outcome(self, event: OperationEnded) -> object: ...


_NAMES = {
    AttemptEnded: "on_attempt",
    RetryPlanned: "on_retry",
    OperationEnded: "on_outcome",
}


def check_hooks(values: object) -> tuple[object, ...]:
    """
    Check `hooks=`.

    Raises:
        TypeError: If it is no list, or one is neither a hook nor a function,
            is a class, or has to be awaited.
    """
    if values is None:
        return ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        msg = f"hooks must be a list of hooks, got {type(values).__name__}"
        raise TypeError(msg)
    found: tuple[object, ...] = tuple(cast("Iterable[object]", values))
    for hook in found:
        if isinstance(hook, type):
            msg = f"hooks must hold objects, got a class: {hook!r}; make one"
            raise TypeError(msg)
        methods = [
            method
            for name in _NAMES.values()
            if callable(method := getattr(hook, name, None))
        ]
        if not methods and callable(hook):
            methods = [hook, getattr(hook, "__call__", None)]  # noqa: B004
        if not methods:
            msg = (
                "hooks must hold functions, or objects with on_attempt,"
                f" on_retry or on_outcome, got {hook!r}"
            )
            raise TypeError(msg)
        if any(inspect.iscoroutinefunction(method) for method in methods):
            msg = f"hooks must not be awaited, got a coroutine: {hook!r}"
            raise TypeError(msg)
    return found


def tell(hooks: Iterable[object], event: Event) -> None:
    """Tell every hook; what one raises is logged, and changes nothing."""
    name = _NAMES[type(event)]
    for hook in hooks:
        call: Callable[[Event], object] | None = getattr(hook, name, None)
        if call is None:
            if any(hasattr(hook, other) for other in _NAMES.values()):
                continue
            call = hook  # type: ignore[assignment]  # check_hooks saw to it
        try:
            call(event)  # type: ignore[misc]  # as above
        except Exception:
            logger.warning(
                "a hook raised in %s: %r", name, hook, exc_info=True
            )
