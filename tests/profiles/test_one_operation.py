"""
What a profile adds to the life of one operation: limits, scope, redirects.

On paper where time matters, else over a transport that writes down what goes
out.
"""

import contextlib
import hashlib
import json

import httpx
import pytest

from paper import Paper, answer, lost, refused
from profiles.wire import DOORS, recorder

import samekey

from samekey.profiles import (
    GENERIC,
    KeyRules,
    Lookup,
    Match,
    Placement,
    Profile,
    get,
    shipped,
)


URL = "https://api.example.com/x"
PATIENT = samekey.RetryPolicy(deadline=1e6, attempts=9)


@pytest.fixture(params=DOORS, ids=str)
def door(request):
    return request.param


def quick(**options):
    """Make a policy without waits, and a budget that is no limit."""
    return {
        "policy": samekey.RetryPolicy(wait=lambda state: 0),
        "budget": samekey.RetryBudget(capacity=99, start=99),
        **options,
    }


class TestLeastDelay:
    """An API wants some time between two uses of a key."""

    def test_too_long(self):
        """Plaid's minute does not fit the default deadline of a minute."""
        paper = Paper(lost(), profile="plaid_wallet_transaction")

        with pytest.raises(samekey.InDoubt) as caught:
            paper.post()

        assert "deadline" == caught.value.reason
        assert 1 == len(paper.keys)
        assert [] == paper.slept

    def test_waited(self):
        """With a longer deadline the resend comes after the minute."""
        paper = Paper(
            lost(),
            answer(500),
            answer(200),
            profile="plaid_wallet_transaction",
            policy=PATIENT,
        )

        paper.post()

        assert [60, 60] == paper.slept

    def test_not_sent(self):
        """What was never sent did not use the key, and need not wait."""
        paper = Paper(
            refused(), answer(200), profile="plaid_wallet_transaction"
        )

        paper.post()

        assert 2 == len(paper.keys)
        assert paper.slept < [1]


class TestRetention:
    """How long the API remembers the key, less a margin."""

    # Mollie keeps a key for 3,600 s; the margin is 60.

    @pytest.mark.parametrize(
        ("seconds", "sends"), [(3_539.0, 2), (3_540.0, 1), (3_599.0, 1)]
    )
    def test_resend(self, seconds, sends):
        """A resend that would come after it leaves the operation in doubt."""
        policy = samekey.RetryPolicy(deadline=1e6, wait=lambda state: 0)
        paper = Paper(
            lost(seconds=seconds),
            answer(200),
            profile="mollie",
            policy=policy,
        )
        if sends == 2:
            paper.post()
        else:
            with pytest.raises(samekey.InDoubt) as caught:
                paper.post()
            assert "retention" == caught.value.reason

        assert sends == len(paper.keys)

    @pytest.mark.parametrize(
        ("seconds", "expired"), [(3_538.0, False), (3_540.0, True)]
    )
    def test_first_send(self, seconds, expired):
        """An operation older than that is not sent at all."""
        paper = Paper(answer(200), answer(200), profile="mollie")
        paper.post(operation="order-1")
        paper.clock.now += seconds
        if expired:
            with pytest.raises(samekey.KeyExpired):
                paper.post(operation="order-1")
        else:
            paper.post(operation="order-1")

        assert 1 + (not expired) == len(paper.keys)

    def test_for_ever(self):
        """A key that is kept without end does not expire."""
        paper = Paper(answer(200), answer(200), profile="amazon_pay")
        paper.post(operation="order-1")
        paper.clock.now += 1e9

        paper.post(operation="order-1")

        assert 2 == len(paper.keys)

    def test_stated(self):
        """What the user states goes before what the profile says."""
        paper = Paper(answer(200), profile="mollie", retention=10)
        paper.post(operation="order-1")
        paper.clock.now += 11

        with pytest.raises(samekey.KeyExpired):
            paper.post(operation="order-1")


