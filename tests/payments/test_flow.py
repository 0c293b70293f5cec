"""Answers that are neither a payment nor a refusal, and what then."""

from __future__ import annotations

import json

import attrs
import httpx
import pytest

import samekey

from samekey.payments import (
    Call,
    GenericAdapter,
    Payment,
    PaymentError,
    PaymentRefused,
    Payments,
    Status,
)


ORDER = {
    "amount": 1050,
    "currency": "EUR",
    "source": "tok_visa",
    "operation": "order-1",
}
PAID = {
    "id": "pay_1",
    "status": "sideways",
    "amount": 1050,
    "currency": "eur",
}


def payments(*answers, adapter=None, **terms):
    """A helper whose API gives *answers*, one after the other."""
    left = list(answers)

    def answer(request):
        status, content = left.pop(0)
        body = content if isinstance(content, bytes) else json.dumps(content)
        return httpx.Response(status, content=body)

    client = samekey.Client(
        base_url="https://api.example.com",
        transport=httpx.MockTransport(answer),
        **terms,
    )
    return Payments(client, adapter)


def test_a_status_of_its_own() -> None:
    """A status that nobody knows is `OTHER`; the API's word is in `raw`."""
    paid = payments((200, PAID)).create(**ORDER)

    assert paid.status is Status.OTHER
    assert paid.raw["status"] == "sideways"
    assert paid.currency == "EUR"
    assert {paid: 1}[attrs.evolve(paid)] == 1
    assert "sideways" not in repr(paid)
    assert "report" not in repr(paid)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[" * 100_000, b"[]", {}, {**PAID, "amount": "1050"}],
    ids=["empty", "html", "deep", "list", "object", "amount"],
)
def test_a_2xx_that_cannot_be_read(content) -> None:
    """The money may be gone: it is an error that says so, and no refusal."""
    helper = payments((200, content), (200, PAID), (200, PAID))
    with pytest.raises(
        PaymentError,
        match=(
            r"^the API took it \(status 200\), but its answer cannot be read"
            r" by the adapter$"
        ),
    ) as caught:
        helper.create(**ORDER)

    assert not isinstance(caught.value, PaymentRefused)
    assert caught.value.report.outcome is samekey.Outcome.ANSWERED
    assert caught.value.__cause__ is not None


def test_an_unreadable_answer_is_resolved() -> None:
    """What cannot be read is looked up by its reference."""
    helper = payments((200, b""), (200, {"payments": [PAID]}))
    with pytest.raises(PaymentError) as caught:
        helper.create(**ORDER)

    assert helper.resolve(caught.value).id == "pay_1"


@pytest.mark.parametrize("status", [301, 409, 501])
def test_neither_yes_nor_no(status) -> None:
    """An answer that may mean either is no refusal."""
    with pytest.raises(
        PaymentError,
        match=rf"^the API gave an answer that is no payment: {status}$",
    ) as caught:
        payments((status, {"code": "odd"})).create(**ORDER)

    assert type(caught.value) is PaymentError
    assert caught.value.status == status


def test_a_refusal_without_a_code() -> None:
    """A refusal that gives no reason still says its status."""
    with pytest.raises(
        PaymentRefused,
        match=r"^the API refused, and no money was moved: status 403$",
    ):
        payments((403, b"")).create(**ORDER)


def test_done_before_is_no_refusal() -> None:
    """A 409 of an API that means "done before" is not "no money moved"."""
    error = {
        "error": {
            "errors": [
                {
                    "reason": "idempotent_creation_conflict",
                    "links": {"conflicting_resource_id": "PM1"},
                }
            ]
        }
    }
    helper = payments((409, error), profile="gocardless")
    with pytest.raises(
        PaymentError, match=r"^the API says \(status 409\) that it was done b"
    ) as caught:
        helper.create(**ORDER)

    assert type(caught.value) is PaymentError
    assert caught.value.report.already_done


def test_two_payments_under_one_reference() -> None:
    """Nobody chooses between two payments but you."""
    helper = payments((200, b""), (200, {"payments": [PAID, PAID]}))
    with pytest.raises(PaymentError) as caught:
        helper.create(**ORDER)

    with pytest.raises(
        PaymentError, match=r"^the API has 2 payments under one reference; lo"
    ):
        helper.resolve(caught.value)


