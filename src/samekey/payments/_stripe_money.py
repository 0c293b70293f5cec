"""
How Stripe writes amounts (docs.stripe.com/currencies).

Mostly as ISO 4217 does, and sometimes not. What callers see is always
ISO 4217:

    MGA              two digits in ISO 4217, none at Stripe
    ISK, UGX         none in ISO 4217, two at Stripe, which must be 00
    three digits     as in ISO 4217, but the last digit must be 0
    CLF, IQD, LYD, UYI, UYW    Stripe does not say how, so they are refused
"""

from __future__ import annotations

from samekey.payments._money import DIGITS


_ZERO = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_WHOLE = frozenset({"ISK", "UGX"})
_THREE = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def to_stripe(amount: int, currency: str) -> int:
    """
    Write an amount as Stripe does.

    Raises:
        ValueError: If Stripe does not take it.
    """
    if currency in _WHOLE:
        return amount * 100
    if currency in _ZERO:
        scale: int = 10 ** DIGITS[currency]
        whole, rest = divmod(amount, scale)
        if rest:
            msg = f"amount must be a whole number of {currency} at Stripe"
            raise ValueError(msg)
        return whole
    if currency in _THREE:
        if amount % 10:
            msg = (
                f"amount must end in 0 in {currency} at Stripe, got {amount};"
                " round it yourself, by a rule of yours"
            )
            raise ValueError(msg)
    elif DIGITS[currency] != 2:
        msg = f"currency must be one that Stripe knows, got {currency}"
        raise ValueError(msg)
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """
    Read an amount that Stripe wrote.

    Raises:
        ValueError: If ISO 4217 cannot write it.
    """
    if currency in _WHOLE:
        whole, rest = divmod(amount, 100)
        if rest:
            msg = f"amount must be a whole number of {currency}, got a part"
            raise ValueError(msg)
        return whole
    if currency in _ZERO:
        scale: int = 10 ** DIGITS[currency]
        return amount * scale
    return amount
