"""
Faults of the connection itself: ports, names, pools, keep-alive.

A stage takes a bench, sends one POST, and gives the response or exception.
"""

from __future__ import annotations

import socket
import threading

from typing import Any
from unittest import mock

from faults.bench import SHORT, Bench
from faults.stages_http import raw
from faults_support import CREATED, HOST, Line, closed_port

from samekey.testing import Fault


def refused(bench: Bench, **options: Any) -> Any:
    """Stage a port where nobody listens."""
    return bench.post(f"http://{HOST}:{closed_port()}", **options)


def refused_after_retries(bench: Bench) -> Any:
    """Stage the same, with the library's own retries of the connect."""
    return refused(bench, retries=1)


def no_socket(bench: Bench) -> Any:
    """Stage a unix socket that is not there."""
    return bench.post("http://api", uds="/nonexistent/payments.sock")


def no_name(bench: Bench) -> Any:
    """Stage a host name that nobody knows."""
    unknown = socket.gaierror(socket.EAI_NONAME, "Name not known")
    with mock.patch("socket.getaddrinfo", side_effect=unknown):
        return bench.post("http://nowhere.invalid")


def connect_timeout(bench: Bench) -> Any:
    """Stage a listener whose queue is full, so that it drops our SYN."""
    listener = socket.create_server((HOST, 0), backlog=0)
    bench.stack.enter_context(listener)
    port = listener.getsockname()[1]
    for _ in range(4):
        filler = bench.stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex((HOST, port))
    return bench.post(f"http://{HOST}:{port}", short="connect")


def pool_timeout(bench: Bench) -> Any:
    """Stage a pool whose only connection is in use."""
    url = bench.faults()
    limits = bench.kind.module.Limits(max_connections=1)
    session = bench.session(limits=limits)
    held = session.send(session.client.build_request("GET", url), stream=True)
    try:
        return bench.post(
            url, session=session, extensions={"timeout": {"pool": SHORT}}
        )
    finally:
        close = held.aclose if bench.kind.is_async else held.close
        session.call(close)


def bad_scheme(bench: Bench) -> Any:
    """Stage a scheme that the transport does not speak."""
    return bench.post(f"ftp://{HOST}:{closed_port()}")


def bad_port(bench: Bench) -> Any:
    """Stage a port number that does not exist."""
    return bench.post(f"http://{HOST}:70000")


def header(value: bytes) -> Any:
    """Stage a header of the user's that must not be sent."""

    def stage(bench: Bench) -> Any:
        return bench.post(bench.faults(), headers={"X-Note": value})

    return stage


def at_accept(line: Line) -> None:
    """Close before anything is read."""


def fin_at_accept(line: Line) -> None:
    line.fin()
    line.stall()


def reset_at_accept(line: Line) -> None:
    line.reset()


def unsolicited_408(line: Line) -> None:
    line.send(b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
    line.fin()
    line.stall()


def second(*script: Any, idle: bool = False) -> Any:
    """Stage the second request on a connection that has been used."""

    def stage(bench: Bench) -> Any:
        url = bench.faults(None, *script)
        session = bench.session()
        bench.post(url, session=session)
        bench.forget()
        if idle:
            bench.servers[0].close_idle()
        return bench.post(url, session=session)

    return stage


def idle_408(bench: Bench) -> Any:
    """Stage a server that says 408 on an idle connection, and closes it."""
    again = threading.Event()
    closed = threading.Event()

    def serve(line: Line) -> None:
        line.request()
        line.execute()
        line.send(CREATED)
        again.wait(1.0)
        if not closed.is_set():
            line.send(b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
            line.fin()
            closed.set()
        line.stall()

    url = bench.serve(serve)
    session = bench.session()
    bench.post(url, session=session)
    bench.forget()
    again.set()
    closed.wait(1.0)
    return bench.post(url, session=session)


STAGES: dict[str, Any] = {
    "dns-failure": no_name,
    "connect-refused": refused,
    "retries1-connect-refused": refused_after_retries,
    "connect-timeout": connect_timeout,
    "uds-missing": no_socket,
    "pool-timeout": pool_timeout,
    "unsupported-scheme": bad_scheme,
    "invalid-port": bad_port,
    "header-with-crlf": header(b"a\r\nX-Evil: 1"),
    "header-with-lf": header(b"a\nb"),
    "header-with-nul": header(b"a\0b"),
    "header-leading-space": header(b" a"),
    "accept-then-close": raw(at_accept),
    "accept-then-fin": raw(fin_at_accept),
    "accept-then-rst": raw(reset_at_accept),
    "half-request-headers-then-close": lambda b: b.post(
        b.faults(Fault.refuse())
    ),
    "retries1-fin-after-request": lambda b: b.post(
        b.faults(Fault.lose_answer()), retries=1
    ),
    "unsolicited-408-at-accept": raw(unsolicited_408),
    "keepalive-closed-while-idle": second(idle=True),
    "keepalive-idle-408-then-close": idle_408,
    "keepalive-fin-as-next-request-arrives": second(Fault.refuse()),
    "keepalive-rst-as-next-request-arrives": second(Fault.refuse(reset=True)),
    "keepalive-next-request-read-then-fin": second(Fault.lose_request()),
}
