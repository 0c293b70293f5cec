"""The payments API charges once per key, and its ledger proves it."""

import json
import sqlite3
import threading
import time

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from samekey.testing import (
    Answer,
    Charge,
    Fault,
    FaultServer,
    PaymentsApp,
    PaymentServer,
    Received,
)


ORDER = {"amount": 1250, "card": "tok_visa", "reference": "order-1"}


@pytest.fixture
def app(tmp_path):
    """Open a ledger of its own."""
    with PaymentsApp(tmp_path / "ledger.db") as app:
        yield app


def ask(app, content=None, key=None, *, method="POST", target="/payments"):
    """Ask *app* without a network; return status and JSON."""
    keys = key if isinstance(key, tuple) else () if key is None else (key,)
    body = content if isinstance(content, bytes) else json.dumps(content)
    answer = app(
        Received(
            method,
            target=target,
            headers=tuple(("idempotency-key", key) for key in keys),
            body=body if isinstance(body, bytes) else body.encode(),
        )
    )
    return answer.status, json.loads(answer.body)


class TestCharge:
    def test_charges(self, app):
        """A valid order is charged and entered in the ledger."""
        answer = ask(app, ORDER, "key-1")

        assert answer == (
            201,
            {
                "payment_id": "pay_000001",
                "status": "succeeded",
                "amount": 1250,
                "currency": "EUR",
            },
        )
        assert app.ledger() == [
            Charge(
                "pay_000001",
                amount=1250,
                currency="EUR",
                card="tok_visa",
                reference="order-1",
                key="key-1",
            )
        ]

    def test_every_time_without_a_key(self, app):
        """Without a key, each request is a charge of its own."""
        ids = [ask(app, ORDER)[1]["payment_id"] for _ in range(3)]

        assert ["pay_000001", "pay_000002", "pay_000003"] == ids
        assert 3 == app.charges("order-1")
        assert 0 == app.charges("order-2")

    def test_largest_order(self, app):
        """The amount may be as large as the ledger can hold."""
        order = {"amount": 2**63 - 1, "card": "c", "currency": "JPY"}

        assert 201 == ask(app, order)[0]
        charge = app.ledger()[0]
        assert (2**63 - 1, "JPY") == (charge.amount, charge.currency)
        assert (None, None) == (charge.reference, charge.key)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"\xff",
            b"[" * 100_000,
            b"7",
            b"null",
            [],
            [1],
            {},
            {**ORDER, "amount": 0},
            {**ORDER, "amount": -1},
            {**ORDER, "amount": 1.5},
            {**ORDER, "amount": "1"},
            {**ORDER, "amount": True},
            {**ORDER, "amount": 2**63},
            {**ORDER, "card": ""},
            {**ORDER, "card": None},
            {**ORDER, "currency": None},
            {**ORDER, "reference": 7},
            {"amount": 1},
            {"card": "tok_visa"},
        ],
    )
    def test_refuses_nonsense(self, app, content):
        """A bad order is refused, and its key is not used up."""
        refused = ask(app, content, "key-1")

        assert (400, {"code": "invalid_request"}) == refused
        assert [] == app.ledger()
        assert 201 == ask(app, ORDER, "key-1")[0]

    @pytest.mark.parametrize("key", ["", ("a", "b")])
    def test_refuses_unclear_key(self, app, key):
        """An empty key, or two of them, is refused."""
        assert 400 == ask(app, ORDER, key)[0]
        assert [] == app.ledger()


