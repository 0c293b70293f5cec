"""
What comes back from a payments API: a payment, a refund, or an error.

    SamekeyError
    └── PaymentError          an answer that is no payment: look
        └── PaymentRefused    the API refused: no money was moved
"""

from __future__ import annotations

import enum

from collections.abc import Mapping
from typing import Any

import attrs

from samekey._report import Report
from samekey.errors import SamekeyError


class Status(enum.StrEnum):
    """
    Where a payment or a refund stands, in the same words for every API.

    What the API itself calls it is in `raw`.
    """

    SUCCEEDED = "succeeded"
    """The money is taken, or given back."""

    AUTHORIZED = "authorized"
    """The money is held: capture it or cancel it."""

    PENDING = "pending"
    """The API is at work on it; ask again later."""

    ACTION_REQUIRED = "action_required"
    """Somebody has to act: the payer confirms it, or you do."""

    FAILED = "failed"
    """It did not succeed, and no money is taken."""

    CANCELED = "canceled"
    """It was given up, and what was held is free again."""

    OTHER = "other"
    """Something that the adapter does not know; see `raw`."""


@attrs.frozen
class Payment:
    """
    A payment, as the API last told of it.

    Two are equal if the API says the same of them; the report does not count.

    Attributes:
        id: The API's own.

        status: Where it stands.

        amount: In minor units of *currency*, as ISO 4217 has them.

        currency: A code of ISO 4217, in capitals.

        raw: All that the API said. It may hold personal data and secrets, so
            it is not in the repr.

        report: The key, the outcome and every attempt of the call.
    """

    id: str
    status: Status = attrs.field(kw_only=True)
    amount: int = attrs.field(kw_only=True)
    currency: str = attrs.field(kw_only=True)
    raw: Mapping[str, Any] = attrs.field(kw_only=True, repr=False, hash=False)
    report: Report = attrs.field(kw_only=True, repr=False, eq=False)


@attrs.frozen
class Refund:
    """
    A refund, as the API last told of it.

    Attributes:
        id: The API's own.

        payment_id: That of the payment it belongs to.

        status, amount, currency, raw, report: As those of a `Payment`.
    """

    id: str
    payment_id: str = attrs.field(kw_only=True)
    status: Status = attrs.field(kw_only=True)
    amount: int = attrs.field(kw_only=True)
    currency: str = attrs.field(kw_only=True)
    raw: Mapping[str, Any] = attrs.field(kw_only=True, repr=False, hash=False)
    report: Report = attrs.field(kw_only=True, repr=False, eq=False)


class PaymentError(SamekeyError):
    """
    An answer that is neither a payment nor a refusal.

    The money may have moved. Look at `response`, or give this to
    `Payments.resolve`.

    Attributes:
        status: The HTTP status, where there was an answer.

        code: What the API calls the error.

        message: What the API says in words, without what looks like a card
            number.

        report: The key, the outcome and every attempt.

        response: The answer; None after pickling.
    """

    response: Any = None

    def __init__(
        self,
        text: str,
        report: Report,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> None:
        super().__init__(text)
        self.report = report
        self.status = status
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        state = (*self.args, self.report, self.status, self.code, self.message)
        return type(self), state, self._notes()


class PaymentRefused(PaymentError):
    """
    The API refused, as for a declined card: this call moved no money.

    Most APIs refuse again under the same operation id, whatever has changed
    since. To try another card, use another id or a new generation of it.
    """
