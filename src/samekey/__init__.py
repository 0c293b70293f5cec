"""
One operation, one key: retries for httpx that do not act twice.

PYTEST_DONT_REWRITE: samekey has a pytest plugin, so pytest would warn where a
program imports samekey first and starts pytest then.
"""

from __future__ import annotations

import importlib

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from samekey._ambient import operation
    from samekey._budget import RetryBudget
    from samekey._ending import report
    from samekey._httpx import AsyncClient, Client
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
        JournalError,
        KeyExpired,
        KeyReused,
        NotExecuted,
        OperationBusy,
        OperationChanged,
        SamekeyError,
    )
    from samekey.journal import Journal
    from samekey.keys import Operation, derive_key, new_key


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
    "Journal",
    "JournalError",
    "KeyExpired",
    "KeyReused",
    "NotExecuted",
    "Operation",
    "OperationBusy",
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

# PEP 562: a name is loaded when it is asked for, so that users of httpx2 do
# not load httpx, and importing costs what is used.
_HOMES = {
    "AsyncClient": "_httpx",
    "Client": "_httpx",
    "AsyncTransport": "_transport",
    "Transport": "_transport",
    "Attempt": "_report",
    "Outcome": "_report",
    "Report": "_report",
    "Verdict": "_report",
    "Journal": "journal",
    "Operation": "keys",
    "derive_key": "keys",
    "new_key": "keys",
    "RetryBudget": "_budget",
    "RetryPolicy": "_policy",
    "operation": "_ambient",
    "report": "_ending",
    "wrap": "_wrap",
}


_MODULES = frozenset(
    {
        "errors",
        "hooks",
        "httpx2",
        "journal",
        "keys",
        "observe",
        "payments",
        "profiles",
        "stores",
        "testing",
    }
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"samekey.{name}")
    if name not in __all__:
        msg = f"module 'samekey' has no attribute {name!r}"
        raise AttributeError(msg)
    home = importlib.import_module(f"samekey.{_HOMES.get(name, 'errors')}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
