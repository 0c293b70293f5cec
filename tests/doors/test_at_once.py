"""One Request that is sent twice at once: one operation, two stories."""

import concurrent.futures
import threading

import anyio
import pytest

from kinds import fast

import samekey


class Gate:
    """Holds what comes to it, in a thread or a task, until it is opened."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self):
        self.reached.set()
        assert self.opened.wait(30)

    async def async_wait(self):
        self.reached.set()
        while not self.opened.is_set():  # noqa: ASYNC110 -- a thread sets it
            await anyio.sleep(0.001)


class Api:
    """Does what *steps* say, one for each request, in both flavours."""

    def __init__(self, kind, *steps):
        self.kind = kind
        self.steps = list(steps)
        self.requests = []
        module = kind.module
        self.transport = type(
            "Transport",
            (_Transport, module.BaseTransport, module.AsyncBaseTransport),
            {},
        )(self)

    def answer(self, step):
        if isinstance(step, int):
            return self.kind.module.Response(step, json={})
        if isinstance(step, str):
            raise getattr(self.kind.module, step)("")
        return step


class _Transport:
    def __init__(self, api):
        self.api = api

    def _next(self, request):
        self.api.requests.append(request)
        return self.api.steps.pop(0)

    def handle_request(self, request):
        gate, step = self._next(request)
        if gate is not None:
            gate.wait()
        return self.api.answer(step)

    async def handle_async_request(self, request):
        gate, step = self._next(request)
        if gate is not None:
            await gate.async_wait()
        return self.api.answer(step)


def told(session, request):
    """Send it; give the answer, or what was raised."""
    try:
        return session.send(request)
    except Exception as exc:  # noqa: BLE001 -- it is looked at
        return exc


def twice(kind, gate, api, **options):
    """Send one request, and once more while the first is at *gate*."""
    with (
        kind.open(transport=api.transport, terms=options) as session,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        request = session.client.build_request(
            "POST", "https://api.example.com/x", json={}
        )
        first = pool.submit(told, session, request)
        assert gate.reached.wait(30)
        second = told(session, request)
        gate.opened.set()
        return first.result(30), second, request


def statuses(value):
    """Give what each attempt of an operation saw."""
    return [one.status or one.error for one in samekey.report(value).attempts]


def test_each_has_its_own_story(kind):
    """What one sees is not noted of the other, and is not retried for it."""
    gate = Gate()
    api = Api(kind, (gate, 201), (None, "ReadTimeout"), (None, 201))
    first, second, _ = twice(kind, gate, api)

    assert [201] == statuses(first)
    assert ["ReadTimeout", 201] == statuses(second)
    assert 1 == len({one.headers["idempotency-key"] for one in api.requests})


def test_the_second_is_no_proof(kind):
    """A 429 for the second does not say that the first was not executed."""
    gate = Gate()
    api = Api(kind, (gate, "ReadTimeout"), (None, 429))
    first, second, _ = twice(kind, gate, api, policy=fast(attempts=1))

    assert isinstance(first, samekey.InDoubt)
    assert ["ReadTimeout"] == statuses(first)
    assert isinstance(second, samekey.InDoubt)
    assert [429] == statuses(second)


def test_nor_is_the_first(kind):
    """A 429 for the first does not say so of the second, either."""
    gate = Gate()
    api = Api(kind, (gate, 429), (None, "ReadTimeout"))
    first, second, _ = twice(kind, gate, api, policy=fast(attempts=1))

    assert isinstance(first, samekey.InDoubt)
    assert isinstance(second, samekey.InDoubt)


def test_auth_signs_both(client_kind):
    """What auth puts on one is not on the other, and the key is on both."""
    gate = Gate()
    api = Api(client_kind, (gate, 201), (None, 201))
    with (
        client_kind.open(
            transport=api.transport, auth=("user", "secret")
        ) as session,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        request = session.client.build_request(
            "POST", "https://api.example.com/x", json={}
        )
        first = pool.submit(told, session, request)
        assert gate.reached.wait(30)
        second = told(session, request)
        gate.opened.set()

        assert 201 == first.result(30).status_code == second.status_code
    one, other = api.requests
    assert one.headers == other.headers
    assert 1 == len(one.headers.get_list("authorization"))
    assert one.headers["idempotency-key"]


@pytest.mark.parametrize("last", [429, "ReadTimeout", 201])
def test_two_calls_of_one_operation(kind, last):
    """A double click: a 429 for one does not say what the other has done."""
    gate = Gate()
    api = Api(kind, (gate, 429), (None, last), (None, 201))
    with (
        kind.open(
            transport=api.transport, terms={"policy": fast(attempts=1)}
        ) as session,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):

        def call(operation):
            url = "https://api.example.com/x"
            try:
                return session.post(url, json={}, operation=operation)
            except samekey.SamekeyError as exc:
                return exc

        first = pool.submit(call, "order-1")
        assert gate.reached.wait(30)
        second = call("order-1")
        gate.opened.set()
        told = [first.result(30), second]
        new = call(samekey.Operation("order-1", generation=2))

    if last == 201:
        # Settled by one: the other's answer is lost at worst.
        assert isinstance(told[0], samekey.AnswerLost)
        assert 201 == told[1].status_code == new.status_code
        return
    assert isinstance(told[1], samekey.InDoubt)
    if last == 429:
        # Now it is clear that neither was executed.
        assert "not_executed" == samekey.report(told[0]).outcome
        assert 201 == new.status_code
        return
    assert isinstance(told[0], samekey.InDoubt)
    assert isinstance(new, samekey.OperationChanged)
    assert 2 == len(api.requests)


def test_afterwards(client_kind):
    """Each can be resumed, and the request be sent once more."""
    gate = Gate()
    api = Api(
        client_kind,
        (gate, "ReadTimeout"),
        (None, "ReadTimeout"),
        *[(None, 201)] * 3,
    )
    first, second, request = twice(
        client_kind, gate, api, policy=fast(attempts=1)
    )
    with client_kind.open(transport=api.transport) as session:
        again = [
            session.resume(first),
            session.resume(second),
            session.send(request),
        ]

    assert [201] * 3 == [each.status_code for each in again]
    assert 1 == len({one.headers["idempotency-key"] for one in api.requests})
    assert 5 == len(api.requests)


def test_a_trace_of_the_users(kind):
    """The user's own trace hears of both, once each."""
    gate = Gate()
    heard = []

    def trace(name, info):
        heard.append(name)

    async def atrace(name, info):
        heard.append(name)

    class Telling(_Transport):
        def handle_request(self, request):
            request.extensions["trace"]("x", {})
            return super().handle_request(request)

        async def handle_async_request(self, request):
            await request.extensions["trace"]("x", {})
            return await super().handle_async_request(request)

    api = Api(kind, (gate, 201), (None, 201))
    module = kind.module
    api.transport = type(
        "Transport",
        (Telling, module.BaseTransport, module.AsyncBaseTransport),
        {},
    )(api)
    with (
        kind.open(transport=api.transport) as session,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        request = session.client.build_request(
            "POST",
            "https://api.example.com/x",
            json={},
            extensions={"trace": atrace if kind.is_async else trace},
        )
        first = pool.submit(told, session, request)
        assert gate.reached.wait(30)
        second = told(session, request)
        gate.opened.set()

        assert 201 == first.result(30).status_code == second.status_code
    assert ["x", "x"] == heard
