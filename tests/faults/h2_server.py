"""
A server's end of an HTTP/2 connection, to be used as a `RawServer`'s script.

    bench.serve(Speaker(refuse, answer))

answers the first request by `refuse` and all that follow by `answer`, over
all connections. Each is called with the connection and the stream's number.
"""

from __future__ import annotations

import itertools

from collections.abc import Callable
from typing import Any

import attrs

from faults_support import Line
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError


@attrs.define
class Peer:
    """One HTTP/2 connection."""

    line: Line
    conn: H2Connection
    open: bool = True

    def flush(self) -> None:
        """Send what the connection has to say."""
        self.line.send(self.conn.data_to_send())

    def head(self, stream: int, status: int = 201, **headers: str) -> None:
        fields = [(n.replace("_", "-"), v) for n, v in headers.items()]
        self.conn.send_headers(stream, [(":status", str(status)), *fields])

    def answer(self, stream: int, status: int = 201) -> None:
        """Execute the request and answer it."""
        self.line.execute()
        self.head(stream, status)
        self.conn.send_data(stream, b'{"id":"pay1"}', end_stream=True)
        self.flush()

    def goaway(self, last: int, code: int = 0) -> None:
        """Say that streams above *last* are not processed, and no more."""
        frame = last.to_bytes(4) + code.to_bytes(4)
        self.flush()
        self.line.send(b"\0\0\x08\x07\0" + bytes(4) + frame)

    def hang_up(self) -> None:
        """Close when this request has been dealt with."""
        self.open = False


Act = Callable[[Peer, int], Any]


class Speaker:
    """
    Serve one request by each of *acts*, and the rest by the last one.

    `keys` and `bodies` are those of the whole requests, in order of arrival.
    """

    def __init__(self, *acts: Act) -> None:
        self.keys: list[bytes] = []
        self.bodies: list[bytes] = []
        self._script = itertools.chain(acts, itertools.repeat(acts[-1]))

    def __call__(self, line: Line) -> None:
        conn = H2Connection(H2Configuration(client_side=False))
        peer = Peer(line, conn)
        conn.initiate_connection()
        peer.flush()
        fields: dict[int, dict[bytes, bytes]] = {}
        bodies: dict[int, bytes] = {}
        while peer.open and (data := line.sock.recv(65536)):
            try:
                events = conn.receive_data(data)
            except ProtocolError:
                return
            for event in events:
                if isinstance(event, RequestReceived):
                    fields[event.stream_id] = dict(event.headers)
                    bodies[event.stream_id] = b""
                    line.server.saw(fields[event.stream_id][b":method"] + b" ")
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, StreamEnded):
                    key = fields[event.stream_id][b"idempotency-key"]
                    self.keys.append(key)
                    self.bodies.append(bodies[event.stream_id])
                    next(self._script)(peer, event.stream_id)
            if peer.open:
                peer.flush()


def answer(peer: Peer, stream: int) -> None:
    peer.answer(stream)


def reset(code: int, *, executed: bool) -> Act:
    """End the stream with RST_STREAM."""

    def act(peer: Peer, stream: int) -> None:
        if executed:
            peer.line.execute()
        peer.conn.reset_stream(stream, error_code=code)

    return act


def goaway(last: int, code: int = 0, *, executed: bool = False) -> Act:
    """End the connection with GOAWAY."""

    def act(peer: Peer, stream: int) -> None:
        if executed:
            peer.line.execute()
        peer.goaway(last, code)
        peer.hang_up()

    return act


def answer_then(frame: bytes) -> Act:
    """Answer, and follow it up with a *frame*."""

    def act(peer: Peer, stream: int) -> None:
        peer.answer(stream)
        peer.line.send(frame)

    return act


def drain(peer: Peer, stream: int) -> None:
    """Announce a shutdown, and then answer what is under way."""
    peer.goaway(2**31 - 1)
    peer.answer(stream)


def vanish(peer: Peer, stream: int) -> None:
    """Execute the request, and close."""
    peer.line.execute()
    peer.hang_up()


def vanish_hard(peer: Peer, stream: int) -> None:
    """Execute the request, and reset the connection."""
    peer.line.reset()
    vanish(peer, stream)


def stall(peer: Peer, stream: int) -> None:
    """Execute the request, and say nothing."""
    peer.line.execute()
    peer.line.stall()


def violate(peer: Peer, stream: int) -> None:
    """Execute the request, and send DATA where HEADERS are due."""
    peer.line.execute()
    number = stream.to_bytes(4)
    peer.line.send(b"\0\0\x02\0\0" + number + b"{}")
    peer.line.stall()


def babble(peer: Peer, stream: int) -> None:
    """Execute the request, and send what is no frame."""
    peer.line.execute()
    peer.line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
    peer.line.stall()


def miscount(peer: Peer, stream: int) -> None:
    """Execute the request, and answer with too long a Content-Length."""
    peer.line.execute()
    peer.head(stream, content_length="99")
    peer.conn.send_data(stream, b"{}")
    peer.flush()
    peer.line.send(b"\0\0\0\0\x01" + stream.to_bytes(4))
    peer.line.stall()


def reset_in_body(peer: Peer, stream: int) -> None:
    """Execute the request, and break the answer off."""
    peer.line.execute()
    peer.head(stream)
    peer.conn.send_data(stream, b'{"id"')
    peer.conn.reset_stream(stream, error_code=2)


def violate_in_body(peer: Peer, stream: int) -> None:
    """Execute the request, and send a bad frame in the body."""
    peer.line.execute()
    peer.head(stream)
    peer.conn.send_data(stream, b'{"id"')
    peer.flush()
    peer.line.server.closing.wait(0.05)  # until the head has been read
    peer.line.send(b"\0\0\x01\x06\0" + bytes(4) + b"?")
    peer.line.stall()
