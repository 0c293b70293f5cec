"""
Take payments, each once: a retrying payments helper over a wrapped client.

`Payments` (and `AsyncPayments`) makes, captures, cancels and refunds payments
under operation ids. An `Adapter` says how an API is spoken: `GenericAdapter`,
`StripeAdapter`, or one of yours. `minor_units` makes the ints that amounts
are.
"""

from ._adapter import Adapter, Call, Change, Order, Refusal, Reply
from ._async_payments import AsyncPayments
from ._generic import GenericAdapter
from ._money import major_units, minor_units
from ._payments import Payments
from ._results import Payment, PaymentError, PaymentRefused, Refund, Status
from ._stripe import StripeAdapter


__all__ = [
    "Adapter",
    "AsyncPayments",
    "Call",
    "Change",
    "GenericAdapter",
    "Order",
    "Payment",
    "PaymentError",
    "PaymentRefused",
    "Payments",
    "Refund",
    "Refusal",
    "Reply",
    "Status",
    "StripeAdapter",
    "major_units",
    "minor_units",
]
