"""The terms of a wrapped client or transport: all that its calls share."""

from __future__ import annotations

import datetime as dt
import os
import random as _random
import threading
import weakref

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import urlsplit

import attrs

from samekey._budget import RetryBudget
from samekey._memory import Memory
from samekey._pointer import check_pointer
from samekey._policy import RetryPolicy, check_seconds
from samekey._time import PROCESS, Time
from samekey._watchdog import Watchdog
from samekey.hooks import check_hooks
from samekey.keys import check_namespace, check_secret
from samekey.profiles import Lookup, Profile, get
from samekey.profiles._profile import UNKNOWN_RETENTION


if TYPE_CHECKING:
    from samekey.journal import Journal
    from samekey.stores import Store


DEFAULT_POLICY = RetryPolicy()


class _Unstated(float):
    """A time that nobody stated: a profile may know better."""


DEFAULT_RETENTION = _Unstated(UNKNOWN_RETENTION)

Origin = tuple[str, str, int | None]


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


def check_policy(value: object) -> RetryPolicy:
    if value is None:
        return DEFAULT_POLICY
    if not isinstance(value, RetryPolicy):
        msg = f"policy must be a RetryPolicy, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def _budget(value: object) -> RetryBudget:
    if value is None:
        return RetryBudget()
    if not isinstance(value, RetryBudget):
        msg = f"budget must be a RetryBudget, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def check_origins(values: object) -> frozenset[Origin] | None:
    """
    Read `origins=`: URLs such as `"https://api.example.com"`.

    Raises:
        TypeError: If it is not an iterable of strings or URLs.

        ValueError: If one has no scheme or host, or has a path.
    """
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        msg = f"origins must be a list of URLs, got {type(values).__name__}"
        raise TypeError(msg)
    return frozenset(_origin_of(str(value)) for value in values)


def _origin_of(text: str) -> Origin:
    url = urlsplit(text)
    host = url.hostname
    # Shown without what may be a password.
    shown = text.rpartition("@")[2] if "@" in text else text
    if url.scheme not in {"http", "https"} or not host:
        msg = f"origins must be as 'https://api.example.com', got {shown!r}"
        raise ValueError(msg)
    if url.path not in {"", "/"} or url.query:
        msg = f"origins must have no path, got {shown!r}"
        raise ValueError(msg)
    if not host.isascii():
        import idna  # noqa: PLC0415 -- httpx's own; seldom needed

        host = idna.encode(host).decode("ascii")
    port = url.port
    if port is None:
        port = 443 if url.scheme == "https" else 80
    return url.scheme, host, port


class ForkGuard:
    """
    Remembers which process opened the connections.

    A forked child that used them would read its parent's answers, with no
    error (measured: 16 of 30 children did).

    Attributes:
        pid: The process that used the connections first.

        passed: This process has been checked; a fork takes that back.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self.passed = False
        _GUARDS.add(self)

    def check(self) -> None:
        """
        Check that this process may use the connections.

        Asking for the pid costs about as much as choosing a key, so it is
        asked for only where *passed* is not set.

        Raises:
            RuntimeError: In a forked child of the process that used them
                first. Make a new client in the child.
        """
        pid = os.getpid()
        if self.pid is None:
            self.pid = pid
        elif self.pid != pid:
            msg = (
                f"this client belongs to process {self.pid}, which used it"
                f" first, and this is process {pid}: a forked child must make"
                " its own"
            )
            raise RuntimeError(msg)
        self.passed = True


_GUARDS: weakref.WeakSet[ForkGuard] = weakref.WeakSet()


def doubt_guards() -> None:
    """Have every guard ask again: this may be a child."""
    for guard in _GUARDS:
        guard.passed = False


if hasattr(os, "register_at_fork"):  # pragma: no branch -- not on Windows
    os.register_at_fork(after_in_child=doubt_guards)


def _retention(value: object) -> float | None:
    if isinstance(value, _Unstated):
        return None
    return check_seconds(value, "retention")


def check_profile(value: object) -> Lookup:
    """
    Read `profile=`: a name, a `Profile`, or a list of either.

    Raises:
        TypeError: If it is something else.

        ValueError: If there is no profile of that name, or the list is empty.
    """
    if value is None:
        return Lookup()
    if isinstance(value, (str, Profile)):
        chosen = _chosen(value)
        return Lookup(chosen, chosen[0])
    if not isinstance(value, Iterable):
        msg = (
            "profile must be a name, a Profile or a list of them, got"
            f" {type(value).__name__}"
        )
        raise TypeError(msg)
    items = [_chosen(item) for item in value]
    if len(items) == 1:  # as if it stood there alone
        return Lookup(items[0], items[0][0])
    found = [one for item in items for one in item]
    if not found:
        msg = "profile must not be an empty list; leave it out for the default"
        raise ValueError(msg)
    return Lookup(found)


def _chosen(value: object) -> tuple[Profile, ...]:
    if isinstance(value, Profile):
        return (value,)
    if isinstance(value, str):
        return get(value)
    msg = f"profile must hold names and Profiles, got {type(value).__name__}"
    raise TypeError(msg)


def _journal(value: Any) -> Journal | None:
    if value is None:
        return None
    # It loads sqlite3, which most clients do without.
    from samekey.journal import Journal  # noqa: PLC0415

    return value if isinstance(value, Journal) else Journal(value)


def _fingerprint(value: object) -> Any:
    if value is None or callable(value):
        return value
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        msg = (
            "fingerprint must be a list of JSON pointers, or a function, got"
            f" {type(value).__name__}"
        )
        raise TypeError(msg)
    return tuple(check_pointer(item, "fingerprint") for item in value)


def _verify(value: object) -> Any:
    if value is None or value == "json" or callable(value):
        return value
    msg = f"verify must be 'json' or a function, got {value!r}"
    raise TypeError(msg)


def _doubt(value: Any) -> Literal["raise", "return"]:
    if value not in ("raise", "return"):
        msg = f"doubt must be 'raise' or 'return', got {value!r}"
        raise ValueError(msg)
    result: Literal["raise", "return"] = value
    return result


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
    budget: RetryBudget = attrs.field(default=None, converter=_budget)
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
        default=DEFAULT_RETENTION, converter=_retention
    )
    doubt: Literal["raise", "return"] = attrs.field(
        default="raise", converter=_doubt
    )
    lookup: Lookup = attrs.field(
        default=None, converter=check_profile, alias="profile"
    )
    fingerprint: Any = attrs.field(default=None, converter=_fingerprint)
    verify: Any = attrs.field(default=None, converter=_verify)
    journal: Any = attrs.field(default=None, converter=_journal)
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
