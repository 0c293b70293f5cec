"""
Test your own code: that it charges once, and says what is true.

Run it by `pytest examples/test_your_own_code.py`. You will see five tests
pass. The last one shows what `explore` finds in a function that makes its key
in the wrong place. The fixtures, whose names begin with `samekey_`, come with
samekey, and nothing has to be imported for them.
"""

from __future__ import annotations

import uuid

from typing import Any

import httpx
import pytest

import samekey

from samekey.testing import (
    FakeClock,
    Fault,
    FaultFound,
    IdempotentTransport,
    PaymentServer,
    assert_executed_once,
    assert_one_key,
    explore,
)


URL = "https://api.example.com"

# What you have written. The client comes from outside, so that a test can
# give it another transport.


def pay(client: samekey.Client, order: int) -> str:
    response = client.post(
        "/payments",
        json={"amount": 500, "card": "tok_visa", "reference": str(order)},
        operation=("order", order, "charge"),
    )
    payment: dict[str, Any] = response.raise_for_status().json()
    return str(payment["status"])


# What you test.


def test_no_fault_charges_twice() -> None:
    """Whatever breaks, and whenever, it is charged once and told truly."""

    def call(transport: IdempotentTransport) -> str:
        with samekey.Client(base_url=URL, transport=transport) as client:
            return pay(client, 123)

    explore(call)


def test_a_lost_answer(
    samekey_server: PaymentServer, samekey_no_wait: list[float]
) -> None:
    """Over a real socket, and without waiting."""
    samekey_server.play(Fault.lose_answer(), Fault.status(503))

    with samekey.Client(base_url=samekey_server.url) as client:
        assert pay(client, 123) == "succeeded"

    assert len(samekey_no_wait) == 2
    assert_one_key(samekey_server)
    assert_executed_once(samekey_server)


def test_an_outage(
    samekey_transport: IdempotentTransport, samekey_clock: FakeClock
) -> None:
    """The server asks for waits of 25 s; after a minute it is given up."""
    busy = Fault.status(503, headers=[("Retry-After", "25")])
    samekey_transport.play(*[busy] * 9)

    with (
        samekey.Client(base_url=URL, transport=samekey_transport) as client,
        pytest.raises(samekey.InDoubt),
    ):
        pay(client, 123)

    assert samekey_clock.waits == [25.0, 25.0]


def test_where_no_transport_can_be_given(
    samekey_respx: object, samekey_transport: IdempotentTransport
) -> None:
    """respx answers clients that your code makes by itself."""
    with samekey.Client(base_url=URL) as client:
        pay(client, 123)
        pay(client, 123)

    assert len(samekey_transport.requests) == 2
    assert_executed_once(samekey_transport, operation=("order", 123, "charge"))


# What it looks like when something is wrong.


def careless(transport: IdempotentTransport) -> int:
    with httpx.Client(base_url=URL, transport=transport) as client:
        while True:
            key = str(uuid.uuid4())  # a new key for each try
            try:
                return client.post(
                    "/payments",
                    json={"amount": 500},
                    headers={"Idempotency-Key": key},
                ).status_code
            except httpx.TransportError:
                continue


def test_a_planted_bug() -> None:
    with pytest.raises(FaultFound) as caught:
        explore(careless)

    print(caught.value)  # the attempts, and a program that replays them
    assert caught.value.kind == "doubled"
    assert caught.value.faults == (Fault.lose_answer(),)
