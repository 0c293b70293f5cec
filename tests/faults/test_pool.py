"""
A pool of one connection survives every way in which an attempt can fail.
"""

from __future__ import annotations

import pytest

from faults.stages_http import BODIES, HEADS, zipped
from faults_support import Counter, opened
from kinds import fast

import samekey

from samekey.testing import Fault, FaultServer


pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"
)

UNAVAILABLE = b"HTTP/1.1 503 No\r\n"

STATUSES = {
    "empty": Fault.status(503),
    "small": Fault.status(503, body=b"x" * 1000),
    "big": Fault.status(503, body=bytes(1024 * 1024)),
    "bad-length": Fault.raw(UNAVAILABLE + b"Content-Length: x\r\n\r\n"),
    "chunked": Fault.raw(
        UNAVAILABLE + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        end="keep",
    ),
    "chunked-cut": Fault.raw(
        UNAVAILABLE + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    ),
    "chunked-big": Fault.raw(
        UNAVAILABLE
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + (b"8000\r\n" + bytes(0x8000) + b"\r\n") * 9
        + b"0\r\n\r\n",
        end="keep",
    ),
    "close-delimited": Fault.raw(UNAVAILABLE + b"\r\nx"),
    "bad-gzip": Fault.raw(
        zipped(b"nothing of the kind").replace(b"201 Created", b"503 No"),
        end="keep",
    ),
    "429": Fault.status(429, body=b"x"),
}
SILENT = {
    f"head-{name}": Fault.raw(data, end=end)
    for name, (data, end) in HEADS.items()
    if not name.endswith(("truncated", "600", "200", "before-response"))
    and name != "103-then-stall"
}
CUT = {f"body-{n}": Fault.raw(d, end=e) for n, (d, e) in BODIES.items()}


def survive(kind, faults):
    """Meet each fault with one client of one connection."""
    script = [f for fault in faults for f in (fault, None)]
    limits = kind.module.Limits(max_connections=1)
    stalls = any(fault.end == "stall" for fault in faults)
    timeout = kind.module.Timeout(2.0, read=0.1 if stalls else 2.0)
    with (
        FaultServer(Counter(), script) as server,
        opened(
            kind,
            base_url=server.url,
            limits=limits,
            timeout=timeout,
            terms={"policy": fast(deadline=5.0)},
        ) as session,
    ):
        found = [session.post("/pay", content=b"5") for _ in faults]
        found.append(session.get("/"))
    assert len(script) < len(server.requests)
    return found


@pytest.mark.parametrize("faults", [STATUSES, SILENT], ids=["status", "head"])
def test_survives(kind, faults):
    """After every failure the one connection can be had again."""
    responses = survive(kind, [*faults.values()])

    assert [201] * (len(faults) + 1) == [r.status_code for r in responses]


def test_survives_lost_bodies(client_kind):
    """After every lost body the one connection can be had again."""
    responses = survive(client_kind, [*CUT.values()])

    assert [201] * (len(CUT) + 1) == [r.status_code for r in responses]


def test_survives_giving_up(kind):
    """Operations that end in doubt do not hold on to the connection."""
    limits = kind.module.Limits(max_connections=1)
    script = [STATUSES["big"], STATUSES["small"], Fault.lose_answer()] * 2
    with (
        FaultServer(Counter(), script) as server,
        opened(
            kind,
            base_url=server.url,
            limits=limits,
            terms={"policy": fast(attempts=3)},
        ) as session,
    ):
        for _ in range(2):
            with pytest.raises(samekey.InDoubt):
                session.post("/pay", json={"amount": 500})
        response = session.post("/pay", json={"amount": 500})

    assert 201 == response.status_code


def test_kept_alive(kind):
    """A small failed answer is read, so that its connection is kept."""
    faults = [STATUSES[name] for name in ("empty", "small", "chunked")]
    with (
        FaultServer(Counter(), faults) as server,
        opened(kind, base_url=server.url) as session,
    ):
        session.post("/pay", json={"amount": 500})

    assert 1 == server.connections
