"""
One operation, one key: retries for httpx that do not act twice.
"""

from __future__ import annotations

import importlib

from typing import TYPE_CHECKING, Any

from samekey._ambient import operation
from samekey._budget import RetryBudget
from samekey._ending import report
from samekey._policy import RetryPolicy
from samekey._report import Attempt, Outcome, Report, Verdict
from samekey._transport import AsyncTransport, Transport
from samekey._wrap import wrap
from samekey.errors import (
    AnswerLost,
    BodyNotReplayable,
    GaveUp,
    InDoubt,
    InvalidKey,
    KeyExpired,
    KeyReused,
    NotExecuted,
    OperationChanged,
    SamekeyError,
)
from samekey.keys import Operation, derive_key, new_key


if TYPE_CHECKING:
    from samekey._httpx import AsyncClient, Client


__all__ = [
    "AnswerLost",
    "AsyncClient",
    "AsyncTransport",
    "Attempt",
    "BodyNotReplayable",
    "Client",
    "GaveUp",
    "InDoubt",
    "InvalidKey",
    "KeyExpired",
    "KeyReused",
    "NotExecuted",
    "Operation",
    "OperationChanged",
    "Outcome",
    "Report",
    "RetryBudget",
    "RetryPolicy",
    "SamekeyError",
    "Transport",
    "Verdict",
    "derive_key",
    "new_key",
    "operation",
    "report",
    "wrap",
]


def __getattr__(name: str) -> Any:
    # PEP 562: users of httpx2 do not load httpx.
    if name in {"AsyncClient", "Client"}:
        from samekey import _httpx  # noqa: PLC0415 -- on demand

        return getattr(_httpx, name)
    if name == "httpx2":
        return importlib.import_module("samekey.httpx2")
    msg = f"module 'samekey' has no attribute {name!r}"
    raise AttributeError(msg)
