"""
Evidence -> verdict: what one attempt tells.

An exception's class is wrong in both directions: `LocalProtocolError` is
raised after the server executed (HTTP/2), `ConnectError` after a POST was
executed and answered 303. So the transport is listened to (its `trace`
events), and these rules decide, in this order:

    R1  A status line was seen: ANSWERED. If the body then breaks, it is still
        ANSWERED, with the body lost.
    R2  Positive evidence that no byte of the request was written: NOT_SENT.
        That is `connect_tcp`, `connect_unix_socket` or `start_tls` failed, or
        a proxy's CONNECT did, and our own `send_request_headers` never began;
        or the library's own transport raised PoolTimeout or
        UnsupportedProtocol, with no such event.
    R3  h11 refused an illegal header before it wrote: NOT_SENT, and the
        caller's bug: no retry.
    R4  HTTP/2 REFUSED_STREAM, or GOAWAY with last stream 0: NOT_SENT
        (RFC 9113, sections 8.7 and 6.8).
    R5  Anything else, any BaseException included: UNKNOWN.

Silence is no evidence: a user's own transport emits no trace, so there
everything that is not answered is UNKNOWN. A wrong UNKNOWN costs one request;
a wrong NOT_SENT costs a lost or a doubled payment.

Only ever one wire send can be proved harmless: an attempt that went out twice
(a Digest login, a redirect that was followed) is UNKNOWN if the second fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekey._library import Module
from samekey._policy import DOUBTFUL_STATUSES
from samekey._report import Attempt, Verdict


# Python 3.11 takes some 70 ns to read a member from its class.
_UNKNOWN = Verdict.UNKNOWN


class Evidence:
    """
    What was seen of one attempt, and what it means.

    Mutable, and most of it stays at the defaults of the class: the first try
    of a call that succeeds pays for what it uses.
    """

    # Seen on the wire.
    sends = 0  # how often the transport was called
    begun = 0  # how often it began to write our request
    connecting = False  # it made a connection of its own
    connect_failed = False
    tunnelling = False  # it asked a proxy to CONNECT
    refused = False  # h11 refused a header
    carrier: type | None = None  # the transport's class
    status: int | None = None
    failure: BaseException | None = None  # what the transport raised
    body_failure: BaseException | None = None  # what its body stream raised

    # When.
    started = 0.0
    ended = 0.0
    waited = 0.0
    telling = False  # its head has headers that tell more
    length: bytes | None = None  # what it says of the length of the body
    encoded = False  # the body is encoded
    asked = 0.0  # how long the server asked to wait after it
    poll = False  # it asked for the answer of a request still running
    hop = False  # a redirect came before it that had answered the request

    # What it means.
    verdict = Verdict.ANSWERED
    error: str | None = None
    reading = False  # its body is being read
    lost = False  # the body could not be read to the end
    in_flight = False
    reuse = False
    replayed = False
    done = False  # it says that the operation has succeeded before
    store_down = False  # the server could not look the key up
    resource: str | None = None  # whose id it names
    words: str | None = None  # what the server says of a reused key

    def listen(self, name: str, info: Mapping[str, Any]) -> None:
        """Note one trace event of the transport."""
        mark = _MARKS.get(name)
        if mark is not None:
            mark(self, info)

    def owns(self, exc: BaseException) -> bool:
        """Tell whether this attempt's own transport raised *exc*."""
        if exc is self.failure:
            return True
        inner = self.body_failure
        return inner is not None and (exc is inner or exc.__cause__ is inner)

    def attempt(self, number: int, offset: float) -> Attempt:
        """Tell of it; *offset* makes wall time of the clock's."""
        return Attempt(
            number=number,
            verdict=self.verdict,
            status=self.status,
            error=self.error,
            started=self.started + offset,
            elapsed=max(0.0, self.ended - self.started),
            waited=self.waited,
        )

    @property
    def doubtful(self) -> bool:
        """Whether the server may have executed it without settling it."""
        return (
            self.verdict is _UNKNOWN
            or self.in_flight
            # Unless the answer itself says what became of it.
            or (
                self.status in DOUBTFUL_STATUSES
                and not (self.done or self.store_down)
            )
        )

    @property
    def harmless(self) -> bool:
        """Whether it certainly did nothing: NOT_SENT, 425 or 429."""
        # RFC 8470, section 5.2; RFC 6585, section 4.
        return (
            self.verdict is Verdict.NOT_SENT
            or (self.status in {425, 429} and not self.hop)
            or self.store_down
        )

    @property
    def settled(self) -> bool:
        """Whether a 2xx head was seen."""
        status = self.status
        return status is not None and 200 <= status < 300


