"""
Faults after a connection stands: what is sent instead of a good answer.

A stage takes a bench, sends one POST, and gives the response or exception.
"""

from __future__ import annotations

import gzip

from typing import Any

from faults.bench import Bench
from faults_support import CREATED, Line

from samekey.testing import Fault


BIG = bytes(12 * 1024 * 1024)
ZIPPED = gzip.compress(b'{"id":"pay1"}' * 50)

OK = b"HTTP/1.1 200 OK\r\n"
HEAD = b"HTTP/1.1 201 Created\r\n"
GZIP = HEAD + b"Content-Encoding: gzip\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n'


def zipped(data: bytes) -> bytes:
    """Make a whole answer of *data*, said to be gzip."""
    return GZIP + b"Content-Length: %d\r\n\r\n" % len(data) + data


# The whole request is read and executed; then these bytes, and this end.
HEADS = {
    "fin-after-request": (b"", "close"),
    "rst-after-request": (b"", "reset"),
    "stall-before-response": (b"", "stall"),
    "half-status-line-then-fin": (b"HTTP/1.1 20", "close"),
    "half-headers-then-fin": (OK + b"Content-Le", "close"),
    "half-headers-then-stall": (OK + b"Content-Le", "stall"),
    "half-headers-then-rst": (OK + b"Content-Le", "reset"),
    "garbage-status-line": (b"\x16\x03\x01 nonsense\r\n\r\n", "close"),
    "http2-frames-on-http1": (b"\0\0\0\4\0\0\0\0\0" * 3, "close"),
    "status-000": (b"HTTP/1.1 000 None\r\n" + EMPTY, "keep"),
    "status-600": (b"HTTP/1.1 600 Odd\r\n" + EMPTY, "keep"),
    "status-4-digits": (b"HTTP/1.1 2000 OK\r\n" + EMPTY, "keep"),
    "bad-header-line": (OK + b"no colon\r\n" + EMPTY, "keep"),
    "two-content-lengths": (OK + b"Content-Length: 5\r\n" + EMPTY, "keep"),
    "oversize-headers": (OK + b"X: %s\r\n" % (b"a" * 200_000), "close"),
    "100-continue-only-then-fin": (b"HTTP/1.1 100 Continue\r\n\r\n", "close"),
    "103-then-200": (b"HTTP/1.1 103 Hints\r\n\r\n" + OK + EMPTY, "keep"),
    "103-then-stall": (b"HTTP/1.1 103 Early Hints\r\n\r\n", "stall"),
    "unexpected-101": (b"HTTP/1.1 101 Switching\r\n\r\n", "close"),
    "close-delimited-truncated": (HEAD + b'\r\n{"id": "pay_12', "close"),
    "gzip-stream-truncated": (zipped(ZIPPED[:-12]), "keep"),
}

# The same, but the client's own read of the body meets the fault.
BODIES = {
    "content-length-too-long-fin": (CREATED[:-5], "close"),
    "content-length-too-long-rst": (CREATED[:-5], "reset"),
    "content-length-too-long-stall": (CREATED[:-5], "stall"),
    "chunked-cut-off": (CHUNKED + b"5\r\nab", "close"),
    "chunked-no-final-chunk": (CHUNKED, "close"),
    "chunked-bad-size": (CHUNKED + b"zz\r\nab\r\n0\r\n\r\n", "close"),
    "gzip-corrupt": (zipped(ZIPPED[:12] + b"\xff" * 9 + ZIPPED[21:]), "keep"),
    "gzip-crc-wrong": (zipped(ZIPPED[:-8] + bytes(8)), "keep"),
    "not-gzip-at-all": (zipped(b'{"id":"pay1"}'), "keep"),
}