class TestTheFingerprint:
    """What makes a call another call."""

    def test_scope(self, door):
        """The same operation for another account is another operation."""
        transport = recorder(door.module)
        with door.client(transport, profile="stripe_v1") as client:

            def charge(account):
                return door.request(
                    client,
                    "POST",
                    URL,
                    headers={"Stripe-Account": account, "Trace": account},
                    operation="order-1",
                )

            charge("acct_1")
            with pytest.raises(samekey.OperationChanged):
                charge("acct_2")
            charge("acct_1")

        assert 2 == len(transport.sent)

    def test_no_scope(self, door):
        """Other headers do not make it another operation."""
        transport = recorder(door.module)
        with door.client(transport, profile="stripe_v1") as client:
            for trace in ("a", "b"):
                door.request(
                    client,
                    "POST",
                    URL,
                    headers={"Trace": trace},
                    operation="order-1",
                )

        assert 2 == len(transport.sent)

    @pytest.mark.parametrize(
        ("profile", "there", "bare"),
        [
            (
                "airwallex",
                {"json": {"request_id": "key-1", "a": 1}},
                {"json": {"a": 1}},
            ),
            (
                "twilio_pay",
                {"data": {"a": "1", "IdempotencyKey": "key-1"}},
                {"data": {"a": "1"}},
            ),
            (
                "alibaba",
                {"params": {"ClientToken": "key-1", "a": "1"}},
                {"params": {"a": "1"}},
            ),
        ],
        ids=["json", "form", "query"],
    )
    def test_the_key_is_left_out(self, door, profile, there, bare):
        """A key in the request and the same by argument are one operation."""
        transport = recorder(door.module)
        with door.client(transport, profile=profile) as client:
            first = door.request(client, "POST", URL, **there)
            second = door.request(
                client, "POST", URL, **bare, idempotency_key="key-1"
            )
            with pytest.raises(samekey.OperationChanged):
                door.request(
                    client, "POST", URL + "y", **bare, idempotency_key="key-1"
                )

        assert "key-1" == samekey.report(first).key
        assert "key-1" == samekey.report(second).key
        assert 2 == len(transport.sent)

    def test_the_key_is_left_out_of_any_json(self, door):
        """That holds for JSON under another name, or under none."""
        for kind in ({}, {"content-type": "application/x-amz-json-1.0"}):
            transport = recorder(door.module)
            with door.client(transport, profile="dynamodb") as client:
                for body, own in (
                    (b'{"a":1,"ClientRequestToken":"key-1"}', {}),
                    (b'{ "a": 1 }', {"idempotency_key": "key-1"}),
                ):
                    door.request(
                        client, "POST", URL, content=body, headers=kind, **own
                    )
                with pytest.raises(samekey.OperationChanged):
                    door.request(
                        client,
                        "POST",
                        URL,
                        content=b'{"a":2}',
                        headers=kind,
                        idempotency_key="key-1",
                    )

            assert 2 == len(transport.sent)

    def test_two_keys(self, door):
        """A key in the body and another by argument are refused."""
        transport = recorder(door.module)
        with (
            door.client(transport, profile="airwallex") as client,
            pytest.raises(
                samekey.InvalidKey,
                match=r"^a request must have one key, got another key in the"
                r" JSON body at /request_id$",
            ),
        ):
            door.request(
                client,
                "POST",
                URL,
                json={"request_id": "key-1"},
                idempotency_key="key-2",
            )

        assert [] == transport.sent

    def test_unread_bytes(self, door):
        """A request made by hand is compared by its bytes too."""
        transport = recorder(door.module)
        with door.client(transport) as client:

            def by_hand(body):
                request = door.module.Request(
                    "POST",
                    URL,
                    headers={"content-length": str(len(body))},
                    stream=door.module.ByteStream(body),
                    extensions={"samekey": {"operation": "order-1"}},
                )
                return client.send(request)

            by_hand(b"5")
            with pytest.raises(samekey.OperationChanged):
                by_hand(b"6")

        assert [b"5"] == [sent.body for sent in transport.sent]


