"""
What the engine asks a driver to do.

A driver makes an effect happen and sends back the answer, or throws in the
exception. Decisions are the engine's: an effect says what, never whether.
These are plain classes: one or two are made in every call.
"""

from __future__ import annotations

from samekey._library import Request, Response


class Freeze:
    """Read the request's body into bytes. Answer: None."""

    __slots__ = ("limit",)
    __match_args__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit


class Send:
    """Send the request once. Answer: the response, its body unread."""

    __slots__ = ()


class Follow:
    """Send the hop of a redirect, without the auth flow. Answer: as Send."""

    __slots__ = ("request",)
    __match_args__ = ("request",)

    def __init__(self, request: Request) -> None:
        self.request = request


class Read:
    """Read the response's body to the end. Answer: None."""

    __slots__ = ("response",)
    __match_args__ = ("response",)

    def __init__(self, response: Response) -> None:
        self.response = response


class Peek:
    """
    Look at a body that stays unread for the user.

    Answer: its bytes, decoded; None if it is longer than 64 KiB or not
    readable.
    """

    __slots__ = ("response",)
    __match_args__ = ("response",)

    def __init__(self, response: Response) -> None:
        self.response = response


class Drain:
    """Give a failed response's connection back in *seconds*, or close it."""

    __slots__ = ("response", "seconds")
    __match_args__ = ("response", "seconds")

    def __init__(self, response: Response, seconds: float) -> None:
        self.response = response
        self.seconds = seconds


class Sleep:
    """Wait some *seconds*, more than none."""

    __slots__ = ("seconds",)
    __match_args__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Claim:
    """
    Have the journal record what is about to be sent, before it is.

    Answer: a `Begun`, which says whether to send it.
    """

    __slots__ = ()


class Record:
    """
    Have the journal record how it went. Answer: None.

    If the journal fails, that is noted on the call, and nothing is raised.
    """

    __slots__ = ("response",)
    __match_args__ = ("response",)

    def __init__(self, response: Response | None) -> None:
        self.response = response


Effect = Freeze | Send | Follow | Read | Peek | Drain | Sleep | Claim | Record

Rest = Freeze | Follow | Peek | Claim | Record
"""What a driver looks for last, since few calls ask for it."""

SEND = Send()
