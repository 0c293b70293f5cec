"""
What became of the charges: what the ledger holds against what was told.
"""

from __future__ import annotations

import enum

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from samekey._demo.scenario import Order


Mode = Literal["no_retries", "plain_retries", "samekey"]


class Told(enum.Enum):
    """What a client knows of a charge when it has done with it."""

    CHARGED = "charged"
    NOT_CHARGED = "not charged"
    IN_DOUBT = "in doubt"
    NOTHING = "nothing"


@attrs.frozen
class Row:
    """
    One mode's result. Each charge counts in one of the first five columns.

    Attributes:
        mode: How the client went about it.

        charged_once: Charged once, and the client was told so.

        charged_more_than_once: Whatever the client was told.

        not_executed: Never charged, and the client was told so.

        in_doubt: The client was told that nobody knows.

        lost: Told nothing or what is not true.

        overcharged_minor_units: What was charged beyond the first time.

        requests: How many the server saw.

        seconds: How long it took.
    """

    mode: Mode
    charged_once: int = attrs.field(kw_only=True)
    charged_more_than_once: int = attrs.field(kw_only=True)
    not_executed: int = attrs.field(kw_only=True)
    in_doubt: int = attrs.field(kw_only=True)
    lost: int = attrs.field(kw_only=True)
    overcharged_minor_units: int = attrs.field(kw_only=True)
    requests: int = attrs.field(kw_only=True)
    seconds: float = attrs.field(kw_only=True)


def tally(
    mode: Mode,
    orders: Sequence[Order],
    *,
    charged: Mapping[str, int],
    told: Mapping[str, Told],
    requests: int,
    seconds: float,
) -> Row:
    """
    Count what became of *orders*.

    Args:
        charged: How often the ledger holds each reference.

        told: What the client was told of each reference.
    """
    counts = dict.fromkeys(_COLUMNS, 0)
    overcharged = 0
    for order in orders:
        times = charged.get(order.reference, 0)
        counts[_column(times, told.get(order.reference, Told.NOTHING))] += 1
        overcharged += max(0, times - 1) * order.amount
    return Row(
        mode,
        **counts,
        overcharged_minor_units=overcharged,
        requests=requests,
        seconds=round(seconds, 2),
    )


Column = Literal[
    "charged_once",
    "charged_more_than_once",
    "not_executed",
    "in_doubt",
    "lost",
]
_COLUMNS: tuple[Column, ...] = (
    "charged_once",
    "charged_more_than_once",
    "not_executed",
    "in_doubt",
    "lost",
)


def _column(times: int, told: Told) -> Column:
    if times > 1:
        return "charged_more_than_once"
    if told is Told.IN_DOUBT:
        return "in_doubt"
    if told is Told.CHARGED and times == 1:
        return "charged_once"
    if told is Told.NOT_CHARGED and times == 0:
        return "not_executed"
    return "lost"


def keeps_promise(row: Row) -> bool:
    """
    Tell whether nobody was charged twice, lost, or left in doubt needlessly.

    At most 0.5 % of the charges, or 2, may end neither charged once nor as
    not executed.
    """
    unsettled = row.charged_more_than_once + row.in_doubt + row.lost
    charges = row.charged_once + row.not_executed + unsettled
    return row.charged_more_than_once == row.lost == 0 and unsettled <= max(
        2, 0.005 * charges
    )
