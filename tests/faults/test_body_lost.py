"""
Answers that break off: the effect is sure, and the same key fetches them.
"""

from __future__ import annotations

import attrs
import pytest

from faults.stages_http import BODIES
from faults_support import opened
from kinds import fast

import samekey

from samekey.testing import Fault, PaymentServer


# What httpx leaves behind under trio when a body cannot be decoded.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"
)

TWICE = fast(attempts=2)
ORDER = {"amount": 500, "card": "tok", "reference": "r"}

# Fault, and the class of the library's own error.
LOST = {
    "fin": (Fault.cut(), "RemoteProtocolError"),
    "rst": (Fault.cut(reset=True), "ReadError"),
    "stall": (Fault.cut(stall=True), "ReadTimeout"),
    "chunked": (
        Fault.raw(BODIES["chunked-cut-off"][0]),
        "RemoteProtocolError",
    ),
    "gzip": (
        Fault.raw(BODIES["gzip-corrupt"][0], end="keep"),
        "DecodingError",
    ),
}


def cut(status):
    """Break off in the middle of an answer that is no 2xx."""
    fault = Fault.status(status, body=b'{"code": "something"}')
    return attrs.evolve(fault, after=5, end="close")


@pytest.fixture(params=LOST)
def lost(request):
    """Each way to lose a body, and what the library raises for it."""
    return LOST[request.param]


@pytest.fixture
def shop():
    """Open a payment server with a script, and a client of a kind."""

    def serve(kind, *script):
        server = PaymentServer(script)
        timeout = 0.1 if any(f.end == "stall" for f in script) else 2.0
        return server, lambda: opened(
            kind, base_url=server.url, timeout=timeout
        )

    return serve


class TestClientDoor:
    def test_fetched(self, shop, client_kind, lost):
        """A lost answer is asked for again, and the card charged once."""
        server, client = shop(client_kind, lost[0])
        with server, client() as session:
            response = session.post("/payments", json=ORDER)

        report = samekey.report(response)
        assert 201 == response.status_code
        assert "succeeded" == response.json()["status"]
        assert [201, 201] == [a.status for a in report.attempts]
        assert [lost[1], None] == [a.error for a in report.attempts]
        assert ["server", "answered"] == [report.replayed, report.outcome]
        assert {report.key} == {r.key for r in server.requests}

    def test_always_lost(self, shop, client_kind, lost):
        """An answer that is lost every time is settled, and fetched later."""
        server, client = shop(client_kind, *[lost[0]] * 2)
        with server, client() as session:
            with pytest.raises(samekey.AnswerLost) as info:
                session.post("/payments", json=ORDER, policy=TWICE)
            response = session.resume(info.value)
            charges = server.app.charges("r")

        exc = info.value
        assert isinstance(exc, getattr(client_kind.module, lost[1]))
        assert ["answered", 2] == [
            exc.report.outcome,
            len(exc.report.attempts),
        ]
        assert "attempts" == exc.reason
        assert any("resume" in note for note in exc.__notes__)
        assert "succeeded" == response.json()["status"]
        assert exc.key == samekey.report(response).key
        assert 1 == charges
        assert 1 == len({r.key for r in server.requests})

    @pytest.mark.parametrize(
        ("status", "times"), [(503, 3), (404, 1), (429, 3)]
    )
    def test_settled_stays_settled(self, shop, client_kind, status, times):
        """After a 2xx no later status makes it a failure, or a doubt."""
        later = [Fault.status(status)] * times
        server, client = shop(client_kind, Fault.cut(), *later)
        with server, client() as session:
            with pytest.raises(samekey.AnswerLost) as info:
                session.post("/payments", json=ORDER)
            response = session.resume(info.value)

        assert "answered" == info.value.report.outcome
        assert status == info.value.report.attempts[-1].status
        assert 201 == response.status_code

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (404, samekey.AnswerLost),
            (503, samekey.InDoubt),
            (429, samekey.NotExecuted),
        ],
    )
    def test_lost_status(self, shop, client_kind, status, expected):
        """A status whose body is lost still tells what it tells."""
        server, client = shop(client_kind, *[cut(status)] * 4)
        with server, client() as session:
            with pytest.raises(expected) as info:
                session.post("/payments", json=ORDER)
            response = session.resume(info.value)

        assert [status] * 4 == [a.status for a in info.value.report.attempts]
        assert 201 == response.status_code

    def test_get(self, shop, client_kind, lost):
        """A read that breaks off is made again, without any key."""
        server, client = shop(client_kind, lost[0])
        with server, client() as session:
            response = session.get("/payments?reference=r")

        assert {"payments": []} == response.json()
        assert [(), ()] == [r.keys for r in server.requests]


class TestTransportDoor:
    @pytest.mark.parametrize("status", [400, 409, 422])
    def test_looked_at(self, shop, transport_kind, status):
        """A body that breaks while its code is looked for is fetched."""
        server, client = shop(transport_kind, cut(status))
        with server, client() as session:
            response = session.post("/payments", json=ORDER)

        assert 201 == response.status_code
        assert [status, 201] == [
            a.status for a in samekey.report(response).attempts
        ]


class TestInTheUsersHands:
    def start(self, session):
        """Send a payment, and take the answer's body by hand."""
        request = session.client.build_request("POST", "/payments", json=ORDER)
        return session.send(request, stream=True)

    def test_own_error(self, shop, kind, lost):
        """A streamed body that breaks raises the library's own error."""
        server, client = shop(kind, lost[0])
        with server, client() as session:
            response = self.start(session)
            with pytest.raises(getattr(kind.module, lost[1])) as info:
                session.read(response)

        assert not isinstance(info.value, samekey.SamekeyError)
        assert 1 == len(server.requests)

    def test_report(self, shop, kind, lost):
        """Its report tells that the server settled it."""
        server, client = shop(kind, lost[0])
        with server, client() as session:
            response = self.start(session)
            before = samekey.report(response)
            with pytest.raises(getattr(kind.module, lost[1])) as info:
                session.read(response)

        report = samekey.report(info.value)
        assert "answered" == before.outcome == report.outcome
        assert [201] == [a.status for a in report.attempts]

    def test_report_names_the_error(self, shop, kind):
        """Its report knows what broke, and a note says that there is one."""
        server, client = shop(kind, Fault.cut())
        with server, client() as session:
            response = self.start(session)
            with pytest.raises(kind.module.RemoteProtocolError) as info:
                session.read(response)

        (attempt,) = samekey.report(info.value).attempts
        assert "RemoteProtocolError" == attempt.error
        assert any("samekey: " in note for note in info.value.__notes__)

    def test_resume(self, shop, client_kind):
        """An answer that broke in the user's hands can be fetched."""
        server, client = shop(client_kind, Fault.cut())
        with server, client() as session:
            response = self.start(session)
            with pytest.raises(client_kind.module.TransportError) as info:
                session.read(response)
            session.read(again := session.resume(info.value))

        assert "succeeded" == again.json()["status"]
        assert 1 == len({r.key for r in server.requests})

    def test_closed_early(self, shop, kind):
        """A body that the user does not want is not a lost one."""
        server, client = shop(kind)
        with server, client() as session:
            response = self.start(session)
            session.call(response.aclose if kind.is_async else response.close)

        report = samekey.report(response)
        assert ["answered", None] == [
            report.outcome,
            report.attempts[0].error,
        ]
