"""Auth flows run for each attempt; the key is fixed before they sign."""

from __future__ import annotations

import hashlib

import pytest

from authlib.integrations.httpx_client import (
    AsyncOAuth1Client,
    AsyncOAuth2Client,
    OAuth1Client,
    OAuth2Client,
)
from kinds import FAST, Kind, full

import samekey

from samekey.testing import Answer, Fault, FaultServer


def ok(received):
    return Answer(201, body=b"{}")


def digest(received):
    if received.header("authorization") is None:
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        return Answer(401, headers=(("WWW-Authenticate", challenge),))
    return Answer(201, body=b"{}")


def test_digest_is_two_sends_and_one_key(kind):
    """A Digest login sends twice, and both carry the same key."""
    auth = kind.module.DigestAuth("u", "p")
    with (
        FaultServer(digest) as server,
        kind.open(base_url=server.url, auth=auth) as session,
    ):
        response = session.post("/x", json={"a": 1})

        assert response.status_code == 201
        assert len(server.requests) == 2
        assert len({r.key for r in server.requests}) == 1
        assert server.requests[0].key is not None


def test_digest_over_a_lost_answer(client_kind):
    """A retry signs afresh, under the same key."""
    auth = client_kind.module.DigestAuth("u", "p")
    script = [None, Fault.lose_answer()]
    with (
        FaultServer(digest, script) as server,
        client_kind.open(base_url=server.url, auth=auth) as session,
    ):
        response = session.post("/x", json={"a": 1})

        report = samekey.report(response)
        signed = [r.header("authorization") for r in server.requests]
        assert [a.verdict for a in report.attempts] == ["UNKNOWN", "ANSWERED"]
        assert len({r.key for r in server.requests}) == 1
        assert signed[1] != signed[2]


def signer(kind, signed):
    class Signer(kind.module.Auth):
        requires_request_body = True

        def auth_flow(self, request):
            text = request.headers["Idempotency-Key"].encode()
            signed.append("Signature" in request.headers)
            request.headers["Signature"] = hashlib.sha256(
                text + request.content
            ).hexdigest()
            yield request

    return Signer()


def test_each_attempt_is_signed_afresh(client_kind):
    """A signer sees the key, and no signature of an earlier attempt."""
    signed = []
    with (
        FaultServer(ok, [Fault.lose_answer()]) as server,
        client_kind.open(
            base_url=server.url, auth=signer(client_kind, signed)
        ) as session,
    ):
        session.post("/x", json={"a": 1})

        assert signed == [False, False]
        for received in server.requests:
            assert (
                received.header("signature")
                == hashlib.sha256(
                    (received.key or "").encode() + received.body
                ).hexdigest()
            )


def test_an_auth_flow_that_makes_a_new_request_is_heard(client_kind):
    """A flow may send a request of its own making that asks for the same."""
    module = client_kind.module

    class Remake(module.Auth):
        def auth_flow(self, request):
            yield module.Request(
                request.method,
                request.url,
                headers={**request.headers, "Authorization": "token"},
                content=b"{}",
            )

    with (
        FaultServer(ok, [Fault.lose_answer()]) as server,
        client_kind.open(base_url=server.url, auth=Remake()) as session,
    ):
        response = session.post("/x", json={})

        assert samekey.report(response).attempts[0].verdict == "UNKNOWN"
        assert len({r.key for r in server.requests}) == 1


def test_an_auth_flow_that_fetches_a_token_is_not_the_operation(client_kind):
    """A token request inside a flow is not listened to as ours."""
    module = client_kind.module

    def handle(received):
        if received.target == "/token":
            return Answer(200, body=b"secret")
        return Answer(201, body=b"{}")

    with FaultServer(handle) as server:

        class Fetch(module.Auth):
            requires_response_body = True

            def auth_flow(self, request):
                answer = yield module.Request("GET", server.url + "/token")
                request.headers["Authorization"] = answer.text
                yield request

        with client_kind.open(base_url=server.url) as session:
            response = session.post("/x", json={}, auth=Fetch())

        assert response.status_code == 201
        assert [r.key is None for r in server.requests] == [True, False]
        assert len(samekey.report(response).attempts) == 1


def test_auth_none_switches_the_clients_auth_off(client_kind):
    """auth=None of a call is obeyed."""
    with (
        FaultServer(ok) as server,
        client_kind.open(base_url=server.url, auth=("u", "p")) as session,
    ):
        session.post("/x", json={}, auth=None)
        session.post("/x", json={})

        sent = [r.header("authorization") is None for r in server.requests]
        assert sent == [True, False]


@pytest.mark.parametrize("flavour", ["sync", "asyncio", "trio"])
def test_authlib_oauth2_goes_on_signing(flavour):
    """authlib's OAuth2 client is wrapped and sends its token and one key."""
    cls = OAuth2Client if flavour == "sync" else AsyncOAuth2Client
    token = {"access_token": "t", "token_type": "bearer", "expires_in": 3600}
    with FaultServer(ok, [Fault.lose_answer()]) as server:
        client = samekey.wrap(
            cls("id", "secret", token=token, base_url=server.url),
            policy=FAST,
            budget=full(),
        )
        library = type(client).__mro__[3].__module__.partition(".")[0]
        with Kind(library, flavour, "client").over(client) as session:
            response = session.post("/x", json={}, operation="o-1")

        assert response.status_code == 201
        assert isinstance(client, cls)
        assert len({r.key for r in server.requests}) == 1
        assert {r.header("authorization") for r in server.requests} == {
            "Bearer t"
        }


@pytest.mark.parametrize("flavour", ["sync", "asyncio", "trio"])
def test_authlib_oauth1_signs_a_request_of_its_own(flavour):
    """OAuth1 rebuilds the request for each attempt, the key stays."""
    cls = OAuth1Client if flavour == "sync" else AsyncOAuth1Client
    with FaultServer(ok, [Fault.lose_answer()]) as server:
        client = samekey.wrap(
            cls("id", "secret", base_url=server.url),
            policy=FAST,
            budget=full(),
        )
        library = type(client).__mro__[3].__module__.partition(".")[0]
        with Kind(library, flavour, "client").over(client) as session:
            response = session.post("/x", data={"a": "1"}, operation="o-1")

        signed = [r.header("authorization") for r in server.requests]
        assert response.status_code == 201
        assert len({r.key for r in server.requests}) == 1
        assert signed[0] != signed[1]
