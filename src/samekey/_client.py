"""
The client door: a client that is the user's own, with one method overridden.

`wrap` gives back an instance of the wrapped client's own class, made into a
subclass with `send` overridden, that shares the wrapped client's state. The
verbs only gain `operation=`, `idempotency_key=` and `policy=`.
"""

from __future__ import annotations

import functools

from collections.abc import Iterable
from contextvars import Token
from typing import Any, Literal, TypeVar, cast

from samekey._call import EXTENSION, Call
from samekey._door import again, open_call
from samekey._drivers import AsyncDriver, Driver
from samekey._ending import carried_by
from samekey._handing import hand_out
from samekey._library import Module, Request, Response, library_of
from samekey._policy import RetryBudget, RetryPolicy
from samekey._terms import DEFAULT_RETENTION, Terms
from samekey._wire import SENDING, Wire
from samekey.errors import BodyNotReplayable, KeyExpired


OWN_OPTIONS = ("operation", "idempotency_key", "policy")
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
        self._wires: dict[int, Wire] = {}

    def wire(self, transport: Any) -> Wire:
        """Give the wire of a transport."""
        wire = self._wires.get(id(transport))
        if wire is None or wire.transport is not transport:
            wire = self._wires[id(transport)] = Wire(transport)
        return wire


def fold(options: dict[str, Any]) -> dict[str, Any]:
    """Move what the verbs gained into the request's extensions."""
    if not any(name in options for name in OWN_OPTIONS):
        return options
    own = {n: options.pop(n) for n in OWN_OPTIONS if n in options}
    extensions = dict(options.get("extensions") or {})
    given = extensions.get(EXTENSION)
    if isinstance(given, dict):
        own = {**given, **own}
    extensions[EXTENSION] = own
    options["extensions"] = extensions
    return options


class _Verbs:
    """The verbs, sync and async alike: they only pass their options on."""

    __slots__ = ()

    def request(self, method: str, url: Any, **options: Any) -> Any:
        return super().request(method, url, **fold(options))  # type: ignore[misc] -- a mixin

    def stream(self, method: str, url: Any, **options: Any) -> Any:
        return super().stream(method, url, **fold(options))  # type: ignore[misc] -- a mixin

    def get(self, url: Any, **options: Any) -> Any:
        return super().get(url, **fold(options))  # type: ignore[misc] -- a mixin

    def options(self, url: Any, **options: Any) -> Any:
        return super().options(url, **fold(options))  # type: ignore[misc] -- a mixin

    def head(self, url: Any, **options: Any) -> Any:
        return super().head(url, **fold(options))  # type: ignore[misc] -- a mixin

    def post(self, url: Any, **options: Any) -> Any:
        return super().post(url, **fold(options))  # type: ignore[misc] -- a mixin

    def put(self, url: Any, **options: Any) -> Any:
        return super().put(url, **fold(options))  # type: ignore[misc] -- a mixin

    def patch(self, url: Any, **options: Any) -> Any:
        return super().patch(url, **fold(options))  # type: ignore[misc] -- a mixin

    def delete(self, url: Any, **options: Any) -> Any:
        return super().delete(url, **fold(options))  # type: ignore[misc] -- a mixin

    def _transport_for_url(self, url: Any) -> Wire:
        transport = super()._transport_for_url(url)  # type: ignore[misc] -- a mixin
        return self._samekey.wire(transport)  # type: ignore[attr-defined, no-any-return] -- a mixin


class ClientMixin(_Verbs):
    """Retries under one key; over the library's `Client`."""

    __slots__ = ()
    _samekey: Bound

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
        plain = super().send  # type: ignore[misc] -- a mixin
        call.active = True

        def transmit(hop: Request | None) -> Response:
            if hop is not None:
                response: Response = plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
                return response
            token = before_send(call)
            try:
                response = plain(call.request, **call.options or {})
            finally:
                if token is not None:
                    SENDING.reset(token)
            return response

        try:
            response = _DRIVER.run(call, transmit)
        finally:
            call.active = False
        return hand_out(call, response) if call.unread else response


class AsyncClientMixin(_Verbs):
    """Same as `ClientMixin`, awaiting; over the library's `AsyncClient`."""

    __slots__ = ()
    _samekey: Bound

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
        plain = super().send  # type: ignore[misc] -- a mixin
        call.active = True

        async def transmit(hop: Request | None) -> Response:
            if hop is not None:
                response: Response = await plain(
                    hop, stream=True, auth=None, follow_redirects=False
                )
                return response
            token = before_send(call)
            try:
                response = await plain(call.request, **call.options or {})
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
    library = library_of(type(client))
    assert library is not None
    object.__setattr__(client, "_samekey", Bound(terms, library, original))


