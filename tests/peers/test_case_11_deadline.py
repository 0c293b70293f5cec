"""
Case 11: a deadline of 0.15 s means 0.15 s.

httpx has timeouts for connect, read and write, each of which starts anew with
each attempt, and the read timeout with each byte. A deadline that is looked at
between attempts only comes late by a whole attempt.
"""

import time

import attrs
import httpx
import pytest
import tenacity

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


# httpcore leaves the async generators of a body that is left early to the
# garbage collector, with or without us; trio warns of it.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


ORDER = {"amount": 500}
DEADLINE = 0.15
SLACK = 0.3
"""For a machine that has something else to do as well."""


def settle(received):
    """Answer that it is done."""
    return Answer(201, body=b"x" * 100)


def check_held(deadline, call):
    """Check that *call* is over at the deadline, and not long before."""
    started = time.monotonic()
    with pytest.raises((samekey.GaveUp, httpx.TransportError)) as caught:
        call()
    elapsed = time.monotonic() - started

    assert elapsed < deadline + SLACK, elapsed
    return caught.value


DRIPPING = attrs.evolve(
    Fault.raw(b"HTTP/1.1 201 Created\r\n" + b"X: y\r\n" * 99),
    interval=0.01,
)


@pytest.mark.parametrize(
    "fault",
    [Fault.stall(), DRIPPING],
    ids=["silence", "a dripping head"],
)
def test_the_deadline_holds_in_mid_attempt(kind, fault):
    """A server that keeps a call waiting is left at the deadline."""
    terms = {"policy": fast(deadline=DEADLINE)}
    with (
        FaultServer(settle, [fault] * 4) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        exc = check_held(
            DEADLINE, lambda: session.post("/payments", json=ORDER)
        )

    assert isinstance(exc, samekey.InDoubt)
    assert isinstance(exc, kind.module.TransportError)
    assert "deadline" == exc.reason
    assert 1 == len(server.requests)


@pytest.mark.parametrize(
    "body", [Fault.cut(10, stall=True), "drip"], ids=["stalled", "dripping"]
)
def test_the_deadline_holds_in_mid_body(client_kind, body):
    """A body that does not come to its end is left at the deadline."""
    if "drip" == body:
        # A head at once and a drip of body: a chunk at a time.
        body = attrs.evolve(
            Fault.cut(90), interval=0.003, answer=Answer(201, body=b"x" * 100)
        )
    terms = {"policy": fast(deadline=DEADLINE)}
    with (
        FaultServer(settle, [body] * 4) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
    ):
        exc = check_held(
            DEADLINE, lambda: session.post("/payments", json=ORDER)
        )

    assert isinstance(exc, (samekey.AnswerLost, samekey.InDoubt))
    assert 1 == len(server.requests)


def test_the_deadline_is_over_all_attempts(kind):
    """Several attempts that each take a while share one deadline."""
    terms = {"policy": fast(deadline=DEADLINE, attempts=50)}
    with (
        FaultServer(settle, lambda _: Fault.stall(0.04)) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        exc = check_held(
            DEADLINE, lambda: session.post("/payments", json=ORDER)
        )

    assert 2 <= len(server.requests) <= 4
    assert len(server.requests) == len(exc.report.attempts)


def test_the_deadline_holds_while_the_pool_is_full(kind):
    """Waiting for a connection counts, and is known to have sent nothing."""
    limits = kind.module.Limits(max_connections=1)
    with (
        FaultServer(settle) as server,
        kind.open(
            base_url=server.url,
            transport=kind.transport(limits=limits),
            terms={"policy": fast(deadline=0.1)},
        ) as session,
    ):
        get = session.client.build_request("GET", "/", extensions={})
        held = session.send(get, stream=True)
        exc = check_held(0.1, lambda: session.post("/payments", json=ORDER))
        session.read(held)

    assert isinstance(exc, samekey.NotExecuted)
    assert isinstance(exc, kind.module.PoolTimeout)
    assert ["GET"] == [request.method for request in server.requests]


def test_a_wait_that_does_not_fit_is_not_begun(kind):
    """A wait past the deadline ends the call before it, not after."""
    policy = samekey.RetryPolicy(deadline=5.0, wait=tenacity.wait_fixed(60))
    with (
        FaultServer(settle, [Fault.lose_request()]) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
    ):
        exc = check_held(0.2, lambda: session.post("/payments", json=ORDER))

    assert "deadline" == exc.reason
    assert 1 == len(server.requests)


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_timeout_for_each_attempt(self):
        """A loop whose deadline is each attempt's timeout is reported."""
        with (
            FaultServer(settle, [Fault.stall()] * 3) as server,
            httpx.Client(trust_env=False, timeout=0.2) as client,
        ):

            def call():
                for left in (2, 1, 0):
                    try:
                        return client.post(server.url, json=ORDER)
                    except httpx.ReadTimeout:
                        if not left:
                            raise
                return None

            with pytest.raises(AssertionError):
                check_held(0.2, call)
