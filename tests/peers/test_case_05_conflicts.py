"""
Case 5: an in-flight 409 waits, another 409 does not.

A 409 says one of two things: the first request under this key is still
running, or the order itself is in conflict. Asking again helps only the first.
"""

import json
import time

import httpx
import pytest

from kinds import KINDS, fast

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
IN_FLIGHT = b'{"code": "idempotency_key_in_use"}'
POLL_FLOOR = 0.5
"""The least time between two polls, whatever wait= says."""

STILL_RUNNING = [
    Fault.status(409, body=IN_FLIGHT),
    Fault.status(409, body=b'{"error": %b}' % IN_FLIGHT),
    Fault.status(409, body=b'{"type": "concurrent_idempotent_requests"}'),
    Fault.status(409, body=b'{"code": "PREVIOUS_REQUEST_IN_PROGRESS"}'),
    Fault.status(409, headers=[("Retry-After", "1")]),
]
OTHERS = [
    b"",
    b"conflict",
    b'{"code": "order_already_paid"}',
    b'{"code": 409}',
    b'{"error": "idempotency_key_in_use"}',
    b'["idempotency_key_in_use"]',
    b"\xff{",
]


def check_not_asked_again(requests):
    """Check that a conflict of the order itself was taken for an answer."""
    assert 1 == len(requests)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if "httpx" == kind.library], ids=str
)
def test_an_in_flight_409_waits_for_the_answer(kind):
    """A poll waits, and counts neither as an attempt nor as a resend."""
    terms = {
        "policy": fast(attempts=1),
        "budget": samekey.RetryBudget(capacity=1, start=0),
    }
    started = time.monotonic()
    with (
        PaymentServer([Fault.status(409, body=IN_FLIGHT)]) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        response = session.post("/payments", json=ORDER)
        charges = server.app.charges("order-1")
    elapsed = time.monotonic() - started

    first, second = samekey.report(response).attempts
    assert 201 == response.status_code
    assert 1 == charges
    assert 1 == len({request.key for request in server.requests})
    assert (409, 201) == (first.status, second.status)
    assert POLL_FLOOR == second.waited
    assert POLL_FLOOR <= elapsed


def test_an_in_flight_409_without_time_to_wait_is_in_doubt(kind):
    """A request that is still running at the deadline is in doubt."""
    policy = fast(deadline=0.4)
    with (
        PaymentServer(STILL_RUNNING) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
    ):
        for _ in STILL_RUNNING:
            with pytest.raises(samekey.InDoubt) as caught:
                session.post("/payments", json=ORDER)
            assert "in_flight" == caught.value.reason
            assert 409 == caught.value.response.status_code

    assert len(STILL_RUNNING) == len(server.requests)


def test_another_409_is_the_answer(kind):
    """A conflict of the order itself is returned, body and all, at once."""
    bodies = iter(OTHERS)
    with (
        FaultServer(lambda _: Answer(409, body=next(bodies))) as server,
        kind.open(base_url=server.url) as session,
    ):
        responses = [session.post("/payments", json=ORDER) for _ in OTHERS]

    assert OTHERS == [response.content for response in responses]
    for response, received in zip(responses, server.requests, strict=True):
        check_not_asked_again([received])
        assert 409 == response.status_code
        assert samekey.Outcome.ANSWERED == samekey.report(response).outcome


def test_a_409_after_doubt_may_be_our_own_request(kind):
    """After a lost answer any 409 may mean that our first is running."""
    script = [Fault.lose_request(), Fault.status(409, body=b"{}")]
    policy = fast(deadline=0.4)
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    assert "in_flight" == caught.value.reason
    assert 2 == len(server.requests)


def test_an_unkeyed_409_is_the_answer(kind):
    """Without a key there is nothing that could be in flight."""
    with (
        FaultServer(lambda _: Answer(409, body=IN_FLIGHT)) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.request("PUT", "/orders/1", json=ORDER)

    check_not_asked_again(server.requests)
    assert 409 == response.status_code
    assert IN_FLIGHT == response.content


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_loop_that_retries_every_409(self):
        """A loop that only looks at the status is reported."""
        body = json.dumps({"code": "order_already_paid"}).encode()
        with (
            FaultServer(lambda _: Answer(409, body=body)) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            for _ in range(3):
                headers = {"Idempotency-Key": "key-of-order-1"}
                response = client.post("/", json=ORDER, headers=headers)
                if response.status_code not in {409, 500}:
                    break

        with pytest.raises(AssertionError):
            check_not_asked_again(server.requests)
