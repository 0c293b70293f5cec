"""
A policy's tenacity strategies, and the state that they are asked with.
"""

from __future__ import annotations

import functools
import inspect

from typing import Any

from samekey._policy import RetryPolicy


@functools.cache
def _state_class() -> type[Any]:
    import tenacity  # noqa: PLC0415 -- only where strategies are used

    class State(tenacity.RetryCallState):
        """A state whose outcome is made when a strategy asks for it."""

        ended: Any = None

        @property
        def outcome(self) -> tenacity.Future | None:
            if self.__dict__.get("future") is None:
                future = self.__dict__["future"] = tenacity.Future(
                    self.attempt_number
                )
                if isinstance(self.ended, BaseException):
                    future.set_exception(self.ended)
                else:
                    future.set_result(self.ended)
            found: tenacity.Future = self.__dict__["future"]
            return found

        @outcome.setter
        def outcome(self, value: object) -> None:
            self.__dict__["future"] = value

    # What a state is born with does not change, and making it costs more
    # than asking it.
    new: Any = State
    for name, value in vars(new(None, None, (), {})).items():
        setattr(State, name, value)
    return State


class StrategyCaller:
    """
    Calls a policy's tenacity strategies with a `RetryCallState` of ours.

    Its times come from the injected clock. Made at the first failure of a
    call whose policy has strategies; tenacity is imported no earlier.
    """

    def __init__(self, started: float) -> None:
        cls: Any = _state_class()
        self.state: Any = cls.__new__(cls)
        self.state.start_time = started

    def show(self, number: int, now: float, result: object) -> None:
        """Show the strategies how attempt *number* ended."""
        state = self.state
        state.attempt_number = number
        state.ended = result
        state.future = None
        state.outcome_timestamp = now

    def wants_retry(self, policy: RetryPolicy) -> bool:
        """Ask `retry=`."""
        assert policy.retry is not None
        answer: Any = policy.retry(self.state)
        if inspect.isawaitable(answer):
            close(answer)
            msg = "retry must be a plain strategy, got one that is awaited"
            raise TypeError(msg)
        return bool(answer)

    def wait(self, policy: RetryPolicy) -> float:
        """Ask `wait=`."""
        assert policy.wait is not None
        seconds: Any = policy.wait(self.state)
        value = seconds if type(seconds) is float else _number(seconds)
        if not value >= 0:  # NaN is not, either
            msg = f"wait must give a time of at least 0, got {seconds!r}"
            raise ValueError(msg)
        return value

    def will_sleep(self, seconds: float) -> None:
        """Note the sleep that is about to happen."""
        self.state.upcoming_sleep = seconds
        self.state.idle_for += seconds


def _number(seconds: Any) -> float:
    if inspect.isawaitable(seconds):
        close(seconds)
        msg = "wait must be a plain strategy, got one that is awaited"
        raise TypeError(msg)
    return float(seconds)


def close(awaitable: Any) -> None:
    """Let go of an awaitable that nobody awaits."""
    end = getattr(awaitable, "close", None)
    if end is not None:
        end()
