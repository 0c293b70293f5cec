"""
The client door: a client that is the user's own, with one method overridden.

`wrap` gives back an instance of the wrapped client's own class, made into a
subclass with `send` overridden, that shares the wrapped client's state. The
verbs only gain `operation=`, `idempotency_key=` and `policy=`.
"""

from __future__ import annotations

from contextvars import Token
from typing import Any

from samekey._call import EXTENSION, Call
from samekey._door import again, open_call
from samekey._drivers import AsyncDriver, Driver
from samekey._ending import carried_by
from samekey._handing import hand_out
from samekey._headers import add, has
from samekey._library import Module, Request, Response, library_of
from samekey._policy import show_seconds
from samekey._terms import Terms
from samekey._verbs import Verbs
from samekey._wire import SENDING, Wire
from samekey.errors import BodyNotReplayable, KeyExpired


TERMS = (
    "policy",
    "budget",
    "origins",
    "namespace",
    "secret",
    "retention",
    "doubt",
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

    def wire(self, transport: Any) -> Wire:
        """Give the wire of a transport."""
        wire = self.latest = self._wire(transport)
        return wire

    def _wire(self, transport: Any) -> Wire:
        wire = self._wires.get(id(transport))
        if wire is None or wire.transport is not transport:
            wire = self._wires[id(transport)] = Wire(transport)
        return wire


class _Shared(Verbs):
    """What the sync and the async client have in common."""

    __slots__ = ()
    _samekey: Bound

    def _transport_for_url(self, url: Any) -> Wire:
        transport = super()._transport_for_url(url)
        wire = self._samekey.latest
        if wire.transport is transport:
            return wire
        return self._samekey.wire(transport)


class ClientMixin(_Shared):
    """Retries under one key; over the library's `Client`."""

    __slots__ = ()

    def __init__(self, **options: Any) -> None:
        terms, rest = split_terms(options)
        super().__init__(**rest)
        bind(self, terms, None)

    def send(self, request: Request, **options: Any) -> Response:
        call = _opened(self, request, options)
        return self._samekey_run(call)

    def resume(self, exc: BaseException) -> Response:
        """
        Send an operation again: the same bytes, key and history.

        It has new attempts and a new deadline, and its first send is free.

        Args:
            exc: What left the operation: a `GaveUp`, or any exception for
                which `samekey.report` finds one.

        Raises:
            ValueError: If *exc* was pickled: its request is gone.

            LookupError: If no operation is behind *exc*.

            KeyExpired: If the server may have forgotten the key.

            BodyNotReplayable: If the body was streamed.

            GaveUp: As for any call.
        """
        return self._samekey_run(_resumed(self, exc))

    def _samekey_run(self, call: Call) -> Response:
        plain = super().send

        def transmit(hop: Request | None) -> Response:
            if hop is not None:
                response: Response = plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
                return response
            token = before_send(call)
            try:
                response = plain(call.request, **call.options)
            finally:
                if token is not None:
                    SENDING.reset(token)
            return response

        try:
            response = _DRIVER.run(call, transmit)
        finally:
            call.active = False
        return hand_out(call, response) if call.unread else response


class AsyncClientMixin(_Shared):
    """Same as `ClientMixin`, awaiting; over the library's `AsyncClient`."""

    __slots__ = ()

    def __init__(self, **options: Any) -> None:
        terms, rest = split_terms(options)
        super().__init__(**rest)
        bind(self, terms, None)

    async def send(self, request: Request, **options: Any) -> Response:
        call = _opened(self, request, options)
        return await self._samekey_run(call)

    async def resume(self, exc: BaseException) -> Response:
        """Same as `Client.resume`, awaiting."""
        return await self._samekey_run(_resumed(self, exc))

    async def _samekey_run(self, call: Call) -> Response:
        plain = super().send

        async def transmit(hop: Request | None) -> Response:
            if hop is not None:
                response: Response = await plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
                return response
            token = before_send(call)
            try:
                response = await plain(call.request, **call.options)
            finally:
                if token is not None:
                    SENDING.reset(token)
            return response

        try:
            response = await _ASYNC_DRIVER.run(call, transmit)
        finally:
            call.active = False
        if call.unread:
            return hand_out(call, response, asynchronous=True)
        return response


_DRIVER = Driver()
_ASYNC_DRIVER = AsyncDriver()


def split_terms(
    options: dict[str, Any],
) -> tuple[Terms, dict[str, Any]]:
    """Take our options out of the library's."""
    own = {name: options.pop(name) for name in TERMS if name in options}
    return Terms(**own), options


def bind(client: Any, terms: Terms, original: Any) -> None:
    """Give *client* its terms."""
    library = library_of(type(client))  # type: ignore[arg-type]  # classes are hashable
    assert library is not None
    object.__setattr__(client, "_samekey", Bound(terms, library, original))


def _opened(client: Any, request: Request, options: dict[str, Any]) -> Call:
    bound: Bound = client._samekey
    bound.terms.guard.check()
    with bound.terms.lock:
        carried = request.extensions.get(EXTENSION)
        if isinstance(carried, Call) and carried.is_for(request):
            call = again(carried)
            call.request = call.opened = request
            call.client = client
        else:
            call = open_call(bound.terms, bound.library, request, client)
            key = call.key
            if key is not None and not call.in_header:
                add(request.headers, call.header, key)
        call.active = True
    _set_options(client, call, options)
    return call


def _set_options(client: Any, call: Call, options: dict[str, Any]) -> None:
    bound: Bound = client._samekey
    follow = options.get("follow_redirects")
    if follow.__class__ is not bool:
        follow = client.follow_redirects
    call.unread = bool(options.get("stream", False))
    options["stream"] = True
    options["follow_redirects"] = follow
    if follow and call.key is not None:
        # A hop is followed by the engine, if it may carry the key.
        options["follow_redirects"] = False
        call.follows = True
        call.max_redirects = client.max_redirects
    call.options = options
    auth = options.get("auth", bound.default_auth)
    if auth is bound.default_auth:
        auth = client.auth
    call.has_auth = auth is not None
    call.returns_doubt = bound.returns_doubt


def before_send(call: Call) -> Token[Call | None] | None:
    """Give each attempt the headers as they were, and tell who is sending."""
    request = call.request
    headers = call.library.Headers
    if call.pristine is None:
        if call.has_auth or call.client.event_hooks["request"]:
            call.pristine = headers(request.headers)
    else:
        request.headers = headers(call.pristine)
    return SENDING.set(call) if call.has_auth else None


_GONE = (
    "exc must be as it was raised, got one that was pickled: its request is"
    " gone; call again with the same operation or key"
)


def _resumed(client: Any, exc: BaseException) -> Call:
    bound: Bound = client._samekey
    bound.terms.guard.check()
    call = carried_by(exc)
    if call is None:
        if hasattr(exc, "report"):
            raise ValueError(_GONE)
        msg = f"no operation of samekey is behind this {type(exc).__name__}"
        raise LookupError(msg)
    if not call.replayable and not call.freezes:
        msg = "the body was streamed, so it cannot be sent again"
        raise BodyNotReplayable(msg)
    if call.key is not None:
        _check_retention(call)
    if not call.reclaim():
        raise ValueError(_GONE)
    call = again(call)
    call.active = True
    call.client = client
    if call.is_transport:
        call.is_transport = call.unread = False
        call.pristine = None
    if call.key is not None and not has(call.request.headers, call.header):
        add(call.request.headers, call.header, call.key)
        call.in_header = True
    _set_options(client, call, dict(call.options, stream=call.unread))
    return call


def _check_retention(call: Call) -> None:
    terms = call.terms
    if call.age(terms.clock()) >= terms.retention:
        msg = (
            f"the server remembers keys for "
            f"{show_seconds(terms.retention)} s and may"
            " have forgotten this one; nothing was sent. Ask the API what"
            " became of the operation"
        )
        raise KeyExpired(msg, call.report())