class TestPlaces:
    """Bodies that have a place for the key, and bodies that have none."""

    def test_unread_bytes(self, door):
        """A request made by hand gets its key in the body too."""
        transport = recorder(door.module)
        with door.client(transport, profile="airwallex") as client:
            request = door.module.Request(
                "POST",
                URL,
                headers={"content-length": "7"},
                stream=door.module.ByteStream(b'{"a":1}'),
            )
            response = client.send(request)

        key = samekey.report(response).key
        [sent] = transport.sent
        assert b'{"request_id":"%s","a":1}' % key.encode() == sent.body

    def test_one_shot(self, door):
        """A generator is read once, and each attempt sends the same bytes."""
        transport = recorder(door.module, [503, 503])
        with door.client(transport, **quick(profile="airwallex")) as client:
            response = door.request(
                client, "POST", URL, content=iter([b'{"a"', b":1}"])
            )

        key = samekey.report(response).key
        body = b'{"request_id":"%s","a":1}' % key.encode()
        assert [body] * 3 == [sent.body for sent in transport.sent]
        for sent in transport.sent:
            assert [b"chunked"] == sent.all("transfer-encoding")
            assert [] == sent.all("content-length")

    def test_no_form_yet(self, door):
        """A form that holds the key alone is said to be a form."""
        transport = recorder(door.module)
        with door.client(transport, profile="twilio_pay") as client:
            door.request(client, "POST", URL)

        [sent] = transport.sent
        assert sent.body.startswith(b"IdempotencyKey=")
        assert [b"application/x-www-form-urlencoded"] == sent.all(
            "content-type"
        )

    @pytest.mark.parametrize(
        ("profile", "options", "got"),
        [
            ("airwallex", {"content": b""}, "an empty body"),
            ("airwallex", {"data": {"a": "1"}}, "a body that is not JSON"),
            ("airwallex", {"content": b"\xff"}, "a body that is not JSON"),
            (
                "airwallex",
                {"content": b"[1]"},
                "a body in which no object holds it",
            ),
            (
                "airwallex",
                {"content": b'{"request_id":"a","request_id":"a"}'},
                "a body with 'request_id' twice",
            ),
            (
                "airwallex",
                {"content": b'{"a":' * 100_000 + b"1" + b"}" * 100_000},
                "a body too deep to read",
            ),
            (
                "twilio_pay",
                {"json": {}},
                "a body of application/json",
            ),
            (
                "twilio_pay",
                {"data": {"IdempotencyKey": ["a", "b"]}},
                "'IdempotencyKey' 2 times",
            ),
        ],
    )
    def test_required(self, door, profile, options, got):
        """Where the API must have one, a body without a place is refused."""
        where = {
            "airwallex": "Airwallex takes the key in the JSON body at"
            " /request_id",
            "twilio_pay": "Twilio <Pay> (Calls/{sid}/Payments) takes the key"
            " in the form body at IdempotencyKey",
        }
        transport = recorder(door.module)
        with (
            door.client(transport, profile=profile) as client,
            pytest.raises(samekey.InvalidKey) as caught,
        ):
            door.request(client, "POST", URL, **options)

        said = f"{where[profile]}, got {got}; nothing was sent"
        assert said == str(caught.value)
        assert [] == transport.sent

    def test_large_integer(self, door):
        """An integer that is too long for Python is no matter."""
        transport = recorder(door.module)
        digits = b"-" + b"1" * 5_000
        with door.client(transport, profile="airwallex") as client:
            door.request(client, "POST", URL, content=b'{"a":%s}' % digits)

        [sent] = transport.sent
        assert sent.body.endswith(b',"a":%s}' % digits)

    def test_not_required(self, door):
        """Elsewhere it goes out as it is, and is not asked for again."""
        transport = recorder(door.module, [503])
        with door.client(transport, **quick(profile="circle")) as client:
            try:
                answered = door.request(client, "POST", URL, content=b"<a/>")
            except samekey.InDoubt as exc:
                answered = exc

        report = samekey.report(answered)
        assert [b"<a/>"] == [sent.body for sent in transport.sent]
        assert report.key is None
        assert samekey.Outcome.IN_DOUBT == report.outcome

    def test_not_required_but_wanted(self, door):
        """A named operation is not sent without its key."""
        transport = recorder(door.module)
        with (
            door.client(transport, profile="circle") as client,
            pytest.raises(samekey.InvalidKey, match=r"^Circle takes the key"),
        ):
            door.request(
                client, "POST", URL, content=b"<a/>", operation="order-1"
            )

        assert [] == transport.sent

    @pytest.mark.parametrize(
        ("there", "error"),
        [("", samekey.InvalidKey), (5, TypeError), ({}, TypeError)],
    )
    def test_bad_key_in_the_body(self, door, there, error):
        """What is in the key's place and is no key is refused."""
        transport = recorder(door.module)
        with (
            door.client(transport, profile="airwallex") as client,
            pytest.raises(
                error, match=r"^the key in the JSON body at /request_id must "
            ),
        ):
            door.request(client, "POST", URL, json={"request_id": there})

        assert [] == transport.sent

    def test_null(self, door):
        """A null in the key's place is filled in."""
        transport = recorder(door.module)
        with door.client(transport, profile="airwallex") as client:
            response = door.request(
                client, "POST", URL, json={"request_id": None}
            )

        key = samekey.report(response).key
        [sent] = transport.sent
        assert {"request_id": key} == json.loads(sent.body)

    def test_the_caller_forgot(self, door):
        """A key that only the caller knows is not made up."""
        transport = recorder(door.module)
        with (
            door.client(transport, profile="plaid_transfer_create") as client,
            pytest.raises(samekey.InvalidKey, match=r"got none; nothing was"),
        ):
            door.request(client, "POST", URL, json={"a": 1})

        assert [] == transport.sent

    def test_the_caller_has_none(self, door):
        """Where the API does not insist, it goes out without."""
        profile = Profile(
            "own",
            placement=Placement(kind="json", pointer="/reference"),
            key=KeyRules(form="caller"),
        )
        transport = recorder(door.module, [503])
        with door.client(transport, **quick(profile=profile)) as client:
            try:
                answered = door.request(client, "POST", URL, json={})
            except samekey.InDoubt as exc:
                answered = exc

        assert samekey.report(answered).key is None
        assert [b"{}"] == [sent.body for sent in transport.sent]

    @pytest.mark.parametrize("key", ["key-1", 'a"b', "a\\", '\\"', '"'])
    @pytest.mark.parametrize("form", ["plain", "quoted"])
    def test_quoted(self, door, key, form):
        """A caller's own header may have the quotes, or leave them out."""
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        value = f'"{escaped}"' if form == "quoted" else key
        transport = recorder(door.module)
        with door.client(transport, profile="ietf") as client:
            response = door.request(
                client, "POST", URL, headers={"Idempotency-Key": value}
            )

        assert key == samekey.report(response).key
        [sent] = transport.sent
        assert [f'"{escaped}"'.encode()] == sent.all("Idempotency-Key")

    @pytest.mark.parametrize(
        "door", [door for door in DOORS if door.door == "client"], ids=str
    )
    @pytest.mark.parametrize(
        ("profile", "shared", "where"),
        [
            ("checkout", {"headers": {"Cko-Idempotency-Key": "k"}}, "header"),
            ("ietf", {"headers": {"Idempotency-Key": '"k"'}}, "header"),
            ("alibaba", {"params": {"ClientToken": "k"}}, "parameter"),
        ],
    )
    def test_shared(self, door, profile, shared, where):
        """A key among the client's defaults would be every call's."""
        transport = recorder(door.module)
        plain = door.module.Client(transport=transport, **shared)
        with (
            samekey.wrap(plain, profile=profile) as client,
            pytest.raises(
                samekey.InvalidKey,
                match=r"^[\w-]+ must not be among the client's default"
                rf" {where}s: every call would share it; pass"
                r" idempotency_key= to the call$",
            ),
        ):
            client.post(URL)

        assert [] == transport.sent

    def test_nested_without(self, door):
        """Members on the way to the key are not made up either."""
        transport = recorder(door.module)
        with door.client(transport, profile="shopify_rest") as client:
            response = door.request(client, "POST", URL, json={"a": 1})

        assert samekey.report(response).key is None
        assert [b'{"a":1}'] == [sent.body for sent in transport.sent]


