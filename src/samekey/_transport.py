"""
The transport door: below the client, for any SDK that is built on httpx.

It retries what a transport can see: failures to get an answer, and statuses.
A body that breaks while the client reads it is out of its sight.
"""

from __future__ import annotations

import datetime as dt
import os

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from samekey._arguments import DEFAULT_RETENTION
from samekey._async_drivers import AsyncDriver
from samekey._budget import RetryBudget
from samekey._call import Call
from samekey._copying import copy_of
from samekey._door import again, open_call
from samekey._drivers import Driver
from samekey._handing import hand_out
from samekey._headers import has, with_field
from samekey._library import Request, Response, library_of
from samekey._names import EXTENSION
from samekey._placing import put, take_off
from samekey._policy import RetryPolicy
from samekey._redirects import same_place
from samekey._retained import check_again
from samekey._terms import Terms, Verify
from samekey._wire import tapped
from samekey.profiles import Profile


if TYPE_CHECKING:
    import httpx
    import httpx2

    from samekey.journal import Journal
    from samekey.stores import Store

    # Clients of either library take it.
    class Base(httpx.BaseTransport, httpx2.BaseTransport):
        def handle_request(self, request: Any) -> Any: ...

    class AsyncBase(httpx.AsyncBaseTransport, httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any: ...
else:
    Base = AsyncBase = object


class _Door:
    """What both transports are made of."""

    _method = ""

    def __init__(
        self,
        transport: Any,
        *,
        policy: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        origins: Iterable[object] | None = None,
        namespace: str | None = None,
        secret: bytes | str | None = None,
        retention: float | dt.timedelta = DEFAULT_RETENTION,
        profile: str | Profile | Sequence[str | Profile] | None = None,
        fingerprint: Iterable[str]
        | Callable[[Any], bytes | str]
        | None = None,
        verify: Verify | None = None,
        journal: Journal | Store | str | os.PathLike[str] | None = None,
        hooks: Iterable[object] | None = None,
    ) -> None:
        if isinstance(transport, _Door):
            msg = "transport must not be wrapped already, got one that is"
            raise TypeError(msg)
        if not callable(getattr(transport, self._method, None)):
            msg = (
                f"transport must have {self._method}, got"
                f" {type(transport).__name__}"
            )
            raise TypeError(msg)
        self._wrapped = transport
        self._terms = Terms(
            policy=cast("RetryPolicy", policy),
            budget=cast("RetryBudget", budget),
            origins=cast("Any", origins),
            namespace=namespace,
            secret=cast("bytes", secret),
            retention=retention,
            profile=cast("Any", profile),
            fingerprint=fingerprint,
            verify=verify,
            journal=journal,
            hooks=cast("Any", hooks),
        )

    def _open(self, request: Request) -> Call | None:
        """Give the call to run; None if a samekey client does the work."""
        terms = self._terms
        if not terms.guard.passed:
            terms.guard.check()
        carried = request.extensions.get(EXTENSION)
        if carried is not None:
            check_again(carried)
        with terms.lock:
            carried = request.extensions.get(EXTENSION)
            call: Call | None = None
            if isinstance(carried, Call):
                if not carried.is_transport and carried.active:
                    return None
                call = _taken_up(carried, request)
            if call is None:
                library = library_of(type(request))
                if library is None:
                    msg = (
                        "request must be one of httpx or httpx2, got"
                        f" {type(request).__name__}"
                    )
                    raise TypeError(msg)
                call = open_call(terms, library, request, kind=CallBelow)
            call.active = True
        return call


def _taken_up(carried: Call, request: Request) -> Call | None:
    """Take up what *request* carries, if it belongs to it."""
    if request.method == carried.method and request.url == carried.url:
        call = again(carried, request)
        # A client that resumed it has put the key there.
        if call.placed is None:
            call.in_header = has(request.headers, call.header)
        return _below(call)
    return _next_hop(carried, request) if _redirected(carried) else None


class CallBelow(Call):
    """A call at the transport door."""

    # At the class: an instance keeps its names in a table that is shared.
    is_transport = unread = returns_doubt = True


def _below(call: Call) -> Call:
    if not call.is_transport:
        call.is_transport = call.unread = call.returns_doubt = True
        call.follows = False
    return call


def _redirected(call: Call) -> bool:
    evidence = call.evidence
    status = None if evidence is None else evidence.status
    return status is not None and 300 <= status < 400


def _next_hop(call: Call, request: Request) -> Call:
    # It shares attempts, deadline and history; its own first send is free.
    call.request = request
    call.hopping = True
    call.bare = not same_place(call, request)
    call.counted -= 1
    call.polls = 0
    call.waited = 0.0
    call.remember()
    call.reopen()
    return call


def outgoing(call: Call, transport: object, *, asynchronous: bool) -> Any:
    """
    Make the request that goes out: a copy, with the key on it, listened to.

    The caller's own must not carry the key, since httpx copies its headers
    into the next hop of a redirect.
    """
    request: Any = call.request
    extensions = tapped(
        call, request.extensions, transport, asynchronous=asynchronous
    )
    if call.placed is not None:
        headers = call.library.Headers(request.headers)
        copy = copy_of(request, headers, extensions)
        (take_off if call.bare else put)(call, copy)
        return copy
    if call.key is None or call.bare or call.in_header:
        headers = call.library.Headers(request.headers)
        if call.bare:
            headers.pop(call.header.name, None)
    else:
        headers = with_field(request.headers, call.profile.header, call.key)
    return copy_of(request, headers, extensions)


class Transport(_Door, Base):
    """
    A transport that retries under one key, around *transport*.

    For SDKs that take an httpx client, or a transport:

        httpx.Client(transport=samekey.Transport(httpx.HTTPTransport()))

    An answer that the table calls final is returned, and so is a doubtful
    status; any other doubt is raised as `InDoubt`, which is a
    `TransportError`.

    Args:
        transport: The one that does the sending; `close` reaches it.

        policy: As for `wrap`, and so are the others. Without `origins` every
            host is vouched for.

    Raises:
        TypeError: If *transport* is none, or is wrapped already.
    """

    _method = "handle_request"

    def handle_request(self, request: Any) -> Any:
        call = self._open(request)
        if call is None:
            return self._wrapped.handle_request(request)
        transport = self._wrapped

        def transmit(hop: Request | None) -> Response:
            copy = outgoing(call, transport, asynchronous=False)
            try:
                return transport.handle_request(copy)  # type: ignore[no-any-return]
            except BaseException as exc:
                call.begun().failure = exc
                raise

        try:
            response = _DRIVER.run(call, transmit)
        finally:
            call.active = False
        return response if response.is_closed else hand_out(call, response)

    def __enter__(self) -> Self:
        self._wrapped.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._wrapped.__exit__(exc_type, exc_value, traceback)

    def close(self) -> None:
        """Close the wrapped transport."""
        self._wrapped.close()


class AsyncTransport(_Door, AsyncBase):
    """Same as `Transport`, awaiting."""

    _method = "handle_async_request"

    async def handle_async_request(self, request: Any) -> Any:
        call = self._open(request)
        if call is None:
            return await self._wrapped.handle_async_request(request)
        transport = self._wrapped

        async def transmit(hop: Request | None) -> Response:
            copy = outgoing(call, transport, asynchronous=True)
            try:
                return await transport.handle_async_request(copy)  # type: ignore[no-any-return]
            except BaseException as exc:
                call.begun().failure = exc
                raise

        try:
            response = await _ASYNC_DRIVER.run(call, transmit)
        finally:
            call.active = False
        if response.is_closed:
            return response
        return hand_out(call, response, asynchronous=True)

    async def __aenter__(self) -> Self:
        await self._wrapped.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._wrapped.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close the wrapped transport."""
        await self._wrapped.aclose()


_DRIVER = Driver()
_ASYNC_DRIVER = AsyncDriver()
