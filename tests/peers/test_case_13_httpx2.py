"""
Case 13: httpx2 is no second-class client.

The two libraries share no classes. A layer built on one answers the other with
a bare AssertionError, or with exceptions that no handler of the caller catches.
"""

import subprocess
import sys
import textwrap

import httpx
import httpx2
import pytest

from kinds import fast

import samekey
import samekey.httpx2

from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
OTHER = {"httpx": httpx2, "httpx2": httpx}


def check_family(library, value, name):
    """Check that *value* is *library*'s, and not the other one's."""
    ours, theirs = sys.modules[library], OTHER[library]
    assert isinstance(value, getattr(ours, name))
    assert not isinstance(value, getattr(theirs, name))


def test_what_comes_back_is_the_librarys_own(kind):
    """Client, response and request are of the library that was wrapped."""
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        kind.open(base_url=server.url) as session,
    ):
        response = session.post("/payments", json=ORDER)

    client = "AsyncClient" if kind.is_async else "Client"
    check_family(kind.library, session.client, client)
    check_family(kind.library, response, "Response")
    check_family(kind.library, response.request, "Request")
    assert 201 == response.status_code


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.lose_answer(), "RemoteProtocolError"),
        (Fault.lose_answer(reset=True), "ReadError"),
        (Fault.stall(), "ReadTimeout"),
    ],
    ids=["closed", "reset", "silence"],
)
def test_what_is_raised_is_the_librarys_own(kind, fault, error):
    """A handler for the library's exceptions catches ours."""
    policy = fast(attempts=1)
    with (
        PaymentServer([fault]) as server,
        kind.open(
            base_url=server.url, terms={"policy": policy}, timeout=0.2
        ) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    check_family(kind.library, caught.value, error)
    check_family(kind.library, caught.value.request, "Request")
    assert 1 == len(server.requests)


def test_a_status_is_raised_as_the_librarys_own(client_kind):
    """A 503 at the end is an HTTPStatusError of the library."""
    policy = fast(attempts=1)
    with (
        PaymentServer([Fault.status(503)]) as server,
        client_kind.open(
            base_url=server.url, terms={"policy": policy}
        ) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.post("/payments", json=ORDER)

    check_family(client_kind.library, caught.value, "HTTPStatusError")
    check_family(client_kind.library, caught.value.response, "Response")


@pytest.mark.parametrize(
    ("client", "library"),
    [(samekey.Client, "httpx"), (samekey.httpx2.Client, "httpx2")],
    ids=["httpx", "httpx2"],
)
def test_there_is_a_client_for_each_library(client, library):
    """`samekey.Client` is httpx's, `samekey.httpx2.Client` is httpx2's."""
    with (
        PaymentServer([Fault.lose_answer()]) as server,
        client(base_url=server.url, policy=fast(), trust_env=False) as session,
    ):
        response = session.post("/payments", json=ORDER)

    check_family(library, session, "Client")
    check_family(library, response, "Response")
    assert 2 == len(server.requests)


PROGRAM = """
import sys
import {ours}
import samekey
import samekey.testing
import tenacity

with samekey.testing.PaymentServer(
    [samekey.testing.Fault.lose_answer(), samekey.testing.Fault.status(503)]
) as server:
    plain = {ours}.Client(base_url=server.url, trust_env=False)
    policy = samekey.RetryPolicy(wait=tenacity.wait_none())
    with samekey.wrap(plain, policy=policy) as client:
        response = client.post("/payments", json={{"amount": 1, "card": "t"}})
        samekey.Transport({ours}.HTTPTransport()).close()

assert response.status_code == 201, response
assert len(server.requests) == 3, server.requests
loaded = sorted(n for n in sys.modules if n.partition(".")[0] == "{theirs}")
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    ("ours", "theirs"), [("httpx", "httpx2"), ("httpx2", "httpx")]
)
def test_the_other_library_is_never_loaded(ours, theirs):
    """Who uses one of the two need not have the other."""
    program = textwrap.dedent(PROGRAM.format(ours=ours, theirs=theirs))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
    )

    assert "" == done.stderr
    assert 0 == done.returncode


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_response_of_the_other_library(self):
        """An answer made of the wrong classes is reported."""
        with pytest.raises(AssertionError):
            check_family("httpx2", httpx.Response(201), "Response")
