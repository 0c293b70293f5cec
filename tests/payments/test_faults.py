"""The generic API under faults, over real sockets, for six kinds of client."""

from __future__ import annotations

import contextlib
import pickle
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

from kinds import fast
from payments_support import till

import samekey

from samekey.payments import (
    Payment,
    PaymentError,
    PaymentRefused,
    Payments,
    Refund,
    Status,
)
from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 1050, "currency": "EUR", "source": "tok_visa"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.lose_request(),
        Fault.lose_answer(),
        Fault.lose_answer(reset=True),
        Fault.status(500, executed=True),
        Fault.status(503),
        Fault.stall(0.6, executed=True),
        Fault.cut(),
    ],
    ids=[
        "request-lost",
        "answer-lost",
        "answer-reset",
        "500-after",
        "503-before",
        "timeout",
        "answer-cut",
    ],
)
def test_charged_once_whatever_fails(client_kind, fault) -> None:
    """Whatever goes wrong, the card is charged once and the payment told."""
    with PaymentServer([fault]) as server:
        with till(client_kind, server, timeout=0.3) as pay:
            paid = pay.create(**ORDER, operation=("order", 1))

        [charge] = server.app.ledger()
        assert len({request.key for request in server.requests}) == 1
    assert paid == Payment(
        charge.payment_id,
        status=Status.SUCCEEDED,
        amount=1050,
        currency="EUR",
        raw=paid.raw,
        report=paid.report,
    )
    assert charge.key == paid.report.key
    assert len(paid.report.attempts) == 2
    assert paid.report.outcome is samekey.Outcome.ANSWERED


def test_the_second_click_gets_the_same_payment(client_kind) -> None:
    """The same operation id again is the same payment, not another charge."""
    with PaymentServer() as server, till(client_kind, server) as pay:
        first = pay.create(**ORDER, operation="order-1")
        second = pay.create(**ORDER, operation=("order-1",))

        assert len(server.app.ledger()) == 1
    assert first == second
    assert second.report.replayed == "server"


def test_another_amount_is_another_payment(client_kind) -> None:
    """A changed amount under the same operation id is refused, not charged."""
    with PaymentServer() as server, till(client_kind, server) as pay:
        pay.create(**ORDER, operation="order-1")
        with pytest.raises(samekey.OperationChanged):
            pay.create(**{**ORDER, "amount": 1}, operation="order-1")

        assert len(server.requests) == 1


def test_a_declined_card_is_no_payment(client_kind) -> None:
    """A declined card raises, says why, and survives pickling."""
    declined = {**ORDER, "source": "tok_declined"}
    with PaymentServer() as server, till(client_kind, server) as pay:
        with pytest.raises(
            PaymentRefused,
            match=r"^the API refused, and no money was moved: card_declined$",
        ) as caught:
            pay.create(**declined, operation="order-1")

        assert server.app.ledger() == []
    exc = caught.value
    assert isinstance(exc, samekey.SamekeyError)
    assert (exc.status, exc.code, exc.message) == (402, "card_declined", None)
    assert exc.response.status_code == 402
    assert samekey.report(exc) == exc.report
    again = pickle.loads(pickle.dumps(exc))
    assert type(again) is PaymentRefused
    assert str(again) == str(exc)
    assert (again.report, again.status, again.code) == (
        exc.report,
        402,
        exc.code,
    )
    assert again.response is None


def test_the_verbs_of_one_operation_do_not_collide(client_kind) -> None:
    """One operation id serves the charge, its capture, and its refund."""
    with PaymentServer() as server, till(client_kind, server) as pay:
        held = pay.create(**ORDER, operation=("order", 1), capture=False)
        taken = pay.capture(held.id, operation=("order", 1))
        refund = pay.refund(held.id, operation=("order", 1), amount=50)
        other = pay.create(**ORDER, operation=("order", 2), capture=False)
        freed = pay.cancel(other.id, operation=("order", 2))

        assert len({request.key for request in server.requests}) == 5
        kinds = [move.kind for move in server.app.moves(held.id)]
        assert kinds == ["held", "captured", "refunded"]
    assert held.status is Status.AUTHORIZED
    assert taken.status is Status.SUCCEEDED
    assert freed.status is Status.CANCELED
    assert refund == Refund(
        "ref_000003",
        payment_id=held.id,
        status=Status.SUCCEEDED,
        amount=50,
        currency="EUR",
        raw=refund.raw,
        report=refund.report,
    )


