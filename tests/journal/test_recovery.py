"""What dead processes left open is taken up: gently, and by who can say."""

import json

import anyio
import anyio.lowlevel
import attrs
import httpx
import pytest

from journal.support import (
    HOUR,
    ORDER,
    Api,
    Clock,
    Crash,
    client_of,
    crashed,
    dead_owner,
    live_owner,
    lost,
    memory,
    pay,
    refused,
)
from kinds import fast

import samekey

from samekey._message import Message
from samekey._recovering import arecover, recover
from samekey._recovery import became_of
from samekey.journal import Entry, Journal, Progress, Recovered, Resolution
from samekey.profiles import Placement, Profile
from samekey.stores import MemoryStore
from samekey.testing import FakeClock, stand_in


ONCE = fast(attempts=1)
BACKENDS = pytest.mark.parametrize("backend", [None, "asyncio", "trio"])


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


@pytest.fixture
def journal():
    """A journal that keeps requests."""
    return memory(remember="request")


def recovered(
    journal, api, clock, backend=None, *, reconcile=None, tell=None, **terms
):
    """Recover by a client of one kind; give the figures and the pauses."""
    slept = []
    client = client_of(
        journal,
        api,
        clock=clock,
        asynchronous=backend is not None,
        **{"policy": ONCE, **terms},
    )
    if backend is None:
        return recover(client, reconcile, tell, slept.append), slept

    async def asleep(seconds):
        slept.append(seconds)

    async def main():
        return await arecover(client, reconcile, tell, asleep)

    return anyio.run(main, backend=backend), slept


def left_open(journal, clock, *names, **terms):
    """Have a worker die in the middle of each operation."""
    for name in names:
        crashed(journal, clock=clock, operation=name, **terms)


def answered(entry, **changes):
    """Say that it went through."""
    return Resolution(
        outcome=samekey.Outcome.ANSWERED, why="seen in the ledger", **changes
    )


