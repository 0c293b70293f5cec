"""What becomes of a record, decided without touching a store."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from ._checks import (
    MAX_COUNT,
    MAX_ID,
    MAX_STATE,
    MAX_TOKEN,
    check_bytes,
    check_int,
    check_take,
    check_text,
    check_time,
    is_time,
)
from ._record import Claim, LateOwner, Record


@attrs.frozen(kw_only=True)
class Ask:
    """The arguments of a claim, checked."""

    fresh: Record
    now: float
    lease: float
    take: Collection[str]
    replaces: int | None

    def __attrs_post_init__(self) -> None:
        if not (is_time(self.now) and is_time(self.lease)):
            check_time(self.now, "now")
            check_time(self.lease, "lease")
        check_take(self.take)
        if self.replaces is not None:
            check_int(self.replaces, "replaces", MAX_TOKEN - 1)

    def decide(self, found: Record | None) -> Claim:
        """Decide on *found*; if taken, the claim's record is to be written."""
        until = self.now + self.lease
        if found is not None:
            free = found.lease_until <= self.now
            if self.replaces is None:
                free = free and found.state in self.take
            else:
                free = free and found.token == self.replaces
            if not free:
                return Claim(found, taken=False, fresh=False)
            if self.replaces is None:
                taken = attrs.evolve(
                    found,
                    token=found.token + 1,
                    owner=self.fresh.owner,
                    lease_until=until,
                )
                return Claim(taken, taken=True, fresh=False)
        token = 1 if self.replaces is None else self.replaces + 1
        made = self.fresh
        if made.token != token or made.lease_until != until:
            made = attrs.evolve(made, token=token, lease_until=until)
        return Claim(made, taken=True, fresh=True)


@attrs.frozen(kw_only=True)
class Completion:
    """The arguments of `complete`, checked."""

    id: str
    token: int
    state: str
    data: bytes = attrs.field(repr=False)
    now: float
    expires: float | None

    def __attrs_post_init__(self) -> None:
        check_id(self.id)
        check_int(self.token, "token", MAX_TOKEN)
        check_text(self.state, "state", MAX_STATE)
        check_bytes(self.data, "data")
        check_time(self.now, "now")
        if self.expires is not None:
            check_time(self.expires, "expires", endless=True)

    def decide(self, found: Record | None) -> Record:
        """
        Give the record as it is to be written.

        Raises:
            LateOwner: If *found* has another token, or there is none.
        """
        if found is None or found.token != self.token:
            raise LateOwner(self.token, found)
        return attrs.evolve(
            found,
            state=self.state,
            data=self.data,
            lease_until=0.0,
            updated=self.now,
            expires=found.expires if self.expires is None else self.expires,
        )


def check_id(id: str) -> None:  # noqa: A002 -- the field's name
    check_text(id, "id", MAX_ID)


def check_release(id: str, token: int, now: float) -> None:  # noqa: A002
    check_id(id)
    check_int(token, "token", MAX_TOKEN)
    check_time(now, "now")


def check_scan(state: str | None, after: str, limit: int) -> None:
    if state is not None:
        check_text(state, "state", MAX_STATE)
    check_text(after, "after", MAX_ID, least=0)
    check_int(limit, "limit", MAX_COUNT)


def check_sweep(now: float, limit: int) -> None:
    check_time(now, "now")
    check_int(limit, "limit", MAX_COUNT)
