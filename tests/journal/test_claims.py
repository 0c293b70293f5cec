"""What a record in the journal lets a call do: the table, row by row."""

import os
import threading

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
    live_owner,
    lost,
    memory,
    pay,
    refused,
)
from kinds import fast
from paper import Paper, answer
from paper import lost as lost_step

import samekey

from samekey._effects import Send
from samekey._intent import Intent, Wish, decide
from samekey._kept import Kept
from samekey._message import Message
from samekey._report import Report
from samekey.journal import Journal
from samekey.stores import LateOwner, MemoryStore, Record, SQLiteStore
from samekey.testing import FakeClock, stand_in


ONCE = fast(attempts=1)
NOW = 1_700_000_000.0


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """Each of the stores."""
    if request.param == "memory":
        return MemoryStore()
    return SQLiteStore(tmp_path / "payments.db")


@pytest.fixture
def journal(store):
    """A journal over each of the stores."""
    return Journal(store, secret=b"s" * 16)


def recorded(state="open", **changes):
    """Make a record, and what is kept in it."""
    kept = {"mark": "mark", **changes.pop("kept", {})}
    record = Record(
        id="id",
        key=changes.pop("key", "key"),
        fingerprint=changes.pop("fingerprint", b"same"),
        state=state,
        created=NOW,
        updated=NOW,
        **changes,
    )
    return record, Kept(**kept)


def intending(**changes):
    """Make an intent to send the same once more."""
    fields = {
        "id": "id",
        "key": "key",
        "theirs": False,
        "fingerprint": b"same",
        "named": True,
        "force": False,
        "retention": HOUR,
        "kept": Kept(),
        **changes,
    }
    return Intent(**fields)


def said(status, body=b"{}", **report):
    """Make what is kept of an answer."""
    told = Report(key="key", outcome=samekey.Outcome.ANSWERED, **report)
    return {"answer": Message(status=status, body=body), "report": told}


class TestDecide:
    @pytest.mark.parametrize(
        ("state", "kept", "later", "free", "step"),
        [
            ("open", {}, 0, True, "send"),
            ("open", {}, HOUR - 1, True, "send"),
            ("open", {}, 0, False, "busy"),
            ("open", {}, HOUR, False, "busy"),
            ("open", {}, -HOUR, True, "send"),
            ("in_doubt", {}, 0, True, "send"),
            ("in_doubt", {}, 0, False, "busy"),
            ("not_executed", {}, 0, True, "replace"),
            ("not_executed", {}, 9 * HOUR, True, "replace"),
            ("not_executed", {}, 0, False, "busy"),
            ("answered", said(201), 0, True, "give"),
            ("answered", said(201), 9 * HOUR, True, "give"),
            ("answered", said(201, None), 0, True, "send"),
            ("answered", said(201, None), HOUR, True, "give"),
            ("answered", said(299), 0, True, "give"),
            ("answered", said(402), 0, True, "reopen"),
            ("answered", said(404), 0, True, "reopen"),
            ("answered", said(300), 0, True, "reopen"),
            ("answered", said(409, already_done=True), 0, True, "give"),
            ("answered", said(409, already_done=True), HOUR, True, "give"),
            ("answered", said(409, None, already_done=True), 0, True, "send"),
            ("answered", {}, 0, True, "reopen"),
        ],
    )
    def test_same(self, state, kept, later, free, step):
        """The same operation again is sent, given, or left to another."""
        record, kept = recorded(state, kept=kept)

        found = decide(
            record,
            kept,
            intending(),
            now=NOW + later,
            free=free,
            mark="mark",
        )

        assert step == found

    @pytest.mark.parametrize(
        ("state", "kept"),
        [
            ("open", {}),
            ("in_doubt", {}),
            ("answered", said(402)),
            ("answered", {}),
        ],
    )
    def test_expired(self, state, kept):
        """Past the server's memory of a key nothing is sent under it."""
        record, kept = recorded(state, kept=kept)

        rule = (
            r"^first sent 3600 s ago, and the server remembers keys for 3600 s;"
            r" nothing was sent\. Ask the API what became of it, and tell the"
            r" journal: Journal\.resolve, or `samekey journal resolve`$"
        )
        with pytest.raises(samekey.KeyExpired, match=rule) as caught:
            decide(
                record,
                kept,
                intending(),
                now=NOW + HOUR,
                free=True,
                mark="mark",
            )

        assert kept.previous(record.key) == caught.value.previous

    @pytest.mark.parametrize(
        ("intent", "mark", "rule"),
        [
            (
                {"fingerprint": b"other"},
                "mark",
                r"this operation was recorded with another request; nothing"
                r" was sent\. A deliberate new try is a new generation",
            ),
            (
                {"fingerprint": b"other", "named": False},
                "mark",
                r"this key was recorded with another request; nothing was"
                r" sent\. A deliberate new try is a new key",
            ),
            (
                {"key": "other", "theirs": True},
                "mark",
                r"this operation was recorded with another key; nothing was"
                r" sent",
            ),
            ({"key": "other"}, "mark", None),
            ({"fingerprint": b"other"}, "lost", None),
        ],
    )
    @pytest.mark.parametrize("free", [True, False])
    def test_changed(self, intent, mark, rule, free):
        """Another request, or another key, is told, also while it is busy."""
        record, kept = recorded()

        def call():
            return decide(
                record,
                kept,
                intending(**intent),
                now=NOW,
                free=free,
                mark=mark,
            )

        if rule is None:
            assert ("send" if free else "busy") == call()
        else:
            with pytest.raises(samekey.OperationChanged, match=f"^{rule}$"):
                call()

    @pytest.mark.parametrize(
        ("state", "wanted", "force", "free", "step"),
        [
            ("answered", 3, False, True, "replace"),
            ("not_executed", 3, False, True, "replace"),
            ("answered", 3, False, False, "busy"),
            ("open", 3, True, True, "replace"),
            ("in_doubt", 3, True, True, "replace"),
            ("in_doubt", 3, True, False, "busy"),
            ("in_doubt", 3, False, True, "2 of this operation is in doubt"),
            ("open", 3, False, False, "2 of this operation is in doubt"),
            ("answered", 1, False, True, "must be at least 2, the last one"),
            ("answered", 1, True, True, "must be at least 2, the last one"),
        ],
    )
    def test_generation(self, state, wanted, force, free, step):
        """A new generation begins anew, unless the last one is in doubt."""
        record, kept = recorded(state, kept={"generation": 2})
        intent = intending(
            kept=Kept(generation=wanted), force=force, fingerprint=b"other"
        )

        def call():
            return decide(
                record, kept, intent, now=NOW, free=free, mark="mark"
            )

        if step in {"replace", "busy"}:
            assert step == call()
        else:
            with pytest.raises(
                samekey.OperationChanged, match=rf"^generation {step}.*$"
            ):
                call()


