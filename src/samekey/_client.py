"""
The client door: what is behind a wrapped client's `send`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Token
from typing import Any

from samekey._async_drivers import AsyncDriver
from samekey._call import Call
from samekey._copying import copy_of
from samekey._door import again, open_call
from samekey._drivers import Driver
from samekey._ending import carried_by
from samekey._handing import hand_out
from samekey._headers import add, has
from samekey._library import (
    Module,
    Origin,
    Request,
    Response,
    library_of,
    origin,
)
from samekey._memory import UNPROTECTED
from samekey._names import EXTENSION
from samekey._placing import put
from samekey._pristine import Pristine
from samekey._retained import check_again, check_retention, refuse
from samekey._terms import Terms
from samekey._wire import SENDING, Wire
from samekey.errors import BodyNotReplayable


TERMS = (
    "policy",
    "budget",
    "origins",
    "namespace",
    "secret",
    "retention",
    "doubt",
    "profile",
    "fingerprint",
    "journal",
    "hooks",
)


_GONE = (
    "exc must be as it was raised, got one that was pickled: its request is"
    " gone; call again with the same operation or key"
)


class Bound:
    """What a wrapped client has besides the state of the client it wraps."""

    def __init__(self, terms: Terms, library: Module, original: Any) -> None:
        self.terms = terms
        self.library = library
        self.original = original  # its __del__ may tidy what we share
        self.returns_doubt = terms.doubt == "return"
        self.default_auth = library.USE_CLIENT_DEFAULT
        self._wires: dict[int, Wire] = {}
        self.latest = Wire(None)
        self._base: Any = None
        self._home: Origin | None = None

    def home(self, client: Any) -> Origin | None:
        """Give the origin of *client*'s base_url, if it has one."""
        base = client.base_url
        if base is not self._base:
            self._home = origin(base) if base.host else None
            self._base = base
        return self._home

    def open(
        self, client: Any, request: Request, options: dict[str, Any]
    ) -> Call:
        """Open the operation of *request*, or take it up again."""
        terms = self.terms
        if not terms.guard.passed:
            terms.guard.check()
        carried = request.extensions.get(EXTENSION)
        if carried is not None:
            check_again(carried)
        with terms.lock:
            carried = request.extensions.get(EXTENSION)
            if isinstance(carried, Call) and carried.is_for(request):
                call = _again(carried, request)
                call.client = client
            else:
                call = open_call(terms, self.library, request, client)
                key = call.key
                if key is not None and not call.in_header:
                    add(request.headers, call.profile.header, key)
            call.active = True
        self._set_options(client, call, options)
        return call

    def _set_options(
        self, client: Any, call: Call, options: dict[str, Any]
    ) -> None:
        follow = options.get("follow_redirects")
        if not isinstance(follow, bool):
            follow = client.follow_redirects
        unread = options.get("stream", False)
        if unread or call.unread:
            call.unread = bool(unread)
        options["stream"] = True
        options["follow_redirects"] = follow
        if follow and (call.key is not None or call.wanting):
            # A hop is followed by the engine, if it may carry the key.
            options["follow_redirects"] = False
            call.follows = True
            call.max_redirects = client.max_redirects
        call.options = options
        auth = options.get("auth", self.default_auth)
        if auth is self.default_auth:
            auth = client.auth
        if call.returns_doubt is not self.returns_doubt:
            call.returns_doubt = self.returns_doubt
        restores = (
            call.pristine is not None
            or auth is not None
            or bool(client.event_hooks["request"])
        )
        if call.restores is not restores:
            call.restores = restores

    def resume(self, client: Any, exc: BaseException) -> Call:
        """Take up the operation behind *exc*, as `Client.resume` tells."""
        self.terms.guard.check()
        call = carried_by(exc)
        if call is None:
            if hasattr(exc, "report"):
                raise ValueError(_GONE)
            msg = (
                f"no operation of samekey is behind this {type(exc).__name__}"
            )
            raise LookupError(msg)
        if not call.replayable:
            msg = "the body was streamed, so it cannot be sent again"
            raise BodyNotReplayable(msg)
        if call.key is not None:
            check_retention(call)
        elif call.guarded and call.may_have_acted():
            refuse(call, UNPROTECTED)
        if not call.reclaim():
            raise ValueError(_GONE)
        call = _again(call, call.opened)
        call.active = True
        call.client = client
        if call.is_transport:
            call.is_transport = call.unread = False
            call.pristine = None
        if call.placed is not None:
            put(call, call.request)
        elif call.key is not None and not has(
            call.request.headers, call.header
        ):
            add(call.request.headers, call.header, call.key)
            call.in_header = True
        self._set_options(client, call, dict(call.options, stream=call.unread))
        return call

    def wire(self, transport: Any) -> Wire:
        """Give the wire of a transport."""
        wire = self.latest = self._wire(transport)
        return wire

    def _wire(self, transport: Any) -> Wire:
        wire = self._wires.get(id(transport))
        if wire is None or wire.transport is not transport:
            wire = self._wires[id(transport)] = Wire(transport)
        return wire


