"""What an exchange with an idempotent server is, and what such a one says."""

from __future__ import annotations

import hashlib
import itertools
import json

from typing import Any

import attrs

from samekey._names import SAFE_METHODS

from ._fault_server import Received
from ._faults import Answer, Fault


JSON = (("Content-Type", "application/json"),)
BUSY = Answer(409, headers=JSON, body=b'{"code": "idempotency_key_in_use"}')
MISMATCH = Answer(
    422, headers=JSON, body=b'{"code": "idempotency_key_mismatch"}'
)
FAILED = Answer(500, body=b"the handler raised an exception")


@attrs.define
class Exchange:
    """
    One request, and what became of it.

    Attributes:
        request: As the server read it.

        fault: How it went wrong, if it did.

        executed: Whether the handler ran for it, and came to an end.

        replayed: Whether it was a recorded answer that was given.

        result: What the client saw, in a word: a status, or the class of an
            exception.
    """

    request: Received
    fault: Fault | None = attrs.field(default=None, kw_only=True)
    executed: bool = attrs.field(default=False, kw_only=True)
    replayed: bool = attrs.field(default=False, kw_only=True)
    result: str = attrs.field(default="", kw_only=True)


class Echo:
    """The default handler: it says that it did what was asked."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, request: Received) -> Answer:
        if request.method in SAFE_METHODS:
            return Answer(200, headers=JSON, body=b"{}")
        try:
            asked: Any = json.loads(request.body)
        except ValueError:
            asked = None
        made = {"id": f"id_{next(self._numbers):06d}", "status": "succeeded"}
        content: dict[str, Any] = made
        if isinstance(asked, dict):
            content = {**asked, **made}
        return Answer(201, headers=JSON, body=json.dumps(content).encode())


def digest_of(asked: Received) -> bytes:
    parts = (asked.method, asked.target, asked.body)
    return hashlib.sha256(repr(parts).encode()).digest()
