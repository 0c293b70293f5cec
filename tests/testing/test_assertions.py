"""Assertions about keys show what was sent, where they fail."""

from __future__ import annotations

import httpx
import pytest
import respx

import samekey

from samekey.testing import (
    Fault,
    IdempotentTransport,
    PaymentServer,
    assert_executed_once,
    assert_one_key,
)


URL = "https://api.example.com"
PAYMENT = {"amount": 500, "card": "tok_visa"}


def sent(transport, *keys, url="/payments"):
    """Send one request for each key; None sends none."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        for key in keys:
            headers = {} if key is None else {"Idempotency-Key": key}
            try:
                client.post(url, json=PAYMENT, headers=headers)
            except httpx.TransportError:
                pass


def test_one_key_is_returned():
    """The one key of many requests is found, whoever holds the requests."""
    transport = IdempotentTransport()

    sent(transport, "a", "a")

    assert assert_one_key(transport) == "a"
    assert assert_one_key(transport.requests) == "a"


def test_one_key_in_calls_of_respx(respx_mock: respx.MockRouter):
    """Calls of respx and requests of httpx have keys as well."""
    respx_mock.post(URL).side_effect = [
        httpx.ReadTimeout,
        httpx.Response(201),
    ]
    policy = samekey.RetryPolicy(wait=lambda state: 0)
    with samekey.Client(policy=policy) as client:
        response = client.post(URL)

    key = samekey.report(response).key
    assert assert_one_key(respx_mock.calls) == key
    assert assert_one_key([call.request for call in respx_mock.calls]) == key


def test_two_keys_are_shown():
    """A failure shows each request, its key's end, and what became of it."""
    transport = IdempotentTransport(faults=[Fault.lose_answer()])

    sent(transport, "a" * 20, "b" * 20, None, url="/payments?card=1")

    with pytest.raises(AssertionError) as caught:
        assert_one_key(transport)
    assert str(caught.value) == (
        "3 requests must carry one key, got 2 keys, 1 without:\n"
        "  1. POST /payments key …aaaaaa -> RemoteProtocolError"
        " (executed, Fault.lose_answer())\n"
        "  2. POST /payments key …bbbbbb -> 201 (executed)\n"
        "  3. POST /payments key none -> 201 (executed)"
    )


def test_two_keys_of_one_request_are_shown():
    """A request that carries two keys is as wrong as two requests are."""
    request = httpx.Request(
        "POST",
        f"{URL}/payments?card=1",
        headers=[("Idempotency-Key", "a" * 20), ("Idempotency-Key", "b" * 20)],
    )

    with pytest.raises(AssertionError) as caught:
        assert_one_key([request])

    assert str(caught.value) == (
        "1 requests must carry one key, got 2 keys:\n"
        "  1. POST /payments key …aaaaaa and …bbbbbb"
    )


def test_no_requests_have_no_key():
    """Nothing that was sent is not a success."""
    with pytest.raises(
        AssertionError,
        match=r"^requests must carry one key, but there are no requests$",
    ):
        assert_one_key([])


def test_no_key_is_not_one_key():
    """Requests without keys are not requests under one key."""
    transport = IdempotentTransport()

    sent(transport, None)

    with pytest.raises(
        AssertionError,
        match=r"^1 requests must carry one key, got 0 keys, 1 without:",
    ):
        assert_one_key(transport.requests)


def test_another_header():
    """The key may be in a header of another name."""
    request = httpx.Request("POST", URL, headers={"X-Request-Id": "a"})

    assert assert_one_key([request], header="x-request-id") == "a"


def test_executed_once(samekey_no_wait):
    """What was executed once passes, by key, by operation, or in all."""
    transport = IdempotentTransport(faults=[Fault.lose_answer()])
    terms = {"namespace": "shop", "secret": "s" * 16}
    with samekey.Client(base_url=URL, transport=transport, **terms) as client:
        client.post("/payments", json=PAYMENT, operation=("order", 1))

    assert_executed_once(transport)
    assert_executed_once(transport, transport.keys[0])
    assert_executed_once(transport, operation=("order", 1), **terms)
    assert_executed_once(
        transport, operation=samekey.Operation(("order", 1)), **terms
    )


def test_executed_twice_is_shown():
    """A failure shows what was executed, and what was answered again."""
    transport = IdempotentTransport(faults=[None, Fault.lose_request()])

    sent(transport, "a" * 20, "b" * 20, "c" * 20, "c" * 20)

    with pytest.raises(AssertionError) as caught:
        assert_executed_once(transport)
    assert str(caught.value) == (
        "the operation must be executed once, was twice:\n"
        "  1. POST /payments key …aaaaaa -> 201 (executed)\n"
        "  2. POST /payments key …bbbbbb -> RemoteProtocolError"
        " (not executed, Fault.lose_request())\n"
        "  3. POST /payments key …cccccc -> 201 (executed)\n"
        "  4. POST /payments key …cccccc -> 201 (replayed)"
    )
    with pytest.raises(
        AssertionError,
        match=r"^key …bbbbbb must be executed once, was never:",
    ):
        assert_executed_once(transport, "b" * 20)


def test_a_ledger_counts_charges():
    """A payment server's ledger says how often a card was charged."""
    with PaymentServer() as server:
        for key in ("a", "b", "c", "c"):
            httpx.post(
                f"{server.url}/payments",
                json=PAYMENT,
                headers={"Idempotency-Key": key},
            )

        assert_executed_once(server, "a")
        assert_executed_once(server.app, "c")
        with pytest.raises(AssertionError) as caught:
            assert_executed_once(server)

    assert str(caught.value).splitlines()[:2] == [
        "the operation must be executed once, was 3 times:",
        "  1. POST /payments key #ca9781",
    ]


def test_key_or_operation():
    """A key and an operation at once would be two questions."""
    with pytest.raises(TypeError, match=r"^give key or operation, got both$"):
        assert_executed_once(IdempotentTransport(), "a", operation="b")


def test_nothing_else_counts_executions():
    """What does not know what was executed is refused."""
    with pytest.raises(
        TypeError,
        match=r"^where must be an IdempotentTransport, a PaymentServer or a"
        r" PaymentsApp, got list$",
    ):
        assert_executed_once([])
