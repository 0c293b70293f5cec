"""
The drivers of a recovery: they send, ask, wait and record, and decide nothing.
"""

from __future__ import annotations

import inspect

from collections.abc import Awaitable, Callable, Generator
from typing import Any, assert_never

from samekey._ending import report
from samekey._journal_parts import (
    Became,
    Entry,
    Progress,
    Recovered,
    Resolution,
)
from samekey._library import origin
from samekey._recovery import (
    Ask,
    Pause,
    Pending,
    Probe,
    Settle,
    Step,
    again_of,
    became_of,
    recovery,
)
from samekey._terms import Terms
from samekey.errors import JournalError, OperationBusy


Reconcile = Callable[[Entry], Resolution | None]
AsyncReconcile = Callable[
    [Entry], Resolution | Awaitable[Resolution | None] | None
]
Tell = Callable[[Progress], object]


def recover(
    client: Any,
    reconcile: Reconcile | None,
    tell: Tell | None,
    sleep: Callable[[float], None] | None = None,
) -> Recovered:
    """Take up what is pending, as `Client.recover` tells."""
    terms: Terms = client._samekey.terms
    flow = _begin(client, asks=reconcile is not None, tell=tell)
    value: Any = None
    while True:
        try:
            step = flow.send(value)
        except StopIteration as stop:
            found: Recovered = stop.value
            return found
        value = None
        match step:
            case Pending():
                value = _pending(terms)
            case Pause(seconds):
                (terms.time.sleep if sleep is None else sleep)(seconds)
            case Probe(entry):
                value = _probed(client, entry)
            case Ask(entry):
                assert reconcile is not None
                value = reconcile(entry)
            case Settle(entry, resolution):
                value = settle(terms, entry, resolution)
            case _:
                assert_never(step)


async def arecover(
    client: Any,
    reconcile: AsyncReconcile | None,
    tell: Tell | None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> Recovered:
    """Same as `recover`, awaiting."""
    # It loads anyio, as `import samekey` does not.
    from samekey._threads import in_thread  # noqa: PLC0415

    terms: Terms = client._samekey.terms
    flow = _begin(client, asks=reconcile is not None, tell=tell)
    value: Any = None
    while True:
        try:
            step = flow.send(value)
        except StopIteration as stop:
            found: Recovered = stop.value
            return found
        value = None
        match step:
            case Pending():
                value = await in_thread(_pending, terms)
            case Pause(seconds):
                await (terms.time.async_sleep if sleep is None else sleep)(
                    seconds
                )
            case Probe(entry):
                value = await _aprobed(client, entry)
            case Ask(entry):
                assert reconcile is not None
                value = reconcile(entry)
                if inspect.isawaitable(value):
                    value = await value
            case Settle(entry, resolution):
                value = await in_thread(settle, terms, entry, resolution)
            case _:
                assert_never(step)


def _begin(
    client: Any, *, asks: bool, tell: Tell | None
) -> Generator[Step, Any, Recovered]:
    bound = client._samekey
    if bound.terms.journal is None:
        msg = "a client must have a journal to recover; pass journal= to wrap"
        raise ValueError(msg)
    url = bound.library.URL
    return recovery(
        bound.terms,
        origin_of=lambda text: origin(url(text)),
        home=bound.home(client),
        asks=asks,
        tell=tell,
    )


def _pending(terms: Terms) -> list[Entry]:
    return list(terms.journal.pending())


Probed = tuple[Became, Exception | None]


def _arguments(client: Any, entry: Entry) -> dict[str, Any]:
    arguments = again_of(entry)
    if client.params:
        # The library would put the client's own in the place of all that
        # stand in the URL.
        url = client._samekey.library.URL(arguments["url"])
        arguments["params"] = url.params
    return arguments


def _probed(client: Any, entry: Entry) -> Probed:
    try:
        return _outcome(client.request(**_arguments(client, entry))), None
    except JournalError:
        raise  # nothing can be recorded any more
    except Exception as exc:  # noqa: BLE001 -- the next one may go well
        return became_of(exc), exc


async def _aprobed(client: Any, entry: Entry) -> Probed:
    try:
        response = await client.request(**_arguments(client, entry))
        return _outcome(response), None
    except JournalError:
        raise  # as above
    except Exception as exc:  # noqa: BLE001 -- as above
        return became_of(exc), exc


def _outcome(response: Any) -> Became:
    outcome: Any = str(report(response).outcome)
    became: Became = outcome
    return became


def settle(terms: Terms, entry: Entry, resolution: Resolution) -> bool:
    """Record what the user says of an operation; False if it was taken."""
    try:
        terms.journal.resolve(
            entry,
            resolution.outcome,
            why=resolution.why,
            answer=resolution.answer,
            wall=terms.time.wall(),
        )
    except OperationBusy:
        return False
    return True
