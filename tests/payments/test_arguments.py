"""What is refused before anything is sent."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from payments_support import till

import samekey

from samekey.payments import AsyncPayments, Payments
from samekey.testing import PaymentServer


ORDER = {
    "amount": 1050,
    "currency": "EUR",
    "source": "tok_visa",
    "operation": "order-1",
}


@pytest.fixture
def refused():
    """Make a payment that must be refused, and see that nothing was sent."""
    with PaymentServer() as server:
        with samekey.Client(base_url=server.url) as client:
            payments = Payments(client)

            def create(**changes):
                payments.create(**{**ORDER, **changes})

            create.payments = payments
            yield create
        assert server.requests == []


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"amount": 10.5}, TypeError, "amount must be an int in minor units"),
        ({"amount": True}, TypeError, "amount must be an int in minor units"),
        ({"amount": Decimal(1)}, TypeError, "amount must be an int in minor"),
        ({"amount": 0}, ValueError, "amount must be at least 1, got 0"),
        ({"amount": -5}, ValueError, "amount must be at least 1, got -5"),
        ({"currency": "EURO"}, ValueError, "currency must be an active code"),
        ({"currency": None}, TypeError, "currency must be a str, got NoneTyp"),
        ({"source": None}, TypeError, "source must be a str, got NoneType"),
        ({"source": " "}, ValueError, "source must not be empty"),
        (
            {"source": "4242 4242 4242 4242"},
            ValueError,
            "source must be the A",
        ),
        ({"operation": None}, TypeError, "operation must say what is to happ"),
        ({"operation": ("order", None)}, TypeError, "a part of an operation"),
        ({"operation": True}, TypeError, "a part of an operation id"),
        ({"operation": ""}, samekey.InvalidKey, "a part of an operation id"),
        ({"operation": ()}, samekey.InvalidKey, "an operation id must have"),
        ({"description": 7}, TypeError, "description must be a str, got int"),
        ({"metadata": ["a"]}, TypeError, "metadata must be a mapping, got li"),
        ({"metadata": {"a": 1}}, TypeError, "metadata must be strings by nam"),
        ({"metadata": {1: "a"}}, TypeError, "a name in metadata must be a s"),
        ({"extra": "a"}, TypeError, "extra must be a mapping, got str"),
        ({"extra": {"a": float("nan")}}, ValueError, "Out of range float"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused(refused, change, error, said) -> None:
    """A mistake costs a message, not a payment."""
    with pytest.raises(error, match=f"^{said}"):
        refused(**change)


def test_a_token_of_digits_is_no_card_number() -> None:
    """A token may be a number, if it is not the number of a card."""
    with PaymentServer() as server:
        with samekey.Client(base_url=server.url) as client:
            order = {**ORDER, "source": "4242424242424243"}
            Payments(client).create(**order)

        assert len(server.app.ledger()) == 1


@pytest.mark.parametrize("payment_id", ["", ".", "..", None])
def test_a_payment_has_an_id(refused, payment_id) -> None:
    """A missing id must not name another resource."""
    with pytest.raises((TypeError, ValueError), match=r"^payment_id must "):
        refused.payments.refund(payment_id, operation="order-1")
    with pytest.raises((TypeError, ValueError), match=r"^payment_id must "):
        refused.payments.get(payment_id)


def test_a_part_is_checked(refused) -> None:
    """The amount of a refund is checked as that of a payment."""
    with pytest.raises(TypeError, match=r"^amount must be an int"):
        refused.payments.refund("pay_1", operation="a", amount=0.5)
    with pytest.raises(ValueError, match=r"^currency must be an active"):
        refused.payments.capture(
            "pay_1", operation="a", amount=5, currency="?"
        )


def test_an_operation_is_required(refused) -> None:
    """There is no default for what must happen once."""
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only"):
        refused.payments.cancel("pay_1")


@pytest.mark.parametrize("cls", [Payments, AsyncPayments])
def test_an_unwrapped_client_is_refused(cls) -> None:
    """A client that does not retry is told how to become one that does."""
    with httpx.Client() as client:
        with pytest.raises(
            TypeError,
            match=(
                r"^client must be a client of samekey, got httpx\.Client; wrap"
                r" it: samekey\.wrap\(client\)$"
            ),
        ):
            cls(client)


def test_the_other_kind_of_client_is_refused() -> None:
    """A sync client cannot be awaited, and an async one must be."""
    for cls, client in (
        (Payments, samekey.wrap(httpx.AsyncClient())),
        (AsyncPayments, samekey.wrap(httpx.Client())),
    ):
        with pytest.raises(TypeError, match=r"^client must be sync for Paym"):
            cls(client)


def test_doubt_must_be_raised() -> None:
    """A doubtful 500 must not look like a failed payment."""
    with samekey.Client(doubt="return") as client:
        with pytest.raises(ValueError, match=r"^client must raise doubt, got"):
            Payments(client)


def test_the_order_of_metadata_does_not_matter(client_kind) -> None:
    """Metadata from a database in another order are the same payment."""
    order = {**ORDER, "description": "Shoes", "extra": {"note": "x"}}
    with PaymentServer() as server, till(client_kind, server) as pay:
        pay.create(**order, metadata={"a": "1", "b": "2"})
        pay.create(**order, metadata={"b": "2", "a": "1"})

        first, second = server.requests
        assert len(server.app.ledger()) == 1
    assert first.body == second.body
    reference = first.body.partition(b'"reference":"')[2][:36].decode()
    assert reference != first.key
    assert first.body.decode() == (
        '{"amount":1050,"card":"tok_visa","currency":"EUR",'
        '"description":"Shoes","metadata":{"a":"1","b":"2"},"note":"x",'
        f'"reference":"{reference}"}}'
    )


def test_a_refund_says_its_currency() -> None:
    """A currency that was given goes along."""
    with PaymentServer() as server:
        with samekey.Client(base_url=server.url) as client:
            payments = Payments(client)
            paid = payments.create(**ORDER)
            payments.refund(
                paid.id,
                operation="a",
                amount=5,
                currency="EUR",
                metadata={"why": "late"},
            )

        assert server.requests[-1].body == (
            b'{"amount":5,"currency":"EUR","metadata":{"why":"late"}}'
        )
