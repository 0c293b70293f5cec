"""
Case 2: the user's key wins, and an empty one is refused.

Some clients overwrite the user's header; others take `""` for "none given" and
send a random key, so that the caller's next try is a second payment.
"""

import uuid

import httpx
import pytest

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
KEY = "order-1-charge-from-the-row"
WAYS = [
    {"idempotency_key": KEY},
    {"headers": {"Idempotency-Key": KEY}},
    {"headers": {"idempotency-key": KEY}},
    {"headers": [(b"IDEMPOTENCY-KEY", KEY.encode())]},
    {"extensions": {"samekey": {"idempotency_key": KEY}}},
    {"idempotency_key": KEY, "headers": {"Idempotency-Key": KEY}},
    {"idempotency_key": KEY, "operation": "order-1/charge"},
]


def check_only_key(requests, key):
    """Check that every request carries *key*, once."""
    assert requests
    assert {(key,)} == {request.keys for request in requests}


def test_users_key_wins(kind):
    """The key that the caller gives is the one that is sent, each time."""
    script = [Fault.lose_answer(), Fault.status(503), None] * len(WAYS)
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        responses = [
            session.post("/payments", json=ORDER, **given) for given in WAYS
        ]
        charges = server.app.charges("order-1")

    assert 1 == charges
    assert len(script) == len(server.requests)
    check_only_key(server.requests, KEY)
    for response in responses:
        assert 201 == response.status_code
        assert KEY == samekey.report(response).key


def test_a_key_that_cannot_be_sent_is_refused(kind):
    """A key that is empty or not printable is refused, not replaced."""
    refused = []
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        for bad in ("", " ", "a b", "x" * 256, "a\x7f"):
            for given in (
                {"idempotency_key": bad},
                {"extensions": {"samekey": {"idempotency_key": bad}}},
                {"headers": {"Idempotency-Key": bad}},
            ):
                with pytest.raises(samekey.InvalidKey) as caught:
                    session.post("/payments", json=ORDER, **given)
                refused.append(caught.value)

    assert 0 == server.connections
    assert all(isinstance(exc, ValueError) for exc in refused)


def test_a_key_of_another_type_is_refused(kind):
    """A key that is no string is refused; None is no way to say "none"."""
    message = r"^idempotency_key must be a str, got \w+$"
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        for bad in (None, 5, b"key", uuid.UUID(int=5)):
            with pytest.raises(TypeError, match=message):
                session.post("/payments", json=ORDER, idempotency_key=bad)

    assert 0 == server.connections


def test_two_keys_are_refused(kind):
    """Nobody guesses which of two keys was meant."""
    message = r"^a request must have one .+$"
    header = ("Idempotency-Key", "another-key")
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        for given in (
            {"idempotency_key": KEY, "headers": [header]},
            {"headers": [header, header]},
        ):
            with pytest.raises(samekey.InvalidKey, match=message):
                session.post("/payments", json=ORDER, **given)

    assert 0 == server.connections


def test_a_key_for_every_call_is_refused(client_kind):
    """A key among the client's default headers would be everybody's."""
    headers = {"Idempotency-Key": KEY}
    with (
        PaymentServer() as server,
        client_kind.open(base_url=server.url, headers=headers) as session,
        pytest.raises(
            samekey.InvalidKey, match=r"^Idempotency-Key must not .+$"
        ),
    ):
        session.post("/payments", json=ORDER)

    assert 0 == server.connections


def test_users_key_goes_out_with_any_method(kind):
    """A method that gets no key by itself carries the one it is given."""
    script = [Fault.status(503), None] * 3
    with (
        FaultServer(lambda _: Answer(204), script) as server,
        kind.open(base_url=server.url) as session,
    ):
        for method in ("GET", "PUT", "DELETE"):
            key = f"{method}-{KEY}"
            session.request(method, "/payments/pay_1", idempotency_key=key)

    assert 6 == len(server.requests)
    for received in server.requests:
        check_only_key([received], f"{received.method}-{KEY}")


class TestTheChecker:
    """The checks above see the peers' mistakes."""

    @pytest.mark.parametrize("given", ["", KEY])
    def test_reports_a_key_that_was_replaced(self, given):
        """A client that fills in or overwrites a key is reported."""
        key = given if given == "" else None
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        with (
            PaymentServer() as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            client.post("/payments", json=ORDER, headers=headers)

        with pytest.raises(AssertionError):
            check_only_key(server.requests, given)
