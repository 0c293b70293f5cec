"""
Errors of the user's own code inside a send: hooks, auth flows, bodies.

They go up as they are, at once. An httpx error among them is not taken for the
network's, whatever its class.
"""

from __future__ import annotations

import pytest

from faults_support import HOST, Counter, closed_port, opened

import samekey

from samekey.testing import Fault, FaultServer


@pytest.fixture
def app():
    """Count what is executed."""
    return Counter()


def hooks(kind, when, function):
    """Make the options of a client with one event hook."""

    async def afunction(value):
        function(value)

    hook = afunction if kind.is_async else function
    return {"event_hooks": {when: [hook]}}


def raise_for_status(kind):
    """Make the options of a client that raises for every bad status."""
    return hooks(kind, "response", lambda r: r.raise_for_status())


class TestResponseHooks:
    @pytest.mark.parametrize("name", ["ReadError", "InvalidURL"])
    def test_own_error(self, app, client_kind, name):
        """An error of a response hook goes up at once, as it is."""
        mine = getattr(client_kind.module, name)("hook")

        def hook(response):
            raise mine

        hooked = hooks(client_kind, "response", hook)
        with (
            FaultServer(app) as server,
            opened(client_kind, base_url=server.url, **hooked) as session,
            pytest.raises(type(mine)) as info,
        ):
            session.post("/pay")

        report = samekey.report(info.value)
        assert mine is info.value
        assert ["answered", 201] == [report.outcome, report.attempts[0].status]
        assert 1 == app.executed

    def test_status_is_retried(self, app, client_kind):
        """A hook that raises for a 503 does not prevent its retry."""
        script = [Fault.status(503)]
        raising = raise_for_status(client_kind)
        with (
            FaultServer(app, script) as server,
            opened(client_kind, base_url=server.url, **raising) as session,
        ):
            response = session.post("/pay")

        assert 201 == response.status_code
        assert [503, 201] == [
            a.status for a in samekey.report(response).attempts
        ]
        assert 1 == len({r.key for r in server.requests})

    def test_status_in_doubt(self, app, client_kind):
        """Statuses that stay doubtful end in doubt, hook or no hook."""
        script = [Fault.status(503, executed=True)] * 4
        raising = raise_for_status(client_kind)
        with (
            FaultServer(app, script) as server,
            opened(client_kind, base_url=server.url, **raising) as session,
            pytest.raises(samekey.InDoubt) as info,
        ):
            session.post("/pay")

        assert isinstance(info.value, client_kind.module.HTTPStatusError)
        assert 503 == info.value.response.status_code
        assert 4 == len(info.value.report.attempts)

    def test_definite_status(self, app, client_kind):
        """A hook's error for a 404 goes up as it is; it was an answer."""
        raised = []

        def hook(response):
            try:
                response.raise_for_status()
            except client_kind.module.HTTPStatusError as exc:
                raised.append(exc)
                raise

        hooked = hooks(client_kind, "response", hook)
        with (
            FaultServer(app, [Fault.status(404)]) as server,
            opened(client_kind, base_url=server.url, **hooked) as session,
            pytest.raises(client_kind.module.HTTPStatusError) as info,
        ):
            session.post("/pay")

        report = samekey.report(info.value)
        assert raised == [info.value]
        assert ["answered", 404] == [report.outcome, report.attempts[0].status]
        assert 1 == len(server.requests)


class TestRequestHooks:
    @pytest.mark.parametrize("name", ["ValueError", "ConnectError"])
    def test_goes_up(self, app, client_kind, name):
        """An error of a request hook goes up at once, whatever its class."""
        known = {
            "ValueError": ValueError("hook"),
            "ConnectError": client_kind.module.ConnectError("hook"),
        }
        failing = [known[name]]

        def hook(request):
            if failing:
                raise failing[0]

        hooked = hooks(client_kind, "request", hook)
        with (
            FaultServer(app) as server,
            opened(client_kind, base_url=server.url, **hooked) as session,
        ):
            with pytest.raises(type(known[name])) as info:
                session.post("/pay")
            failing.clear()
            response = session.post("/pay")

        assert known[name] is info.value
        assert 1 == len(samekey.report(info.value).attempts)
        assert not isinstance(info.value, samekey.SamekeyError)
        assert 201 == response.status_code
        assert 1 == len(server.requests)


class TestAuth:
    @pytest.mark.parametrize("answers", [0, 1])
    def test_own_connect_error(self, app, client_kind, answers):
        """A ConnectError of an auth flow is not the request's own."""
        module = client_kind.module
        mine = module.ConnectError("token server")

        class Failing(module.Auth):
            def auth_flow(self, request):
                for _ in range(answers):
                    yield request
                raise mine

        with (
            FaultServer(app, [Fault.status(401)]) as server,
            opened(client_kind, base_url=server.url) as session,
            pytest.raises(module.ConnectError) as info,
        ):
            session.post("/pay", auth=Failing())

        report = samekey.report(info.value)
        assert mine is info.value
        assert answers == len(server.requests)
        assert 1 == len(report.attempts)
        assert "not_executed" != report.outcome

    def test_real_connect_error(self, client_kind):
        """The request's own ConnectError is retried, auth or no auth."""
        module = client_kind.module
        ran = []

        class Counting(module.Auth):
            def auth_flow(self, request):
                ran.append(request)
                yield request

        url = f"http://{HOST}:{closed_port()}"
        with (
            opened(client_kind, base_url=url) as session,
            pytest.raises(samekey.NotExecuted) as info,
        ):
            session.post("/pay", auth=Counting())

        assert isinstance(info.value, module.ConnectError)
        assert 4 == len(ran) == len(info.value.report.attempts)


class TestBodies:
    def test_own_read_error(self, app, client_kind):
        """A body that cannot be made is not sent, whatever it raises."""
        mine = client_kind.module.ReadError("the upload's own source")

        def parts():
            yield b"begun"
            raise mine

        async def aparts():
            yield b"begun"
            raise mine

        body = aparts() if client_kind.is_async else parts()
        with (
            FaultServer(app) as server,
            opened(client_kind, base_url=server.url) as session,
            pytest.raises(client_kind.module.ReadError) as info,
        ):
            session.post("/pay", content=body)

        assert mine is info.value
        assert "not_executed" == samekey.report(info.value).outcome
        assert [] == server.requests
