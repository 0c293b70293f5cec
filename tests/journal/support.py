"""What the tests of the journal share: a clock, an API on paper, clients."""

import os
import socket
import subprocess
import sys

import httpx

from kinds import fast, full

import samekey

from samekey._client import bind
from samekey._terms import Terms
from samekey._time import Time
from samekey.journal import Journal
from samekey.stores import MemoryStore


BASE = "https://api.example.com"
ORDER = {"amount": 500, "card": "tok_visa"}
HOUR = 3_600.0


class Clock:
    """Stands still until it is told; for both clocks."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class Crash(BaseException):
    """The process dies here."""


def lost():
    """Make what a lost answer looks like."""
    return httpx.ReadTimeout("")


def refused(request):
    """Show that the connection was refused, and make its error."""
    request.extensions["trace"](
        "connection.connect_tcp.failed", {"exception": OSError()}
    )
    return httpx.ConnectError("")


class Api:
    """Answers by a script, then 201; keeps what it was sent."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        step = self.script.pop(0) if self.script else 201
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            return step(request)
        library = sys.modules[type(request).__module__.partition(".")[0]]
        return library.Response(step, json={"number": len(self.requests)})

    @property
    def keys(self):
        """The key of each request."""
        return [each.headers["idempotency-key"] for each in self.requests]


def client_of(
    journal, api, *, clock=None, asynchronous=False, library=httpx, **terms
):
    """Make a client that has a journal, and perhaps a clock of its own."""
    cls = library.AsyncClient if asynchronous else library.Client
    options = {
        "transport": library.MockTransport(api),
        "base_url": BASE,
        **terms.pop("client", {}),
    }
    made = samekey.wrap(cls(**options))
    terms.setdefault("policy", fast())
    terms.setdefault("budget", full())
    if clock is not None:
        terms["time"] = Time()
        terms["time"].clock = terms["time"].wall = clock
    bind(made, Terms(journal=journal, **terms), None)
    return made


def pay(client, operation="order-1", order=ORDER, **options):
    """Pay, as an operation with a name."""
    return client.post("/payments", json=order, operation=operation, **options)


def memory(**options):
    """Make a journal in memory."""
    return Journal(MemoryStore(), **options)


def dead_owner():
    """Give the name of a journal whose process is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()[:200]}:{process.pid}:00000000"


def live_owner():
    """Give the name of another journal, whose process is there."""
    return f"{socket.gethostname()[:200]}:{os.getppid()}:00000000"


def crashed(journal, *, clock, operation="order-1", **terms):
    """Have a worker die in the middle of an operation; give its API."""
    journal.owner, own = dead_owner(), journal.owner
    api = Api(Crash())
    try:
        pay(client_of(journal, api, clock=clock, **terms), operation)
    except Crash:
        pass
    journal.owner = own
    return api
