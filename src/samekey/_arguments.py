"""
What a user gives to a client or transport, read and checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from samekey._budget import RetryBudget
from samekey._library import Origin
from samekey._pointer import check_pointer
from samekey._policy import RetryPolicy, check_seconds
from samekey.profiles import Lookup, Profile, get
from samekey.profiles._profile import UNKNOWN_RETENTION


if TYPE_CHECKING:
    from samekey.journal import Journal


DEFAULT_POLICY = RetryPolicy()


class _Unstated(float):
    """A time that nobody stated: a profile may know better."""


DEFAULT_RETENTION = _Unstated(UNKNOWN_RETENTION)


def check_policy(value: object) -> RetryPolicy:
    if value is None:
        return DEFAULT_POLICY
    if not isinstance(value, RetryPolicy):
        msg = f"policy must be a RetryPolicy, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def check_budget(value: object) -> RetryBudget:
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


def check_retention(value: object) -> float | None:
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


def check_journal(value: Any) -> Journal | None:
    if value is None:
        return None
    # It loads sqlite3, which most clients do without.
    from samekey.journal import Journal  # noqa: PLC0415

    return value if isinstance(value, Journal) else Journal(value)


def check_fingerprint(value: object) -> Any:
    if value is None or callable(value):
        return value
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        msg = (
            "fingerprint must be a list of JSON pointers, or a function, got"
            f" {type(value).__name__}"
        )
        raise TypeError(msg)
    return tuple(check_pointer(item, "fingerprint") for item in value)


def check_verify(value: object) -> Any:
    if value is None or value == "json" or callable(value):
        return value
    msg = f"verify must be 'json' or a function, got {value!r}"
    raise TypeError(msg)


def check_doubt(value: Any) -> Literal["raise", "return"]:
    if value not in ("raise", "return"):
        msg = f"doubt must be 'raise' or 'return', got {value!r}"
        raise ValueError(msg)
    result: Literal["raise", "return"] = value
    return result