class TestWhichProfile:
    """How a client knows whose rules hold."""

    @pytest.mark.parametrize("own", [{}, {"operation": "order-1"}])
    def test_none(self, own):
        """Where no key is sent, only what was not sent is sent again."""
        paper = Paper(refused(), answer(503), profile="none")

        with pytest.raises(samekey.InDoubt) as caught:
            paper.post(**own)

        assert "unkeyed" == caught.value.reason
        assert [None, None] == paper.keys

    @pytest.mark.parametrize("step", [lost(), answer(503), answer(201)])
    def test_none_twice(self, step):
        """Without a key, what may have been executed is not done again."""
        paper = Paper(step, profile="none")
        with contextlib.suppress(samekey.InDoubt):
            paper.post(operation="order-1")

        with pytest.raises(
            samekey.KeyExpired,
            match=(
                r"^it may have been executed, and no key protects a resend;"
                r" nothing was sent\. Ask the API what became of it$"
            ),
        ):
            paper.post(operation="order-1")

        assert [None] == paper.keys

    @pytest.mark.parametrize("step", [answer(429), answer(400)])
    def test_none_again(self, step):
        """What was certainly not executed may be called again."""
        once = samekey.RetryPolicy(attempts=1)
        paper = Paper(step, answer(201), profile="none", policy=once)
        paper.post(operation="order-1")

        assert 201 == paper.post(operation="order-1").status_code

    def test_none_signed(self, door):
        """A login that sends the request twice is one call."""
        asks = {"WWW-Authenticate": 'Digest realm="a", nonce="b", qop="auth"'}

        def unknown(request):
            return door.module.Response(401, headers=asks)

        transport = recorder(door.module, [unknown])
        auth = door.module.DigestAuth("user", "password")
        with door.client(transport, profile="none") as client:
            response = door.request(
                client, "POST", URL, json={}, auth=auth, operation="order-1"
            )

        assert 200 == response.status_code
        assert 2 == len(transport.sent)

    @pytest.mark.parametrize("path", ["/v1/payouts", "/things"])
    def test_a_stranger(self, path):
        """Of a list, each profile is for its own hosts."""
        home = Profile("home", match=Match(hosts=("home.example",)))
        lookup = Lookup([home, *get("razorpay")])

        found = lookup.find("POST", httpx.URL("https://x.example" + path))

        assert "generic" == found.profile.name

    def test_unlisted_path(self):
        """A known host's other paths get no key, and few retries."""
        url = "https://api.stripe.com/v3/things"
        paper = Paper(refused(), answer(503))

        with pytest.raises(samekey.InDoubt) as caught:
            paper.post(url=url)

        assert "unkeyed" == caught.value.reason
        assert [None, None] == paper.keys

    def test_unlisted_path_with_a_key(self):
        """A key of the caller's goes there, but nobody vouches for it."""
        url = "https://api.stripe.com/v3/things"
        paper = Paper(answer(503))

        with pytest.raises(samekey.InDoubt) as caught:
            paper.post(url=url, idempotency_key="key-1")

        assert "unvouched" == caught.value.reason
        assert ["key-1"] == paper.keys

    OWN = Profile("own", placement=Placement(name="X-Own"))
    AT_HOME = Profile(
        "home",
        match=Match(hosts=("home.example",)),
        placement=Placement(name="X-Home"),
    )

    @pytest.mark.parametrize(
        ("profile", "url", "header"),
        [
            (None, URL, "Idempotency-Key"),
            (None, "https://api.checkout.com/a", "Cko-Idempotency-Key"),
            (None, "https://ab.api.checkout.com/a", "Cko-Idempotency-Key"),
            ("generic", "https://api.checkout.com/a", "Idempotency-Key"),
            ("checkout", URL, "Cko-Idempotency-Key"),
            (OWN, URL, "X-Own"),
            (OWN, "https://api.checkout.com/a", "X-Own"),
            ([AT_HOME, "checkout"], "https://home.example/a", "X-Home"),
            ([AT_HOME, "none"], "https://home.example/a", "X-Home"),
            (
                ["razorpay"],
                "https://proxy.example/v1/transfers",
                "X-Transfer-Idempotency",
            ),
            (
                "razorpay",
                "https://proxy.example/v1/payments/pay_1/refund",
                "X-Refund-Idempotency",
            ),
            (
                [AT_HOME, *shipped()],
                "https://api.checkout.com/a",
                "Cko-Idempotency-Key",
            ),
        ],
    )
    def test_chosen(self, door, profile, url, header):
        """By host, by name, as a value, or as a list of them."""
        transport = recorder(door.module)
        with door.client(transport, profile=profile) as client:
            response = door.request(client, "POST", url, content=b"{}")

        key = samekey.report(response).key
        [sent] = transport.sent
        assert [key.encode()] == sent.all(header)

    def test_rest_of_a_list(self, door):
        """What fits none of a list gets the generic rules."""
        profile = Profile("own", match=Match(paths=("/a",)))
        transport = recorder(door.module)
        with door.client(transport, profile=[profile]) as client:
            door.request(client, "POST", "https://x.example/b")

        assert 1 == len(transport.sent[0].all(GENERIC.header.name))

    def test_vouching(self, door):
        """A profile's own host is vouched for, whatever the base_url is."""
        transport = recorder(door.module, [503])
        terms = quick(origins=["https://home.example"])
        with door.client(
            transport, base_url="https://home.example", **terms
        ) as client:
            response = door.request(
                client, "POST", "https://api.checkout.com/payments"
            )

        assert 200 == response.status_code
        assert 2 == len(transport.sent)

    def test_no_vouching(self, door):
        """A host that no profile is for is not."""
        transport = recorder(door.module, [503])
        terms = quick(origins=["https://home.example"])
        with door.client(
            transport, base_url="https://home.example", **terms
        ) as client:
            try:
                answered = door.request(client, "POST", URL)
            except samekey.InDoubt as exc:
                answered = exc

        report = samekey.report(answered)
        assert samekey.Outcome.IN_DOUBT == report.outcome
        assert 1 == len(transport.sent)

    def test_chosen_does_not_vouch(self, door):
        """A profile that is named does not vouch for a host not its own."""
        transport = recorder(door.module, [503])
        terms = quick(origins=["https://home.example"], profile="checkout")
        with door.client(
            transport, base_url="https://home.example", **terms
        ) as client:
            try:
                answered = door.request(client, "POST", URL)
            except samekey.InDoubt as exc:
                answered = exc

        assert samekey.Outcome.IN_DOUBT == samekey.report(answered).outcome
        assert 1 == len(transport.sent)

    def test_a_get_that_gets_a_key(self, door):
        """An API may want a key on a GET, and then a GET may be in doubt."""
        transport = recorder(door.module, [503] * 4)
        terms = quick(profile="alibaba")
        with door.client(transport, **terms) as client:
            try:
                answered = door.request(client, "GET", URL)
            except samekey.InDoubt as exc:
                answered = exc

        assert samekey.Outcome.IN_DOUBT == samekey.report(answered).outcome
        lines = {sent.line for sent in transport.sent}
        [line] = lines
        assert line.startswith(b"GET /x?ClientToken=")


