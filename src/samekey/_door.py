"""
What both doors do before a call: choose the key, look at the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from samekey import _ambient
from samekey._call import EXTENSION, Call
from samekey._library import Module, Request, content_of
from samekey._outcome import IDEMPOTENT_METHODS
from samekey._terms import Terms, check_policy
from samekey.errors import InvalidKey
from samekey.keys import Operation, check_key, new_key


OPTIONS = frozenset({"operation", "idempotency_key", "policy"})

_NONE: Mapping[str, Any] = {}


def check_options(options: object) -> Mapping[str, Any]:
    """
    Check what stands in a request's `extensions["samekey"]`.

    Raises:
        TypeError: If it is not a dict, or holds an unknown name.
    """
    if not isinstance(options, Mapping):
        msg = (
            f'extensions["{EXTENSION}"] must be a dict, got'
            f" {type(options).__name__}"
        )
        raise TypeError(msg)
    unknown = sorted(str(name) for name in options if name not in OPTIONS)
    if unknown:
        msg = (
            f'extensions["{EXTENSION}"] must hold only'
            f" {', '.join(sorted(OPTIONS))}, got {', '.join(unknown)}"
        )
        raise TypeError(msg)
    return options


def open_call(
    terms: Terms,
    library: Module,
    request: Request,
    client: Any = None,
) -> Call:
    """
    Open the operation that *request* asks for, and choose its key.

    Raises:
        InvalidKey: If the user's key cannot be sent, stands among the
            *client*'s default headers, or is there twice.

        TypeError: If an option is of the wrong type.
    """
    extensions = request.extensions
    options = extensions.get(EXTENSION)
    if options is None or options.__class__ is Call:
        options = _NONE
    else:
        options = check_options(options)
    policy = terms.policy
    if "policy" in options:
        policy = check_policy(options["policy"])
    call = Call(request, library, terms, policy, terms.profile)
    call.client = client
    call.header = terms.profile.header
    _choose_key(call, options)
    _look_at_body(call)
    request.extensions = {**extensions, EXTENSION: call}
    return call


def _choose_key(call: Call, options: Mapping[str, Any]) -> None:
    request = call.request
    in_header = call.header in request.headers
    if options or in_header:
        given = _given_key(call, options) if in_header else None
        if "idempotency_key" in options:
            given = _only(check_key(options["idempotency_key"]), given)
        if "operation" in options:
            call.operation = _operation(options["operation"])
        if given is not None:
            call.key = given
            call.theirs = True
            return
    by_default = call.method not in IDEMPOTENT_METHODS
    if call.operation is None and by_default:
        if _asks_for_a_token(request):
            # Replaying a rotating refresh token locks the user out.
            call.guarded = True
            return
        scope = _ambient.current()
        if scope is not None:
            call.operation = scope.at(call.method, request.url)
    if call.operation is not None:
        terms = call.terms
        call.key = call.operation.key(
            namespace=terms.namespace, secret=terms.secret
        )
    elif by_default:
        call.key = new_key()


def _operation(value: object) -> Operation:
    if isinstance(value, Operation):
        return value
    return Operation(value)  # type: ignore[arg-type] -- it checks


def _given_key(call: Call, options: Mapping[str, Any]) -> str:
    found = call.request.headers.get_list(call.header)
    if len(found) > 1:
        msg = f"a request must have one {call.header} header, got {len(found)}"
        raise InvalidKey(msg)
    if call.client is not None and call.header in call.client.headers:
        msg = (
            f"{call.header} must not be among the client's default headers:"
            " every call would share it; pass idempotency_key= to the call"
        )
        raise InvalidKey(msg)
    return check_key(found[0], name=f"the {call.header} header")


def _only(key: str, in_header: str | None) -> str:
    if in_header is not None and in_header != key:
        msg = "a request must have one key, got idempotency_key= and a header"
        raise InvalidKey(msg)
    return key


def _asks_for_a_token(request: Request) -> bool:
    body = content_of(request)
    if body is None or b"grant_type" not in body:
        return False
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind.strip().lower() != "application/x-www-form-urlencoded":
        return False
    return "grant_type" in parse_qs(body.decode("utf-8", "replace"))


def _look_at_body(call: Call) -> None:
    if isinstance(call.request.stream, call.library.ByteStream):
        return
    call.replayable = False
    if call.key is None:
        return
    once = call.policy.attempts == 1
    if once and call.operation is None and not call.theirs:
        return
    call.freezes = True


def again(call: Call) -> Call:
    """Give the call for one more send of the same request."""
    if not call.active:
        call.rearm()
        return call
    # The same request is being sent right now, in another thread or task.
    twin = Call(
        call.request, call.library, call.terms, call.policy, call.profile
    )
    for name in (
        "client",
        "follows",
        "freezes",
        "guarded",
        "header",
        "key",
        "max_redirects",
        "operation",
        "replayable",
        "returns_doubt",
        "theirs",
        "unread",
    ):
        setattr(twin, name, getattr(call, name))
    return twin
