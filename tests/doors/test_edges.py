"""Corners: odd bodies, odd clients, odd exceptions."""

from __future__ import annotations

import gc

import httpx
import pytest

from kinds import FAST, fast, full

import samekey

from samekey._library import content_of
from samekey.testing import Answer, Fault, FaultServer, PaymentServer


PAYMENT = {"amount": 500, "card": "tok_visa"}


def wrong_body(kind):
    """Make a body that is for the other kind of client."""

    async def chunks():
        yield b"{}"

    return iter([b"{}"]) if kind.is_async else chunks()


def test_a_body_of_the_other_kind_is_refused_by_the_library(kind):
    """What httpx says of such a body is what the user sees."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(RuntimeError, match=r"^Attempted to send an? a?sync"),
    ):
        session.post("/payments", content=wrong_body(kind))


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_refused_body_is_not_sent(client_kind, attempts):
    """The library refuses it before it asks the transport."""
    with (
        PaymentServer() as server,
        client_kind.open(base_url=server.url) as session,
    ):
        with pytest.raises(RuntimeError) as caught:
            session.post(
                "/payments",
                content=wrong_body(client_kind),
                policy=fast(attempts=attempts),
            )

        assert "not_executed" == samekey.report(caught.value).outcome
        assert server.requests == []


def test_a_body_that_broke_is_not_sent_in_part(client_kind):
    """What is left of a body that raised is never taken for the body."""

    def broken():
        yield b"{"
        raise KeyError

    async def abroken():
        yield b"{"
        raise KeyError

    body = abroken() if client_kind.is_async else broken()
    with (
        PaymentServer() as server,
        client_kind.open(base_url=server.url) as session,
    ):
        request = session.client.build_request(
            "POST", "/payments", content=body
        )
        with pytest.raises(KeyError) as caught:
            session.send(request)
        report = samekey.report(caught.value)
        with pytest.raises(samekey.BodyNotReplayable):
            session.send(request)
        with pytest.raises(samekey.BodyNotReplayable):
            session.resume(caught.value)

        assert report.outcome == "not_executed"
        assert server.requests == []


def test_multipart_with_one_attempt_rewinds_by_itself(kind):
    """A multipart body is left as it is."""
    with (
        FaultServer(lambda received: Answer(201)) as server,
        kind.open(
            base_url=server.url, terms={"policy": fast(attempts=1)}
        ) as session,
    ):
        session.post("/x", files={"a": b"data"})

        assert b"data" in server.requests[0].body


def test_two_transports_in_turn(client_kind):
    """Each mount is listened to, in whatever order."""
    with PaymentServer() as one, PaymentServer() as other:
        client = client_kind.plain(mounts={other.url: client_kind.transport()})
        with client_kind.over(samekey.wrap(client)) as session:
            for server in (one, other, one, other):
                session.post(server.url + "/payments", json=PAYMENT)

        assert len(one.requests) == len(other.requests) == 2


def test_an_error_whose_request_is_gone(client_kind):
    """Nothing can be resumed of what was let go."""
    with (
        PaymentServer() as server,
        client_kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=PAYMENT)
        exc = KeyError()
        exc._samekey_call = response.extensions["samekey"]
        del response
        gc.collect()

        with pytest.raises(ValueError, match=r"^exc must be as it was raised"):
            session.resume(exc)


def test_one_exception_object_for_two_calls(client_kind):
    """A hook's own exception carries the note of its latest call only."""
    error = KeyError("mine")

    def fail(request):
        raise error

    async def afail(request):
        raise error

    hooks = {"request": [afail if client_kind.is_async else fail]}
    with client_kind.open(event_hooks=hooks) as session:
        for _ in range(2):
            with pytest.raises(KeyError):
                session.post("http://127.0.0.1:9/")

    assert len(error.__notes__) == 1


def test_a_status_error_of_another_call_is_not_ours(client_kind):
    """A hook that raises for somebody else's answer goes up at once."""
    module = client_kind.module
    other = module.Response(
        503, request=module.Request("GET", "http://elsewhere.example")
    )

    def fail(response):
        other.raise_for_status()

    async def afail(response):
        other.raise_for_status()

    hooks = {"response": [afail if client_kind.is_async else fail]}
    with (
        PaymentServer() as server,
        client_kind.open(base_url=server.url, event_hooks=hooks) as session,
    ):
        with pytest.raises(module.HTTPStatusError) as caught:
            session.post("/payments", json=PAYMENT)

        assert caught.value.response is other
        assert samekey.report(caught.value).outcome == "answered"
        assert len(server.requests) == 1