class TestTable:
    def test_nothing(self, journal, clock):
        """What is new is on record before it is sent."""
        states = []

        def look(request):
            states.append(journal.get("order-1"))
            return httpx.Response(201, json={})

        api = Api(look)
        pay(client_of(journal, api, clock=clock))

        [entry] = states
        assert ("open", api.keys[0], 1) == (
            entry.state,
            entry.key,
            entry.generation,
        )
        assert ("POST", "https://api.example.com/payments") == (
            entry.method,
            entry.url,
        )
        assert "answered" == journal.get("order-1").state

    def test_given(self, journal, clock):
        """A payment that went through is told again, and nothing is sent."""
        api = Api()
        first = pay(client_of(journal, api, clock=clock))
        other = client_of(journal, api, clock=clock)
        clock.now += 20 * HOUR
        second = pay(other)

        assert 1 == len(api.requests)
        assert (201, first.json()) == (second.status_code, second.json())
        report = samekey.report(second)
        assert "journal" == report.replayed
        assert attrs.evolve(report, replayed=None) == samekey.report(first)
        assert "order-1" == report.operation
        assert 0 == second.elapsed.total_seconds()
        assert second.request.url == first.request.url

    @pytest.mark.parametrize("status", [402, 404, 409])
    def test_asked_again(self, journal, clock, status):
        """What the server refused is asked for again under the same key."""
        api = Api(status)
        first = pay(client_of(journal, api, clock=clock))
        second = pay(client_of(journal, api, clock=clock))

        assert (status, 201) == (first.status_code, second.status_code)
        assert 1 == len(set(api.keys))
        assert samekey.report(second).replayed is None
        assert 201 == journal.get("order-1").answer.status

    def test_not_executed(self, journal, clock):
        """What was not executed is sent under the same key."""
        api = Api(429)
        refused = pay(client_of(journal, api, clock=clock, policy=ONCE))
        assert "not_executed" == samekey.report(refused).outcome
        clock.now += 20 * HOUR
        again = pay(
            client_of(journal, api, clock=clock, secret=b"rotated" * 3)
        )

        assert 201 == again.status_code
        assert 1 == len(set(api.keys))
        assert api.keys[0] == samekey.report(again).key

    def test_in_doubt(self, journal, clock):
        """A payment in doubt is sent again under its key."""
        api = Api(lost())
        client = client_of(journal, api, clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            pay(client)
        assert "in_doubt" == journal.get("order-1").state
        pay(client_of(journal, api, clock=clock))

        assert 2 == len(api.requests)
        assert 1 == len(set(api.keys))

    @pytest.mark.parametrize("state", ["open", "in_doubt"])
    @pytest.mark.parametrize("status", [404, 422, 429])
    def test_doubt_is_remembered(self, journal, clock, state, status):
        """After doubt in an earlier process, a 404 does not read as "no"."""
        if state == "open":
            crashed(journal, clock=clock)
        else:
            with pytest.raises(samekey.InDoubt):
                pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
        assert state == journal.get("order-1").state
        client = client_of(journal, Api(status), clock=clock, policy=ONCE)

        with pytest.raises(samekey.InDoubt):
            pay(client)
        assert "in_doubt" == journal.get("order-1").state

    def test_leases_do_not_add_up(self, journal, clock):
        """However often it is cut off, it is held for one call's time."""
        for _ in range(3):
            crashed(journal, clock=clock)
            [record] = journal.store.scan()
            assert 90 <= record.lease_until - clock.now < 90.1
        clock.now += 30
        crashed(journal, clock=clock, policy=fast(deadline=10))

        [record] = journal.store.scan()
        # What was said once is kept.
        assert 60 <= record.lease_until - clock.now < 60.1

    def test_two_take_over(self, journal, clock):
        """Of two that see a dead worker's lease, the second is busy."""
        crashed(journal, clock=clock)
        found = journal.store.get

        def answering(request):
            # The first is at it, and the second has seen what was before.
            journal.store.get = second
            with pytest.raises(samekey.OperationBusy):
                pay(client_of(other, Api(), clock=clock))
            journal.store.get = found
            return httpx.Response(201)

        api = Api(answering)
        stale = found(journal.get("order-1").id)
        seen = []

        def second(id):  # noqa: A002 -- the field's name
            seen.append(id)
            return stale if len(seen) == 1 else found(id)

        other = Journal(journal.store, secret=journal.secret)
        answer = pay(client_of(journal, api, clock=clock))

        assert 201 == answer.status_code
        assert samekey.report(answer).unrecorded is None
        assert seen

    def test_never_not_executed_after_doubt(self, journal, clock):
        """A refused connection says nothing of what a dead process sent."""

        def refusing(request):
            raise refused(request)

        client = client_of(journal, refusing, clock=clock, policy=ONCE)
        with pytest.raises(samekey.NotExecuted):
            pay(client, "order-2")
        crashed(journal, clock=clock)

        with pytest.raises(samekey.InDoubt):
            pay(client)
        assert "in_doubt" == journal.get("order-1").state
        assert "not_executed" == journal.get("order-2").state

    @pytest.mark.parametrize("status", [402, 404])
    def test_refusal_is_no_last_word(self, journal, clock, status):
        """A crash while a refusal is asked for again leaves it in doubt."""
        pay(client_of(journal, Api(status), clock=clock))
        crashed(journal, clock=clock)
        assert ["order-1"] == [e.operation for e in journal.pending()]
        clock.now += 60 * 86_400.0
        assert 0 == journal.purge(wall=clock.now)
        clock.now -= 60 * 86_400.0
        client = client_of(journal, Api(404), clock=clock)
        with pytest.raises(samekey.OperationChanged):
            pay(client, samekey.Operation("order-1", generation=2))

        with pytest.raises(samekey.InDoubt):
            pay(client)

    @pytest.mark.parametrize("status", [None, 402, 404])
    def test_expired(self, journal, clock, status):
        """Past the server's memory of the key nothing is sent."""
        if status is None:
            api = crashed(journal, clock=clock, retention=HOUR)
        else:
            api = Api(status)
            pay(client_of(journal, api, clock=clock, retention=HOUR))
        clock.now += HOUR
        client = client_of(journal, api, clock=clock, retention=HOUR)

        with pytest.raises(samekey.KeyExpired, match=r"^first sent 3600 s .*"):
            pay(client)
        assert 1 == len(api.requests)

    def test_margin(self, journal, clock):
        """An API's retention counts less its margin."""
        api = crashed(journal, clock=clock, profile="stripe")
        memory = samekey.profiles.get("stripe")[0].memory
        clock.now += memory - 1
        pay(client_of(journal, api, clock=clock, profile="stripe"))
        crashed(journal, clock=clock, operation="2", profile="stripe")
        clock.now += memory

        with pytest.raises(samekey.KeyExpired):
            pay(client_of(journal, api, clock=clock, profile="stripe"), "2")

    def test_changed_request(self, journal, clock):
        """Another amount under the same name is refused, whatever became."""
        api = Api()
        first = pay(client_of(journal, api, clock=clock))

        with pytest.raises(samekey.OperationChanged) as caught:
            pay(
                client_of(journal, api, clock=clock),
                order={**ORDER, "amount": 501},
            )
        assert 1 == len(api.requests)
        previous = caught.value.previous
        assert samekey.report(first).attempts == previous.attempts

    def test_another_key(self, journal, clock):
        """Another key for the same operation is refused."""
        api = Api(lost())
        with pytest.raises(samekey.InDoubt):
            pay(client_of(journal, api, clock=clock, policy=ONCE))

        with pytest.raises(
            samekey.OperationChanged, match=r"^this operation .* another key.*"
        ):
            pay(
                client_of(journal, api, clock=clock),
                idempotency_key="mine-1",
            )
        assert 1 == len(api.requests)

    def test_recorded_key_wins(self, journal, clock):
        """After a secret was rotated the recorded key goes on."""
        api = Api(lost(), lost())
        for secret in (b"a" * 16, b"b" * 16):
            client = client_of(
                journal, api, clock=clock, policy=ONCE, secret=secret
            )
            with pytest.raises(samekey.InDoubt):
                pay(client)

        assert 1 == len(set(api.keys))

    @pytest.mark.parametrize("profile", ["adyen", "square"])
    def test_recorded_key_wins_elsewhere(self, journal, clock, profile):
        """So it does where an API takes it elsewhere than in a header."""
        [found, *_] = samekey.profiles.get(profile)
        bodies = []

        def losing(request):
            name = found.placement.name
            bodies.append((request.headers.get(name or ""), request.content))
            raise httpx.ReadTimeout("")

        for secret in (b"a" * 16, b"b" * 16):
            client = client_of(
                journal,
                losing,
                clock=clock,
                policy=ONCE,
                secret=secret,
                profile=profile,
            )
            with pytest.raises(samekey.InDoubt):
                pay(client)

        assert 2 == len(bodies)
        assert 1 == len(set(bodies))

    def test_generations(self, journal, clock):
        """A new generation is a new payment, and the older one is over."""
        api = Api()
        client = client_of(journal, api, clock=clock)
        pay(client)
        pay(client, samekey.Operation("order-1", generation=2))
        again = pay(client, samekey.Operation("order-1", generation=2))

        assert 2 == len(set(api.keys)) == len(api.requests)
        assert "journal" == samekey.report(again).replayed
        entry = journal.get("order-1")
        assert (2, 2) == (entry.generation, samekey.report(again).generation)
        with pytest.raises(
            samekey.OperationChanged,
            match=r"^generation must be at least 2, the last one recorded, got"
            r" 1; nothing was sent$",
        ):
            pay(client)

    def test_generation_after_doubt(self, journal, clock):
        """After doubt a new generation must be forced."""
        api = crashed(journal, clock=clock)
        client = client_of(journal, api, clock=clock)

        with pytest.raises(
            samekey.OperationChanged,
            match=r"^generation 1 of this operation is in doubt: .*$",
        ):
            pay(client, samekey.Operation("order-1", generation=2))
        pay(client, samekey.Operation("order-1", generation=2, force=True))
        assert 2 == len(set(api.keys)) == len(api.requests)

    def test_earlier_reports(self, journal, clock):
        """What became of earlier generations stays on record."""
        client = client_of(journal, Api(), clock=clock)
        for generation in (1, 2, 3):
            pay(client, samekey.Operation("order-1", generation=generation))

        [record] = journal.store.scan()
        kept = Kept.decode(record.data, record.key)
        assert [1, 2] == [each.generation for each in kept.earlier]

    def test_unnamed(self, journal, clock):
        """Calls without an operation id are not on record."""
        client = client_of(journal, Api(), clock=clock)
        client.post("/payments", json=ORDER)
        client.post("/payments", json=ORDER, idempotency_key="mine-1")
        client.get("/payments")

        assert [] == list(journal.entries())

    def test_no_key(self, journal, clock):
        """What has an id and cannot be recorded is not sent, and says so."""
        api = Api()
        client = client_of(journal, api, clock=clock, profile="none")
        with pytest.raises(
            samekey.InvalidKey,
            match=(
                r"^an operation must have a key to be recorded in the journal,"
                r" and by the profile none the API takes none; nothing was"
                r" sent\. Leave the operation"
                r" id out, or use a client without journal=$"
            ),
        ):
            pay(client)

        with samekey.operation("order-1"):  # it names what gets a key
            client.post("/payments", json=ORDER)
        client.post("/payments", json=ORDER)
        client.put("/payments/1", json=ORDER, operation="order-1")
        assert 3 == len(api.requests)
        assert [] == list(journal.entries())

    def test_journal_all(self, store, clock):
        """All calls with a key are on record where the journal is to."""
        journal = Journal(store, secret=b"s" * 16, journal_all=True)
        api = Api()
        client = client_of(journal, api, clock=clock)
        client.get("/payments")
        client.post("/payments", json=ORDER)
        mine = {"json": ORDER, "idempotency_key": "mine-1"}
        client.post("/payments", **mine)
        again = client.post("/payments", **mine)

        assert 3 == len(api.requests)
        assert 2 == len(list(journal.entries()))
        assert "journal" == samekey.report(again).replayed
        with pytest.raises(
            samekey.OperationChanged, match=r"^this key was recorded with .*$"
        ):
            client.post("/payments", **{**mine, "json": {"amount": 1}})

    def test_namespaces(self, journal, clock):
        """The same id in another namespace is another operation."""
        api = Api()
        pay(client_of(journal, api, clock=clock))
        pay(client_of(journal, api, clock=clock, namespace="live"))

        assert 2 == len(set(api.keys))
        assert "live" == journal.get("order-1", namespace="live").namespace

    def test_already_done(self, journal, clock):
        """What the API says is done already is told again."""
        profile = attrs.evolve(
            samekey.profiles.get("generic")[0],
            already_done=[samekey.profiles.Answer(status=409, code="paid")],
        )

        def done(request):
            return httpx.Response(409, json={"code": "paid"})

        api = Api(done)
        terms = {"clock": clock, "profile": profile}
        first = pay(client_of(journal, api, **terms))
        second = pay(client_of(journal, api, **terms))

        assert 1 == len(api.requests)
        assert (409, {"code": "paid"}) == (second.status_code, second.json())
        assert first.json() == second.json()
        assert samekey.report(second).already_done

    def test_resume(self, journal, clock):
        """What is resumed goes on where the journal is."""
        api = Api(lost())
        client = client_of(journal, api, clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt) as caught:
            pay(client)
        assert 201 == client.resume(caught.value).status_code

        assert 1 == len(set(api.keys))
        assert "answered" == journal.get("order-1").state
        with pytest.raises(LookupError):
            client.resume(ValueError())


class TestBusy:
    def test_live(self, journal, clock):
        """While a live worker is on it, nobody else is."""
        journal.owner, own = live_owner(), journal.owner
        api = Api(Crash())
        with pytest.raises(Crash):
            pay(client_of(journal, api, clock=clock))
        journal.owner = own
        client = client_of(journal, api, clock=clock)

        rule = (
            r"^another worker \(.+:\d+:00000000-\d+\) is on this operation;"
            r" nothing was sent$"
        )
        with pytest.raises(samekey.OperationBusy, match=rule):
            pay(client)
        assert 1 == len(api.requests)
        assert journal.get("order-1").busy is False  # in 2023, by now
        clock.now += 90.1
        pay(client)
        assert 2 == len(api.requests)

    def test_lease_is_the_deadline(self, journal, clock):
        """A lease lasts 30 s longer than its call may, or ten minutes."""
        leases = []

        def look(request):
            leases.extend(
                each.lease_until - clock.now for each in journal.store.scan()
            )
            return httpx.Response(201)

        for deadline in (5.0, None):
            policy = fast(deadline=deadline)
            name = f"order-{deadline}"
            pay(client_of(journal, look, clock=clock, policy=policy), name)
            clock.now += 1

        assert [35.0] == leases[:1]
        assert 600.0 in leases

    def test_same_process(self, journal, clock):
        """A second thread finds it busy; when the first is done, an answer."""
        told = []

        def twice(request):
            with pytest.raises(samekey.OperationBusy) as caught:
                pay(client)
            told.append(caught.value)
            return httpx.Response(201, json={})

        client = client_of(journal, twice, clock=clock)
        pay(client)

        [(outcome, operation)] = [
            (each.previous.outcome, each.previous.operation) for each in told
        ]
        assert ("open", "order-1") == (outcome, operation)
        assert "journal" == samekey.report(pay(client)).replayed

    def test_twin(self, journal, clock):
        """The same Request in two threads is one operation, key in it or not."""
        begun, going = threading.Event(), threading.Event()

        def slow(request):
            begun.set()
            assert going.wait(10)
            return httpx.Response(201, json={})

        client = client_of(
            journal,
            Api(slow),
            clock=clock,
            profile="square",
            fingerprint=lambda request: request.content,
        )
        request = client.build_request(
            "POST",
            "/payments",
            json=ORDER,
            extensions={"samekey": {"operation": "order-1"}},
        )
        thread = threading.Thread(target=client.send, args=(request,))
        thread.start()
        assert begun.wait(10)
        try:
            with pytest.raises(samekey.OperationBusy):
                client.send(request)
        finally:
            going.set()
            thread.join()

    def test_dead(self, journal, clock):
        """Nobody waits for a worker of this machine that is dead."""
        api = crashed(journal, clock=clock)
        pay(client_of(journal, api, clock=clock))

        assert 1 == len(set(api.keys))
        assert 2 == len(api.requests)

    def test_own(self, journal, clock):
        """Nobody waits for a call of this process that is over."""
        api = Api(Crash())
        client = client_of(journal, api, clock=clock)
        with pytest.raises(Crash):
            pay(client)
        pay(client)

        assert 1 == len(set(api.keys))

    def test_another_machine(self, journal, clock):
        """A worker of another machine is waited for, dead or not."""
        journal.owner, own = "elsewhere:1:00000000", journal.owner
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash()), clock=clock))
        journal.owner = own

        with pytest.raises(samekey.OperationBusy):
            pay(client_of(journal, Api(), clock=clock))

    @pytest.mark.parametrize("owner", ["", "odd", "a:b", "a:b:c"])
    def test_odd_owner(self, journal, clock, owner):
        """An owner whose name says nothing is waited for."""
        journal.owner, own = owner, journal.owner
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash()), clock=clock))
        journal.owner = own

        with pytest.raises(samekey.OperationBusy):
            pay(client_of(journal, Api(), clock=clock))

    def test_wait(self, clock):
        """With busy="wait" a call waits until the other one is done."""
        store = MemoryStore()
        other = Journal(store, secret=b"s" * 16)
        mine = Journal(store, secret=b"s" * 16, busy="wait")
        first = Paper(journal=other)
        call = first.open(operation="order-1")
        begun = _begin(other, call, lease=60.0)
        paper = Paper(answer(201), journal=mine)
        slept = []

        def done_later(seconds):
            slept.append(seconds)
            if len(slept) == 3:
                kept = attrs.evolve(
                    begun.kept, **said(201, b'{"by": "the other"}')
                )
                other.complete(
                    begun,
                    state="answered",
                    kept=kept,
                    now=paper.terms.time.wall(),
                )

        paper.slept = _Told(done_later)
        response = paper.post(operation="order-1")

        assert {"by": "the other"} == response.json()
        assert [0.25] * 3 == slept
        assert not any(isinstance(each, Send) for each in paper.effects)

    def test_wait_too_long(self, clock):
        """It waits up to the deadline, and no longer."""
        store = MemoryStore()
        other = Journal(store, secret=b"s" * 16)
        mine = Journal(store, secret=b"s" * 16, busy="wait")
        first = Paper(journal=other)
        _begin(other, first.open(operation="order-1"), lease=600.0)
        paper = Paper(journal=mine)

        with pytest.raises(samekey.OperationBusy):
            paper.post(operation="order-1", policy=fast(deadline=2.0))
        assert 1.95 == pytest.approx(sum(paper.slept))

    def test_wait_without_deadline(self, clock):
        """Without a deadline it waits until the lease is over."""
        store = MemoryStore()
        other = Journal(store, secret=b"s" * 16)
        mine = Journal(store, secret=b"s" * 16, busy="wait")
        first = Paper(journal=other)
        _begin(other, first.open(operation="order-1"), lease=3.0)
        paper = Paper(lost_step(), answer(201), journal=mine)
        paper.post(operation="order-1", policy=fast(deadline=None))

        assert 3.0 == pytest.approx(sum(paper.slept))


