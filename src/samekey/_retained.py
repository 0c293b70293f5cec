"""
Whether the server can still be relied on to know the key of what was sent.
"""

from __future__ import annotations

from typing import NoReturn

from samekey import _telling
from samekey._call import Call
from samekey._policy import show_seconds
from samekey.errors import KeyExpired


def check_again(carried: object) -> None:
    """
    Check a Request that is sent again, by what it carries.

    What has a name, or is the user's, is checked with what is known of it.

    Raises:
        KeyExpired: If the server may have forgotten the key.
    """
    if (
        isinstance(carried, Call)
        and carried.key is not None
        and carried.operation is None
        and not carried.theirs
        and carried.terms.journal is None
    ):
        check_retention(carried)


def check_retention(call: Call) -> None:
    """
    Check how long ago *call* was first sent.

    Raises:
        KeyExpired: If the server may have forgotten the key.
    """
    terms = call.terms
    retention = call.retention
    if call.age(terms.time.clock()) >= retention:
        msg = (
            f"the server remembers keys for {show_seconds(retention)} s"
            " and may have forgotten this one; nothing was sent. Ask the API what"
            " became of the operation"
        )
        refuse(call, msg)


def refuse(call: Call, msg: str) -> NoReturn:
    """Raise `KeyExpired`, and tell the hooks."""
    exc = KeyExpired(msg, call.report())
    if call.terms.hooks:
        _telling.ended(call, exc=exc)
    raise exc