class TestProbes:
    @BACKENDS
    def test_sent_again(self, journal, clock, backend):
        """What has its request on record is sent again under its key."""
        left_open(journal, clock, "1", "2")
        keys = {each.key for each in journal.pending()}
        api = Api()
        told = []
        found, slept = recovered(
            journal, api, clock, backend, tell=told.append, secret=b"o" * 16
        )

        assert Recovered(answered=2) == found
        assert keys == set(api.keys)
        assert [] == slept
        assert [ORDER, ORDER] == [
            json.loads(each.content) for each in api.requests
        ]
        assert "application/json" == api.requests[0].headers["content-type"]
        assert [(1, 2, "answered"), (2, 2, "answered")] == [
            (each.done, each.total, each.became) for each in told
        ]
        assert {"1", "2"} == {each.entry.operation for each in told}
        assert [] == list(journal.pending())

    @pytest.mark.parametrize("kind", ["json", "form", "query"])
    def test_own_fingerprint(self, journal, clock, kind):
        """What `fingerprint=` looks at is as it was: without the key."""
        where = {"pointer": "/key"} if kind == "json" else {"name": "key"}
        terms = {
            "profile": Profile("x", placement=Placement(kind=kind, **where)),
            "fingerprint": lambda one: one.content + str(one.url).encode(),
        }
        journal.owner, own = dead_owner(), journal.owner
        sent = {"data" if kind == "form" else "json": ORDER}
        first = Api(Crash())
        client = client_of(journal, first, clock=clock, **terms)
        with pytest.raises(Crash):
            client.post("/payments", operation="1", **sent)
        journal.owner = own
        api = Api()
        found, _ = recovered(journal, api, clock, **terms)

        assert Recovered(answered=1) == found
        [before], [after] = first.requests, api.requests
        assert before.content == after.content
        assert before.url == after.url

    def test_odd_header(self, journal, clock):
        """A header that is not ASCII is sent as it was."""
        agent = {"client": {"headers": {"User-Agent": "Caf\xe9".encode()}}}
        left_open(journal, clock, "1", **agent)
        api = Api()
        found, _ = recovered(journal, api, clock)

        assert Recovered(answered=1) == found
        [request] = api.requests
        assert "Caf\xe9".encode() in [
            value for _, value in request.headers.raw
        ]

    def test_doors(self, journal, clock):
        """`recover` of a client does it, and of an async one, awaited."""
        left_open(journal, clock, "1")
        told = []
        client = client_of(journal, Api(), clock=clock)
        assert Recovered(answered=1) == client.recover(progress=told.append)
        assert isinstance(told[0], Progress)
        left_open(journal, clock, "2")

        async def main():
            other = client_of(journal, Api(), clock=clock, asynchronous=True)
            return await other.recover()

        assert Recovered(answered=1) == anyio.run(main)

    @BACKENDS
    @pytest.mark.parametrize("own", [{}, {"tenant": "a b", "page": 1}])
    def test_query(self, journal, clock, backend, own):
        """The query is sent as it was, where the client has one too."""
        options = {"params": own}
        client = client_of(
            journal, Api(lost()), clock=clock, policy=ONCE, client=options
        )
        with pytest.raises(samekey.InDoubt) as caught:
            pay(client, params={"page": "2", "q": ["x", "\xe9"]})
        api = Api()
        found, _ = recovered(journal, api, clock, backend, client=options)

        assert Recovered(answered=1) == found
        assert [caught.value.request.url] == [r.url for r in api.requests]

    @BACKENDS
    @pytest.mark.parametrize(
        ("options", "terms", "sent"),
        [
            ({"base_url": "https://other.example.com"}, {}, 0),
            ({"base_url": ""}, {}, 1),
            ({"base_url": ""}, {"origins": ["https://other.example"]}, 0),
            (
                {"base_url": "https://other.example.com"},
                {"origins": ["https://api.example.com"]},
                1,
            ),
        ],
    )
    def test_hosts(self, journal, clock, backend, options, terms, sent):
        """A client's credentials go to its own hosts, and to no others."""
        left_open(journal, clock, "1")
        api = Api()
        asked = []
        found, _ = recovered(
            journal,
            api,
            clock,
            backend,
            client=options,
            reconcile=asked.append,
            **terms,
        )

        assert Recovered(answered=sent, skipped=1 - sent) == found
        assert (sent, 1 - sent) == (len(api.requests), len(asked))

    @BACKENDS
    def test_gap(self, journal, clock, backend):
        """While probes fail the gap between them doubles, up to a minute."""
        names = [str(n) for n in range(10)]
        left_open(journal, clock, *names)
        api = Api(*[lost() for _ in range(9)])
        found, slept = recovered(journal, api, clock, backend)

        assert [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] == slept
        assert Recovered(answered=1, in_doubt=9) == found
        assert 9 == len(list(journal.pending()))

    def test_gap_ends(self, journal, clock):
        """Once one is answered there is no gap any more."""
        left_open(journal, clock, "1", "2", "3", "4")
        _, slept = recovered(journal, Api(lost(), lost(), 201, 201), clock)

        assert [1.0, 2.0] == slept

    def test_one_at_a_time(self, journal, clock):
        """No probe begins before the last one is over."""
        left_open(journal, clock, "1", "2", "3")
        going = []

        async def look(request):
            going.append(request)
            assert 1 == len(going)
            await anyio.lowlevel.checkpoint()
            going.clear()
            return httpx.Response(201, json={})

        found, _ = recovered(journal, look, clock, "asyncio")

        assert Recovered(answered=3) == found

    @BACKENDS
    def test_budget(self, journal, clock, backend):
        """Probes draw on the client's budget; without one they wait."""
        left_open(journal, clock, "1", "2", "3", "4")
        budget = samekey.RetryBudget(capacity=2, start=2, per_success=0)
        found, slept = recovered(journal, Api(), clock, backend, budget=budget)

        assert Recovered(answered=4) == found
        assert [1.0, 1.0] == slept
        assert not budget.spend(("https", "api.example.com", 443))

    @pytest.mark.parametrize(
        ("step", "became"),
        [
            (404, "in_doubt"),
            (402, "answered"),
            (429, "in_doubt"),
            (500, "in_doubt"),
            (201, "answered"),
        ],
    )
    def test_became(self, journal, clock, step, became):
        """What a probe tells is what the table says."""
        left_open(journal, clock, "1")
        found, _ = recovered(journal, Api(step), clock)

        assert Recovered(**{became: 1}) == found

    def test_expired(self, journal, clock):
        """What is too old is not sent; who is asked may know."""
        left_open(journal, clock, "1", retention=HOUR)
        clock.now += HOUR
        api = Api()
        found, _ = recovered(journal, api, clock, retention=HOUR)
        assert Recovered(expired=1) == found
        found, _ = recovered(
            journal, api, clock, retention=HOUR, reconcile=answered
        )

        assert Recovered(answered=1) == found
        assert [] == api.requests

    def test_taken_meanwhile(self, journal, clock):
        """What another worker has taken since is left to it."""
        left_open(journal, clock, "1", "2")
        others = live_owner()
        api = Api()

        def take(progress):
            if progress.done == 1:
                own, journal.owner = journal.owner, others
                for name in ("1", "2"):
                    if journal.get(name).state == "open":
                        with pytest.raises(Crash):
                            pay(
                                client_of(journal, Api(Crash()), clock=clock),
                                name,
                            )
                journal.owner = own

        found, _ = recovered(journal, api, clock, tell=take)

        assert Recovered(answered=1, busy=1) == found
        assert 1 == len(api.requests)

    def test_busy(self, journal):
        """What a live worker is on is not pending."""
        journal.owner, own = live_owner(), journal.owner
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash())))
        journal.owner = own
        api = Api()
        found, _ = recovered(journal, api, None)

        assert Recovered() == found
        assert journal.get("order-1").busy
        assert [] == api.requests

    def test_lost_answer(self, journal, clock):
        """A probe whose answer is lost has settled it."""

        class Broken(httpx.SyncByteStream):
            def __iter__(self):
                yield b"{"
                raise httpx.ReadError("")

        def broken(request):
            return httpx.Response(201, stream=Broken())

        left_open(journal, clock, "1")
        found, _ = recovered(journal, broken, clock)

        assert Recovered(answered=1) == found

    def test_settled_meanwhile(self, journal, clock):
        """What somebody settles meanwhile is what it says then."""
        left_open(journal, clock, "1", "2")

        def resolve(progress):
            if progress.done == 1:
                [entry] = journal.pending()
                journal.resolve(
                    entry,
                    samekey.Outcome.NOT_EXECUTED,
                    why="not in the ledger",
                    wall=clock.now,
                )

        sends = []

        def answering(request):
            sends.append(request)
            if len(sends) == 2:
                raise refused(request)
            return httpx.Response(201, json={})

        found, _ = recovered(journal, answering, clock, tell=resolve)

        assert Recovered(answered=1, not_executed=1) == found

    def test_of_an_error(self):
        """An error that tells nothing leaves it in doubt."""
        assert "in_doubt" == became_of(samekey.JournalError(""))
        assert "busy" == became_of(samekey.OperationBusy(""))

    def test_no_journal(self):
        """A client without a journal has nothing to recover."""
        rule = (
            r"^a client must have a journal to recover; pass journal= to wrap$"
        )
        client = samekey.wrap(httpx.Client())
        with pytest.raises(ValueError, match=rule):
            client.recover()

        async def main():
            await samekey.wrap(httpx.AsyncClient()).recover()

        with pytest.raises(ValueError, match=rule):
            anyio.run(main)

    def test_sleeps(self, clock, journal, monkeypatch):
        """Without a sleep of its own it takes the library's."""
        left_open(journal, clock, "1", "2")
        slept = []

        async def asleep(seconds):
            slept.append(seconds)

        monkeypatch.setattr(anyio, "sleep", asleep)

        async def main():
            client = client_of(
                journal,
                Api(lost()),
                clock=clock,
                asynchronous=True,
                policy=ONCE,
            )
            return await client.recover()

        assert Recovered(answered=1, in_doubt=1) == anyio.run(main)
        assert [1.0] == slept


