"""A server that keeps its promise, as a transport of any client."""

from __future__ import annotations

import asyncio
import threading

import httpx
import httpx2
import pytest

from kinds import Kind

import samekey

from samekey.testing import Answer, FakeClock, Fault, IdempotentTransport


URL = "https://api.example.com"
PAYMENT = {"amount": 500}
KEYED = {"Idempotency-Key": "order-1"}


def plain(*faults, handler=None, **options):
    """Make a transport, and a client that does not retry."""
    transport = IdempotentTransport(handler, faults, **options)
    return transport, httpx.Client(base_url=URL, transport=transport)


def test_one_execution_for_each_key(kind: Kind):
    """What comes again under a key is answered, and not executed."""
    transport = IdempotentTransport(faults=[Fault.lose_answer()])

    with kind.open(transport=transport, base_url=URL) as session:
        response = session.post("/payments?a=1", json=PAYMENT)

    assert response.json() == {
        "amount": 500,
        "id": "id_000001",
        "status": "succeeded",
    }
    assert samekey.report(response).replayed == "server"
    first, second = transport.exchanges
    assert (first.executed, first.replayed) == (True, False)
    assert (second.executed, second.replayed) == (False, True)
    assert second.result == "201"
    assert transport.executions == [first.request]
    assert first.request.target == "/payments?a=1"
    assert transport.keys == [first.request.key] == [second.request.key]


FAILURES = [
    (Fault.lose_request(), "RemoteProtocolError", 0),
    (Fault.lose_request(reset=True), "ReadError", 0),
    (Fault.lose_answer(), "RemoteProtocolError", 1),
    (Fault.lose_answer(reset=True), "ReadError", 1),
    (Fault.refuse(), "ConnectError", 0),
    (Fault.stall(), "ReadTimeout", 0),
    (Fault.stall(9.0, executed=True), "ReadTimeout", 1),
    (Fault.stall(1.0), "RemoteProtocolError", 0),
    (Fault.slow(9.0), "ReadTimeout", 1),
    (Fault.cut(5), "RemoteProtocolError", 1),
    (Fault.cut(5, reset=True), "ReadError", 1),
    (Fault.cut(5, stall=True), "ReadTimeout", 1),
]


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(("fault", "name", "executed"), FAILURES)
def test_a_fault_raises_what_the_library_would(library, fault, name, executed):
    """A fault is seen as the library's own transport would show it."""
    transport = IdempotentTransport(faults=[fault])
    client = library.Client(base_url=URL, transport=transport)

    with pytest.raises(getattr(library, name)):
        client.post("/payments", json=PAYMENT)

    assert len(transport.executions) == executed
    (exchange,) = transport.exchanges
    assert exchange.fault == fault
    assert exchange.result == ("201" if fault.kind == "cut" else name)


@pytest.mark.parametrize("fault", [Fault.slow(1.0), Fault.drip()])
def test_a_slow_answer_is_an_answer(fault):
    """What takes less than the read timeout is no failure."""
    transport, client = plain(fault)

    assert client.post("/payments", json=PAYMENT).status_code == 201
    assert len(transport.executions) == 1


def test_a_body_of_nothing_is_not_cut():
    """Where there is no body, none can break off."""
    _, client = plain(Fault.cut(), handler=lambda _: Answer(204))

    assert client.post("/payments").status_code == 204


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Fault.stall(), 5.0),
        (Fault.stall(2.0), 2.0),
        (Fault.slow(3.0), 3.0),
        (Fault.slow(9.0), 5.0),
        (None, 0.0),
    ],
)
def test_faults_take_their_time_on_a_clock(fault, seconds):
    """What would have taken time moves the clock."""
    clock = FakeClock()
    _, client = plain(fault, clock=clock)

    try:
        client.post("/payments", timeout=5.0)
    except httpx.TransportError:
        pass

    assert clock.elapsed == seconds


def test_without_a_timeout_a_stall_takes_no_time():
    """A stall that nobody would end is a read timeout all the same."""
    clock = FakeClock()
    _, client = plain(Fault.stall(), clock=clock)

    with pytest.raises(httpx.ReadTimeout):
        client.post("/payments", timeout=None)

    assert clock.elapsed == 0


def test_a_refused_connection_is_not_executed(kind: Kind):
    """A refusal is told as a real one is: the operation was not executed."""
    transport = IdempotentTransport(faults=[Fault.refuse()] * 9)

    with (
        kind.open(transport=transport, base_url=URL) as session,
        pytest.raises(samekey.NotExecuted),
    ):
        session.post("/payments", json=PAYMENT)


def test_raw_bytes_need_a_socket():
    """A fault that a transport cannot play is refused."""
    _, client = plain(Fault.raw(b"?"))

    with pytest.raises(
        ValueError, match=r"^a transport cannot send raw bytes; use a Fault"
    ):
        client.post("/payments")


