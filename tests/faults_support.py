"""
A server that does over a real socket what a test's own function says.

What it did is written down by the server (`reached`, `executed`), so that a
test compares the client's word with somebody else's.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import struct
import threading

from typing import Any, Self

import trustme

from samekey.testing import Answer, Received


HOST = "127.0.0.1"
CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{"id":"pay1"}'


class Line:
    """A server's end of one connection."""

    def __init__(self, sock: Any, server: RawServer) -> None:
        self.sock = sock
        self.server = server
        self.unread = b""

    def receive(self) -> bytes:
        """Take what comes; empty at the end."""
        data = self.sock.recv(65536)
        self.unread += data
        return data

    def head(self) -> bytes:
        """Read up to the end of the request's head."""
        while b"\r\n\r\n" not in self.unread:
            if not self.receive():
                raise EOFError
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        self.server.saw(head)
        return head

    def request(self) -> bytes:
        """Read a whole request, and give its head."""
        head = self.head()
        size = 0
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                size = int(value)
        while len(self.unread) < size:
            if not self.receive():
                raise EOFError
        self.unread = self.unread[size:]
        return head

    def execute(self) -> None:
        """Note that the request has taken effect."""
        self.server.executed += 1

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def fin(self) -> None:
        """Say that nothing more comes, and go on listening."""
        self.sock.shutdown(socket.SHUT_WR)

    def stall(self) -> None:
        """Say nothing until the client goes away."""
        while self.sock.recv(65536):
            pass

    def reset(self) -> None:
        """Let the close that follows be a reset (socket(7), SO_LINGER)."""
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


class RawServer:
    """Run *serve* on each connection, in a thread of its own."""

    def __init__(self, serve: Any, *, tls: Any = None, room: int = 0) -> None:
        self.reached = 0
        self.executed = 0
        self.connections = 0
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server((HOST, 0), backlog=64)
        if room:
            option = socket.SO_RCVBUF
            self._listener.setsockopt(socket.SOL_SOCKET, option, room)
        self.port = self._listener.getsockname()[1]
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.closing = threading.Event()

    def saw(self, head: bytes) -> None:
        """Note the head of a request; only POSTs count."""
        if head.startswith(b"POST "):
            self.reached += 1

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def close(self) -> None:
        """Accept no more connections."""
        self.closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port)).close()
        self._threads[0].join()

    def __exit__(self, *exc_info: object) -> None:
        self.close()
        for sock in self._socks:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(1.0)

    def _spawn(self, target: Any, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                sock, _ = self._listener.accept()
                if self.closing.is_set():
                    sock.close()
                    return
                self.connections += 1
                self._spawn(self._run, sock)

    def _run(self, sock: socket.socket) -> None:
        # The client goes away in the middle of things: that is the point.
        gone = contextlib.suppress(EOFError, OSError)
        with gone, contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                stack.callback(sock.close)
            self._socks.append(sock)
            self._serve(Line(sock, self))


class Counter:
    """An application that counts the POSTs that it executes."""

    def __init__(self) -> None:
        self.executed = 0

    def __call__(self, received: Received) -> Answer:
        self.executed += received.method == "POST"
        return Answer(201, body=b'{"id":"pay1"}')


@functools.cache
def authority() -> trustme.CA:
    """The certificate authority that our clients trust."""
    return trustme.CA()


@functools.cache
def trusting() -> ssl.SSLContext:
    """A client's context that trusts our authority, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


def serving(*names: str, ca: Any = None, **options: Any) -> ssl.SSLContext:
    """Make a server's context, with a certificate for *names*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca = authority() if ca is None else ca
    ca.issue_cert(*(names or (HOST,)), **options).configure_cert(context)
    return context


def closed_port() -> int:
    """Find a port where nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def opened(kind: Any, *, limits: Any = None, **options: Any) -> Any:
    """Open a session of *kind*, without loading the system's certificates."""
    own = {} if limits is None else {"limits": limits}
    options["transport"] = kind.transport(verify=trusting(), **own)
    return kind.open(**options)
