"""
What both doors do before a call: choose the key, look at the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from samekey import _ambient
from samekey._arguments import check_policy
from samekey._call import Call
from samekey._headers import look
from samekey._library import Module, Request, body_of, has_parts
from samekey._names import EXTENSION, IDEMPOTENT_METHODS
from samekey._one_shot import only_once
from samekey._outcome import Past
from samekey._placing import unquoted
from samekey._terms import Terms
from samekey.errors import InvalidKey
from samekey.keys import Operation, check_key, new_key
from samekey.profiles import Found


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
    url, lookup = request.url, terms.lookup
    about: Found | None = None
    if has_parts(type(url)):  # type: ignore[arg-type]  # classes are hashable
        # A lookup without its price: nearly every call is to one host.
        about = lookup.known.get((request.method, url._uri_reference.host))
    if about is None:
        about = lookup.find(request.method, url)
    profile = about.profile
    call = kind(request, library, terms, terms.policy, profile)
    call.client = client
    if not about.usual or terms.special:
        _heed(call, about)
    found, form = look(request.headers, profile.header)
    if found or (options is not None and not isinstance(options, Call)):
        _obey(call, check_options(options))
    if call.key is None:
        if (
            form
            or call.operation is not None
            or _ambient.SCOPE.get() is not None
            or not about.usual
        ):
            _choose_key(call, form=form)
        else:
            call.key = new_key()
    if not isinstance(request.stream, library.ByteStream):
        _look_at_body(call)
    request.extensions = call.extensions = {**extensions, EXTENSION: call}
    return call


def _heed(call: Call, about: Found) -> None:
    """Take what the profile says, where it is not the usual."""
    call.keyed = about.keyed
    call.trusted = about.vouched
    # The headers are not where its key is put.
    call.in_header = not about.profile.plain
    call.indirect = call.in_header or call.terms.special


def _obey(call: Call, options: Mapping[str, Any]) -> None:
    """Take what the user says of key, operation and policy."""
    if "policy" in options:
        call.policy = check_policy(options["policy"])
    given = _key_in_header(call)
    if call.profile.plain:
        call.in_header = given is not None
    if "idempotency_key" in options:
        given = _only(_own_key(call, options["idempotency_key"]), given)
    if "operation" in options:
        call.operation = _operation(options["operation"])
    if given is not None:
        call.key = given
        call.theirs = True


def _choose_key(call: Call, *, form: bool) -> None:
    profile = call.profile
    if call.operation is None:
        # Replaying a rotating refresh token locks the user out.
        if not call.keyed or (form and _asks_for_a_token(call)):
            call.guarded = call.method not in IDEMPOTENT_METHODS
            return
        scope = _ambient.SCOPE.get()
        if scope is not None:
            call.operation = scope.at(call.method, call.url)
    if profile.placement.kind == "none":
        call.guarded = call.method not in IDEMPOTENT_METHODS
    elif profile.key.form == "caller":
        call.wanting = True
    elif call.operation is None:
        call.key = profile.new_key()
    else:
        terms = call.terms
        call.key = call.operation.key(
            namespace=terms.namespace, secret=terms.secret, fit=profile.fit
        )


def _own_key(call: Call, key: object) -> str:
    profile = call.profile
    name = "idempotency_key"
    if profile.placement.kind == "none":
        msg = f"{name} must be left out: {profile.called} takes no key"
        raise InvalidKey(msg)
    return profile.check_key(check_key(key), name)


def _operation(value: object) -> Operation:
    if isinstance(value, Operation):
        return value
    return Operation(value)  # type: ignore[arg-type]  # it checks


def _key_in_header(call: Call) -> str | None:
    header = call.header.name
    found = call.request.headers.get_list(header) if header else None
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
    value, name = found[0], f"the {header} header"
    if call.profile.placement.quoted:
        value = unquoted(value)
    return call.profile.check_key(check_key(value, name=name), name)


def _only(key: str, in_header: str | None) -> str:
    if in_header is not None and in_header != key:
        msg = "a request must have one key, got idempotency_key= and a header"
        raise InvalidKey(msg)
    return key


def _asks_for_a_token(call: Call) -> bool:
    body = body_of(call.library, call.request)
    return "grant_type" in parse_qs(body.decode("utf-8", "replace"))


def _look_at_body(call: Call) -> None:
    call.replayable = False
    if call.key is None and not call.wanting:
        return
    once = call.policy.attempts == 1 and not call.indirect
    if once and call.operation is None and not call.theirs:
        # HTTP/2 may send a request again by itself (RFC 9113, section 8.7);
        # an iterator that is used up would go out as an empty body.
        call.request.stream = only_once(call.library, call.request.stream)
        return
    call.freezes = True


def again(call: Call, request: Request) -> Call:
    """
    Give the call for one more send of the same *request*.

    It is the same one, unless somebody is still on that: another send, or
    the thread of one that was left while the journal was at it.
    """
    if not (call.active or call.left):
        call.request = call.opened = request
        call.extensions = request.extensions
        call.rearm()
        return call
    twin = type(call)(
        request, call.library, call.terms, call.policy, call.profile
    )
    past = call.past
    twin.past = past = Past() if past is None else past.copy()
    if call.active:
        # What one send does is not known to the other: it may execute.
        past.remembered = True
        call.remember()
    else:
        if call.evidence is not None:
            past.add(call.evidence)
        request.extensions = twin.extensions = {
            **request.extensions,
            EXTENSION: twin,
        }
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
        "indirect",
        "key",
        "keyed",
        "max_redirects",
        "operation",
        "placed",
        "pristine",
        "replayable",
        "returns_doubt",
        "said",
        "theirs",
        "trusted",
        "unread",
        "wanting",
    ):
        setattr(twin, name, getattr(call, name))
    return twin
