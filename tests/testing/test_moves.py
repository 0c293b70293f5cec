"""The payments API holds, captures, cancels and refunds, once per key."""

from __future__ import annotations

import json

import pytest

from samekey.testing import Move, PaymentsApp, Received


ORDER = {"amount": 1250, "card": "tok_visa", "reference": "order-1"}
HELD = {**ORDER, "capture": False}


@pytest.fixture
def app(tmp_path):
    """Open a ledger of its own."""
    with PaymentsApp(tmp_path / "ledger.db") as app:
        yield app


def ask(app, path, content=None, key=None):
    """Ask *app* without a network; return status and JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content)
    answer = app(
        Received(
            "POST",
            target=path,
            headers=() if key is None else (("idempotency-key", key),),
            body=body if isinstance(body, bytes) else body.encode(),
        )
    )
    return answer.status, json.loads(answer.body)


def read(app, payment_id):
    """Read a payment."""
    answer = app(
        Received("GET", target=f"/payments/{payment_id}", headers=(), body=b"")
    )
    return json.loads(answer.body)


def test_a_held_payment_is_captured(app):
    """What is held is taken once it is captured, in full or in part."""
    status, held = ask(app, "/payments", HELD, "key-1")

    assert (status, held["status"]) == (201, "authorized")
    path = "/payments/pay_000001/capture"
    status, taken = ask(app, path, {"amount": 1000}, "key-2")
    assert (status, taken["status"]) == (200, "succeeded")
    assert read(app, "pay_000001") == taken
    assert app.moves("pay_000001") == [
        Move("pay_000001", "held", 1250, "key-1"),
        Move("pay_000001", "captured", 1000, "key-2"),
    ]


def test_a_held_payment_is_canceled(app):
    """What is held can be freed, and not captured after that."""
    ask(app, "/payments", HELD)

    status, freed = ask(app, "/payments/pay_000001/cancel", b"")
    assert (status, freed["status"]) == (200, "canceled")
    refused = (400, {"code": "not_possible"})
    assert ask(app, "/payments/pay_000001/capture", {}) == refused
    assert ask(app, "/payments/pay_000001/refunds", {}) == refused


def test_refunds_end_with_the_money(app):
    """No more is given back than was taken."""
    ask(app, "/payments", HELD)
    ask(app, "/payments/pay_000001/capture", {"amount": 1000})
    path = "/payments/pay_000001/refunds"

    assert ask(app, path, {"amount": 400}) == (
        201,
        {
            "refund_id": "ref_000003",
            "payment_id": "pay_000001",
            "status": "succeeded",
            "amount": 400,
            "currency": "EUR",
        },
    )
    refused = (400, {"code": "not_possible"})
    assert ask(app, path, {"amount": 601}) == refused
    assert ask(app, path, {})[1]["amount"] == 600
    assert ask(app, path, {}) == refused


def test_a_charge_that_is_not_held_cannot_be_captured(app):
    """A payment that was taken at once has nothing to capture or cancel."""
    ask(app, "/payments", ORDER)

    for what in ("capture", "cancel"):
        assert ask(app, f"/payments/pay_000001/{what}", {})[0] == 400


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 100_000,
        b"7",
        {"amount": 0},
        {"amount": True},
        {"amount": 1.5},
        {"amount": None},
    ],
)
def test_nonsense_is_refused(app, content):
    """A bad request moves nothing, and leaves its key unused."""
    ask(app, "/payments", ORDER)
    path = "/payments/pay_000001/refunds"

    assert ask(app, path, content, "key-1")[0] == 400
    assert ask(app, path, {}, "key-1")[0] == 201


def test_a_key_belongs_to_one_path(app):
    """The same key and body for another move is refused."""
    ask(app, "/payments", HELD)
    path = "/payments/pay_000001/capture"
    first = ask(app, path, {}, "key-1")

    assert ask(app, path, {}, "key-1") == first
    other = ask(app, "/payments/pay_000001/cancel", {}, "key-1")
    assert other == (422, {"code": "idempotency_key_mismatch"})
    assert len(app.moves("pay_000001")) == 2


def test_an_unknown_payment_is_not_found(app):
    """Nothing can be moved where nothing was paid."""
    path = "/payments/pay_000001/refunds"

    assert ask(app, path, {}) == (404, {"code": "not_found"})


def test_capture_must_be_a_choice(app):
    """`capture` is true or false."""
    assert ask(app, "/payments", {**ORDER, "capture": "no"})[0] == 400
