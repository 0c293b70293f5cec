"""
Case 9: a pool of one connection survives retries.

A failed response that is dropped unread keeps its connection. Layers that do
that run out of connections at the second attempt, and call it PoolTimeout.
"""

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
LONG = 1024 * 1024
CHUNKED = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
FAILURES = {
    "empty": Fault.status(503),
    "short": Fault.status(503, body=b"x" * 1_000),
    "long": Fault.status(503, body=b"x" * LONG),
    "429": Fault.status(429, body=b'{"code": "slow_down"}'),
    "chunked": Fault.raw(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", end="keep"),
    "endless": Fault.raw(CHUNKED + b"1000\r\n", end="close"),
    "until it closes": Fault.raw(b"HTTP/1.1 503 Busy\r\n\r\nabc"),
    "torn": Fault.raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nabc"),
}


def open_pool(kind, server, **terms):
    """Open a session whose pool has one connection, and no patience."""
    limits = kind.module.Limits(max_connections=1)
    return kind.open(
        base_url=server.url,
        transport=kind.transport(limits=limits),
        timeout=kind.module.Timeout(5.0, pool=0.2),
        terms=terms,
    )


def check_pool_is_free(call):
    """Check that *call* gets a connection, and its answer."""
    try:
        response = call()
    except (httpx.PoolTimeout, samekey.GaveUp) as exc:
        msg = "the pool is exhausted"
        raise AssertionError(msg) from exc
    assert 200 <= response.status_code < 300


@pytest.mark.parametrize("stream", [False, True], ids=["read", "streamed"])
def test_every_failed_answer_gives_its_connection_back(kind, stream):
    """Whatever a failed answer looks like, the next attempt gets through."""
    with (
        PaymentServer(FAILURES.values()) as server,
        open_pool(kind, server, policy=fast(attempts=9)) as session,
    ):

        def call():
            build = session.client.build_request
            request = build("POST", "/payments", json=ORDER)
            response = session.send(request, stream=stream)
            session.read(response)
            return response

        check_pool_is_free(call)
        check_pool_is_free(call)

    assert len(FAILURES) + 2 == len(server.requests)


def test_a_drained_answer_keeps_its_connection(kind):
    """A short failed answer is read, so that no new connection is needed."""
    script = [FAILURES["short"], FAILURES["429"], FAILURES["chunked"]]
    with (
        PaymentServer(script) as server,
        open_pool(kind, server) as session,
    ):
        check_pool_is_free(lambda: session.post("/payments", json=ORDER))

    assert 4 == len(server.requests)
    assert 1 == server.connections


def test_an_error_holds_no_connection(kind):
    """While an error is being handled, the client can be used."""
    policy = fast(attempts=2)
    script = [FAILURES["short"], Fault.lose_answer()]
    with (
        PaymentServer(script) as server,
        open_pool(kind, server, policy=policy) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", json=ORDER)
        check_pool_is_free(lambda: session.post("/payments", json=ORDER))

    assert caught.value.report is not None
    assert 3 == len(server.requests)


def test_an_error_page_is_read_before_it_is_raised(client_kind):
    """The response on the error is whole, and its connection is back."""
    policy = fast(attempts=2)
    with (
        PaymentServer([FAILURES["long"]] * 2) as server,
        open_pool(client_kind, server, policy=policy) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", json=ORDER)
        check_pool_is_free(lambda: session.post("/payments", json=ORDER))

    assert LONG == len(caught.value.response.content)


@pytest.mark.parametrize("status", [307, 303])
def test_a_redirect_gives_its_connection_back(kind, status):
    """A hop goes out over the connection that brought it."""

    def app(received):
        if "/payments" != received.target:
            return Answer(204)
        headers = (("Location", "/x"),)
        return Answer(status, headers=headers, body=b"moved")

    with FaultServer(app) as server, open_pool(kind, server) as session:
        session.client.follow_redirects = True
        session.post("/payments", json=ORDER)
        check_pool_is_free(lambda: session.post("/x", json=ORDER))

    assert 1 == server.connections


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_loop_that_drops_failed_responses(self):
        """A loop that streams, and closes nothing, is reported."""
        with (
            PaymentServer([FAILURES["short"]]) as server,
            httpx.Client(
                base_url=server.url,
                trust_env=False,
                limits=httpx.Limits(max_connections=1),
                timeout=httpx.Timeout(5.0, pool=0.1),
            ) as client,
        ):
            kept = []

            def call():
                for _ in range(2):
                    request = client.build_request("POST", "/payments")
                    kept.append(client.send(request, stream=True))
                return kept[-1]

            with pytest.raises(
                AssertionError, match=r"^the pool is exhausted$"
            ):
                check_pool_is_free(call)
            kept[0].close()
