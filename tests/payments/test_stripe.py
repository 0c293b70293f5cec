"""Stripe's PaymentIntents: the bytes that are sent, and what answers mean."""

from __future__ import annotations

import attrs
import httpx
import pytest

from kinds import fast
from payments_support import StripeServer, till

import samekey

from samekey.payments import (
    GenericAdapter,
    Payment,
    PaymentError,
    PaymentRefused,
    Payments,
    Refund,
    Reply,
    Status,
    StripeAdapter,
)
from samekey.payments._adapter import Change, Order
from samekey.payments._form import bracketed
from samekey.testing import Fault


ADAPTER = StripeAdapter()
ORDER = Order(amount=1050, currency="EUR", source="pm_1", reference="ref")
REPORT = samekey.Report(key=None, outcome=samekey.Outcome.ANSWERED)
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "succeeded",
    "amount": 1050,
    "currency": "eur",
}


def body(call) -> bytes:
    """The bytes of a call's body."""
    return call.options()["content"]


def reply(http=200, /, **data) -> Reply:
    """An answer of Stripe's."""
    return Reply(status=http, data=data, headers={}, report=REPORT)


class TestWire:
    def test_a_payment(self) -> None:
        """A payment is created and confirmed in one call."""
        call = ADAPTER.create(ORDER)

        assert (call.method, call.path) == ("POST", "/v1/payment_intents")
        assert call.options()["headers"] == {
            "Content-Type": "application/x-www-form-urlencoded"
        }
        assert body(call) == (
            b"amount=1050&currency=eur&payment_method=pm_1&confirm=true"
            b"&automatic_payment_methods%5Benabled%5D=true"
            b"&automatic_payment_methods%5Ballow_redirects%5D=never"
            b"&metadata%5Bsamekey%5D=ref"
        )

    def test_a_payment_with_everything(self) -> None:
        """Every argument has its field; metadata are in order."""
        order = Order(
            amount=5,
            currency="ISK",
            source="pm_1",
            reference="ref",
            capture=False,
            description="Shoes & søcks",
            metadata={"size": "43", "order": "7"},
            extra={
                "customer": "cus_1",
                "payment_method_options": {
                    "card": {"request_three_d_secure": "any"}
                },
                "expand": ["latest_charge"],
            },
        )
        adapter = StripeAdapter(
            return_url="https://shop.example/back",
            account="acct_1",
            version="2026-10-28.endive",
        )
        call = adapter.create(order)

        assert call.headers == {
            "Stripe-Account": "acct_1",
            "Stripe-Version": "2026-10-28.endive",
        }
        assert body(call) == (
            b"amount=500&currency=isk&payment_method=pm_1&confirm=true"
            b"&return_url=https%3A%2F%2Fshop.example%2Fback"
            b"&automatic_payment_methods%5Benabled%5D=true"
            b"&capture_method=manual&description=Shoes+%26+s%C3%B8cks"
            b"&metadata%5Border%5D=7&metadata%5Bsize%5D=43"
            b"&metadata%5Bsamekey%5D=ref&customer=cus_1"
            b"&payment_method_options%5Bcard%5D"
            b"%5Brequest_three_d_secure%5D=any&expand%5B0%5D=latest_charge"
        )

    def test_payment_method_types(self) -> None:
        """Who lists payment methods does not ask for automatic ones."""
        extra = {"payment_method_types": ["card"]}

        assert body(ADAPTER.create(attrs.evolve(ORDER, extra=extra))) == (
            b"amount=1050&currency=eur&payment_method=pm_1&confirm=true"
            b"&metadata%5Bsamekey%5D=ref&payment_method_types%5B0%5D=card"
        )

    def test_the_whole_request(self) -> None:
        """To Stripe's own host, the request is as Stripe documents it."""
        sent = []

        def answer(request):
            sent.append(request)
            return httpx.Response(200, json=INTENT)

        with samekey.Client(
            base_url="https://api.stripe.com",
            auth=("sk_test", ""),
            transport=httpx.MockTransport(answer),
        ) as client:
            payments = Payments(client, ADAPTER)
            payments.create(**PAID, operation=("order", 123))
            payments.get("pi/1")

        created, read = sent
        assert created.method == "POST"
        assert str(created.url) == "https://api.stripe.com/v1/payment_intents"
        assert created.headers["Authorization"] == "Basic c2tfdGVzdDo="
        assert created.headers["Content-Length"] == str(len(created.content))
        assert created.headers["Idempotency-Key"] == samekey.derive_key(
            "payments.create", "order", 123
        )
        reference = samekey.derive_key("payments.reference", "order", 123)
        assert created.content.endswith(
            b"&metadata%5Bsamekey%5D=" + reference.encode()
        )
        assert str(read.url).endswith("/v1/payment_intents/pi%2F1")
        assert "Idempotency-Key" not in read.headers

    def test_changes(self) -> None:
        """Refund, capture and cancel have paths of their own."""
        part = Change(payment_id="pi_1", amount=5, currency="UGX")
        whole = Change(payment_id="pi_1", extra={"reason": "duplicate"})
        calls = [
            ADAPTER.refund(part),
            ADAPTER.refund(whole),
            ADAPTER.capture(part),
            ADAPTER.cancel(Change(payment_id="pi/1")),
        ]

        assert [(call.path, body(call)) for call in calls] == [
            ("/v1/refunds", b"payment_intent=pi_1&amount=500"),
            ("/v1/refunds", b"payment_intent=pi_1&reason=duplicate"),
            ("/v1/payment_intents/pi_1/capture", b"amount_to_capture=500"),
            ("/v1/payment_intents/pi%2F1/cancel", b""),
        ]

    def test_reading(self) -> None:
        """What only reads has no body."""
        get = ADAPTER.get("pi_1")
        find = ADAPTER.find("ref")

        assert (get.method, get.path) == ("GET", "/v1/payment_intents/pi_1")
        assert get.options() == {"headers": {}}
        assert find is not None
        assert find.path == "/v1/payment_intents/search"
        assert find.options() == {
            "headers": {},
            "params": {"query": "metadata['samekey']:'ref'"},
        }

    def test_a_part_needs_its_currency(self) -> None:
        """Without the currency nobody knows what 5 is at Stripe."""
        change = Change(payment_id="pi_1", amount=5)
        for write in (ADAPTER.refund, ADAPTER.capture):
            with pytest.raises(
                ValueError, match=r"^currency must be given with amount: Str"
            ):
                write(change)

    @pytest.mark.parametrize("name", ["amount", "metadata[samekey]"])
    @pytest.mark.parametrize(
        "adapter", [ADAPTER, GenericAdapter()], ids=["stripe", "generic"]
    )
    def test_extra_sets_nothing_of_ours(self, adapter, name) -> None:
        """What is an argument is not an extra field as well."""
        order = Order(
            amount=1,
            currency="EUR",
            source="pm_1",
            reference="r",
            extra={name: "1"},
        )
        change = Change(payment_id="pi_1", extra={name: "1"})
        for write, value in (
            (adapter.create, order),
            (adapter.refund, change),
        ):
            with pytest.raises(ValueError, match=r"^extra must not have '"):
                write(value)

    def test_the_reference_is_ours(self) -> None:
        """The reference's name is not for the caller's metadata."""
        change = Change(payment_id="pi_1", metadata={"samekey": "x"})
        with pytest.raises(ValueError, match=r"^metadata must not have 'sam"):
            ADAPTER.refund(change)


