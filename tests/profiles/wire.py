"""A transport that writes down what would go over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import httpx
import httpx2

import samekey


LIBRARIES: dict[str, Any] = {"httpx": httpx, "httpx2": httpx2}


@attrs.frozen
class Sent:
    """One request as it went out."""

    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def all(self, name: str) -> list[bytes]:
        """Give the values of every header called *name*."""
        lower = name.lower().encode()
        return [v for n, v in self.headers if n.lower() == lower]

    @property
    def names(self) -> set[bytes]:
        return {name.lower() for name, _ in self.headers}


def recorder(library: Any, answers: Iterable[Any] = ()) -> Any:
    """
    Make a transport that records, and gives *answers*, then 200s.

    An answer is a status, a function that makes a response of the request, or
    an exception to raise.
    """
    rest = iter(answers)

    class Recorder(library.BaseTransport):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.sent: list[Sent] = []

        def handle_request(self, request: Any) -> Any:
            self.sent.append(_seen(request))
            answer = next(rest, 200)
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, int):
                return library.Response(answer, content=b"{}")
            return answer(request)

    return Recorder()


def _seen(request: Any) -> Sent:
    # httpcore writes what the stream gives, not what was read before.
    body = b"".join(request.stream)
    line = f"{request.method} ".encode() + request.url.raw_path
    return Sent(line, tuple(request.headers.raw), body)


@attrs.frozen
class Door:
    """A way in: the library, and where samekey stands."""

    library: str
    door: str

    def __str__(self) -> str:
        return f"{self.library}-{self.door}"

    @property
    def module(self) -> Any:
        return LIBRARIES[self.library]

    def client(self, transport: Any, **terms: Any) -> Any:
        """Make a client over *transport*, with samekey at this door."""
        options: dict[str, Any] = {}
        for name in ("base_url", "follow_redirects", "auth"):
            if name in terms:
                options[name] = terms.pop(name)
        if self.door == "transport":
            transport = samekey.Transport(transport, **terms)
        plain = self.module.Client(
            transport=transport, trust_env=False, **options
        )
        if self.door == "transport":
            return plain
        return samekey.wrap(plain, **terms)

    def request(
        self, client: Any, method: str, url: str, **options: Any
    ) -> Any:
        """Send; samekey's own options work at both doors."""
        names = ("operation", "idempotency_key", "policy")
        own = {n: options.pop(n) for n in names if n in options}
        if self.door == "transport":
            options["extensions"] = {"samekey": own}
        else:
            options.update(own)
        return client.request(method, url, **options)


DOORS = [
    Door(library, door)
    for library in LIBRARIES
    for door in ("client", "transport")
]

Maker = Callable[[Any], Any]
