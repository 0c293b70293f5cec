"""
What each class of API does under one key, over real sockets.

The servers are scripts of what the vendors' documents describe. Each test
looks at the outcome, at how many requests there were, and at the key that the
server saw.
"""

import json

import attrs
import pytest

from kinds import Kind, fast, full

import samekey

from samekey.testing import Answer, Fault, FaultServer


JSON = (("Content-Type", "application/json"),)
MADE = b'{"id":"obj_1"}'
HEADER = "idempotency-key"


def says(status, body, *headers, executed=False):
    """Answer *status* with a JSON *body*."""
    return Fault.status(
        status,
        body=json.dumps(body).encode(),
        headers=[*JSON, *headers],
        executed=executed,
    )


MARKED = ("Idempotent-Replayed", "true")


@attrs.frozen
class Told:
    """What a caller has learnt, however it was told."""

    report: object = attrs.field(repr=False)
    status: int | None = None
    raised: str | None = None
    reason: str | None = None


def run(kind, profile, script, *, key=HEADER, **terms):
    """Pay once through *kind*, against a server that follows *script*."""
    terms.setdefault("policy", fast())
    terms["profile"] = profile
    with (
        FaultServer(
            lambda _: Answer(201, headers=JSON, body=MADE), script
        ) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        try:
            response = session.post("/x", json={"amount": 5})
            told = Told(samekey.report(response), response.status_code)
        except samekey.SamekeyError as exc:
            name = next(
                name
                for name in ("InDoubt", "KeyReused", "AnswerLost")
                if isinstance(exc, getattr(samekey, name))
            )
            told = Told(
                samekey.report(exc),
                raised=name,
                reason=getattr(exc, "reason", None),
            )
    keys = [key_of(received, key) for received in server.requests]
    assert {told.report.key} == set(keys)
    return told, len(keys)


def key_of(received, name):
    """Find the key: in a header, or at a JSON pointer's name."""
    if name.startswith("/"):
        return json.loads(received.body)[name[1:]]
    return received.header(name)


def outcome(told):
    return told.report.outcome.value


class TestAfterA500:
    """What the same key gets after a 5xx."""

    def test_replays_with_a_mark(self, kind):
        """Stripe replays its 500 and says so: nobody asks a third time."""
        error = {"error": {"type": "api_error"}}
        script = [
            says(500, error, executed=True),
            says(500, error, MARKED),
        ]

        told, requests = run(kind, "stripe_v1", script)

        assert 2 == requests
        assert "in_doubt" == outcome(told)
        assert "server" == told.report.replayed
        self.check_doubt(kind, told, "replayed_error")

    def test_replays_without_a_mark(self, kind):
        """Adyen replays its 500 unmarked: a second like one is the same."""
        script = [says(500, {}, executed=True), says(500, {}), says(500, {})]

        told, requests = run(kind, "adyen", script)

        assert 2 == requests
        assert "in_doubt" == outcome(told)
        self.check_doubt(kind, told, "replayed_error")

    def check_doubt(self, kind, told, reason):
        if kind.door == "client":
            assert ("InDoubt", reason) == (told.raised, told.reason)
        else:  # an SDK reads the status by itself
            assert 500 == told.status

    def test_executes(self, kind):
        """Checkout.com runs the same key anew: the retry gets a success."""
        script = [says(500, {})]

        told, requests = run(
            kind, "checkout_com", script, key="cko-idempotency-key"
        )

        assert (201, 2, "answered") == (told.status, requests, outcome(told))

    @pytest.mark.parametrize(
        ("profile", "key"),
        [("stripe_v2", HEADER), ("antom", "/paymentRequestId")],
    )
    def test_resumes(self, kind, profile, key):
        """An API that drives the work to its end is asked until it has."""
        script = [says(500, {}, executed=True), says(502, {})]

        told, requests = run(kind, profile, script, key=key)

        assert (201, 3, "answered") == (told.status, requests, outcome(told))

    def test_locks(self, kind):
        """Dwolla's 409 after a 500 is a locked key: in doubt, no loop."""
        locked = says(409, {"code": "DuplicateRequest"})
        script = [says(500, {}, executed=True), *[locked] * 9]

        told, requests = run(kind, "dwolla", script, policy=fast(deadline=1.0))

        assert 2 == requests
        assert ("InDoubt", "locked") == (told.raised, told.reason)
        assert "in_doubt" == outcome(told)


class TestAlreadyDone:
    """A conflict that is a success."""

    def test_with_the_resource(self, kind):
        """GoCardless answers a retry with a 409 that names the resource."""
        conflict = {
            "error": {
                "code": 409,
                "type": "invalid_state",
                "errors": [
                    {
                        "reason": "idempotent_creation_conflict",
                        "links": {"conflicting_resource_id": "PM123"},
                    }
                ],
            }
        }
        script = [Fault.lose_answer(), says(409, conflict)]

        told, requests = run(kind, "gocardless", script)

        assert (409, 2, "answered") == (told.status, requests, outcome(told))
        assert told.report.already_done
        assert "PM123" == told.report.resource_id

    def test_without(self, kind):
        """Interchecks answers a retry with a bare 409."""
        script = [Fault.lose_answer(), Fault.status(409)]

        told, requests = run(kind, "interchecks", script)

        assert (409, 2, "answered") == (told.status, requests, outcome(told))
        assert told.report.already_done
        assert told.report.resource_id is None


IN_FLIGHT = {
    "409-code": (
        "stripe_v1",
        says(409, {"error": {"code": "idempotency_key_in_use"}}),
    ),
    "409": ("ppro", Fault.status(409)),
    "409-name": (
        "resend",
        says(409, {"name": "concurrent_idempotent_requests"}),
    ),
    "422-code": ("adyen", says(422, {"errorCode": "704"})),
    "423": ("mercado_pago", Fault.status(423)),
}
SYNC = Kind("httpx", "sync", "client")
NAMES = {
    "ppro": "request-idempotency-key",
    "mercado_pago": "x-idempotency-key",
}


class TestInFlight:
    """The first request is still running."""

    @pytest.mark.parametrize(
        ("profile", "fault"), IN_FLIGHT.values(), ids=[*IN_FLIGHT]
    )
    def test_no_time(self, kind, profile, fault):
        """With no time to poll it is in doubt."""
        told, requests = run(
            kind,
            profile,
            [fault],
            key=NAMES.get(profile, HEADER),
            policy=fast(deadline=0.4),
        )

        assert 1 == requests
        assert ("InDoubt", "in_flight") == (told.raised, told.reason)

    @pytest.mark.parametrize(
        ("profile", "fault"), IN_FLIGHT.values(), ids=[*IN_FLIGHT]
    )
    def test_polled(self, profile, fault):
        """With time it is polled, and the answer is returned."""
        told, requests = run(
            SYNC,
            profile,
            [fault],
            key=NAMES.get(profile, HEADER),
            policy=fast(attempts=1),
        )

        assert (201, 2, "answered") == (told.status, requests, outcome(told))

    def test_102(self, kind):
        """
        A 102 of Interchecks never reaches a client that speaks by h11.

        It is an interim answer, which h11 passes over; the final one counts.
        """
        head = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
        script = [Fault.raw(b"HTTP/1.1 102 Processing\r\n\r\n" + head)]

        told, requests = run(kind, "interchecks", script)

        assert (201, 1, "answered") == (told.status, requests, outcome(told))
        assert [201] == [one.status for one in told.report.attempts]

    def test_102_alone(self, kind):
        """A 102 with nothing after it is an answer that was lost."""
        script = [Fault.raw(b"HTTP/1.1 102 Processing\r\n\r\n")]

        told, requests = run(kind, "interchecks", script)

        assert (201, 2, "answered") == (told.status, requests, outcome(told))
        first, _ = told.report.attempts
        assert (None, samekey.Verdict.UNKNOWN) == (first.status, first.verdict)


MISMATCH = {
    "400-stripe": (
        "stripe_v1",
        HEADER,
        says(400, {"error": {"type": "idempotency_error"}}),
        None,
    ),
    "400-square": (
        "square",
        "/idempotency_key",
        says(400, {"errors": [{"code": "IDEMPOTENCY_KEY_REUSED"}]}),
        None,
    ),
    "409-increase": (
        "increase",
        HEADER,
        says(
            409,
            {
                "type": "idempotency_key_already_used_error",
                "resource_id": "transfer_9",
            },
        ),
        "transfer_9",
    ),
    "409-resend": (
        "resend",
        HEADER,
        says(409, {"name": "invalid_idempotent_request"}),
        None,
    ),
    "422-coinbase": (
        "coinbase_cdp",
        "x-idempotency-key",
        says(422, {"errorType": "idempotency_error"}),
        None,
    ),
}


class TestMismatch:
    """The key was used with another payload."""

    @pytest.mark.parametrize(
        ("profile", "key", "fault", "resource"),
        MISMATCH.values(),
        ids=[*MISMATCH],
    )
    def test_first(self, kind, profile, key, fault, resource):
        """It is told at once, with the resource where the API names it."""
        told, requests = run(kind, profile, [fault], key=key)

        assert (1, "answered") == (requests, outcome(told))
        assert resource == told.report.resource_id
        if kind.door == "client":
            assert "KeyReused" == told.raised
        else:
            assert fault.answer.status == told.status

    @pytest.mark.parametrize(
        ("profile", "key", "fault"),
        [
            ("ietf", HEADER, Fault.status(422)),
            *[entry[:3] for entry in MISMATCH.values()],
        ],
        ids=["422-ietf", *MISMATCH],
    )
    def test_after_doubt(self, kind, profile, key, fault):
        """After a lost request it may be a copy of ours: in doubt."""
        script = [Fault.lose_request(), fault]
        if profile == "ietf":
            # The structured field has the key in double quotes.
            told, requests = self.quoted(kind, script)
        else:
            told, requests = run(kind, profile, script, key=key)

        assert (2, "in_doubt") == (requests, outcome(told))
        assert ("InDoubt", "key_reuse") == (told.raised, told.reason)

    def quoted(self, kind, script):
        with (
            FaultServer(lambda _: Answer(201), script) as server,
            kind.open(
                base_url=server.url, terms={"profile": "ietf"}
            ) as session,
            pytest.raises(samekey.InDoubt) as caught,
        ):
            session.post("/x", json={})
        report = caught.value.report
        assert [f'"{report.key}"'] * 2 == [r.key for r in server.requests]
        told = Told(report, raised="InDoubt", reason=caught.value.reason)
        return told, len(server.requests)


class TestHints:
    """What the server asks for goes before what the status means."""

    def test_no(self, kind):
        """Stripe-Should-Retry: false ends it, though a 503 is retried."""
        script = [says(503, {}, ("Stripe-Should-Retry", "false"))]

        told, requests = run(kind, "stripe_v1", script)

        assert (1, "in_doubt") == (requests, outcome(told))
        if kind.door == "client":
            assert ("InDoubt", "hint") == (told.raised, told.reason)
        else:
            assert 503 == told.status

    def test_yes(self, kind):
        """Stripe-Should-Retry: true has a 400 asked again."""
        script = [says(400, {}, ("Stripe-Should-Retry", "true"))]

        told, requests = run(kind, "stripe_v1", script)

        assert (201, 2, "answered") == (told.status, requests, outcome(told))

    @pytest.mark.parametrize(
        ("said", "status", "requests"), [("true", 201, 2), ("false", 422, 1)]
    )
    def test_transient(self, kind, said, status, requests):
        """Adyen's Transient-Error says whether the refusal is kept."""
        script = [says(422, {"errorCode": "1"}, ("Transient-Error", said))]

        told, seen = run(kind, "adyen", script)

        assert (status, requests) == (told.status, seen)
        assert "answered" == outcome(told)


def test_the_key_store_is_down(kind):
    """Adyen's 703 means that nothing was done: it is asked again."""
    down = says(503, {"errorCode": "703"})

    told, requests = run(kind, "adyen", [down, down, down])

    assert (201, 4, "answered") == (told.status, requests, outcome(told))


class TestResume:
    """An operation in doubt is taken up again under its key."""

    def test_json(self, client_kind):
        """The same bytes go out, with the key in them."""
        script = [Fault.lose_request()] * 2
        with (
            FaultServer(lambda _: Answer(201), script) as server,
            client_kind.open(
                base_url=server.url,
                terms={"profile": "airwallex", "policy": fast(attempts=2)},
            ) as session,
        ):
            with pytest.raises(samekey.InDoubt) as caught:
                session.post("/x", json={"amount": 5})
            response = session.resume(caught.value)

        self.check(server, response, caught.value)

    def test_json_from_below(self, transport_kind):
        """What a transport left in doubt, a wrapped client resumes."""
        script = [Fault.lose_request()] * 2
        terms = {"profile": "airwallex", "policy": fast(attempts=2)}
        with FaultServer(lambda _: Answer(201), script) as server:
            with (
                transport_kind.open(
                    base_url=server.url, terms=terms
                ) as session,
                pytest.raises(samekey.InDoubt) as caught,
            ):
                session.post("/x", json={"amount": 5})
            above = samekey.wrap(
                transport_kind.plain(base_url=server.url),
                policy=fast(),
                budget=full(),
            )
            with transport_kind.over(above) as session:
                response = session.resume(caught.value)

        self.check(server, response, caught.value)

    def check(self, server, response, exc):
        key = exc.report.key
        body = b'{"request_id":"%s","amount":5}' % key.encode()
        assert 201 == response.status_code
        assert [body] * 3 == [received.body for received in server.requests]
        assert key == samekey.report(response).key
        assert 3 == len(samekey.report(response).attempts)
        assert all(received.key is None for received in server.requests)


@pytest.mark.parametrize(
    ("profile", "script", "reason"),
    [
        ("dwolla", [Fault.status(500), Fault.status(409)], "locked"),
        (
            "ppro",
            [Fault.status(409, headers=[("Retry-After", "60")])],
            "in_flight",
        ),
        ("payroc", [Fault.lose_request(), Fault.status(409)], "key_reuse"),
    ],
)
def test_doubt_lets_go(kind, profile, script, reason):
    """A pool of one is free again after an answer that leaves doubt."""
    with (
        FaultServer(lambda _: Answer(201, body=MADE), script) as server,
        kind.open(
            base_url=server.url,
            terms={"profile": profile, "policy": fast(deadline=10.0)},
            transport=kind.transport(
                limits=kind.module.Limits(max_connections=1)
            ),
            timeout=kind.module.Timeout(5.0, pool=0.1),
        ) as session,
    ):
        with pytest.raises(samekey.InDoubt) as caught:
            session.post("/x", json={})
        response = session.post("/x", json={})

    assert reason == caught.value.reason
    assert MADE == response.content
