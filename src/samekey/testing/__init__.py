"""
Test code that must not act twice.

The short way is a function that sends one operation, and `explore`: it runs
the function against a server that fails in every way, at every point of every
attempt, and reports the first way that charges twice, or charges nobody.

`IdempotentTransport` is a server that keeps its promise about keys, in
process. `FaultServer` and `PaymentServer` do it over a real socket, with a
ledger. Both break one exchange for each `Fault` of a script. `FakeClock` takes
the place of waiting. `assert_one_key` and `assert_executed_once` show the
attempts where they fail. With pytest all of it comes as fixtures, whose names
begin with `samekey_`: see `samekey.testing.plugin`.

`StoreConformance` is what a store of records is run against.
"""

from __future__ import annotations

import importlib

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from ._assertions import assert_executed_once, assert_one_key
    from ._bench import FaultFound
    from ._clock import FakeClock, stand_in, with_clock
    from ._conformance import StoreConformance
    from ._exchange import Exchange
    from ._explore import FAULTS, Exploration, explore, replay
    from ._fault_server import FaultServer, Received
    from ._faults import Answer, Fault, draw
    from ._idempotent import IdempotentTransport
    from ._moves import Charge, Move
    from ._payment_server import PaymentServer
    from ._payments import PaymentsApp


__all__ = [
    "FAULTS",
    "Answer",
    "Charge",
    "Exchange",
    "Exploration",
    "FakeClock",
    "Fault",
    "FaultFound",
    "FaultServer",
    "IdempotentTransport",
    "Move",
    "PaymentServer",
    "PaymentsApp",
    "Received",
    "StoreConformance",
    "assert_executed_once",
    "assert_one_key",
    "draw",
    "explore",
    "replay",
    "stand_in",
    "with_clock",
]

# As in samekey: the pytest plugin is loaded by every run of pytest where
# samekey is installed, and must cost nothing where it is not used.
_HOMES = {
    "Answer": "_faults",
    "Charge": "_moves",
    "Exchange": "_exchange",
    "Exploration": "_explore",
    "FAULTS": "_explore",
    "FakeClock": "_clock",
    "Fault": "_faults",
    "FaultFound": "_bench",
    "FaultServer": "_fault_server",
    "IdempotentTransport": "_idempotent",
    "Move": "_moves",
    "PaymentServer": "_payment_server",
    "PaymentsApp": "_payments",
    "Received": "_fault_server",
    "StoreConformance": "_conformance",
    "assert_executed_once": "_assertions",
    "assert_one_key": "_assertions",
    "draw": "_faults",
    "explore": "_explore",
    "replay": "_explore",
    "stand_in": "_clock",
    "with_clock": "_clock",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'samekey.testing' has no attribute {name!r}"
        raise AttributeError(msg)
    home = importlib.import_module(f"samekey.testing.{_HOMES[name]}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
