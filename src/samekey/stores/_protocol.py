"""What a store can do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, Self, runtime_checkable

from ._decide import Ask, Completion
from ._record import Claim, Done, Record


class Store(Protocol):
    """
    Holds one record per operation.

    Every method may be called from any thread. Times are wall seconds since
    the epoch and are passed in: a store has no clock. A lease that ends at
    *now* is over. Every method raises `StoreError` if the store fails.
    """

    @property
    def durable(self) -> bool:
        """Whether a claim outlives the process, and a power cut."""
        ...

    def claim(
        self,
        fresh: Record,
        *,
        now: float,
        lease: float,
        take: Collection[str] = ("open",),
        replaces: int | None = None,
    ) -> Claim:
        """
        Record an operation, or tell what is recorded of it.

        A new record has token 1 and is durable when this returns. If there
        is a record, its key, fingerprint and data win. If its state is in
        *take* and its lease is over, the caller takes it: one is added to the
        token, and the owner is the caller.

        Args:
            fresh: What to record under `fresh.id` if there is nothing.

            now: The time.

            lease: For how long others leave it to the caller, in seconds.

            take: The states in which a record can be taken over.

            replaces: Put *fresh* in the place of the record that has this
                token, if its lease is over, under the next token. With
                another token nothing changes. Where there is no record
                *fresh* is recorded, under the next token too.

        Raises:
            StoreError: If the store fails, or has no room.
        """
        ...

    def complete(
        self,
        id: str,  # noqa: A002 -- the field's name
        token: int,
        *,
        state: str,
        data: bytes,
        now: float,
        expires: float | None = None,
        durable: bool = False,
    ) -> Record:
        """
        Write how it went, and end the lease.

        Args:
            id: The record's.

            token: As the claim gave it.

            state: The state from now on.

            data: Takes the place of the data.

            now: The time.

            expires: From when it may be swept; by default as it was.

            durable: Outlive a power cut too. Others see it at once either
                way, and a completion that is lost costs one resend.

        Raises:
            LateOwner: If another claim has taken the record, or it is gone.

            StoreError: If the store fails.
        """
        ...

    def release(self, id: str, token: int, *, now: float) -> None:  # noqa: A002
        """
        End the lease, and leave state and data; nothing if *token* is old.

        Raises:
            StoreError: If the store fails.
        """
        ...

    def get(self, id: str) -> Record | None:  # noqa: A002
        """
        Return the record, or None.

        Raises:
            StoreError: If the store fails.
        """
        ...

    def scan(
        self, *, state: str | None = None, after: str = "", limit: int = 100
    ) -> list[Record]:
        """
        Return records in the order of their ids, by code point.

        Args:
            state: Only those in this state.

            after: Only ids past this one: the last of the page before.

            limit: The most that are returned.

        Raises:
            StoreError: If the store fails.
        """
        ...

    def sweep(self, *, now: float, limit: int = 500) -> int:
        """
        Remove up to *limit* records that have expired and that nobody holds.

        It holds others up for less than 50 ms; call it until it gives 0.

        Raises:
            StoreError: If the store fails.
        """
        ...

    def close(self) -> None:
        """Let go of what the store holds. Closing twice does no harm."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


@runtime_checkable
class Sharing(Protocol):
    """
    What a store can do besides, if a transaction of its can serve several.

    A journal uses it where it is there, unless a subclass has changed `claim`
    or `complete` and not this.
    """

    @property
    def crowded(self) -> bool:
        """Whether others are at it, and a look before a claim costs more."""
        ...

    def do_all(
        self, completions: Sequence[Completion], asks: Sequence[Ask]
    ) -> Done:
        """
        Complete, and claim, with one sync if anything is claimed.

        Whether it fails or not, each gets what it would have got alone.

        Raises:
            StoreError: If the store fails, and nothing was done.
        """
        ...
