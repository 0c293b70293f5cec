"""The terms of a wrapped client or transport: all that its calls share."""

from __future__ import annotations

import datetime as dt
import os
import random as _random
import threading

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import attrs

from samekey._arguments import (
    DEFAULT_RETENTION,
    check_budget,
    check_doubt,
    check_fingerprint,
    check_journal,
    check_origins,
    check_policy,
    check_profile,
    check_retention,
    check_verify,
)
from samekey._budget import RetryBudget
from samekey._fork_guard import ForkGuard
from samekey._library import Origin
from samekey._memory import Memory
from samekey._policy import RetryPolicy
from samekey._time import PROCESS, Time
from samekey._watchdog import Watchdog
from samekey.hooks import check_hooks
from samekey.keys import check_namespace, check_secret
from samekey.profiles import Lookup, Profile


if TYPE_CHECKING:
    from samekey.journal import Journal
    from samekey.stores import Store


Verify = Callable[[Any], bool] | Literal["json"]


class TransportTerms(TypedDict, total=False):
    """What may be given to a transport."""

    policy: RetryPolicy | None
    budget: RetryBudget | None
    origins: Iterable[object] | None
    namespace: str | None
    secret: bytes | str | None
    retention: float | dt.timedelta
    profile: str | Profile | Sequence[str | Profile] | None
    fingerprint: Iterable[str] | Callable[[Any], bytes | str] | None
    journal: Journal | Store | str | os.PathLike[str] | None
    hooks: Iterable[object] | None


class ClientTerms(TransportTerms, total=False):
    """What may be given to a client."""

    doubt: Literal["raise", "return"]


class WrapTerms(ClientTerms, total=False):
    """What may be given to `wrap`; `verify` of a client is httpx's own."""

    verify: Verify | None


@attrs.frozen(kw_only=True)
class Terms:
    """
    What all calls of one client or transport share.

    Args:
        policy: How calls are retried that bring no policy of their own.

        budget: Bounds resends; may be shared with other clients.

        origins: The hosts that are vouched for; None: no list was given.

        namespace: Keeps services and environments apart in derived keys.

        secret: Makes derived keys unguessable.

        retention: How long servers remember a key, in seconds; None where
            the profile is to say.

        doubt: `"return"` hands out a doubtful status instead of raising.

        lookup: Finds the profile for a request.

        fingerprint: What is left out of it, or the function that makes it.

        verify: Tells whether a 2xx is what it should be.

        journal: The durable memory of operations.

        hooks: What is told of attempts, retries and outcomes.

        time: What they go by.

        random: From 0 to 1.

        lock: Held while a request gets its operation, so that one that is
            sent twice at once gets it once.
    """

    policy: RetryPolicy = attrs.field(default=None, converter=check_policy)
    budget: RetryBudget = attrs.field(default=None, converter=check_budget)
    origins: frozenset[Origin] | None = attrs.field(
        default=None, converter=check_origins
    )
    namespace: str | None = attrs.field(
        default=None, converter=check_namespace
    )
    secret: bytes | None = attrs.field(
        default=None, converter=check_secret, repr=False
    )
    retention: float | None = attrs.field(
        default=DEFAULT_RETENTION, converter=check_retention
    )
    doubt: Literal["raise", "return"] = attrs.field(
        default="raise", converter=check_doubt
    )
    lookup: Lookup = attrs.field(
        default=None, converter=check_profile, alias="profile"
    )
    fingerprint: Any = attrs.field(default=None, converter=check_fingerprint)
    verify: Any = attrs.field(default=None, converter=check_verify)
    journal: Any = attrs.field(default=None, converter=check_journal)
    hooks: tuple[object, ...] = attrs.field(
        default=None, converter=check_hooks
    )
    special: bool = attrs.field(init=False, repr=False)
    time: Time = attrs.field(default=PROCESS, repr=False)
    random: Callable[[], float] = _random.random
    memory: Memory = attrs.field(factory=Memory, repr=False)
    watchdog: Watchdog = attrs.field(factory=Watchdog, repr=False)
    guard: ForkGuard = attrs.field(factory=ForkGuard, repr=False)
    lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    @special.default
    def _is_special(self) -> bool:
        # Asked once, and not in each call.
        return (
            self.verify is not None
            or self.journal is not None
            or bool(self.hooks)
        )

    def vouches(self, here: Origin, home: Origin | None) -> bool:
        """
        Tell whether somebody vouched that the host *here* keeps keys.

        *home* is that of the client's base_url, or None. With neither a
        base_url nor `origins=` every host is vouched for.
        """
        if self.origins is None:
            return home is None or here == home
        return here == home or here in self.origins

    def names(self, here: Origin) -> bool:
        """Tell whether `origins=` has the host *here*."""
        return self.origins is not None and here in self.origins
