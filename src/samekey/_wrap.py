"""
Makes a samekey client out of the client that the user has.

The result is an instance of the wrapped client's own class, made into a
subclass, that shares the wrapped client's state: `isinstance`, `with`,
`client.headers = ...`, hooks, cookies, auth, mounts and subclasses that
override `request` all go on working.
"""

from __future__ import annotations

import datetime as dt
import functools
import os

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from samekey._arguments import DEFAULT_RETENTION
from samekey._budget import RetryBudget
from samekey._client import bind
from samekey._library import library_of
from samekey._mixins import AsyncClientMixin, ClientMixin
from samekey._policy import RetryPolicy
from samekey._terms import Terms, Verify, WrapTerms
from samekey._verbs import SHORTCUTS, Verbs
from samekey.profiles import Profile


if TYPE_CHECKING:
    import httpx
    import httpx2 as _httpx2

    from samekey import _httpx, httpx2
    from samekey.journal import Journal
    from samekey.stores import Store


@functools.lru_cache(maxsize=64)
def _wrapped_class(cls: type) -> type:
    library = library_of(cls)
    assert library is not None
    asynchronous = issubclass(cls, library.AsyncClient)
    mixin = AsyncClientMixin if asynchronous else ClientMixin
    plain = library.AsyncClient if asynchronous else library.Client
    quick = {
        verb: method
        for verb, method in SHORTCUTS.items()
        if getattr(cls, verb) is getattr(plain, verb)
    }
    own: dict[str, Any] = {}
    if hasattr(cls, "__del__"):
        # The original tidies what both share, once, when we let go of it.
        own["__del__"] = _leave_it
    return type(
        cls.__name__,
        (mixin, cls),
        {
            **quick,
            **own,
            "__slots__": ("_samekey",),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        },
    )


@overload
def wrap(
    client: httpx.Client, **terms: Unpack[WrapTerms]
) -> _httpx.Client: ...
@overload
def wrap(
    client: httpx.AsyncClient, **terms: Unpack[WrapTerms]
) -> _httpx.AsyncClient: ...
@overload
def wrap(
    client: _httpx2.Client, **terms: Unpack[WrapTerms]
) -> httpx2.Client: ...
@overload
def wrap(
    client: _httpx2.AsyncClient, **terms: Unpack[WrapTerms]
) -> httpx2.AsyncClient: ...
def wrap(
    client: Any,
    *,
    policy: RetryPolicy | None = None,
    budget: RetryBudget | None = None,
    origins: Iterable[object] | None = None,
    namespace: str | None = None,
    secret: bytes | str | None = None,
    retention: float | dt.timedelta = DEFAULT_RETENTION,
    doubt: Literal["raise", "return"] = "raise",
    profile: str | Profile | Sequence[str | Profile] | None = None,
    fingerprint: Iterable[str] | Callable[[Any], bytes | str] | None = None,
    verify: Verify | None = None,
    journal: Journal | Store | str | os.PathLike[str] | None = None,
    hooks: Iterable[object] | None = None,
) -> Any:
    """
    Make *client* retry under one key per operation.

    The result is an instance of the client's own class and shares its state.
    A call of a method that gets a key by default (POST, PATCH) is one
    operation under a new UUIDv4; `operation=` or `idempotency_key=` say more.
    Times are seconds or timedeltas.

    Args:
        client: A `Client` or `AsyncClient` of httpx or httpx2, or a subclass.

        policy: How calls are retried. Default `RetryPolicy()`.

        budget: Bounds resends; several clients may share one. Default a
            `RetryBudget()` of its own.

        origins: Hosts that keep keys, besides the client's base_url, such as
            `["https://api.example.com"]`. To others the key is sent, but only
            what was certainly not sent is sent again. Default: every host, if
            the client has no base_url.

        namespace: Keeps services and environments apart in derived keys.

        secret: Makes derived keys unguessable; 16 bytes or more.

        retention: How long the server remembers a key; nothing is sent again
            past it. Default: what the profile says less its margin, and
            3600.0 for an API whose retention is unknown.

        doubt: `"raise"` (the default) raises `InDoubt`; `"return"` gives back
            a doubtful status (408, 500 and up but 501, 505 and 511) instead.

        profile: How the API takes keys, and what its answers mean: a name
            from `samekey profiles`, a `samekey.profiles.Profile`, or a list
            of either. One alone holds wherever the client sends to. Of a
            list, each is for its own hosts, and the first that fits path and
            method is used; known hosts are found after them. Default: APIs
            whose hosts are known are found by them; all others are
            `generic`.

        fingerprint: What tells a changed payload: JSON pointers to what is
            left out of JSON bodies, such as `["/sent_at"]`, or a function
            that is given the request and gives bytes or a str to compare.
            Default: all that the request says, but for the key.

        verify: Whether a 2xx is what it should be: `"json"`, or a function
            that is given the response and gives False for one whose answer is
            as good as lost. It is then asked for again under the same key. At
            a transport, bodies over 64 KiB are not looked at. Default: any
            2xx that could be read.

        journal: Where operations are recorded before they are sent, so that
            the key and the answer outlive the process: a `Journal`, a store
            for one, or the path of a SQLite file. Only calls with an
            operation id are recorded, unless the journal says otherwise.

        hooks: What is told of each attempt, retry and outcome: objects as
            `samekey.hooks.Hook`, or functions that are given every event.

    Raises:
        TypeError: If *client* is of another kind or wrapped already, or an
            argument is of the wrong type.

        ValueError: If an argument is out of range; the message says which. Or
            if a samekey transport below has a journal and the client has
            none.

        JournalError: If the journal's file cannot be used.
    """
    cls: type = type(client)
    library = library_of(cls)
    if library is None or not issubclass(
        cls, (library.Client, library.AsyncClient)
    ):
        msg = (
            "client must be a Client or AsyncClient of httpx or httpx2, got"
            f" {cls.__name__}"
        )
        raise TypeError(msg)
    if isinstance(client, Verbs):
        msg = "client must not be wrapped already, got one that is"
        raise TypeError(msg)
    if not hasattr(cls, "_transport_for_url"):
        msg = f"this version of the library of {cls!r} is not supported"
        raise TypeError(msg)
    terms = Terms(
        policy=cast("RetryPolicy", policy),
        budget=cast("RetryBudget", budget),
        origins=cast("Any", origins),
        namespace=namespace,
        secret=cast("bytes", secret),
        retention=retention,
        doubt=doubt,
        profile=cast("Any", profile),
        fingerprint=fingerprint,
        verify=verify,
        journal=journal,
        hooks=cast("Any", hooks),
    )
    new: Any = object.__new__(_wrapped_class(cls))  # type: ignore[arg-type]  # classes are hashable
    _share(client, new)
    bind(new, terms, client)
    if _in_use(client):
        terms.guard.check()
    return new


def _leave_it(client: object) -> None:
    """Do nothing."""


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
