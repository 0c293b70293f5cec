"""
Which profile is for a request: by method, host and path, compiled once.

A profile with paths goes before one without, and else the first one. Several
APIs share a host (Razorpay has three key headers on one), so a host alone is
not enough; and a host whose API is known, but not this path or method, gets
no retries on the strength of a key that nobody said it keeps.
"""

from __future__ import annotations

import functools
import re

from collections.abc import Sequence
from typing import Any, NamedTuple

from samekey.profiles._profile import GENERIC, IETF, NONE, Profile
from samekey.profiles._toml import shipped


MAX_HOSTS = 1_000


class Found(NamedTuple):
    """
    The profile for a request.

    Attributes:
        profile: The one to obey.

        keyed: Whether the request gets a key without being asked.

        vouched: True: the host is the API's own, and keeps keys; False: the
            API is known, but this path or method is not among those that take
            keys; None: nothing is known of the host.

        why: In words.
    """

    profile: Profile
    keyed: bool
    vouched: bool | None
    why: str
    usual: bool = False
    """It is the generic one, for a call that gets a key: nearly any call."""


def get(name: str) -> tuple[Profile, ...]:
    """
    Give the profiles called *name*: one, or those of one API, by path.

    Args:
        name: A profile's name or alias, as `samekey profiles` lists them.

    Raises:
        ValueError: If there is none; the message names near ones.
    """
    known = (*BUILT_IN, *shipped())
    named = tuple(p for p in known if name == p.name or name in p.aliases)
    if named:
        return named
    import difflib  # noqa: PLC0415 -- only to help

    names = sorted({n for p in known for n in (p.name, *p.aliases)})
    near = [n for n in names if name and n.startswith(name)]
    near += [
        n for n in difflib.get_close_matches(name, names) if n not in near
    ]
    hint = f"; near: {', '.join(near[:6])}" if near else ""
    msg = f"profile must be one of `samekey profiles`, got {name!r}{hint}"
    raise ValueError(msg)


BUILT_IN = (GENERIC, IETF, NONE)


class _Entry:
    """A profile at a host, and what is found with it."""

    def __init__(self, profile: Profile, *, home: bool) -> None:
        self.profile = profile
        self.home = home
        self.methods = profile.match.methods

    @functools.cached_property
    def paths(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_pattern(path) for path in self.profile.match.paths)

    @functools.cached_property
    def found(self) -> Found:
        place = "its host" if self.home else "chosen for this client"
        rest = ", and the path" if self.paths else ""
        return Found(
            self.profile,
            keyed=True,
            vouched=True if self.home else None,
            why=f"{place}{rest} and method fit",
        )


class Lookup:
    """
    Finds the profile for a request.

    Args:
        chosen: The profiles to choose from; None: those that come with
            samekey, by host.

        rest: The one for what fits none of *chosen*; None: `GENERIC`.
    """

    def __init__(
        self,
        chosen: Sequence[Profile] | None = None,
        rest: Profile | None = None,
    ) -> None:
        self._chosen = chosen
        self._rest = GENERIC if rest is None else rest
        self._hosts: dict[bytes, tuple[_Entry, ...]] = {}
        self._plain = Found(
            self._rest,
            keyed=True,
            vouched=None,
            why="no profile is for this host, path and method",
        )
        self._usual = self._plain._replace(usual=self._rest is GENERIC)
        self._unlisted = Found(
            GENERIC,
            keyed=False,
            vouched=False,
            why="the API is known, and takes no key at this path and method",
        )

    def find(self, method: str, url: Any) -> Found:
        """Find the profile for a request; *url* is the library's object."""
        host = url.raw_host
        entries = self._hosts.get(host)
        if entries is None:
            entries = self._entries(host)
        path: str | None = None
        for entry in entries:
            if entry.methods is None or method in entry.methods:
                if not entry.profile.match.paths:
                    return self._keyed(entry.found, method)
                path = url.path if path is None else path
                if any(p.fullmatch(path) for p in entry.paths):
                    return self._keyed(entry.found, method)
        if entries and self._chosen is None:
            return self._unlisted
        if self._rest.keys(method):
            return self._usual
        return self._plain._replace(keyed=False)

    def _keyed(self, found: Found, method: str) -> Found:
        if found.profile.keys(method):
            return found
        return found._replace(keyed=False)

    @functools.cached_property
    def _profiles(self) -> tuple[Profile, ...]:
        chosen = shipped() if self._chosen is None else self._chosen
        return tuple(sorted(chosen, key=lambda p: not p.match.paths))

    def _entries(self, host: bytes) -> tuple[_Entry, ...]:
        name = host.decode("ascii").lower()
        found = tuple(
            _Entry(profile, home=True)
            for profile in self._profiles
            if _is_host(profile, name)
        )
        if self._chosen is not None:
            # Whoever chose them says that they are for this client.
            found += tuple(_Entry(p, home=False) for p in self._profiles)
        while len(self._hosts) >= MAX_HOSTS:
            self._hosts.pop(next(iter(self._hosts)), None)
        self._hosts[host] = found
        return found


def _is_host(profile: Profile, name: str) -> bool:
    return any(
        name.endswith(host[1:]) if host[0] == "*" else name == host
        for host in profile.match.hosts
    )


def _pattern(path: str) -> re.Pattern[str]:
    # At either end a star stands for anything, in between for one segment.
    first = ".*" if path[0] == "*" else ""
    last = ".+" if path[-1] == "*" else ""
    inner = path.removeprefix("*").removesuffix("*")
    pieces = (re.escape(piece) for piece in inner.split("*"))
    return re.compile(first + "[^/]+".join(pieces) + last)
