"""Streaming, hooks and the rest of what httpx does, through both doors."""

from __future__ import annotations

import logging
import time

import pytest

from kinds import FAST, fast, full

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


PAYMENT = {"amount": 500, "card": "tok_visa"}


# httpx 0.28 leaves async generators to the garbage collector, with or without
# us; trio warns of it.
LEFT_BY_HTTPX = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


def big(received):
    return Answer(200, body=b"x" * 200_000)


def opened(session, method, url, **options):
    """Send with stream=True."""
    request = session.client.build_request(method, url, **options)
    return session.send(request, stream=True)


def test_a_streamed_answer_is_handed_out_unread(kind):
    """Retries stop at the final head; the body is the user's to read."""
    with (
        PaymentServer([Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = opened(session, "POST", "/payments", json=PAYMENT)

        assert not response.is_closed
        assert len(samekey.report(response).attempts) == 2
        assert b"pay_" in session.read(response)
        assert response.elapsed.total_seconds() > 0


def test_iter_raw_works(kind):
    """The raw bytes come through as the server sent them."""
    with FaultServer(big) as server, kind.open(base_url=server.url) as session:
        response = opened(session, "POST", "/x", json={})

        async def collect():
            return b"".join([c async for c in response.aiter_raw()])

        if session.portal is None:
            data = b"".join(response.iter_raw())
        else:
            data = session.portal.call(collect)
        assert data == b"x" * 200_000


def test_stream_verb(kind):
    """client.stream is a context manager as ever, with operation=."""
    with FaultServer(big) as server, kind.open(base_url=server.url) as session:
        client = session.client
        own = {"extensions": {"samekey": {"operation": "o-1"}}}
        if kind.door == "client":
            own = {"operation": "o-1"}

        async def run():
            async with client.stream("POST", "/x", json={}, **own) as response:
                return response, await response.aread()

        if session.portal is None:
            with client.stream("POST", "/x", json={}, **own) as response:
                data = response.read()
        else:
            response, data = session.portal.call(run)
        assert len(data) == 200_000
        assert samekey.report(response).operation == "o-1"


@LEFT_BY_HTTPX
def test_a_stream_that_is_left_early_is_no_error(kind):
    """Closing a response before its end attaches nothing and breaks none."""
    with FaultServer(big) as server, kind.open(base_url=server.url) as session:
        response = opened(session, "POST", "/x", json={})
        if session.portal is None:
            next(response.iter_raw(10))
            response.close()
        else:

            async def leave():
                chunks = response.aiter_raw(10)
                await anext(chunks)
                await chunks.aclose()
                await response.aclose()

            session.portal.call(leave)

        assert samekey.report(response).outcome == "answered"
        assert session.post("/x", json={}).status_code == 200


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_body_that_was_looked_at_is_still_unread(kind, status):
    """Codes are looked for in a body that the user reads afterwards."""
    body = b'{"code": "other", "pad": "' + b"x" * 100 + b'"}'
    script = [Fault.status(status, body=body)]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = opened(session, "POST", "/payments", json=PAYMENT)

        assert response.status_code == status
        assert session.read(response) == body


def test_a_long_body_is_not_looked_through(kind):
    """A refusal of 200 kB is handed out whole."""

    def refuse(received):
        return Answer(422, body=b'{"x": "' + b"y" * 200_000 + b'"}')

    with (
        FaultServer(refuse) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = opened(session, "POST", "/x", json={})

        assert len(session.read(response)) == 200_009


def test_a_gzip_refusal_is_understood(kind):
    """The code is found in a body that is encoded."""
    import gzip  # noqa: PLC0415

    busy = gzip.compress(b'{"code": "idempotency_key_in_use"}')
    head = (("Content-Encoding", "gzip"), ("Retry-After", "0"))
    script = [Fault.status(409, headers=head, body=busy)]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = opened(session, "POST", "/payments", json=PAYMENT)

        assert response.status_code == 201
        session.read(response)


@LEFT_BY_HTTPX
def test_a_refusal_that_is_not_what_it_says(kind):
    """A body that cannot be decoded has no code, and is still an answer."""
    head = (("Content-Encoding", "gzip"),)
    script = [Fault.status(409, headers=head, body=b"not gzip")]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = opened(session, "POST", "/payments", json=PAYMENT)

        assert response.status_code == 409
        with pytest.raises(kind.module.DecodingError):
            session.read(response)


def test_elapsed_and_mock_transports(kind):
    """An answer that was never a stream is handed out as it is."""
    module = kind.module
    transport = module.MockTransport(
        lambda request: module.Response(409, json={"code": "x"})
    )
    with kind.open(transport=transport, base_url="http://x") as session:
        response = opened(session, "POST", "/x", json={})

        assert response.json() == {"code": "x"}


def test_silence_is_no_evidence(kind):
    """A transport without a trace that fails has perhaps executed."""
    module = kind.module

    def fail(request):
        raise module.ConnectError("it says so")

    with (
        kind.open(
            transport=module.MockTransport(fail),
            base_url="http://x",
            terms={"policy": fast(attempts=1)},
        ) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/x", json={})

    assert not isinstance(caught.value, module.ConnectError)
    assert isinstance(caught.value, module.TransportError)
    assert caught.value.__cause__ is not None


def test_the_users_trace_is_chained(kind):
    """The user's own trace hears every event of every attempt."""
    heard = []

    def hear(name, info):
        heard.append(name)

    async def ahear(name, info):
        heard.append(name)

    trace = ahear if kind.is_async else hear
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", json=PAYMENT, extensions={"trace": trace})

    assert heard.count("http11.send_request_headers.started") == 2
    assert heard[-1] == "http11.response_closed.complete"


def test_hooks_run_for_each_attempt(kind):
    """A request hook sees each send, a response hook each answer."""
    seen = []

    def note(thing):
        seen.append(type(thing).__name__)

    async def anote(thing):
        seen.append(type(thing).__name__)

    hook = anote if kind.is_async else note
    hooks = {"request": [hook], "response": [hook]}
    with (
        PaymentServer([Fault.status(503)]) as server,
        kind.open(base_url=server.url, event_hooks=hooks) as session,
    ):
        session.post("/payments", json=PAYMENT)

    each = ["Request", "Response"]
    assert seen == (each * 2 if kind.door == "client" else each)


def test_a_proxy_from_the_client_is_used(client_kind):
    """A wrapped client goes on going through its proxy."""
    with (
        PaymentServer([Fault.lose_answer()]) as proxy,
        client_kind.open(proxy=proxy.url) as session,
    ):
        response = session.post("http://shop.invalid/payments", json=PAYMENT)

        assert response.status_code == 201
        assert proxy.requests[0].target == "http://shop.invalid/payments"
        assert len({r.key for r in proxy.requests}) == 1


def test_doubt_return_hands_out_the_status(client_kind):
    """doubt="return" gives the 503 back, with the outcome on it."""
    terms = {"policy": fast(attempts=2), "doubt": "return"}
    with (
        PaymentServer([Fault.status(503, body=b"sorry")] * 2) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
    ):
        response = session.post("/payments", json=PAYMENT)

        assert response.text == "sorry"
        assert samekey.report(response).outcome == "in_doubt"


def test_a_transport_returns_a_doubtful_status(transport_kind):
    """An SDK above reads the 503 itself; it can ask for the report."""
    terms = {"policy": fast(attempts=2)}
    with (
        PaymentServer([Fault.status(503, body=b"sorry")] * 2) as server,
        transport_kind.open(base_url=server.url, terms=terms) as session,
    ):
        response = session.post("/payments", json=PAYMENT)

        assert response.text == "sorry"
        assert samekey.report(response).outcome == "in_doubt"


def test_a_transport_raises_the_other_doubts(transport_kind):
    """A 404 after a timeout must not read as "no"."""
    script = [Fault.lose_answer(), Fault.status(404)]
    with (
        PaymentServer(script) as server,
        transport_kind.open(base_url=server.url) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", json=PAYMENT)

    assert isinstance(caught.value, transport_kind.module.TransportError)


def test_doubt_after_a_status_is_an_http_status_error(client_kind):
    """At the client door the latest doubtful answer is on the error."""
    script = [Fault.status(502, body=b"bad"), Fault.status(404)]
    with (
        PaymentServer(script) as server,
        client_kind.open(base_url=server.url) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", json=PAYMENT)

    exc = caught.value
    assert isinstance(exc, client_kind.module.HTTPStatusError)
    assert exc.response.status_code == 502
    assert exc.response.text == "bad"
    assert exc.reason == "status"
    assert exc.request.url.path == "/payments"


def test_raise_for_status_carries_the_report(kind):
    """The library's own error for a status leads to the report."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/nowhere", json=PAYMENT)
        with pytest.raises(kind.module.HTTPStatusError) as caught:
            response.raise_for_status()

    assert samekey.report(caught.value).attempts[0].status == 404


@pytest.mark.parametrize("thing", [KeyError(), object(), None, 3])
def test_report_of_nothing(thing):
    """What no operation is behind has no report."""
    with pytest.raises(
        LookupError,
        match=rf"^no operation of samekey is behind this {type(thing).__name__}$",
    ):
        samekey.report(thing)


def test_times_in_the_report(kind):
    """started is wall time; elapsed and waited are seconds."""
    before = time.time()
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=PAYMENT)

    first, second = samekey.report(response).attempts
    assert before - 0.1 <= first.started <= second.started <= time.time()
    assert first.elapsed > 0
    assert second.waited == 0.0
    assert samekey.report(response) == samekey.report(response)


def test_a_retry_and_a_give_up_are_one_record_each(kind, caplog):
    """The records say what a handler needs, in `extra`."""
    caplog.set_level(logging.DEBUG, "samekey")
    terms = {"policy": fast(attempts=2)}
    with (
        PaymentServer([Fault.lose_answer()] * 2) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", json=PAYMENT, operation="order-1")

    retry, gave_up = (r for r in caplog.records if r.name == "samekey")
    tail = caught.value.key[-6:]
    assert retry.samekey_event == "retry"
    assert retry.samekey_wait == 0.0
    assert retry.samekey_verdict == "UNKNOWN"
    assert retry.samekey_operation == "order-1"
    assert gave_up.levelname == "WARNING"
    assert gave_up.samekey_event == "give_up"
    assert gave_up.samekey_outcome == "in_doubt"
    assert gave_up.samekey_reason == "attempts"
    assert gave_up.samekey_attempt == 2
    assert gave_up.samekey_key == "…" + tail
    assert caught.value.key not in caplog.text


def test_a_silent_logger_costs_nothing(kind, caplog):
    """With the logger off no record is made."""
    caplog.set_level(logging.CRITICAL, "samekey")
    terms = {"policy": fast(attempts=2)}
    with (
        PaymentServer([Fault.status(503)] * 2) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        if kind.door == "client":
            with pytest.raises(samekey.InDoubt):
                session.post("/payments", json=PAYMENT)
        else:
            session.post("/payments", json=PAYMENT)

    assert [r for r in caplog.records if r.name == "samekey"] == []


class TestTransport:
    """What a transport takes, and passes on."""

    def test_only_once(self, transport_kind):
        """A samekey transport under another is refused."""
        cls = (
            samekey.AsyncTransport
            if transport_kind.is_async
            else samekey.Transport
        )
        with pytest.raises(
            TypeError,
            match=r"^transport must not be wrapped already, got one that is$",
        ):
            cls(cls(transport_kind.transport()))

    def test_only_transports(self):
        """What cannot send is refused by name."""
        with pytest.raises(
            TypeError, match=r"^transport must have handle_request, got str$"
        ):
            samekey.Transport("x")

    def test_only_the_libraries_requests(self):
        """A request of another library is refused."""

        class Anything:
            def handle_request(self, request):
                raise AssertionError

        class Odd:
            method = "POST"
            extensions = {}

        with pytest.raises(
            TypeError,
            match=r"^request must be one of httpx or httpx2, got Odd$",
        ):
            samekey.Transport(Anything()).handle_request(Odd())

    def test_a_callers_request_does_not_keep_the_key(self, transport_kind):
        """httpx copies headers into the next hop; the key is not there."""
        with (
            PaymentServer() as server,
            transport_kind.open(base_url=server.url) as session,
        ):
            response = session.post("/payments", json=PAYMENT)

            assert "idempotency-key" not in response.request.headers
            assert server.requests[0].key == samekey.report(response).key

    def test_a_budget_may_be_shared(self, kind):
        """Two clients with one budget draw on one bucket."""
        budget = samekey.RetryBudget(capacity=1, start=1, per_success=0)
        terms = {"policy": FAST, "budget": budget}
        with PaymentServer([Fault.status(429)] * 9) as server:
            with kind.open(base_url=server.url, terms=terms) as session:
                session.post("/payments", json=PAYMENT)
            with kind.open(base_url=server.url, terms=terms) as session:
                session.post("/payments", json=PAYMENT)

            assert len(server.requests) == 3

    def test_full_budget_is_not_the_default(self):
        """A test's budget is its own."""
        assert full().start == 1_000
