"""resume: the same bytes, key and history, with a new deadline."""

from __future__ import annotations

import pickle

import pytest

from kinds import Kind, fast, full

import samekey

from samekey.testing import Fault, PaymentServer


PAYMENT = {"amount": 500, "card": "tok_visa"}
TWICE = fast(attempts=2)


def doubted(session, **options):
    with pytest.raises(samekey.InDoubt) as caught:
        session.post("/payments", json=PAYMENT, **options)
    return caught.value


def terms(**more):
    return {"policy": TWICE, **more}


def test_resume_fetches_the_answer(client_kind):
    """The answer of the first attempt comes back, and nothing runs twice."""
    script = [Fault.lose_answer(), Fault.lose_answer()]
    with (
        PaymentServer(script) as server,
        client_kind.open(base_url=server.url, terms=terms()) as session,
    ):
        exc = doubted(session)
        response = session.resume(exc)

        report = samekey.report(response)
        assert response.status_code == 201
        assert report.replayed == "server"
        assert [a.number for a in report.attempts] == [1, 2, 3]
        assert len({r.key for r in server.requests}) == 1
        assert len({r.body for r in server.requests}) == 1
        assert len(server.app.ledger()) == 1


def test_resume_has_new_attempts_and_its_first_send_is_free(client_kind):
    """An empty budget does not stop the send that the user asks for."""
    budget = samekey.RetryBudget(capacity=1, start=1, per_success=0)
    with (
        PaymentServer([Fault.lose_request()] * 3) as server,
        client_kind.open(
            base_url=server.url, terms=terms(budget=budget)
        ) as session,
    ):
        first = doubted(session)
        again = pytest.raises(samekey.InDoubt, session.resume, first).value

        assert again.reason == "budget"
        assert len(again.report.attempts) == 3
        assert session.resume(again).status_code == 201


def test_resume_remembers_the_doubt(client_kind):
    """A refusal after doubt is not told as a refusal."""
    script = [Fault.lose_answer()] * 2 + [Fault.status(404)]
    with (
        PaymentServer(script) as server,
        client_kind.open(base_url=server.url, terms=terms()) as session,
    ):
        exc = doubted(session)

        with pytest.raises(samekey.InDoubt):
            session.resume(exc)


def test_resume_of_what_a_transport_gave_up(transport_kind):
    """A wrapped client resumes what a transport left in doubt."""
    client = Kind(transport_kind.library, transport_kind.flavour, "client")
    with PaymentServer([Fault.lose_answer()] * 2) as server:
        with transport_kind.open(
            base_url=server.url, terms=terms()
        ) as session:
            exc = doubted(session, operation="order-1")
            with client.open() as other:
                response = other.resume(exc)
            again = session.send(exc.request)

        assert response.status_code == again.status_code == 201
        assert len(server.app.ledger()) == 1
        assert {len(r.keys) for r in server.requests} == {1}
        assert len({r.key for r in server.requests}) == 1


def test_resume_streams_what_was_streamed(client_kind):
    """A call made with stream=True is handed out unread again."""
    with (
        PaymentServer([Fault.lose_answer()] * 2) as server,
        client_kind.open(base_url=server.url, terms=terms()) as session,
    ):
        request = session.client.build_request(
            "POST", "/payments", json=PAYMENT
        )
        with pytest.raises(samekey.InDoubt) as caught:
            session.send(request, stream=True)
        response = session.resume(caught.value)

        assert not response.is_closed
        assert b"pay_" in session.read(response)


def test_resume_of_a_pickled_error_is_refused(client_kind):
    """Its request is gone, and the message says what to do."""
    with (
        PaymentServer([Fault.lose_answer()] * 2) as server,
        client_kind.open(
            base_url=server.url,
            terms=terms(),
            headers={"Authorization": "Bearer secret-token"},
        ) as session,
    ):
        exc = doubted(session)
        text = pickle.dumps(exc)
        copy = pickle.loads(text)

        assert b"secret-token" not in text
        assert b"tok_visa" not in text
        assert copy.report == exc.report
        assert copy.key == exc.key
        assert isinstance(copy, client_kind.module.RemoteProtocolError)
        with pytest.raises(ValueError, match=r"^exc must be as it was raised"):
            session.resume(copy)


def test_resume_needs_an_operation(client_kind):
    """An error from elsewhere has nothing to resume."""
    with (
        client_kind.open() as session,
        pytest.raises(
            LookupError,
            match=r"^no operation of samekey is behind this KeyError$",
        ),
    ):
        session.resume(KeyError())


