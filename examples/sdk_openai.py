"""
Give the openai SDK retries that keep one key.

The SDK (3.x) is built on httpx2 and takes an httpx2 client of yours. Answers
get lost, and you will see how many requests, keys and runs of the model that
makes:

1. With the SDK's own retries off: one key, one run.
2. With them on, inside `samekey.operation`: one key, one run.
3. With them on, and nothing else: two keys, two runs. Seen from below the SDK,
   each of its retries is a call of its own.
4. With `profile="none"`, that is, the API takes no key: what may have run is
   not sent again. The SDK raises its connection error.

What the API documents about keys: none. The SDK makes a key for each call, but
has no header to send it in. So 1 and 2 protect you where something in between
keeps keys, such as a gateway of yours, for which the server below stands. If
you call the API directly, a request that is sent again may run, and be billed,
again; where that matters, take 4.
"""

import json

import httpx2
import openai
import tenacity

import samekey

from samekey.testing import Answer, Fault, FaultServer, Received


QUICK = samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none())
LOST = Fault.lose_answer()  # after execution


class Gateway:
    """Runs the model once for each key, and for each request without one."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.runs = 0

    def __call__(self, received: Received) -> Answer:
        if received.key is None or received.key not in self.keys:
            self.runs += 1
        if received.key is not None:
            self.keys.add(received.key)
        body = json.dumps(RESPONSE).encode()
        return Answer(
            headers=(("Content-Type", "application/json"),), body=body
        )


def sdk(
    server: FaultServer, *, max_retries: int, profile: str | None = None
) -> openai.OpenAI:
    transport = samekey.Transport(
        httpx2.HTTPTransport(), policy=QUICK, profile=profile
    )
    return openai.OpenAI(
        api_key="sk-test",
        base_url=f"{server.url}/v1",
        max_retries=max_retries,
        # httpx2.Client, with the SDK's timeouts and redirects.
        http_client=openai.DefaultHttpxClient(transport=transport),
    )


def ask(client: openai.OpenAI) -> None:
    response = client.responses.create(model="a-model", input="Say hello.")
    print("answer:", response.output_text)


def tell(server: FaultServer, gateway: Gateway) -> None:
    print(
        f"requests: {len(server.requests)}, keys: {len(gateway.keys)},"
        f" runs: {gateway.runs}"
    )


def main() -> None:
    print("1. own retries off")
    gateway = Gateway()
    with FaultServer(gateway, [LOST]) as server:
        with sdk(server, max_retries=0) as client:
            ask(client)
        tell(server, gateway)

    print("2. own retries on, inside samekey.operation")
    gateway = Gateway()
    with FaultServer(gateway, [LOST, LOST]) as server:
        with (
            sdk(server, max_retries=1) as client,
            samekey.operation(("ticket", 7)),
        ):
            ask(client)
        tell(server, gateway)

    print("3. own retries on, and nothing else")
    gateway = Gateway()
    with FaultServer(gateway, [LOST, LOST]) as server:
        with sdk(server, max_retries=1) as client:
            ask(client)
        tell(server, gateway)

    print("4. told that there are no keys")
    gateway = Gateway()
    with FaultServer(gateway, [LOST]) as server:
        with sdk(server, max_retries=0, profile="none") as client:
            try:
                ask(client)
            except openai.APIConnectionError as exc:
                print("not sent again:", type(exc.__cause__).__name__)
        tell(server, gateway)


# What the API would answer.
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 0,
    "status": "completed",
    "model": "a-model",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "Hello.", "annotations": []}
            ],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


if __name__ == "__main__":
    main()
