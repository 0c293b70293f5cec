"""
What both doors do before a call: choose the key, look at the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from samekey import _ambient
from samekey._call import Call
from samekey._headers import look
from samekey._library import Module, Request, content_of
from samekey._names import EXTENSION
from samekey._outcome import IDEMPOTENT_METHODS, Past
from samekey._streams import only_once
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
    if options is None or isinstance(options, Call):
        return _NONE
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
    kind: type[Call] = Call,
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
    profile = terms.profile
    call = kind(request, library, terms, terms.policy, profile)
    call.client = client
    found, form = look(request.headers, profile.header)
    if found or (options is not None and not isinstance(options, Call)):
        _obey(call, check_options(options))
    if call.key is None:
        if (
            form
            or call.operation is not None
            or _ambient.SCOPE.get() is not None
            or call.method in IDEMPOTENT_METHODS
        ):
            _choose_key(call, form=form)
        else:
            call.key = new_key()
    if not isinstance(request.stream, library.ByteStream):
        _look_at_body(call)
    request.extensions = {**extensions, EXTENSION: call}
    return call


def _obey(call: Call, options: Mapping[str, Any]) -> None:
    """Take what the user says of key, operation and policy."""
    if "policy" in options:
        call.policy = check_policy(options["policy"])
    given = _key_in_header(call)
    call.in_header = given is not None
    if "idempotency_key" in options:
        given = _only(check_key(options["idempotency_key"]), given)
    if "operation" in options:
        call.operation = _operation(options["operation"])
    if given is not None:
        call.key = given
        call.theirs = True


def _choose_key(call: Call, *, form: bool) -> None:
    by_default = call.method not in IDEMPOTENT_METHODS
    if call.operation is None and by_default:
        if form and _asks_for_a_token(call.request):
            # Replaying a rotating refresh token locks the user out.
            call.guarded = True
            return
        scope = _ambient.SCOPE.get()
        if scope is None:
            call.key = new_key()
            return
        call.operation = scope.at(call.method, call.url)
    if call.operation is not None:
        terms = call.terms
        call.key = call.operation.key(
            namespace=terms.namespace, secret=terms.secret
        )


def _operation(value: object) -> Operation:
    if isinstance(value, Operation):
        return value
    return Operation(value)  # type: ignore[arg-type]  # it checks


def _key_in_header(call: Call) -> str | None:
    header = call.header.name
    found = call.request.headers.get_list(header)
    if not found:
        return None
    if len(found) > 1:
        msg = f"a request must have one {header} header, got {len(found)}"
        raise InvalidKey(msg)
    if call.client is not None and header in call.client.headers:
        msg = (
            f"{header} must not be among the client's default headers: every"
            " call would share it; pass idempotency_key= to the call"
        )
        raise InvalidKey(msg)
    return check_key(found[0], name=f"the {header} header")


def _only(key: str, in_header: str | None) -> str:
    if in_header is not None and in_header != key:
        msg = "a request must have one key, got idempotency_key= and a header"
        raise InvalidKey(msg)
    return key


def _asks_for_a_token(request: Request) -> bool:
    body = content_of(request) or b""
    return "grant_type" in parse_qs(body.decode("utf-8", "replace"))


def _look_at_body(call: Call) -> None:
    call.replayable = False
    if call.key is None:
        return
    once = call.policy.attempts == 1
    if once and call.operation is None and not call.theirs:
        # HTTP/2 may send a request again by itself (RFC 9113, section 8.7);
        # an iterator that is used up would go out as an empty body.
        call.request.stream = only_once(call.library, call.request.stream)
        return
    call.freezes = True


def again(call: Call, request: Request) -> Call:
    """Give the call for one more send of the same *request*."""
    if not call.active:
        call.request = call.opened = request
        call.rearm()
        return call
    # The same request is being sent right now, in another thread or task.
    twin = type(call)(
        request, call.library, call.terms, call.policy, call.profile
    )
    # What the other send does is not known here: it may execute.
    past = call.past
    twin.past = past = Past() if past is None else past.copy()
    past.remembered = True
    # Two that read one iterator would each send a part of it.
    twin.spoiled = call.freezes
    for name in (
        "client",
        "first_sent",
        "first_sent_wall",
        "follows",
        "freezes",
        "guarded",
        "in_header",
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
