"""
A program that dies in the middle of a payment, and takes it up again.

A payment server runs here. A second process posts a charge, and kills itself
as the server's answer begins to arrive: the card is charged, and nobody has
read that it was. A third process, which knows no more than the order's number
and the journal's file, makes the same call; and so does a fourth.

You will see that the journal has the operation as open after the crash, that
the third process sends it under the same key and is given the first answer by
the server, and that the fourth is given it by the journal and sends nothing.
The ledger holds one charge throughout.
"""

import os
import signal
import subprocess
import sys
import tempfile

import httpx

import samekey

from samekey.testing import PaymentServer


ORDER = ("order", 123, "charge")


def pay(url: str, journal: str, hook: str) -> None:
    """Charge the card for the order; this is all that the program does."""
    with samekey.Client(base_url=url, journal=journal) as client:
        if hook == "die":
            client.event_hooks = {"response": [die]}
        response = client.post(
            "/payments",
            json={"amount": 500, "card": "tok_visa"},
            operation=ORDER,
        )
    payment = response.json()["payment_id"]
    replayed = samekey.report(response).replayed
    print(f"  {response.status_code} {payment}, replayed by: {replayed}")


def die(response: httpx.Response) -> None:
    """The server has executed it, and its answer has not been read."""
    os.kill(os.getpid(), signal.SIGKILL)


def run(server: PaymentServer, journal: str, hook: str = "live") -> None:
    """Run `pay` in a new process, and look at what it leaves behind."""
    sys.stdout.flush()
    command = [sys.executable, __file__, server.url, journal, hook]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 -- our own
    print("  exit status:", status)
    memory = samekey.Journal(journal)
    entry = memory.get(ORDER)
    memory.close()
    print("  in the journal:", "nothing" if entry is None else entry.state)
    print("  requests so far:", len(server.requests))
    print("  charges:", len(server.app.ledger()))


def main() -> None:
    with (
        PaymentServer() as server,
        tempfile.TemporaryDirectory() as directory,
    ):
        journal = f"{directory}/payments.db"
        print("the first process dies")
        run(server, journal, "die")
        print("the next one makes the same call")
        run(server, journal)
        print("and the next")
        run(server, journal)
        print("keys sent:", len({one.key for one in server.requests}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        pay(*sys.argv[1:])
    else:
        main()
