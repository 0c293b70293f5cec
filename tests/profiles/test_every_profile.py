"""
Every profile, one after the other: what goes out, and what comes back.

What is expected is built here from the tables of `profiles.toml`, by hand; the
code under test is only asked to do it.
"""

import json
import re
import uuid

from urllib.parse import quote

import httpx
import pytest

from paper import Paper, answer, lost
from profiles.table import ENTRIES, MEANINGS, UUID4, described
from profiles.wire import DOORS, recorder

import samekey

from samekey.profiles import Lookup, get, shipped


KEYED = [entry for entry in ENTRIES if entry.kind != "none"]
GENERATED = [entry for entry in KEYED if not entry.caller]
BY_HOST = [entry for entry in ENTRIES if entry.by_host]

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

BODIES = {
    b"{}": b"{%s}",
    b'{"amount": 5}': b'{%s,"amount": 5}',
    b' { "a" : [1.0, 1e400, "\xc3\xa9"]\n}': (
        b' {%s, "a" : [1.0, 1e400, "\xc3\xa9"]\n}'
    ),
    b"\n{\t}\r\n": b"\n{%s\t}\r\n",
}
"""JSON bodies, and where the member that holds the key goes in them."""


def wanted(entry, key):
    """
    Build the requests, and what is to be on the wire, as the API wants it.

    Gives (url, headers, body) and (target, headers, body), many times.
    """
    path = "/" + entry.url.split("/", 3)[3]
    where = entry.placement
    if entry.kind == "header":
        value = f'"{key}"' if where.get("quoted") else key
        headers = {where["name"]: value.encode()}
        yield (entry.url, JSON, b'{"a": 1}'), (path, headers, b'{"a": 1}')
        yield (entry.url, {}, b""), (path, headers, b"")
    elif entry.kind == "query":
        pair = f"{where['name']}={quote(key)}"
        yield (entry.url, JSON, b"[]"), (f"{path}?{pair}", {}, b"[]")
        more = "?a=1&b=x%20y"
        yield (
            (entry.url + more, JSON, b""),
            (f"{path}{more}&{pair}", {}, b""),
        )
    elif entry.kind == "form":
        pair = f"{where['name']}={quote(key)}".encode()
        yield (entry.url, FORM, b""), (path, {}, pair)
        text = b"a=1&b=x+y%C3%A9&c"
        yield (entry.url, FORM, text), (path, {}, text + b"&" + pair)
    else:
        yield from _in_json(entry, path, key)


def _in_json(entry, path, key):
    *outer, name = entry.placement["pointer"][1:].split("/")
    member = b'"%s":"%s"' % (name.encode(), key.encode())
    for body, placed in BODIES.items():
        before, placed_body = body, placed % member
        for step in reversed(outer):
            around = b'{"z": {"%s": 1}, "%s": %%s}' % (
                name.encode(),
                step.encode(),
            )
            before, placed_body = around % before, around % placed_body
        yield (entry.url, JSON, before), (path, {}, placed_body)


def already(entry, key):
    """Build the requests in which the key stands already."""
    path = "/" + entry.url.split("/", 3)[3]
    where = entry.placement
    if entry.kind == "header":
        value = f'"{key}"' if where.get("quoted") else key
        yield entry.url, {where["name"]: value}, b"{}", path
    elif entry.kind == "query":
        pair = f"?{where['name']}={key}&a=1"
        yield entry.url + pair, JSON, b"{}", path + pair
    elif entry.kind == "form":
        body = f"{where['name']}={key}&a=1".encode()
        yield entry.url, FORM, body, path
    else:
        body = json.dumps(key)
        for name in reversed(where["pointer"][1:].split("/")):
            body = '{ "a":1.0, "%s" : %s}' % (name, body)  # noqa: UP031
        yield entry.url, JSON, body.encode(), path


@pytest.fixture(params=DOORS, ids=str)
def door(request):
    return request.param


def send(entry, door, request, **own):
    """Send one request by itself, and give its report and the wire."""
    url, headers, body = request
    transport = recorder(door.module)
    with door.client(transport, **entry.terms) as client:
        response = door.request(
            client,
            entry.method,
            url,
            headers=headers,
            content=body,
            **own,
        )
    [sent] = transport.sent
    return samekey.report(response), sent


