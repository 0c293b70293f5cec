"""
Faults between the connection and the request: TLS handshakes and proxies.

A stage takes a bench, sends one POST, and gives the response or exception.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl

from typing import Any

import trustme

from faults.bench import Bench
from faults_support import CREATED, HOST, Line, closed_port, serving

from samekey.testing import Fault


def over_tls(serve: Any, *, short: str = "") -> Any:
    """Stage a TLS handshake with a server that is a plain socket."""

    def stage(bench: Bench) -> Any:
        url = bench.serve(serve).replace("http:", "https:")
        return bench.post(url, short=short)

    return stage


def stall(line: Line) -> None:
    line.stall()


def plaintext(line: Line) -> None:
    line.receive()
    line.send(CREATED)


def close_hello(line: Line) -> None:
    line.receive()


def reset_hello(line: Line) -> None:
    line.receive()
    line.reset()


def certificate(*names: str, stranger: bool = False, days: int = 0) -> Any:
    """Stage a server whose certificate our client refuses."""
    options: dict[str, Any] = {}
    if days:
        now = dt.datetime.now(dt.UTC)
        options["not_after"] = now + dt.timedelta(days=days)

    def stage(bench: Bench) -> Any:
        ca = trustme.CA() if stranger else None
        return bench.post(bench.faults(tls=serving(*names, ca=ca, **options)))

    return stage


def client_certificate(version: ssl.TLSVersion) -> Any:
    """Stage a server that wants a certificate of the client."""

    def stage(bench: Bench) -> Any:
        context = serving()
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = version
        return bench.post(bench.serve(Line.request, tls=context))

    return stage


def secure(data: bytes) -> Any:
    """Stage an executed request whose TLS ends without a close_notify."""

    def stage(bench: Bench) -> Any:
        return bench.post(bench.faults(Fault.raw(data), tls=serving()))

    return stage


def garbage_record(data: bytes) -> Any:
    """Stage *data*, and then bytes that are no TLS record."""

    def serve(line: Line) -> None:
        line.request()
        line.execute()
        if data:
            line.send(data)
        socket.socket.sendall(line.sock, b"\x17\x03\x03\0\x20" + b"?" * 32)
        line.stall()

    def stage(bench: Bench) -> Any:
        return bench.post(bench.serve(serve, tls=serving()))

    return stage


def tunnel(answer: bytes, *, short: str = "") -> Any:
    """Stage a proxy that says *answer* to CONNECT, and closes or stalls."""

    def serve(line: Line) -> None:
        line.head()
        line.send(answer)
        if short:
            line.stall()

    def stage(bench: Bench) -> Any:
        proxy = bench.serve(serve)
        return bench.post(f"https://{HOST}:1", proxy=proxy, short=short)

    return stage


def proxy_refused(bench: Bench) -> Any:
    """Stage a proxy that is not there."""
    proxy = f"http://{HOST}:{closed_port()}"
    return bench.post(f"http://{HOST}:1", proxy=proxy)


def forward(bench: Bench) -> Any:
    """Stage a proxy that forwards the request, and loses the answer."""

    def serve(line: Line) -> None:
        line.request()
        line.execute()

    return bench.post(f"http://{HOST}:1", proxy=bench.serve(serve))


STAGES: dict[str, Any] = {
    "tls-to-plaintext-server": over_tls(plaintext),
    "tls-handshake-stall": over_tls(stall, short="connect"),
    "tls-handshake-close": over_tls(close_hello),
    "tls-handshake-rst": over_tls(reset_hello),
    "tls-untrusted-cert": certificate(stranger=True),
    "tls-wrong-hostname": certificate("elsewhere.example"),
    "tls-expired-cert": certificate(days=-1),
    "tls13-client-cert-required": client_certificate(ssl.TLSVersion.TLSv1_3),
    "tls12-client-cert-required": client_certificate(ssl.TLSVersion.TLSv1_2),
    "tls-fin-after-request": secure(b""),
    "tls-garbage-record-before-response": garbage_record(b""),
    "tls-close-without-close-notify-close-delimited": secure(
        b"HTTP/1.1 201 Created\r\n\r\n{}"
    ),
    "proxy-refused": proxy_refused,
    "proxy-connect-502": tunnel(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "proxy-connect-407": tunnel(b"HTTP/1.1 407 Who Are You\r\n\r\n"),
    "proxy-connect-fin": tunnel(b""),
    "proxy-connect-stall": tunnel(b"", short="read"),
    "proxy-connect-then-tls-close": tunnel(b"HTTP/1.1 200 OK\r\n\r\n"),
    "proxy-forward-fin-after-request": forward,
}

BODY_STAGES: dict[str, Any] = {
    "tls-close-without-close-notify-cl": secure(CREATED[:-5]),
    "tls-garbage-record-in-body": garbage_record(CREATED[:-5]),
}
