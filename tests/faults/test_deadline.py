"""
A deadline is wall time over everything: 0.4 s means 0.4 s.
"""

from __future__ import annotations

import pytest

from faults.race import DEADLINE, faults, run
from faults_support import CREATED, RawServer
from kinds import CLIENTS, KINDS

import samekey

from samekey.testing import Fault


# What the libraries leave behind under trio when a body is not read on.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"
)


def dripping_body(line):
    """Answer at once, with a body that takes its time."""
    while True:
        if b"/warm" in line.request():
            line.send(CREATED)
            continue
        line.execute()
        line.send(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n")
        for _ in range(100):
            line.server.closing.wait(0.03)
            line.send(b"x")


class TestHeads:
    def test_stall(self):
        """A silent server is waited for until the deadline, not longer."""
        for one in run(KINDS, faults(*[Fault.stall(executed=True)] * 9)):
            assert DEADLINE - 0.1 <= one.seconds
            assert isinstance(one.exc, samekey.InDoubt)
            assert isinstance(one.exc, one.kind.module.TransportError)
            assert "deadline" == one.exc.reason
            assert 1 == len(one.server.requests)

    def test_dripping_head(self):
        """A head that drips in is cut off by closing its connection."""
        for one in run(KINDS, faults(*[Fault.drip(0.03)] * 9)):
            assert DEADLINE - 0.1 <= one.seconds
            assert isinstance(one.exc, samekey.InDoubt)
            assert isinstance(one.exc, one.kind.module.TransportError)
            assert "deadline" == one.exc.reason

    def test_resume_has_its_own(self):
        """A deadline that has passed does not shorten that of a resume."""
        for one in run(CLIENTS, faults(Fault.stall()), again=1):
            assert 201 == one.result.status_code
            assert 2 == len(samekey.report(one.result).attempts)


class TestBodies:
    @pytest.mark.parametrize("warm", [False, True])
    def test_dripping_body(self, warm):
        """A body that drips in is cut off, on an old connection too."""
        found = run(CLIENTS, lambda: RawServer(dripping_body), warm=warm)

        for one in found:
            assert DEADLINE - 0.1 <= one.seconds
            assert isinstance(one.exc, samekey.AnswerLost)
            assert "answered" == one.exc.report.outcome
            assert "deadline" == one.exc.reason

    def test_failed_body_is_not_read(self):
        """A failed answer of 1 MiB is not read before the retry."""

        def serve(line):
            line.request()
            if line.server.connections > 1:
                line.send(CREATED)
                line.stall()
                return
            line.send(b"HTTP/1.1 503 No\r\nContent-Length: 1048576\r\n\r\n")
            line.send(bytes(8192))
            line.stall()

        found = run(KINDS, lambda: RawServer(serve), late=0.3, deadline=5.0)

        for one in found:
            assert 201 == one.result.status_code

    @pytest.mark.parametrize("gap", [5.0, 0.03], ids=["stall", "drip"])
    def test_failed_body_is_not_waited_for(self, gap):
        """A failed answer that does not end holds the retry up for 0.5 s."""

        def serve(line):
            line.request()
            if line.server.connections > 1:
                line.send(CREATED)
                line.stall()
                return
            line.send(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not line.server.closing.wait(gap):
                line.send(b"1\r\nx\r\n")

        found = run(KINDS, lambda: RawServer(serve), late=0.8, deadline=1.5)

        for one in found:
            assert 201 == one.result.status_code

    def test_nothing_starts_late(self):
        """Time that a failed answer took is not there for another attempt."""

        def serve(line):
            line.request()
            line.server.executed += 1
            line.send(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n")
            line.stall()

        for one in run(KINDS, lambda: RawServer(serve)):
            first, *later = samekey.report(one.result).attempts
            last = first.started + DEADLINE - 0.05
            assert [] == [a for a in later if a.started > last + 0.03]

    def test_look_at_a_dripping_body(self):
        """A code is not looked for in a body that outlasts the deadline."""

        def serve(line):
            line.request()
            line.send(b"HTTP/1.1 409 No\r\nContent-Length: 40\r\n\r\n")
            while not line.server.closing.wait(0.03):
                line.send(b"x")

        for one in run(KINDS, lambda: RawServer(serve)):
            assert DEADLINE - 0.1 <= one.seconds
