"""Amounts are ints in minor units, and nothing is ever rounded."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey.payments import major_units, minor_units
from samekey.payments._money import DIGITS, check_amount, check_currency
from samekey.payments._stripe_money import from_stripe, to_stripe


CODES = st.sampled_from(sorted(DIGITS))


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("10.50", "EUR", 1050),
        ("10.5", "eur", 1050),
        ("10", "EUR", 1000),
        ("1E+1", "EUR", 1000),
        ("10.500", "EUR", 1050),
        ("0.00", "EUR", 0),
        ("0E-10", "EUR", 0),
        ("-0.01", "EUR", -1),
        ("1050", "JPY", 1050),
        ("1050.00", "JPY", 1050),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("5", "MGA", 500),
        ("5", "UGX", 5),
        (
            "12345678901234567890123456789.01",
            "USD",
            int("1234567890123456789012345678901"),
        ),
    ],
)
def test_an_amount_in_minor_units(major, currency, minor) -> None:
    """Each currency has as many digits as ISO 4217 gives it."""
    assert minor_units(Decimal(major), currency) == minor


@pytest.mark.parametrize(
    ("major", "currency"),
    [
        ("10.505", "EUR"),
        ("0.001", "EUR"),
        ("0.1", "JPY"),
        ("1.2345", "KWD"),
        ("1E-30", "EUR"),
        ("1E-999999999", "EUR"),
    ],
)
def test_a_digit_too_many_is_refused(major, currency) -> None:
    """Nobody rounds money behind your back."""
    with pytest.raises(
        ValueError, match=r"^amount must have at most \d digits after the poi"
    ):
        minor_units(Decimal(major), currency)


@pytest.mark.parametrize("major", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(major) -> None:
    """NaN and infinity are no amounts."""
    with pytest.raises(
        ValueError, match=r"^amount must be a finite number, got "
    ):
        minor_units(Decimal(major), "EUR")


def test_an_endless_amount_is_refused() -> None:
    """A few characters must not make a number of a billion digits."""
    with pytest.raises(
        ValueError, match=r"^amount must have at most 30 digits, got more$"
    ):
        minor_units(Decimal("1E+999999999"), "EUR")


@pytest.mark.parametrize(
    ("amount", "got"),
    [
        (10.5, "float, which cannot hold amounts such as 0.1"),
        (10, "int"),
        ("10.50", "str"),
        (True, "bool"),
        (None, "NoneType"),
    ],
)
def test_major_units_are_decimals(amount, got) -> None:
    """A float has lost the cent already; an int may mean cents."""
    with pytest.raises(
        TypeError,
        match=rf"^amount must be a Decimal in major units, .*, got {got}$",
    ):
        minor_units(amount, "EUR")


@pytest.mark.parametrize(
    ("amount", "got"),
    [
        (10.5, "float, which cannot hold amounts such as 0.1"),
        (10.0, "float, which cannot hold amounts such as 0.1"),
        (Decimal("10.5"), "Decimal"),
        ("1050", "str"),
        (True, "bool"),
        (None, "NoneType"),
    ],
)
def test_minor_units_are_ints(amount, got) -> None:
    """An amount to move is an int, and the message says how to make one."""
    for check in (check_amount, lambda amount: major_units(amount, "EUR")):
        with pytest.raises(
            TypeError,
            match=rf"^amount must be an int in minor units, .* got {got}; to",
        ):
            check(amount)


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_to_move_is_positive(amount) -> None:
    """Nothing, and less than nothing, is not moved."""
    with pytest.raises(
        ValueError, match=rf"^amount must be at least 1, got {amount}$"
    ):
        check_amount(amount)


@pytest.mark.parametrize(
    "code", ["", "EU", "EURO", "XXX", "XAU", "DEM", "\u017fEK"]
)
def test_an_unknown_currency_is_refused(code) -> None:
    """Old money, metals and typing errors are no currencies."""
    with pytest.raises(
        ValueError, match=r"^currency must be an active code of ISO 4217 "
    ):
        check_currency(code)
    with pytest.raises(TypeError, match=r"^currency must be a str, got int$"):
        check_currency(978)


def test_the_table_is_whole() -> None:
    """Every active code of 2026-01-01 is there, with its own digits."""
    counts = [list(DIGITS.values()).count(digits) for digits in range(5)]

    assert counts == [17, 0, 139, 7, 2]
    assert len(DIGITS) == 165


@given(st.integers(-(10**25), 10**25), CODES)
def test_money_goes_round(amount, currency) -> None:
    """There and back again is the same amount, in every currency."""
    with localcontext(Context(prec=3)):
        major = major_units(amount, currency)
        assert minor_units(major, currency) == amount
    assert -major.as_tuple().exponent == DIGITS[currency]


@given(st.integers(1, 10**12), CODES)
def test_stripe_money_goes_round(amount, currency) -> None:
    """What Stripe is told comes back as what was meant, or is refused."""
    try:
        told = to_stripe(amount, currency)
    except ValueError:
        return

    assert from_stripe(told, currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (1050, "USD", 1050),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (5120, "KWD", 5120),
        (1000, "HUF", 1000),
        (1000, "TWD", 1000),
    ],
)
def test_stripe_writes_some_amounts_its_own_way(
    amount, currency, told
) -> None:
    """5 ISK is 500 at Stripe, and 5.00 MGA is 5."""
    assert to_stripe(amount, currency) == told


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (501, "MGA", "amount must be a whole number of MGA at Stripe"),
        (
            5124,
            "KWD",
            "amount must end in 0 in KWD at Stripe, got 5124; round",
        ),
        (1, "CLF", "currency must be one that Stripe knows, got CLF"),
        (10, "IQD", "currency must be one that Stripe knows, got IQD"),
        (10, "UYI", "currency must be one that Stripe knows, got UYI"),
    ],
)
def test_stripe_does_not_take_every_amount(amount, currency, said) -> None:
    """What Stripe would refuse, or read another way, is not sent."""
    with pytest.raises(ValueError, match=f"^{said}"):
        to_stripe(amount, currency)


def test_a_part_of_a_krona_cannot_be_read() -> None:
    """An old payment of 5.40 ISK has no amount in ISO 4217."""
    with pytest.raises(
        ValueError, match=r"^amount must be a whole number of ISK, got a part$"
    ):
        from_stripe(540, "ISK")
