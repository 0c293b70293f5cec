"""
A bench on which one fault is staged, once, for one kind of client.
"""

from __future__ import annotations

import contextlib

from typing import Any

import attrs

from faults_support import RawServer, trusting
from kinds import fast

import samekey

from samekey.testing import Answer, FaultServer


ONCE = fast(attempts=1)

SHORT = 0.05
"""A timeout for servers that will never answer."""


@attrs.frozen
class Cell:
    """What the client says of its one attempt, and what the server did."""

    verdict: str
    status: int | None
    outcome: str
    executed: bool
    reached: bool = attrs.field(eq=False, default=False)
    told: str = attrs.field(eq=False, default="")


class Bench:
    """Stages one fault for one kind of client."""

    def __init__(self, kind: Any, stack: contextlib.ExitStack) -> None:
        self.kind = kind
        self.stack = stack
        self.servers: list[Any] = []
        self._executed = 0

    def serve(self, serve: Any, **options: Any) -> str:
        """Start a raw server; give its URL."""
        server = self.stack.enter_context(RawServer(serve, **options))
        self.servers.append(server)
        return server.url

    def faults(self, *script: Any, tls: Any = None) -> str:
        """Start a fault server; give its URL."""

        def app(received: Any) -> Answer:
            if received.method == "POST":
                self._executed += 1
            return Answer(201, body=b'{"id":"pay1"}')

        server = FaultServer(app, script, ssl_context=tls)
        self.servers.append(self.stack.enter_context(server))
        return server.url

    def session(self, *, short: str = "", **options: Any) -> Any:
        """
        Open a client; options are the transport's.

        *short* names the timeout that the fault is to run into.
        """
        limit = {short: SHORT} if short else {}
        timeout = self.kind.module.Timeout(2.0, **limit)
        if (transport := options.pop("transport", None)) is None:
            options.setdefault("verify", trusting())
            transport = self.kind.transport(**options)
        opened = self.kind.open(
            transport=transport, timeout=timeout, terms={"policy": ONCE}
        )
        return self.stack.enter_context(opened)

    def forget(self) -> None:
        """Do not count what the servers have done so far."""
        self._executed = 0
        for server in self.servers:
            if isinstance(server, RawServer):
                server.executed = server.reached = 0
            else:
                server.requests.clear()

    @property
    def executed(self) -> int:
        raw = (s for s in self.servers if isinstance(s, RawServer))
        return self._executed + sum(s.executed for s in raw)

    @property
    def reached(self) -> int:
        raw = (s for s in self.servers if isinstance(s, RawServer))
        fault = (s for s in self.servers if isinstance(s, FaultServer))
        return sum(s.reached for s in raw) + sum(
            r.method == "POST" for s in fault for r in s.requests
        )

    def post(self, url: str, *, session: Any = None, **options: Any) -> Any:
        """Send one POST; give the response, or the exception."""
        names = ("short", "retries", "uds", "proxy")
        own = {n: options.pop(n) for n in names if n in options}
        session = self.session(**own) if session is None else session
        options.setdefault("content", b'{"amount": 500}')
        try:
            return session.post(f"{url}/pay", **options)
        except Exception as exc:  # noqa: BLE001 -- the result of a fault
            return exc

    def cell(self, result: Any) -> Cell:
        """Put the client's word beside the server's record."""
        report = samekey.report(result)
        (attempt,) = report.attempts
        return Cell(
            str(attempt.verdict),
            attempt.status,
            str(report.outcome),
            executed=self.executed > 0,
            reached=self.reached > 0,
            told=type(result).__name__.partition("[")[0],
        )