class TestForm:
    def test_brackets(self) -> None:
        """Maps and lists become brackets, as Stripe's own libraries do it."""
        values = {
            "a": {"b": [1, {"c": True}, [2]], "d": None},
            "e": (),
            "f": False,
        }

        assert bracketed(values) == (
            ("a[b][0]", "1"),
            ("a[b][1][c]", "true"),
            ("a[b][2][0]", "2"),
            ("f", "false"),
        )

    def test_a_float_is_refused(self) -> None:
        """Nobody knows how a float would be written."""
        with pytest.raises(
            TypeError,
            match=r"^a\[b\] must be a str, int, bool, list or mapping, got fl",
        ):
            bracketed({"a": {"b": 0.1}})

    @pytest.mark.parametrize("name", ["", "a[b]", "]", 7])
    def test_brackets_in_names_are_refused(self, name) -> None:
        """A name with a bracket would set another field."""
        for values in ({name: "1"}, {"a": {name: "1"}}):
            with pytest.raises(
                ValueError, match=r"^a field's name must be a str without br"
            ):
                bracketed(values)


class TestAnswers:
    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("succeeded", Status.SUCCEEDED),
            ("processing", Status.PENDING),
            ("requires_action", Status.ACTION_REQUIRED),
            ("requires_confirmation", Status.ACTION_REQUIRED),
            ("requires_capture", Status.AUTHORIZED),
            ("requires_payment_method", Status.FAILED),
            ("canceled", Status.CANCELED),
            ("new_and_unheard_of", Status.OTHER),
        ],
    )
    def test_statuses(self, said, status) -> None:
        """Each of Stripe's statuses has one of ours."""
        paid = ADAPTER.read(reply(**{**INTENT, "status": said}))

        assert paid == Payment(
            "pi_1",
            status=status,
            amount=1050,
            currency="EUR",
            raw={**INTENT, "status": said},
            report=REPORT,
        )

    @pytest.mark.parametrize("paid", ["pi_1", {"id": "pi_1"}], ids=str)
    def test_a_refund(self, paid) -> None:
        """A refund names its payment, expanded or not."""
        data = {
            "id": "re_1",
            "object": "refund",
            "payment_intent": paid,
            "amount": 500,
            "currency": "isk",
            "status": "pending",
        }

        assert ADAPTER.read_refund(reply(**data)) == Refund(
            "re_1",
            payment_id="pi_1",
            status=Status.PENDING,
            amount=5,
            currency="ISK",
            raw=data,
            report=REPORT,
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"object": "charge"},
            {"id": None},
            {"id": ""},
            {"amount": "1050"},
            {"amount": True},
            {"currency": "???"},
            {"status": 7},
        ],
        ids=str,
    )
    def test_what_is_no_payment(self, change) -> None:
        """What cannot be read is not guessed at."""
        with pytest.raises(ValueError, match=r" must be "):
            ADAPTER.read(reply(**{**INTENT, **change}))

    def test_a_search(self) -> None:
        """Only what carries the very reference is found."""
        mine = {**INTENT, "metadata": {"samekey": "ref"}}
        other = {**INTENT, "metadata": {}}
        found = ADAPTER.read_found(
            reply(object="search_result", data=[other, mine]), "ref"
        )

        assert [paid.raw for paid in found] == [mine]

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (
                {
                    "code": "card_declined",
                    "type": "card_error",
                    "message": "No.\n",
                },
                "card_declined",
                "No. ",
            ),
            ({"type": "invalid_request_error"}, "invalid_request_error", None),
            (
                {"message": "4242 4242-42424242 is bad"},
                None,
                "[digits] is bad",
            ),
            ({"message": "x" * 999}, None, "x" * 300),
            ("teapot", None, None),
            (None, None, None),
        ],
        ids=["declined", "no-code", "card", "long", "text", "none"],
    )
    def test_a_refusal(self, error, code, message) -> None:
        """A refusal has Stripe's code and words, without card numbers."""
        refusal = ADAPTER.refusal(reply(402, error=error))

        assert refusal is not None
        assert (refusal.code, refusal.message) == (code, message)

    @pytest.mark.parametrize("status", [301, 408, 409, 500])
    @pytest.mark.parametrize(
        "adapter", [ADAPTER, GenericAdapter()], ids=["stripe", "generic"]
    )
    def test_what_is_no_refusal(self, adapter, status) -> None:
        """A conflict may be with an earlier try that took the money."""
        assert adapter.refusal(reply(status, error={})) is None


