"""
Case 21: there is a wait by default, and it is jittered.

Without a wait a dead server saw 11 requests in 0.02 s; without jitter all the
clients that failed together come back together.
"""

import itertools
import random
import time

import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st

import samekey

from samekey._terms import Terms
from samekey._verdict import Evidence
from samekey._waits import default_wait
from samekey.testing import Answer, Fault, FaultServer


CAP = 20.0
NUMBERS = st.integers(1, 10_000)
DRAWS = st.floats(0, 1, exclude_max=True)


def ended(verdict, **facts):
    """Make the evidence of an attempt that ended so, after a while."""
    evidence = Evidence()
    evidence.verdict = verdict
    evidence.ended = 5.0
    for name, value in facts.items():
        setattr(evidence, name, value)
    return evidence


UNKNOWN = ended(samekey.Verdict.UNKNOWN, connecting=True, begun=1)
STALE = ended(samekey.Verdict.UNKNOWN, begun=1, ended=0.01)
TIMEOUT = ended(samekey.Verdict.UNKNOWN, begun=1, error="ReadTimeout")
ANSWERED = ended(samekey.Verdict.ANSWERED, status=503)
NOT_SENT = ended(samekey.Verdict.NOT_SENT, connect_failed=True)
ALL = [UNKNOWN, STALE, TIMEOUT, ANSWERED, NOT_SENT]


def check_spread(waits):
    """Check that clients that failed together do not come back together."""
    assert all(wait > 0 for wait in waits)
    ordered = sorted(waits)
    assert len(set(waits)) == len(waits)
    assert ordered[-1] - ordered[0] > ordered[-1] / 4


@given(NUMBERS, DRAWS)
def test_after_a_status_the_jitter_is_full(number, draw):
    """After a status the wait is from 0 to 0.5 s doubling, up to 20 s."""
    ceiling = min(CAP, 0.5 * 2.0 ** min(number - 1, 10))
    for evidence in (ANSWERED, NOT_SENT):
        wait = default_wait(evidence, number, lambda: draw)

        assert wait == pytest.approx(draw * ceiling)
        assert (wait > 0) == (draw * ceiling > 0)


@given(NUMBERS, DRAWS)
def test_after_doubt_half_is_sure(number, draw):
    """After an unknown result a slow execution is given time to end."""
    ceiling = min(CAP, 2.0 ** min(number - 1, 10))
    for evidence in (UNKNOWN, TIMEOUT):
        wait = default_wait(evidence, number, lambda: draw)

        assert ceiling / 2 <= wait <= ceiling
        assert wait == pytest.approx(ceiling / 2 * (1 + draw))


@given(NUMBERS, DRAWS)
def test_a_stale_connection_waits_a_moment(number, draw):
    """A connection that the server had closed is replaced within 0.1 s."""
    assert draw * 0.1 == default_wait(STALE, number, lambda: draw)


@given(st.sampled_from(ALL), NUMBERS, DRAWS, DRAWS)
def test_the_wait_grows_with_the_draw(evidence, number, one, two):
    """Nothing rounds the jitter away: another draw is another wait."""
    first = default_wait(evidence, number, lambda: one)
    second = default_wait(evidence, number, lambda: two)

    if abs(one - two) > 1e-9:
        assert (one < two) == (first < second)


@pytest.mark.parametrize("number", [1, 2, 3, 10])
@pytest.mark.parametrize(
    "evidence", ALL, ids=["unknown", "stale", "timeout", "503", "refused"]
)
def test_clients_that_failed_together_come_back_apart(evidence, number):
    """A hundred clients spread over the wait."""
    draw = random.Random(7).random
    check_spread([default_wait(evidence, number, draw) for _ in range(100)])


def test_the_default_draws_are_random():
    """Two clients made alike do not draw alike."""
    one, two = Terms(), Terms()

    draws = [terms.random() for terms in (one, two) for _ in range(8)]
    assert all(0 <= draw < 1 for draw in draws)
    assert 16 == len(set(draws))


def test_a_policy_left_alone_waits(kind):
    """A client without any settings waits before it knocks again."""
    policy = samekey.RetryPolicy(deadline=0.2)
    waits, times = [], []

    def script(received):
        times.append(time.monotonic())
        return Fault.status(503)

    with (
        FaultServer(lambda _: Answer(201), script) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
    ):
        try:
            report = samekey.report(session.post("/x", json={}))
        except samekey.InDoubt as exc:
            report = exc.report

    waits = [attempt.waited for attempt in report.attempts[1:]]
    assert len(times) <= 4
    assert all(wait > 0 for wait in waits)
    for wait, (one, two) in zip(waits, itertools.pairwise(times), strict=True):
        assert two - one >= wait


def test_a_dead_server_is_not_hammered(kind):
    """Refused connections are waited after as well, and are few."""
    policy = samekey.RetryPolicy(deadline=0.15)
    with FaultServer(lambda _: Answer(201)) as gone:
        pass
    with (
        kind.open(base_url=gone.url, terms={"policy": policy}) as session,
        pytest.raises(samekey.NotExecuted) as caught,
    ):
        session.post("/x", json={})

    attempts = caught.value.report.attempts
    assert len(attempts) <= 4
    assert all(attempt.waited > 0 for attempt in attempts[1:])


class TestTheChecker:
    """The check above sees the peers' mistakes."""

    @pytest.mark.parametrize("wait", [0.0, 0.5], ids=["none", "fixed"])
    def test_reports_waits_without_jitter(self, wait):
        """No wait, and the same wait for all, are reported."""
        with pytest.raises(AssertionError):
            check_spread([wait] * 100)

    def test_reports_a_loop_that_does_not_wait(self):
        """A loop that knocks again at once is reported."""
        waits = []
        with (
            FaultServer(
                lambda _: Answer(201), [Fault.status(503)] * 3
            ) as server,
            httpx.Client(trust_env=False) as client,
        ):
            while client.post(server.url).status_code == 503:
                waits.append(0.0)

        with pytest.raises(AssertionError):
            check_spread(waits)
