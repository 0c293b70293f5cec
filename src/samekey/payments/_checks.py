"""
What is checked before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from samekey.payments._money import check_amount, check_currency
from samekey.payments._reading import looks_like_card


def check_client(client: object, wanted: type, other: type) -> None:
    """
    Check that *client* retries, and that it says so when it is in doubt.

    Raises:
        TypeError: If it is not wrapped, or of the other kind.

        ValueError: If it returns doubt in place of raising it.
    """
    if isinstance(client, other):
        msg = (
            "client must be sync for Payments and async for AsyncPayments, got"
            " one of the other kind"
        )
        raise TypeError(msg)
    if not isinstance(client, wanted):
        msg = (
            "client must be a client of samekey, got"
            f" {type(client).__module__}.{type(client).__qualname__}; wrap"
            " it: samekey.wrap(client)"
        )
        raise TypeError(msg)
    ours: Any = client
    if ours._samekey.terms.doubt != "raise":
        msg = (
            "client must raise doubt, got one with doubt='return': a payment"
            " in doubt would look like a failed one"
        )
        raise ValueError(msg)


def check_text(value: object, name: str) -> str:
    """
    Check that *value* is a string with something in it.

    Raises:
        TypeError: If it is no string.

        ValueError: If it is empty.
    """
    if not isinstance(value, str):
        msg = f"{name} must be a str, got {type(value).__name__}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{name} must not be empty"
        raise ValueError(msg)
    return value


def check_source(source: object) -> str:
    """
    Check what is charged, as `check_text`; a card number is refused.

    It would end up in journals and logs.
    """
    text = check_text(source, "source")
    if looks_like_card(text):
        msg = (
            "source must be the API's token for a card or an account, got"
            " what looks like a card number"
        )
        raise ValueError(msg)
    return text


def check_payment_id(payment_id: object) -> str:
    """Check the id of a payment, as `check_text`; it becomes part of a path."""
    text = check_text(payment_id, "payment_id")
    if text in {".", ".."}:
        msg = f"payment_id must be the id of a payment, got {text!r}"
        raise ValueError(msg)
    return text


def check_part(
    amount: object, currency: object
) -> tuple[int | None, str | None]:
    """Check an amount and a currency, of which either may be None."""
    return (
        None if amount is None else check_amount(amount),
        None if currency is None else check_currency(currency),
    )


def check_metadata(metadata: object) -> dict[str, str]:
    """
    Check metadata: strings by name. None is none.

    Raises:
        TypeError: If it is anything else.
    """
    given = check_extra_fields(metadata, "metadata")
    for name, value in given.items():
        if not isinstance(value, str):
            msg = (
                f"metadata must be strings by name, got"
                f" {type(value).__name__} for {name!r}"
            )
            raise TypeError(msg)
    return given


def check_extra_fields(fields: object, name: str) -> dict[str, Any]:
    """
    Check that *fields* are by name. None is none.

    Raises:
        TypeError: If they are not.
    """
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        msg = f"{name} must be a mapping, got {type(fields).__name__}"
        raise TypeError(msg)
    given = cast("Mapping[object, Any]", fields)
    return {
        check_text(key, f"a name in {name}"): value
        for key, value in given.items()
    }
