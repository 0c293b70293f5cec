"""
Whether a 2xx is what it should be, and what makes a call another call.

A close-delimited body that is cut short is no failure to httpx; `verify=` asks
for the answer again under the same key.
"""

import json

import pytest

from kinds import KINDS, Kind, fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


GOOD = b'{"id":"pay_1","status":"succeeded"}'
JSON = (("Content-Type", "application/json"),)
HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n"
CUT = Fault.raw(HEAD + GOOD[:20])
"""No Content-Length: the body ends where the connection does."""
PAGE = Fault.status(200, body=b"<html>Welcome</html>", executed=True)
LARGE = 64 * 1024


def succeeded(response):
    """Want a payment that has succeeded."""
    return json.loads(response.content).get("status") == "succeeded"


def parsed(response):
    """Want JSON, in the way of a function."""
    try:
        return isinstance(response.json(), dict)
    except ValueError:
        return False


CHECKS = pytest.mark.parametrize("verify", ["json", parsed], ids=str)


def serve(script=(), body=GOOD):
    return FaultServer(lambda _: Answer(201, headers=JSON, body=body), script)


def open_(kind, server, **terms):
    return kind.open(base_url=server.url, terms=terms)


def keys(server):
    return {received.key for received in server.requests}


class TestAsksAgain:
    """An answer that is not fit is asked for again, under the same key."""

    @CHECKS
    def test_cut(self, kind, verify):
        """A body that was cut short without a sign is fetched again."""
        with serve([CUT, PAGE]) as server:
            with open_(kind, server, verify=verify) as session:
                response = session.post("/x", json={})

        report = samekey.report(response)
        assert GOOD == response.content
        assert 3 == len(server.requests)
        assert {report.key} == keys(server)
        assert samekey.Outcome.ANSWERED == report.outcome
        assert ["DecodingError", "DecodingError", None] == [
            attempt.error for attempt in report.attempts
        ]

    @CHECKS
    def test_all_bad(self, kind, verify):
        """Where no answer is fit, it is settled, and its answer lost."""
        with serve([CUT, PAGE, CUT, PAGE]) as server:
            with open_(kind, server, verify=verify) as session:
                with pytest.raises(samekey.AnswerLost) as caught:
                    session.post("/x", json={})

        assert 4 == len(server.requests)
        assert 1 == len(keys(server))
        assert samekey.Outcome.ANSWERED == caught.value.report.outcome
        assert "attempts" == caught.value.reason

    @CHECKS
    def test_good(self, kind, verify):
        """An answer that is fit is handed out after one request."""
        with serve() as server:
            with open_(kind, server, verify=verify) as session:
                response = session.post("/x", json={})

        assert GOOD == response.content
        assert response.json()
        assert 1 == len(server.requests)

    def test_another_error(self, kind):
        """After an unfit 2xx, an error does not undo that it is settled."""
        script = [CUT, *[Fault.status(503)] * 3]
        with serve(script) as server:
            with open_(kind, server, verify="json") as session:
                with pytest.raises(samekey.AnswerLost):
                    session.post("/x", json={})

        assert 4 == len(server.requests)

    def test_no_check(self, kind):
        """Without verify= the cut body is what the caller gets."""
        with serve([CUT]) as server:
            with open_(kind, server) as session:
                response = session.post("/x", json={})

        assert GOOD[:20] == response.content

    @CHECKS
    def test_unkeyed(self, kind, verify):
        """A GET is asked again just so."""
        with serve([CUT]) as server:
            with open_(kind, server, verify=verify) as session:
                response = session.get("/x")

        assert GOOD == response.content
        assert {None} == keys(server)

    def test_errors_are_not_looked_at(self, kind):
        """Only a 2xx is verified: what a 404 says is the caller's."""
        with serve([Fault.status(404, body=b"<html>")]) as server:
            with open_(kind, server, verify="json") as session:
                response = session.post("/x", json={})

        assert 404 == response.status_code
        assert 1 == len(server.requests)

    @pytest.mark.parametrize("method", ["POST", "HEAD"])
    def test_no_content(self, kind, method):
        """An answer that has no body need not be JSON."""
        script = [Fault.status(204 if method == "POST" else 200)]
        with serve(script) as server:
            with open_(kind, server, verify="json") as session:
                session.request(method, "/x")

        assert 1 == len(server.requests)

    def test_encoded(self, kind):
        """What is verified is the body that the caller will read."""
        import gzip  # noqa: PLC0415

        answer = Answer(
            200,
            headers=(("Content-Encoding", "gzip"),),
            body=gzip.compress(GOOD),
        )
        with FaultServer(lambda _: answer) as server:
            with open_(kind, server, verify=succeeded) as session:
                one = session.post("/x", json={})
            with open_(kind, server, verify="json") as session:
                two = session.post("/x", json={})

        assert [GOOD, GOOD] == [one.content, two.content]
        assert 2 == len(server.requests)

    def test_the_response_is_readable(self, kind):
        """A function sees status, headers, body and request."""
        seen = []

        def verify(response):
            seen.append(
                (
                    response.status_code,
                    response.headers["content-type"],
                    response.json(),
                    response.request.method,
                )
            )
            return True

        with serve() as server:
            with open_(kind, server, verify=verify) as session:
                session.post("/x", json={})

        [one] = seen
        assert (201, "application/json", json.loads(GOOD), "POST") == one


