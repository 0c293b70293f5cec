"""Assertions about keys, with messages that show the attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from samekey._parts import KeyPart
from samekey._report import key_hint
from samekey.keys import Operation, check_namespace, check_secret

from ._exchange import Exchange
from ._idempotent import IdempotentTransport
from ._payments import PaymentsApp
from ._spelling import spell


KEY = "Idempotency-Key"


def assert_one_key(requests: Any, *, header: str = KEY) -> str:
    """
    Assert that *requests* all carry one key, and return it.

    Args:
        requests: Requests in order: those of a server or transport of this
            kit, of httpx or httpx2, or calls of respx. Or the server or
            transport itself.

        header: Where the key is.

    Raises:
        AssertionError: If there are none, one has no key or two, or they
            differ. It shows the requests.
    """
    # A list of respx's calls has every attribute, being a mock as well.
    shown = requests if isinstance(requests, Iterable) else requests.requests
    found = [getattr(each, "request", each) for each in shown]
    keys = [_keys(each, header) for each in found]
    if not found:
        msg = "requests must carry one key, but there are no requests"
        raise AssertionError(msg)
    distinct = {key for each in keys for key in each}
    if len(distinct) == 1 and all(len(each) == 1 for each in keys):
        return distinct.pop()
    lines = (
        attempts(requests.exchanges, header)
        if isinstance(requests, IdempotentTransport)
        else [
            _line(number, each, " and ".join(map(key_hint, own)) or "none")
            for number, (each, own) in enumerate(
                zip(found, keys, strict=True), start=1
            )
        ]
    )
    bare = sum(not each for each in keys)
    without = f", {bare} without" if bare else ""
    keyed = f"{len(distinct)} key{'' if len(distinct) == 1 else 's'}"
    head = f"{len(found)} requests must carry one key, got {keyed}{without}:"
    msg = "\n".join([head, *lines])
    raise AssertionError(msg)


def assert_executed_once(
    where: Any,
    key: str | None = None,
    *,
    operation: KeyPart | Operation | None = None,
    namespace: str | None = None,
    secret: bytes | str | None = None,
) -> None:
    """
    Assert that what was asked for was executed once, and not more or less.

    Args:
        where: An `IdempotentTransport`, a `PaymentServer` or a `PaymentsApp`.

        key: Count what was executed under this key. Default: everything.

        operation: Count what was executed under the key of this operation.

        namespace: As the client's, for *operation*.

        secret: As the client's, for *operation*.

    Raises:
        AssertionError: If it was executed never, or more than once. It shows
            what was sent.

        TypeError: If *where* is something else, or both *key* and *operation*
            are given.
    """
    if key is not None and operation is not None:
        msg = "give key or operation, got both"
        raise TypeError(msg)
    what = "the operation"
    if operation is not None:
        if not isinstance(operation, Operation):
            operation = Operation(operation)
        key = operation.key(
            namespace=check_namespace(namespace), secret=check_secret(secret)
        )
    if key is not None:
        what = f"key {key_hint(key)}"
    count = sum(key in (None, each) for each in _executed(where))
    if count != 1:
        times = {0: "never", 2: "twice"}.get(count, f"{count} times")
        msg = "\n".join(
            [f"{what} must be executed once, was {times}:", *_sent(where)]
        )
        raise AssertionError(msg)


def attempts(exchanges: Iterable[Exchange], header: str = KEY) -> list[str]:
    """Show *exchanges*, a line each."""
    return [
        _line(
            number,
            each.request,
            key_hint(each.request.header(header)),
            f"-> {each.result or 'running'}",
            _executed_word(each),
        )
        for number, each in enumerate(exchanges, start=1)
    ]


def _executed_word(exchange: Exchange) -> str:
    words: list[str] = []
    if exchange.executed:
        words.append("executed")
    elif exchange.replayed:
        words.append("replayed")
    else:
        words.append("not executed")
    if exchange.fault is not None:
        words.append(spell(exchange.fault))
    return f"({', '.join(words)})"


def _line(number: int, request: Any, key: str, *more: str) -> str:
    # Without the query: it may hold what no log should.
    path = str(getattr(request, "target", None) or request.url.path)
    path = path.partition("?")[0]
    words = [f"  {number}. {request.method} {path} key {key}", *more]
    return " ".join(words)


def _keys(request: Any, header: str) -> Sequence[str]:
    if hasattr(request, "target"):
        name = header.lower()
        return [value for each, value in request.headers if each == name]
    found: list[str] = request.headers.get_list(header)
    return found


def _executed(where: Any) -> list[str | None]:
    """Give the key of each execution."""
    if isinstance(where, IdempotentTransport):
        return [each.header(where.header) for each in where.executions]
    app = getattr(where, "app", where)
    if isinstance(app, PaymentsApp):
        return [charge.key for charge in app.ledger()]
    msg = (
        "where must be an IdempotentTransport, a PaymentServer or a"
        f" PaymentsApp, got {type(where).__name__}"
    )
    raise TypeError(msg)


def _sent(where: Any) -> list[str]:
    if isinstance(where, IdempotentTransport):
        return attempts(where.exchanges, where.header)
    return [
        _line(number, each, key_hint(each.key))
        for number, each in enumerate(getattr(where, "requests", ()), start=1)
    ]
