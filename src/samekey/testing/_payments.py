"""
Charge cards once per Idempotency-Key, and keep a ledger to prove it.

Ledger row and recorded answer are written in one transaction: a key is known
if its charge is in the ledger. An invalid request leaves no record, whatever
its key. The keys of running requests live in memory and die with the process.
"""

import hashlib
import json
import os
import sqlite3
import tempfile
import threading
import urllib.parse

from collections.abc import Callable
from typing import Self

import attrs

from ._fault_server import FaultServer, Received, Script
from ._faults import Answer


_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    payment_id TEXT PRIMARY KEY, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, card TEXT NOT NULL, reference TEXT, key TEXT
);
CREATE INDEX IF NOT EXISTS by_reference ON charges (reference);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, digest BLOB, status INTEGER, body BLOB
);
"""
_LARGEST = 2**63 - 1  # What SQLite's INTEGER holds.
_JSON = (("Content-Type", "application/json"),)

Work = Callable[[Received], object]


@attrs.frozen
class Charge:
    """One row of the ledger: a card that was charged."""

    payment_id: str
    amount: int = attrs.field(kw_only=True)
    currency: str = attrs.field(kw_only=True)
    card: str = attrs.field(kw_only=True)
    reference: str | None = attrs.field(kw_only=True)
    key: str | None = attrs.field(kw_only=True)


class PaymentsApp:
    """
    Answer for a payments API that keeps its promise about keys.

    `POST /payments` charges, `GET /payments/{id}` and
    `GET /payments?reference=…` read. The card `tok_declined` is declined.

    Args:
        path: The SQLite file of ledger and recorded answers. It may exist.

        work: Called while a charge runs and its key is in use; it may block,
            or raise, and then nothing is charged or recorded.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, work: Work | None = None
    ) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._running: dict[str, bytes] = {}
        self._database = sqlite3.connect(
            path, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        self._database.row_factory = sqlite3.Row
        # A test's ledger need not outlive a power cut, only the process.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger. Closing twice does no harm."""
        with self._lock:
            self._database.close()

    def charges(self, reference: str) -> int:
        """Count how often the card was charged for *reference*."""
        return len(self._select("reference = ?", reference))

    def ledger(self) -> list[Charge]:
        """Return every charge, oldest first."""
        return self._select("TRUE")

    def __call__(self, received: Received) -> Answer:
        """Answer one request."""
        url = urllib.parse.urlsplit(received.target)
        root, *rest = url.path.strip("/").split("/")
        if root != "payments" or len(rest) > 1:
            return _refusal(404, "not_found")
        if received.method == "GET":
            return self._get(rest, url.query)
        if received.method == "POST" and not rest:
            return self._post(received)
        return _refusal(405, "method_not_allowed")

    def _get(self, rest: list[str], query: str) -> Answer:
        if not rest:
            wanted = urllib.parse.parse_qs(query).get("reference", [""])[0]
            found = self._select("reference = ?", wanted)
            return _answer(200, {"payments": [_succeeded(c) for c in found]})
        found = self._select("payment_id = ?", urllib.parse.unquote(rest[0]))
        if not found:
            return _refusal(404, "not_found")
        return _answer(200, _succeeded(found[0]))

    def _post(self, received: Received) -> Answer:
        charge = _parse(received)
        if charge is None or len(received.keys) > 1 or charge.key == "":
            return _refusal(400, "invalid_request")
        if received.key is None:
            return self._execute(received, charge)
        digest = hashlib.sha256(received.body).digest()
        with self._lock:
            if (known := self._recall(received.key, digest)) is not None:
                return known
            self._running[received.key] = digest
        try:
            return self._execute(received, charge)
        finally:
            with self._lock:
                del self._running[received.key]

    def _recall(self, key: str, digest: bytes) -> Answer | None:
        row = self._database.execute(
            "SELECT digest, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        first = self._running.get(key) if row is None else row[0]
        if first is None:
            return None
        if first != digest:
            return _refusal(422, "idempotency_key_mismatch")
        if row is None:
            return _refusal(409, "idempotency_key_in_use")
        headers = (*_JSON, ("Idempotent-Replayed", "true"))
        return Answer(row[1], headers=headers, body=row[2])

    def _execute(self, received: Received, charge: Charge) -> Answer:
        if self._work is not None:
            self._work(received)
        with self._lock, self._database:
            answer = _refusal(402, "card_declined")
            if charge.card != "tok_declined":
                answer = _answer(201, _succeeded(self._insert(charge)))
            if charge.key is not None:
                digest = self._running[charge.key]
                self._database.execute(
                    "INSERT INTO answers VALUES (?, ?, ?, ?)",
                    (charge.key, digest, answer.status, answer.body),
                )
        return answer

    def _insert(self, charge: Charge) -> Charge:
        cursor = self._database.execute(
            "INSERT INTO charges SELECT printf('pay_%06d', "
            "ifnull(max(rowid), 0) + 1), ?, ?, ?, ?, ? FROM charges",
            attrs.astuple(charge)[1:],
        )
        return attrs.evolve(charge, payment_id=f"pay_{cursor.lastrowid:06d}")

    def _select(self, condition: str, *values: str) -> list[Charge]:
        with self._lock:
            rows = self._database.execute(
                f"SELECT * FROM charges WHERE {condition} ORDER BY rowid",  # noqa: S608 -- constants of this file
                values,
            ).fetchall()
        return [Charge(**dict(row)) for row in rows]


class PaymentServer(FaultServer):
    """
    Serve a `PaymentsApp`, with its ledger in a directory of its own.

    For *script* see `FaultServer`, for *work* `PaymentsApp`.
    """

    app: PaymentsApp

    def __init__(self, script: Script = (), *, work: Work | None = None):
        super().__init__(lambda received: self.app(received), script)  # noqa: PLW0108 -- there is no app yet
        self._work = work

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="payments-")
        path = f"{self._directory.name}/ledger.db"
        self.app = PaymentsApp(path, work=self._work)
        return super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        self.app.close()
        self._directory.cleanup()


def _parse(received: Received) -> Charge | None:
    order: dict[str, object] = {"currency": "EUR", "reference": None}
    try:
        order.update(json.loads(received.body))
    except (ValueError, TypeError, RecursionError):
        return None
    match order:
        case {
            "amount": int(amount),
            "card": str(card),
            "currency": str(currency),
            "reference": str() | None as reference,
        } if card and amount is not True and 0 < amount <= _LARGEST:
            return Charge(
                "",
                amount=amount,
                currency=currency,
                card=card,
                reference=reference,
                key=received.key,
            )
        case _:
            return None


def _succeeded(charge: Charge) -> dict[str, object]:
    return {
        "payment_id": charge.payment_id,
        "status": "succeeded",
        "amount": charge.amount,
        "currency": charge.currency,
    }


def _answer(status: int, content: object) -> Answer:
    return Answer(status, headers=_JSON, body=json.dumps(content).encode())


def _refusal(status: int, code: str) -> Answer:
    return _answer(status, {"code": code})