class TestReconcile:
    @BACKENDS
    @pytest.mark.parametrize("awaited", [True, False])
    def test_asked(self, clock, backend, awaited):
        """What cannot be sent again is looked up by the user."""
        journal = memory()
        left_open(journal, clock, "1", "2", "3")
        asked = []

        def look(entry):
            asked.append(entry)
            if entry.operation == "3":
                return None
            found = answered(
                entry,
                status=201,
                body=b'{"number": 7}',
                headers=[("Content-Type", "application/json")],
            )
            if entry.operation == "2":
                found = Resolution(
                    outcome=samekey.Outcome.NOT_EXECUTED, why="not in ledger"
                )
            return found

        async def alook(entry):
            return look(entry)

        api = Api()
        found, slept = recovered(
            journal,
            api,
            clock,
            backend,
            reconcile=alook if awaited and backend else look,
        )

        assert Recovered(answered=1, not_executed=1, skipped=1) == found
        assert ([], []) == (slept, api.requests)
        assert all(isinstance(each, Entry) for each in asked)
        client = client_of(journal, api, clock=clock)
        given = pay(client, "1")
        assert (201, {"number": 7}) == (given.status_code, given.json())
        assert "journal" == samekey.report(given).replayed
        assert 201 == pay(client, "2").status_code
        assert 1 == len(api.requests)
        [change] = journal.get("1").changes
        assert ("answered", "seen in the ledger", clock.now) == (
            change.what,
            change.why,
            change.at,
        )

    def test_redacted(self, clock):
        """A request out of which something was taken is not sent again."""
        journal = memory(remember="request", redact=["/card"])
        left_open(journal, clock, "1")
        asked = []
        api = Api()
        found, _ = recovered(journal, api, clock, reconcile=asked.append)

        assert Recovered(skipped=1) == found
        assert ([], 1) == (api.requests, len(asked))
        assert asked[0].request.redacted

    def test_unnamed(self, clock):
        """A call without an operation id is sent again under its key."""
        journal = memory(remember="request", journal_all=True)
        client = client_of(journal, Api(lost()), clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            client.post("/payments", json=ORDER)
        api = Api()
        found, _ = recovered(journal, api, clock)

        assert Recovered(answered=1) == found
        assert 1 == len(api.requests)
        assert [] == list(journal.pending())

    def test_namespaces(self, journal, clock):
        """What is another client's is left alone, and nobody is asked."""
        left_open(journal, clock, "1", namespace="test")
        left_open(journal, clock, "1")
        asked = []
        api = Api()
        found, _ = recovered(
            journal, api, clock, namespace="live", reconcile=asked.append
        )
        assert Recovered(skipped=2) == found
        found, _ = recovered(journal, api, clock, namespace="test")

        assert Recovered(answered=1, skipped=1) == found
        assert ([], 1) == (asked, len(api.requests))

    @BACKENDS
    def test_changed_meanwhile(self, clock, backend):
        """What was settled while the user looked stays as it is."""
        journal = memory()
        left_open(journal, clock, "1")

        def look(entry):
            clock.now += 1
            pay(client_of(journal, Api(), clock=clock), "1")
            return Resolution(
                outcome=samekey.Outcome.NOT_EXECUTED, why="too early"
            )

        found, _ = recovered(journal, Api(), clock, backend, reconcile=look)

        assert Recovered(busy=1) == found
        assert "answered" == journal.get("1").state

    def test_generations(self, journal, clock):
        """A later generation is sent again as what it is."""
        client = client_of(journal, Api(), clock=clock)
        pay(client, "1")
        left_open(journal, clock, samekey.Operation("1", generation=2))
        api = Api()
        found, _ = recovered(journal, api, clock)

        assert Recovered(answered=1) == found
        assert 2 == journal.get("1").generation
        report = journal.get("1").report
        assert 2 == report.generation

    def test_types_of_ids(self, journal, clock):
        """An id of parts is sent again under the same parts."""
        name = ("order", 7, b"x")
        left_open(journal, clock, name)
        found, _ = recovered(journal, Api(), clock)

        assert Recovered(answered=1) == found
        assert "answered" == journal.get(name).state


class TestResolve:
    def test_answered_without_answer(self, clock):
        """Resolved without an answer, the server is asked for it."""
        journal = memory()
        left_open(journal, clock, "1", retention=HOUR)
        entry = journal.resolve(
            journal.get("1"),
            samekey.Outcome.ANSWERED,
            why="seen",
            wall=clock.now,
        )
        assert ("answered", None) == (entry.state, entry.answer)
        api = Api()
        pay(client_of(journal, api, clock=clock, retention=HOUR), "1")

        assert 1 == len(api.requests)
        left_open(journal, clock, "2", retention=HOUR)
        journal.resolve(
            journal.get("2"),
            samekey.Outcome.ANSWERED,
            why="seen",
            wall=clock.now,
        )
        clock.now += HOUR
        with pytest.raises(samekey.KeyExpired):
            pay(client_of(journal, api, clock=clock, retention=HOUR), "2")

    def test_done_without_answer(self, clock):
        """What was done already, by the API's word, is given without one."""
        journal = memory()
        profile = attrs.evolve(
            samekey.profiles.get("generic")[0],
            already_done=[samekey.profiles.Answer(status=409)],
        )
        terms = {"clock": clock, "profile": profile, "retention": HOUR}
        pay(client_of(journal, Api(409), **terms))
        journal.resolve(
            journal.get("order-1"),
            samekey.Outcome.ANSWERED,
            why="seen",
            wall=clock.now,
        )
        clock.now += HOUR
        late = pay(client_of(journal, Api(), **terms))

        assert 200 == late.status_code
        with pytest.raises(samekey.AnswerLost):
            late.read()

    @pytest.mark.parametrize(
        ("outcome", "why", "rule"),
        [
            (
                samekey.Outcome.IN_DOUBT,
                "x",
                "outcome must be answered or not_executed, got in_doubt",
            ),
            (
                samekey.Outcome.ANSWERED,
                "",
                "why must not be empty: it is kept for who asks later",
            ),
        ],
    )
    def test_refused(self, clock, outcome, why, rule):
        """It takes an outcome that is one, and a reason."""
        journal = memory()
        left_open(journal, clock, "1")

        with pytest.raises(ValueError, match=f"^{rule}$"):
            journal.resolve(journal.get("1"), outcome, why=why)

    def test_live(self):
        """Nobody speaks for what a live worker is on."""
        journal = memory()
        journal.owner, own = live_owner(), journal.owner
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash())))
        journal.owner = own

        with pytest.raises(
            samekey.OperationBusy, match=r"^another worker \(.*\) is on it$"
        ):
            journal.resolve(
                journal.get("order-1"), samekey.Outcome.ANSWERED, why="x"
            )

    def test_gone(self, clock):
        """What is not there any more cannot be resolved."""
        journal = memory()
        left_open(journal, clock, "1")
        entry = journal.get("1")
        journal.store._records.clear()

        with pytest.raises(
            samekey.OperationBusy,
            match=r"^something has become known of it since it was looked at$",
        ):
            journal.resolve(entry, samekey.Outcome.ANSWERED, why="x")

    def test_sent_since(self, clock):
        """A send since the look is noticed, also if it was cut off."""
        journal = memory()
        terms = {"clock": clock, "policy": ONCE}
        with pytest.raises(samekey.InDoubt):
            pay(client_of(journal, Api(lost()), **terms), "1")
        entry = journal.get("1")
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash()), **terms), "1")
        assert (entry.state, entry.updated) == (
            journal.get("1").state,
            journal.get("1").updated,
        )

        with pytest.raises(
            samekey.OperationBusy,
            match=r"^something has become known of it since it was looked at$",
        ):
            journal.resolve(entry, samekey.Outcome.NOT_EXECUTED, why="x")
        assert "not_executed" == (
            journal.resolve(
                journal.get("1"), samekey.Outcome.NOT_EXECUTED, why="x"
            ).state
        )

    def test_race(self, clock):
        """Who was faster has it."""

        class Meddled(MemoryStore):
            def get(self, id):  # noqa: A002 -- the field's name
                found = super().get(id)
                if meddling:
                    meddling.pop()
                    with pytest.raises(Crash):
                        pay(client_of(other, Api(Crash()), clock=clock), "1")
                return found

        meddling = []
        store = Meddled()
        journal = Journal(store, secret=b"s" * 16)
        other = Journal(store, secret=b"s" * 16)
        left_open(journal, clock, "1")
        entry = journal.get("1")
        meddling.append(True)

        with pytest.raises(
            samekey.OperationBusy, match=r"^another worker has taken it$"
        ):
            journal.resolve(
                entry, samekey.Outcome.ANSWERED, why="x", wall=clock.now
            )

    def test_race_is_left(self, clock):
        """Who comes second does not hold what the other one is done with."""

        class Meddled(MemoryStore):
            def claim(self, *args, **options):
                if meddling:
                    meddling.pop()
                    with pytest.raises(samekey.InDoubt):
                        pay(client_of(other, Api(lost()), **terms), "1")
                return super().claim(*args, **options)

        meddling, terms = [], {"clock": clock, "policy": ONCE}
        store = Meddled()
        journal = Journal(store, secret=b"s" * 16)
        other = Journal(store, secret=b"s" * 16)
        with pytest.raises(samekey.InDoubt):
            pay(client_of(journal, Api(lost()), **terms), "1")
        entry = journal.get("1")
        meddling.append(True)

        with pytest.raises(
            samekey.OperationBusy, match=r"^another worker has taken it$"
        ):
            journal.resolve(
                entry, samekey.Outcome.ANSWERED, why="x", wall=clock.now
            )
        assert 201 == pay(client_of(other, Api(), **terms), "1").status_code

    def test_find(self, clock):
        """A record is found by its own id too."""
        journal = memory()
        left_open(journal, clock, "1")
        entry = journal.get(samekey.Operation("1"))

        assert entry == journal.find(entry.id)
        assert journal.find("op:none") is None
        assert journal.get("none") is None
        assert entry.key not in repr(entry)

    def test_resolution(self):
        """A resolution without a status has no answer."""
        assert answered(None).answer is None
        assert (
            Message(status=201, body=b"") == answered(None, status=201).answer
        )


