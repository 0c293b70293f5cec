"""One operation's record, what a claim gives, and what stores raise."""

from __future__ import annotations

import math

from typing import Any

import attrs

from samekey.errors import SamekeyError

from ._checks import (
    MAX_ID,
    MAX_KEY,
    MAX_OWNER,
    MAX_STATE,
    MAX_TOKEN,
    check_bytes,
    check_int,
    check_text,
    check_time,
    is_time,
)


@attrs.frozen(kw_only=True)
class Record:
    """
    What a store holds of one operation.

    Args:
        id: What makes it itself; opaque, 1 to 1024 characters.

        key: The idempotency key.

        fingerprint: Digest of what the request says.

        state: `"open"`, `"answered"`, `"not_executed"` or `"in_doubt"`. A
            store takes any word of up to 32 characters.

        token: The fencing token: 1 at first, one more with each claim that
            takes the record.

        lease_until: Wall time at which the lease ends; 0.0 if nobody holds
            it.

        owner: Who holds or held it, such as `"host:pid"`.

        created: Wall time at which it was made.

        updated: Wall time of the last `complete` or `release`.

        expires: Wall time from which `sweep` may remove it. Never, by
            default. Let it lie well past every lease: a new record under the
            same id begins again with token 1.

        data: Opaque to the store.

    Raises:
        TypeError: If a field is of another type.

        ValueError: If a text is too short or too long, a time is negative or
            NaN, or *token* is under 1.
    """

    id: str
    key: str = attrs.field(repr=False)
    fingerprint: bytes = attrs.field(repr=False)
    state: str
    token: int = 1
    lease_until: float = 0.0
    owner: str = ""
    created: float
    updated: float
    expires: float = math.inf
    data: bytes = attrs.field(default=b"", repr=False)

    def __attrs_post_init__(self) -> None:
        if not self._is_plain():
            self._check()

    def _is_plain(self) -> bool:
        # What nearly all are, at a fraction of the price of the checks.
        return (
            type(self.id) is str
            and 0 < len(self.id) <= MAX_ID
            and self.id.isascii()
            and type(self.key) is str
            and 0 < len(self.key) <= MAX_KEY
            and self.key.isascii()
            and type(self.fingerprint) is bytes
            and type(self.state) is str
            and 0 < len(self.state) <= MAX_STATE
            and self.state.isascii()
            and type(self.token) is int
            and 0 < self.token <= MAX_TOKEN
            and type(self.owner) is str
            and len(self.owner) <= MAX_OWNER
            and self.owner.isascii()
            and is_time(self.lease_until)
            and is_time(self.created)
            and is_time(self.updated)
            and (self.expires == math.inf or is_time(self.expires))
            and type(self.data) is bytes
        )

    def _check(self) -> None:
        check_text(self.id, "id", MAX_ID)
        check_text(self.key, "key", MAX_KEY)
        check_bytes(self.fingerprint, "fingerprint")
        check_text(self.state, "state", MAX_STATE)
        check_int(self.token, "token", MAX_TOKEN)
        check_time(self.lease_until, "lease_until")
        check_text(self.owner, "owner", MAX_OWNER, least=0)
        check_time(self.created, "created")
        check_time(self.updated, "updated")
        check_time(self.expires, "expires", endless=True)
        check_bytes(self.data, "data")


@attrs.frozen
class Claim:
    """
    What a claim found, or made.

    Attributes:
        record: The record as it is now, whoever recorded it.

        taken: The lease is the caller's, under `record.token`.

        fresh: The record is the caller's own, as a whole.
    """

    record: Record
    taken: bool = attrs.field(kw_only=True)
    fresh: bool = attrs.field(kw_only=True)


@attrs.frozen
class Done:
    """
    What came of several things that were done together.

    Attributes:
        completions: For each completion None, or why it failed.

        claims: Each claim, or why it failed.
    """

    completions: list[Exception | None]
    claims: list[Claim | StoreError]


class StoreError(SamekeyError):
    """
    The store failed, or must not be used as it is.

    What was asked for may have been done or not, and was not told as done.
    The cause, where there is one, is `__cause__`.
    """


def unfit(exc: Exception) -> StoreError:
    """Make the error of a record that the store cannot take."""
    error = StoreError(f"a record must fit into the store, got: {exc}")
    error.__cause__ = exc
    return error


class LateOwner(SamekeyError):
    """
    The lease was lost, and another claim has taken the record; it is as it was.

    Attributes:
        token: The token that is out of date.

        record: The record as it is now; None if it is gone.
    """

    def __init__(self, token: int, record: Record | None) -> None:
        super().__init__(token, record)
        self.token = token
        self.record = record

    def __str__(self) -> str:
        if self.record is None:
            return f"the record of token {self.token} is gone"
        return (
            f"token must be {self.record.token}, the latest claim's, got"
            f" {self.token}; nothing was written"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.token, self.record), self._notes()
