"""
A plain payments API: `POST /payments`, and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from samekey.payments._adapter import Call, Change, Order, Refusal, Reply
from samekey.payments._reading import (
    amount_of,
    check_extra,
    quoted,
    refuses,
    text_of,
    words,
)
from samekey.payments._results import Payment, Refund, Status


@attrs.frozen
class GenericAdapter:
    """
    Speak a plain payments API, such as that of `samekey.testing`.

    `POST /payments` with amount, currency, card and reference;
    `POST /payments/{id}/refunds`, `/capture` and `/cancel`;
    `GET /payments/{id}` and `GET /payments?reference=…`. An answer has
    payment_id (or id), status, amount and currency; an error has code and
    message.

    Args:
        path: Where payments are, below the client's base_url.
    """

    path: str = "/payments"

    def create(self, order: Order, /) -> Call:
        """Write the call that makes a payment."""
        body: dict[str, Any] = {
            "amount": order.amount,
            "card": order.source,
            "currency": order.currency,
            "reference": order.reference,
        }
        if not order.capture:
            body["capture"] = False
        if order.description is not None:
            body["description"] = order.description
        return Call(
            "POST",
            self.path,
            json=_joined(body, order.metadata, order.extra),
        )

    def refund(self, change: Change, /) -> Call:
        """Write the call that gives money back."""
        return self._change(change, "refunds")

    def capture(self, change: Change, /) -> Call:
        """Write the call that takes money that is held."""
        return self._change(change, "capture")

    def cancel(self, change: Change, /) -> Call:
        """Write the call that gives up a payment."""
        return self._change(change, "cancel")

    def get(self, payment_id: str, /) -> Call:
        """Write the call that reads a payment."""
        return Call("GET", f"{self.path}/{quoted(payment_id)}")

    def find(self, reference: str, /) -> Call | None:
        """Write the call that looks payments up by their reference."""
        return Call("GET", self.path, params={"reference": reference})

    def read(self, reply: Reply, /) -> Payment:
        """Read a payment."""
        return _payment(reply.data, reply)

    def read_refund(self, reply: Reply, /) -> Refund:
        """Read a refund."""
        data = reply.data
        return Refund(
            text_of(data, "refund_id" if "refund_id" in data else "id"),
            payment_id=text_of(data, "payment_id"),
            status=_status(data),
            amount=amount_of(data),
            currency=text_of(data, "currency").upper(),
            raw=data,
            report=reply.report,
        )

    def read_found(self, reply: Reply, reference: str, /) -> Sequence[Payment]:
        """Read what was found; the API has chosen by the reference."""
        return [_payment(one, reply) for one in reply.data["payments"]]

    def refusal(self, reply: Reply, /) -> Refusal | None:
        """Tell why the API refused."""
        if not refuses(reply.status):
            return None
        code = reply.data.get("code")
        return Refusal(words(code), words(reply.data.get("message")))

    def _change(self, change: Change, what: str) -> Call:
        body: dict[str, Any] = {}
        if change.amount is not None:
            body["amount"] = change.amount
        if change.currency is not None:
            body["currency"] = change.currency
        return Call(
            "POST",
            f"{self.path}/{quoted(change.payment_id)}/{what}",
            json=_joined(body, change.metadata, change.extra),
        )


def _joined(
    body: dict[str, Any], metadata: Mapping[str, str], extra: Mapping[str, Any]
) -> dict[str, Any]:
    if metadata:
        body["metadata"] = dict(metadata)
    check_extra(extra, _OWN)
    return {**body, **extra}


def _payment(data: Mapping[str, Any], reply: Reply) -> Payment:
    return Payment(
        text_of(data, "payment_id" if "payment_id" in data else "id"),
        status=_status(data),
        amount=amount_of(data),
        currency=text_of(data, "currency").upper(),
        raw=data,
        report=reply.report,
    )


_OWN = frozenset(
    {
        "amount",
        "capture",
        "card",
        "currency",
        "description",
        "metadata",
        "reference",
    }
)
_KNOWN = frozenset(Status)


def _status(data: Mapping[str, Any]) -> Status:
    value = text_of(data, "status")
    return Status(value) if value in _KNOWN else Status.OTHER
