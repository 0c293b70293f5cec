"""
Case 6: a body cut off in mid-read is retried under the same key.

The head said 201, so the payment was made; what is missing is the answer. A
client that retries only until the head arrives loses it, and one that takes
the torn body for the answer loses it without noticing.
"""

import gc

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
CUTS = {
    "closed": Fault.cut(10),
    "before the body": Fault.cut(0),
    "reset": Fault.cut(10, reset=True),
    "stalled": Fault.cut(10, stall=True),
    "chunked": Fault.raw(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5\r\n{"pay\r\n'
    ),
    "not gzip": Fault.raw(
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 4\r\n\r\nnope"
    ),
}

# httpx leaves its own generators to the garbage collector when a body cannot
# be decoded, and trio minds.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Async generator:ResourceWarning"
)


@pytest.fixture
def tidy():
    """Collect what is left while its warnings are still expected."""
    yield
    gc.collect()


def check_whole(response, server):
    """Check that the whole answer was read, and one charge made."""
    assert 201 == response.status_code
    assert "succeeded" == response.json()["status"]
    assert 1 == len({request.key for request in server.requests})


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_torn_answer_is_fetched_again(client_kind, cut, tidy):
    """A body that breaks is asked for again, under the same key."""
    with (
        PaymentServer([cut]) as server,
        client_kind.open(base_url=server.url, timeout=0.2) as session,
    ):
        response = session.post("/payments", json=ORDER)
        charges = server.app.charges("order-1")

    first, second = samekey.report(response).attempts
    check_whole(response, server)
    assert 1 == charges
    assert 2 == len(server.requests)
    assert samekey.Verdict.ANSWERED == first.verdict
    assert 201 == first.status
    assert first.error is not None
    assert second.error is None


@pytest.mark.parametrize("cut", ["closed", "reset", "not gzip"])
def test_an_answer_lost_for_good_is_no_doubt(client_kind, cut, tidy):
    """A 201 whose body never comes whole is AnswerLost; resume fetches it."""
    terms = {"policy": fast(attempts=2)}
    with (
        PaymentServer([CUTS[cut]] * 2) as server,
        client_kind.open(base_url=server.url, terms=terms) as session,
    ):
        with pytest.raises(samekey.AnswerLost) as caught:
            session.post("/payments", json=ORDER)
        response = session.resume(caught.value)
        charges = server.app.charges("order-1")

    check_whole(response, server)
    assert 1 == charges
    assert 3 == len(server.requests)
    assert samekey.Outcome.ANSWERED == caught.value.report.outcome
    module = client_kind.module
    assert isinstance(
        caught.value, (module.TransportError, module.DecodingError)
    )


def test_a_body_that_breaks_in_the_users_hands_is_named(kind):
    """Where nobody can retry it, the error has the report, and the key."""
    with (
        PaymentServer([CUTS["closed"]]) as server,
        kind.open(base_url=server.url) as session,
    ):
        request = session.client.build_request(
            "POST",
            "/payments",
            json=ORDER,
            extensions={"samekey": {"operation": "order-1/charge"}},
        )
        with pytest.raises(kind.module.RemoteProtocolError) as caught:
            session.read(session.send(request, stream=True))
        report = samekey.report(caught.value)
        response = session.post(
            "/payments", json=ORDER, operation="order-1/charge"
        )
        charges = server.app.charges("order-1")

    check_whole(response, server)
    assert 1 == charges
    assert samekey.Outcome.ANSWERED == report.outcome
    assert server.requests[0].key == report.key
    assert "samekey: answered" in caught.value.__notes__[0]


def test_a_torn_error_page_is_retried_as_its_status_says(client_kind):
    """A 503 whose body breaks is a 503."""
    torn = Fault.raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nwait")
    with (
        PaymentServer([torn]) as server,
        client_kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    check_whole(response, server)
    assert 503 == samekey.report(response).attempts[0].status


class TestTheChecker:
    """The check above sees the peers' mistakes."""

    def test_reports_a_retry_that_ends_at_the_head(self):
        """A torn body taken for the answer is reported."""
        with (
            PaymentServer([CUTS["closed"]]) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            headers = {"Idempotency-Key": "key-of-order-1"}
            request = client.build_request(
                "POST", "/payments", json=ORDER, headers=headers
            )
            response = client.send(request, stream=True)
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
            torn = httpx.Response(response.status_code, content=b'{"payment')

        with pytest.raises(ValueError, match=r"^Unterminated string .+$"):
            check_whole(torn, server)
