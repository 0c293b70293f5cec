"""
The fault matrix: every fault, every kind of client, against a golden table.

The servers write down what they did. Where a client says that nothing was
sent or executed, their record is the judge.
"""

from __future__ import annotations

import contextlib
import functools
import gc

from pathlib import Path
from typing import Any

import attrs
import pytest

from faults import stages_http, stages_net, stages_tls
from faults.bench import Bench, Cell
from faults_support import trusting
from kinds import CLIENTS, KINDS, Kind

import samekey


# What the libraries leave behind: generators of bodies under trio, and the
# socket of a unix path that is not there.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:{what}:pytest.PytestUnraisableExceptionWarning"
    )
    for what in (".*async_generator object", ".*socket.*family=1,")
]

STAGES = {
    **stages_http.STAGES,
    **stages_net.STAGES,
    **stages_tls.STAGES,
}
# Here the fault is in the body, which only the client door reads.
BODY_STAGES = {**stages_http.BODY_STAGES, **stages_tls.BODY_STAGES}
ALL = STAGES | BODY_STAGES
CELLS = [(kind, name) for kind in KINDS for name in STAGES] + [
    (kind, name) for kind in CLIENTS for name in BODY_STAGES
]


@pytest.fixture(scope="module", autouse=True)
def _swept():
    """Leave no garbage for the warnings of other modules."""
    yield
    gc.collect()


@functools.cache
def cell(kind: Kind, name: str) -> Cell:
    """Stage a fault, once, and judge it when its servers have stopped."""
    with contextlib.ExitStack() as stack:
        bench = Bench(kind, stack)
        result = ALL[name](bench)
    return bench.cell(result)


@attrs.frozen
class Line:
    """A line of the golden table."""

    fault: str
    flavours: tuple[str, ...]
    cell: Cell
    told: tuple[str, str]


def read(text: str) -> list[Line]:
    """Read the golden table."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        flavours: tuple[str, ...] = ("sync", "asyncio", "trio")
        if words[1].startswith("@"):
            flavours = tuple(words.pop(1)[1:].split(","))
        fault, verdict, status, outcome, executed, told = words
        number = None if status == "-" else int(status)
        expected = Cell(verdict, number, outcome, executed == "yes")
        first, _, second = told.partition("/")
        lines.append(Line(fault, flavours, expected, (first, second or first)))
    return lines


GOLDEN = read((Path(__file__).parent / "golden.txt").read_text())


def unsafe(found: Cell) -> bool:
    """Tell whether the client ruled out what the server may have done."""
    not_sent = found.verdict == samekey.Verdict.NOT_SENT
    not_executed = found.outcome == samekey.Outcome.NOT_EXECUTED
    return (not_sent and found.reached) or (
        (not_sent or not_executed) and found.executed
    )


class TestGolden:
    def test_every_fault_is_in_the_table(self):
        """The table and the stages name the same faults."""
        assert set(ALL) == {line.fault for line in GOLDEN}

    @pytest.mark.parametrize(("kind", "name"), CELLS, ids=str)
    def test_cell(self, kind, name):
        """Verdict, status and outcome are those of the golden table."""
        lines = [
            line
            for line in GOLDEN
            if line.fault == name and kind.flavour in line.flavours
        ]
        door = ("client", "transport").index(kind.door)

        found = cell(kind, name)

        assert (found, found.told) in [
            (line.cell, line.told[door]) for line in lines
        ]


class TestSafety:
    def test_no_cell_is_unsafe(self):
        """Nothing that a server may have executed is called not executed."""
        found = {(str(k), name): cell(k, name) for k, name in CELLS}

        assert [] == [where for where, one in found.items() if unsafe(one)]
        assert any(one.executed for one in found.values())
        assert any(one.verdict == "NOT_SENT" for one in found.values())

    def test_checker_sees_a_planted_lie(self, kind):
        """A transport that forges the trace is caught by the server."""
        with contextlib.ExitStack() as stack:
            bench = Bench(kind, stack)
            url = bench.faults()
            inner = kind.transport(verify=trusting())
            liar = Liar(inner, kind.module.ConnectError("no"))
            session = bench.session(transport=liar)
            result = bench.post(url, session=session)
            found = bench.cell(result)

        assert isinstance(result, samekey.NotExecuted)
        assert unsafe(found)

    @pytest.mark.parametrize(
        "name", ["ConnectError", "PoolTimeout", "UnsupportedProtocol"]
    )
    def test_silence_is_no_evidence(self, kind, name):
        """What a transport raises without a trace says nothing."""
        exc = getattr(kind.module, name)("no")
        with contextlib.ExitStack() as stack:
            bench = Bench(kind, stack)
            inner = kind.transport(verify=trusting())
            session = bench.session(transport=Liar(inner, exc, forge=False))
            result = bench.post(bench.faults(), session=session)
        found = bench.cell(result)

        assert Cell("UNKNOWN", None, "in_doubt", executed=True) == found
        assert isinstance(result, samekey.InDoubt)
        assert not isinstance(result, type(exc))

    @pytest.mark.parametrize(
        ("lie", "expected"),
        [
            (Cell("NOT_SENT", None, "not_executed", executed=True), True),
            (Cell("ANSWERED", 429, "not_executed", executed=True), True),
            (Cell("NOT_SENT", None, "in_doubt", False, reached=True), True),
            (Cell("ANSWERED", 429, "not_executed", False, True), False),
            (Cell("UNKNOWN", None, "in_doubt", executed=True), False),
            (Cell("NOT_SENT", None, "not_executed", executed=False), False),
        ],
    )
    def test_checker(self, lie, expected):
        """Only a denial of what the server has seen is unsafe."""
        assert expected is unsafe(lie)


class Liar:
    """Says that the connect failed, although the request was executed."""

    def __init__(
        self, inner: Any, exc: Exception, *, forge: bool = True
    ) -> None:
        self.inner = inner
        self.exc = exc
        self.events = ["connection.connect_tcp.failed"] if forge else []

    def handle_request(self, request: Any) -> Any:
        trace = request.extensions.pop("trace")
        self.inner.handle_request(request).close()
        for event in self.events:
            trace(event, {"exception": self.exc})
        raise self.exc

    async def handle_async_request(self, request: Any) -> Any:
        trace = request.extensions.pop("trace")
        await (await self.inner.handle_async_request(request)).aclose()
        for event in self.events:
            await trace(event, {"exception": self.exc})
        raise self.exc

    def __enter__(self) -> Any:
        self.inner.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.inner.__exit__(*exc_info)

    async def __aenter__(self) -> Any:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.inner.__aexit__(*exc_info)
