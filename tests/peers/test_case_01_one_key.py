"""
Case 1: one key for all attempts of an operation, another for the next.

Loops that make the key inside the retried function give every attempt a key of
its own; clients that write into the caller's objects give two operations one.
"""

import copy
import itertools
import uuid

import httpx
import pytest

import samekey

from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
SCRIPTS = {
    "network": [
        Fault.lose_request(),
        Fault.lose_answer(reset=True),
        Fault.raw(b"garbage\r\n\r\n"),
    ],
    "server": [
        Fault.status(500, executed=True),
        Fault.status(408),
        Fault.status(504),
    ],
    "not now": [
        Fault.status(425),
        Fault.status(429),
        Fault.status(503),
    ],
}


def check_one_key(requests):
    """Check that these requests are attempts of one operation."""
    keys = [request.keys for request in requests]
    assert all(len(found) == 1 for found in keys), keys
    assert len(set(keys)) == 1, keys


def check_own_keys(requests):
    """Check that each of these requests is an operation of its own."""
    keys = [request.key for request in requests]
    assert None not in keys
    assert len(set(keys)) == len(keys), keys


def test_one_key_over_timeout_and_503(kind):
    """A timeout, a 503 and a 201 are three attempts under one key."""
    script = [Fault.stall(executed=True), Fault.status(503)]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url, timeout=0.2) as session,
    ):
        response = session.post("/payments", json=ORDER)
        charges = server.app.charges("order-1")

    assert 201 == response.status_code
    assert 3 == len(server.requests)
    assert 1 == charges
    check_one_key(server.requests)
    assert server.requests[0].key == samekey.report(response).key


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_one_key_whatever_fails(kind, script):
    """Whatever goes wrong three times, the fourth attempt has the key."""
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)
        charges = server.app.charges("order-1")

    assert 201 == response.status_code
    assert 4 == len(server.requests)
    assert 1 == charges
    check_one_key(server.requests)


def test_shared_headers_share_no_key(kind):
    """Two operations with one headers object have a key each."""
    headers = kind.module.Headers({"X-Shop": "blue"})
    with (
        PaymentServer([None, Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        for reference in ("order-1", "order-2"):
            order = {**ORDER, "reference": reference}
            session.post("/payments", json=order, headers=headers)

    first, *second = server.requests
    check_one_key(second)
    check_own_keys([first, second[0]])
    assert {"blue"} == {r.header("x-shop") for r in server.requests}
    assert [("x-shop", "blue")] == headers.multi_items()


def test_what_the_caller_gave_is_left_alone(kind):
    """No object that was passed to a call is changed by it."""
    given = {
        "json": copy.deepcopy(ORDER),
        "headers": {"X-Shop": "blue"},
        "params": {"dry": "no"},
        "extensions": {"mine": {"a": 1}, "samekey": {"operation": "o-1"}},
    }
    before = copy.deepcopy(given)
    with (
        PaymentServer([Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", **given)

    assert before == given
    assert 2 == len(server.requests)


def test_client_headers_stay_as_they_were(kind):
    """No key settles among the client's default headers."""
    with (
        PaymentServer([Fault.status(503)]) as server,
        kind.open(base_url=server.url, headers={"X-Shop": "blue"}) as session,
    ):
        for _ in range(3):
            session.post("/payments", json=ORDER)
        left = dict(session.client.headers)

    assert "idempotency-key" not in left
    first, *rest = server.requests[1:]
    check_one_key(server.requests[:2])
    check_own_keys([first, *rest])


def test_named_operation_keeps_its_key_over_calls(kind):
    """Two calls of one named operation are one operation."""
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        for _ in range(2):
            session.post("/payments", json=ORDER, operation="order-1/charge")
        charges = server.app.charges("order-1")

    assert 1 == charges
    assert 3 == len(server.requests)
    check_one_key(server.requests)


def test_sending_a_request_again_is_the_same_operation(kind):
    """The same Request object sent twice has the same key twice."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        request = session.client.build_request("POST", "/payments", json=ORDER)
        session.send(request)
        response = session.send(request)
        charges = server.app.charges("order-1")

    assert 1 == charges
    assert "server" == samekey.report(response).replayed
    check_one_key(server.requests)


class TestTheChecker:
    """The checks above see the peers' mistakes."""

    def test_reports_a_key_made_inside_the_retried_function(self):
        """A loop around a function that makes the key is reported."""
        with (
            PaymentServer([Fault.lose_answer()]) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):

            def pay():
                headers = {"Idempotency-Key": str(uuid.uuid4())}
                return client.post("/payments", json=ORDER, headers=headers)

            with pytest.raises(httpx.RemoteProtocolError):
                pay()
            pay()
            charges = server.app.charges("order-1")

        assert 2 == charges
        with pytest.raises(AssertionError):
            check_one_key(server.requests)

    def test_reports_a_key_left_in_shared_headers(self):
        """A client that writes into the caller's headers is reported."""
        headers = {"X-Shop": "blue"}
        numbers = itertools.count()
        with (
            PaymentServer() as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            for _ in range(2):
                headers.setdefault("Idempotency-Key", f"key-{next(numbers)}")
                client.post("/payments", json=ORDER, headers=headers)

        with pytest.raises(AssertionError):
            check_own_keys(server.requests)
