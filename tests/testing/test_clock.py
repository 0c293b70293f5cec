"""A test moves the time of one client, or of all."""

from __future__ import annotations

import time

import httpx
import pytest

from kinds import Kind, full

import samekey

from samekey.testing import (
    FakeClock,
    Fault,
    IdempotentTransport,
    stand_in,
    with_clock,
)


URL = "https://api.example.com"
PAYMENT = {"amount": 500}


def hinted(seconds: int) -> Fault:
    """A 503 that asks for a wait."""
    return Fault.status(503, headers=[("Retry-After", str(seconds))])


def test_a_clock_moves_by_waits_and_by_hand():
    """A fake clock goes on by what is slept, and by what a test says."""
    clock = FakeClock(wall=1e9)
    began = clock.monotonic()

    clock.sleep(2.5)
    clock.advance(0.5)

    assert clock.waits == [2.5]
    assert clock.elapsed == 3.0
    assert clock.monotonic() - began == pytest.approx(3.0)
    assert clock.time() == 1e9 + 3.0
    assert repr(clock) == "<FakeClock 3 s on, 1 waits>"


def test_a_clock_begins_now():
    """What a client remembers from before is as old as it was."""
    clock = FakeClock()

    assert 0 <= time.monotonic() - clock.monotonic() < 60
    assert 0 <= time.time() - clock.time() < 60


def test_a_ticking_clock_goes_on_by_itself():
    """A ticking clock counts real time and waits together."""
    clock = FakeClock(ticking=True)
    before = time.monotonic()

    clock.sleep(60.0)

    assert 60.0 <= clock.elapsed <= 60.0 + time.monotonic() - before + 1


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_time_does_not_go_back(seconds):
    """A clock moves forward, and by a finite time."""
    with pytest.raises(
        ValueError, match=r"^seconds must be 0 or more and finite, got "
    ):
        FakeClock().advance(seconds)


def test_with_clock_waits_for_nothing(kind: Kind):
    """A client with a clock notes its waits, and gets its answer at once."""
    transport = IdempotentTransport(faults=[hinted(7), hinted(9)])
    clock = FakeClock()
    client = kind.wrapped(transport=transport, base_url=URL)
    if kind.door == "client":
        client = with_clock(client, clock)
    else:
        client._transport = with_clock(client._transport, clock)

    with kind.over(client) as session:
        response = session.post("/payments", json=PAYMENT)

    assert response.status_code == 201
    assert clock.waits == [7.0, 9.0]
    assert len(transport.keys) == 1


def test_with_clock_gives_a_copy():
    """The client that was passed in keeps its own time."""
    client = samekey.wrap(httpx.Client(base_url=URL))

    copy = with_clock(client, FakeClock())

    assert type(copy) is type(client)
    assert copy.headers is client.headers
    assert copy._samekey.terms.budget is client._samekey.terms.budget
    assert copy._samekey.terms.time is not client._samekey.terms.time


def test_with_clock_is_for_samekey():
    """A plain client has no clock to be given."""
    with pytest.raises(
        TypeError,
        match=r"^client must be a client or transport of samekey, got Client$",
    ):
        with_clock(httpx.Client(), FakeClock())


def test_a_deadline_counts_the_waits(kind: Kind):
    """Waits that were not waited use up the deadline all the same."""
    transport = IdempotentTransport(faults=[hinted(25)] * 9)
    policy = samekey.RetryPolicy(attempts=9, deadline=60.0)
    terms = {"policy": policy, "budget": full()}
    clock = FakeClock()

    with (
        stand_in(clock),
        kind.open(transport=transport, base_url=URL, terms=terms) as session,
    ):
        try:
            found = session.post("/payments", json=PAYMENT)
        except samekey.InDoubt as exc:  # a transport hands out the status
            found = exc

    report = samekey.report(found)

    assert report.outcome == "in_doubt"
    assert clock.waits == [25.0, 25.0]
    assert [each.waited for each in report.attempts] == [0.0, 25.0, 25.0]


def test_a_stand_in_reaches_clients_made_before():
    """Who stands in for the time does so for clients that exist already."""
    transport = IdempotentTransport(faults=[hinted(7), None, hinted(8)])
    client = samekey.Client(base_url=URL, transport=transport)
    outer, inner = FakeClock(), FakeClock()

    with stand_in(outer):
        with stand_in(inner):
            client.post("/payments", json=PAYMENT)
        client.post("/payments", json=PAYMENT)

    assert inner.waits == [7.0]
    assert outer.waits == [8.0]


def test_a_key_expires_on_a_clock():
    """Retention is tried out by moving the clock, in no time."""
    clock = FakeClock()
    transport = IdempotentTransport(faults=[Fault.lose_answer()] * 9)
    client = with_clock(
        samekey.Client(base_url=URL, transport=transport), clock
    )
    with pytest.raises(samekey.InDoubt) as caught:
        client.post("/payments", json=PAYMENT)

    clock.advance(7 * 86_400)

    with pytest.raises(samekey.KeyExpired):
        client.resume(caught.value)


def test_a_clock_pauses_a_recovery(tmp_path):
    """A recovery waits by the client's clock between its probes."""
    journal = samekey.Journal(tmp_path / "journal.db", remember="request")
    broken = IdempotentTransport(faults=[Fault.status(503)] * 99)
    clock = FakeClock()
    client = with_clock(
        samekey.Client(
            base_url=URL,
            transport=broken,
            journal=journal,
            budget=full(),
            policy=samekey.RetryPolicy(attempts=1),
        ),
        clock,
    )
    for number in range(3):
        with pytest.raises(samekey.InDoubt):
            client.post("/payments", json=PAYMENT, operation=f"o-{number}")
    clock.advance(600.0)

    client.recover()

    assert len(clock.waits) >= 2
