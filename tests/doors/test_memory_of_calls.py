"""What a client remembers: payloads, doubt, generations, age."""

from __future__ import annotations

import pytest

from kinds import fast

import samekey

from samekey.testing import Fault, PaymentServer


PAYMENT = {"amount": 500, "card": "tok_visa"}
OTHER = {"amount": 900, "card": "tok_visa"}
ONCE = {"policy": fast(attempts=1)}


def test_an_operation_has_one_key_for_ever(kind):
    """The same id is the same key, from another client too."""
    with PaymentServer() as server:
        for _ in range(2):
            with kind.open(base_url=server.url) as session:
                session.post("/payments", json=PAYMENT, operation="order-1")

        expected = samekey.derive_key("order-1")
        assert [r.key for r in server.requests] == [expected, expected]
        assert len(server.app.ledger()) == 1


def test_namespace_and_secret_keep_keys_apart(kind):
    """They are in the key, and derive_key knows how."""
    secret = b"0123456789abcdef"
    with PaymentServer() as server:
        terms = {"namespace": "live", "secret": secret}
        with kind.open(base_url=server.url, terms=terms) as session:
            session.post("/payments", json=PAYMENT, operation=("order", 1))

        assert server.requests[0].key == samekey.derive_key(
            "order", 1, namespace="live", secret=secret
        )


def test_a_changed_payload_is_noticed_before_it_is_sent(kind):
    """The same operation with another amount is refused, and says which."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        first = session.post("/payments", json=PAYMENT, operation="order-1")

        with pytest.raises(samekey.OperationChanged) as caught:
            session.post("/payments", json=OTHER, operation="order-1")

        assert caught.value.previous == samekey.report(first)
        assert len(server.requests) == 1


def test_a_users_key_is_remembered_too(kind):
    """One key for two payloads is refused."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", json=PAYMENT, idempotency_key="row-key-1")

        with pytest.raises(samekey.OperationChanged):
            session.post("/payments", json=OTHER, idempotency_key="row-key-1")

        assert [r.key for r in server.requests] == ["row-key-1"]


def test_an_operation_with_another_key_is_refused(kind):
    """An id stands for one key."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post(
            "/payments", json=PAYMENT, operation="o", idempotency_key="key-1"
        )

        with pytest.raises(samekey.OperationChanged, match=r"another key"):
            session.post(
                "/payments",
                json=PAYMENT,
                operation="o",
                idempotency_key="key-2",
            )

        assert [r.key for r in server.requests] == ["key-1"]


def test_after_doubt_a_refused_connection_is_not_a_no(kind):
    """A second call that never leaves does not undo the first's doubt."""
    with PaymentServer([Fault.lose_answer()]) as server:
        url = server.url
        with kind.open(base_url=url, terms=ONCE) as session:
            with pytest.raises(samekey.InDoubt):
                session.post("/payments", json=PAYMENT, operation="o")
            server.__exit__(None, None, None)

            with pytest.raises(samekey.InDoubt) as caught:
                session.post("/payments", json=PAYMENT, operation="o")

    assert [a.verdict for a in caught.value.report.attempts] == ["NOT_SENT"]


def test_a_429_after_an_answer_is_not_a_no(kind):
    """An earlier call was answered, so this one is not "not executed"."""
    script = [Fault.status(404), Fault.status(429)]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url, terms=ONCE) as session,
    ):
        session.post("/payments", json=PAYMENT, operation="o")

        with pytest.raises(samekey.InDoubt):
            session.post("/payments", json=PAYMENT, operation="o")


def test_settled_before_and_lost_now(kind):
    """What was settled in an earlier call is not in doubt in this one."""
    with (
        PaymentServer([None, Fault.lose_answer()]) as server,
        kind.open(base_url=server.url, terms=ONCE) as session,
    ):
        session.post("/payments", json=PAYMENT, operation="o")

        with pytest.raises(samekey.AnswerLost):
            session.post("/payments", json=PAYMENT, operation="o")