class TestAuth:
    """Auth signs what goes out."""

    @pytest.mark.parametrize(
        "door", [door for door in DOORS if door.door == "client"], ids=str
    )
    def test_signs_the_key(self, door):
        """The body that is signed has the key in it, at each attempt."""

        class Signing(door.module.Auth):
            requires_request_body = True
            number = 0

            def auth_flow(self, request):
                self.number += 1
                request.headers["Attempt"] = str(self.number)
                digest = hashlib.sha256(request.content).hexdigest()
                request.headers["Signature"] = digest
                yield request

        transport = recorder(door.module, [503])
        terms = quick(profile="airwallex", auth=Signing())
        with door.client(transport, **terms) as client:
            door.request(client, "POST", URL, json={"a": 1})

        assert [[b"1"], [b"2"]] == [s.all("attempt") for s in transport.sent]
        for sent in transport.sent:
            assert b"request_id" in sent.body
            signature = hashlib.sha256(sent.body).hexdigest().encode()
            assert [signature] == sent.all("signature")


def redirect(library, status, where):
    """Answer a redirect."""
    return lambda request: library.Response(
        status, headers={"Location": where}
    )


PLACED = {
    "header": ("checkout", {}),
    "quoted": ("ietf", {}),
    "companion": ("azure", {}),
    "json": ("airwallex", {"json": {"a": 1}}),
    "form": ("twilio_pay", {"data": {"a": "1"}}),
    "query": ("google", {"params": {"a": "1"}}),
    "caller": (
        "plaid_transfer_create",
        {"json": {"authorization_id": "key-1"}},
    ),
}


