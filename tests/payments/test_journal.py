"""With a journal, a payment outlives the process that made it."""

from __future__ import annotations

import pytest

from kinds import fast
from payments_support import StripeServer, till

import samekey

from samekey._intent import End
from samekey.journal import Journal, Recovered
from samekey.payments import PaymentError, Payments, StripeAdapter
from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 1050, "currency": "EUR", "source": "tok_visa"}


def test_a_recorded_payment_is_given_again(client_kind, tmp_path) -> None:
    """A second create in another process sends nothing."""
    path = tmp_path / "payments.db"
    with PaymentServer() as server:
        with till(client_kind, server, journal=path) as pay:
            first = pay.create(**ORDER, operation=("order", 1))
        with till(client_kind, server, journal=path) as pay:
            second = pay.create(**ORDER, operation=("order", 1))
            with pytest.raises(samekey.OperationChanged):
                pay.create(**{**ORDER, "amount": 1}, operation=("order", 1))

        assert len(server.requests) == 1
    assert first == second
    assert second.report.replayed == "journal"


def test_doubt_is_taken_up_after_a_crash(client_kind, tmp_path) -> None:
    """The next process makes the call again, under the recorded key."""
    path = tmp_path / "payments.db"
    with PaymentServer([Fault.lose_answer()]) as server:
        once = {"journal": path, "policy": fast(attempts=1)}
        with till(client_kind, server, **once) as pay:
            with pytest.raises(samekey.InDoubt):
                pay.create(**ORDER, operation="order-1")
        with till(client_kind, server, **once) as pay:
            paid = pay.create(**ORDER, operation="order-1")

        assert [c.key for c in server.app.ledger()] == [paid.report.key]


def test_recovery_looks_payments_up(client_kind, tmp_path) -> None:
    """`recover(payments.reconcile)` settles what the API knows of."""
    path = tmp_path / "payments.db"
    lost = Fault.lose_request()
    script = [Fault.lose_answer(), lost, Fault.lose_answer(), lost]
    with StripeServer(script) as server:
        once = {"journal": path, "policy": fast(attempts=1)}
        with till(client_kind, server, StripeAdapter(), **once) as pay:
            for number in (1, 2):
                with pytest.raises(samekey.InDoubt):
                    pay.create(**ORDER, operation=("order", number))
            with pytest.raises(samekey.InDoubt):
                pay.cancel("pi_1", operation=("order", 1))
            with pytest.raises(samekey.InDoubt):
                pay.session.post("/other", operation="no payment")
        with till(client_kind, server, StripeAdapter(), **once) as pay:
            sent = len(server.requests)
            done = pay.session.call(pay.client.recover, pay.payments.reconcile)
            paid = pay.create(**ORDER, operation=("order", 1))

        assert done == Recovered(answered=1, skipped=3)
        posts = [r for r in server.requests[sent:] if r.method == "POST"]
        assert posts == []
        assert paid.id == "pi_1"
    assert paid.report.replayed == "journal"


def test_recovery_goes_on_where_nobody_can_say(tmp_path) -> None:
    """A search whose answer cannot be read leaves the payment pending."""
    nonsense = Fault.status(200, body=b"<html>")
    with StripeServer([Fault.lose_answer(), nonsense]) as server:
        with samekey.Client(
            base_url=server.url,
            journal=tmp_path / "payments.db",
            policy=fast(attempts=1),
        ) as client:
            payments = Payments(client, StripeAdapter())
            with pytest.raises(samekey.InDoubt):
                payments.create(**ORDER, operation="order-1")

            assert client.recover(payments.reconcile) == Recovered(skipped=1)
            assert client.recover(payments.reconcile) == Recovered(answered=1)


def test_an_expired_key_is_looked_up(tmp_path) -> None:
    """Past the server's memory of a key, the API is asked instead."""
    journal = Journal(tmp_path / "payments.db")
    with PaymentServer([Fault.lose_answer()]) as server:
        terms = {
            "base_url": server.url,
            "journal": journal,
            "policy": fast(attempts=1),
            "retention": 0.001,
        }
        with samekey.Client(**terms) as client:
            payments = Payments(client)
            with pytest.raises(samekey.InDoubt):
                payments.create(**ORDER, operation="order-1")
        with samekey.Client(**terms) as client:
            payments = Payments(client)
            with pytest.raises(samekey.KeyExpired) as caught:
                payments.create(**ORDER, operation="order-1")
            paid = payments.resolve(caught.value)

        assert paid.id == server.app.ledger()[0].payment_id
    journal.close()


class Dies(BaseException):
    """A process dies."""


class Mortal(Journal):
    """A journal of a process that can die while it records an outcome."""

    dying = False

    def end(self, end: End) -> None:
        if self.dying:
            raise Dies
        super().end(end)


@pytest.mark.parametrize("crash", [True, False])
def test_an_expired_refund_is_not_taken_for_its_payment(
    tmp_path, crash
) -> None:
    """What the journal refuses says which call it was."""
    journal = Mortal(tmp_path / "payments.db")
    with PaymentServer() as server:
        terms = {
            "base_url": server.url,
            "journal": journal,
            "policy": fast(attempts=1),
            "retention": 1e-6,
        }
        with samekey.Client(**terms) as client:
            payments = Payments(client)
            paid = payments.create(**ORDER, operation="order-1")
            server.play(Fault.lose_request())
            refund = {"payment_id": paid.id, "operation": "order-1"}
            journal.dying = crash
            with pytest.raises(Dies if crash else samekey.InDoubt):
                payments.refund(**refund)
            journal.dying = False
            with pytest.raises(samekey.KeyExpired) as caught:
                payments.refund(**refund)
            with pytest.raises(
                PaymentError, match=r"^nothing was found, which does not prove"
            ):
                payments.resolve(caught.value, operation="order-1")
    journal.close()
