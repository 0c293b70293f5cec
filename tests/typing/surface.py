"""What type checkers see of samekey; nothing here runs."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never, assert_type

import httpx
import httpx2

import samekey
import samekey.hooks
import samekey.httpx2

from samekey import testing
from samekey.journal import Recovered
from samekey.observe.logging import LoggingHook
from samekey.observe.opentelemetry import OpenTelemetryHook
from samekey.payments import (
    Adapter,
    AsyncPayments,
    GenericAdapter,
    Payment,
    PaymentRefused,
    Payments,
    Refund,
    Status,
    StripeAdapter,
    major_units,
    minor_units,
)


def wraps() -> None:
    client = samekey.wrap(httpx.Client(), namespace="shop", doubt="return")
    assert_type(client, samekey.Client)
    response = client.post("/x", json={}, operation=("order", 1))
    assert_type(response, httpx.Response)
    with client.stream("POST", "/x", idempotency_key="k") as streamed:
        assert_type(streamed, httpx.Response)
    assert_type(samekey.wrap(httpx2.Client()), samekey.httpx2.Client)
    assert_type(samekey.wrap(httpx2.AsyncClient()), samekey.httpx2.AsyncClient)
    try:
        client.get("/x")
    except samekey.InDoubt as exc:
        assert_type(exc.report, samekey.Report)
        assert_type(client.resume(exc), httpx.Response)


async def wraps_async() -> None:
    client = samekey.wrap(httpx.AsyncClient())
    assert_type(client, samekey.AsyncClient)
    response = await client.post(
        "/x", operation=samekey.Operation("a", generation=2)
    )
    assert_type(response, httpx.Response)
    async with client.stream("GET", "/x") as streamed:
        assert_type(streamed, httpx.Response)


def makes() -> None:
    client = samekey.Client(
        base_url="https://api.example.com",
        policy=samekey.RetryPolicy(attempts=2, deadline=None),
        retention=86_400,
    )
    assert_type(client.patch("/x", content=b""), httpx.Response)
    httpx.Client(transport=samekey.Transport(httpx.HTTPTransport()))
    httpx.AsyncClient(
        transport=samekey.AsyncTransport(httpx.AsyncHTTPTransport())
    )
    httpx2.Client(transport=samekey.Transport(httpx2.HTTPTransport()))
    httpx2.AsyncClient(
        transport=samekey.AsyncTransport(httpx2.AsyncHTTPTransport())
    )


def tells(response: httpx.Response) -> None:
    report = samekey.report(response)
    assert_type(report.outcome, samekey.Outcome)
    for attempt in report.attempts:
        assert_type(attempt.verdict, samekey.Verdict)
        assert_type(attempt.status, int | None)


def tests_code(transport: testing.IdempotentTransport) -> None:
    clock = testing.FakeClock()
    with httpx.Client(transport=transport) as plain:
        client = samekey.wrap(plain)
    assert_type(testing.with_clock(client, clock), samekey.Client)
    httpx2.AsyncClient(transport=transport)
    assert_type(transport.executions, list[testing.Received])
    assert_type(testing.assert_one_key(transport), str)
    explored = testing.explore(lambda transport: None, told=lambda x: "done")
    assert_type(explored, testing.Exploration)


def ambient() -> None:
    with samekey.operation(("order", 5)) as op, op.step("capture"):
        assert_type(op, samekey.operation)


def pays(client: samekey.Client, other: samekey.httpx2.Client) -> None:
    payments = Payments(client)
    paid = payments.create(
        amount=minor_units(Decimal("10.50"), "EUR"),
        currency="EUR",
        source="tok_visa",
        operation=("order", 1),
        metadata={"order": "1"},
    )
    assert_type(paid, Payment)
    assert_type(paid.status, Status)
    assert_type(paid.report, samekey.Report)
    refund = payments.refund(paid.id, operation=("order", 1), amount=50)
    assert_type(refund, Refund)
    assert_type(payments.capture(paid.id, operation="a"), Payment)
    assert_type(payments.cancel(paid.id, operation="a"), Payment)
    assert_type(payments.get(paid.id), Payment)
    try:
        Payments(other, StripeAdapter()).get("pi_1")
    except PaymentRefused as exc:
        assert_type(exc.code, str | None)
    except samekey.InDoubt as exc:
        assert_type(payments.resolve(exc), Payment | Refund)
    assert_type(client.recover(payments.reconcile), Recovered)
    assert_type(major_units(1050, "EUR"), Decimal)


async def pays_async(client: samekey.AsyncClient) -> None:
    adapter: Adapter = StripeAdapter(account="acct_1")
    payments = AsyncPayments(client, adapter)
    paid = await payments.create(
        amount=1050,
        currency="EUR",
        source="pm_1",
        operation=samekey.Operation("a", generation=2),
        capture=False,
    )
    assert_type(paid, Payment)
    assert_type(await payments.refund(paid.id, operation="a"), Refund)
    assert_type(await payments.capture(paid.id, operation="a"), Payment)
    assert_type(await client.recover(payments.reconcile), Recovered)
    adapter = GenericAdapter("/charges")


class Watches:
    """Has a part of a hook only."""

    def on_outcome(self, event: samekey.hooks.OperationEnded) -> None:
        assert_type(event.report, samekey.Report)
        assert_type(event.attempts, tuple[samekey.Attempt, ...])


def watch(event: samekey.hooks.Event) -> None:
    match event:
        case samekey.hooks.RetryPlanned():
            assert_type(event.wait, float)
        case samekey.hooks.AttemptEnded() | samekey.hooks.OperationEnded():
            assert_type(event.about, samekey.hooks.About)
        case _:
            assert_never(event)


def hooks() -> None:
    full: samekey.hooks.Hook = OpenTelemetryHook()
    samekey.wrap(httpx.Client(), hooks=[full, Watches(), watch, print])
    samekey.Client(hooks=(watch,))
    samekey.Transport(httpx.HTTPTransport(), hooks=[LoggingHook()])