def test_without_a_deadline_a_body_is_looked_at(kind):
    """deadline=None bounds nothing, and breaks nothing."""
    busy = Fault.status(409, body=b'{"code": "other"}')
    terms = {"policy": fast(deadline=None)}
    with (
        PaymentServer([busy]) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        request = session.client.build_request(
            "POST", "/payments", json=PAYMENT
        )
        response = session.send(request, stream=True)

        assert session.read(response) == b'{"code": "other"}'


def test_extensions_of_another_request_are_not_its_operation(kind):
    """Copied extensions do not make two calls one operation."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        first = session.post("/payments", json=PAYMENT)
        session.post("/other", extensions=first.request.extensions)

        assert len({r.key for r in server.requests}) == 2


def test_overridden_verbs_are_asked(client_kind):
    """put, patch and post of a subclass run, and reach the server."""
    seen = []
    module = client_kind.module

    class Mine(type(client_kind.plain())):
        def put(self, url, **options):
            seen.append("put")
            return super().put(url, **options)

        def patch(self, url, **options):
            seen.append("patch")
            return super().patch(url, **options)

    transport = module.MockTransport(lambda request: module.Response(200))
    client = samekey.wrap(Mine(transport=transport, base_url="http://x"))
    with client_kind.over(client) as session:
        session.call(client.put, "/x")
        session.call(client.patch, "/x", operation="o")

    assert seen == ["put", "patch"]


class Stream(httpx.SyncByteStream):
    """A body in two pieces, a moment apart."""

    def __init__(self, clock, seconds):
        self.clock = clock
        self.seconds = seconds

    def __iter__(self):
        yield b"{"
        self.clock.now += self.seconds
        yield b"}"


class Pieces(httpx.AsyncByteStream):
    """An async body that is its own iterator, and no generator."""

    def __init__(self):
        self.left = [b"{", b"}"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


class Silent(httpx.Client):
    """A client that answers by itself: no transport is ever called."""

    statuses = ()

    def send(self, request, **options):
        status = self.statuses.pop(0)
        body = httpx.ByteStream(b"{}")
        return httpx.Response(status, stream=body, request=request)


def test_a_client_that_never_calls_its_transport():
    """With nothing to listen to, the answers still decide."""
    plain = Silent()
    plain.statuses = [503, 503, 200]
    client = samekey.wrap(plain, policy=FAST, budget=full())

    response = client.post("http://x/")

    assert response.status_code == 200
    assert len(samekey.report(response).attempts) == 3


async def _pieces(stream):
    transport = httpx.MockTransport(
        lambda request: httpx.Response(409, stream=Pieces())
    )
    client = samekey.AsyncClient(transport=transport, policy=FAST)
    async with client:
        request = client.build_request("POST", "http://x/")
        response = await client.send(request, stream=stream)
        return await response.aread()


@pytest.mark.parametrize("stream", [True, False])
def test_an_iterator_that_is_no_generator(stream):
    """An async body may be any iterator."""
    import asyncio  # noqa: PLC0415

    assert asyncio.run(_pieces(stream)) == b"{}"


def test_a_late_body_of_a_mock():
    """With no socket to watch, the deadline is looked at between chunks."""
    from paper import Clock  # noqa: PLC0415

    from samekey._client import SyncBound  # noqa: PLC0415
    from samekey._terms import Terms  # noqa: PLC0415
    from samekey._time import Time  # noqa: PLC0415

    clock = Clock()
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, stream=Stream(clock, 58.0))
    )
    client = samekey.Client(transport=transport)
    time = Time()
    time.clock = clock
    terms = Terms(time=time, policy=fast(attempts=1))
    client._samekey = SyncBound(terms, httpx, None)

    assert client.post("http://x/").content == b"{}"


def test_content_that_is_not_read():
    """A body that has not been read is no body yet."""
    response = httpx.Response(200, stream=Stream(None, 0))

    assert content_of(response) is None


def test_an_iterator_below_the_client():
    """At the transport door the library's own wrapping is not there yet."""
    import asyncio  # noqa: PLC0415

    inner = httpx.MockTransport(
        lambda request: httpx.Response(200, stream=Pieces())
    )

    async def run():
        transport = samekey.AsyncTransport(inner, policy=FAST)
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.post("http://x/")).content

    assert asyncio.run(run()) == b"{}"


def test_a_report_of_what_still_runs():
    """A hook that asks in the middle of a call is told: open."""
    seen = []

    def ask(request):
        call = request.extensions["samekey"]
        seen.append((call.report().outcome, call.report().attempts[0].number))

    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    with samekey.Client(
        transport=transport, event_hooks={"request": [ask]}
    ) as client:
        client.post("http://x/")

    assert seen == [("open", 1)]
