"""
Stripe's PaymentIntents, as documented at docs.stripe.com/api.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import attrs

from samekey.payments._adapter import Call, Change, Order, Refusal, Reply
from samekey.payments._form import bracketed
from samekey.payments._money import check_currency
from samekey.payments._reading import (
    amount_of,
    check_extra,
    quoted,
    refuses,
    text_of,
    words,
)
from samekey.payments._results import Payment, Refund, Status
from samekey.payments._stripe_money import from_stripe, to_stripe


PATH = "/v1/payment_intents"
REFERENCE = "samekey"

_STATUSES = {
    "succeeded": Status.SUCCEEDED,
    "processing": Status.PENDING,
    "pending": Status.PENDING,
    "requires_action": Status.ACTION_REQUIRED,
    "requires_confirmation": Status.ACTION_REQUIRED,
    "requires_capture": Status.AUTHORIZED,
    # Before the first try, and after a payment method was declined.
    "requires_payment_method": Status.FAILED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}

_OWN = frozenset(
    {
        "amount",
        "amount_to_capture",
        "automatic_payment_methods",
        "capture_method",
        "confirm",
        "currency",
        "description",
        "metadata",
        "payment_intent",
        "payment_method",
        "return_url",
    }
)


@attrs.frozen(kw_only=True)
class StripeAdapter:
    """
    Speak Stripe's PaymentIntents; the client's base_url is Stripe's.

    A payment is created and confirmed in one call. *source* is the id of a
    payment method (`pm_…`). The reference is kept in the metadata, under
    `samekey`.

    Args:
        return_url: Where a payer comes back to after confirming elsewhere.
            Without one, payment methods that send payers away are not used.

        account: The connected account that it is done for (`acct_…`).

        version: Of the API, such as `"2026-10-28.endive"`. Default: the
            account's own.
    """

    return_url: str | None = None
    account: str | None = None
    version: str | None = None

    def create(self, order: Order, /) -> Call:
        """Write the call that makes and confirms a PaymentIntent."""
        check_extra(order.extra, _OWN)
        fields: dict[str, Any] = {
            "amount": to_stripe(order.amount, order.currency),
            "currency": order.currency.lower(),
            "payment_method": order.source,
            "confirm": True,
            "return_url": self.return_url,
        }
        if "payment_method_types" not in order.extra:  # it is one or other
            stays = "never" if self.return_url is None else None
            fields["automatic_payment_methods"] = {
                "enabled": True,
                "allow_redirects": stays,
            }
        if not order.capture:
            fields["capture_method"] = "manual"
        fields["description"] = order.description
        fields["metadata"] = _metadata(order.metadata, order.reference)
        return self._post(PATH, {**fields, **order.extra})

    def refund(self, change: Change, /) -> Call:
        """Write the call that makes a Refund."""
        paid, part = change.payment_id, _part(change)
        fields = {"payment_intent": paid, "amount": part}
        return self._change("/v1/refunds", fields, change)

    def capture(self, change: Change, /) -> Call:
        """Write the call that captures a PaymentIntent."""
        path = f"{PATH}/{quoted(change.payment_id)}/capture"
        fields = {"amount_to_capture": _part(change)}
        return self._change(path, fields, change)

    def cancel(self, change: Change, /) -> Call:
        """Write the call that cancels a PaymentIntent."""
        path = f"{PATH}/{quoted(change.payment_id)}/cancel"
        return self._change(path, {}, change)

    def get(self, payment_id: str, /) -> Call:
        """Write the call that reads a PaymentIntent."""
        path = f"{PATH}/{quoted(payment_id)}"
        return Call("GET", path, headers=self._headers())

    def find(self, reference: str, /) -> Call | None:
        """
        Write the call that searches by the reference in the metadata.

        Stripe's search lags behind, by less than a minute as a rule: to find
        nothing proves nothing.
        """
        query = f"metadata['{REFERENCE}']:'{reference}'"
        return Call(
            "GET",
            f"{PATH}/search",
            params={"query": query},
            headers=self._headers(),
        )

    def read(self, reply: Reply, /) -> Payment:
        """Read a PaymentIntent."""
        return _payment(reply.data, reply)

    def read_refund(self, reply: Reply, /) -> Refund:
        """Read a Refund."""
        data = _checked(reply.data, "refund")
        currency = check_currency(data["currency"])
        paid: Any = data.get("payment_intent")
        # It may have been expanded into the whole object.
        expanded = isinstance(paid, dict)
        name = "id" if expanded else "payment_intent"
        return Refund(
            text_of(data, "id"),
            payment_id=text_of(
                cast("Mapping[str, Any]", paid) if expanded else data, name
            ),
            status=_status(data),
            amount=from_stripe(amount_of(data), currency),
            currency=currency,
            raw=data,
            report=reply.report,
        )

    def read_found(self, reply: Reply, reference: str, /) -> Sequence[Payment]:
        """Read what the search found."""
        return [
            _payment(one, reply)
            for one in _checked(reply.data, "search_result")["data"]
            if one["metadata"].get(REFERENCE) == reference
        ]

    def refusal(self, reply: Reply, /) -> Refusal | None:
        """Tell why Stripe refused."""
        if not refuses(reply.status):
            return None
        error: Any = reply.data.get("error")
        if not isinstance(error, dict):
            return Refusal()
        error = cast("Mapping[str, object]", error)
        code = error.get("code") or error.get("type")
        return Refusal(words(code), words(error.get("message")))

    def _change(
        self, path: str, fields: Mapping[str, Any], change: Change
    ) -> Call:
        check_extra(change.extra, _OWN)
        own = {**fields, "metadata": _metadata(change.metadata)}
        return self._post(path, {**own, **change.extra})

    def _post(self, path: str, fields: Mapping[str, Any]) -> Call:
        form = bracketed(fields)
        return Call("POST", path, form=form, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        names = ("Stripe-Account", "Stripe-Version")
        values = (self.account, self.version)
        return {
            n: v for n, v in zip(names, values, strict=True) if v is not None
        }


def _part(change: Change) -> int | None:
    if change.amount is None:
        return None
    if change.currency is None:
        msg = (
            "currency must be given with amount: Stripe writes some"
            " currencies in units of its own"
        )
        raise ValueError(msg)
    return to_stripe(change.amount, change.currency)


def _metadata(
    metadata: Mapping[str, str], reference: str | None = None
) -> dict[str, str]:
    if REFERENCE in metadata:
        msg = f"metadata must not have {REFERENCE!r}, which is the reference's"
        raise ValueError(msg)
    # Sorted: where they come from may give them in another order next time.
    plain = dict(sorted(metadata.items()))
    return plain if reference is None else {**plain, REFERENCE: reference}


def _checked(data: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    if data.get("object") != kind:
        msg = f"object must be {kind}, got {data.get('object')!r}"
        raise ValueError(msg)
    return data


def _payment(data: Mapping[str, Any], reply: Reply) -> Payment:
    data = _checked(data, "payment_intent")
    currency = check_currency(data["currency"])
    return Payment(
        text_of(data, "id"),
        status=_status(data),
        amount=from_stripe(amount_of(data), currency),
        currency=currency,
        raw=data,
        report=reply.report,
    )


def _status(data: Mapping[str, Any]) -> Status:
    return _STATUSES.get(text_of(data, "status"), Status.OTHER)