def judge(
    evidence: Evidence,
    exc: BaseException | None,
    library: Module,
    method: str,
) -> Verdict:
    """Decide what an attempt of *method* tells, by the rules at the top."""
    if evidence.status is not None:
        return Verdict.ANSWERED
    if evidence.begun == 0:
        if evidence.tunnelling:
            # A CONNECT is the proxy's, unless it is what the user sends.
            own = method == "CONNECT"
            return Verdict.UNKNOWN if own else Verdict.NOT_SENT
        if evidence.connect_failed:
            return Verdict.NOT_SENT
        # A subclass of it may do anything before it raises.
        if (
            evidence.carrier
            in (library.HTTPTransport, library.AsyncHTTPTransport)
            and evidence.sends == 1
            and exc is evidence.failure
            and type(exc) in (library.PoolTimeout, library.UnsupportedProtocol)
        ):
            return Verdict.NOT_SENT
    elif evidence.begun == evidence.sends == 1 and (
        evidence.refused or _not_processed(exc)
    ):
        return Verdict.NOT_SENT
    return Verdict.UNKNOWN


_REFUSED_STREAM = 7  # RFC 9113, section 7


def _not_processed(exc: BaseException | None) -> bool:
    cause = None if exc is None else exc.__cause__
    event: Any = cause.args[0] if cause is not None and cause.args else None
    if event is None or not type(event).__module__.startswith("h2."):
        return False
    name = type(event).__name__
    if name == "StreamReset":
        return bool(event.error_code == _REFUSED_STREAM)
    return name == "ConnectionTerminated" and bool(event.last_stream_id == 0)


def _connecting(evidence: Evidence, info: Mapping[str, Any]) -> None:
    evidence.connecting = True


def _connect_failed(evidence: Evidence, info: Mapping[str, Any]) -> None:
    evidence.connect_failed = True


def _begun(evidence: Evidence, info: Mapping[str, Any]) -> None:
    if info["request"].method == b"CONNECT":
        evidence.tunnelling = True
    else:
        evidence.begun += 1


def _headers_failed(evidence: Evidence, info: Mapping[str, Any]) -> None:
    # httpcore's class, not h11's: raised before a byte is written.
    kind = type(info["exception"])
    if kind.__name__ == "LocalProtocolError" and kind.__module__.startswith(
        "httpcore"
    ):
        evidence.refused = True


def _body_failed(evidence: Evidence, info: Mapping[str, Any]) -> None:
    evidence.body_failure = info["exception"]


_PREFIXES = ("connection", "http11", "http2", "proxy", "socks")
_MARKS = {
    f"{prefix}.{event}": mark
    for prefix in _PREFIXES
    for event, mark in (
        ("connect_tcp.started", _connecting),
        ("connect_unix_socket.started", _connecting),
        ("connect_tcp.failed", _connect_failed),
        ("connect_unix_socket.failed", _connect_failed),
        ("start_tls.failed", _connect_failed),
        ("send_request_headers.started", _begun),
        ("receive_response_body.failed", _body_failed),
    )
} | {"http11.send_request_headers.failed": _headers_failed}
