"""
A POST by many kinds of client at once, each to a server of its own, timed.
"""

from __future__ import annotations

import threading
import time

from concurrent.futures import ThreadPoolExecutor

import attrs

from faults_support import Counter, opened
from kinds import fast

from samekey.testing import FaultServer


DEADLINE = 0.4
LATE = 0.55
AT_ONCE = 0.2


@attrs.frozen
class Run:
    """What one kind of client got, and when."""

    kind: object
    result: object
    seconds: float
    server: object

    @property
    def exc(self):
        """What was raised."""
        assert isinstance(self.result, Exception)
        return self.result


def run(kinds, serve, *, late=LATE, **options):
    """
    POST with each of *kinds*, all at once, to what *serve* makes.

    A busy machine is late now and then; what is late three times is wrong.
    """
    for _ in range(3):
        found = run_once(kinds, serve, **options)
        if all(one.seconds <= late for one in found):
            break
    too_late = [(str(r.kind), r.seconds) for r in found if r.seconds > late]
    assert not too_late, too_late
    return found


def run_once(kinds, serve, *, again=0, warm=False, **policy):
    """Do it once."""
    ready = threading.Barrier(len(kinds))
    terms = {"policy": fast(**{"deadline": DEADLINE, **policy})}

    def one(kind):
        with (
            serve() as server,
            opened(kind, base_url=server.url, terms=terms) as session,
        ):
            if warm:
                session.post("/warm")
            ready.wait(10)
            start = time.monotonic()
            try:
                result = session.post("/pay", json={"amount": 500})
            except Exception as exc:  # noqa: BLE001 -- the result of a fault
                result = exc
            seconds = time.monotonic() - start
            for _ in range(again):
                result = session.resume(result)
            return Run(kind, result, seconds, server)

    with ThreadPoolExecutor(len(kinds)) as pool:
        return list(pool.map(one, kinds))


def faults(*script):
    """Make fault servers with a script."""
    return lambda: FaultServer(Counter(), script)
