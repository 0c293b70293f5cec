"""
Tell a client how to back off, in tenacity's words.

You will see three calls. The first is retried after 503 and 423, with the
waits of a tenacity strategy. The second stops at once, because what the server
asks for in Retry-After does not fit the deadline. The third stops because the
retry budget of the client is empty.
"""

from http import HTTPStatus

import httpx
import tenacity

import samekey

from samekey.testing import Fault, PaymentServer


POLICY = samekey.RetryPolicy(
    attempts=5,
    wait=tenacity.wait_exponential(multiplier=0.05, max=1.0),
    # Replaces the default set: 503 and 429 are retried, 500 is not.
    statuses={429, 503},
    # Adds to it: this API answers 423 while the account is locked.
    retry=tenacity.retry_if_result(
        lambda answer: answer.status_code == HTTPStatus.LOCKED
    ),
    deadline=5.0,
)
# Shared by all calls of the client, whatever policy they bring.
BUDGET = samekey.RetryBudget(capacity=2, start=2, per_success=0.1)

CHARGE = {"amount": 500, "card": "tok_visa"}
SCRIPT = [
    Fault.status(503),
    Fault.status(HTTPStatus.LOCKED),
    None,
    Fault.status(503, headers=[("Retry-After", "30")]),
    Fault.status(503),
]


def main() -> None:
    with (
        PaymentServer(SCRIPT) as server,
        samekey.Client(
            base_url=server.url, policy=POLICY, budget=BUDGET
        ) as client,
    ):
        backs_off(client)
        gives_up(client)
        gives_up(client)


def backs_off(client: httpx.Client) -> None:
    report = samekey.report(client.post("/payments", json=CHARGE))
    for attempt in report.attempts:
        print(f"waited {attempt.waited:.2f} s, got {attempt.status}")


def gives_up(client: httpx.Client) -> None:
    try:
        client.post("/payments", json=CHARGE)
    except samekey.InDoubt as exc:
        attempts = len(exc.report.attempts)
        print(f"stopped by {exc.reason} after {attempts} attempt")


if __name__ == "__main__":
    main()
