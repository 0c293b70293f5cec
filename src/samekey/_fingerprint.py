"""
The fingerprint of a request: what it says, so that a changed payload shows.

Two JSON bodies that mean the same have one fingerprint: white space and the
order of names do not count. Number literals count as they are written, since
`1` and `1.0` are two types to many servers. A body in which a name stands
twice has no one meaning, so it is compared as bytes. A multipart boundary is
made anew for each body and does not count. The request's credentials do not
count either: a token that was refreshed asks for the same thing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading

from collections.abc import Callable, Sequence

from samekey._pointer import steps_of, value_at


_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]*)"|([^;\s]*))', re.IGNORECASE)


def fingerprint(
    method: str,
    url: str,
    content_type: str | None,
    body: bytes,
    *,
    scope: Sequence[tuple[str, str]] = (),
    without: Sequence[str] = (),
) -> bytes:
    """
    Digest what a request says into 32 bytes.

    Args:
        method: In upper case.

        url: Without credentials and fragment.

        content_type: The header's value, where there is one.

        body: The bytes that are sent.

        scope: Headers that choose whose operation it is, such as an account.

        without: JSON pointers to what is left out of a JSON body.
    """
    kind, body = _plain_body(content_type or "", body, without)
    digest = hashlib.sha256(b"samekey-fingerprint-1")
    for piece in (
        method.encode(),
        url.encode(),
        kind.encode("utf-8", "surrogateescape"),
        *(
            part.encode("utf-8", "surrogateescape")
            for p in scope
            for part in p
        ),
        body,
    ):
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.digest()


def _plain_body(
    content_type: str, body: bytes, without: Sequence[str]
) -> tuple[str, bytes]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        found = _BOUNDARY.search(content_type)
        if found is not None:
            mark = (found[1] or found[2] or "").encode("latin-1", "replace")
            return kind, _without_boundary(body, mark)
    if kind == "application/json" or kind.endswith("+json"):
        plain = _deep_plain_json(body, without)
        # What cannot be read as JSON is another thing than what can.
        return (f"{kind}!", body) if plain is None else (kind, plain)
    return content_type.strip().lower(), body


class _Twice(ValueError):
    """A name stands twice in one JSON object."""


class _Literal(str):
    """A number as it was written."""

    __slots__ = ()


def _without_boundary(body: bytes, mark: bytes) -> bytes:
    # A delimiter stands at the start of a line (RFC 2046, section 5.1.1).
    if not mark:
        return body
    lines = (b"\r\n" + body).replace(b"\r\n--" + mark, b"\r\n--\0")
    return lines.removeprefix(b"\r\n")


def _deep_plain_json(body: bytes, without: Sequence[str]) -> bytes | None:
    try:
        return _plain_json(body, without)
    except RecursionError:
        pass
    # How deep the caller stands must not change what a body says: a thread
    # has a stack of its own.
    found: list[bytes | None] = []

    def run() -> None:
        with contextlib.suppress(RecursionError):
            found.append(_plain_json(body, without))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0] if found else None


def _plain_json(body: bytes, without: Sequence[str]) -> bytes | None:
    try:
        # As `json.loads` does it.
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        value = _DECODER.decode(text)
        for where in without:
            _leave_out(value, where)
        written: list[str] = []
        _write(value, written.append)
        return "".join(written).encode()
    except ValueError:
        return None


def _leave_out(value: object, where: str) -> None:
    *_, last = steps_of(where)
    value = value_at(value, where.rpartition("/")[0])
    if isinstance(value, dict):
        value.pop(last, None)
    elif isinstance(value, list) and value_at(value, f"/{last}") is not None:
        value[int(last)] = None  # the others keep their places


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _Twice
    return result


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_Literal,
    parse_float=_Literal,
    parse_constant=_Literal,
)
_quoted = json.JSONEncoder().encode


def _write(value: object, add: Callable[[str], object]) -> None:
    # A string starts with a quote and a literal does not: they cannot meet.
    if isinstance(value, _Literal):
        add(str(value))
    elif isinstance(value, dict):
        add("{")
        for name in sorted(value):
            add(_quoted(name))
            add(":")
            _write(value[name], add)
            add(",")
        add("}")
    elif isinstance(value, list):
        add("[")
        for item in value:
            _write(item, add)
            add(",")
        add("]")
    else:
        add(_quoted(value))