@pytest.mark.parametrize(
    "fault",
    [Fault.lose_answer(), Fault.status(500, executed=True)],
    ids=["answer-lost", "500-after"],
)
def test_refunded_once(client_kind, fault) -> None:
    """A refund whose answer is lost is given back once."""
    with (
        PaymentServer([None, fault]) as server,
        till(client_kind, server) as pay,
    ):
        paid = pay.create(**ORDER, operation="order-1")
        refund = pay.refund(paid.id, operation="order-1")

        assert len(server.app.moves(paid.id)) == 1
    assert (refund.amount, refund.payment_id) == (1050, paid.id)
    assert len(refund.report.attempts) == 2


def test_reads_a_payment(client_kind) -> None:
    """`get` gives what the API says, and needs no operation id."""
    with PaymentServer() as server, till(client_kind, server) as pay:
        paid = pay.create(**ORDER, operation="order-1")

        assert pay.get(paid.id) == paid
        assert server.requests[-1].key is None


def test_doubt_is_looked_up(client_kind) -> None:
    """A lost payment is found by its reference, and not sent again."""
    script = [Fault.lose_answer()] * 2
    with PaymentServer(script) as server:
        with till(client_kind, server, policy=fast(attempts=2)) as pay:
            with pytest.raises(samekey.InDoubt) as caught:
                pay.create(**ORDER, operation="order-1")
            exc = caught.value
            paid = pay.resolve(exc)

            assert pay.resolve(exc.report) == paid
            assert pay.resolve(pickle.loads(pickle.dumps(exc))) == paid
        assert [r.method for r in server.requests] == [
            "POST",
            "POST",
            "GET",
            "GET",
            "GET",
        ]
        assert paid.id == server.app.ledger()[0].payment_id
    assert paid.report.key == exc.key
    assert paid.report.outcome is samekey.Outcome.ANSWERED


def test_what_was_not_done_is_done_by_resolving(client_kind) -> None:
    """A payment that is not found is sent again, under its key."""
    script = [Fault.lose_request()] * 2
    with PaymentServer(script) as server:
        with till(client_kind, server, policy=fast(attempts=2)) as pay:
            with pytest.raises(samekey.InDoubt) as caught:
                pay.create(**ORDER, operation="order-1")
            paid = pay.resolve(caught.value)

        assert [charge.key for charge in server.app.ledger()] == [
            caught.value.key
        ]
    assert paid.amount == 1050


def test_a_refund_in_doubt_is_sent_again(client_kind) -> None:
    """A refund is resolved by sending it again, under its key."""
    script = [None, Fault.lose_answer(), Fault.lose_answer()]
    with PaymentServer(script) as server:
        with till(client_kind, server, policy=fast(attempts=2)) as pay:
            paid = pay.create(**ORDER, operation="order-1")
            with pytest.raises(samekey.InDoubt) as caught:
                pay.refund(paid.id, operation="order-1")
            refund = pay.resolve(caught.value)

        assert len(server.app.moves(paid.id)) == 1
    assert isinstance(refund, Refund)
    assert refund.report.key == caught.value.key


def test_nothing_found_is_no_proof(client_kind) -> None:
    """Where nothing is found and nothing can be sent, no answer is made up."""
    script = [Fault.lose_request()] * 2
    with PaymentServer(script) as server:
        with till(client_kind, server, policy=fast(attempts=2)) as pay:
            with pytest.raises(samekey.InDoubt) as caught:
                pay.create(**ORDER, operation="order-1")
            with pytest.raises(
                PaymentError,
                match=r"^nothing was found, which does not prove that nothing",
            ):
                pay.resolve(caught.value.report)


def test_a_failed_search_says_nothing_of_the_payment(client_kind) -> None:
    """A search that cannot be sent must not read as "not executed"."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PaymentServer([Fault.lose_answer()]))
        with till(client_kind, server, policy=fast(attempts=1)) as pay:
            with pytest.raises(samekey.InDoubt) as caught:
                pay.create(**ORDER, operation="order-1")
            stack.close()

            with pytest.raises(samekey.InDoubt):
                pay.resolve(caught.value)
            with pytest.raises(PaymentError, match=r"^nothing was found"):
                pay.resolve(caught.value.report)


def test_two_clicks_at_once() -> None:
    """Two clicks in one moment are one charge, and both see it."""
    entered, leave = threading.Event(), threading.Event()
    arrived = threading.Semaphore(0)

    def work(received):
        entered.set()
        leave.wait(5)

    with (
        PaymentServer(lambda _: arrived.release(), work=work) as server,
        ThreadPoolExecutor() as pool,
        samekey.Client(base_url=server.url) as one,
        samekey.Client(base_url=server.url) as other,
    ):

        def click(client):
            return Payments(client).create(**ORDER, operation="order-1")

        first = pool.submit(click, one)
        entered.wait(5)
        second = pool.submit(click, other)
        for _ in range(2):
            arrived.acquire(timeout=5)
        leave.set()

        assert first.result() == second.result()
        assert len(server.app.ledger()) == 1