def test_a_search_that_cannot_be_read() -> None:
    """It does not say that the API took a payment."""
    helper = payments((200, b""), (200, b"{}"))
    with pytest.raises(PaymentError) as caught:
        helper.create(**ORDER)

    with pytest.raises(
        PaymentError,
        match=(
            r"^the API answered \(status 200\), but its answer cannot be read"
            r" by the adapter$"
        ),
    ):
        helper.resolve(caught.value)


def test_a_search_that_is_refused_finds_nothing() -> None:
    """Where the API cannot search, the call is sent again under its key."""
    helper = payments((200, b""), (403, b""), (200, PAID))
    with pytest.raises(PaymentError) as caught:
        helper.create(**ORDER)

    assert helper.resolve(caught.value).id == "pay_1"


class Broken(GenericAdapter):
    """An adapter with a mistake in it."""

    def read(self, reply, /):
        raise ZeroDivisionError

    def refusal(self, reply, /):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("status", "took"), [(200, "the API took it"), (402, "the API answered")]
)
def test_a_broken_adapter(status, took) -> None:
    """A mistake in an adapter does not lose what is known of the money."""
    helper = payments((status, PAID), adapter=Broken())
    with pytest.raises(
        PaymentError,
        match=rf"^{took} \(status {status}\), but its answer cannot be read ",
    ) as caught:
        helper.create(**ORDER)

    assert type(caught.value) is PaymentError
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.report.key is not None


def test_the_doubt_knows_best_which_call_it_was() -> None:
    """A given operation id does not make a create of a refund."""
    refund = {**PAID, "payment_id": "pay_1", "refund_id": "ref_1"}
    policy = samekey.RetryPolicy(attempts=1)
    helper = payments((500, b""), (200, refund), policy=policy)
    with pytest.raises(samekey.InDoubt) as caught:
        helper.refund("pay_1", operation="order-1")

    assert helper.resolve(caught.value, operation="other").id == "ref_1"


@attrs.frozen
class Blind(GenericAdapter):
    """An API that cannot look payments up."""

    def find(self, reference: str, /) -> Call | None:
        return None


def test_an_api_without_a_search() -> None:
    """An adapter of your own may say that the API cannot look up."""
    helper = payments((200, b""), (200, PAID), adapter=Blind("/charges"))
    with pytest.raises(PaymentError) as caught:
        helper.create(**ORDER)
    paid = helper.resolve(caught.value)

    assert isinstance(paid, Payment)
    assert caught.value.response.request.url.path == "/charges"


def test_a_doubt_that_tells_nothing() -> None:
    """A call that did not come from here is not guessed at."""
    helper = payments((200, {"payments": [PAID]}))
    report = samekey.Report(key="k", outcome=samekey.Outcome.IN_DOUBT)
    for operation in (None, "order-1", ("order", 1), ("payments.create",)):
        with pytest.raises(
            ValueError, match=r"^it must come from a call of Payments; if you"
        ):
            helper.resolve(attrs.evolve(report, operation=operation))
    with pytest.raises(LookupError, match=r"^no operation of samekey is beh"):
        helper.resolve(OSError())

    assert helper.resolve(report, operation="order-1").id == "pay_1"


def test_what_came_before_may_not_be_known() -> None:
    """An expired key is looked up even if its report is not known."""
    helper = payments((200, {"payments": [PAID]}))
    paid = helper.resolve(samekey.KeyExpired("late"), operation="order-1")

    assert paid.report == samekey.Report(
        key=None, outcome=samekey.Outcome.ANSWERED
    )


def test_doubt_leaves_as_it_came() -> None:
    """`InDoubt` is the client's own, and the helper does not touch it."""
    helper = payments((500, b""), policy=samekey.RetryPolicy(attempts=1))
    with pytest.raises(samekey.InDoubt) as caught:
        helper.create(**ORDER)

    assert isinstance(caught.value, httpx.HTTPStatusError)
    assert caught.value.report.operation == ("payments.create", "order-1")


def test_a_generation_is_a_new_payment() -> None:
    """A deliberate new try has another key and another reference."""
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(200, json=PAID)

    client = samekey.Client(
        base_url="https://api.example.com",
        transport=httpx.MockTransport(answer),
    )
    for generation in (1, 2):
        again = samekey.Operation("order-1", generation=generation)
        Payments(client).create(**{**ORDER, "operation": again})

    first, second = sent
    assert (
        first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    )
    references = [json.loads(r.content)["reference"] for r in sent]
    assert len(set(references)) == 2
