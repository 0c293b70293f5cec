"""
Compares a named operation with what the client remembers of it.
"""

from __future__ import annotations

import hashlib

from samekey._call import Call
from samekey._fingerprint import fingerprint
from samekey._library import content_of, origin
from samekey._memory import Entry
from samekey._outcome import Past


def admit(call: Call) -> None:
    """
    Let *call* be sent, if the client's memory has nothing against it.

    Raises:
        OperationChanged: If the operation was called with another request or
            key, or is a new generation of one in doubt.

        KeyExpired: If the server may have forgotten the key.
    """
    terms = call.terms
    operation = call.operation
    key = call.key or ""
    digest = _digest(b"key:", key.encode())
    if operation is not None:
        digest = _digest(b"id:", operation.encoded())
    fresh = Entry(
        fingerprint=_fingerprint(call),
        key=_digest(b"key:", key.encode()),
        generation=1 if operation is None else operation.generation,
        first_sent=terms.clock(),
        first_sent_wall=terms.wall(),
    )
    entry = call.entry = terms.memory.admit(
        digest,
        fresh,
        retention=terms.retention,
        force=operation is not None and operation.force,
        named=operation is not None,
    )
    if entry is fresh:
        return
    call.first_sent = entry.first_sent
    call.first_sent_wall = entry.first_sent_wall
    past = call.past = Past() if call.past is None else call.past
    past.doubtful = past.doubtful or entry.doubtful
    past.settled = past.settled or entry.settled
    past.remembered = past.remembered or entry.touched


def _digest(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha256(kind + data).digest()


def _fingerprint(call: Call) -> bytes:
    request = call.request
    scheme, host, port = origin(request.url)
    target = request.url.raw_path.decode("ascii", "replace")
    return fingerprint(
        call.method,
        f"{scheme}://{host}:{port}{target}",
        request.headers.get("content-type"),
        content_of(request) or b"",
    )
