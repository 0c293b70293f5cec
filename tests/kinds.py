"""
One face for every kind of client: httpx and httpx2; sync, asyncio and trio;
the client door and the transport door.

    with kind.open(base_url=server.url) as session:
        response = session.post("/payments", json={...})

A session runs async clients in an event loop of its own, in a thread, so that
a test reads the same for all twelve.
"""

from __future__ import annotations

import contextlib
import importlib

from collections.abc import Iterator
from typing import Any

import anyio.from_thread
import attrs
import tenacity

import samekey


FAST = samekey.RetryPolicy(wait=tenacity.wait_none())
"""The default policy without the waits."""


def fast(**options: Any) -> samekey.RetryPolicy:
    """Make a policy that does not wait."""
    options.setdefault("wait", tenacity.wait_none())
    return samekey.RetryPolicy(**options)


def full() -> samekey.RetryBudget:
    """Make a budget that a test does not run into."""
    return samekey.RetryBudget(capacity=1_000, start=1_000)


@attrs.frozen
class Kind:
    """One of the twelve."""

    library: str
    flavour: str
    door: str

    def __str__(self) -> str:
        return f"{self.library}-{self.flavour}-{self.door}"

    @property
    def module(self) -> Any:
        return importlib.import_module(self.library)

    @property
    def is_async(self) -> bool:
        return self.flavour != "sync"

    def plain(self, **options: Any) -> Any:
        """Make an unwrapped client of the library."""
        options.setdefault("trust_env", False)
        options.setdefault("timeout", 5.0)
        options.setdefault("verify", False)  # certifi takes 20 ms to load
        name = "AsyncClient" if self.is_async else "Client"
        return getattr(self.module, name)(**options)

    def transport(self, **options: Any) -> Any:
        """Make a transport of the library."""
        options.setdefault("verify", False)
        name = "AsyncHTTPTransport" if self.is_async else "HTTPTransport"
        return getattr(self.module, name)(**options)

    def wrapped(
        self, *, transport: Any = None, terms: Any = None, **options: Any
    ) -> Any:
        """Make a client that goes through the door under test."""
        terms = dict(terms or {})
        terms.setdefault("policy", FAST)
        terms.setdefault("budget", full())
        if self.door == "client":
            if transport is not None:
                options["transport"] = transport
            return samekey.wrap(self.plain(**options), **terms)
        cls = samekey.AsyncTransport if self.is_async else samekey.Transport
        inner = self.transport() if transport is None else transport
        return self.plain(transport=cls(inner, **terms), **options)

    @contextlib.contextmanager
    def open(self, **options: Any) -> Iterator[Session]:
        """Open a session; options as for `wrapped`."""
        with self.over(self.wrapped(**options)) as session:
            yield session

    @contextlib.contextmanager
    def over(self, client: Any) -> Iterator[Session]:
        """Open a session over any client of this kind."""
        if not self.is_async:
            with client:
                yield Session(client, None, self)
            return
        with anyio.from_thread.start_blocking_portal(self.flavour) as portal:
            portal.call(client.__aenter__)
            try:
                yield Session(client, portal, self)
            finally:
                portal.call(client.__aexit__, None, None, None)


class Session:
    """A client, sync to the eye."""

    def __init__(self, client: Any, portal: Any, kind: Kind) -> None:
        self.client = client
        self.portal = portal
        self.kind = kind

    def call(self, function: Any, *args: Any, **options: Any) -> Any:
        """Call a method of the client, in its event loop if it has one."""
        if self.portal is None:
            return function(*args, **options)

        async def run() -> Any:
            return await function(*args, **options)

        return self.portal.call(run)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """
        Send; `operation=` and `idempotency_key=` work at both doors.
        """
        names = ("operation", "idempotency_key", "policy")
        own = {n: options.pop(n) for n in names if n in options}
        if own and self.kind.door == "client":
            options.update(own)
        elif own:
            extensions = dict(options.pop("extensions", None) or {})
            options["extensions"] = {**extensions, "samekey": own}
        return self.call(self.client.request, method, url, **options)

    def post(self, url: str, **options: Any) -> Any:
        return self.request("POST", url, **options)

    def get(self, url: str, **options: Any) -> Any:
        return self.request("GET", url, **options)

    def send(self, request: Any, **options: Any) -> Any:
        return self.call(self.client.send, request, **options)

    def resume(self, exc: BaseException) -> Any:
        return self.call(self.client.resume, exc)

    def read(self, response: Any) -> Any:
        """Read a streamed response."""
        if self.portal is None:
            return response.read()
        return self.call(response.aread)


FLAVOURS = ("sync", "asyncio", "trio")
LIBRARIES = ("httpx", "httpx2")
DOORS = ("client", "transport")

KINDS = [
    Kind(library, flavour, door)
    for library in LIBRARIES
    for flavour in FLAVOURS
    for door in DOORS
]
CLIENTS = [kind for kind in KINDS if kind.door == "client"]
TRANSPORTS = [kind for kind in KINDS if kind.door == "transport"]
