"""
Waits between attempts keep to the deadline, or are not begun.
"""

from __future__ import annotations

import pytest
import tenacity

from faults.race import AT_ONCE, DEADLINE, faults, run
from kinds import CLIENTS, KINDS

import samekey

from samekey.testing import Fault


class TestWaits:
    def test_many_statuses(self):
        """A server that fails quickly is asked until the deadline."""
        found = run(
            CLIENTS,
            faults(*[Fault.status(503)] * 1000),
            attempts=1000,
            wait=tenacity.wait_fixed(0.02),
        )

        for one in found:
            assert DEADLINE - 0.1 <= one.seconds
            assert isinstance(one.exc, samekey.InDoubt)
            assert "deadline" == one.exc.reason
            assert 4 < len(one.exc.report.attempts)
            assert 1 == len({r.key for r in one.server.requests})

    def test_wait_that_does_not_fit(self):
        """A wait that would go past the deadline is not begun."""
        found = run(
            CLIENTS,
            faults(*[Fault.status(503)] * 9),
            wait=tenacity.wait_fixed(DEADLINE),
            late=AT_ONCE,
        )

        for one in found:
            assert "deadline" == one.exc.reason

    @pytest.mark.parametrize(
        ("status", "reason"), [(503, "deadline"), (409, "in_flight")]
    )
    def test_retry_after(self, status, reason):
        """A server that asks for more time than is left ends it now."""
        hint = (("Retry-After", "2"),)
        script = [Fault.status(status, headers=hint)] * 9
        for one in run(CLIENTS, faults(*script), late=AT_ONCE):
            assert isinstance(one.exc, samekey.InDoubt)
            assert reason == one.exc.reason
            assert 1 == len(one.server.requests)

    def test_too_many_requests(self):
        """A 429 that asks for too much time is handed out as it is."""
        hint = (("Retry-After", "2"),)
        script = [Fault.status(429, headers=hint)] * 9
        for one in run(KINDS, faults(*script), late=AT_ONCE):
            assert 429 == one.result.status_code
            assert "not_executed" == samekey.report(one.result).outcome