def one_at_a_time(kind, server, verify, **terms):
    """Open a session that has one connection, and does not wait for it."""
    terms.setdefault("policy", fast(attempts=1))
    return kind.open(
        base_url=server.url,
        terms={"verify": verify, **terms},
        transport=kind.transport(limits=kind.module.Limits(max_connections=1)),
        timeout=kind.module.Timeout(5.0, pool=0.1),
    )


class TestTheFunction:
    """What a function of the user's may do."""

    def test_raises(self, kind):
        """What it raises goes up as itself, with the report attached."""
        trouble = LookupError("no such field")

        def verify(response):
            raise trouble

        with serve() as server:
            with open_(kind, server, verify=verify) as session:
                with pytest.raises(LookupError) as caught:
                    session.post("/x", json={})

        report = samekey.report(caught.value)
        assert trouble is caught.value
        assert 1 == len(server.requests)
        assert {report.key} == keys(server)
        assert samekey.Outcome.ANSWERED == report.outcome

    def test_raises_and_lets_go(self, kind):
        """A pool of one is free again after it has raised."""
        answers = iter([False, True])

        def verify(response):
            if not next(answers):
                raise LookupError
            return True

        with serve() as server, one_at_a_time(kind, server, verify) as session:
            with pytest.raises(LookupError) as caught:
                session.post("/x", json={})
            response = session.post("/x", json={})

        assert GOOD == response.content
        assert () == caught.value.args

    def test_lost_and_let_go(self, kind):
        """A pool of one is free again after an answer that was lost."""
        with (
            serve([PAGE]) as server,
            one_at_a_time(kind, server, "json") as session,
        ):
            with pytest.raises(samekey.AnswerLost) as caught:
                session.post("/x", json={})
            response = session.post("/x", json={})

        assert GOOD == response.content
        assert "attempts" == caught.value.reason

    @pytest.mark.parametrize(
        "kind",
        [Kind("httpx", "sync", d) for d in ("client", "transport")],
        ids=str,
    )
    def test_must_not_be_awaited(self, kind):
        """An async function would take every answer, so it is refused."""

        async def verify(response):
            return False

        with serve() as server:
            with open_(kind, server, verify=verify) as session:
                with pytest.raises(
                    TypeError,
                    match=r"^verify must be a plain function, got one that is"
                    r" awaited\nsamekey: answered after 1 attempt.+$",
                ):
                    session.post("/x", json={})

        assert 1 == len(server.requests)


BELOW = [
    kind
    for kind in KINDS
    if kind.door == "transport" and kind.flavour != "trio"
]


