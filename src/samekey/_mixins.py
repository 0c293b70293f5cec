"""
What is put over the library's clients: one method, `send`, and the verbs.

Nothing else is loaded with these classes; what does the work is, when the
first client is made: never in the middle of trouble.
"""

from __future__ import annotations

from typing import Any

from samekey._verbs import Verbs


class _Shared(Verbs):
    """What the sync and the async client have in common."""

    __slots__ = ()
    _samekey: Any

    def __init__(self, **options: Any) -> None:
        from samekey._client import bind, split_terms  # noqa: PLC0415

        terms, rest = split_terms(options)
        super().__init__(**rest)
        bind(self, terms, None)

    def _transport_for_url(self, url: Any) -> Any:
        transport = super()._transport_for_url(url)
        wire = self._samekey.latest
        if wire.transport is transport:
            return wire
        return self._samekey.wire(transport)


class ClientMixin(_Shared):
    """Retries under one key; over the library's `Client`."""

    __slots__ = ()

    def send(self, request: Any, **options: Any) -> Any:
        bound = self._samekey
        call = bound.open(self, request, options)
        return bound.run(call, super().send)

    def resume(self, exc: BaseException) -> Any:
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
        bound = self._samekey
        return bound.run(bound.resume(self, exc), super().send)


class AsyncClientMixin(_Shared):
    """Same as `ClientMixin`, awaiting; over the library's `AsyncClient`."""

    __slots__ = ()

    async def send(self, request: Any, **options: Any) -> Any:
        bound = self._samekey
        call = bound.open(self, request, options)
        return await bound.run(call, super().send)

    async def resume(self, exc: BaseException) -> Any:
        """Same as `Client.resume`, awaiting."""
        bound = self._samekey
        return await bound.run(bound.resume(self, exc), super().send)