class TestTheWire:
    """What goes out, byte for byte."""

    @pytest.mark.parametrize("entry", KEYED, ids=str)
    def test_given(self, entry, door):
        """A key that is given goes where the API wants it."""
        for request, (target, headers, body) in wanted(entry, entry.given):
            report, sent = send(
                entry, door, request, idempotency_key=entry.given
            )

            assert entry.given == report.key
            self.check(entry, sent, target, headers, body)

    @pytest.mark.parametrize("entry", GENERATED, ids=str)
    def test_generated(self, entry, door):
        """A key that is generated goes where the API wants it."""
        requests = [request for request, _ in wanted(entry, "")]
        for index, request in enumerate(requests):
            report, sent = send(entry, door, request)

            _, (target, headers, body) = list(wanted(entry, report.key))[index]
            self.check(entry, sent, target, headers, body)

    @pytest.mark.parametrize("entry", KEYED, ids=str)
    def test_already_there(self, entry, door):
        """A key that the caller has put there is the operation's key."""
        for url, headers, body, path in already(entry, entry.given):
            report, sent = send(entry, door, (url, headers, body))

            assert entry.given == report.key
            assert f"{entry.method} {path}".encode() == sent.line
            assert body == sent.body
            if entry.kind == "header":
                name = entry.placement["name"]
                assert [headers[name].encode()] == sent.all(name)

    def check(self, entry, sent, target, headers, body):
        assert f"{entry.method} {target}".encode() == sent.line
        assert body == sent.body
        assert [b"%d" % len(body)] == sent.all("content-length")
        for name, value in headers.items():
            assert [value] == sent.all(name)
        if entry.kind != "header":
            assert b"idempotency-key" not in sent.names

    def test_no_key(self, door):
        """An API that documents no key is sent none."""
        entry = next(entry for entry in ENTRIES if entry.kind == "none")

        report, sent = send(entry, door, (entry.url, JSON, b"{}"))

        assert report.key is None
        assert b"POST /things" == sent.line
        assert b"{}" == sent.body
        assert not [name for name in sent.names if b"idem" in name]

    def test_companion(self, door):
        """The time of the first send stays the same over all attempts."""
        transport = recorder(door.module, [503, 503])
        terms = {
            "profile": "azure",
            "policy": samekey.RetryPolicy(wait=lambda state: 0),
            "budget": samekey.RetryBudget(capacity=9, start=9),
        }
        with door.client(transport, **terms) as client:
            door.request(client, "PUT", "https://x.example/a", content=b"")

        assert 3 == len(transport.sent)
        [first] = {
            (*sent.all("Repeatability-Request-ID"), *sent.all(FIRST_SENT))
            for sent in transport.sent
        }
        key, moment = (part.decode() for part in first)
        assert key == str(uuid.UUID(key))
        assert re.fullmatch(HTTP_DATE, moment)

    def test_companion_over_a_repeat(self):
        """A repeat under the same key tells the time of the first send."""
        paper = Paper(answer(201), answer(201), profile="azure")
        paper.post(operation="order-1")
        first = paper.call.placed.headers[-1]
        paper.clock.now += 100

        paper.post(operation="order-1")

        assert first == paper.call.placed.headers[-1]
        # 1,000 s on the clock of the paper, which is 1e9 s ahead.
        assert (FIRST_SENT, "Sun, 09 Sep 2001 02:03:20 GMT") == first


FIRST_SENT = "Repeatability-First-Sent"
HTTP_DATE = (
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4}"
    r" \d\d:\d\d:\d\d GMT"
)


class TestTheLookup:
    """A table is found by what it matches."""

    @pytest.mark.parametrize("entry", BY_HOST, ids=str)
    def test_every_path_and_host(self, entry):
        """Each host and path of a profile leads to that profile."""
        lookup = Lookup()
        for url in entry.urls:
            for method in entry.table["match"]["methods"]:
                found = lookup.find(method, httpx.URL(url))

                assert (entry.name, True) == (
                    found.profile.name,
                    found.vouched,
                ), (method, url)

    def test_all_are_here(self):
        """The tables of the file are the profiles that come with samekey."""
        built_in = ["generic", "ietf", "none"]

        names = [entry.name for entry in ENTRIES]

        assert names == [p.name for p in shipped()] + built_in


