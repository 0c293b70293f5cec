"""
What adapters have in common: small checks of what goes out and comes in.
"""

from __future__ import annotations

import re
import urllib.parse

from collections.abc import Mapping
from typing import Any


# A conflict may be with an earlier, successful try of the same thing.
_UNSURE = frozenset({408, 409})


def refuses(status: int) -> bool:
    """Tell whether a status means, with most APIs, that nothing was done."""
    return 400 <= status <= 499 and status not in _UNSURE


def check_extra(extra: Mapping[str, Any], own: frozenset[str]) -> None:
    """
    Check that *extra* sets nothing that the adapter sets itself.

    Raises:
        ValueError: If it does.
    """
    for name in extra:
        if name.partition("[")[0] in own:
            msg = f"extra must not have {name!r}: the adapter sets that field"
            raise ValueError(msg)


def quoted(payment_id: str) -> str:
    """Write an id as one step of a path."""
    return urllib.parse.quote(payment_id, safe="")


def text_of(data: Mapping[str, Any], name: str) -> str:
    """
    Read a string that has to be there.

    Raises:
        ValueError: If it is not.
    """
    value = data.get(name)
    if not isinstance(value, str) or not value:
        msg = f"{name} must be a string, got {type(value).__name__}"
        raise ValueError(msg)
    return value


def amount_of(data: Mapping[str, Any], name: str = "amount") -> int:
    """
    Read an amount that has to be there.

    Raises:
        ValueError: If it is not.
    """
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} must be an int, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 -- it is the API's, not ours
    return value


_CARD = re.compile(r"\d(?:[ -]?\d){11,}")
_LONGEST = 300


def looks_like_card(text: str) -> bool:
    """Tell whether *text* may be a card number, by its check digit too."""
    if _CARD.fullmatch(text.strip()) is None:
        return False
    figures = [int(c) for c in reversed(text) if c.isdecimal()]
    # ISO/IEC 7812-1, annex B: every second figure counts double.
    doubled = (sum(divmod(2 * n, 10)) for n in figures[1::2])
    return (sum(figures[::2]) + sum(doubled)) % 10 == 0


def words(value: object) -> str | None:
    """Give what an API says in words, fit for a log; None if it is none."""
    if not isinstance(value, str) or not value:
        return None
    plain = "".join(c if c.isprintable() else " " for c in value[:_LONGEST])
    return _CARD.sub("[digits]", plain)
