"""One request sent twice at once, and what an answered call lets go of."""

from __future__ import annotations

import gc
import weakref

import httpx
import pytest

from paper import Paper, answer, lost, refused

import samekey

from samekey._door import again
from samekey._verdict import Evidence, judge
from samekey._wire import tapped


ONCE = samekey.RetryPolicy(attempts=1)


def test_a_twin_never_says_no():
    """While the first send may have executed, the second is no proof."""
    paper = Paper(refused())
    call = paper.open(policy=ONCE)
    call.active = True
    twin = again(call, call.opened)

    with pytest.raises(samekey.InDoubt):
        paper.run(twin)

    assert twin.key == call.key


def test_a_twin_is_as_old_as_the_first():
    """Retention counts from the first send, whoever made it."""
    paper = Paper(answer(503))
    call = paper.open()
    call.begin(call.terms.time.clock())
    call.active = True
    paper.clock.now += 100

    twin = again(call, call.opened)

    assert twin.age(paper.clock()) == 100


def test_a_twin_does_not_share_a_body_that_is_being_read():
    """Two that read one iterator would each send a part of it."""
    paper = Paper()
    call = paper.open(policy=ONCE)
    call.freezes = call.active = True
    twin = again(call, call.opened)

    with pytest.raises(
        samekey.BodyNotReplayable,
        match=r"^the body is being read by another send, or broke",
    ):
        paper.run(twin)


def test_an_answered_call_lets_go_of_its_failures():
    """A response that is kept does not keep the frames of a timeout."""
    error = httpx.ReadTimeout("slow")
    seen = weakref.ref(error)
    paper = Paper(lost(error), answer(201))

    response = paper.post()
    paper.steps.clear()
    del error
    gc.collect()

    assert seen() is None
    assert len(samekey.report(response).attempts) == 2


def test_a_connect_of_the_users_own_was_sent():
    """Only a proxy's CONNECT says that our request was not written."""
    evidence = Evidence()
    evidence.sends = 1
    plain = type("Core", (), {"method": b"CONNECT"})()
    evidence.listen("http11.send_request_headers.started", {"request": plain})
    exc = httpx.ReadTimeout("")

    assert judge(evidence, exc, httpx, "CONNECT") == "UNKNOWN"
    assert judge(evidence, exc, httpx, "POST") == "NOT_SENT"


class Dog:
    """A watchdog that only counts."""

    def __init__(self):
        self.watched = []

    def watch(self, sock, seconds):
        watch = Watched()
        self.watched.append(watch)
        return watch


class Watched:
    cancelled = False

    def cancel(self):
        self.cancelled = True


class Stream:
    def get_extra_info(self, name):
        return object()


def test_each_of_two_sends_lets_go_of_its_own_socket():
    """A socket that went back to the pool is never shut for another send."""
    paper = Paper(watchdog=Dog())
    call = paper.open()
    call.active = True
    call.begin(call.terms.time.clock())
    extensions = call.request.extensions
    hears = [
        tapped(call, extensions, None, asynchronous=False)["trace"]
        for _ in range(2)
    ]

    for name, info in (
        ("connection.connect_tcp.complete", {"return_value": Stream()}),
        ("http11.receive_response_headers.started", {}),
        ("http11.receive_response_headers.complete", {}),
    ):
        for hear in hears:
            hear(name, info)

    assert [True, True] == [w.cancelled for w in paper.terms.watchdog.watched]