PAID = {"amount": 1050, "currency": "eur", "source": "pm_card_visa"}


class TestTogether:
    def test_charged_once(self, client_kind) -> None:
        """A charge whose answer is lost is one PaymentIntent."""
        with StripeServer([Fault.lose_answer()]) as server:
            with till(client_kind, server, ADAPTER, profile="stripe") as pay:
                paid = pay.create(**PAID, operation=("order", 1))
                again = pay.create(**PAID, operation=("order", 1))

                assert pay.get(paid.id) == paid == again
            assert list(server.app.intents) == [paid.id]
        assert again.report.replayed == "server"

    def test_all_verbs(self, client_kind) -> None:
        """Hold, capture, cancel and refund, under one operation id."""
        with (
            StripeServer() as server,
            till(client_kind, server, ADAPTER) as pay,
        ):
            held = pay.create(**PAID, operation="a", capture=False)
            taken = pay.capture(held.id, operation="a")
            refund = pay.refund(
                held.id, operation="a", amount=50, currency="EUR"
            )
            freed = pay.cancel(held.id, operation="a")

        assert [p.status for p in (held, taken, refund, freed)] == [
            Status.AUTHORIZED,
            Status.SUCCEEDED,
            Status.PENDING,
            Status.CANCELED,
        ]
        assert refund.amount == 50

    def test_declined(self, client_kind) -> None:
        """A declined card is told in Stripe's words."""
        declined = {**PAID, "source": "pm_card_chargeDeclined"}
        with (
            StripeServer() as server,
            till(client_kind, server, ADAPTER) as pay,
        ):
            with pytest.raises(
                PaymentRefused,
                match=(
                    r"^the API refused, and no money was moved: card_declined:"
                    r" Your card was declined\.$"
                ),
            ):
                pay.create(**declined, operation="a")
            with pytest.raises(
                PaymentError,
                match=r"^the API gave an answer that is no payment: 404$",
            ) as caught:
                pay.get("pi_none")

        assert not isinstance(caught.value, PaymentRefused)
        assert (caught.value.status, caught.value.code) == (404, "missing")

    def test_a_replayed_500_is_looked_up(self, client_kind) -> None:
        """Stripe replays a 500 for a day; the search finds the payment."""
        replayed = (("Idempotent-Replayed", "true"),)
        script = [
            Fault.status(500, executed=True),
            Fault.status(500, headers=replayed),
        ]
        with StripeServer(script) as server:
            terms = {"profile": "stripe", "policy": fast(attempts=3)}
            with till(client_kind, server, ADAPTER, **terms) as pay:
                with pytest.raises(samekey.InDoubt) as caught:
                    pay.create(**PAID, operation="a")
                paid = pay.resolve(caught.value)

            assert [paid.id] == list(server.app.intents)
        assert caught.value.reason == "replayed_error"
