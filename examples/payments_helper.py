"""
Take payments through the payments helper.

You will see a charge whose answer is lost and that is paid once all the same,
a second click that gives the same payment, a changed amount that is refused,
a declined card, a refund in doubt that is resolved, and a payment that is
given again from the journal after a crash.
"""

import tempfile

from decimal import Decimal
from pathlib import Path

import tenacity

import samekey

from samekey.payments import Payment, PaymentRefused, Payments, minor_units
from samekey.testing import Fault, PaymentServer


# Two attempts and no waits, so that this example is quick.
QUICK = samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none())

LOST = Fault.lose_answer()


def charge(
    payments: Payments,
    order: int,
    *,
    total: str = "10.50",
    card: str = "tok_visa",
) -> Payment:
    return payments.create(
        amount=minor_units(Decimal(total), "EUR"),
        currency="EUR",
        source=card,
        operation=("order", order),
    )


def take_payments(payments: Payments) -> None:
    paid = charge(payments, 1)  # the first answer is lost
    print("paid:", paid.id, paid.amount, paid.currency, paid.status)
    print("attempts:", len(paid.report.attempts))

    again = charge(payments, 1)
    print("second click, the same payment:", again == paid)

    try:
        charge(payments, 1, total="99.00")
    except samekey.OperationChanged:
        print("another amount for order 1: refused, nothing was sent")

    try:
        charge(payments, 2, card="tok_declined")
    except PaymentRefused as exc:
        print("order 2:", exc.code)

    try:
        payments.refund(paid.id, operation=("order", 1), amount=50)
    except samekey.InDoubt as exc:  # both answers are lost
        print("refund:", exc.report.outcome)
        refund = payments.resolve(exc)
        print("resolved:", refund.status, refund.amount)


def main() -> None:
    script = [LOST, None, None, None, LOST, LOST]
    with (
        tempfile.TemporaryDirectory() as directory,
        PaymentServer(script) as server,
    ):
        with samekey.Client(base_url=server.url, policy=QUICK) as client:
            take_payments(Payments(client))
        print("refunds:", len(server.app.moves("pay_000001")))

        journal = Path(directory) / "payments.db"
        for run in (1, 2):  # as if the program had crashed in between
            with samekey.Client(
                base_url=server.url, journal=journal
            ) as client:
                paid = charge(Payments(client), 3)
            print(
                f"run {run}:", paid.id, "from", paid.report.replayed or "API"
            )
        print("charges:", len(server.app.ledger()))


if __name__ == "__main__":
    main()
