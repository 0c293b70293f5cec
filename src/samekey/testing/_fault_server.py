"""
Serve HTTP/1.1 on a loopback socket, and break it where a script says so.

A fault from an iterable is taken as a request's first bytes arrive; a function
is asked once the whole request has been read. One thread a connection blocks
in `recv` and nothing polls: to end a thread, shut its socket down. Only the
thread closes it, lest its descriptor serves another connection too early.
"""

import contextlib
import socket
import ssl
import struct
import threading

from collections.abc import Callable, Iterable
from typing import Self

import attrs

from ._faults import Answer, Fault, Headers


# Closing with a linger time of 0 sends RST (socket(7), SO_LINGER).
_RESET = struct.pack("ii", 1, 0)
_NO_FAULT = Fault(kind="none", after_execution=True)


@attrs.frozen
class Received:
    """A request as it was read, with lower-case header names."""

    method: str
    target: str = attrs.field(kw_only=True)
    headers: Headers = attrs.field(kw_only=True, repr=False)
    body: bytes = attrs.field(kw_only=True, repr=False)
    connection: int = attrs.field(default=1, kw_only=True)
    number: int = attrs.field(default=1, kw_only=True)

    def header(self, name: str) -> str | None:
        """Return the first value of the header *name*, in any case."""
        return dict(reversed(self.headers)).get(name.lower())

    @property
    def key(self) -> str | None:
        """The Idempotency-Key."""
        return self.header("idempotency-key")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every Idempotency-Key that was sent."""
        return tuple(v for n, v in self.headers if n == "idempotency-key")


App = Callable[[Received], Answer]
Script = Iterable[Fault | None] | Callable[[Received], Fault | None]


class FaultServer:
    """
    Serve *app* on 127.0.0.1 while the context lasts, with scripted faults.

    `requests` and `errors` (what *app* or *script* raised) are in order of
    arrival, `connections` is how many were accepted.

    Args:
        app: Executes a request. If it raises, the answer is a 500.

        script: One fault, or None, for each request in order of arrival;
            after its end nothing fails. Or a function that chooses.

        ssl_context: Serve TLS with this server-side context.
    """

    def __init__(
        self,
        app: App,
        script: Script = (),
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[Received] = []
        self.errors: list[Exception] = []
        self._app = app
        self._ssl_context = ssl_context
        self._faults = iter(() if callable(script) else script)
        self._choose = script if callable(script) else None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._peers: list[_Peer] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        if self._ssl_context is not None:
            listener = self._ssl_context.wrap_socket(
                listener, server_side=True, do_handshake_on_connect=False
            )
        self._spawn(self._listen, listener)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):  # The listener has seen it already.
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._threads[0].join()
        for peer in self._peers:
            peer.shut()
        for thread in self._threads:
            thread.join(0.5)  # Leave a hung application behind.

    def play(self, *faults: Fault | None) -> None:
        """Break the next exchanges by *faults*, in place of the script."""
        with self._lock:
            self._faults = iter(faults)
            self._choose = None

    def close_idle(self) -> None:
        """Close every connection that has been answered and awaits more."""
        for peer in tuple(self._peers):
            with peer.sending:
                if peer.idle:
                    peer.shut()

    def _spawn(self, work: Callable[..., None], argument: object) -> None:
        thread = threading.Thread(target=work, args=(argument,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self, listener: socket.socket) -> None:
        with listener:
            while not self._closing.is_set():
                with contextlib.suppress(OSError):  # Gone again already.
                    sock, _ = listener.accept()
                    if self._closing.is_set():
                        sock.close()
                        continue
                    self.connections += 1
                    peer = _Peer(sock, self.connections)
                    self._peers.append(peer)
                    self._spawn(self._serve, peer)

    def _serve(self, peer: "_Peer") -> None:
        # The client went away, sent what is no request, or `shut` was called.
        gone = contextlib.suppress(EOFError, OSError, ValueError)
        with peer.sock, peer.stream, gone:
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._exchange(peer):
                pass

    def _exchange(self, peer: "_Peer") -> bool:
        """Serve one request, and say whether the connection lives on."""
        if not peer.stream.peek(1):  # Waits for the first bytes.
            return False
        peer.idle = False
        with self._lock:
            fault = next(self._faults, None)
        if fault is not None and not fault.reads:
            return peer.end(fault)
        received = peer.read()
        with self._lock:
            number = len(self.requests) + 1
            received = attrs.evolve(
                received, connection=peer.number, number=number
            )
            self.requests.append(received)
        fault, answer = self._run(received, fault)
        self._send(peer, fault, fault.wire(answer, received.method))
        return peer.end(fault) and received.header("connection") != "close"

    def _run(
        self, received: Received, fault: Fault | None
    ) -> tuple[Fault, Answer]:
        try:
            if self._choose is not None:
                fault = self._choose(received)
            if fault is not None and not fault.after_execution:
                return fault, Answer(503)
            answer = self._app(received)
        except Exception as exc:  # noqa: BLE001 -- kept for the test to see
            self.errors.append(exc)
            answer = Answer(500, body=b"the application raised an exception")
        return _NO_FAULT if fault is None else fault, answer

    def _send(self, peer: "_Peer", fault: Fault, wire: bytes) -> None:
        step = 1 if fault.interval else max(1, len(wire))
        for start in range(0, len(wire), step):
            self._closing.wait(fault.interval if start else fault.delay)
            # Idle before the client can know, or `close_idle` may miss it.
            with peer.sending:
                peer.sock.sendall(wire[start : start + step])
                peer.idle = fault.end == "keep" and start + step >= len(wire)


class _Peer:
    """One accepted connection, used by its own thread but for `shut`."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.stream = sock.makefile("rb")
        self.number = number
        self.idle = False
        self.sending = threading.Lock()

    def read(self) -> Received:
        method, target, _ = self._line().split(" ")
        pairs = [line.partition(":") for line in iter(self._line, "")]
        headers = tuple((n.lower(), value.strip()) for n, _, value in pairs)
        fields = dict(headers)
        if "transfer-encoding" in fields:
            body = b"".join(iter(self._chunk, b""))
            while self._line():
                pass  # A trailer.
        else:
            body = self._exactly(int(fields.get("content-length", "0")))
        return Received(method, target=target, headers=headers, body=body)

    def _line(self) -> str:
        if not (line := self.stream.readline()).endswith(b"\n"):
            raise EOFError
        return line.decode("latin-1").rstrip("\r\n")

    def _exactly(self, size: int) -> bytes:
        if len(data := self.stream.read(size)) < size:
            raise EOFError
        return data

    def _chunk(self) -> bytes:
        size = int(self._line().partition(";")[0], 16)
        return self._exactly(size + 2)[:-2] if size else b""

    def end(self, fault: Fault) -> bool:
        """Part as *fault* says, and say whether another request may come."""
        if fault.end == "stall":
            # A timeout is an OSError, and ends the thread as others do.
            self.sock.settimeout(fault.hold)
            while self.sock.recv(65536):
                pass
        elif fault.end == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return fault.end == "keep"

    def shut(self) -> None:
        """Wake the connection's thread; it will find the stream at its end."""
        # SSLSocket's own shutdown changes the object under its reader.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
