"""
The straight way and the generator are one set of rules.

Random scripts are played twice: once as a driver goes, and once with the
straight way closed, so that `exchange` decides all of it. What the server saw,
what the caller got, what was slept, taken in, closed, logged and spent must be
the same.
"""

import asyncio
import contextlib
import logging
import os

from unittest import mock

import attrs
import httpx
import httpx2
import pytest
import tenacity

from hypothesis import assume, given
from hypothesis import strategies as st
from paper import Clock

import samekey

from samekey import _async_drivers, _drivers, _straight
from samekey._client import bind
from samekey._terms import Terms
from samekey._time import Time


URL = "https://api.example.com/payments"
STATUSES = [200, 201, 204, 302, 400, 404, 408, 409, 422, 425, 429, 500, 503]
HEADERS = [
    {},
    {"Retry-After": "3"},
    {"Retry-After": "900"},
    {"Idempotent-Replayed": "true"},
    {"Content-Length": "4"},
    {"Content-Length": "9000000"},
    {"Content-Encoding": "identity"},
    {"Content-Encoding": "gzip"},
]
ERRORS = [None, "ReadTimeout", "ConnectError", "RemoteProtocolError", "bug"]


class Cut(BaseException):
    """A Ctrl-C, or a cancellation."""


@attrs.frozen(kw_only=True)
class Send:
    """What one send shows."""

    status: int = 201
    headers: dict = attrs.field(factory=dict)
    chunks: tuple = (b"{}",)
    error: str | None = None  # in place of an answer
    breaks: str | None = None  # the body, at its end
    seconds: float = 0.0  # until the head is there, and for each chunk
    closing: bool = False  # to close it fails

    def make(self, name, library):
        if name == "cut":
            return Cut()
        if name == "bug":
            return KeyError("a bug")
        return getattr(library, name)("")


@attrs.frozen(kw_only=True)
class Script:
    """What is played, and on what terms."""

    sends: list
    attempts: int
    deadline: float | None
    wait: bool
    tokens: int
    doubt: str
    stream: bool
    cut: int | None  # at which sleep


def sends():
    """Draw what a send shows."""
    errors = st.sampled_from([*ERRORS, "cut"])
    return st.builds(
        Send,
        status=st.sampled_from(STATUSES),
        headers=st.sampled_from(HEADERS),
        chunks=st.sampled_from(
            [(), (b"{}",), (b"ab", b"cd"), (b"x" * 70_000,)]
        ),
        error=st.one_of(st.none(), errors),
        breaks=st.one_of(st.none(), st.none(), errors),
        seconds=st.sampled_from([0.0, 0.0, 0.2, 3.0]),
        closing=st.booleans(),
    )


def scripts():
    """Draw scripts."""
    return st.builds(
        Script,
        sends=st.lists(sends(), min_size=4, max_size=4),
        attempts=st.integers(1, 4),
        deadline=st.sampled_from([None, 2.0, 60.0]),
        wait=st.booleans(),
        tokens=st.sampled_from([1, 9]),
        doubt=st.sampled_from(["raise", "return"]),
        stream=st.booleans(),
        cut=st.sampled_from([None, None, None, 0, 1]),
    )


class Stage:
    """Plays a script to one call, and notes all that can be seen of it."""

    def __init__(self, script, library, door, asynchronous):
        self.script = script
        self.library = library
        self.door = door
        self.asynchronous = asynchronous
        self.left = list(script.sends)
        self.clock = Clock()
        self.seen = []
        self.slept = []
        self.bodies = []

    def play(self):
        """Play it; give what was seen."""
        result = (
            asyncio.run(self.acall()) if self.asynchronous else self.call()
        )
        budget = self.terms.budget.tokens(self.library.URL(URL))
        bodies = [(each.taken, each.closed) for each in self.bodies]
        return result, self.seen, self.slept, bodies, budget, self.clock.now

    def call(self):
        with self.client() as client:
            try:
                response = client.send(self.request(client), **self.options)
            except BaseException as exc:  # noqa: BLE001
                return self.told(exc)
            told = self.told(response)
            try:
                return told, response.read()
            except BaseException as exc:  # noqa: BLE001
                return told, self.told(exc)

    async def acall(self):
        async with self.client() as client:
            try:
                response = await client.send(
                    self.request(client), **self.options
                )
            except BaseException as exc:  # noqa: BLE001
                return self.told(exc)
            told = self.told(response)
            try:
                return told, await response.aread()
            except BaseException as exc:  # noqa: BLE001
                return told, self.told(exc)

    def told(self, value):
        """Tell what the caller gets to know."""
        try:
            report = attrs.asdict(samekey.report(value))
        except LookupError:  # closing a body that was handed out failed
            report = None
        if isinstance(value, BaseException):
            shown = (
                [cls.__name__ for cls in type(value).__mro__],
                str(value),
                getattr(value, "__notes__", None),
                getattr(value, "reason", None),
                type(value.__cause__),
            )
        else:
            shown = (value.status_code, value.headers.multi_items())
        return report, shown

    @property
    def options(self):
        return {"stream": self.script.stream}

    def request(self, client):
        return client.build_request("POST", URL, json={"amount": 500})

    def client(self):
        script, library = self.script, self.library
        time = Time()
        time.clock, time.wall = self.clock, lambda: self.clock() + 1e9
        time.sleep, time.async_sleep = self.sleep, self.asleep
        wait = tenacity.wait_fixed(0.5) if script.wait else None
        terms = self.terms = Terms(
            policy=samekey.RetryPolicy(
                attempts=script.attempts, deadline=script.deadline, wait=wait
            ),
            budget=samekey.RetryBudget(capacity=9, start=script.tokens),
            doubt=script.doubt if self.door == "client" else "raise",
            time=time,
            random=lambda: 0.5,
        )
        name = "AsyncClient" if self.asynchronous else "Client"
        transport = transport_of(library)(self)
        if self.door == "transport":
            kind = "AsyncTransport" if self.asynchronous else "Transport"
            transport = getattr(samekey, kind)(transport)
            transport._terms = terms
        client = getattr(library, name)(transport=transport, trust_env=False)
        if self.door == "client":
            client = samekey.wrap(client)
            bind(client, terms, None)
        return client

    def sleep(self, seconds):
        self.slept.append(seconds)
        if self.script.cut == len(self.slept) - 1:
            raise Cut
        self.clock.now += seconds

    async def asleep(self, seconds):
        self.sleep(seconds)

    def events(self, request):
        """Note a send; give what it shows, and its trace events."""
        send = self.left.pop(0)
        self.clock.now += send.seconds
        timeouts = dict(request.extensions["timeout"])
        body = request.read() if not self.asynchronous else request.content
        self.seen.append(
            (str(request.url), request.headers.multi_items(), body, timeouts)
        )
        if send.error == "ConnectError":
            info = {"exception": OSError()}
            return send, [("connection.connect_tcp.failed", info)]
        plain = type("Core", (), {"method": b"POST"})()
        return send, [
            ("http11.send_request_headers.started", {"request": plain})
        ]

    def answer(self, send):
        if send.error is not None:
            raise send.make(send.error, self.library)
        body = body_of(self.library)(self, send)
        self.bodies.append(body)
        return self.library.Response(
            send.status, headers=send.headers, stream=body
        )


