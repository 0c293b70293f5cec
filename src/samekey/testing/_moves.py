"""
What the payments API does with money: parsing, rules and answers.

Pure: `_payments` keeps the ledger.
"""

import json

from collections.abc import Sequence

import attrs

from samekey._report import key_hint

from ._fault_server import Received


_LARGEST = 2**63 - 1  # What SQLite's INTEGER holds.

KINDS = {"capture": "captured", "cancel": "canceled", "refunds": "refunded"}


@attrs.frozen
class Charge:
    """One row of the ledger: a card that was charged."""

    payment_id: str
    amount: int = attrs.field(kw_only=True)
    currency: str = attrs.field(kw_only=True)
    card: str = attrs.field(kw_only=True)
    reference: str | None = attrs.field(kw_only=True)
    key: str | None = attrs.field(kw_only=True, repr=key_hint)


@attrs.frozen
class Move:
    """
    What became of a payment: `held`, `captured`, `canceled` or `refunded`.
    """

    payment_id: str
    kind: str
    amount: int
    key: str | None = attrs.field(repr=key_hint)


@attrs.frozen
class Order:
    """A charge to be made, or only to be held."""

    charge: Charge
    hold: bool = attrs.field(kw_only=True)


def parse_charge(received: Received) -> Order | None:
    """Read what is to be charged; None if it is nonsense."""
    order: dict[str, object] = {
        "currency": "EUR",
        "reference": None,
        "capture": True,
    }
    try:
        order.update(json.loads(received.body))
    except (ValueError, TypeError, RecursionError):
        return None
    match order:
        case {
            "amount": int(amount),
            "card": str(card),
            "currency": str(currency),
            "reference": str() | None as reference,
            "capture": bool(capture),
        } if card and amount is not True and 0 < amount <= _LARGEST:
            charge = Charge(
                "",
                amount=amount,
                currency=currency,
                card=card,
                reference=reference,
                key=received.key,
            )
            return Order(charge, hold=not capture)
        case _:
            return None


def parse_move(received: Received, payment_id: str, what: str) -> Move | None:
    """Read a capture, cancel or refund; an amount of 0 is all of it."""
    try:
        body = json.loads(received.body or b"{}")
    except (ValueError, RecursionError):
        return None
    match body:
        case {"amount": int(amount)} if amount is not True and amount > 0:
            return Move(payment_id, KINDS[what], amount, received.key)
        case dict() if "amount" not in body:
            return Move(payment_id, KINDS[what], 0, received.key)
        case _:
            return None


def allowed(charge: Charge, before: Sequence[Move], asked: Move) -> int | None:
    """Tell how much is moved; None if it cannot be."""
    state = _state(before)
    left = charge.amount
    if asked.kind == "refunded":
        if state != "succeeded":
            return None
        for move in before:
            if move.kind == "captured":
                left = move.amount
            elif move.kind == "refunded":
                left -= move.amount
    elif state != "authorized":
        return None
    amount = asked.amount or left
    return amount if 0 < amount <= left else None


def told(charge: Charge, moves: Sequence[Move]) -> dict[str, object]:
    """Say where a payment stands."""
    return {
        "payment_id": charge.payment_id,
        "status": _state(moves),
        "amount": charge.amount,
        "currency": charge.currency,
    }


def told_refund(
    charge: Charge, move: Move, number: int | None
) -> dict[str, object]:
    """Say that money was given back."""
    return {
        "refund_id": f"ref_{number:06d}",
        "payment_id": charge.payment_id,
        "status": "succeeded",
        "amount": move.amount,
        "currency": charge.currency,
    }


def _state(moves: Sequence[Move]) -> str:
    kinds = {move.kind for move in moves}
    if "canceled" in kinds:
        return "canceled"
    if "held" in kinds and "captured" not in kinds:
        return "authorized"
    return "succeeded"