def _opened(client: Any, request: Request, options: dict[str, Any]) -> Call:
    bound: Bound = client._samekey
    bound.terms.guard.check()
    carried = request.extensions.get(EXTENSION)
    if carried.__class__ is Call and carried.request is request:
        call = again(carried)
    else:
        call = open_call(bound.terms, bound.library, request, client)
        call.returns_doubt = bound.terms.doubt == "return"
    call.client = client
    _set_options(client, call, options)
    return call


def _set_options(client: Any, call: Call, options: dict[str, Any]) -> None:
    follow = options.get("follow_redirects")
    if not isinstance(follow, bool):
        follow = client.follow_redirects
    call.unread = bool(options.get("stream", False))
    sending = call.options = {"stream": True, "follow_redirects": follow}
    if "auth" in options:
        sending["auth"] = options["auth"]
    key = call.key
    if key is None:
        return
    sending["follow_redirects"] = False
    call.follows = follow
    call.max_redirects = client.max_redirects
    if call.header not in call.request.headers:
        call.request.headers[call.header] = key


def before_send(call: Call) -> Token[Call | None] | None:
    """Give each attempt the headers as they were, and tell who is sending."""
    request = call.request
    if call.pristine is None:
        call.pristine = call.library.Headers(request.headers)
    else:
        request.headers = call.library.Headers(call.pristine)
    options = call.options or {}
    if "auth" in options or call.client.auth is not None:
        return SENDING.set(call)
    return None


def _resumed(client: Any, exc: BaseException) -> Call:
    bound: Bound = client._samekey
    bound.terms.guard.check()
    if not isinstance(exc, BaseException):
        msg = f"exc must be an exception, got {type(exc).__name__}"
        raise TypeError(msg)
    call = carried_by(exc)
    if call is None:
        if hasattr(exc, "report"):
            msg = (
                "exc must be as it was raised, got one that was pickled: its"
                " request is gone; call again with the same operation or key"
            )
            raise ValueError(msg)
        msg = f"no operation of samekey is behind this {type(exc).__name__}"
        raise LookupError(msg)
    if not call.replayable and not call.freezes:
        msg = "the body was streamed, so it cannot be sent again"
        raise BodyNotReplayable(msg)
    if call.key is not None:
        _check_retention(call)
    call = again(call)
    if call.is_transport:
        call.is_transport = False
        call.pristine = None
    call.request = call.opened
    call.bare = False
    call.client = client
    _set_options(client, call, dict(call.options or {}, stream=call.unread))
    return call


def _check_retention(call: Call) -> None:
    terms = call.terms
    if call.age(terms.clock()) >= terms.retention:
        msg = (
            f"the server remembers keys for {terms.retention:.0f} s and may"
            " have forgotten this one; nothing was sent. Ask the API what"
            " became of the operation"
        )
        raise KeyExpired(msg, call.report())


C = TypeVar("C")


@functools.lru_cache(maxsize=64)
def _wrapped_class(cls: type) -> type:
    library = library_of(cls)
    assert library is not None
    mixin = (
        AsyncClientMixin
        if issubclass(cls, library.AsyncClient)
        else ClientMixin
    )
    return type(
        cls.__name__,
        (mixin, cls),
        {
            "__slots__": ("_samekey",),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        },
    )


def wrap(
    client: C,
    *,
    policy: RetryPolicy | None = None,
    budget: RetryBudget | None = None,
    origins: Iterable[object] | None = None,
    namespace: str | None = None,
    secret: bytes | str | None = None,
    retention: object = DEFAULT_RETENTION,
    doubt: Literal["raise", "return"] = "raise",
) -> C:
    cls = type(client)
    library = library_of(cls)
    if library is None or not issubclass(
        cls, (library.Client, library.AsyncClient)
    ):
        msg = (
            "client must be a Client or AsyncClient of httpx or httpx2, got"
            f" {cls.__name__}"
        )
        raise TypeError(msg)
    if isinstance(client, _Verbs):
        msg = "client must not be wrapped already, got one that is"
        raise TypeError(msg)
    if not hasattr(cls, "_transport_for_url"):
        msg = f"this version of {library} is not supported"
        raise TypeError(msg)
    terms = Terms(
        policy=cast("RetryPolicy", policy),
        budget=cast("RetryBudget", budget),
        origins=cast("Any", origins),
        namespace=namespace,
        secret=cast("bytes", secret),
        retention=cast("float", retention),
        doubt=doubt,
    )
    new = object.__new__(_wrapped_class(cls))
    _share(client, new)
    bind(new, terms, client)
    if _in_use(client):
        terms.guard.check()
    return cast("C", new)


def _share(old: object, new: object) -> None:
    object.__setattr__(new, "__dict__", old.__dict__)
    for cls in type(old).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot not in ("__dict__", "__weakref__") and hasattr(old, slot):
                object.__setattr__(new, slot, getattr(old, slot))


def _in_use(client: object) -> bool:
    state = getattr(client, "_state", None)
    return getattr(state, "name", "UNOPENED") != "UNOPENED"