class TestKeys:
    """Which keys go out."""

    @pytest.mark.parametrize("entry", GENERATED, ids=str)
    def test_generated(self, entry):
        """Generated keys fit the API's rules, and differ."""
        [profile] = [p for p in get(entry.name) if p.name == entry.name]

        keys = {profile.new_key() for _ in range(200)}

        assert 200 == len(keys)
        for key in keys:
            self.check(entry, key)

    @pytest.mark.parametrize("entry", GENERATED, ids=str)
    def test_derived(self, entry):
        """Keys of named operations fit, and are the same each time."""
        keys = []
        for number in (*range(20), *range(20)):
            paper = Paper(answer(200), **entry.terms)
            call = paper.open(
                entry.method, entry.url, operation=("order", number)
            )
            keys.append(call.key)

        assert keys[:20] == keys[20:]
        assert 20 == len(set(keys))
        for key in keys:
            self.check(entry, key)

    def check(self, entry, key):
        rules = entry.key
        assert rules.get("min", 1) <= len(key) <= rules.get("max", 255)
        assert re.fullmatch(rules.get("pattern", ".*"), key)
        version = {"uuid4": 4, "uuid5": 5}.get(rules.get("form", ""))
        if version is not None:
            assert version == uuid.UUID(key).version
            assert key == str(uuid.UUID(key))
        if rules.get("form") == "uuid4hex":
            assert re.fullmatch("[0-9a-f]{32}", key)

    @pytest.mark.parametrize("entry", KEYED, ids=str)
    def test_refused(self, entry, door):
        """A key that breaks a rule is refused by name, and nothing is sent."""
        for key, rule in misfits(entry):
            transport = recorder(door.module)
            with (
                door.client(transport, **entry.terms) as client,
                pytest.raises(samekey.InvalidKey) as caught,
            ):
                door.request(
                    client,
                    entry.method,
                    entry.url,
                    content=b"{}",
                    idempotency_key=key,
                )

            assert [] == transport.sent
            title = entry.table.get("name", entry.name)
            said = f"idempotency_key must be {rule} for {title}, got "
            assert str(caught.value).startswith(said)
            assert key not in str(caught.value)

    def test_where_none_is_taken(self, door):
        """A key for an API that takes none is refused, and nothing is sent."""
        transport = recorder(door.module)
        with (
            door.client(transport, profile="none") as client,
            pytest.raises(
                samekey.InvalidKey,
                match=r"^idempotency_key must be left out: none takes no key$",
            ),
        ):
            door.request(client, "POST", "https://x.example/", **KEY)

        assert [] == transport.sent


KEY = {"idempotency_key": "a-key"}


def misfits(entry):
    """Make keys that break one rule, and say which."""
    rules = entry.key
    low, high = rules.get("min", 1), rules.get("max", 255)
    if high < 255:
        yield "a" * (high + 1), f"{low} to {high} characters"
    if low > 1:
        yield "a" * (low - 1), f"{low} to {high} characters"
    pattern = rules.get("pattern")
    off = "~" * max(low, min(high, 20))
    if pattern is not None and not re.fullmatch(pattern, off):
        yield off, f"as {pattern}"


def rules_for(*meanings):
    """List the answers that the tables describe."""
    return [
        pytest.param(entry, rule, id=f"{entry}-{meaning}-{index}")
        for entry in ENTRIES
        for meaning in meanings
        for index, rule in enumerate(entry.answers(meaning))
    ]


def play(entry, *steps):
    """Play *steps*, then 200s, to a call under this profile."""
    policy = samekey.RetryPolicy(deadline=3_600.0)
    paper = Paper(*steps, answer(200), policy=policy, **entry.terms)
    own = {"idempotency_key": entry.given} if entry.caller else {}
    call = paper.open(entry.method, entry.url, **own)
    return paper, call


