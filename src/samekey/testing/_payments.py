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
import threading
import urllib.parse

from collections.abc import Callable
from typing import Self

import attrs

from ._fault_server import Received
from ._faults import Answer
from ._moves import (
    KINDS,
    Charge,
    Move,
    Order,
    allowed,
    parse_charge,
    parse_move,
    told,
    told_refund,
)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    payment_id TEXT PRIMARY KEY, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, card TEXT NOT NULL, reference TEXT, key TEXT
);
CREATE INDEX IF NOT EXISTS by_reference ON charges (reference);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, digest BLOB, status INTEGER, body BLOB
);
CREATE TABLE IF NOT EXISTS moves (
    payment_id TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL,
    key TEXT
);
"""
_JSON = (("Content-Type", "application/json"),)

Work = Callable[[Received], object]


class PaymentsApp:
    """
    Answer for a payments API that keeps its promise about keys.

    `POST /payments` charges, or only holds with `"capture": false`;
    `POST /payments/{id}/capture`, `/cancel` and `/refunds` do what they say;
    `GET /payments/{id}` and `GET /payments?reference=…` read. The card
    `tok_declined` is declined.

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

    def moves(self, payment_id: str) -> list[Move]:
        """Return what became of a payment after its charge, in order."""
        with self._lock:
            return self._moves(payment_id)

    def __call__(self, received: Received) -> Answer:
        """Answer one request."""
        url = urllib.parse.urlsplit(received.target)
        root, *rest = url.path.strip("/").split("/")
        changes = len(rest) == 2 and rest[1] in KINDS
        if received.method == "POST" and root == "payments" and changes:
            return self._post(received, parse_move(received, *rest))
        if root != "payments" or len(rest) > 1:
            return _refusal(404, "not_found")
        if received.method == "GET":
            return self._get(rest, url.query)
        if received.method == "POST" and not rest:
            return self._post(received, parse_charge(received))
        return _refusal(405, "method_not_allowed")

    def _get(self, rest: list[str], query: str) -> Answer:
        if not rest:
            wanted = urllib.parse.parse_qs(query).get("reference", [""])[0]
            found = self._select("reference = ?", wanted)
            return _answer(200, {"payments": [self._told(c) for c in found]})
        found = self._select("payment_id = ?", urllib.parse.unquote(rest[0]))
        if not found:
            return _refusal(404, "not_found")
        return _answer(200, self._told(found[0]))

    def _post(self, received: Received, order: Order | Move | None) -> Answer:
        if order is None or len(received.keys) > 1 or received.key == "":
            return _refusal(400, "invalid_request")
        if received.key is None:
            return self._execute(received, order)
        said = received.body
        if isinstance(order, Move):
            said = received.target.encode() + b"\n" + said
        digest = hashlib.sha256(said).digest()
        with self._lock:
            if (known := self._recall(received.key, digest)) is not None:
                return known
            self._running[received.key] = digest
        try:
            return self._execute(received, order)
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

    def _execute(self, received: Received, order: Order | Move) -> Answer:
        if self._work is not None:
            self._work(received)
        with self._lock, self._database:
            if isinstance(order, Move):
                answer = self._move(order)
            else:
                answer = self._charge(order)
            if received.key is not None:
                digest = self._running[received.key]
                self._database.execute(
                    "INSERT INTO answers VALUES (?, ?, ?, ?)",
                    (received.key, digest, answer.status, answer.body),
                )
        return answer

    def _charge(self, order: Order) -> Answer:
        if order.charge.card == "tok_declined":
            return _refusal(402, "card_declined")
        cursor = self._database.execute(
            "INSERT INTO charges SELECT printf('pay_%06d', "
            "ifnull(max(rowid), 0) + 1), ?, ?, ?, ?, ? FROM charges",
            attrs.astuple(order.charge)[1:],
        )
        payment_id = f"pay_{cursor.lastrowid:06d}"
        charge = attrs.evolve(order.charge, payment_id=payment_id)
        if order.hold:
            self._enter(Move(payment_id, "held", charge.amount, charge.key))
        return _answer(201, told(charge, self._moves(payment_id)))

    def _move(self, asked: Move) -> Answer:
        charges = self._rows("payment_id = ?", asked.payment_id)
        if not charges:
            return _refusal(404, "not_found")
        before = self._moves(asked.payment_id)
        amount = allowed(charges[0], before, asked)
        if amount is None:
            return _refusal(400, "not_possible")
        move = attrs.evolve(asked, amount=amount)
        number = self._enter(move)
        if move.kind == "refunded":
            return _answer(201, told_refund(charges[0], move, number))
        return _answer(200, told(charges[0], [*before, move]))

    def _enter(self, move: Move) -> int | None:
        return self._database.execute(
            "INSERT INTO moves VALUES (?, ?, ?, ?)", attrs.astuple(move)
        ).lastrowid

    def _told(self, charge: Charge) -> dict[str, object]:
        return told(charge, self.moves(charge.payment_id))

    def _moves(self, payment_id: str) -> list[Move]:
        rows = self._database.execute(
            "SELECT * FROM moves WHERE payment_id = ? ORDER BY rowid",
            (payment_id,),
        )
        return [Move(*row) for row in rows]

    def _select(self, condition: str, *values: str) -> list[Charge]:
        with self._lock:
            return self._rows(condition, *values)

    def _rows(self, condition: str, *values: str) -> list[Charge]:
        rows = self._database.execute(
            f"SELECT * FROM charges WHERE {condition} ORDER BY rowid",  # noqa: S608 -- constants of this file
            values,
        )
        return [Charge(**dict(row)) for row in rows]


def _answer(status: int, content: object) -> Answer:
    return Answer(status, headers=_JSON, body=json.dumps(content).encode())


def _refusal(status: int, code: str) -> Answer:
    return _answer(status, {"code": code})
