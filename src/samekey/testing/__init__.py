"""
Put a client in front of a server that fails on purpose, and count charges.

`FaultServer` misbehaves over a real socket, one `Fault` an exchange.
`PaymentServer` is one whose application is an idempotent payments API with a
ledger, so that a test can end with the only question that matters: how many
times was the card charged?

`StoreConformance` is what a store of records is run against.
"""

from ._conformance import StoreConformance
from ._fault_server import FaultServer, Received
from ._faults import Answer, Fault, draw
from ._moves import Charge, Move
from ._payment_server import PaymentServer
from ._payments import PaymentsApp


__all__ = [
    "Answer",
    "Charge",
    "Fault",
    "FaultServer",
    "Move",
    "PaymentServer",
    "PaymentsApp",
    "Received",
    "StoreConformance",
    "draw",
]