class TestLargeBodies:
    """Below a client, a body is not held for long."""

    @pytest.mark.parametrize("kind", BELOW, ids=str)
    @pytest.mark.parametrize(
        ("size", "requests"), [(LARGE, 2), (LARGE + 1, 1)]
    )
    def test_limit(self, kind, size, requests):
        """Over 64 KiB it is handed out unlooked."""
        body = b"x" * size
        with serve([Fault.status(200, body=body)]) as server:
            with open_(kind, server, verify="json") as session:
                response = session.post("/x", json={})

        assert requests == len(server.requests)
        assert (GOOD if requests == 2 else body) == response.content

    def test_above(self):
        """A client that has read the body anyway looks at all of it."""
        with serve([Fault.status(200, body=b"x" * 200_000)]) as server:
            kind = Kind("httpx", "sync", "client")
            with open_(kind, server, verify="json") as session:
                response = session.post("/x", json={})

        assert 2 == len(server.requests)
        assert GOOD == response.content

    @pytest.mark.parametrize("kind", BELOW, ids=str)
    def test_breaks(self, kind):
        """A body that breaks while it is looked at is asked for again."""
        with serve([Fault.cut(5)]) as server:
            with open_(kind, server, verify="json") as session:
                response = session.post("/x", json={})

        assert GOOD == response.content
        assert 2 == len(server.requests)


def call(session, body, operation="order-1", **options):
    return session.post("/x", json=body, operation=operation, **options)


class TestFingerprint:
    """Which fields do not make a call another call."""

    def test_pointers(self, kind):
        """Two calls that differ in a volatile field alone are one."""
        terms = {"fingerprint": ["/meta/sent", "/trace"]}
        with serve() as server:
            with open_(kind, server, **terms) as session:
                call(session, {"a": 1, "trace": 1, "meta": {"sent": 1}})
                call(session, {"a": 1, "meta": {"sent": 2}})
                for other in (
                    {"a": 2, "meta": {"sent": 1}},
                    {"a": 1, "meta": {"sent": 1, "b": 1}},
                    {"a": 1, "meta": 1},
                ):
                    with pytest.raises(samekey.OperationChanged):
                        call(session, other)

        assert 2 == len(server.requests)
        assert 1 == len(keys(server))

    def test_pointers_into_lists(self, kind):
        """A pointer goes through lists, as in RFC 6901."""
        terms = {"fingerprint": ["/items/1/sent", "/tags/0"]}
        with serve() as server:
            with open_(kind, server, **terms) as session:
                call(session, self.body(1, 1, 1))
                call(session, self.body(2, 2, 1))
                with pytest.raises(samekey.OperationChanged):
                    call(session, self.body(1, 1, 2))

        assert 2 == len(server.requests)

    def body(self, sent, tag, other):
        return {
            "items": [{"sent": other}, {"sent": sent}],
            "tags": [tag, other],
        }

    @pytest.mark.parametrize("kind_of", [bytes, str])
    def test_function(self, kind, kind_of):
        """A function says what the call is."""

        def what(request):
            amount = str(json.loads(request.content)["amount"])
            return amount.encode() if kind_of is bytes else amount

        with serve() as server:
            with open_(kind, server, fingerprint=what) as session:
                call(session, {"amount": 5, "sent": 1})
                call(session, {"amount": 5, "sent": 2})
                with pytest.raises(samekey.OperationChanged):
                    call(session, {"amount": 6, "sent": 1})

        assert 2 == len(server.requests)

    @pytest.mark.parametrize("said", [None, 5, bytearray(b"a")], ids=repr)
    def test_wrong_type(self, kind, said):
        """A function that gives neither bytes nor a str is refused."""
        with serve() as server:
            with open_(kind, server, fingerprint=lambda _: said) as session:
                with pytest.raises(
                    TypeError,
                    match=r"^fingerprint must give bytes or a str, got"
                    rf" {type(said).__name__}$",
                ):
                    call(session, {})

        assert [] == server.requests

    def test_not_asked(self, kind):
        """Where nothing is named there is nothing to compare."""
        with serve() as server:
            with open_(
                kind, server, fingerprint=lambda request: 1 / 0
            ) as session:
                response = session.post("/x", json={})

        assert 201 == response.status_code