def test_another_payload_is_a_mismatch():
    """A key that comes with another payload gets a 422."""
    transport, client = plain()
    client.post("/payments", json=PAYMENT, headers=KEYED)

    response = client.post("/payments", json={"amount": 6}, headers=KEYED)

    assert response.status_code == 422
    assert response.json() == {"code": "idempotency_key_mismatch"}
    assert len(transport.executions) == 1


def test_a_running_key_is_in_use():
    """While the first request runs, another under its key gets a 409."""
    began, go = threading.Event(), threading.Event()

    def slowly(received):
        began.set()
        go.wait(5)
        return Answer(201)

    transport, client = plain(handler=slowly)
    thread = threading.Thread(
        target=client.post, args=("/payments",), kwargs={"headers": KEYED}
    )
    thread.start()
    began.wait(5)

    response = client.post("/payments", headers=KEYED)

    go.set()
    thread.join()
    assert response.status_code == 409
    assert response.json() == {"code": "idempotency_key_in_use"}
    assert client.post("/payments", headers=KEYED).status_code == 201
    assert len(transport.executions) == 1


def test_an_async_handler_is_awaited():
    """A handler may await, and then two tasks can be at one key."""

    async def slowly(received):
        await asyncio.sleep(0)
        return Answer(201)

    transport = IdempotentTransport(slowly)

    async def both():
        async with httpx.AsyncClient(
            base_url=URL, transport=transport
        ) as client:
            return await asyncio.gather(
                *[client.post("/payments", headers=KEYED) for _ in "ab"]
            )

    first, second = asyncio.run(both())

    assert (first.status_code, second.status_code) == (201, 409)
    assert len(transport.executions) == 1


def test_a_sync_client_cannot_await():
    """An async handler is an error of the test, where nothing awaits it."""

    async def never(received):
        raise AssertionError

    transport, client = plain(handler=never)

    assert client.post("/payments").status_code == 500
    (error,) = transport.errors
    assert str(error) == "handler must not be async for a sync client"


@pytest.mark.parametrize("headers", [{}, KEYED])
def test_a_handler_that_raises_records_nothing(headers):
    """A handler's error is kept, and its key may be used again."""
    answers = iter([ValueError("no"), Answer(201)])

    def handler(received):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport, client = plain(handler=handler)

    statuses = [
        client.post("/payments", headers=headers).status_code for _ in "ab"
    ]

    assert statuses == [500, 201]
    assert [str(error) for error in transport.errors] == ["no"]
    assert len(transport.executions) == 1


def test_what_has_no_key_is_executed_each_time():
    """Without a key, twice is twice; what only reads executes nothing."""
    transport, client = plain()

    client.post("/payments", content=b"[]")
    client.post("/payments", content=b"[]")
    response = client.get("/payments", headers=KEYED)
    client.get("/payments", headers=KEYED)

    assert response.json() == {}
    assert len(transport.requests) == 4
    assert len(transport.executions) == 2
    assert transport.keys == ["order-1"]


def test_the_key_may_be_elsewhere():
    """A server may read the key from a header of its own."""
    transport, client = plain(header="X-Request-Id")

    for _ in range(2):
        client.post("/payments", headers={"X-Request-Id": "a"})

    assert len(transport.executions) == 1
    assert transport.keys == ["a"]


def test_play_breaks_what_comes_next():
    """Faults can be given later, for what comes next."""
    transport, client = plain(Fault.status(500), Fault.status(501))
    transport.play(None, Fault.status(503, executed=True))

    statuses = [client.post("/payments").status_code for _ in range(3)]

    assert statuses == [201, 503, 201]
    assert len(transport.executions) == 3


def test_a_server_plays_too(samekey_server):
    """A server with a socket takes faults for what comes next, too."""
    samekey_server.play(Fault.status(500), Fault.status(501))
    statuses = [
        httpx.post(f"{samekey_server.url}/payments").status_code
        for _ in range(3)
    ]

    assert statuses == [500, 501, 400]


def test_a_mock_of_an_async_client_is_not_traced():
    """A refusal that is told without awaiting leaves no coroutine behind."""
    transport = IdempotentTransport(faults=[Fault.refuse(), Fault.refuse()])

    async def trace(name, info):
        raise AssertionError

    request = httpx.Request("POST", URL, extensions={"trace": trace})
    with pytest.raises(httpx.ConnectError):
        transport.handle_request(request)
    with pytest.raises(httpx.ConnectError):
        asyncio.run(transport.handle_async_request(httpx.Request("POST", URL)))


def test_a_transport_is_a_context():
    """A transport can be opened and closed as the library's can."""

    async def opened():
        async with IdempotentTransport() as transport:
            await transport.aclose()
        return transport

    with IdempotentTransport() as transport:
        transport.close()

    assert asyncio.run(opened()).requests == transport.requests == []
