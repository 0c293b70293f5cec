"""
Case 18: an empty list means empty.

Written as `statuses or DEFAULTS`, an empty set of statuses becomes the
defaults, and who wanted no retries gets all of them.
"""

import anyio
import httpx
import pytest

from kinds import KINDS, fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


ORDER = {"amount": 500}


def settle(received):
    """Answer that it is done."""
    return Answer(201)


def check_sent(times, requests):
    """Check how often the call was sent."""
    assert times == len(requests)


def outcome(call):
    """Give the report of *call*, and why it ended."""
    try:
        return samekey.report(call()), None
    except samekey.GaveUp as exc:
        return exc.report, exc.reason


def test_no_statuses_means_that_none_is_retried(kind):
    """With statuses=frozenset() a 503 ends the call at once."""
    terms = {"policy": fast(statuses=frozenset())}
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        report, _ = outcome(lambda: session.post("/x", json=ORDER))

    check_sent(1, server.requests)
    assert samekey.Outcome.IN_DOUBT == report.outcome


@pytest.mark.parametrize("empty", [frozenset(), set(), [], (), {}], ids=repr)
def test_every_empty_collection_is_empty(empty):
    """A policy keeps whatever empty collection of statuses it is given."""
    policy = samekey.RetryPolicy(statuses=empty)

    assert frozenset() == policy.statuses
    assert frozenset() == policy.retried


def test_no_statuses_leaves_other_retries_alone(kind):
    """An empty set of statuses is about statuses: lost answers are retried."""
    terms = {"policy": fast(statuses=frozenset())}
    with (
        FaultServer(settle, [Fault.lose_answer()]) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        session.post("/x", json=ORDER)

    check_sent(2, server.requests)


def test_a_call_can_empty_what_its_client_set(kind):
    """An empty set given for one call wins over the client's policy."""
    terms = {"policy": fast(statuses={503})}
    with (
        FaultServer(settle, [Fault.status(503)] * 2) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        outcome(
            lambda: session.post(
                "/x", json=ORDER, policy=fast(statuses=frozenset())
            )
        )
        check_sent(1, server.requests)
        session.post("/x", json=ORDER)

    check_sent(3, server.requests)


def test_no_origins_means_that_no_other_host_is_vouched_for(kind):
    """With origins=[] a host that is not the base_url gets no resend."""
    terms = {"origins": []}
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open(terms=terms) as session,
    ):
        url = f"{server.url}/x"
        report, reason = outcome(lambda: session.post(url, json=ORDER))

    check_sent(1, server.requests)
    assert server.requests[0].key == report.key
    assert samekey.Outcome.IN_DOUBT == report.outcome
    assert ("unvouched" if "client" == kind.door else None) == reason


def test_origins_left_out_vouch_for_every_host(kind):
    """Without origins=, and without a base_url, every host is trusted."""
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open() as session,
    ):
        session.post(f"{server.url}/x", json=ORDER)

    check_sent(2, server.requests)


def test_no_origins_leaves_the_base_url_alone(client_kind):
    """The client's own base_url is vouched for by being its base_url."""
    terms = {"origins": []}
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
    ):
        session.post("/x", json=ORDER)

    check_sent(2, server.requests)


def test_a_budget_that_starts_empty_is_empty(kind):
    """With start=0 there is no resend until calls have succeeded."""
    terms = {"budget": samekey.RetryBudget(start=0)}
    with (
        FaultServer(settle, [Fault.lose_request()]) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        _, reason = outcome(lambda: session.post("/x", json=ORDER))

    check_sent(1, server.requests)
    assert "budget" == reason


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.is_async], ids=str
)
@pytest.mark.parametrize("deadline", [{}, {"deadline": None}], ids=len)
def test_no_deadline_is_not_the_default_one(kind, deadline):
    """With deadline=None a call waits longer than a minute if it is told to."""

    async def main():
        terms = {"policy": fast(**deadline)}
        async with kind.wrapped(base_url=server.url, terms=terms) as client:
            with anyio.move_on_after(0.25) as scope:
                await client.get("/x")
            return scope.cancelled_caught

    hint = Fault.status(503, headers=[("Retry-After", "7200")])
    with FaultServer(settle, [hint]) as server:
        waited = anyio.run(main, backend=kind.flavour)

    check_sent(1, server.requests)
    assert ("deadline" in deadline) == waited


def test_an_empty_header_set_is_sent_as_it_is(kind):
    """headers={} and params={} do not bring back anything of ours."""
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/x", json=ORDER, headers={}, params={}, extensions={})

    check_sent(1, server.requests)
    assert 1 == len(server.requests[0].keys)


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_default_through_or(self):
        """A loop that writes `statuses or DEFAULTS` is reported."""
        given = frozenset()
        statuses = given or {429, 503}
        with (
            FaultServer(settle, [Fault.status(503)]) as server,
            httpx.Client(trust_env=False) as client,
        ):
            for _ in range(4):
                response = client.post(server.url, json=ORDER)
                if response.status_code not in statuses:
                    break

        with pytest.raises(AssertionError):
            check_sent(1, server.requests)
