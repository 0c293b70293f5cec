"""
Everything that samekey raises on purpose.

    SamekeyError
    ├── GaveUp            .report; .response where there is one
    │   ├── NotExecuted   no known send can have been executed
    │   ├── InDoubt       an attempt may have been executed: keep the key
    │   └── AnswerLost    settled (2xx), its answer could not be read
    ├── OperationChanged  same operation, other request or key; nothing sent
    ├── KeyReused         the server says: this key, another payload
    ├── KeyExpired        the server may have forgotten the key; nothing sent
    ├── OperationBusy     another worker is on it right now
    ├── BodyNotReplayable a one-shot body over the limit; nothing sent
    ├── InvalidKey        not 1 to 255 characters of 0x21-0x7E; nothing sent
    └── JournalError      the store failed before the first send; nothing sent

A `GaveUp` is also an instance of one of the client library's own exceptions,
so that a handler for `httpx.ReadTimeout` or `httpx.TransportError` goes on
working. That class is chosen so that it never lies: what is in doubt is never
an instance of a class that reads as "was not sent".
"""

from __future__ import annotations

import functools

from typing import Any, Literal, TypeVar

from samekey._report import Report


Reason = Literal[
    "attempts",
    "deadline",
    "budget",
    "retention",
    "in_flight",
    "unvouched",
    "status",
    "key_reuse",
    "replayed_error",
    "body",
    "unkeyed",
    "request",
    "hint",
    "locked",
]
"""
Why an operation was not sent once more.

`attempts`, `deadline`, `budget` and `retention` are limits that were reached;
`in_flight`: the server was still working on the key at the deadline;
`unvouched`: nobody vouched that the host keeps keys; `status`: a status that
is not retried; `key_reuse`: the server took the key for another payload's;
`replayed_error`: the server replays a recorded 5xx; `body`: a one-shot body
cannot be sent again; `unkeyed`: no key protects a resend; `request`: the
request itself is at fault; `hint`: the server asked not to try again;
`locked`: the API keeps the key locked after an error of its own.
"""


class SamekeyError(Exception):
    """The base of everything that samekey raises on purpose."""

    def _notes(self) -> dict[str, Any] | None:
        notes = getattr(self, "__notes__", None)
        return None if notes is None else {"__notes__": list(notes)}


class InvalidKey(SamekeyError, ValueError):
    """
    A key, or a part of one, that must not be used; nothing was sent.

    Keys are 1 to 255 characters of 0x21 to 0x7E.
    """


class BodyNotReplayable(SamekeyError):
    """
    The body cannot be sent a second time; nothing was sent.

    Pass bytes, or a body of at most 8 MiB, or use `attempts=1` without an
    operation id.
    """


class _WithPrevious(SamekeyError):
    """
    An operation that an earlier call forbids.

    Attributes:
        previous: The report of that earlier call, where it is known.
    """

    def __init__(self, message: str, previous: Report | None = None) -> None:
        super().__init__(message)
        self.previous = previous

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args, self.previous), self._notes()


class OperationChanged(_WithPrevious):
    """
    The same operation with another request or another key; nothing was sent.

    Also raised for a new generation while the previous one is in doubt.
    Attributes: `previous`, the report of the earlier call, where it is known.
    """


class KeyExpired(_WithPrevious):
    """
    The server may have forgotten the key, so a resend could act twice.

    So could one that never had a key, as with the profile `none`. Nothing was sent. Ask the API what became of the operation; only then
    start a new generation. Attributes: `previous`, as in `OperationChanged`.
    """


class OperationBusy(_WithPrevious):
    """
    Another worker is on this operation right now; nothing was sent.

    Try again in a moment, or leave it to the other one. Attributes:
    `previous`, as in `OperationChanged`.
    """


class JournalError(SamekeyError):
    """
    The journal's store failed before the first send; nothing was sent.

    The cause is `__cause__`. Once the store works, the call can be made again
    with the same operation id.
    """


class KeyReused(SamekeyError):
    """
    The server says that this key was used with another payload.

    Attributes:
        report: What is known of the operation.

        response: The server's answer; None after pickling.

        words: What the server says, where it says it in words; keys in it are
            left out.
    """

    report: Report
    response: Any = None
    words: str | None

    def __init__(
        self, message: str, report: Report, words: str | None = None
    ) -> None:
        super().__init__(message)
        self.report = report
        self.words = words

    def __reduce__(self) -> tuple[Any, ...]:
        state = (*self.args, self.report, self.words)
        return type(self), state, self._notes()


class GaveUp(SamekeyError):
    """
    The operation ended without an answer that can be handed out.

    Attributes:
        report: The key, the outcome and every attempt.

        response: The answer that decided it, where there is one; None after
            pickling.

        reason: Why it was not sent once more.

    Pickling keeps the report and drops request, response and body.
    """

    report: Report
    response: Any = None
    reason: Reason
    _sent: Any = None

    @property
    def key(self) -> str | None:
        """The idempotency key, whole."""
        return self.report.key

    @property
    def request(self) -> Any:
        """
        The request of the last attempt, as on the library's own errors.

        Raises:
            RuntimeError: If there is none, as after pickling.
        """
        if self._sent is None:
            msg = "The .request property has not been set."
            raise RuntimeError(msg)
        return self._sent

    @request.setter
    def request(self, request: Any) -> None:
        self._sent = request

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        bases = type(self).__bases__
        if len(bases) == 1:  # made by hand, as for a test
            return type(self), self.args, self._notes()
        state = (self.args[0], self.report, self.reason)
        return _rebuild, (*bases, state), self._notes()


class NotExecuted(GaveUp):
    """
    No send that this client knows of can have been executed.

    An earlier process may have sent a key that comes from elsewhere: this
    client cannot know of it.
    """


class InDoubt(GaveUp):
    """
    An attempt may have been executed, and no answer settled it.

    Keep the key. Ask the API, or call `client.resume(exc)` later; never start
    the operation anew under another key before it is known.
    """


class AnswerLost(GaveUp):
    """
    The server settled it (2xx), but its answer could not be read to the end.

    The effect is sure. `client.resume(exc)` asks for the answer again under
    the same key.
    """


G = TypeVar("G", bound=GaveUp)


@functools.lru_cache(maxsize=256)
def blended(plain: type[G], other: type[BaseException]) -> type[G]:
    """Make the class that is both *plain* and the library's own *other*."""
    return type(
        f"{plain.__name__}[{other.__name__}]",
        (plain, other),
        {"__module__": plain.__module__, "__doc__": plain.__doc__},
    )


def build(cls: type[G], message: str, report: Report, reason: Reason) -> G:
    """Make a `GaveUp`; live fields are the caller's to set."""
    # The library's __init__ wants a live request and response, which an
    # unpickled error has not.
    exc = cls.__new__(cls, message)
    exc.args = (message,)
    exc.report = report
    exc.reason = reason
    return exc


def _rebuild(
    plain: type[GaveUp],
    other: type[BaseException],
    state: tuple[str, Report, Reason],
) -> GaveUp:
    cls: type[GaveUp] = blended(plain, other)  # type: ignore[arg-type]  # classes are hashable
    return build(cls, *state)
