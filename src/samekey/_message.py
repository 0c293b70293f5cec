"""
A request or an answer, as a journal keeps it.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Message:
    """
    A request or an answer that is kept.

    Args:
        status: Of an answer. *method* and *url*: of a request.

        headers: Those that may be kept.

        body: None: it is not kept.

        redacted: Something in the body has been taken out.
    """

    status: int | None = None
    method: str | None = None
    url: str | None = attrs.field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    redacted: bool = False
