"""Every attempt of an operation stays known, whoever made it."""

from __future__ import annotations

import anyio
import attrs
import httpx
import pytest

from journal.support import (
    BASE,
    ORDER,
    Api,
    Clock,
    Crash,
    client_of,
    lost,
    memory,
    pay,
)
from kinds import fast

import samekey

from samekey.stores import MemoryStore, StoreError


ONCE = fast(attempts=1)


@pytest.fixture
def journal():
    return memory()


@pytest.fixture
def clock():
    return Clock()


def test_attempts_of_all_processes(journal, clock):
    """The report has the attempts that an earlier process recorded."""
    first = client_of(
        journal, Api(lost(), 503), clock=clock, policy=fast(attempts=2)
    )
    with pytest.raises(samekey.InDoubt):
        pay(first)
    other = client_of(journal, Api(), clock=clock)

    report = samekey.report(pay(other))

    assert [1, 2, 3] == [one.number for one in report.attempts]
    assert [None, 503, 201] == [one.status for one in report.attempts]
    kept = journal.get("order-1").report
    assert [None, 503, 201] == [one.status for one in kept.attempts]


def test_attempts_that_were_cut_off(journal, clock):
    """What the journal did not hear of before it hears of with the next."""
    api = Api(Crash(), lost(), Crash(), 201)
    client = client_of(journal, api, clock=clock, policy=ONCE)
    with pytest.raises(Crash) as caught:
        pay(client)
    with pytest.raises(samekey.InDoubt):
        client.resume(caught.value)
    with pytest.raises(Crash):
        client.resume(caught.value)

    report = samekey.report(client.resume(caught.value))

    errors = ["Crash", "ReadTimeout", "Crash", None]
    assert errors == [one.error for one in report.attempts]
    kept = journal.get("order-1").report
    assert errors == [one.error for one in kept.attempts]
    assert [1, 2, 3, 4] == [one.number for one in kept.attempts]


def test_attempts_after_a_purge(journal, clock):
    """What was removed from the journal is told anew."""
    api = Api(503)
    client = client_of(journal, api, clock=clock, policy=ONCE)
    request = client.build_request(
        "POST",
        "/payments",
        json=ORDER,
        extensions={"samekey": {"operation": "order-1"}},
    )
    with pytest.raises(samekey.InDoubt):
        client.send(request)
    entry = journal.get("order-1")
    journal.resolve(entry, samekey.Outcome.NOT_EXECUTED, why="x", wall=0.0)
    clock.now += 100 * 86_400
    assert 1 == journal.purge(wall=clock.now)

    client.send(request)

    kept = journal.get("order-1").report
    assert [503, 201] == [one.status for one in kept.attempts]


def test_attempts_of_a_resumed_call(journal, clock):
    """An attempt is counted once, in the report and in the journal."""
    client = client_of(journal, Api(lost(), lost()), clock=clock, policy=ONCE)
    with pytest.raises(samekey.InDoubt) as caught:
        pay(client)
    with pytest.raises(samekey.InDoubt) as again:
        client.resume(caught.value)

    report = samekey.report(client.resume(again.value))

    assert [1, 2, 3] == [one.number for one in report.attempts]
    assert 3 == len(journal.get("order-1").report.attempts)


def test_hooks_hear_of_new_attempts_only(journal, clock):
    """What an earlier process sent is not told again."""
    with pytest.raises(samekey.InDoubt):
        pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
    heard = []
    client = client_of(journal, Api(), clock=clock, hooks=[heard.append])

    pay(client)

    attempted, ended = heard
    assert 2 == attempted.attempt.number
    assert (1, 2) == (ended.earlier, len(ended.report.attempts))
    assert [2] == [one.number for one in ended.attempts]


def test_an_earlier_generation_keeps_its_key(journal, clock):
    """What became of the first try is known under the key that it had."""
    client = client_of(journal, Api(404), clock=clock)
    first = samekey.report(pay(client))

    pay(client, samekey.Operation("order-1", generation=2))

    entry = journal.get("order-1")
    [earlier] = entry.earlier
    assert first.key == earlier.key
    assert entry.key != earlier.key
    assert 404 == earlier.attempts[0].status


def test_what_was_counted_on_goes_before_a_guess(clock):
    """A retention that was stated once holds where nobody states another."""
    journal = memory()
    stated = client_of(
        journal, Api(lost()), clock=clock, policy=ONCE, retention=60.0
    )
    with pytest.raises(samekey.InDoubt):
        pay(stated)
    clock.now += 61
    api = Api()

    with pytest.raises(
        samekey.KeyExpired, match=r"^first sent 61 s ago, .* keys for 60 s;"
    ):
        pay(client_of(journal, api, clock=clock))
    assert [] == api.requests
    later = client_of(journal, api, clock=clock, retention=3_600.0)
    assert 201 == pay(later).status_code


