"""
How each client goes about a charge, and what it tells the one who asked.

The first two are what people write. Both take any failure for "was not
charged": the exceptions and statuses they see tell them no better.
"""

from __future__ import annotations

import asyncio
import random

from collections.abc import Awaitable, Callable

import attrs
import httpx

import samekey

from samekey._demo.scenario import TIMEOUT, Order
from samekey._demo.tally import Mode, Told


ATTEMPTS = samekey.RetryPolicy().attempts

Pay = Callable[[httpx.AsyncClient, Order], Awaitable[Told]]


@attrs.frozen
class Way:
    """A mode: the client that it makes, and how it pays with it."""

    mode: Mode
    client: Callable[[str], httpx.AsyncClient] = attrs.field(kw_only=True)
    pay: Pay = attrs.field(kw_only=True)


def _plain_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False)


def _samekey_client(url: str) -> httpx.AsyncClient:
    return samekey.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False)


async def pay_once(client: httpx.AsyncClient, order: Order) -> Told:
    """Send it, and take any failure for "not charged"."""
    try:
        response = await client.post("/payments", json=order.content)
    except httpx.HTTPError:
        return Told.NOT_CHARGED
    return _by_status(response)


async def pay_with_plain_retries(
    client: httpx.AsyncClient,
    order: Order,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    dice: Callable[[], float] = random.random,
) -> Told:
    """
    Send it again on failure, as a careful person would, but without a key.

    Attempts, retried statuses and waits are those of samekey's defaults. Only
    its quicker resend on a stale connection is missing: it takes evidence
    that a loop like this has not.
    """
    for number in range(1, ATTEMPTS + 1):
        longest = min(20.0, 2.0 ** (number - 1))
        try:
            response = await client.post("/payments", json=order.content)
        except httpx.HTTPError:
            wait = longest * (0.5 + 0.5 * dice())
        else:
            status = response.status_code
            if status < 500 and status not in {408, 425, 429}:
                return _by_status(response)
            wait = longest * 0.5 * dice()
        if number < ATTEMPTS:
            await sleep(wait)
    return Told.NOT_CHARGED


async def pay_with_samekey(client: httpx.AsyncClient, order: Order) -> Told:
    """Send it as if nothing could fail; *client* sees to the rest."""
    try:
        response = await client.post("/payments", json=order.content)
    except samekey.AnswerLost:
        return Told.CHARGED
    except samekey.NotExecuted:
        return Told.NOT_CHARGED
    except samekey.InDoubt:
        return Told.IN_DOUBT
    except (samekey.SamekeyError, httpx.HTTPError):
        return Told.NOTHING  # It must not happen, so it is counted as lost.
    return _by_status(response)


def _by_status(response: httpx.Response) -> Told:
    return Told.CHARGED if response.is_success else Told.NOT_CHARGED


WAYS = (
    Way("no_retries", client=_plain_client, pay=pay_once),
    Way("plain_retries", client=_plain_client, pay=pay_with_plain_retries),
    Way("samekey", client=_samekey_client, pay=pay_with_samekey),
)
