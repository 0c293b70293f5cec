"""
Case 8: no key goes to another host, and none stays on a GET that was a POST.

httpx drops `Authorization` on a cross-origin redirect but sends an
`Idempotency-Key` on to whatever host it is pointed at, and leaves it on the
GET that a POST has become. So does everyone on top of it.
"""

import httpx
import pytest

import samekey

from samekey.testing import Answer, Fault, FaultServer


ORDER = {"amount": 500}
KEY = "order-1-charge-from-the-row"
GIVEN = {
    "ours": {},
    "header": {"headers": {"Idempotency-Key": KEY}},
    "operation": {"operation": "order-1/charge"},
}


def settle(received):
    """Answer that it is done, whatever it is."""
    return Answer(200, body=b"done")


def redirecting(status, location):
    """Make an app that redirects /payments, and settles all else."""

    def app(received):
        if "/payments" != received.target:
            return settle(received)
        return Answer(status, headers=(("Location", location),))

    return app


def numbered(received):
    """Redirect /303 by a 303, and so on."""
    path = received.target.strip("/")
    if not path.isdecimal():
        return settle(received)
    return Answer(int(path), headers=(("Location", "/x"),))


def check_no_key(requests):
    """Check that none of these requests carries a key."""
    assert {()} >= {request.keys for request in requests}


def keys_of(requests):
    """Give the keys of *requests*, in order."""
    return [request.key for request in requests]


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_no_key_goes_to_another_host(kind, given):
    """A redirect to another origin takes no key along."""
    with (
        FaultServer(settle) as other,
        FaultServer(redirecting(307, f"{other.url}/x")) as server,
        kind.open(base_url=server.url, follow_redirects=True) as session,
    ):
        response = session.post("/payments", json=ORDER, **given)

    check_no_key(other.requests)
    assert 1 == len(server.requests)
    assert server.requests[0].key == samekey.report(response).key
    if "client" == kind.door:
        assert 307 == response.status_code
        assert [] == other.requests
    else:
        assert b"done" == response.content
        assert ["POST"] == [request.method for request in other.requests]


@pytest.mark.parametrize("named", [False, True], ids=["ours", "header"])
def test_no_key_stays_on_a_post_that_became_a_get(kind, named):
    """The GET after a 303 is another request, and has no key."""
    statuses = (301, 302, 303)
    with (
        FaultServer(numbered) as server,
        kind.open(base_url=server.url, follow_redirects=True) as session,
    ):
        for status in statuses:
            headers = {"Idempotency-Key": f"{KEY}-{status}"} if named else {}
            response = session.post(f"/{status}", json=ORDER, headers=headers)
            at_client = "client" == kind.door
            assert (status if at_client else 200) == response.status_code

    gets = [r for r in server.requests if "GET" == r.method]
    posts = [r for r in server.requests if "POST" == r.method]
    check_no_key(gets)
    assert (0 if at_client else 3) == len(gets)
    assert 3 == len(set(keys_of(posts)))
    assert None not in keys_of(posts)


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_the_key_stays_on_the_same_origin(kind, given):
    """A 307 or 308 to the same origin is the same operation."""
    with (
        FaultServer(numbered) as server,
        kind.open(base_url=server.url, follow_redirects=True) as session,
    ):
        response = session.post("/308", json=ORDER, **given)

    assert b"done" == response.content
    assert ["/308", "/x"] == [r.target for r in server.requests]
    assert {samekey.report(response).key} == set(keys_of(server.requests))
    assert [308] == [r.status_code for r in response.history]
    assert 1 == len({request.body for request in server.requests})


def test_a_redirect_after_a_failure_is_followed(client_kind):
    """A failed attempt before a redirect leaves it to be followed."""
    with (
        FaultServer(numbered, [Fault.status(503)]) as server,
        client_kind.open(
            base_url=server.url, follow_redirects=True
        ) as session,
    ):
        response = session.post("/307", json=ORDER)

    assert b"done" == response.content
    assert 3 == len(server.requests)
    assert {samekey.report(response).key} == set(keys_of(server.requests))


@pytest.mark.parametrize(("status", "follow"), [(307, True), (303, False)])
def test_a_hop_sent_by_hand_has_no_key_of_ours(client_kind, status, follow):
    """The next request of a redirect that was returned is bare."""
    with (
        FaultServer(settle) as other,
        FaultServer(redirecting(status, f"{other.url}/x")) as server,
        client_kind.open(
            base_url=server.url, follow_redirects=follow
        ) as session,
    ):
        response = session.post("/payments", json=ORDER)
        hop = response.next_request
        on_hop = hop.headers.get("Idempotency-Key")
        session.send(hop)

    assert on_hop is None
    assert 1 == len(other.requests)
    assert server.requests[0].key not in keys_of(other.requests)


def test_the_request_is_left_without_the_key(transport_kind):
    """Below the client the key never gets onto the caller's request."""
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        transport_kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    assert 2 == len(server.requests)
    assert None not in keys_of(server.requests)
    assert "idempotency-key" not in response.request.headers


def test_a_hop_that_fails_is_never_not_executed(transport_kind):
    """The POST was answered 303, so a refused next hop settles nothing."""
    with FaultServer(settle) as gone:
        pass
    with (
        FaultServer(redirecting(303, f"{gone.url}/x")) as server,
        transport_kind.open(
            base_url=server.url, follow_redirects=True
        ) as session,
        pytest.raises(samekey.GaveUp) as caught,
    ):
        session.post("/payments", json=ORDER)

    assert isinstance(caught.value, samekey.InDoubt)
    assert isinstance(caught.value, transport_kind.module.TransportError)
    assert not isinstance(caught.value, transport_kind.module.ConnectError)
    assert server.requests[0].key == caught.value.key
    assert 303 == caught.value.report.attempts[0].status


class TestTheChecker:
    """The check above sees the peers' mistake."""

    @pytest.mark.parametrize("status", [307, 303])
    def test_reports_plain_httpx(self, status):
        """A key in a header goes wherever httpx is sent."""
        headers = {"Idempotency-Key": KEY}
        with (
            FaultServer(settle) as other,
            FaultServer(redirecting(status, f"{other.url}/x")) as server,
            httpx.Client(trust_env=False, follow_redirects=True) as client,
        ):
            url = f"{server.url}/payments"
            client.post(url, json=ORDER, headers=headers)

        assert [KEY] == keys_of(other.requests)
        with pytest.raises(AssertionError):
            check_no_key(other.requests)
