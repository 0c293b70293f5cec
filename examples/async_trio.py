"""
Charge five orders at once, under trio.

One answer is lost and one request is refused by an overloaded server. You will
see five payments, in the order in which they were settled, and one charge for
each order. Under asyncio the code of `pay` is the same.
"""

import httpx
import trio

import samekey

from samekey.testing import Fault, PaymentServer


async def pay(client: httpx.AsyncClient, order: int) -> None:
    response = await client.post(
        "/payments",
        json={"amount": 500, "card": "tok_visa", "reference": f"{order}"},
        extensions={"samekey": {"operation": ("order", order, "charge")}},
    )
    attempts = len(samekey.report(response).attempts)
    print(f"order {order}: {response.status_code} after {attempts} attempt(s)")


async def main() -> None:
    with PaymentServer([Fault.lose_answer(), Fault.status(503)]) as server:
        async with (
            samekey.AsyncClient(base_url=server.url) as client,
            trio.open_nursery() as nursery,
        ):
            for order in range(1, 6):
                nursery.start_soon(pay, client, order)
        charges = [server.app.charges(f"{order}") for order in range(1, 6)]
    print("charges for each order:", charges)


if __name__ == "__main__":
    trio.run(main)