def test_the_server_is_not_contradicted(journal, clock):
    """What the server has settled is changed by force only."""
    pay(client_of(journal, Api(), clock=clock))
    entry = journal.get("order-1")
    said = {"why": "no charge in the ledger", "wall": clock.now}

    with pytest.raises(
        ValueError, match=r"^the server has settled it: .* Pass force=True"
    ):
        journal.resolve(entry, samekey.Outcome.NOT_EXECUTED, **said)
    after = journal.resolve(
        entry, samekey.Outcome.NOT_EXECUTED, force=True, **said
    )
    assert "not_executed" == after.state


def test_damage_hides_nothing(clock):
    """A record that cannot be read is skipped by a recovery."""
    journal = memory(remember="request")
    for name in ("order-1", "order-2"):
        with pytest.raises(samekey.InDoubt):
            pay(
                client_of(journal, Api(lost()), clock=clock, policy=ONCE),
                name,
            )
    store = journal.store
    assert isinstance(store, MemoryStore)
    damaged = store.scan()[0]
    store._records[damaged.id] = attrs.evolve(damaged, data=b"{")

    found = client_of(journal, Api(), clock=clock).recover()

    assert (1, 1) == (found.answered, found.skipped)


def test_a_journal_that_fails_ends_a_recovery(clock):
    """Nothing more is sent once nothing can be recorded."""
    journal = memory(remember="request")
    with pytest.raises(samekey.InDoubt):
        pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
    api = Api()
    client = client_of(journal, api, clock=clock)

    def fail(*args, **options):
        raise StoreError("no")

    journal.store.claim = fail

    with pytest.raises(
        samekey.JournalError, match=r"^the journal must .* no$"
    ):
        client.recover()
    assert [] == api.requests


@pytest.mark.parametrize("profile", ["generic", "square", "ietf"])
def test_the_recorded_key_at_the_transport_door(profile, clock):
    """Below an SDK too, a key that was recorded goes before a derived one."""
    journal = memory()
    terms = {"clock": clock, "profile": profile, "policy": ONCE}
    with pytest.raises(samekey.InDoubt) as caught:
        pay(client_of(journal, Api(lost()), secret=b"a" * 16, **terms))
    api = Api()
    transport = samekey.Transport(
        httpx.MockTransport(api),
        journal=journal,
        profile=profile,
        secret=b"b" * 16,
        retention=1e9,
    )

    with httpx.Client(transport=transport, base_url=BASE) as client:
        response = client.post(
            "/payments",
            json=ORDER,
            extensions={"samekey": {"operation": "order-1"}},
        )

    key = caught.value.key
    assert key == samekey.report(response).key
    [request] = api.requests
    assert key.encode() in (
        request.content + request.headers.get("idempotency-key", "").encode()
    )


def test_what_cannot_be_sent_is_skipped(clock):
    """A request that is refused here is nobody's doubt."""
    journal = memory(remember="request")
    with pytest.raises(samekey.InDoubt):
        pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
    seen = []
    client = client_of(
        journal, Api(), clock=clock, fingerprint=lambda request: b"other"
    )

    found = client.recover(progress=seen.append)

    assert 1 == found.skipped
    assert isinstance(seen[0].error, samekey.OperationChanged)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_failing_journal_ends_an_async_recovery(clock, backend):
    """The same, awaited."""
    journal = memory(remember="request")
    with pytest.raises(samekey.InDoubt):
        pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
    client = client_of(journal, Api(), clock=clock, asynchronous=True)

    def fail(*args, **options):
        raise StoreError("no")

    journal.store.get = fail

    async def recover():
        with pytest.raises(samekey.JournalError):
            await client.recover()

    anyio.run(recover, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_answer_that_is_not_kept_is_not_read(clock, backend):
    """Past the server's memory the status is known, and nothing more."""
    journal = memory(remember="outcome")
    pay(client_of(journal, Api(), clock=clock))
    clock.now += 7_200
    client = client_of(journal, Api(), clock=clock, asynchronous=True)

    async def ask():
        response = await pay(client)
        assert 201 == response.status_code
        with pytest.raises(samekey.AnswerLost):
            await response.aread()

    anyio.run(ask, backend=backend)