class TestPeople:
    def test_stand_in(self):
        """It goes by the time that stands in for the process's own."""
        journal = memory(keep=HOUR)
        clock = FakeClock()
        clock.advance(10 * HOUR)
        journal.owner, own = live_owner(), journal.owner
        with stand_in(clock):
            with pytest.raises(Crash):
                pay(client_of(journal, Api(Crash())), "order-2")
            journal.owner = own
            assert journal.get("order-2").busy
            clock.advance(HOUR)

            assert not journal.get("order-2").busy
            assert 1 == len(list(journal.pending()))
            pay(client_of(journal, Api()), "order-3")
            clock.advance(HOUR)
            assert 1 == journal.purge()

    def test_pages(self, clock):
        """All that is recorded is listed, however much it is."""
        journal = memory()
        client = client_of(journal, Api(), clock=clock)
        for number in range(250):
            pay(client, f"order-{number}")

        names = {each.operation for each in journal.entries()}
        assert 250 == len(names)
        assert [] == list(journal.entries(state="open"))

    def test_purge(self, clock):
        """What is settled goes after its time; what is open stays."""
        journal = memory(keep=2 * HOUR)
        terms = {"clock": clock, "retention": HOUR}
        pay(client_of(journal, Api(), **terms))
        pay(client_of(journal, Api(429), policy=ONCE, **terms), "2")
        left_open(journal, clock, "3", retention=HOUR)
        with pytest.raises(samekey.InDoubt):
            pay(client_of(journal, Api(lost()), policy=ONCE, **terms), "4")
        clock.now += 2 * HOUR - 1
        assert 0 == journal.purge(wall=clock.now)
        clock.now += 1

        assert 2 == journal.purge(wall=clock.now)
        states = {each.operation: each.state for each in journal.entries()}
        assert {"3": "open", "4": "in_doubt"} == states
        assert 0 == journal.purge()

    def test_keep_and_retention(self, clock):
        """Nothing goes while the server knows its key."""
        journal = memory(keep=1)
        pay(client_of(journal, Api(), clock=clock, retention=HOUR))
        clock.now += HOUR - 1

        assert 0 == journal.purge(wall=clock.now)
        assert 1 == journal.purge(wall=clock.now + 1)


class TestErrors:
    @BACKENDS
    def test_of_a_hook(self, clock, backend):
        """What a hook of the user's raises does not end the recovery."""
        journal = memory(remember="request")
        left_open(journal, clock, "1")
        left_open(journal, clock, "2")
        seen = []

        def fail():
            msg = "a hook"
            raise RuntimeError(msg)

        def hook(response):
            fail()

        async def ahook(response):
            fail()

        def tell(progress):
            seen.append((progress.became, repr(progress.error)))

        found, _ = recovered(
            journal,
            Api(),
            clock,
            backend=backend,
            tell=tell,
            client={
                "event_hooks": {
                    "response": [hook if backend is None else ahook]
                }
            },
        )

        assert 2 == found.answered + found.in_doubt
        assert [("in_doubt", "RuntimeError('a hook')")] * 2 == seen
