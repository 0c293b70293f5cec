"""A wait that takes longer than it was asked to."""

from __future__ import annotations

import contextlib
import logging

import httpx
import pytest

from kinds import fast
from paper import Paper, answer, lost

import samekey

from samekey.profiles import Answer, Profile
from samekey.stores import MemoryStore
from samekey.testing import FakeClock, stand_in


def slow(paper):
    """Let half a second pass before each wait, as on a busy machine."""

    def hook(event):
        if isinstance(event, samekey.hooks.RetryPlanned):
            paper.clock.now += 0.5

    return hook


def late(*steps, **terms):
    policy = samekey.RetryPolicy(deadline=2.0, wait=lambda state: 1.9)
    paper = Paper(*steps, policy=policy, hooks=[], **terms)
    hooks = (slow(paper),)
    object.__setattr__(paper.terms, "hooks", hooks)
    object.__setattr__(paper.terms, "special", True)
    return paper


@pytest.mark.parametrize("step", [lost(), answer(503)])
def test_no_attempt_starts_late(step):
    """What a wait took too long is not there for another attempt."""
    paper = late(step, answer(200))

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post()

    assert "deadline" == caught.value.reason
    assert 1 == len(caught.value.report.attempts)


@pytest.mark.parametrize("unread", [True, False])
def test_what_was_drained_is_not_handed_out(unread):
    """An answer whose body is gone is no answer to give back."""
    paper = late(answer(503), answer(200))

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post(unread=unread, returns_doubt=True)

    assert "deadline" == caught.value.reason
    assert 503 == caught.value.response.status_code


def test_no_poll_starts_late():
    """Nor for another look at what is still running."""
    profile = Profile(
        "api", in_flight=[Answer(status=409)], min_retry_delay=1.9
    )
    paper = late(answer(409), answer(200), profile=profile)

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post()

    assert "in_flight" == caught.value.reason


def test_the_least_time_between_two_sends():
    """An API that wants a pause between sends of one key is given it."""
    profile = Profile("api", min_retry_delay=30.0)
    paper = Paper(lost(), answer(200), profile=profile)

    paper.post()

    assert [30.0] == paper.slept


def test_a_refused_answer_stays_refused():
    """What `verify=` did not take is not handed out for want of time."""
    paper = late(answer(200), answer(200), verify=lambda response: False)

    with pytest.raises(samekey.AnswerLost) as caught:
        paper.post()

    assert "deadline" == caught.value.reason


class Slow(MemoryStore):
    """Takes its time for a claim."""

    clock = None
    seconds = 0.0

    def claim(self, *args, **options):
        self.clock.now += self.seconds
        return super().claim(*args, **options)


def journaled(*steps, store, **terms):
    policy = samekey.RetryPolicy(deadline=2.0, attempts=1)
    journal = samekey.Journal(store, secret=b"s" * 16)
    paper = Paper(*steps, policy=policy, journal=journal, **terms)
    store.clock = paper.clock
    return paper


@pytest.mark.parametrize(("seconds", "sent"), [(1.9, 1), (1.96, 0), (9, 0)])
def test_no_first_send_starts_late(seconds, sent, caplog):
    """What the journal took too long is not there for the first attempt."""
    store = Slow()
    store.seconds = seconds
    paper = journaled(answer(201), answer(201), store=store)

    if sent:
        assert 201 == paper.post(operation="order-1").status_code
    else:
        with pytest.raises(samekey.NotExecuted) as caught:
            paper.post(operation="order-1")
        assert "deadline" == caught.value.reason
        assert () == caught.value.report.attempts
        assert isinstance(caught.value, httpx.TransportError)
        assert "its time was over before" in caplog.text
        entry = paper.terms.journal.get("order-1")
        assert "not_executed" == entry.state
    assert sent == len(paper.keys)
    store.seconds = 0.0
    assert 201 == paper.post(operation="order-1").status_code
    assert 1 == len(set(paper.keys))


@pytest.mark.parametrize(
    ("step", "error", "state"),
    [
        (lost(), samekey.InDoubt, "in_doubt"),
        (answer(429), samekey.InDoubt, "not_executed"),
        (
            answer(201, breaks=httpx.ReadError("")),
            samekey.AnswerLost,
            "answered",
        ),
    ],
)
def test_late_after_others(step, error, state):
    """What was known before is known still, and stays on record."""
    store = Slow()
    paper = journaled(step, answer(201), store=store)
    with contextlib.suppress(samekey.GaveUp):
        paper.post(operation="order-1")
    assert state == paper.terms.journal.get("order-1").state
    store.seconds = 9

    if state == "not_executed":
        error = samekey.NotExecuted
    with pytest.raises(error) as caught:
        paper.post(operation="order-1")

    assert "deadline" == caught.value.reason
    assert state == paper.terms.journal.get("order-1").state
    assert 1 == len(paper.keys)
    store.seconds = 0.0
    assert 201 == paper.post(operation="order-1").status_code


def test_a_short_deadline_has_a_first_send():
    """One that is shorter than what an attempt needs at least."""
    store = Slow()
    paper = journaled(answer(201), store=store)
    policy = samekey.RetryPolicy(deadline=0.01)

    assert 201 == paper.post(operation="1", policy=policy).status_code


def test_a_journal_and_no_deadline():
    """Without a deadline there is always time."""
    store = Slow()
    store.seconds = 1_000
    paper = journaled(answer(201), store=store)
    policy = samekey.RetryPolicy(deadline=None)

    assert 201 == paper.post(operation="1", policy=policy).status_code


def test_a_slow_body(client_kind):
    """Nor has a body that took all the time to be read."""
    sent = []

    def api(request):
        sent.append(request)
        return client_kind.module.Response(201)

    def body():
        clock.advance(9.0)
        yield b"{}"

    async def abody():
        clock.advance(9.0)
        yield b"{}"

    clock = FakeClock()
    terms = {"policy": fast(deadline=2.0)}
    transport = client_kind.module.MockTransport(api)
    with (
        stand_in(clock),
        client_kind.open(transport=transport, terms=terms) as session,
    ):
        with pytest.raises(samekey.NotExecuted) as caught:
            session.post(
                "https://api.example.com/x",
                content=abody() if client_kind.is_async else body(),
            )
        assert [] == sent
        # It is in bytes now.
        assert 201 == session.resume(caught.value).status_code
        with pytest.raises(samekey.NotExecuted) as caught:
            session.post(
                "https://api.example.com/x",
                content=abody() if client_kind.is_async else body(),
                operation="order-1",
            )
        assert 201 == session.resume(caught.value).status_code


def test_cut_off_before_the_first_send():
    """A Ctrl-C that comes when nothing has begun goes up as it is."""

    class Cut(BaseException):
        pass

    def cut():
        raise Cut

    paper = Paper(answer(201), answer(201))
    call = paper.open(operation="order-1")
    clock = paper.terms.time.clock
    # The client's memory asks first.
    steps = iter([clock, cut])

    def tick():
        return next(steps)()

    paper.terms.time.clock = tick
    with pytest.raises(Cut) as caught:
        paper.run(call)
    paper.terms.time.clock = clock

    assert () == samekey.report(caught.value).attempts
    assert 0 == call.entry.under_way


def test_late_and_quiet(caplog):
    """Where nobody wants warnings, none is written."""
    store = Slow()
    store.seconds = 9
    paper = journaled(store=store)

    with (
        caplog.at_level(logging.ERROR, "samekey"),
        pytest.raises(samekey.NotExecuted),
    ):
        paper.post(operation="order-1")

    assert [] == caplog.records
