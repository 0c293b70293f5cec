"""
What is done for each call, as generators: no I/O, so there is one of each.

A flow yields `Ask` or `Again`, and is sent the response, or thrown the
`GaveUp` that came instead.
"""

from __future__ import annotations

import contextlib
import json

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar, cast

import attrs

from samekey._ending import carried_by
from samekey._ending import report as report_of
from samekey._journal_parts import Entry, Resolution
from samekey._report import Outcome, Report
from samekey.errors import GaveUp, KeyExpired, OperationBusy
from samekey.keys import Operation
from samekey.payments._adapter import Adapter, Call, Refusal, Reply
from samekey.payments._naming import named, unnamed
from samekey.payments._results import (
    Payment,
    PaymentError,
    PaymentRefused,
    Refund,
)


@attrs.frozen
class Ask:
    """Send *call*; as *operation*, if it moves money."""

    call: Call
    operation: Operation | None = None


@attrs.frozen
class Again:
    """Resume what left through *exc*."""

    exc: BaseException


T = TypeVar("T")
Read = Callable[[Reply], T]
Refer = Callable[[Operation], str]
Flow = Generator[Ask | Again, Any, T]


def move(
    adapter: Adapter, call: Call, operation: Operation, read: Read[T]
) -> Flow[T]:
    """Move money."""
    response = yield Ask(call, operation)
    return understand(adapter, response, read, moves=True)


def look(adapter: Adapter, call: Call) -> Flow[Payment]:
    """Read a payment."""
    response = yield Ask(call)
    return understand(adapter, response, adapter.read, moves=False)


def search(adapter: Adapter, reference: str) -> Flow[Payment | None]:
    """
    Look a payment up by its reference; None if nothing was learnt.

    To find nothing proves nothing: the payment may be on its way, and an
    API's search may lag behind.
    """
    call = adapter.find(reference)
    if call is None:
        return None
    try:
        response = yield Ask(call)
    except GaveUp:
        # It tells of the search. As an answer about the payment it would lie.
        return None
    if not _is_success(response.status_code):
        return None

    def read(reply: Reply) -> Sequence[Payment]:
        return adapter.read_found(reply, reference)

    found = understand(adapter, response, read, moves=False)
    if len(found) > 1:
        msg = (
            f"the API has {len(found)} payments under one reference; look at"
            " them there"
        )
        raise _error(PaymentError, msg, response)
    return found[0] if found else None


def resolve(
    adapter: Adapter,
    doubt: BaseException | Report,
    operation: object,
    refer: Refer,
) -> Flow[Payment | Refund]:
    """Find out what became of a call."""
    report = _report_behind(doubt)
    try:
        verb, parts = unnamed(report.operation)
        asked = named(verb, Operation(parts, generation=report.generation))
    except ValueError:
        if operation is None:
            raise
        verb, asked = "create", named("create", operation)
    if verb == "create":
        payment = yield from search(adapter, refer(asked))
        if payment is not None:
            settled = attrs.evolve(report, outcome=Outcome.ANSWERED)
            return attrs.evolve(payment, report=settled)
    if isinstance(doubt, BaseException) and carried_by(doubt) is not None:
        read: Read[Payment | Refund] = (
            adapter.read_refund if verb == "refund" else adapter.read
        )
        response = yield Again(doubt)
        return understand(adapter, response, read, moves=True)
    msg = (
        "nothing was found, which does not prove that nothing was done; make"
        " the call again with the same operation id"
    )
    raise PaymentError(msg, report)


def reconcile(
    adapter: Adapter, entry: Entry, refer: Refer
) -> Flow[Resolution | None]:
    """Tell what the API knows of a payment that the journal has pending."""
    try:
        verb, _ = unnamed(entry.operation)
    except ValueError:
        return None
    if verb != "create":
        return None
    asked = Operation(entry.operation, generation=entry.generation)  # type: ignore[arg-type]  # it checks that
    try:
        payment = yield from search(adapter, refer(asked))
    except PaymentError:  # it stays pending; the recovery goes on
        return None
    if payment is None:
        return None
    return Resolution(
        outcome=Outcome.ANSWERED,
        why=f"the API has {payment.id} under its reference",
        status=200,
        body=json.dumps(payment.raw).encode(),
        headers=(("Content-Type", "application/json"),),
    )


def understand(
    adapter: Adapter, response: Any, read: Read[T], *, moves: bool
) -> T:
    """
    Read an answer.

    Raises:
        PaymentRefused: If it is a refusal, and the call *moves* money.

        PaymentError: If it is nothing that is known.
    """
    reply = reply_of(response)
    success = _is_success(reply.status)
    refusal = None
    try:
        if success:
            return read(reply)
        refusal = adapter.refusal(reply)
    except Exception as exc:  # whatever it is, the money may have moved
        took = "the API took it" if success and moves else "the API answered"
        msg = (
            f"{took} (status {reply.status}), but its answer cannot be read by"
            " the adapter"
        )
        raise _error(PaymentError, msg, response) from exc
    if reply.report.already_done:
        msg = (
            f"the API says (status {reply.status}) that it was done before;"
            " read it there"
        )
        raise _error(PaymentError, msg, response)
    if refusal is None or not moves:
        msg = f"the API gave an answer that is no payment: {reply.status}"
        raise _error(PaymentError, msg, response, refusal)
    said = refusal.code or f"status {reply.status}"
    msg = f"the API refused, and no money was moved: {said}"
    raise _error(PaymentRefused, msg, response, refusal)


def reply_of(response: Any) -> Reply:
    """Make the value that adapters read of a response."""
    data: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        data = json.loads(response.content)
    return Reply(
        status=response.status_code,
        data=cast("Mapping[str, Any]", data) if isinstance(data, dict) else {},
        headers={n.lower(): text for n, text in response.headers.items()},
        report=report_of(response),
    )


def _error(
    kind: type[PaymentError],
    text: str,
    response: Any,
    said: Refusal | None = None,
) -> PaymentError:
    code, message = (None, None) if said is None else (said.code, said.message)
    if message is not None:
        text = f"{text}: {message}"
    status = response.status_code
    exc = kind(text, report_of(response), status, code, message)
    exc.response = response
    return exc


def _report_behind(doubt: BaseException | Report) -> Report:
    if isinstance(doubt, Report):
        return doubt
    if isinstance(doubt, PaymentError):
        return doubt.report
    if isinstance(doubt, KeyExpired | OperationBusy):
        if doubt.previous is None:
            return Report(key=None, outcome=Outcome.IN_DOUBT)
        return doubt.previous
    return report_of(doubt)


def _is_success(status: int) -> bool:
    return 200 <= status <= 299
