"""
Puts the key where the API wants it, when that is more than one header.

It happens before auth signs and before the first attempt, once: every attempt
sends the same bytes. At the client door the request itself is changed; at the
transport door each copy that goes out is.
"""

from __future__ import annotations

import json

from email.utils import formatdate
from typing import Any
from urllib.parse import quote_plus

import attrs

from samekey._call import Call
from samekey._headers import FORM
from samekey._library import body_of
from samekey._names import IDEMPOTENT_METHODS
from samekey._slots import Placed, Slot, Unplaceable, json_slot, pairs_slot
from samekey.errors import InvalidKey
from samekey.keys import check_key


def place(call: Call) -> None:
    """
    Work out how the request carries its key, once its body is bytes.

    A key that stands where the API wants it is the user's.

    Raises:
        InvalidKey: If the key that is there cannot be sent or is not the one
            that was given, or there is no place for one that must be sent.
    """
    if call.key is None and not call.wanting:
        return
    slot: Slot | None = None
    kind = call.profile.placement.kind
    if kind != "header":
        try:
            slot = _slot(call)
        except Unplaceable as exc:
            _go_without(call, str(exc))
            return
        _take_up(call, slot.found)
    if call.key is None:
        _go_without(call, "none")
        return
    call.placed = _placed(call, slot)
    if not call.is_transport:
        put(call, call.request)


def _slot(call: Call) -> Slot:
    request = call.request
    placement = call.profile.placement
    body = body_of(call.library, request)
    if placement.kind == "json":
        return json_slot(body, placement)
    assert placement.name is not None
    if placement.kind == "query":
        return pairs_slot(call.url.query.decode("ascii"), placement.name)
    kind = request.headers.get("content-type", FORM)
    if not kind.lower().startswith(FORM):
        msg = f"a body of {kind.partition(';')[0]}"
        raise Unplaceable(msg)
    return pairs_slot(body.decode("utf-8", "surrogateescape"), placement.name)


def where(call: Call) -> str:
    """Say where the API wants the key."""
    placement = call.profile.placement
    name = placement.pointer or placement.name
    kinds = {"json": "JSON body", "form": "form body", "query": "query string"}
    return f"{kinds.get(placement.kind, placement.kind)} at {name}"


def _take_up(call: Call, found: object) -> None:
    if found is None or (found == call.key and call.placed is not None):
        return
    shared = call.profile.placement.name
    if (
        call.profile.placement.kind == "query"
        and call.client is not None
        and shared in call.client.params
    ):
        msg = (
            f"{shared} must not be among the client's default parameters:"
            " every call would share it; pass idempotency_key= to the call"
        )
        raise InvalidKey(msg)
    name = f"the key in the {where(call)}"
    key = call.profile.check_key(check_key(found, name=name), name)
    if call.theirs and call.key != key:
        msg = f"a request must have one key, got another {name.removeprefix('the ')}"
        raise InvalidKey(msg)
    call.key = key
    call.theirs = True


def _go_without(call: Call, got: str) -> None:
    """
    Send it without a key, if nobody wants one.

    Raises:
        InvalidKey: If the user or the API does.
    """
    rules = call.profile.key
    if call.theirs or call.operation is not None or rules.required:
        msg = (
            f"{call.profile.called} takes the key in the {where(call)}, got"
            f" {got}; nothing was sent"
        )
        raise InvalidKey(msg)
    call.key = None
    call.guarded = call.method not in IDEMPOTENT_METHODS


def _placed(call: Call, slot: Slot | None) -> Placed:
    key = call.key
    assert key is not None
    placement = call.profile.placement
    if slot is None:
        assert placement.name is not None
        value = _quoted(key) if placement.quoted else key
        return Placed(headers=((placement.name, value),))
    given = None if call.placed is None else call.placed.given
    if placement.kind == "query":
        if slot.found is None:
            given = call.url
        return Placed(query=True, given=given)
    if slot.found is None:
        given = body_of(call.library, call.request)
    shown = json.dumps(key) if placement.kind == "json" else quote_plus(key)
    text = slot.before + shown + slot.after
    return Placed(content=text.encode("utf-8", "surrogateescape"), given=given)


def rekey(call: Call, key: str) -> None:
    """Put another key in the place of the one that was chosen."""
    call.key = key
    if call.placed is not None:
        header = call.profile.placement.kind == "header"
        call.placed = _placed(call, None if header else _slot(call))
        if not call.is_transport:
            put(call, call.request)
    elif not call.is_transport:
        call.request.headers[call.header.name] = key


def _quoted(key: str) -> str:
    # RFC 9651, section 4.1.6: only these two are escaped.
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(value: str) -> str:
    """Take a key out of the double quotes of a structured field."""
    if len(value) < 2 or not value[0] == value[-1] == '"':
        return value
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def accompany(call: Call) -> None:
    """Add what stays constant beside the key, once its first send is known."""
    first = call.first_sent_wall
    if call.first_sent is None:
        first = call.terms.time.wall()
    # RFC 9110, section 5.6.7: an HTTP-date has seconds, and is in GMT.
    shown = formatdate(first, usegmt=True)
    headers = tuple((one.name, shown) for one in call.profile.companions)
    assert call.placed is not None
    call.placed = attrs.evolve(
        call.placed, headers=(*call.placed.headers, *headers)
    )
    if not call.is_transport:
        put(call, call.request)


def put(call: Call, request: Any) -> None:
    """Give *request* what carries the key."""
    placed = call.placed
    assert placed is not None
    for name, value in placed.headers:
        request.headers[name] = value
    if placed.query:
        request.url = _with_query(call, request.url)
        if request is call.request:
            call.url = request.url
    if placed.content is not None:
        _fill(call, request, placed.content)
        if call.profile.placement.kind == "form":
            # A request without a body has no type of its own.
            request.headers.setdefault("content-type", FORM)


def _fill(call: Call, request: Any, content: bytes) -> None:
    request.__dict__.pop("_content", None)
    request.stream = call.library.ByteStream(content)
    request.read()
    if "content-length" in request.headers:
        request.headers["content-length"] = str(len(content))


def empty(call: Call, request: Any) -> None:
    """Take the key that we put into a body out of *request*'s."""
    placed = call.placed
    if (
        placed is not None
        and placed.content is not None
        and placed.given is not None
        and body_of(call.library, request) == placed.content
    ):
        _fill(call, request, placed.given)


def _with_query(call: Call, url: Any) -> Any:
    # The hop of a redirect has a query of its own.
    name = call.profile.placement.name
    assert name is not None
    assert call.key is not None
    try:
        slot = pairs_slot(url.query.decode("ascii"), name)
    except Unplaceable:  # a Location has the key twice
        return url
    text = slot.before + quote_plus(call.key) + slot.after
    return url.copy_with(query=text.encode("ascii"))


def take_off(call: Call, request: Any) -> None:
    """Take the headers that carry the key off a request."""
    placed = call.placed
    assert placed is not None
    for name, _ in placed.headers:
        request.headers.pop(name, None)
