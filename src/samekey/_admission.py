"""
Compares a named operation with what the client remembers of it.
"""

from __future__ import annotations

import hashlib

from samekey._call import Call
from samekey._fingerprint import fingerprint
from samekey._library import body_of
from samekey._memory import UNPROTECTED, Entry
from samekey._outcome import Past
from samekey._slots import without_pair
from samekey.errors import KeyExpired


def admit(call: Call) -> None:
    """
    Let *call* be sent, if the client's memory has nothing against it.

    Raises:
        OperationChanged: If the operation was called with another request or
            key, or is a new generation of one in doubt.

        KeyExpired: If the server may have forgotten the key, or takes none.
    """
    terms = call.terms
    operation = call.operation
    key = call.key or ""
    digest = _digest(b"key:", key.encode())
    if operation is not None:
        digest = _digest(b"id:", operation.encoded())
    fresh = Entry(
        fingerprint=digest_of(call),
        key=_digest(b"key:", key.encode()),
        generation=1 if operation is None else operation.generation,
        first_sent=terms.time.clock(),
        first_sent_wall=terms.time.wall(),
    )
    known = call.entry
    call.withdraw()
    entry = call.entry = terms.memory.admit(
        digest,
        fresh,
        retention=call.retention,
        force=operation is not None and operation.force,
        named=operation is not None,
    )
    call.enrolled = True
    if entry is fresh:
        return
    if call.guarded and entry is not known and _may_have_acted(entry):
        raise KeyExpired(UNPROTECTED, entry.report)
    call.first_sent = entry.first_sent
    call.first_sent_wall = entry.first_sent_wall
    past = call.past = Past() if call.past is None else call.past
    entry.add_to(past, alone=True)


def _may_have_acted(entry: Entry) -> bool:
    return entry.doubtful or entry.settled or entry.under_way > 1


def _digest(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha256(kind + data).digest()


def digest_of(call: Call) -> bytes:
    """Digest what the request says, but for the key and what is volatile."""
    request = call.request
    profile = call.profile
    headers = request.headers
    scope = [
        (name.lower(), headers.get(name, "")) for name in profile.scope_headers
    ]
    url = call.url
    scheme, host, port = call.origin
    target = url.raw_path.decode("ascii", "replace")
    body = body_of(call.library, request)
    own = call.terms.fingerprint
    without: tuple[str, ...] = ()
    if callable(own):
        said = call.said if call.said is not None else own(request)
        body = said.encode() if isinstance(said, str) else said
        if not isinstance(body, bytes):
            msg = (
                "fingerprint must give bytes or a str, got"
                f" {type(said).__name__}"
            )
            raise TypeError(msg)
        return fingerprint(
            call.method, f"{scheme}://{host}:{port}", None, body, scope=scope
        )
    if own is not None:
        without = own
    placement = profile.placement
    name = placement.name or ""
    kind = headers.get("content-type")
    if placement.kind == "json":
        without = (*without, placement.pointer or "")
        # It is JSON, whatever it is called.
        scope.append(("content-type", kind or ""))
        kind = "application/json"
    elif placement.kind == "form":
        text = body.decode("utf-8", "surrogateescape")
        body = without_pair(text, name).encode("utf-8", "surrogateescape")
    elif placement.kind == "query":
        path, _, query = target.partition("?")
        target = f"{path}?{without_pair(query, name)}"
    return fingerprint(
        call.method,
        f"{scheme}://{host}:{port}{target}",
        kind,
        body,
        scope=scope,
        without=without,
    )
