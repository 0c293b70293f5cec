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

from collections.abc import Iterable
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
        chosen: The profiles that go before those that come with samekey,
            which are found by host.

        rest: The one for what fits none of *chosen*, which are then one API's
            and hold at any host. Without it, that is `GENERIC`.
    """

    def __init__(
        self,
        chosen: Iterable[Profile] | None = None,
        rest: Profile | None = None,
    ) -> None:
        self._chosen = () if chosen is None else tuple(chosen)
        self._rest = GENERIC if rest is None else rest
        self._single = rest is not None
        self._hosts: dict[bytes, tuple[_Entry, ...]] = {}
        # What was found by method and host alone, for those who ask first.
        self.known: dict[tuple[str, str], Found] = {}
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
        if not self._single and any(entry.home for entry in entries):
            return self._unlisted
        found = self._usual
        if not self._rest.keys(method):
            found = self._plain._replace(keyed=False)
        if not entries:
            if len(self.known) >= MAX_HOSTS:
                self.known.clear()
            self.known[method, host.decode("ascii")] = found
        return found

    def _keyed(self, found: Found, method: str) -> Found:
        if found.profile.keys(method):
            return found
        return found._replace(keyed=False)

    def _entries(self, host: bytes) -> tuple[_Entry, ...]:
        name = host.decode("ascii").lower()
        chosen = [
            _Entry(profile, home=_is_host(profile, name))
            for profile in self._chosen
            # One API that was chosen is this client's, wherever that sends
            # to. Of a list each is for its own hosts, if it names any.
            if self._single
            or not profile.match.hosts
            or _is_host(profile, name)
        ]
        known = [
            _Entry(profile, home=True)
            for profile in (() if self._single else shipped())
            if _is_host(profile, name)
        ]
        found = (*_by_path(chosen), *_by_path(known))
        while len(self._hosts) >= MAX_HOSTS:
            self._hosts.pop(next(iter(self._hosts)), None)
        self._hosts[host] = found
        return found


def _by_path(entries: Iterable[_Entry]) -> list[_Entry]:
    return sorted(entries, key=lambda entry: not entry.profile.match.paths)


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
