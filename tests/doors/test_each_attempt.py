"""Each attempt begins with the same request, and a Request ages."""

import asyncio
import contextlib

import anyio
import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import FakeClock, stand_in


URL = "https://api.example.com/payments?a=1"


class Api:
    """Fails twice; keeps what it was sent."""

    def __init__(self, kind):
        self.kind = kind
        self.requests = []
        self.transport = kind.module.MockTransport(self)

    def __call__(self, request):
        self.requests.append((str(request.url), request.content))
        status = 503 if len(self.requests) < 3 else 201
        return self.kind.module.Response(status)


def signed(request, library):
    """Sign it as some APIs want it: in the query, and in the body."""
    request.url = request.url.copy_add_param("sig", "x")
    body = request.content.replace(b"}", b',"sig":1}')
    request.stream = library.ByteStream(body)
    request._content = body
    request.headers["Content-Length"] = str(len(body))
    request.method = "PATCH"


def check(api):
    """Check that each was signed once."""
    assert 3 == len(api.requests)
    assert 1 == len(set(api.requests))
    [url, body], *_ = api.requests
    assert f"{URL}&sig=x" == url
    assert 1 == body.count(b"sig")


def test_auth(client_kind):
    """An auth flow that signs in place signs each attempt once."""

    class Auth(client_kind.module.Auth):
        def auth_flow(self, request):
            signed(request, client_kind.module)
            yield request

    api = Api(client_kind)
    with client_kind.open(transport=api.transport, auth=Auth()) as session:
        assert 201 == session.post(URL, json={"b": 1}).status_code

    check(api)


def test_hooks(client_kind):
    """So does a hook."""

    def hook(request):
        signed(request, client_kind.module)

    async def ahook(request):
        signed(request, client_kind.module)

    api = Api(client_kind)
    hooks = {"request": [ahook if client_kind.is_async else hook]}
    with client_kind.open(
        transport=api.transport, event_hooks=hooks
    ) as session:
        assert 201 == session.post(URL, json={"b": 1}).status_code

    check(api)


def test_a_body_that_is_a_stream(client_kind):
    """A body that was never read is left as it is."""
    api = Api(client_kind)
    seen = []

    def hook(request):
        seen.append(getattr(request, "_content", None))

    async def ahook(request):
        hook(request)

    def body():
        yield b"{}"

    async def abody():
        yield b"{}"

    hooks = {"request": [ahook if client_kind.is_async else hook]}
    with client_kind.open(
        transport=api.transport, event_hooks=hooks
    ) as session:
        for _ in range(3):
            with contextlib.suppress(samekey.InDoubt):
                session.post(
                    URL,
                    content=abody() if client_kind.is_async else body(),
                    policy=fast(attempts=1),
                )

    assert [None] * 3 == seen


@pytest.mark.parametrize("late", [False, True])
def test_a_request_ages(kind, late):
    """A Request is sent again only while the server knows its key."""
    api = Api(kind)
    clock = FakeClock()
    heard = []
    terms = {
        "retention": 3_600.0,
        "policy": fast(attempts=1),
        "hooks": [heard.append],
    }
    with (
        stand_in(clock),
        kind.open(transport=api.transport, terms=terms) as session,
    ):
        request = session.client.build_request("POST", URL, json={})
        with contextlib.suppress(samekey.InDoubt):  # a transport returns it
            session.send(request)
        clock.advance(3_600.0 if late else 3_599.0)
        del heard[:]
        if late:
            with pytest.raises(samekey.KeyExpired) as caught:
                session.send(request)
            assert 1 == len(caught.value.previous.attempts)
            assert 1 == len(heard)
        else:
            with contextlib.suppress(samekey.InDoubt):
                session.send(request)

    assert (1 if late else 2) == len(api.requests)


class Slow:
    """Takes its time up to the head; tells what a reader is allowed then."""

    def __init__(self, clock):
        self.clock = clock
        self.allowed = []

    def make(self, module):
        outer = self

        class Body(module.SyncByteStream, module.AsyncByteStream):
            def __init__(self, request):
                self.extensions = request.extensions  # as httpcore does

            def tell(self):
                timeouts = self.extensions["timeout"]
                outer.allowed.append(timeouts.get("read"))

            def __iter__(self):
                self.tell()
                yield b"abcd"

            async def __aiter__(self):
                self.tell()
                yield b"abcd"

        event = ("http11.send_request_headers.started", {"request": Plain})

        class Transport(module.BaseTransport, module.AsyncBaseTransport):
            def handle_request(self, request):
                outer.clock.advance(0.5)
                request.extensions["trace"](*event)
                Body(request).tell()
                return module.Response(200, stream=Body(request))

            async def handle_async_request(self, request):
                outer.clock.advance(0.5)
                await request.extensions["trace"](*event)
                Body(request).tell()
                return module.Response(200, stream=Body(request))

        return Transport()


