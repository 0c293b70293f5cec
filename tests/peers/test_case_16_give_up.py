"""
Case 16: a give-up is an event too, and the error has the history.

Layers that tell of each retry fall silent at the one moment that matters. And
a bare timeout error does not say how often it was tried, nor under which key.
"""

import itertools
import logging
import pickle
import re

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


ORDER = {"amount": 500}
TORN = Fault.raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nabc")
NOTE = re.compile(r"samekey: in_doubt after 3 attempts in \d\.\d\d s, key …")
SCRIPT = [Fault.stall(), Fault.status(503), Fault.lose_answer()]


def settle(received):
    """Answer that it is done."""
    return Answer(201)


def check_events(records, times):
    """Check that each of *times* - 1 resends, and the give-up, were told."""
    events = [r.samekey_event for r in records if "samekey" == r.name]
    assert ["retry"] * (times - 1) + ["give_up"] == events


def check_history(exc, statuses):
    """Check that *exc* shows every attempt, and the key."""
    report = getattr(exc, "report", None)
    assert report is not None
    assert statuses == [attempt.status for attempt in report.attempts]
    assert report.key
    assert report.key[-6:] in exc.__notes__[0]


def give_up(session, error=samekey.InDoubt, **options):
    """Post, in vain."""
    with pytest.raises(error) as caught:
        session.post("/payments", json=ORDER, **options)
    return caught.value


def test_a_give_up_is_told_and_has_its_history(kind, caplog):
    """Three attempts in vain: two retries and a give-up, all on the error."""
    caplog.set_level(logging.INFO, "samekey")
    with (
        FaultServer(settle, SCRIPT) as server,
        kind.open(
            base_url=server.url,
            timeout=0.2,
            terms={"policy": fast(attempts=3)},
        ) as session,
    ):
        exc = give_up(session)

    check_events(caplog.records, 3)
    check_history(exc, [None, 503, None])
    assert server.requests[0].key == exc.key == exc.report.key
    first, second, third = exc.report.attempts
    assert [1, 2, 3] == [first.number, second.number, third.number]
    assert ["UNKNOWN", "ANSWERED", "UNKNOWN"] == [
        attempt.verdict for attempt in exc.report.attempts
    ]
    assert "ReadTimeout" == first.error
    assert 0.2 <= first.elapsed < 1
    assert second.error is None
    assert "RemoteProtocolError" == third.error
    for earlier, later in itertools.pairwise(exc.report.attempts):
        assert earlier.started + earlier.elapsed <= later.started + 0.001
    (note,) = exc.__notes__
    assert NOTE.match(note)


def test_the_event_says_what_the_error_says(kind, caplog):
    """A handler finds reason, outcome, key and attempts in the record."""
    caplog.set_level(logging.WARNING, "samekey")
    with (
        FaultServer(settle, [Fault.lose_answer()] * 2) as server,
        kind.open(
            base_url=server.url, terms={"policy": fast(attempts=2)}
        ) as session,
    ):
        exc = give_up(session)

    (record,) = caplog.records
    assert "give_up" == record.samekey_event
    assert exc.reason == record.samekey_reason == "attempts"
    assert exc.report.outcome == record.samekey_outcome == "in_doubt"
    assert 2 == record.samekey_attempt
    assert exc.key[-6:] == record.samekey_key[-6:]
    assert "RemoteProtocolError" == record.samekey_error
    assert ("POST", "127.0.0.1") == (
        record.samekey_method,
        record.samekey_host,
    )


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(Fault.status(503), "in_doubt"), (Fault.status(429), "not_executed")],
    ids=["503", "429"],
)
def test_a_last_status_that_is_returned_is_told_too(
    kind, fault, outcome, caplog
):
    """Giving up is an event even where the caller gets a response."""
    caplog.set_level(logging.INFO, "samekey")
    with (
        FaultServer(settle, [fault] * 2) as server,
        kind.open(
            base_url=server.url, terms={"policy": fast(attempts=2)}
        ) as session,
    ):
        try:
            report = samekey.report(session.post("/payments", json=ORDER))
        except samekey.GaveUp as exc:
            report = exc.report

    assert outcome == report.outcome
    check_events(caplog.records, 2)


def test_a_dead_server_is_told(kind, caplog):
    """Refused connections end in an event as well."""
    caplog.set_level(logging.INFO, "samekey")
    with FaultServer(settle) as gone:
        pass
    with kind.open(base_url=gone.url) as session:
        exc = give_up(session, samekey.NotExecuted)

    check_events(caplog.records, 4)
    check_history(exc, [None] * 4)


def test_an_answer_lost_is_told(client_kind, caplog):
    """A body that never came whole ends in an event as well."""
    caplog.set_level(logging.INFO, "samekey")
    app = lambda _: Answer(201, body=b"x" * 50)  # noqa: E731
    with (
        FaultServer(app, [Fault.cut(10)] * 4) as server,
        client_kind.open(base_url=server.url) as session,
    ):
        exc = give_up(session, samekey.AnswerLost)

    check_events(caplog.records, 4)
    check_history(exc, [201] * 4)


def test_a_success_is_no_event(kind, caplog):
    """A call that needs no retry logs nothing, at any level."""
    caplog.set_level(logging.DEBUG, "samekey")
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", json=ORDER)

    assert [] == [r for r in caplog.records if "samekey" == r.name]


def test_the_history_outlives_the_process(kind):
    """An error that was pickled still says what happened, and the key."""
    with (
        FaultServer(settle, SCRIPT[1:]) as server,
        kind.open(
            base_url=server.url, terms={"policy": fast(attempts=2)}
        ) as session,
    ):
        exc = give_up(session)
    copy = pickle.loads(pickle.dumps(exc))

    check_history(copy, [503, None])
    assert type(exc) is type(copy)
    assert exc.report == copy.report
    assert exc.key == copy.key
    assert exc.__notes__ == copy.__notes__


class TestTheChecker:
    """The checks above see the peers' mistakes."""

    def test_reports_a_bare_error(self, caplog):
        """A loop that raises the last timeout as it is, is reported."""
        with (
            FaultServer(settle, [Fault.lose_answer()]) as server,
            httpx.Client(trust_env=False) as client,
            pytest.raises(httpx.RemoteProtocolError) as caught,
        ):
            client.post(server.url, json=ORDER)

        with pytest.raises(AssertionError):
            check_history(caught.value, [None])
        with pytest.raises(AssertionError):
            check_events(caplog.records, 1)
