"""Runs a function under one schedule of faults, and says what is wrong."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import logging

from collections.abc import Callable, Generator
from typing import Any

from ._assertions import attempts
from ._clock import FakeClock, stand_in
from ._faults import Fault
from ._idempotent import Handler, IdempotentTransport
from ._judging import Problem, Run, two_keys, wrong, wrong_without_fault
from ._spelling import script
from ._told import Tell, Told
from ._told import told as usually_told


Function = Callable[[IdempotentTransport], object]
Schedule = tuple[Fault | None, ...]

LONG = 50
"""How many requests a fault breaks that comes for ever."""


class FaultFound(AssertionError):
    """
    A schedule under which the function does harm, or tells what is not so.

    Attributes:
        kind: `doubled`, `lost` (told to be done, and was not), `denied` (told
            to have failed, and was done), `two_keys`, `key_reused` or
            `broken` (it fails though nothing else does).

        faults: The schedule, a fault or None for each request.

        script: A program that replays it.

        runs: How many runs it took to find it.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        faults: Schedule,
        script: str,
        runs: int,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.faults = faults
        self.script = script
        self.runs = runs


class Bench:
    """
    Runs one function again and again, each time before a new server.

    Attributes:
        runs: How often it ran.

        requests: How many requests it sent in all.

        reached: How many requests it sent under each schedule.
    """

    def __init__(
        self,
        call: Function,
        handler: Handler | None,
        told: Tell | None,
        backend: str,
    ) -> None:
        self.runs = 0
        self.requests = 0
        self.reached: dict[Schedule, int] = {}
        self._call = call
        self._handler = handler
        self._told = told
        self._backend = backend
        self._right = Run(transport=IdempotentTransport())
        self._steady = False  # it returns the same each time
        self._alike = False  # it sends the same each time

    def set_up(self) -> None:
        """
        Run it without faults: that is how it should be.

        Raises:
            FaultFound: If something is wrong with it already.

            ValueError: If it executed nothing.

            Exception: What the handler raised.
        """
        first, second = self._run(()), self._run(())
        for error in first.transport.errors:
            raise error  # of the test's own handler
        problem = wrong_without_fault(first)
        if problem is not None:
            raise self._found(problem, first) from first.error
        if not first.counts():
            msg = (
                "call must execute something through the transport that it is"
                f" given, got {len(first.exchanges)} requests that execute"
                " nothing"
            )
            raise ValueError(msg)
        again = second.counts().total()
        if again != first.counts().total():
            msg = (
                "call must do the same each time, but executed"
                f" {first.counts().total()}, then {again}; what it stores"
                " must be new in each run"
            )
            raise ValueError(msg)
        self._steady = bool(first.result == second.result)
        self._alike = first.counts() == second.counts()
        self._right = first
        self.reached[()] = len(first.exchanges)

    def examine(
        self, schedule: Schedule, rest: Fault | None = None
    ) -> FaultFound | None:
        """Run it under *schedule*, then *rest*; give what is wrong."""
        run = self._run(schedule, rest)
        if rest is None:
            self.reached[schedule] = len(run.exchanges)
        problem = wrong(run, self._right, alike=self._alike)
        if problem is None:
            problem = two_keys(run, self._right)
        return None if problem is None else self._found(problem, run)

    def _run(self, schedule: Schedule, rest: Fault | None = None) -> Run:
        after = () if rest is None else itertools.repeat(rest, LONG)
        clock = FakeClock()
        transport = IdempotentTransport(
            self._handler, itertools.chain(schedule, after), clock=clock
        )
        result: Any = None
        error: Exception | None = None
        with stand_in(clock), _quiet():
            try:
                result = self._call(transport)
                if inspect.isawaitable(result):
                    result = _awaited(result, self._backend)
            except Exception as exc:  # noqa: BLE001 -- it is what is looked at
                error = exc
        self.runs += 1
        self.requests += len(transport.exchanges)
        found = result if error is None else error
        said = (
            usually_told(found, self._right.result, steady=self._steady)
            if self._told is None
            else Told(self._told(found))
        )
        return Run(transport=transport, result=result, error=error, told=said)

    def _found(self, problem: Problem, run: Run) -> FaultFound:
        given: dict[str, Callable[..., object] | str] = {}
        if self._handler is not None:
            given["handler"] = self._handler
        if self._told is not None:
            given["told"] = self._told
        if self._backend != "asyncio":
            given["backend"] = self._backend
        faults = [each.fault for each in run.exchanges]
        while faults and faults[-1] is None:
            faults.pop()
        program = script(self._call, faults, given)
        name = getattr(self._call, "__qualname__", repr(self._call))
        said = (
            f"returned {type(run.result).__name__}"
            if run.error is None
            else f"raised {type(run.error).__name__}"
        )
        message = "\n".join(
            [
                f"{name} is not safe ({problem.kind}): {problem.says}.",
                "",
                *attempts(run.exchanges),
                f"  In the end it {said}.",
                "",
                "This program replays it:",
                "",
                *(f"    {line}".rstrip() for line in program.splitlines()),
            ]
        )
        return FaultFound(
            message,
            kind=problem.kind,
            faults=tuple(faults),
            script=program,
            runs=self.runs,
        )


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    # pytest shows the log of a test that fails, here of hundreds of runs.
    logger = logging.getLogger("samekey")
    logger.addFilter(_nothing)
    try:
        yield
    finally:
        logger.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def _awaited(result: Any, backend: str) -> Any:
    import anyio  # noqa: PLC0415 -- sync functions do without it

    async def wait() -> Any:
        return await result

    return anyio.run(wait, backend=backend)
