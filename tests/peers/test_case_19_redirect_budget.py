"""
Case 19: redirect hops share one budget.

Where each hop counts for itself, two retries allowed are two retries a hop:
15 requests were seen for a total of 2 over 5 hops.
"""

import collections
import time

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


ORDER = {"amount": 500}
HOPS = 5


def chain(received):
    """Redirect from /0 to /1, and so on; the last one is done."""
    number = int(received.target.strip("/"))
    if number >= HOPS:
        return Answer(201)
    return Answer(307, headers=(("Location", f"/{number + 1}"),))


def failing(times, status=425):
    """Make a script that fails each place so often before it works."""
    seen = collections.Counter()

    def script(received):
        seen[received.target] += 1
        failed = seen[received.target] <= times
        return Fault.status(status) if failed else None

    return script


def check_shared(requests, attempts, hops):
    """Check that at most *attempts* - 1 of *requests* were resends."""
    places = {request.target for request in requests}
    assert len(places) <= hops + 1
    assert len(requests) - len(places) <= attempts - 1, [
        request.target for request in requests
    ]


def open_chain(kind, server, **terms):
    """Open a session that follows redirects."""
    return kind.open(base_url=server.url, follow_redirects=True, terms=terms)


def outcome(session, **options):
    """Post; give the report."""
    try:
        response = session.post("/0", json=ORDER, **options)
    except samekey.GaveUp as exc:
        return exc.report
    return samekey.report(response)


def test_hops_alone_cost_no_attempt(kind):
    """A chain of redirects that works needs no attempt but the first."""
    with (
        FaultServer(chain) as server,
        open_chain(kind, server, policy=fast(attempts=1)) as session,
    ):
        response = session.post("/0", json=ORDER)

    assert 201 == response.status_code
    assert [f"/{n}" for n in range(HOPS + 1)] == [
        request.target for request in server.requests
    ]
    assert 1 == len({request.key for request in server.requests})


@pytest.mark.parametrize("status", [425, 503])
@pytest.mark.parametrize("attempts", [2, 4])
def test_hops_share_the_attempts(transport_kind, status, attempts):
    """All hops together have the attempts of one call."""
    with (
        FaultServer(chain, failing(2, status)) as server,
        open_chain(
            transport_kind, server, policy=fast(attempts=attempts)
        ) as session,
    ):
        report = outcome(session)

    check_shared(server.requests, attempts, HOPS)
    assert len(server.requests) == len(report.attempts)
    assert 1 == len({request.key for request in server.requests})


def test_one_failure_a_hop_is_within_the_attempts(transport_kind):
    """As long as the attempts last, each hop may fail and be retried."""
    policy = fast(attempts=HOPS + 2)
    with (
        FaultServer(chain, failing(1)) as server,
        open_chain(transport_kind, server, policy=policy) as session,
    ):
        response = session.post("/0", json=ORDER)

    assert 201 == response.status_code
    check_shared(server.requests, HOPS + 2, HOPS)
    assert 2 * (HOPS + 1) == len(server.requests)
    assert [425, 307] * HOPS + [425, 201] == [
        attempt.status for attempt in samekey.report(response).attempts
    ]


def test_hops_share_the_attempts_at_the_client_door(client_kind):
    """At the client door a hop is part of its attempt, from the start on."""
    attempts = 3
    with (
        FaultServer(chain, failing(1)) as server,
        open_chain(
            client_kind, server, policy=fast(attempts=attempts)
        ) as session,
    ):
        report = outcome(session)

    assert attempts == len(report.attempts)
    starts = [r for r in server.requests if "/0" == r.target]
    assert attempts == len(starts)
    assert len(server.requests) <= attempts * (HOPS + 1)


def test_hops_share_the_retry_budget(transport_kind):
    """The tokens of the client are not dealt out anew at each hop."""
    budget = samekey.RetryBudget(capacity=2, start=2, per_success=0)
    with (
        FaultServer(chain, failing(1)) as server,
        open_chain(
            transport_kind, server, policy=fast(attempts=50), budget=budget
        ) as session,
    ):
        outcome(session)

    check_shared(server.requests, 3, HOPS)


def test_hops_share_the_deadline(transport_kind):
    """Five hops of 0.1 s each do not fit into 0.25 s."""
    started = time.monotonic()
    with (
        FaultServer(chain, lambda _: Fault.slow(0.1)) as server,
        open_chain(
            transport_kind, server, policy=fast(deadline=0.25)
        ) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/0", json=ORDER)
    elapsed = time.monotonic() - started

    assert "deadline" == caught.value.reason
    assert len(server.requests) <= 3
    assert elapsed < 0.5


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_transport_that_counts_each_hop(self):
        """A transport whose every call has retries of its own is reported."""

        class Naive(httpx.HTTPTransport):
            def handle_request(self, request):
                for _ in range(3):
                    response = super().handle_request(request)
                    if response.status_code != 425:
                        break
                    response.close()
                return response

        with (
            FaultServer(chain, failing(2)) as server,
            httpx.Client(
                transport=Naive(),
                base_url=server.url,
                follow_redirects=True,
                trust_env=False,
            ) as client,
        ):
            client.post("/0", json=ORDER)

        assert 3 * (HOPS + 1) == len(server.requests)
        with pytest.raises(AssertionError):
            check_shared(server.requests, 3, HOPS)
