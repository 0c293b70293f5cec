"""
Case 3: the key is really sent.

Some SDKs make a key, keep it to themselves, and then retry the POST. What
counts here is what the server read off its socket.
"""

import re
import uuid

import httpx
import pytest

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
UUID4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
    r"[0-9a-f]{12}"
)


def settle(received):
    """Answer that it is done, whatever it is."""
    return Answer(204)


def check_sent(requests, key):
    """Check that the server read *key*, once in each request."""
    assert requests
    for request in requests:
        assert (key,) == request.keys, request.headers


def test_every_attempt_carries_the_key(kind):
    """The first attempt carries the key, and so does each resend."""
    methods = ("POST", "PATCH", "CHARGE")
    script = [Fault.lose_request(), Fault.status(503), None] * 3
    with (
        FaultServer(settle, script) as server,
        kind.open(base_url=server.url) as session,
    ):
        responses = [session.request(m, "/x", json=ORDER) for m in methods]

    assert 9 == len(server.requests)
    for number, response in enumerate(responses):
        three = server.requests[3 * number : 3 * number + 3]
        check_sent(three, samekey.report(response).key)
        assert UUID4.fullmatch(three[0].key)


def test_a_call_that_fails_shows_the_key_that_was_sent(kind):
    """The key on the error is the key that the server read."""
    with (
        PaymentServer([Fault.lose_answer()] * 4) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    assert 4 == len(server.requests)
    check_sent(server.requests, caught.value.key)


def test_every_body_gets_a_key(kind):
    """The key does not depend on what kind of body there is."""
    bodies = [
        {},
        {"content": b"raw"},
        {"json": ORDER},
        {"data": {"amount": "5"}},
        {"files": {"receipt": ("r.txt", b"text")}},
    ]
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
    ):
        responses = [session.post("/payments", **body) for body in bodies]

    assert 5 == len(server.requests)
    for response, received in zip(responses, server.requests, strict=True):
        check_sent([received], samekey.report(response).key)


@pytest.mark.parametrize("way", ["send", "stream"])
def test_every_way_to_send_gets_a_key(kind, way):
    """A request that is built first, or streamed, carries a key as well."""
    with (
        PaymentServer([Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        request = session.client.build_request("POST", "/payments", json=ORDER)
        response = session.send(request, stream=way == "stream")
        session.read(response)

    assert 201 == response.status_code
    assert 2 == len(server.requests)
    check_sent(server.requests, samekey.report(response).key)


def test_idempotent_methods_get_no_key(kind):
    """A method that may be repeated anyway is retried without a key."""
    methods = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
    script = [Fault.status(503), None] * 5
    with (
        FaultServer(settle, script) as server,
        kind.open(base_url=server.url) as session,
    ):
        responses = [
            session.request(method, "/payments/pay_1") for method in methods
        ]

    assert 10 == len(server.requests)
    assert {()} == {request.keys for request in server.requests}
    assert {None} == {samekey.report(response).key for response in responses}


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_key_that_was_made_and_not_sent(self):
        """A client that retries a POST with its key unsent is reported."""
        key = str(uuid.uuid4())
        with (
            PaymentServer([Fault.lose_answer()]) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            with pytest.raises(httpx.RemoteProtocolError):
                client.post("/payments", json=ORDER)
            client.post("/payments", json=ORDER)
            charges = server.app.charges("order-1")

        assert 2 == charges
        with pytest.raises(AssertionError):
            check_sent(server.requests, key)