@pytest.mark.parametrize(
    ("profile", "options"), PLACED.values(), ids=[*PLACED]
)
class TestRedirects:
    """Where a redirect may take the key."""

    def go(self, door, profile, where, options, *, status=307):
        transport = recorder(
            door.module, [redirect(door.module, status, where)]
        )
        terms = quick(profile=profile, follow_redirects=True)
        with door.client(transport, **terms) as client:
            response = door.request(client, "POST", URL, **options)
        key = samekey.report(response).key
        assert key is not None
        return response, transport.sent, key.encode()

    def test_same_origin(self, door, profile, options):
        """A 307 within the origin is followed with the key in its place."""
        response, sent, key = self.go(door, profile, "/y?b=2", options)

        first, second = sent
        assert 200 == response.status_code
        assert first.body == second.body
        assert key in everything(first)
        assert key in everything(second)
        assert b"POST /y?b=2" == second.line.partition(b"&request")[0]
        for name in ("Repeatability-First-Sent", "Repeatability-Request-ID"):
            assert first.all(name) == second.all(name)

    def test_another_origin(self, door, profile, options):
        """The key that we placed does not cross to another origin."""
        ours = (door.door, profile) != ("transport", "plaid_transfer_create")
        response, sent, key = self.go(
            door, profile, "https://other.example/y", options
        )

        assert key in everything(sent[0])
        assert (door.door == "client") == (307 == response.status_code)
        for hop in sent[1:]:
            # What the caller has written, the client above takes along.
            assert ours != (key in everything(hop))
            assert b"repeatability-first-sent" not in hop.names
        if response.next_request is not None:
            request = response.next_request
            headers = request.headers
            assert key.decode() not in headers.values()
            assert "repeatability-first-sent" not in headers
            body = b"".join(request.stream)
            assert request.read() == body
            assert headers["content-length"] == str(len(body))
            # What the caller has written stays.
            assert (profile == "plaid_transfer_create") == (key in body)

    def test_another_method(self, door, profile, options):
        """A 303 turns into a GET, which does not carry the key."""
        response, sent, key = self.go(door, profile, "/y", options, status=303)

        assert (door.door == "client") == (303 == response.status_code)
        for hop in sent[1:]:
            assert hop.line.startswith(b"GET ")
            assert key not in everything(hop)

    def test_twice(self, door, profile, options):
        """The same Request sent twice is one operation, under one key."""
        transport = recorder(door.module)
        with door.client(transport, **quick(profile=profile)) as client:
            request = client.build_request("POST", URL, **options)
            first = client.send(request)
            second = client.send(request)

        one, two = transport.sent
        key = samekey.report(first).key
        assert key == samekey.report(second).key
        assert key.encode() in everything(one)
        assert everything(one) == everything(two)


