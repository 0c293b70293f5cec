"""
Case 20: when a resend is refused as key reuse, the first failure is shown.

The answer to the first attempt was lost; the resend gets a 422, "this key was
used with another payload". A caller who sees only the 422 reads "refused", and
starts anew: a second payment. What is true is that nobody knows.
"""

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
MISMATCH = Fault.status(422, body=b'{"code": "idempotency_key_mismatch"}')
BARE = Fault.status(422, body=b'{"detail": "amount"}')
ERROR = Fault.status(409, body=b'{"error": {"type": "idempotency_error"}}')
FAILURES = {
    "lost answer": (Fault.lose_answer(), "RemoteProtocolError", None),
    "timeout": (Fault.stall(executed=True), "ReadTimeout", None),
    "500": (Fault.status(500, executed=True), None, 500),
}


def check_shows_doubt(exc):
    """Check that *exc* does not read as a refusal."""
    response = getattr(exc, "response", None)
    assert isinstance(exc, samekey.InDoubt)
    assert response is None or response.status_code >= 500


@pytest.mark.parametrize("name", FAILURES)
def test_the_first_failure_is_what_the_caller_sees(kind, name):
    """The error is the first failure's; the refusal is its cause."""
    fault, error, status = FAILURES[name]
    with (
        PaymentServer([fault, MISMATCH]) as server,
        kind.open(base_url=server.url, timeout=0.2) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    exc = caught.value
    check_shows_doubt(exc)
    assert "key_reuse" == exc.reason
    assert isinstance(exc.__cause__, samekey.KeyReused)
    assert 2 == len(server.requests)
    assert [status, 422] == [a.status for a in exc.report.attempts]
    if error is not None:
        assert isinstance(exc, getattr(kind.module, error))
        assert exc.response is None
    else:
        assert status == exc.response.status_code


def test_however_the_refusal_is_worded(kind):
    """After doubt any 422, and any reuse code, is a refused key."""
    refusals = (MISMATCH, BARE, ERROR)
    script = [
        f for refusal in refusals for f in (Fault.lose_answer(), refusal)
    ]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
    ):
        for _ in refusals:
            with pytest.raises(samekey.InDoubt) as caught:
                session.post("/payments", json=ORDER)
            check_shows_doubt(caught.value)
            assert isinstance(caught.value, kind.module.RemoteProtocolError)

    assert len(script) == len(server.requests)


def test_the_latest_doubt_is_shown_of_several(kind):
    """Of a timeout and a 500 before the refusal, it is the 500."""
    script = [Fault.lose_answer(), Fault.status(500), MISMATCH]
    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    check_shows_doubt(caught.value)
    assert 500 == caught.value.response.status_code
    assert [None, 500, 422] == [
        attempt.status for attempt in caught.value.report.attempts
    ]


def test_doubt_returned_never_returns_the_refusal(client_kind):
    """Even with doubt="return" a refused key is raised."""
    terms = {"doubt": "return"}
    script = [Fault.status(500), MISMATCH]
    with (
        PaymentServer(script) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    check_shows_doubt(caught.value)


def test_a_refusal_without_doubt_is_a_refusal(client_kind):
    """The first attempt refused is KeyReused: nothing else can be true."""
    with (
        PaymentServer([MISMATCH]) as server,
        client_kind.open(base_url=server.url) as session,
        pytest.raises(samekey.KeyReused) as caught,
    ):
        session.post("/payments", json=ORDER)

    assert 422 == caught.value.response.status_code
    assert samekey.Outcome.ANSWERED == caught.value.report.outcome
    assert 1 == len(server.requests)


def test_below_an_sdk_the_refusal_is_the_sdks_to_read(transport_kind):
    """At the transport door a plain refusal is returned, body and all."""
    with (
        PaymentServer([MISMATCH]) as server,
        transport_kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    assert 422 == response.status_code
    assert MISMATCH.answer.body == response.content


def test_a_422_of_the_order_itself_is_an_answer(kind):
    """Without doubt, and without a reuse code, a 422 is returned."""
    with (
        PaymentServer([BARE]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    assert 422 == response.status_code
    assert samekey.Outcome.ANSWERED == samekey.report(response).outcome


def test_a_real_mismatch_after_a_lost_answer(kind):
    """A second process with a changed order is told of the doubt."""
    key = "order-1-charge-from-the-row"
    changed = {**ORDER, "amount": 600}
    script = [None, Fault.lose_request()]
    terms = {"policy": fast()}
    with PaymentServer(script) as server:
        for order in (ORDER, changed):
            with kind.open(base_url=server.url, terms=terms) as session:
                if order is ORDER:
                    session.post("/payments", json=order, idempotency_key=key)
                    continue
                with pytest.raises(samekey.InDoubt) as caught:
                    session.post("/payments", json=order, idempotency_key=key)
        charges = server.app.charges("order-1")

    check_shows_doubt(caught.value)
    assert 1 == charges
    assert 3 == len(server.requests)


class TestTheChecker:
    """The check above sees what everybody does."""

    def test_reports_the_last_answer_as_the_answer(self):
        """A loop that raises for the last status is reported."""
        headers = {"Idempotency-Key": "key-of-order-1"}

        def call():
            for _ in range(2):
                try:
                    response = client.post("/", json=ORDER, headers=headers)
                except httpx.TransportError:
                    continue
                response.raise_for_status()

        with (
            PaymentServer([Fault.lose_answer(), MISMATCH]) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
            pytest.raises(httpx.HTTPStatusError) as caught,
        ):
            call()

        with pytest.raises(AssertionError):
            check_shows_doubt(caught.value)
