"""
Case 4: a replayed 500 is not asked for again.

A server that recorded a 500 for a key replays it for as long as it remembers
the key. Asking a third time tells nothing, and costs the server a request.
"""

import httpx
import pytest
import tenacity

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa"}
MARKS = ("Idempotent-Replayed", "Idempotency-Replayed")


def recorder(status, mark=MARKS[0]):
    """Make an app that answers *status*, and replays it for a known key."""
    known = set()

    def app(received):
        headers = ((mark, "true"),) if received.key in known else ()
        known.add(received.key)
        return Answer(status, headers=headers, body=b'{"code": "boom"}')

    return app


def check_asked_at_most(times, requests):
    """Check that a recorded answer was not asked for again and again."""
    assert len(requests) <= times, [r.number for r in requests]


def post(session, **options):
    """Post; give the report and the answer, raised or returned."""
    if "client" != session.kind.door:
        response = session.post("/payments", json=ORDER, **options)
        return samekey.report(response), response
    with pytest.raises(samekey.InDoubt) as caught:
        session.post("/payments", json=ORDER, **options)
    assert "replayed_error" == caught.value.reason
    assert isinstance(caught.value, session.kind.module.HTTPStatusError)
    return caught.value.report, caught.value.response


@pytest.mark.parametrize(
    ("mark", "status"), [(MARKS[0], 500), (MARKS[1], 503)]
)
def test_a_replayed_error_ends_in_doubt_at_once(kind, mark, status):
    """A 5xx is resent once; its marked replay ends the operation."""
    with (
        FaultServer(recorder(status, mark)) as server,
        kind.open(base_url=server.url) as session,
    ):
        report, response = post(session)

    check_asked_at_most(2, server.requests)
    assert 1 == len({request.key for request in server.requests})
    assert status == response.status_code
    assert samekey.Outcome.IN_DOUBT == report.outcome
    assert "server" == report.replayed
    assert [status, status] == [a.status for a in report.attempts]


def test_a_replay_in_the_first_answer_is_not_asked_for_again(kind):
    """Calling the operation later costs one request, not four."""
    with (
        FaultServer(recorder(500)) as server,
        kind.open(base_url=server.url) as session,
    ):
        post(session, operation="order-1/charge")
        first = len(server.requests)
        post(session, operation="order-1/charge")

    check_asked_at_most(2, server.requests[:first])
    check_asked_at_most(1, server.requests[first:])


def test_no_retry_strategy_asks_for_a_replayed_error(kind):
    """A retry strategy that wants everything does not get this."""
    policy = fast(retry=tenacity.retry_if_result(lambda _: True))
    with (
        FaultServer(recorder(500)) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
    ):
        post(session)

    check_asked_at_most(2, server.requests)


def test_doubt_can_be_returned(client_kind):
    """With doubt="return" the replayed error is handed out as it is."""
    terms = {"doubt": "return"}
    with (
        FaultServer(recorder(500)) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
    ):
        response = session.post("/payments", json=ORDER)

    check_asked_at_most(2, server.requests)
    assert 500 == response.status_code
    assert b'{"code": "boom"}' == response.content
    assert samekey.Outcome.IN_DOUBT == samekey.report(response).outcome


def test_any_other_replay_is_an_answer(kind):
    """A replayed refusal is the answer, even after a lost one."""
    order = {"amount": 500, "card": "tok_declined"}
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=order)

    report = samekey.report(response)
    assert 402 == response.status_code
    assert 2 == len(server.requests)
    assert samekey.Outcome.ANSWERED == report.outcome
    assert "server" == report.replayed


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_loop_that_retries_every_500(self):
        """A loop that only looks at the status is reported."""
        headers = {"Idempotency-Key": "key-of-order-1"}
        with (
            FaultServer(recorder(500)) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            for _ in range(3):
                response = client.post("/", json=ORDER, headers=headers)
                if response.status_code < 500:
                    break

        with pytest.raises(AssertionError):
            check_asked_at_most(2, server.requests)
