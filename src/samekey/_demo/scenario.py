"""
What is charged, and what goes wrong.

All of it follows from the seed: the amounts, and which attempts of which
charge fail and how. A charge's attempt is the one that the server counts, so
the first attempts meet the same faults whichever client makes them.
"""

from __future__ import annotations

import collections
import json
import random
import threading

import attrs

from samekey.testing import Fault, Received, draw


RATE = 0.05
"""The share of requests that go wrong."""

IN_FLIGHT = 32
TIMEOUT = 1.0
"""Seconds that each client waits for the server; a stall outlasts them."""

BEFORE = (
    Fault.lose_request(),
    Fault.stall(),
    Fault.status(500),
    Fault.status(503),
)
AFTER = (
    Fault.lose_answer(),
    Fault.lose_answer(reset=True),
    Fault.stall(executed=True),
    Fault.cut(),
    Fault.cut(reset=True),
    Fault.status(500, executed=True),
    Fault.status(502, executed=True),
    Fault.status(503, executed=True),
)
# An answer that is lost at once is the commonest, so that three in four come
# after execution. Stalls are few and the timeout is short: those of a run's
# last moments end when no more successes come to fill the retry budget.
FAULTS = (*BEFORE, *AFTER, *AFTER[:2], *AFTER[:2])


@attrs.frozen
class Order:
    """One charge that somebody wants to happen once."""

    reference: str
    amount: int = attrs.field(kw_only=True)

    @property
    def content(self) -> dict[str, object]:
        """What is posted, as JSON."""
        return {
            "reference": self.reference,
            "amount": self.amount,
            "card": "tok_visa",
        }


def orders(seed: int, count: int) -> tuple[Order, ...]:
    """Make *count* orders of 1.00 to 200.00."""
    dice = random.Random(seed)  # noqa: S311 -- it must repeat
    return tuple(
        Order(f"order-{number}", amount=100 + int(dice.random() * 19_901))
        for number in range(1, count + 1)
    )


class Script:
    """
    Chooses each request's fault by seed, charge and attempt.

    `drawn` are the faults so far. Called by the threads of a `FaultServer`.
    """

    def __init__(self, seed: int) -> None:
        self.drawn: list[Fault] = []
        self._seed = seed
        self._attempts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Fault | None:
        """Choose the fault of one request, if it has one."""
        reference = json.loads(received.body)["reference"]
        with self._lock:
            self._attempts[reference] += 1
            attempt = self._attempts[reference]
            fault = draw(
                self._seed, reference, attempt, rate=RATE, faults=FAULTS
            )
            if fault is not None:
                self.drawn.append(fault)
        return fault
