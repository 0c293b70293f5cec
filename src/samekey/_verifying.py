"""
Whether a 2xx is what it should be, where the caller asks for that.

A close-delimited body that is cut short, and a proxy's page in place of an
answer, are no failure to httpx. The operation is settled all the same: what
is lost is the answer, and the same key fetches it again.
"""

from __future__ import annotations

import inspect
import json

from typing import Any

from samekey._call import Call
from samekey._library import Response
from samekey._strategies import close


def unfit(call: Call, response: Response, body: bytes) -> str | None:
    """Tell what is wrong with a 2xx; None if nothing is."""
    verify = call.terms.verify
    if verify == "json":
        if response.status_code in {204, 205} or call.method == "HEAD":
            return None
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return "the body is not the JSON that verify= asks for"
        return None
    said = verify(_readable(call, response, body))
    if inspect.isawaitable(said):
        close(said)
        msg = "verify must be a plain function, got one that is awaited"
        raise TypeError(msg)
    if said:
        return None
    return "verify= did not take the answer"


def _readable(call: Call, response: Response, body: bytes) -> Any:
    """Give a response whose body can be read; the one that is read already."""
    if not call.unread:
        return response
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in {"content-encoding", "transfer-encoding"}
    ]
    return call.library.Response(
        response.status_code,
        headers=headers,
        content=body,
        request=call.request,
    )