class Plain:
    """A request as httpcore has it."""

    method = b"GET"


@pytest.mark.parametrize("own", [5.0, None])
@pytest.mark.parametrize("keyed", [False, True])
def test_a_stream_in_hand(kind, own, keyed):
    """The deadline ends with the head: who reads on has his own timeouts."""
    clock = FakeClock()
    slow = Slow(clock)
    with (
        stand_in(clock),
        kind.open(
            transport=slow.make(kind.module),
            timeout=own,
            terms={"policy": fast(deadline=2.0)},
        ) as session,
    ):
        extensions = {"samekey": {"operation": "1"}} if keyed else {}
        request = session.client.build_request(
            "POST", URL, extensions=extensions
        )
        response = session.call(session.client.send, request, stream=True)
        assert b"abcd" == session.read(response)

    assert [1.5, own] == slow.allowed


def test_a_request_without_timeouts(kind):
    """One that was made by hand has none, or, of late, the client's."""
    clock = FakeClock()
    slow = Slow(clock)
    with (
        stand_in(clock),
        kind.open(
            transport=slow.make(kind.module),
            terms={"policy": fast(deadline=2.0)},
        ) as session,
    ):
        request = kind.module.Request("POST", URL)
        response = session.call(session.client.send, request, stream=True)
        assert b"abcd" == session.read(response)

    assert slow.allowed in ([1.5, None], [1.5, 5.0])


@pytest.mark.parametrize("how", ["asyncio", "anyio", "trio"])
def test_a_timeout_around_it(how):
    """A timeout of the user's around a call tells of the operation, too."""

    async def api(request):
        await anyio.sleep(30)

    client = samekey.AsyncClient(transport=httpx.MockTransport(api))

    async def by_asyncio():
        async with asyncio.timeout(0.01):
            await client.post(URL)

    async def by_anyio():
        with anyio.fail_after(0.01):
            await client.post(URL)

    main = by_asyncio if how == "asyncio" else by_anyio
    with pytest.raises(TimeoutError) as caught:
        anyio.run(main, backend="trio" if how == "trio" else "asyncio")

    assert "in_doubt" == samekey.report(caught.value).outcome
    assert samekey.report(caught.value).key is not None


def test_a_timeout_of_something_else():
    """One that was raised of no call has no operation behind it."""
    try:
        raise TimeoutError from ValueError()
    except TimeoutError as exc:
        caught = exc

    with pytest.raises(LookupError):
        samekey.report(caught)
    with pytest.raises(LookupError):
        samekey.report(TimeoutError())


@pytest.mark.parametrize("method", ["PROPFIND", "QUERY", "REPORT", "SEARCH"])
def test_a_safe_method(client_kind, method):
    """A method that executes nothing gets no key, and may be sent again."""
    keys = []

    def api(request):
        keys.append(request.headers.get("idempotency-key"))
        return client_kind.module.Response(503 if len(keys) < 2 else 500)

    transport = client_kind.module.MockTransport(api)
    with client_kind.open(
        transport=transport, terms={"policy": fast(attempts=2)}
    ) as session:
        response = session.request(method, URL, content=b"{}")

    assert 500 == response.status_code
    assert [None, None] == keys


def test_a_body_that_nobody_has_read(client_kind):
    """A multipart body makes its bytes anew for each send."""
    bodies = []

    async def answering(request):
        bodies.append(await request.aread())
        return client_kind.module.Response(201)

    def blocking(request):
        bodies.append(request.read())
        return client_kind.module.Response(201)

    transport = client_kind.module.MockTransport(
        answering if client_kind.is_async else blocking
    )
    auth = ("user", "secret")
    with client_kind.open(transport=transport, auth=auth) as session:
        request = session.client.build_request(
            "PUT", URL, files={"a": b"b"}, data={"c": "d"}
        )
        for _ in range(2):
            assert 201 == session.send(request).status_code

    assert bodies[0] == bodies[1]
    assert b"\r\nd\r\n" in bodies[0]
