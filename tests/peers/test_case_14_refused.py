"""
Case 14: a refused connection is retried, for POST too and without a key.

Nothing was sent, so nothing can happen twice. Layers that go by the method, or
by whether there is a key, give up on the safest failure there is.
"""

import http.server
import socketserver
import threading

import httpx
import pytest

from kinds import fast

import samekey


class Once(http.server.BaseHTTPRequestHandler):
    """Note the request, and answer that it is done."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        key = self.headers.get("Idempotency-Key")
        self.server.seen.append((self.command, key))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = answer  # noqa: N815

    def log_message(self, *args):
        """Say nothing."""


class LateServer(socketserver.ThreadingTCPServer):
    """Has an address from the start; refuses connections until `wake`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Once, bind_and_activate=False)
        self.server_bind()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen = []
        self.thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def wake(self, state):
        """Accept connections from now on: a wait strategy that takes none."""
        if 2 == state.attempt_number:
            self.server_activate()
            self.thread.start()
        return 0.0

    def __exit__(self, *exc_info):
        if self.thread.is_alive():
            self.shutdown()
            self.thread.join()
        super().__exit__(*exc_info)


def check_got_through(server, call):
    """Check that *call* was patient, and was executed once."""
    try:
        response = call()
    except (httpx.TransportError, samekey.GaveUp) as exc:
        msg = "it gave up on a refused connection"
        raise AssertionError(msg) from exc
    assert 200 == response.status_code
    assert 1 == len(server.seen), server.seen


def check_history(report):
    """Check that two refusals, and then an answer, are on record."""
    verdicts = [attempt.verdict for attempt in report.attempts]
    assert ["NOT_SENT", "NOT_SENT", "ANSWERED"] == verdicts
    assert ["ConnectError"] * 2 == [a.error for a in report.attempts[:2]]


CALLS = {
    "post": ("POST", {"json": {"amount": 500}}),
    "token": ("POST", {"data": {"grant_type": "refresh_token"}}),
    "put": ("PUT", {"json": {"amount": 500}}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_connection_is_tried_again(kind, name):
    """POST, PUT or GET, with a key or without: it gets through."""
    method, options = CALLS[name]
    with LateServer() as server:
        terms = {"policy": samekey.RetryPolicy(wait=server.wake)}
        with kind.open(base_url=server.url, terms=terms) as session:
            responses = []

            def call():
                responses.append(session.request(method, "/x", **options))
                return responses[-1]

            check_got_through(server, call)

    report = samekey.report(responses[0])
    check_history(report)
    assert [(method, report.key)] == server.seen
    assert (report.key is not None) == ("post" == name)


def test_a_host_nobody_vouched_for_is_tried_again(kind):
    """What was never sent needs nobody's word that keys are kept."""
    with LateServer() as server:
        terms = {
            "policy": samekey.RetryPolicy(wait=server.wake),
            "origins": ["https://api.example.com"],
        }
        with kind.open(terms=terms) as session:
            check_got_through(
                server, lambda: session.post(f"{server.url}/x", json={})
            )


def test_a_dead_server_is_known_to_have_done_nothing(kind):
    """When all attempts were refused, it was not executed, for sure."""
    with (
        LateServer() as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.NotExecuted) as caught,
    ):
        session.post("/x", json={}, operation="order-1/charge")

    report = caught.value.report
    assert isinstance(caught.value, kind.module.ConnectError)
    assert "attempts" == caught.value.reason
    assert ["NOT_SENT"] * 4 == [a.verdict for a in report.attempts]
    assert samekey.Outcome.NOT_EXECUTED == report.outcome


def test_refused_connections_draw_on_the_budget(kind):
    """A dead server is not knocked at by everyone at full rate."""
    terms = {
        "policy": fast(attempts=50),
        "budget": samekey.RetryBudget(capacity=2, start=2),
    }
    with (
        LateServer() as server,
        kind.open(base_url=server.url, terms=terms) as session,
        pytest.raises(samekey.NotExecuted) as caught,
    ):
        session.post("/x", json={})

    assert "budget" == caught.value.reason
    assert 3 == len(caught.value.report.attempts)


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_loop_that_goes_by_the_method(self):
        """A loop that retries only GET and PUT is reported."""
        with LateServer() as server, httpx.Client(trust_env=False) as client:

            def call():
                for _ in range(3):
                    try:
                        return client.post(server.url, json={})
                    except httpx.ConnectError as exc:
                        if exc.request.method not in {"GET", "PUT"}:
                            raise
                return None

            with pytest.raises(AssertionError, match=r"^it gave up on a .+$"):
                check_got_through(server, call)
