"""What type checkers see of samekey; nothing here runs."""

from __future__ import annotations

from typing import assert_type

import httpx
import httpx2

import samekey
import samekey.httpx2

from samekey import testing


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
