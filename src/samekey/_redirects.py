"""
Which redirects of a keyed request are followed, and what a key may not cross.

httpx drops `Authorization` on a cross-origin redirect but sends an
`Idempotency-Key` on to whatever host it is pointed at, and leaves it on the
GET that a POST has become.
"""

from __future__ import annotations

from typing import Any

from samekey._call import Call
from samekey._library import Request, Response, origin
from samekey._names import EXTENSION
from samekey._placing import empty


_SAME_METHOD = frozenset({307, 308})


def hop_of(call: Call, response: Response) -> Request | None:
    """Give the hop to follow: same origin and method, by 307 or 308."""
    if response.status_code not in _SAME_METHOD or not call.replayable:
        return None
    request: Request | None = response.next_request
    if request is None or not same_place(call, request):
        return None
    return request


def same_place(call: Call, request: Request) -> bool:
    """Tell whether *request* may carry the key of *call*."""
    return request.method == call.method and (
        origin(request.url) == origin(call.url)
    )


def disarm(call: Call, response: Response) -> None:
    """
    Take the operation off the next request of a redirect not followed.

    Whoever sends it by hand starts something of their own; the key stays on
    it only where it may.
    """
    request: Any = response.next_request
    if request is None:
        return
    extensions = dict(request.extensions)
    extensions.pop(EXTENSION, None)
    request.extensions = extensions
    if not same_place(call, request):
        request.headers.pop(call.header.name, None)
        for one in call.profile.companions:
            request.headers.pop(one.name, None)
        empty(call, request)
