"""
What to do when nobody knows whether the card was charged.

Part one, in memory: the server charges the card, but no answer arrives. You
will see `InDoubt`, what its report says, and how `resume` gets the answer.

Part two, with a database: the key is saved on the order's row before the call.
The first run ends in doubt and the program stops. The second run sends the
same row again, under the same key, and the ledger holds one charge.
"""

import sqlite3

import tenacity

import samekey

from samekey.testing import Fault, PaymentServer


# Two attempts and no waits, so that this example is quick.
QUICK = samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none())


def in_memory() -> None:
    lost = Fault.lose_answer()
    with (
        PaymentServer([lost, lost]) as server,
        samekey.Client(base_url=server.url, policy=QUICK) as client,
    ):
        try:
            client.post("/payments", json={"amount": 500, "card": "tok_visa"})
        except samekey.InDoubt as exc:
            print("outcome:", exc.report.outcome)
            print("stopped by:", exc.reason)
            for attempt in exc.report.attempts:
                print(f"  {attempt.number}: {attempt.verdict} {attempt.error}")
            response = client.resume(exc)
            print("resumed:", response.status_code)
            print("replayed by:", samekey.report(response).replayed)
        print("charges:", len(server.app.ledger()))


def with_a_database() -> None:
    lost = Fault.lose_answer()
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE orders (amount, key, payment_id)")
    with database:  # The key is committed before the first byte leaves.
        database.execute(
            "INSERT INTO orders VALUES (?, ?, NULL)", (900, samekey.new_key())
        )
    with PaymentServer([lost, lost]) as server:
        run(database, server.url)
        run(database, server.url)
        print("charges:", len(server.app.ledger()))
    database.close()


def run(database: sqlite3.Connection, url: str) -> None:
    """
    Send every unpaid row, as a job would do after each start.

    A row keeps its key for ever. It may be dropped only if its first run ended
    in `NotExecuted`: a later run cannot know what an earlier one has sent.
    """
    unpaid = database.execute(
        "SELECT rowid, amount, key FROM orders WHERE payment_id IS NULL"
    ).fetchall()
    with samekey.Client(base_url=url, policy=QUICK) as client:
        for row, amount, key in unpaid:
            try:
                response = client.post(
                    "/payments",
                    json={"amount": amount, "card": "tok_visa"},
                    idempotency_key=key,
                )
            except samekey.GaveUp as exc:  # InDoubt, NotExecuted, AnswerLost
                print(f"row {row}: {exc.report.outcome}, left for later")
                continue
            payment_id = response.raise_for_status().json()["payment_id"]
            with database:
                database.execute(
                    "UPDATE orders SET payment_id = ? WHERE rowid = ?",
                    (payment_id, row),
                )
            print(f"row {row}: paid, {payment_id}")


def main() -> None:
    print("In memory")
    in_memory()
    print("With a database")
    with_a_database()


if __name__ == "__main__":
    main()