def test_resume_past_retention_is_refused(client_kind):
    """The server may have forgotten the key by now."""
    with (
        PaymentServer([Fault.lose_answer()] * 2) as server,
        client_kind.open(
            base_url=server.url, terms=terms(retention=3600)
        ) as session,
    ):
        exc = doubted(session)
        exc._samekey_call.first_sent -= 3600

        with pytest.raises(samekey.KeyExpired) as caught:
            session.resume(exc)

        assert caught.value.previous == exc.report
        assert len(server.requests) == 2


def test_resume_of_a_streamed_body_is_refused(client_kind):
    """A body that was streamed is gone."""

    async def chunks():
        yield b"{}"

    def plain():
        yield b"{}"

    body = chunks() if client_kind.is_async else plain()
    with (
        PaymentServer([Fault.lose_request()]) as server,
        client_kind.open(
            base_url=server.url, terms={"policy": fast(attempts=1)}
        ) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/payments", content=body)

        with pytest.raises(
            samekey.BodyNotReplayable,
            match=r"^the body was streamed, so it cannot be sent again$",
        ):
            session.resume(caught.value)


def test_resume_of_an_answer_lost(client_kind):
    """AnswerLost is settled; resume only fetches what was said."""
    with (
        PaymentServer([Fault.cut()] * 2) as server,
        client_kind.open(base_url=server.url, terms=terms()) as session,
    ):
        with pytest.raises(samekey.AnswerLost) as caught:
            session.post("/payments", json=PAYMENT)
        response = session.resume(caught.value)

        assert samekey.report(caught.value).outcome == "answered"
        assert response.status_code == 201
        assert len(server.app.ledger()) == 1


def test_resume_without_a_key(client_kind):
    """A GET that failed may be resumed too."""
    with (
        PaymentServer([Fault.lose_request()] * 2) as server,
        client_kind.open(base_url=server.url, terms=terms()) as session,
    ):
        with pytest.raises(samekey.NotExecuted) as caught:
            session.get("/payments/none")

        assert session.resume(caught.value).status_code == 404


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Fault.lose_answer(), samekey.InDoubt),
        (Fault.cut(), samekey.AnswerLost),
    ],
)
def test_resume_without_a_key_does_nothing_twice(client_kind, step, error):
    """What no key protects is not sent again if it may have been executed."""
    hooked = []
    with (
        PaymentServer([step]) as server,
        client_kind.open(
            base_url=server.url,
            terms=terms(profile="none", hooks=[hooked.append]),
        ) as session,
    ):
        with pytest.raises(error) as caught:
            session.post("/payments", json=PAYMENT)

        with pytest.raises(samekey.KeyExpired) as refused:
            session.resume(caught.value)

        assert 1 == len(server.requests)
    outcome = samekey.report(caught.value).outcome
    assert outcome == refused.value.previous.outcome
    assert "KeyExpired" == hooked[-1].error


def test_resume_without_a_key_of_what_was_not_executed(client_kind):
    """What was not executed may be sent again, with or without a key."""
    with (
        PaymentServer([Fault.status(429)]) as server,
        client_kind.open(
            base_url=server.url, terms=terms(profile="none")
        ) as session,
    ):
        first = session.post("/payments", json=PAYMENT)
        with pytest.raises(session.kind.module.HTTPStatusError) as caught:
            first.raise_for_status()

        assert 201 == session.resume(caught.value).status_code


def test_the_same_request_again_is_the_same_operation(kind):
    """Sending one Request twice sends one key, and remembers the doubt."""
    with (
        PaymentServer([Fault.lose_answer()] * 2) as server,
        kind.open(base_url=server.url, terms=terms()) as session,
    ):
        request = session.client.build_request(
            "POST", "/payments", json=PAYMENT
        )
        with pytest.raises(samekey.InDoubt):
            session.send(request)
        response = session.send(request)

        assert len(samekey.report(response).attempts) == 3
        assert len({r.key for r in server.requests}) == 1
        assert len(server.app.ledger()) == 1


def test_the_same_request_in_two_threads_is_one_operation(kind):
    """Two sends at once share the key, and not their state."""
    import threading  # noqa: PLC0415

    barrier = threading.Barrier(2, timeout=5)

    def script(received):
        if received.number <= 2:
            barrier.wait()

    with (
        PaymentServer(script) as server,
        kind.open(base_url=server.url, terms={"budget": full()}) as session,
    ):
        request = session.client.build_request(
            "POST", "/payments", json=PAYMENT
        )
        found = []
        threads = [
            threading.Thread(
                target=lambda: found.append(session.send(request))
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {r.status_code for r in found} == {201}
        assert len({r.key for r in server.requests}) == 1
        assert len(server.app.ledger()) == 1
