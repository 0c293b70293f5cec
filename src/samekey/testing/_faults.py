"""
Say how one exchange between a client and a server goes wrong.

Whatever the fault, the server goes the same way: read the request, execute
it, wait, send, end. A fault says at which of these steps it goes astray. What
matters most to a client is whether that is before or after execution, and it
is exactly what a client cannot see.
"""

import hashlib
import http.client
import math

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self, get_args

import attrs


# FIN, RST, silence and then FIN, or on to the connection's next request.
End = Literal["close", "reset", "stall", "keep"]
Headers = tuple[tuple[str, str], ...]


def _must(
    holds: Callable[[Any], bool], rule: str
) -> "Callable[[object, attrs.Attribute[Any], Any], None]":
    def check(_: object, field: "attrs.Attribute[Any]", value: Any) -> None:
        if value is not None and not holds(value):
            msg = f"{field.name} must be {rule}, got {value!r}"
            raise ValueError(msg)

    return check


_seconds = _must(lambda n: 0 <= n < math.inf, "0 or more finite seconds")
_size = _must(lambda n: n >= 0, "0 or more bytes")
_end = _must(get_args(End).__contains__, "close, reset, stall or keep")
# An interim answer (1xx) is not an answer; `Fault.raw` can send one.
_final = _must(range(200, 1000).__contains__, "from 200 to 999")


@attrs.frozen
class Answer:
    """A whole answer; Content-Length is added where it is missing."""

    status: int = attrs.field(default=200, validator=_final)
    headers: Headers = attrs.field(default=(), kw_only=True)
    body: bytes = attrs.field(default=b"", kw_only=True)

    def wire(self, method: str) -> tuple[bytes, bytes]:
        """Return the head and the body that answer a request of *method*."""
        empty = self.status in {204, 304}  # RFC 9112 section 6.3
        headers = list(self.headers)
        names = {name.lower() for name, _ in headers}
        if not empty and names.isdisjoint(_FRAMING):
            headers.append(("Content-Length", str(len(self.body))))
        reason = http.client.responses.get(self.status, "")
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        return head, b"" if empty or method == "HEAD" else self.body


_FRAMING = {"content-length", "transfer-encoding"}


