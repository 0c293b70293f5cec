"""
What the engine asks a driver to do.

A driver makes an effect happen and sends back the answer, or throws in the
exception. Decisions are the engine's: an effect says what, never whether.
"""

from __future__ import annotations

import attrs

from samekey._library import Request, Response


@attrs.frozen
class Freeze:
    """Read the request's body into bytes. Answer: None."""

    limit: int


@attrs.frozen
class Send:
    """Send the request once. Answer: the response, its body unread."""


@attrs.frozen
class Follow:
    """Send the hop of a redirect, without the auth flow. Answer: as Send."""

    request: Request


@attrs.frozen
class Read:
    """Read the response's body to the end. Answer: None."""

    response: Response


@attrs.frozen
class Peek:
    """
    Look at a body that stays unread for the user.

    Answer: its bytes, decoded; None if it is longer than 64 KiB or not
    readable.
    """

    response: Response


@attrs.frozen
class Drain:
    """Give a failed response's connection back in *seconds*, or close it."""

    response: Response
    seconds: float


@attrs.frozen
class Sleep:
    """Wait."""

    seconds: float


# The journal will add Claim (before the first Send) and Record (at the end).
Effect = Freeze | Send | Follow | Read | Peek | Drain | Sleep

SEND = Send()
