"""
How APIs take keys, and what their answers mean.

A key in the wrong place protects nobody, and the same 409 means "still
running" at one API, "you changed the body" at another and "it succeeded" at
a third. A `Profile` says it for one API. Those that come with samekey are the
tables of `profiles.toml`, each with its sources; a client finds them by host,
path and method:

    samekey.wrap(client)                            # known hosts, else generic
    samekey.wrap(client, profile="stripe")
    samekey.wrap(client, profile=Profile("acme", ...))
    samekey.wrap(client, profile=load("acme.toml"))  # these go first
"""

from __future__ import annotations

from samekey.profiles._lookup import Found, Lookup, get
from samekey.profiles._profile import GENERIC, IETF, NONE, Profile
from samekey.profiles._toml import load, shipped
from samekey.profiles._values import (
    Answer,
    Companion,
    KeyRules,
    Match,
    Placement,
    Retention,
)


__all__ = [
    "GENERIC",
    "IETF",
    "NONE",
    "Answer",
    "Companion",
    "Found",
    "KeyRules",
    "Lookup",
    "Match",
    "Placement",
    "Profile",
    "Retention",
    "get",
    "load",
    "shipped",
]