STATUSES = {
    f"status-{code}": (code, executed)
    for code, executed in [
        *((s, True) for s in (200, 202, 204, 303, 500, 502, 503, 504, 520)),
        *((s, False) for s in (301, 302, 307, 308, 400, 401, 402, 403, 404)),
        *((s, False) for s in (405, 408, 409, 410, 413, 415, 422, 425, 429)),
        *((s, False) for s in (431, 451, 501, 505, 507, 511)),
    ]
}


def wire(data: bytes, end: Any) -> Any:
    """Stage an executed request that is answered with *data*."""

    def stage(bench: Bench) -> Any:
        url = bench.faults(Fault.raw(data, end=end))
        return bench.post(url, short="read" if end == "stall" else "")

    return stage


def status(code: int, *, executed: bool) -> Any:
    """Stage a plain answer of *code*."""

    def stage(bench: Bench) -> Any:
        return bench.post(bench.faults(Fault.status(code, executed=executed)))

    return stage


def raw(serve: Any, **options: Any) -> Any:
    """Stage a connection that goes as *serve* says."""

    def stage(bench: Bench) -> Any:
        return bench.post(bench.serve(serve), **options)

    return stage


def in_flight(bench: Bench) -> Any:
    """Stage a 409 that says: wait, but for longer than the deadline."""
    wait = (("Retry-After", "3000"),)
    return bench.post(bench.faults(Fault.status(409, headers=wait)))


def drip_head(bench: Bench) -> Any:
    """Stage an answer that comes a byte at a time, and in time."""
    return bench.post(bench.faults(Fault.drip(0.001)))


def expect(bench: Bench) -> Any:
    """Stage a client that asks to be told to continue."""
    fault = Fault.status(417)
    header = {"Expect": "100-continue"}
    return bench.post(bench.faults(fault), headers=header)


def body_raises(bench: Bench) -> Any:
    """Stage a request whose body cannot be made to the end."""

    def parts() -> Any:
        yield b"begun"
        raise ValueError

    async def aparts() -> Any:
        yield b"begun"
        raise ValueError

    body = aparts() if bench.kind.is_async else parts()
    return bench.post(bench.faults(), content=body)


def close_after_head(line: Line) -> None:
    line.head()


def reset_after_head(line: Line) -> None:
    line.head()
    line.reset()


def stall_in_body(line: Line) -> None:
    line.head()
    line.server.closing.wait(1.0)


def early_413(line: Line) -> None:
    line.head()
    line.send(b"HTTP/1.1 413 Too Large\r\n" + EMPTY)


def early_413_drained(line: Line) -> None:
    early_413(line)
    line.fin()
    line.stall()


def early_200(line: Line) -> None:
    line.head()
    line.execute()
    line.send(OK + EMPTY)
    line.stall()


def wrong_length(length: int) -> Any:
    """Stage a body that is not as long as its header says."""
    header = {"Content-Length": str(length)}

    def serve(line: Line) -> None:
        line.request()
        line.execute()
        line.send(CREATED)

    return raw(serve, headers=header, content=b"12345")


STAGES = {
    **{name: wire(*made) for name, made in HEADS.items()},
    **{n: status(c, executed=e) for n, (c, e) in STATUSES.items()},
    "in-flight-409": in_flight,
    "slow-drip": drip_head,
    "expect-417": expect,
    "request-body-generator-raises": body_raises,
    "close-after-headers": raw(close_after_head),
    "rst-after-headers": raw(reset_after_head),
    "close-mid-big-body": raw(close_after_head, content=BIG),
    "rst-mid-big-body": raw(reset_after_head, content=BIG),
    "stall-reading-big-body": raw(stall_in_body, content=BIG, short="write"),
    "early-413-drained": raw(early_413_drained, content=BIG),
    "early-413-then-bare-close": raw(early_413, content=BIG),
    "early-200-before-body-read": raw(early_200, content=BIG),
    "declared-length-longer-than-body": wrong_length(9),
    "declared-length-shorter-than-body": wrong_length(3),
}

BODY_STAGES = {name: wire(*made) for name, made in BODIES.items()}
