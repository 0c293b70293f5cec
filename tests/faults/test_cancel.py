"""
Cancellation and interrupts: the same object goes up, and it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time

import pytest
import trio

from faults_support import HOST, Counter, closed_port, opened
from kinds import KINDS, fast

import samekey

from samekey.testing import Fault, FaultServer


SOON = 0.03
ASYNC = [kind for kind in KINDS if kind.is_async]
SYNC = [kind for kind in KINDS if not kind.is_async]


class SoftLimit(Exception):
    """What a task queue's signal handler raises."""


class Cue:
    """Tells when to break in: the server is silent, or the client sleeps."""

    def __init__(self):
        self.event = threading.Event()

    def wait(self, state):
        """Be a policy's `wait=` that has no end."""
        self.event.set()
        return 30.0

    def terms(self):
        """Make the terms of a client."""
        return {"policy": fast(wait=self.wait)}

    def script(self, *faults):
        """Make a fault server's script."""
        left = list(faults)

        def choose(received):
            fault = left.pop(0) if left else None
            if fault is not None and fault.end == "stall":
                self.event.set()
            return fault

        return choose

    @contextlib.contextmanager
    def then(self, act):
        """Do *act* in a thread, soon after the cue."""

        def run():
            if self.event.wait(10):
                time.sleep(SOON)
                act()

        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join()

    def cancel(self, session, **options):
        """POST, cancel it on cue, and give what it raised."""
        seen = []

        async def work():
            try:
                await session.client.post("/pay", **options)
            except BaseException as exc:
                seen.append(exc)
                raise

        async def in_asyncio():
            loop = asyncio.get_running_loop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None) as scope:
                    now = [scope.reschedule, loop.time()]
                    with self.then(lambda: loop.call_soon_threadsafe(*now)):
                        await work()

        async def in_trio():
            token = trio.lowlevel.current_trio_token()
            with trio.CancelScope() as scope:
                with self.then(lambda: token.run_sync_soon(scope.cancel)):
                    await work()

        is_trio = session.kind.flavour == "trio"
        session.portal.call(in_trio if is_trio else in_asyncio)
        (exc,) = seen
        return exc

    def interrupt(self, session, mine, **options):
        """POST, raise *mine* from a signal handler, and give what it raised."""

        def handler(number, frame):
            raise mine

        main = threading.main_thread().ident
        before = signal.signal(signal.SIGALRM, handler)
        try:
            with (
                pytest.raises(type(mine)) as info,
                self.then(lambda: signal.pthread_kill(main, signal.SIGALRM)),
            ):
                session.post("/pay", **options)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert mine is info.value
        return info.value

    def stop(self, session, **options):
        """POST, and break in as suits the kind of client."""
        if session.kind.is_async:
            return self.cancel(session, **options)
        return self.interrupt(session, KeyboardInterrupt(), **options)


@pytest.fixture
def cue():
    """Give a cue."""
    return Cue()


def noted(exc):
    """Give the notes that samekey wrote on *exc*."""
    return [n for n in exc.__notes__ if n.startswith("samekey: ")]


STAGES = {
    "head": (Fault.stall(executed=True), "UNKNOWN", "in_doubt"),
    "head-not-executed": (Fault.stall(), "UNKNOWN", "in_doubt"),
    "body": (Fault.cut(stall=True), "ANSWERED", "answered"),
    "sleep-after-503": (Fault.status(503), "ANSWERED", "in_doubt"),
    "sleep-after-lost": (Fault.lose_answer(), "UNKNOWN", "in_doubt"),
    "sleep-after-429": (Fault.status(429), "ANSWERED", "not_executed"),
    "sleep-after-body": (Fault.cut(), "ANSWERED", "answered"),
}
# The transport door does not read bodies.
CASES = [
    pytest.param(kind, *stage, id=f"{kind}-{name}")
    for name, stage in STAGES.items()
    for kind in KINDS
    if kind.door == "client" or "body" not in name
]


@pytest.mark.parametrize(("kind", "fault", "verdict", "outcome"), CASES)
def test_told(cue, kind, fault, verdict, outcome):
    """What was cancelled carries its report, and the client lives on."""
    with (
        FaultServer(Counter(), cue.script(fault)) as server,
        opened(kind, base_url=server.url, terms=cue.terms()) as session,
    ):
        exc = cue.stop(session)
        requests = len(server.requests)
        response = session.post("/pay")

    report = samekey.report(exc)
    assert not isinstance(exc, Exception)
    assert [verdict] == [a.verdict for a in report.attempts]
    assert outcome == report.outcome
    assert [outcome in note for note in noted(exc)] == [True]
    assert 1 == requests
    assert 201 == response.status_code


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_sleep_after_refusal(cue, kind):
    """A cancelled sleep after a refused connect leaves nothing in doubt."""
    url = f"http://{HOST}:{closed_port()}"
    with opened(kind, base_url=url, terms=cue.terms()) as session:
        exc = cue.stop(session)

    assert "not_executed" == samekey.report(exc).outcome


@pytest.mark.parametrize("kind", SYNC, ids=str)
def test_signal_handler(cue, kind):
    """What a signal handler raises goes up as it is, and is not retried."""
    stall = Fault.stall(executed=True)
    with (
        FaultServer(Counter(), cue.script(stall)) as server,
        opened(kind, base_url=server.url) as session,
    ):
        exc = cue.interrupt(session, SoftLimit())

    assert "in_doubt" == samekey.report(exc).outcome
    assert 1 == len(server.requests)


@pytest.mark.parametrize("kind", ASYNC, ids=str)
def test_body_that_does_not_come(cue, kind):
    """Cancelled before its body was read, nothing was sent."""

    async def parts():
        yield b"begun"
        cue.event.set()
        await (trio if kind.flavour == "trio" else asyncio).sleep(30)

    with (
        FaultServer(Counter()) as server,
        opened(kind, base_url=server.url) as session,
    ):
        exc = cue.stop(session, content=parts())
        response = session.post("/pay")

    assert "not_executed" == samekey.report(exc).outcome
    assert 1 == len(server.requests)
    assert 201 == response.status_code


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_resume(cue, kind):
    """What was cancelled can be sent again under its key."""
    stall = Fault.stall(executed=True)
    with (
        FaultServer(Counter(), cue.script(stall)) as server,
        opened(kind, base_url=server.url) as session,
    ):
        exc = cue.stop(session)
        if kind.door == "client":
            response = session.resume(exc)
        else:
            key = samekey.report(exc).key
            response = session.post("/pay", idempotency_key=key)

    assert 201 == response.status_code
    assert 2 == len(server.requests)
    assert 1 == len({r.key for r in server.requests})