def _begin(journal, call, *, lease):
    from samekey import _claiming  # noqa: PLC0415

    intent = _claiming.intent_of(call)
    wish = Wish(intent=intent, now=call.terms.time.wall(), lease=lease)
    return journal.begin(wish)


def test_late(clock):
    """Who records what another has taken over is told so."""
    journal = memory()
    paper = Paper(journal=journal)
    begun = _begin(journal, paper.open(operation="order-1"), lease=0.0)
    other = _begin(journal, paper.open(operation="order-1"), lease=0.0)

    with pytest.raises(LateOwner):
        journal.complete(begun, state="answered", kept=begun.kept, now=1e9)

    journal.complete(other, state="answered", kept=other.kept, now=1e9)
    assert "answered" == journal.get("order-1").state


class _Told(list):
    """Tells when something is added."""

    def __init__(self, tell):
        super().__init__()
        self.append = tell


class TestRaces:
    """Between the look and the take another worker may be faster."""

    @pytest.mark.parametrize("state", ["in_doubt", "not_executed"])
    @pytest.mark.parametrize("faster", ["holds", "done"])
    def test_taken(self, clock, state, faster):
        """Who comes second looks again, whatever the first one did."""
        store = Meddled()
        journal = Journal(store, secret=b"s" * 16)
        other = Journal(store, secret=b"s" * 16)
        first = lost() if state == "in_doubt" else 429
        api = Api(first)
        client = client_of(journal, api, clock=clock, policy=ONCE)
        try:
            pay(client)
        except samekey.InDoubt:
            pass
        assert state == journal.get("order-1").state

        def meddle():
            api.script = [201 if faster == "done" else Crash()]
            try:
                pay(client_of(other, api, clock=clock, policy=ONCE))
            except Crash:
                pass

        store.meddle = meddle
        if faster == "done":
            again = pay(client)
            assert "journal" == samekey.report(again).replayed
        else:
            with pytest.raises(samekey.OperationBusy):
                pay(client)
        assert 2 == len(api.requests)
        assert 1 == len(set(api.keys))

    def test_taken_and_still_in_doubt(self, clock):
        """Another one was faster, and still nobody knows."""
        store = Meddled()
        journal = Journal(store, secret=b"s" * 16)
        other = Journal(store, secret=b"s" * 16)
        api = Api(lost(), lost())
        client = client_of(journal, api, clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            pay(client)

        def meddle():
            with pytest.raises(samekey.InDoubt):
                pay(client_of(other, api, clock=clock, policy=ONCE))

        store.meddle = meddle
        pay(client)

        assert 3 == len(api.requests)
        assert 1 == len(set(api.keys))
        assert "answered" == journal.get("order-1").state


class Meddled(MemoryStore):
    """Somebody else acts between the look of a claim and its take."""

    meddle = None

    def claim(self, fresh, *, now, lease, take=("open",), replaces=None):
        if self.meddle is not None and (take or replaces is not None):
            meddle, self.meddle = self.meddle, None
            meddle()
        return super().claim(
            fresh, now=now, lease=lease, take=take, replaces=replaces
        )


class TestTwo:
    def test_two_journals(self, tmp_path, clock):
        """Two journals on one file, and the secret beside it, are one."""
        api = Api()
        path = tmp_path / "payments.db"
        for name in ("order-1", "order-2", "order-1"):
            pay(client_of(Journal(path), api, clock=clock), name)

        assert 2 == len(api.requests)
        assert 0o600 == (tmp_path / "payments.db.secret").stat().st_mode & 511
        with pytest.raises(samekey.OperationChanged):
            pay(client_of(Journal(path), api, clock=clock), order={"a": 1})

    def test_lost_secret(self, tmp_path, clock):
        """Without its secret a journal does not cry "another request"."""
        path = tmp_path / "payments.db"
        api = Api()
        pay(client_of(Journal(path), api, clock=clock))
        (tmp_path / "payments.db.secret").unlink()
        again = pay(client_of(Journal(path), api, clock=clock))

        assert "journal" == samekey.report(again).replayed

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_fork(self, tmp_path, clock):
        """A forked child cannot use its parent's journal."""
        path = tmp_path / "payments.db"
        journal = Journal(path)
        pay(client_of(journal, Api(), clock=clock))
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            told = b""
            try:
                try:
                    pay(client_of(journal, Api(), clock=clock), "order-2")
                except RuntimeError:
                    told += b"refused "
                pay(client_of(Journal(path), Api(), clock=clock), "order-3")
                told += b"paid"
            finally:
                os.write(write, told)
                os._exit(0)
        os.waitpid(pid, 0)

        assert b"refused paid" == os.read(read, 100)
        pay(client_of(journal, Api(), clock=clock), "order-4")
        names = sorted(each.operation for each in journal.entries())
        assert ["order-1", "order-3", "order-4"] == names
        os.close(read)
        os.close(write)

    def test_a_child_begins_anew(self, clock):
        """What a fork is followed by: another name, and nothing is held."""
        journal = memory()
        crashed(journal, clock=clock)
        journal._held.add(journal.store.scan()[0].owner)
        before = journal.owner

        samekey.journal._begin_anew()

        assert before != journal.owner
        assert set() == journal._held

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_fork_of_a_store_that_allows_it(self, tmp_path, clock):
        """Who works on what is told apart in parent and child."""

        class Each:
            """Has a store of its own in each process, as over a network."""

            durable = True

            def __init__(self):
                self.stores = {}

            def __getattr__(self, name):
                pid = os.getpid()
                if pid not in self.stores:
                    self.stores[pid] = SQLiteStore(tmp_path / "payments.db")
                return getattr(self.stores[pid], name)

        journal = Journal(Each(), secret=b"s" * 16)
        assert not journal.shares
        read, write = os.pipe()

        def answering(request):
            # Both have made as many claims by now.
            if pid := os.fork():
                os.waitpid(pid, 0)
                return httpx.Response(201)
            try:
                pay(client_of(journal, Api(), clock=clock))
            except samekey.OperationBusy:
                os.write(write, b"busy")
            finally:
                os._exit(0)

        pay(client_of(journal, Api(answering), clock=clock))
        os.write(write, b".")

        assert b"busy." == os.read(read, 100)
        os.close(read)
        os.close(write)


class TestDoors:
    """The same at both doors of all kinds of client."""

    def test_given(self, kind, tmp_path):
        """Whatever the client, an answer is given again across restarts."""
        api = Api()
        told = []
        for _ in range(2):
            options = {
                "base_url": "https://api.example.com",
                "transport": kind.module.MockTransport(api),
                "terms": {"journal": tmp_path / "payments.db"},
            }
            with kind.open(**options) as session:
                response = session.post(
                    "/payments", json=ORDER, operation="order-1"
                )
                told.append((response.status_code, response.json()))
                replayed = samekey.report(response).replayed

        assert 1 == len(api.requests)
        assert told[0] == told[1]
        assert "journal" == replayed

    def test_not_kept(self, kind):
        """Whatever the client, what reads an answer that is gone says so."""
        clock = FakeClock()
        options = {
            "base_url": "https://api.example.com",
            "transport": kind.module.MockTransport(Api()),
            "terms": {"journal": memory(remember="outcome")},
        }
        with stand_in(clock), kind.open(**options) as session:
            session.post("/payments", json=ORDER, operation="order-1")
            clock.advance(HOUR)
            request = session.client.build_request(
                "POST",
                "/payments",
                json=ORDER,
                extensions={"samekey": {"operation": "order-1"}},
            )
            late = session.send(request, stream=True)
            with pytest.raises(samekey.AnswerLost) as caught:
                session.read(late)

        assert 201 == late.status_code
        report = samekey.report(caught.value)
        assert ("answered", "journal") == (report.outcome, report.replayed)

    def test_doubt(self, kind, tmp_path):
        """Whatever the client, doubt outlives it."""
        api = Api(kind.module.ReadTimeout(""), 404)
        keys = set()
        for _ in range(2):
            options = {
                "base_url": "https://api.example.com",
                "transport": kind.module.MockTransport(api),
                "terms": {
                    "journal": tmp_path / "payments.db",
                    "policy": ONCE,
                },
            }
            with kind.open(**options) as session:
                with pytest.raises(samekey.InDoubt) as caught:
                    session.post("/payments", json=ORDER, operation="order-1")
                keys.add(caught.value.report.key)

        assert 1 == len(keys) == len(set(api.keys))
        assert 2 == len(api.requests)

    def test_iter_raw(self, kind, tmp_path):
        """A recorded answer can be streamed as one from the network can."""
        options = {
            "base_url": "https://api.example.com",
            "transport": kind.module.MockTransport(Api()),
            "terms": {"journal": tmp_path / "payments.db"},
        }
        with kind.open(**options) as session:
            own = {"operation": "order-1"}
            session.post("/payments", json=ORDER, **own)
            request = session.client.build_request(
                "POST",
                "/payments",
                json=ORDER,
                extensions={"samekey": own},
            )
            response = session.send(request, stream=True)

            async def collect():
                return b"".join([c async for c in response.aiter_raw()])

            if session.portal is None:
                data = b"".join(response.iter_raw())
            else:
                data = session.portal.call(collect)

        assert b'{"number":1}' == data.replace(b" ", b"")
        assert "journal" == samekey.report(response).replayed

    def test_busy(self, kind, tmp_path):
        """Whatever the client, who comes second is told so."""
        journal = Journal(tmp_path / "payments.db")
        journal.owner, own = live_owner(), journal.owner
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash())))
        journal.owner = own
        options = {
            "base_url": "https://api.example.com",
            "transport": kind.module.MockTransport(Api()),
            "terms": {"journal": journal},
        }
        with kind.open(**options) as session:
            with pytest.raises(samekey.OperationBusy):
                session.post("/payments", json=ORDER, operation="order-1")


def test_memory_needs_no_file(clock):
    """A journal in memory is one as long as its process lives."""
    journal = memory()
    assert "Journal(MemoryStore(10000))" == repr(journal)
    pay(client_of(journal, Api(), clock=clock))
    journal.close()

    with pytest.raises(samekey.JournalError):
        pay(client_of(journal, Api(), clock=clock))
