"""
A payments helper of any kind in front of a server, sync to the eye.

    with till(kind, server) as pay:
        paid = pay.create(amount=500, currency="EUR", ...)
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse

from collections.abc import Iterator
from typing import Any

from kinds import Kind, Session

from samekey.payments import AsyncPayments, Payments
from samekey.testing import Answer, FaultServer, Received


class Till:
    """`Payments` or `AsyncPayments`; every method can be called as if sync."""

    def __init__(self, session: Session, adapter: Any) -> None:
        cls = AsyncPayments if session.kind.is_async else Payments
        self.session = session
        self.client = session.client
        self.payments: Any = cls(session.client, adapter)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.payments, name)

        def call(*args: Any, **options: Any) -> Any:
            return self.session.call(method, *args, **options)

        return call


@contextlib.contextmanager
def till(
    kind: Kind, server: Any, adapter: Any = None, **options: Any
) -> Iterator[Till]:
    """Open one; *options* are those of `wrap`, and `timeout`."""
    plain = {n: options.pop(n) for n in ("timeout", "auth") if n in options}
    with kind.open(base_url=server.url, terms=options, **plain) as session:
        yield Till(session, adapter)


class StripeApp:
    """Answer as Stripe's PaymentIntents do, as far as tests need it."""

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, tuple[bytes, Answer]] = {}
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        with self._lock:
            if received.method == "GET":
                return self._get(received.target)
            assert received.key is not None
            said = received.target.encode() + received.body
            if received.key not in self._answers:
                answer = self._post(received)
                self._answers[received.key] = (said, answer)
                return answer
            first, answer = self._answers[received.key]
            if first != said:
                error = {"type": "idempotency_error", "message": "Keys ..."}
                return _json(400, {"error": error})
            headers = (*answer.headers, ("Idempotent-Replayed", "true"))
            return Answer(answer.status, headers=headers, body=answer.body)

    def _get(self, target: str) -> Answer:
        url = urllib.parse.urlsplit(target)
        name = url.path.rpartition("/")[2]
        if name == "search":
            query = urllib.parse.parse_qs(url.query)["query"][0]
            wanted = query.rpartition(":")[2].strip("'")
            found = [
                intent
                for intent in self.intents.values()
                if intent["metadata"].get("samekey") == wanted
            ]
            return _json(200, {"object": "search_result", "data": found})
        if name not in self.intents:
            error = {"type": "invalid_request_error", "code": "missing"}
            return _json(404, {"error": error})
        return _json(200, self.intents[name])

    def _post(self, received: Received) -> Answer:
        form = dict(urllib.parse.parse_qsl(received.body.decode()))
        steps = received.target.split("/")[2:]
        if steps == ["payment_intents"]:
            return self._create(form)
        if steps == ["refunds"]:
            paid = self.intents[form["payment_intent"]]
            refund = {
                "id": "re_1",
                "object": "refund",
                "payment_intent": paid["id"],
                "status": "pending",
                "amount": int(form.get("amount", paid["amount"])),
                "currency": paid["currency"],
            }
            return _json(200, refund)
        intent = self.intents[steps[1]]
        after = {"capture": "succeeded", "cancel": "canceled"}[steps[2]]
        intent["status"] = after
        return _json(200, intent)

    def _create(self, form: dict[str, str]) -> Answer:
        if form["payment_method"] == "pm_card_chargeDeclined":
            error = {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "generic_decline",
                "message": "Your card was declined.",
            }
            return _json(402, {"error": error})
        held = form.get("capture_method") == "manual"
        intent = {
            "id": f"pi_{len(self.intents) + 1}",
            "object": "payment_intent",
            "status": "requires_capture" if held else "succeeded",
            "amount": int(form["amount"]),
            "currency": form["currency"],
            "metadata": {
                name[len("metadata[") : -1]: value
                for name, value in form.items()
                if name.startswith("metadata[")
            },
        }
        self.intents[intent["id"]] = intent
        return _json(200, intent)


class StripeServer(FaultServer):
    """Serve a `StripeApp`; for *script* see `FaultServer`."""

    def __init__(self, script: Any = ()) -> None:
        self.app = StripeApp()
        super().__init__(self.app, script)


def _json(status: int, content: object) -> Answer:
    return Answer(
        status,
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(content).encode(),
    )
