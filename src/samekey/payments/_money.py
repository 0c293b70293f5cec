"""
Amounts of money, as ints in minor units.

A float cannot hold 0.1, and the cent it is off by is found at the end of the
year. So amounts are ints in the smallest unit that ISO 4217 gives a currency:
1050 is 10.50 EUR, 1050 JPY and 1.050 KWD. How many digits follow the point is
data, below.
"""

from __future__ import annotations

import decimal


# ISO 4217, list one, as published on 2026-01-01. Metals, test codes and other
# codes without a minor unit (such as XAU and XXX) are left out.
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL"
        " BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK"
        " DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD"
        " HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR"
        " LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN"
        " NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR"
        " SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT"
        " TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER"
        " ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DIGITS = {
    code: digits for digits, codes in _DIGITS.items() for code in codes.split()
}
"""How many digits follow the point, by currency."""

_LARGEST = 30  # Digits; there is no more money, and 10**10**9 takes a while.


def check_currency(currency: object) -> str:
    """
    Check that *currency* is an active code of ISO 4217; gives it in capitals.

    Raises:
        TypeError: If it is not a string.

        ValueError: If there is no such currency.
    """
    if not isinstance(currency, str):
        msg = f"currency must be a str, got {type(currency).__name__}"
        raise TypeError(msg)
    code = currency.upper()
    # Some other letters have an ASCII one as their capital.
    if code not in DIGITS or not currency.isascii():
        msg = (
            "currency must be an active code of ISO 4217 such as 'EUR', got"
            f" {currency[:20]!r}"
        )
        raise ValueError(msg)
    return code


def check_amount(amount: object) -> int:
    """
    Check that *amount* is one to move: an int in minor units, 1 or more.

    Raises:
        TypeError: If it is not an int.

        ValueError: If it is under 1.
    """
    value = _check_int(amount)
    if value < 1:
        msg = f"amount must be at least 1, got {value}"
        raise ValueError(msg)
    return value


def minor_units(amount: decimal.Decimal, currency: str) -> int:
    """
    Write an amount in minor units: `Decimal("10.50")` EUR is 1050.

    Nothing is ever rounded.

    Args:
        amount: In major units.

        currency: A code of ISO 4217.

    Raises:
        TypeError: If *amount* is not a Decimal. Make one from a string: a
            Decimal that is made from a float has the float's error in it.

        ValueError: If it has more digits after the point than the currency,
            is NaN or infinite, or the currency is unknown.
    """
    code = check_currency(currency)
    # Not by arithmetic of Decimals: that rounds to the context's precision.
    sign, figures, exponent = _check_major(amount).as_tuple()
    assert isinstance(exponent, int)
    value = int("".join(map(str, figures)))
    shift = exponent + DIGITS[code]
    rest = 0
    if shift >= 0:
        value *= 10**shift
    elif len(figures) + shift <= 0:
        value, rest = 0, value
    else:
        value, rest = divmod(value, 10**-shift)
    if rest:
        msg = (
            f"amount must have at most {DIGITS[code]} digits after the point"
            f" in {code}, got more; round it yourself, by a rule of yours"
        )
        raise ValueError(msg)
    return -value if sign else value


def major_units(amount: int, currency: str) -> decimal.Decimal:
    """
    Write an amount in major units: 1050 EUR is `Decimal("10.50")`.

    Args:
        amount: In minor units.

        currency: A code of ISO 4217.

    Raises:
        TypeError: If *amount* is not an int.

        ValueError: If the currency is unknown.
    """
    code = check_currency(currency)
    value = _check_int(amount)
    figures = tuple(map(int, str(abs(value))))
    return decimal.Decimal((int(value < 0), figures, -DIGITS[code]))


def _check_major(amount: object) -> decimal.Decimal:
    if not isinstance(amount, decimal.Decimal):
        msg = (
            "amount must be a Decimal in major units, such as"
            f" Decimal('10.50'), got {type(amount).__name__}{_why(amount)}"
        )
        raise TypeError(msg)
    if not amount.is_finite():
        msg = f"amount must be a finite number, got {amount}"
        raise ValueError(msg)
    if amount.adjusted() > _LARGEST:
        msg = f"amount must have at most {_LARGEST} digits, got more"
        raise ValueError(msg)
    return amount


def _check_int(amount: object) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int):
        msg = (
            "amount must be an int in minor units, such as 1050 for 10.50 EUR,"
            f" got {type(amount).__name__}{_why(amount)}; to convert, use"
            " minor_units(Decimal('10.50'), 'EUR')"
        )
        raise TypeError(msg)
    return amount


def _why(amount: object) -> str:
    if isinstance(amount, float):
        return ", which cannot hold amounts such as 0.1"
    return ""
