"""
Give stripe's async client the retries of samekey.

The SDK (16.x) can use httpx, but takes no client or transport of yours. So its
HTTP client is subclassed, and the subclass leans on a private name. Charges
are made, answers get lost, and you will see how many requests, keys and
charges that makes:

1. With the SDK's own retries off: one key, one charge.
2. With them on: one key, one charge. The SDK keeps its key over its retries.
3. If your program calls the SDK again after an error: two keys, two charges.
   The SDK makes a new key for each call, and `samekey.operation` does not help
   here, since a key that is in the request already goes before it.
4. The same, with a key that your program derives and passes on: one key, one
   charge.

What the API documents about keys: it takes `Idempotency-Key` on each POST,
keeps it for 24 hours at v1, and gives the first answer again, a 500 included.
The profile `stripe` says so, and here it has to be named: a client finds it by
the host api.stripe.com only. The server below stands for Stripe.

The SDK shows whatever its HTTP client raises as an `APIConnectionError`. Where
samekey gave up or refused to send, its own exception is the `__cause__`.
"""

import asyncio
import contextlib
import json
import ssl

from collections.abc import AsyncIterator

import httpx
import stripe
import tenacity

import samekey

from samekey.testing import Answer, Fault, FaultServer, Received


QUICK = samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none())
LOST = Fault.lose_answer()  # after execution
# Else the SDK saves an id of this machine under the home directory.
stripe.enable_telemetry = False


class HTTPClient(stripe.HTTPXClient):
    """stripe's HTTP client, with the retries of samekey."""

    def __init__(self) -> None:
        super().__init__()
        tls = ssl.create_default_context(cafile=stripe.ca_bundle_path)
        transport = samekey.AsyncTransport(
            httpx.AsyncHTTPTransport(verify=tls),
            policy=QUICK,
            profile="stripe",
        )
        # Private to stripe. It is read too, so that a version that has
        # another name for it fails here.
        self._client_async = type(self._client_async)(transport=transport)


class Payments:
    """Charges once for each key, and marks what is not the first answer."""

    def __init__(self) -> None:
        self.charges: dict[str, bytes] = {}

    def __call__(self, received: Received) -> Answer:
        key = received.key or ""
        headers = [("Content-Type", "application/json")]
        if key in self.charges:
            headers.append(("Idempotent-Replayed", "true"))
        made = {
            "id": f"pi_{len(self.charges) + 1}",
            "object": "payment_intent",
            "amount": 500,
        }
        body = self.charges.setdefault(key, json.dumps(made).encode())
        return Answer(headers=tuple(headers), body=body)


@contextlib.asynccontextmanager
async def sdk(
    server: FaultServer, *, max_retries: int
) -> AsyncIterator[stripe.StripeClient]:
    http_client = HTTPClient()
    try:
        yield stripe.StripeClient(
            "sk_test",
            base_addresses={"api": server.url},
            max_network_retries=max_retries,
            http_client=http_client,
        )
    finally:
        await http_client.close_async()  # type: ignore[no-untyped-call]  # stripe gives it none


async def pay(
    client: stripe.StripeClient, options: stripe.RequestOptions | None = None
) -> None:
    made = await client.v1.payment_intents.create_async(
        {"amount": 500, "currency": "eur"}, options
    )
    print("charged:", made.id)


async def pay_twice(
    client: stripe.StripeClient, options: stripe.RequestOptions | None = None
) -> None:
    """Call again after an error, as a job queue would."""
    try:
        await pay(client, options)
    except stripe.APIConnectionError:
        await pay(client, options)


def tell(server: FaultServer, payments: Payments) -> None:
    keys = {request.key for request in server.requests}
    print(
        f"requests: {len(server.requests)}, keys: {len(keys)},"
        f" charges: {len(payments.charges)}"
    )


async def main() -> None:
    print("1. own retries off")
    payments = Payments()
    with FaultServer(payments, [LOST]) as server:
        async with sdk(server, max_retries=0) as client:
            await pay(client)
        tell(server, payments)

    print("2. own retries on")
    payments = Payments()
    with FaultServer(payments, [LOST, LOST]) as server:
        async with sdk(server, max_retries=1) as client:
            await pay(client)
        tell(server, payments)

    print("3. called again")
    payments = Payments()
    with FaultServer(payments, [LOST, LOST]) as server:
        async with sdk(server, max_retries=0) as client:
            await pay_twice(client)
        tell(server, payments)

    print("4. called again with a key that was passed on")
    payments = Payments()
    with FaultServer(payments, [LOST, LOST]) as server:
        key = samekey.derive_key("order", 123, "charge")
        async with sdk(server, max_retries=0) as client:
            await pay_twice(client, {"idempotency_key": key})
        tell(server, payments)


if __name__ == "__main__":
    asyncio.run(main())