class TestInFlight:
    """The first request is still running."""

    @pytest.mark.parametrize(("entry", "rule"), rules_for("in_flight"))
    def test_first(self, entry, rule):
        """It is polled until there is an answer."""
        paper, call = play(entry, *[answer(**described(rule))] * 6)

        response = paper.run(call)

        report = samekey.report(response)
        assert 200 == response.status_code
        assert samekey.Outcome.ANSWERED == report.outcome
        assert 7 == len(report.attempts)  # polls are no attempts of the four
        assert [0.5, 1, 2, 4, 5, 5] == paper.slept
        assert (None, False, None) == (
            report.replayed,
            report.already_done,
            report.resource_id,
        )

    @pytest.mark.parametrize(("entry", "rule"), rules_for("in_flight"))
    def test_after_doubt(self, entry, rule):
        """It is polled after an answer that was lost."""
        paper, call = play(entry, lost(), answer(**described(rule)))

        response = paper.run(call)

        assert 200 == response.status_code
        assert 3 == len(paper.keys)
        assert 1 == len(set(paper.keys))

    @pytest.mark.parametrize(("entry", "rule"), rules_for("in_flight"))
    def test_after_a_500(self, entry, rule):
        """After a 500 it is polled, but where the key stays locked."""
        steps = [answer(500), answer(**described(rule))]
        paper, call = play(entry, *steps)
        if entry.behaviour("after_5xx") == "locks":
            with pytest.raises(samekey.InDoubt) as caught:
                paper.run(call)

            assert "locked" == caught.value.reason
            assert 2 == len(paper.keys)
            return
        response = paper.run(call)

        assert 200 == response.status_code
        assert 3 == len(paper.keys)


class TestMismatch:
    """The key was used with another payload."""

    @pytest.mark.parametrize(("entry", "rule"), rules_for("mismatch"))
    def test_first(self, entry, rule):
        """A first answer that says so raises KeyReused, at once."""
        paper, call = play(entry, answer(**described(rule)))

        with pytest.raises(samekey.KeyReused) as caught:
            paper.run(call)

        report = caught.value.report
        assert 1 == len(paper.keys)
        assert samekey.Outcome.ANSWERED == report.outcome
        assert rule.get("status", 400) == caught.value.response.status_code
        assert ("res_1" if "id" in rule else None) == report.resource_id
        assert not report.already_done

    @pytest.mark.parametrize(("entry", "rule"), rules_for("mismatch"))
    def test_after_doubt(self, entry, rule):
        """After a lost answer it may be ours: in doubt, at once."""
        paper, call = play(entry, lost(), answer(**described(rule)))

        with pytest.raises(samekey.InDoubt) as caught:
            paper.run(call)

        assert 2 == len(paper.keys)
        assert "key_reuse" == caught.value.reason
        assert isinstance(caught.value.__cause__, samekey.KeyReused)
        assert samekey.Outcome.IN_DOUBT == caught.value.report.outcome


class TestWords:
    """What the server says of a key that was reused."""

    def told(self, body):
        body["code"] = "idempotency_key_mismatch"
        steps = answer(409, body=json.dumps(body).encode())
        paper = Paper(steps, profile="generic")
        with pytest.raises(samekey.KeyReused) as caught:
            paper.post(idempotency_key=UUID4)
        return caught.value

    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"message": "WORDS"}},
            {"message": "WORDS", "title": "x"},
            {"error": {"message": 5}, "detail": "WORDS"},
            {"title": "WORDS", "error": "x"},
            {"errors": [{"message": "WORDS"}]},
            {"errors": [], "error_description": "WORDS"},
            {"message": "", "error": "WORDS"},
        ],
    )
    def test_places(self, body):
        """They are found where APIs put them."""
        caught = self.told(body)

        assert ': "WORDS"; correct the request' in str(caught)

    def test_no_words(self):
        """A server may say nothing."""
        caught = self.told({"message": None})

        assert "(status 409); correct the request" in str(caught)

    def test_no_key(self):
        """The key that the server repeats is not shown whole."""
        caught = self.told({"message": f"{UUID4} was used: {UUID4}"})

        assert UUID4 not in str(caught)
        assert '"…3a4b5b was used: …3a4b5b"' in str(caught).replace(
            UUID4[-6:], "3a4b5b"
        )

    def test_long(self):
        """A page of words is cut."""
        caught = self.told({"message": "a" * 301})

        assert f'"{"a" * 299}…"' in str(caught)