def test_past_retention_nothing_is_sent(kind):
    """An operation that is older than the server's memory is refused."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url, terms={"retention": 1e-6}) as session,
    ):
        first = session.post("/payments", json=PAYMENT, operation="o")

        with pytest.raises(samekey.KeyExpired) as caught:
            session.post("/payments", json=PAYMENT, operation="o")

        assert caught.value.previous == samekey.report(first)
        assert len(server.requests) == 1


class TestGenerations:
    """A deliberate new try of the same operation."""

    def test_is_another_key(self, kind):
        """Generation 2 is charged again, since the user says so."""
        with (
            PaymentServer() as server,
            kind.open(base_url=server.url) as session,
        ):
            for generation in (1, 2):
                session.post(
                    "/payments",
                    json=PAYMENT,
                    operation=samekey.Operation("o", generation=generation),
                )

            assert [r.key for r in server.requests] == [
                samekey.derive_key("o"),
                samekey.derive_key("o", generation=2),
            ]

    def test_is_refused_while_the_last_is_in_doubt(self, kind):
        """A new generation of something in doubt could charge twice."""
        second = samekey.Operation("o", generation=2)
        with (
            PaymentServer([Fault.lose_answer()]) as server,
            kind.open(base_url=server.url, terms=ONCE) as session,
        ):
            with pytest.raises(samekey.InDoubt) as doubt:
                session.post("/payments", json=PAYMENT, operation="o")

            with pytest.raises(samekey.OperationChanged) as caught:
                session.post("/payments", json=PAYMENT, operation=second)

            assert caught.value.previous == doubt.value.report
            assert len(server.requests) == 1

    def test_unless_forced(self, kind):
        """force=True is the user's word that it may run twice."""
        second = samekey.Operation("o", generation=2, force=True)
        with (
            PaymentServer([Fault.lose_answer()]) as server,
            kind.open(base_url=server.url, terms=ONCE) as session,
        ):
            with pytest.raises(samekey.InDoubt):
                session.post("/payments", json=PAYMENT, operation="o")

            assert (
                session.post(
                    "/payments", json=PAYMENT, operation=second
                ).status_code
                == 201
            )

    def test_backwards_is_refused(self, kind):
        """An older generation after a newer one is a mistake."""
        second = samekey.Operation("o", generation=2)
        with (
            PaymentServer() as server,
            kind.open(base_url=server.url) as session,
        ):
            session.post("/payments", json=PAYMENT, operation=second)

            with pytest.raises(samekey.OperationChanged):
                session.post("/payments", json=PAYMENT, operation="o")


@pytest.mark.parametrize("missing", [None, True, 1.5, ""])
def test_a_missing_id_is_refused(kind, missing):
    """An id that is not there yet would be shared by everyone."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        with pytest.raises((TypeError, samekey.InvalidKey)):
            session.post("/payments", json=PAYMENT, operation=missing)

        assert server.requests == []


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\r\nb"])
def test_an_ill_formed_key_is_refused(kind, key):
    """A user's key is sent as it is, or refused; never replaced."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        with pytest.raises(samekey.InvalidKey):
            session.post("/payments", json=PAYMENT, idempotency_key=key)

        assert server.requests == []


def test_a_key_in_headers_is_the_users(kind):
    """A key in a call's own headers wins, and is sent once."""
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post(
            "/payments", json=PAYMENT, headers={"idempotency-key": "mine-1"}
        )

        assert samekey.report(response).key == "mine-1"
        assert [r.keys for r in server.requests] == [("mine-1",)] * 2


def test_two_keys_are_refused(kind):
    """Which of two keys is meant, nobody can say."""
    two = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        with pytest.raises(
            samekey.InvalidKey,
            match=(r"^a request must have one Idempotency-Key header, got 2$"),
        ):
            session.post("/payments", json=PAYMENT, headers=two)
        with pytest.raises(
            samekey.InvalidKey,
            match=(
                r"^a request must have one key, got idempotency_key= and a"
                r" header$"
            ),
        ):
            session.post(
                "/payments",
                json=PAYMENT,
                headers={"Idempotency-Key": "a"},
                idempotency_key="b",
            )

        assert server.requests == []


def test_a_key_among_the_clients_headers_is_refused(client_kind):
    """A default key would be shared by every call."""
    with (
        PaymentServer() as server,
        client_kind.open(
            base_url=server.url, headers={"Idempotency-Key": "all"}
        ) as session,
    ):
        with pytest.raises(
            samekey.InvalidKey,
            match=r"^Idempotency-Key must not be among the client's default",
        ):
            session.post("/payments", json=PAYMENT)

        assert server.requests == []


def test_an_ambient_operation_names_the_calls_inside(kind):
    """A retry by the SDK is the same operation; a step is another."""
    with (
        PaymentServer() as server,
        kind.open(base_url=server.url) as session,
    ):
        with samekey.operation(("order", 1)) as op:
            first = session.post("/payments", json=PAYMENT)
            session.post("/payments", json=PAYMENT)
            with op.step("tip"):
                session.post("/payments", json=PAYMENT)
            session.get("/payments/none")
            session.post("/payments", json=PAYMENT, operation="own")
        session.post("/payments", json=PAYMENT)

        keys = [r.key for r in server.requests]
        report = samekey.report(first)
        assert keys[0] == keys[1]
        assert keys[3] is None
        assert len({keys[0], *keys[2:3], *keys[4:]}) == 4
        assert report.operation == (("order", 1), "POST", "/payments")
        assert keys[0] == samekey.derive_key(("order", 1), "POST", "/payments")
