"""
Which of httpx and httpx2 an object belongs to.

The two share no classes. samekey names neither: the library is found from the
objects that the user gives, so the other one is never imported.
"""

from __future__ import annotations

import functools
import sys

from typing import Any, Protocol, cast


class Url(Protocol):
    """The parts of a URL object that are used here."""

    @property
    def scheme(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def path(self) -> str: ...
    def copy_with(self, **changes: Any) -> Url: ...


class Headers(Protocol):
    """The parts of a Headers object that are used here."""

    def __contains__(self, name: Any) -> bool: ...
    def __setitem__(self, name: str, value: str) -> None: ...
    def __delitem__(self, name: str) -> None: ...
    def get(self, name: str, default: Any = None) -> Any: ...
    def get_list(self, name: str) -> list[str]: ...


class Request(Protocol):
    """The parts of a Request that are used here."""

    method: str
    url: Any
    headers: Any
    extensions: Any
    stream: Any

    @property
    def content(self) -> bytes: ...


class Response(Protocol):
    """The parts of a Response that are used here."""

    status_code: int
    headers: Any
    extensions: Any
    stream: Any
    next_request: Any
    history: list[Any]
    is_stream_consumed: bool
    is_closed: bool

    @property
    def content(self) -> bytes: ...
    def read(self) -> bytes: ...
    def close(self) -> None: ...
    async def aread(self) -> bytes: ...
    async def aclose(self) -> None: ...


class Module(Protocol):
    """What samekey uses of the library itself."""

    RequestError: Any
    TransportError: type[Exception]
    DecodingError: Any
    HTTPStatusError: type[Exception]
    PoolTimeout: type[Exception]
    UnsupportedProtocol: type[Exception]
    ReadTimeout: type[Exception]
    StreamConsumed: type[Exception]
    TooManyRedirects: Any
    HTTPTransport: type
    AsyncHTTPTransport: type
    BaseTransport: type
    AsyncBaseTransport: type
    SyncByteStream: type
    AsyncByteStream: type
    ByteStream: type
    Client: type
    AsyncClient: type
    URL: Any
    USE_CLIENT_DEFAULT: Any
    Headers: Any
    Request: Any
    Response: Any

    def __hash__(self) -> int: ...


NAMES = ("httpx", "httpx2")


@functools.lru_cache(maxsize=64)
def library_of(cls: type) -> Module | None:
    """Find the library in which *cls* or one of its bases is defined."""
    for base in cls.__mro__:
        root = base.__module__.partition(".")[0]
        if root in NAMES:
            return cast("Module", sys.modules[root])
    return None


_RAW = ("ssl", "h11", "h2", "httpcore", "httpcore2")


def from_transport(library: Module, exc: BaseException) -> bool:
    """
    Tell whether *exc* is of a kind that a transport raises for the network.

    Besides the library's own `TransportError`, raw ssl, h11 and h2 errors and
    groups escape it (measured, both libraries, asyncio most of all).
    """
    if isinstance(exc, (library.TransportError, library.DecodingError)):
        return True
    if isinstance(exc, ExceptionGroup):
        return True
    return isinstance(exc, Exception) and any(
        base.__module__.partition(".")[0] in _RAW for base in type(exc).__mro__
    )


def content_of(message: Any) -> bytes | None:
    """Give the body of a request or response, if it has been read."""
    try:
        content: bytes = message.content
    except RuntimeError:  # RequestNotRead, ResponseNotRead
        return None
    return content


def body_of(library: Module, request: Any) -> bytes:
    """Give the body of a request; empty where it is not bytes."""
    found = content_of(request)
    if found is None and isinstance(request.stream, library.ByteStream):
        # One made by hand, or the hop of a redirect: nobody has read it.
        found = request.read()
    return b"" if found is None else found


@functools.lru_cache(maxsize=32)
def stream_class(library: Module, own: type) -> Any:
    """Make *own* a class of the library, which checks that of a stream."""
    bases = [
        base
        for name, base in (
            ("__iter__", library.SyncByteStream),
            ("__aiter__", library.AsyncByteStream),
        )
        if hasattr(own, name)
    ]
    return type(own.__name__, (own, *bases), {})


Origin = tuple[str, str, int | None]
"""Scheme, host and port."""

_PORTS = {"http": 80, "https": 443}


def origin(url: Any) -> Origin:
    """Give scheme, host and port (RFC 6454, section 4) of a URL object."""
    if has_parts(type(url)):  # type: ignore[arg-type]  # classes are hashable
        # What the properties give, at a fraction of their price.
        parts = url._uri_reference
        scheme, host, port = parts.scheme, parts.host, parts.port
    else:
        scheme, port = url.scheme, url.port
        host = url.raw_host.decode("ascii")
    return scheme, host, _PORTS.get(scheme) if port is None else port


@functools.lru_cache(maxsize=8)
def has_parts(cls: Any) -> bool:
    """Tell whether *cls*, a `URL`, keeps the parts that are known here."""
    try:
        parts = cls("HTTP://BÜCHER.example:81/")._uri_reference
        found = parts.scheme, parts.host, parts.port
    except Exception:  # noqa: BLE001 -- another's class may raise anything
        return False
    return found == ("http", "xn--bcher-kva.example", 81)