class SyncBound(Bound):
    """What is behind a `Client`."""

    def run(self, call: Call, plain: Callable[..., Response]) -> Response:
        """Send *call* under one key, by the library's own send, *plain*."""

        def transmit(hop: Request | None) -> Response:
            if hop is not None:
                return plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
            if not call.restores:
                return plain(call.request, **call.options)
            token = before_send(call)
            try:
                return plain(call.request, **call.options)
            finally:
                SENDING.reset(token)

        try:
            response = _DRIVER.run(call, transmit)
        finally:
            call.active = False
        if response.is_closed or not call.unread:
            return response
        return hand_out(call, response)


class AsyncBound(Bound):
    """Same as `SyncBound`, awaiting."""

    async def run(
        self, call: Call, plain: Callable[..., Awaitable[Response]]
    ) -> Response:
        async def transmit(hop: Request | None) -> Response:
            if hop is not None:
                return await plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
            if not call.restores:
                return await plain(call.request, **call.options)
            token = before_send(call)
            try:
                return await plain(call.request, **call.options)
            finally:
                SENDING.reset(token)

        try:
            response = await _ASYNC_DRIVER.run(call, transmit)
        finally:
            call.active = False
        if response.is_closed or not call.unread:
            return response
        return hand_out(call, response, asynchronous=True)


_DRIVER = Driver()
_ASYNC_DRIVER = AsyncDriver()


def split_terms(
    options: dict[str, Any],
) -> tuple[Terms, dict[str, Any]]:
    """Take our options out of the library's."""
    own = {name: options.pop(name) for name in TERMS if name in options}
    return Terms(**own), options


def bind(client: Any, terms: Terms, original: Any) -> None:
    """
    Give *client* its terms.

    Raises:
        ValueError: If a transport of ours below it has a journal, and it has
            none: the client does the work, and nothing would be recorded.
    """
    library = library_of(type(client))  # type: ignore[arg-type]  # classes are hashable
    assert library is not None
    if terms.journal is None:
        for transport in (client._transport, *client._mounts.values()):
            below = getattr(transport, "_terms", None)
            if isinstance(below, Terms) and below.journal is not None:
                msg = (
                    "journal must be given to the client, got one at its"
                    f" {type(transport).__name__}, where nobody would ask it"
                )
                raise ValueError(msg)
    asynchronous = isinstance(client, library.AsyncClient)
    kind = AsyncBound if asynchronous else SyncBound
    object.__setattr__(client, "_samekey", kind(terms, library, original))


def _again(carried: Call, request: Any) -> Call:
    """
    Give the call for one more send of *request*.

    While another send has it, this one has a copy: a send puts what is its own
    on the request, and auth does.
    """
    call = again(carried, request)
    if call is carried or carried.left:
        return call
    # It may have come to its end just now, and have let go of its own.
    extensions = carried.extensions or request.extensions
    call.extensions = {**extensions, EXTENSION: call}
    call.request = call.opened = copy_of(
        request, call.library.Headers(request.headers), call.extensions
    )
    if carried.pristine is not None:
        carried.pristine.restore(call.request)
    return call


def before_send(call: Call) -> Token[Call | None]:
    """Give an attempt the request as it was, and tell who is sending."""
    if call.pristine is None:
        # Not before: reading the body into bytes may correct its length.
        call.pristine = Pristine(call.request, call.library.Headers)
    else:
        call.pristine.restore(call.request)
    return SENDING.set(call)
