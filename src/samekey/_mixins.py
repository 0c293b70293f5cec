"""
What is put over the library's clients: one method, `send`, and the verbs.

Nothing else is loaded with these classes; what does the work is, when the
first client is made: never in the middle of trouble.
"""

from __future__ import annotations

from collections.abc import Callable
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

            KeyExpired: If the server may have forgotten the key, or it takes
                none and the operation may have been executed.

            BodyNotReplayable: If the body was streamed.

            GaveUp: As for any call.
        """
        bound = self._samekey
        return bound.run(bound.resume(self, exc), super().send)

    def recover(
        self,
        reconcile: Callable[[Any], Any] | None = None,
        *,
        progress: Callable[[Any], object] | None = None,
    ) -> Any:
        """
        Take up what dead processes left open or in doubt in the journal.

        What has its request in the journal (`remember="request"`) is sent
        again under its key, one at a time, on the client's own budget, with a
        gap that doubles up to 60 s while it fails. It goes only to the host of
        the base_url and those of `origins=`, or to every host if the client
        has neither. *reconcile* is asked about the rest, and about what is
        too old to be sent.

        Args:
            reconcile: Is given a `samekey.journal.Entry`, and returns a
                `samekey.journal.Resolution`, or None for what it cannot say.

            progress: Is given a `samekey.journal.Progress` after each.

        Returns a `samekey.journal.Recovered`, with how many ended how.

        Raises:
            ValueError: If the client has no journal.

            StoreError: If the journal's store fails; `JournalError` in the
                middle of a send. Whatever else a send raises is told to
                *progress*, and the next one is taken up.
        """
        from samekey._recovering import recover  # noqa: PLC0415

        return recover(self, reconcile, progress)


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

    async def recover(
        self,
        reconcile: Callable[[Any], Any] | None = None,
        *,
        progress: Callable[[Any], object] | None = None,
    ) -> Any:
        """Same as `Client.recover`, awaiting; *reconcile* may be awaited."""
        from samekey._recovering import arecover  # noqa: PLC0415

        return await arecover(self, reconcile, progress)