def test_a_location_with_the_key_twice(door):
    """A redirect that repeats the key is followed as the server says."""
    twice = "/y?requestId=a&requestId=b"
    transport = recorder(door.module, [redirect(door.module, 307, twice)])
    terms = quick(profile="google", follow_redirects=True)
    with door.client(transport, **terms) as client:
        response = door.request(client, "POST", URL)

    assert 200 == response.status_code
    assert b"POST " + twice.encode() == transport.sent[1].line


def everything(sent):
    """Put all that went out into one text."""
    lines = [b": ".join(header) for header in sorted(sent.headers)]
    return b"\n".join([sent.line, *lines, sent.body])


def test_a_family_is_found_by_its_alias():
    """One name stands for the profiles of one API."""
    names = {profile.name for profile in get("razorpay")}

    assert {
        "razorpay_payouts",
        "razorpay_route_transfers",
        "razorpay_refunds",
    } == names


def test_the_callers_request_stays():
    """Below a client the caller's URL and body are left as they were."""
    transport = recorder(httpx)
    client = httpx.Client(
        transport=samekey.Transport(transport, profile="google"),
        trust_env=False,
    )
    request = client.build_request("POST", URL, json={"a": 1})
    with client:
        client.send(request)

    assert URL == str(request.url)
    assert b"requestId=" in transport.sent[0].line
