"""
Redirects: a key stays at its origin, and a failed hop is not a failed POST.
"""

from __future__ import annotations

import pytest

from faults_support import HOST, closed_port, opened

import samekey

from samekey.testing import Answer, Fault, FaultServer


class Shop:
    """Charges on POST /new, and sends POST /old where it is told to."""

    def __init__(self, status=307, location="/new"):
        self.status = status
        self.location = location
        self.charged = 0

    def __call__(self, received):
        if received.target == "/old" and received.method == "POST":
            if self.status == 303:
                self.charged += 1
            place = (("Location", self.location),)
            return Answer(self.status, headers=place)
        if received.method == "POST":
            self.charged += 1
        return Answer(201, body=b"charged")


@pytest.fixture
def elsewhere():
    """Serve another origin."""
    with FaultServer(Shop()) as server:
        yield server


def serve(shop, script=()):
    """Serve *shop*."""
    return FaultServer(shop, script)


CALLS = [
    pytest.param({}, id="new-key"),
    pytest.param({"operation": "order-1"}, id="operation"),
    pytest.param({"idempotency_key": "mine"}, id="own-key"),
    pytest.param({"headers": {"Idempotency-Key": "mine"}}, id="own-header"),
]


class TestOtherOrigin:
    @pytest.mark.parametrize("options", CALLS)
    @pytest.mark.parametrize("status", [302, 307, 308])
    def test_key_stays(self, kind, elsewhere, status, options):
        """No key reaches an origin that a redirect points to."""
        shop = Shop(status, f"{elsewhere.url}/new")
        with (
            serve(shop) as server,
            opened(
                kind, base_url=server.url, follow_redirects=True
            ) as session,
        ):
            response = session.post("/old", content=b"5", **options)

        assert 1 == len(server.requests)
        assert server.requests[0].key is not None
        assert not any(r.keys for r in elsewhere.requests)
        if kind.door == "client":
            assert status == response.status_code
            assert [] == elsewhere.requests
            assert "answered" == samekey.report(response).outcome
            assert "idempotency-key" not in response.next_request.headers
        else:
            assert 1 == len(elsewhere.requests)

    @pytest.mark.parametrize("status", [302, 303, 307, 308])
    def test_next_hop_refuses(self, transport_kind, status):
        """A hop that cannot be made says nothing of the POST before it."""
        shop = Shop(status, f"http://{HOST}:{closed_port()}/receipt")
        with (
            serve(shop) as server,
            opened(
                transport_kind, base_url=server.url, follow_redirects=True
            ) as session,
            pytest.raises(samekey.InDoubt) as info,
        ):
            session.post("/old", content=b"5")

        assert not isinstance(info.value, samekey.NotExecuted)
        assert not isinstance(info.value, transport_kind.module.ConnectError)
        assert isinstance(info.value, transport_kind.module.TransportError)
        assert status == info.value.report.attempts[0].status
        assert "in_doubt" == info.value.report.outcome
        assert 1 == len(server.requests)

    def test_303_is_the_answer(self, client_kind):
        """The client door hands out a 303, and does not follow it."""
        shop = Shop(303, f"http://{HOST}:{closed_port()}/receipt")
        with (
            serve(shop) as server,
            opened(
                client_kind, base_url=server.url, follow_redirects=True
            ) as session,
        ):
            response = session.post("/old", content=b"5")

        assert 303 == response.status_code
        assert "answered" == samekey.report(response).outcome
        assert 1 == shop.charged == len(server.requests)


class TestSameOrigin:
    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_get_without_key(self, kind, status):
        """A POST that has become a GET has no key."""
        with (
            serve(Shop(status)) as server,
            opened(
                kind, base_url=server.url, follow_redirects=True
            ) as session,
        ):
            session.post("/old", content=b"5", idempotency_key="mine")

        first, *hops = server.requests
        assert "mine" == first.key
        assert [("GET", ())] * len(hops) == [(r.method, r.keys) for r in hops]
        assert (kind.door == "transport") == bool(hops)

    @pytest.mark.parametrize("status", [307, 308])
    def test_followed(self, kind, status):
        """A 307 or 308 is followed under the same key, with the body."""
        module = kind.module
        ran = []

        class Signing(module.Auth):
            def auth_flow(self, request):
                ran.append(request.headers.get("idempotency-key"))
                request.headers["X-Signed"] = str(len(ran))
                yield request

        shop = Shop(status)
        with (
            serve(shop) as server,
            opened(
                kind,
                base_url=server.url,
                follow_redirects=True,
                auth=Signing(),
            ) as session,
        ):
            response = session.post("/old", content=b"5")

        first, second = server.requests
        report = samekey.report(response)
        assert 201 == response.status_code
        assert report.key == first.key == second.key
        assert ("POST", "/new", b"5") == (
            second.method,
            second.target,
            second.body,
        )
        assert [status] == [r.status_code for r in response.history]
        assert 1 == len(ran) == shop.charged
        assert "answered" == report.outcome

    def test_not_followed_unless_asked(self, kind):
        """A client that does not follow redirects gets the 307."""
        with (
            serve(Shop()) as server,
            opened(kind, base_url=server.url) as session,
        ):
            response = session.post("/old", content=b"5")

        assert 307 == response.status_code
        assert 1 == len(server.requests)

    def test_hop_loses_its_answer(self, kind):
        """A hop that fails is sent again under the same key."""
        with (
            serve(Shop(), [None, Fault.lose_answer()]) as server,
            opened(
                kind, base_url=server.url, follow_redirects=True
            ) as session,
        ):
            response = session.post("/old", content=b"5")

        assert 201 == response.status_code
        assert 1 == len({r.key for r in server.requests})
        assert "/new" == server.requests[-1].target

    def test_hop_is_never_answered(self, kind):
        """A POST that was redirected and then lost is in doubt."""
        script = [None, *[Fault.refuse()] * 9]
        with (
            serve(Shop(), script) as server,
            opened(
                kind, base_url=server.url, follow_redirects=True
            ) as session,
            pytest.raises(samekey.InDoubt) as info,
        ):
            session.post("/old", content=b"5")

        assert "in_doubt" == samekey.report(info.value).outcome


class TestBadLocations:
    @pytest.mark.parametrize(
        "location", ["mailto:x@y", "http://[::1", "https://exa mple/\x01"]
    )
    def test_complete_303(self, client_kind, location):
        """A 303 that points nowhere was still an answer."""
        shop = Shop(303, location)
        with (
            serve(shop) as server,
            opened(client_kind, base_url=server.url) as session,
        ):
            try:
                result = session.post("/old", content=b"5")
            except Exception as exc:  # noqa: BLE001 -- as httpx 0.28 does
                result = exc
        report = samekey.report(result)

        assert "answered" == report.outcome
        assert [303] == [a.status for a in report.attempts]
        assert not isinstance(result, samekey.SamekeyError)
        assert 1 == shop.charged

    def test_loop(self, client_kind):
        """Too many redirects go up as themselves, all under one key."""
        with (
            serve(Shop(307, "/old")) as server,
            opened(
                client_kind,
                base_url=server.url,
                follow_redirects=True,
                max_redirects=3,
            ) as session,
            pytest.raises(client_kind.module.TooManyRedirects) as info,
        ):
            session.post("/old", content=b"5")

        report = samekey.report(info.value)
        assert client_kind.module.TooManyRedirects is type(info.value)
        assert ["answered", 307] == [report.outcome, report.attempts[0].status]
        assert 4 == len(server.requests)
        assert {report.key} == {r.key for r in server.requests}