class TestAlreadyDone:
    """The first request succeeded, and this is not its answer."""

    @pytest.mark.parametrize("steps", [[], [lost()], [answer(500), lost()]])
    @pytest.mark.parametrize(("entry", "rule"), rules_for("already_done"))
    def test_success(self, entry, rule, steps):
        """It is a success that says so, with the id of the resource."""
        paper, call = play(entry, *steps, answer(**described(rule)))

        response = paper.run(call)

        report = samekey.report(response)
        assert rule["status"] == response.status_code
        assert len(steps) + 1 == len(paper.keys)
        assert samekey.Outcome.ANSWERED == report.outcome
        assert report.already_done
        assert ("res_1" if "id" in rule else None) == report.resource_id


class TestMissing:
    """The request came without a key, says the API."""

    @pytest.mark.parametrize(("entry", "rule"), rules_for("missing"))
    def test_first(self, entry, rule):
        """It is an answer, which nobody asks for again."""
        paper, call = play(entry, answer(**described(rule)))

        response = paper.run(call)

        assert rule["status"] == response.status_code
        assert 1 == len(paper.keys)
        report = samekey.report(response)
        assert samekey.Outcome.ANSWERED == report.outcome

    @pytest.mark.parametrize(("entry", "rule"), rules_for("missing"))
    def test_after_doubt(self, entry, rule):
        """After a lost answer it settles nothing."""
        paper, call = play(entry, lost(), answer(**described(rule)))

        with pytest.raises(samekey.InDoubt) as caught:
            paper.run(call)

        assert "status" == caught.value.reason
        assert 2 == len(paper.keys)


class TestStoreDown:
    """The API could not look the key up, and did nothing."""

    @pytest.mark.parametrize(("entry", "rule"), rules_for("store_down"))
    def test_retried(self, entry, rule):
        """It is asked again, though like errors would be replays."""
        down = answer(**described(rule))
        paper, call = play(entry, down, down, down)

        response = paper.run(call)

        assert 200 == response.status_code
        assert 4 == len(paper.keys)
        assert 1 == len(set(paper.keys))

    @pytest.mark.parametrize(("entry", "rule"), rules_for("store_down"))
    def test_to_the_end(self, entry, rule):
        """If that is all it ever says, nothing was executed."""
        paper, call = play(entry, *[answer(**described(rule))] * 4)

        response = paper.run(call)

        report = samekey.report(response)
        assert rule["status"] == response.status_code
        assert samekey.Outcome.NOT_EXECUTED == report.outcome
        assert 4 == len(paper.keys)

    @pytest.mark.parametrize(("entry", "rule"), rules_for("store_down"))
    def test_after_doubt(self, entry, rule):
        """After a lost answer it settles nothing."""
        down = answer(**described(rule))
        paper, call = play(entry, lost(), down, down, down)

        with pytest.raises(samekey.InDoubt) as caught:
            paper.run(call)

        assert "attempts" == caught.value.reason
        assert 4 == len(paper.keys)


class TestReplay:
    """The answer is a recorded one, and says so."""

    @pytest.mark.parametrize("status", [200, 201, 400, 402, 404])
    @pytest.mark.parametrize(("entry", "rule"), rules_for("replay"))
    def test_answer(self, entry, rule, status):
        """A recorded answer settles it, after doubt too."""
        shown = {**described(rule), "status": status}
        paper, call = play(entry, lost(), answer(**shown))

        response = paper.run(call)

        report = samekey.report(response)
        assert status == response.status_code
        assert "server" == report.replayed
        assert samekey.Outcome.ANSWERED == report.outcome
        assert 2 == len(paper.keys)

    @pytest.mark.parametrize("steps", [[], [lost()]])
    @pytest.mark.parametrize(("entry", "rule"), rules_for("replay"))
    def test_error(self, entry, rule, steps):
        """A recorded 5xx is in doubt at once: asking again replays it."""
        shown = {**described(rule), "status": 500}
        paper, call = play(entry, *steps, answer(**shown))

        with pytest.raises(samekey.InDoubt) as caught:
            paper.run(call)

        assert "replayed_error" == caught.value.reason
        assert len(steps) + 1 == len(paper.keys)
        assert "server" == caught.value.report.replayed


def test_no_meaning_is_forgotten():
    """Every list of answers in the file is fed to a client above."""
    known = {*MEANINGS, "replay"}

    named = {
        name for entry in ENTRIES for name in entry.table.get("answers", {})
    }

    assert named <= known
    assert known == named