class Scripted:
    """A transport that plays a stage."""

    def __init__(self, stage):
        self.stage = stage

    def handle_request(self, request):
        send, events = self.stage.events(request)
        for event in events:
            request.extensions["trace"](*event)
        return self.stage.answer(send)

    async def handle_async_request(self, request):
        send, events = self.stage.events(request)
        for event in events:
            await request.extensions["trace"](*event)
        return self.stage.answer(send)


def transport_of(library):
    """Make it a transport of the library."""
    bases = (Scripted, library.BaseTransport, library.AsyncBaseTransport)
    return type("Transport", bases, {})


class Body:
    """A body that notes what happens to it."""

    def __init__(self, stage, send):
        self.stage = stage
        self.send = send
        self.taken = self.closed = 0

    def step(self):
        self.stage.clock.now += self.send.seconds
        self.taken += 1

    def finish(self):
        if self.send.breaks is not None:
            raise self.send.make(self.send.breaks, self.stage.library)

    def __iter__(self):
        for chunk in self.send.chunks:
            self.step()
            yield chunk
        self.finish()

    async def __aiter__(self):
        for chunk in self.send.chunks:
            self.step()
            yield chunk
        self.finish()

    def close(self):
        self.closed += 1
        if self.send.closing and self.closed == 1:
            raise OSError

    async def aclose(self):
        self.close()


def body_of(library):
    """Make it a body of the library."""
    bases = (Body, library.SyncByteStream, library.AsyncByteStream)
    return type("Body", bases, {})


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.told = []

    def emit(self, record):
        extra = {
            name: value
            for name, value in vars(record).items()
            if name.startswith("samekey_")
        }
        self.told.append((record.levelno, record.getMessage(), extra))


def played(stage, *, straight):
    """Play a stage; give what was seen, and whether it went straight."""
    begins, went = _straight.begins, []

    def allowed(call):
        if straight and begins(call):
            went.append(call)
            return True
        return False

    logger, records = logging.getLogger("samekey"), Records()
    level = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    try:
        with contextlib.ExitStack() as stack:
            patch = mock.patch.object
            for twin in (_drivers, _async_drivers):
                stack.enter_context(patch(twin, "begins", allowed))
            stack.enter_context(patch(os, "urandom", bytes))  # of keys
            return (*stage.play(), records.told), bool(went)
    finally:
        logger.removeHandler(records)
        logger.setLevel(level)


LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])
DOORS = pytest.mark.parametrize("door", ["client", "transport"])
FLAVOURS = pytest.mark.parametrize("asynchronous", [False, True])


# A generator of httpx2's closes what it reads from when it is forgotten.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@LIBRARIES
@DOORS
@FLAVOURS
@given(script=scripts())
def test_same(library, door, asynchronous, script):
    """Both ways show the same."""
    ways = [
        played(Stage(script, library, door, asynchronous), straight=straight)
        for straight in (True, False)
    ]

    (quick, went), (slow, _) = ways
    assert went
    assert slow == quick


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@LIBRARIES
@DOORS
@given(script=scripts())
def test_sync_and_async(library, door, script):
    """What awaits does as what blocks."""
    # An async generator of httpx2's tells of a close that fails, not of the
    # body that it could not decode.
    assume(
        not any(
            each.closing and "gzip" in each.headers.values()
            for each in script.sends
        )
    )
    (blocks, _), (awaits, _) = [
        played(Stage(script, library, door, asynchronous), straight=True)
        for asynchronous in (False, True)
    ]

    assert blocks == awaits


def test_it_can_fail():
    """A straight way that does not look at the head is caught."""
    script = Script(
        sends=[Send(status=503, headers={"Retry-After": "3"}), Send()],
        attempts=2,
        deadline=60.0,
        wait=False,
        tokens=9,
        doubt="raise",
        stream=False,
        cut=None,
    )
    stages = [Stage(script, httpx, "client", False) for _ in "ab"]
    with mock.patch.object(_straight, "look_at_head"):
        ways = [
            played(stage, straight=straight)[0]
            for stage, straight in zip(stages, (True, False), strict=True)
        ]

    assert ways[0] != ways[1]
    assert [[0.25], [3.0]] == [stage.slept for stage in stages]
