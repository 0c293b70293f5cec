"""
Wrap an httpx client you already have.

The server charges the card, and then its answer is lost. You will see two
attempts under one key, and one charge in the server's ledger.
"""

import httpx

import samekey

from samekey.testing import Fault, PaymentServer


def pay(client: httpx.Client) -> httpx.Response:
    return client.post("/payments", json={"amount": 500, "card": "tok_visa"})


def main() -> None:
    with PaymentServer([Fault.lose_answer()]) as server:
        with samekey.wrap(httpx.Client(base_url=server.url)) as client:
            response = pay(client)
        charges = server.app.ledger()

    report = samekey.report(response)
    for attempt in report.attempts:
        ended = attempt.error or attempt.status
        print(f"attempt {attempt.number}: {attempt.verdict}, {ended}")
    print("answer:", response.status_code, response.json()["payment_id"])
    print("keys sent:", len({request.key for request in server.requests}))
    print("charges in the ledger:", len(charges))


if __name__ == "__main__":
    main()