class TestKey:
    def test_replays(self):
        """The same request under the same key gets the first answer."""
        with PaymentServer() as server, httpx.Client() as client:
            first, second = [
                client.post(
                    server.url + "/payments",
                    json=ORDER,
                    headers={"Idempotency-Key": "key-1"},
                )
                for _ in range(2)
            ]

            assert 1 == server.app.charges("order-1")
        assert "idempotent-replayed" not in first.headers
        assert "true" == second.headers["idempotent-replayed"]
        assert "application/json" == second.headers["content-type"]
        assert (201, first.content) == (second.status_code, second.content)

    def test_another_body(self, app):
        """The same key with another body is refused."""
        ask(app, ORDER, "key-1")
        refused = ask(app, {**ORDER, "amount": 1}, "key-1")

        assert (422, {"code": "idempotency_key_mismatch"}) == refused
        assert 1 == app.charges("order-1")

    def test_declined(self, app):
        """A declined card is recorded under the key, not in the ledger."""
        declined = {**ORDER, "card": "tok_declined"}
        answers = [ask(app, declined, "key-1") for _ in range(2)]

        assert [(402, {"code": "card_declined"})] * 2 == answers
        assert 422 == ask(app, ORDER, "key-1")[0]
        assert [] == app.ledger()
        assert 402 == ask(app, declined)[0]

    def test_in_use(self):
        """While the first request runs, its key is in use."""
        entered, leave = threading.Event(), threading.Event()

        def work(received):
            entered.set()
            leave.wait(5)

        with PaymentServer(work=work) as server, ThreadPoolExecutor() as pool:
            first = pool.submit(ask, server.app, ORDER, "key-1")
            entered.wait(5)
            same = ask(server.app, ORDER, "key-1")
            other = ask(server.app, {**ORDER, "amount": 1}, "key-1")
            leave.set()

            assert (409, {"code": "idempotency_key_in_use"}) == same
            assert 422 == other[0]
            assert first.result() == ask(server.app, ORDER, "key-1")
            assert 1 == server.app.charges("order-1")

    def test_failed_work(self, tmp_path):
        """A charge that breaks in the middle leaves nothing behind."""
        failures = [OSError("bank is away"), None]

        def work(received):
            failure = failures.pop(0)
            if failure is not None:
                raise failure

        with PaymentsApp(tmp_path / "ledger.db", work=work) as app:
            with pytest.raises(OSError, match=r"^bank is away$"):
                ask(app, ORDER, "key-1")

            assert [] == app.ledger()
            assert 201 == ask(app, ORDER, "key-1")[0]

    def test_outlives_the_process(self, tmp_path):
        """Ledger and answers are still there when the file is reopened."""
        path = tmp_path / "ledger.db"
        with PaymentsApp(str(path)) as app:
            first = ask(app, ORDER, "key-1")
        with PaymentsApp(path) as app:
            assert first == ask(app, ORDER, "key-1")
            assert 1 == len(app.ledger())

    def test_threads(self, app):
        """A crowd with one key is one charge, and nobody else's answer."""
        with ThreadPoolExecutor(16) as pool:
            answers = list(
                pool.map(lambda _: ask(app, ORDER, "key-1"), range(64))
            )

        assert 1 == app.charges("order-1")
        assert {201, 409} >= {status for status, _ in answers}


class TestRead:
    def test_by_id(self, app):
        """A payment is found by its id."""
        _, paid = ask(app, ORDER)
        path = "/payments/" + paid["payment_id"]

        assert (200, paid) == ask(app, method="GET", target=path)

    def test_by_reference(self, app):
        """Payments are found by their reference, percent-encoded."""
        paid = [ask(app, {**ORDER, "reference": "a b&c"})[1] for _ in "12"]
        ask(app, ORDER)
        found = ask(app, method="GET", target="/payments?reference=a%20b%26c")
        none = ask(app, method="GET", target="/payments?reference=other")

        assert (200, {"payments": paid}) == found
        assert (200, {"payments": []}) == none

    @pytest.mark.parametrize(
        ("method", "target", "status", "code"),
        [
            ("GET", "/payments/pay_000009", 404, "not_found"),
            ("GET", "/payments/pay_000001/refunds", 404, "not_found"),
            ("POST", "/", 404, "not_found"),
            ("OPTIONS", "*", 404, "not_found"),
            ("PUT", "/payments", 405, "method_not_allowed"),
            ("POST", "/payments/pay_000001", 405, "method_not_allowed"),
        ],
    )
    def test_no_such_thing(self, app, method, target, status, code):
        """Unknown paths are 404, wrong methods 405."""
        ask(app, ORDER)

        refused = ask(app, ORDER, method=method, target=target)
        assert (status, {"code": code}) == refused
        assert 1 == len(app.ledger())


class TestServer:
    def test_lost_answer(self):
        """A charge whose answer was lost is not charged again."""
        script = [Fault.lose_answer(), None]
        headers = {"Idempotency-Key": "key-1"}
        with PaymentServer(script) as server, httpx.Client() as client:
            url = server.url + "/payments"
            with pytest.raises(httpx.RemoteProtocolError):
                client.post(url, json=ORDER, headers=headers)
            again = client.post(url, json=ORDER, headers=headers)

            assert ["key-1", "key-1"] == [r.key for r in server.requests]
            assert 1 == server.app.charges("order-1")
        assert "true" == again.headers["idempotent-replayed"]

    def test_cleans_up(self):
        """The ledger is closed and goes with the server."""
        with PaymentServer() as server:
            app = server.app
            app.close()

        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            app.ledger()
        with PaymentServer() as other:
            assert [] == other.app.ledger()

    def test_fast_enough(self, app):
        """Three hundred payments take less than three seconds."""
        with FaultServer(app) as server, httpx.Client() as client:
            started = time.monotonic()
            for number in range(300):
                client.post(
                    server.url + "/payments",
                    json=ORDER,
                    headers={"Idempotency-Key": f"key-{number}"},
                )
            elapsed = time.monotonic() - started

        assert 300 == app.charges("order-1")
        assert elapsed < 3

    def test_answers_are_values(self):
        """Two answers that say the same are the same."""
        assert Answer(200, body=b"x") == Answer(body=b"x")
