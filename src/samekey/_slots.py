"""
Finds where in a body or a query string the key stands, or is to stand.

The rest is kept byte for byte: servers compare bytes, and sign them.
"""

from __future__ import annotations

import json

from json.decoder import JSONDecoder
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import attrs

from samekey._pointer import steps_of
from samekey.profiles import Placement


class Unplaceable(ValueError):
    """There is no place for the key; the message says what there is."""


@attrs.frozen
class Slot:
    """
    Text with a place for the key.

    Args:
        before: What stands before it. *after*: what stands after it.

        found: The value that stands there now; None: nothing does.
    """

    before: str = attrs.field(repr=False)
    after: str = attrs.field(repr=False)
    found: object = attrs.field(default=None, kw_only=True, repr=False)


@attrs.frozen(kw_only=True)
class Placed:
    """
    What a request has to be given.

    Args:
        headers: With the key, or what stays constant beside it.

        content: The body with the key in it.

        query: Whether the key goes into the query string.

        given: The body, or the URL, as it was before; None where the key
            stood there already, or goes elsewhere.
    """

    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    query: bool = False
    given: Any = attrs.field(default=None, repr=False)


def json_slot(body: bytes, placement: Placement) -> Slot:
    """
    Find the place in a JSON body.

    Raises:
        Unplaceable: If the body is no JSON object in UTF-8, or a name on the
            way to the key stands in it twice or not at all.
    """
    assert placement.pointer is not None
    try:
        text = body.decode()
        _DECODER.decode(text)
        return _walk(text, steps_of(placement.pointer))
    except (UnicodeDecodeError, json.JSONDecodeError):
        msg = "a body that is not JSON" if body else "an empty body"
        raise Unplaceable(msg) from None
    except RecursionError:
        msg = "a body too deep to read"
        raise Unplaceable(msg) from None


def _walk(text: str, steps: tuple[str, ...]) -> Slot:
    at = _skip(text, 0)
    *outer, last = steps
    for name in outer:
        inside = _member(text, at, name)
        if inside is None:
            msg = f"a body without {name!r}"
            raise Unplaceable(msg)
        at = inside
    found = _member(text, at, last)
    if found is not None:
        value, end = _DECODER.raw_decode(text, found)
        return Slot(text[:found], text[end:], found=value)
    start, rest = text[: at + 1], text[at + 1 :]
    comma = "" if rest.lstrip(_SPACE).startswith("}") else ","
    return Slot(f"{start}{json.dumps(last)}:", comma + rest)


# Python refuses to read integers of over 4,300 digits; we need not know them.
_DECODER = JSONDecoder(parse_int=lambda digits: int(digits[:9]))
_SPACE = " \t\n\r"


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _member(text: str, at: int, wanted: str) -> int | None:
    """Find where the value of a member of the object at *at* begins."""
    if text[at] != "{":
        msg = "a body in which no object holds it"
        raise Unplaceable(msg)
    found: int | None = None
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # over the colon
        if name == wanted:
            if found is not None:
                msg = f"a body with {wanted!r} twice"
                raise Unplaceable(msg)
            found = at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def pairs_slot(text: str, name: str) -> Slot:
    """
    Find the place among `name=value` pairs, of a form or a query string.

    Raises:
        Unplaceable: If *name* stands there twice.
    """
    pieces = text.split("&") if text else []
    here = [i for i, piece in enumerate(pieces) if _name_of(piece) == name]
    if len(here) > 1:
        msg = f"{name!r} {len(here)} times"
        raise Unplaceable(msg)
    if not here:
        start = f"{text}&" if text else ""
        return Slot(f"{start}{quote_plus(name)}=", "")
    [index] = here
    value = unquote_plus(pieces[index].partition("=")[2])
    before = "".join(f"{piece}&" for piece in pieces[:index])
    after = "".join(f"&{piece}" for piece in pieces[index + 1 :])
    return Slot(f"{before}{quote_plus(name)}=", after, found=value)


def _name_of(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0])


def without_pair(text: str, name: str) -> str:
    """Leave the pairs called *name* out."""
    return "&".join(p for p in text.split("&") if _name_of(p) != name)
