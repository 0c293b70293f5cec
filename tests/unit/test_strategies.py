"""Strategies of tenacity are asked, and nonsense is refused."""

import asyncio
import math

import httpx
import pytest
import tenacity

from samekey._policy import RetryPolicy
from samekey._strategies import StrategyCaller


class Awaitable:
    """Awaitable, with nothing to close."""

    def __await__(self):
        return iter(())


class TestStrategyCaller:
    def test_state(self):
        """Strategies see how the attempt ended, and times by our clock."""
        caller = StrategyCaller(100.0)
        caller.show(2, 103.5, ["answer"])
        caller.will_sleep(1.5)
        caller.will_sleep(0.5)

        state = caller.state
        assert (2, 3.5) == (state.attempt_number, state.seconds_since_start)
        assert (2.0, 0.5) == (state.idle_for, state.upcoming_sleep)
        assert ["answer"] == state.outcome.result()

    def test_tenacity(self):
        """tenacity's own strategies work with the state that they get."""
        wait = tenacity.wait_fixed(1) + tenacity.wait_exponential()
        retry = tenacity.retry_if_result(lambda result: result == "again")
        retry |= tenacity.retry_if_exception_type(httpx.ReadTimeout)
        policy = RetryPolicy(wait=wait, retry=retry)
        caller = StrategyCaller(0.0)
        told = []
        for result in ("again", "done", httpx.ReadTimeout(""), OSError()):
            caller.show(len(told) + 1, 1.0, result)
            told.append((caller.wants_retry(policy), caller.wait(policy)))

        assert [(True, 2), (False, 3), (True, 5), (False, 9)] == told

    @pytest.mark.parametrize("seconds", [0, 0.25, math.inf])
    def test_time(self, seconds):
        """A wait may be nothing, and longer than any deadline."""
        policy = RetryPolicy(wait=lambda state: seconds)

        assert seconds == StrategyCaller(0.0).wait(policy)

    @pytest.mark.parametrize("seconds", [-0.5, math.nan, -math.inf])
    def test_no_time(self, seconds):
        """A wait that is no time is refused, not slept."""
        policy = RetryPolicy(wait=lambda state: seconds)
        rule = rf"^wait must give a time of at least 0, got {seconds}$"

        with pytest.raises(ValueError, match=rule):
            StrategyCaller(0.0).wait(policy)

    @pytest.mark.parametrize("name", ["wait", "retry"])
    @pytest.mark.parametrize("make", [asyncio.Event().wait, Awaitable])
    def test_awaited(self, name, make):
        """What would have to be awaited is refused, and not left behind."""
        policy = RetryPolicy(**{name: lambda state: make()})
        caller = StrategyCaller(0.0)
        ask = caller.wait if name == "wait" else caller.wants_retry
        rule = rf"^{name} must be a plain strategy, got one that is awaited$"

        with pytest.raises(TypeError, match=rule):
            ask(policy)