@attrs.frozen(kw_only=True)
class Fault:
    """How one exchange goes wrong. Make one with a class method."""

    kind: str  # The class method that made it.
    after_execution: bool  # Does the application execute the request?
    reads: bool = True  # Is the request read to its end?
    delay: float = attrs.field(default=0.0, validator=_seconds)
    answer: Answer | None = None  # Instead of the application's.
    data: bytes | None = None  # Instead of any well-formed answer.
    # How many bytes of the body are sent; None is all.
    after: int | None = attrs.field(default=None, validator=_size)
    # The time between two bytes; 0 sends all at once.
    interval: float = attrs.field(default=0.0, validator=_seconds)
    end: End = attrs.field(default="keep", validator=_end)
    # How long to stall; None is until either side closes.
    hold: float | None = attrs.field(default=None, validator=_seconds)

    def wire(self, answer: Answer, method: str) -> bytes:
        """Return what is sent where *answer* would have been right."""
        if self.data is not None:
            return self.data
        right = answer if self.answer is None else self.answer
        head, body = right.wire(method)
        if self.after is not None:
            body = body[: min(self.after, max(0, len(body) - 1))]
        return head + body

    @classmethod
    def _silent(cls, kind: str, *, executed: bool, reset: bool) -> Self:
        end: End = "reset" if reset else "close"
        return cls(kind=kind, after_execution=executed, data=b"", end=end)

    @classmethod
    def refuse(cls, *, reset: bool = False) -> Self:
        """
        Close at the request's first bytes, without reading the rest.

        A fault that a function chose has seen the request, so then the whole
        of it has been read.
        """
        fault = cls._silent("refuse", executed=False, reset=reset)
        return attrs.evolve(fault, reads=False)

    @classmethod
    def lose_request(cls, *, reset: bool = False) -> Self:
        """Read the request, do not execute it, close without an answer."""
        return cls._silent("lose_request", executed=False, reset=reset)

    @classmethod
    def lose_answer(cls, *, reset: bool = False) -> Self:
        """Execute the request, then close without an answer."""
        return cls._silent("lose_answer", executed=True, reset=reset)

    @classmethod
    def stall(
        cls, seconds: float | None = None, *, executed: bool = False
    ) -> Self:
        """
        Hold the connection in silence, then close without an answer.

        Args:
            seconds: How long. None is until the client goes away or the
                server closes.

            executed: Whether the request is executed first.

        Raises:
            ValueError: If *seconds* is negative or not finite.
        """
        fault = cls._silent("stall", executed=executed, reset=False)
        return attrs.evolve(fault, end="stall", hold=seconds)

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """
        Execute the request, wait, then answer properly.

        Raises:
            ValueError: If *seconds* is negative or not finite.
        """
        return cls(kind="slow", after_execution=True, delay=seconds)

    @classmethod
    def cut(
        cls, after: int = 10, *, reset: bool = False, stall: bool = False
    ) -> Self:
        """
        Execute the request, then break off in the middle of the body.

        The head is whole and its Content-Length right. The body's last byte
        is withheld however large *after* is; without a body nothing is.

        Raises:
            ValueError: If *after* is negative, or *reset* and *stall* are
                both asked for.
        """
        if reset and stall:
            msg = "reset and stall must not both be true, got both"
            raise ValueError(msg)
        end: End = "reset" if reset else "stall" if stall else "close"
        return cls(kind="cut", after_execution=True, after=after, end=end)

    @classmethod
    def status(
        cls,
        code: int,
        *,
        executed: bool = False,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Self:
        """
        Answer *code* instead of what the application says.

        Raises:
            ValueError: If *code* is not from 200 to 999; send others `raw`.
        """
        answer = Answer(code, headers=tuple(headers), body=body)
        return cls(kind="status", after_execution=executed, answer=answer)

    @classmethod
    def raw(
        cls, data: bytes, *, executed: bool = True, end: End = "close"
    ) -> Self:
        """
        Send exactly these bytes, whatever they are, then *end*.

        Raises:
            ValueError: If *end* is not close, reset, stall or keep.
        """
        return cls(kind="raw", after_execution=executed, data=data, end=end)

    @classmethod
    def drip(cls, interval: float = 0.1, *, executed: bool = True) -> Self:
        """
        Answer properly, one byte per *interval*, the head included.

        If not *executed* there is nothing to say; an empty 503 drips instead.

        Raises:
            ValueError: If *interval* is negative or not finite.
        """
        return cls(kind="drip", after_execution=executed, interval=interval)


def draw(
    seed: int | str,
    *coordinates: int | str,
    rate: float,
    faults: Sequence[Fault],
) -> Fault | None:
    """
    Choose the same fault for the same *seed* and *coordinates*, anywhere.

    Threads and timing have no say, so a failing run can be run again.

    Args:
        coordinates: Name one exchange, such as a charge and an attempt.

        rate: The share of exchanges that go wrong, from 0 to 1.

        faults: What to choose from, each as likely as the others.

    Raises:
        ValueError: If *rate* is not from 0 to 1, or *faults* is empty.
    """
    if not 0 <= rate <= 1:
        msg = f"rate must be from 0 to 1, got {rate!r}"
        raise ValueError(msg)
    if not faults:
        msg = "faults must hold at least one fault, got none"
        raise ValueError(msg)
    # The repr of a tuple keeps 1 and "1", and ("a", "b") and ("ab",), apart.
    digest = hashlib.sha256(repr((seed, *coordinates)).encode()).digest()
    # 53 bits are what a float below 1 can hold.
    if (int.from_bytes(digest[:8]) >> 11) / 2**53 >= rate:
        return None
    return faults[int.from_bytes(digest[8:16]) % len(faults)]
