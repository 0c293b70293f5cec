"""
No repr shows a body, a credential, an operation id or a whole key.

A value's repr gets into logs and error reports by itself.
"""

from __future__ import annotations

import attrs
import pytest

from samekey import Outcome
from samekey._intent import Begun, Intent
from samekey._journal_parts import Entry, Resolution
from samekey._kept import Kept
from samekey._message import Message
from samekey._slots import Placed, Slot
from samekey.payments import Call, Order
from samekey.payments._adapter import Change, Reply
from samekey.stores import Record
from samekey.stores._decide import Completion


HIDDEN = "SECRET"
BODY = HIDDEN.encode()
PAIRS = (("x-key", HIDDEN),)
MESSAGE = Message(
    status=200, url=f"https://x/?token={HIDDEN}", headers=PAIRS, body=BODY
)
KEPT = Kept(operation=HIDDEN, answer=MESSAGE, request=MESSAGE)
RECORD = Record(
    id="op:1",
    key=HIDDEN,
    fingerprint=BODY,
    state="open",
    created=0.0,
    updated=0.0,
    data=BODY,
)
VALUES = [
    MESSAGE,
    KEPT,
    RECORD,
    Begun(step="send", record=RECORD, kept=KEPT),
    Intent(
        id="op:1",
        key=HIDDEN,
        theirs=True,
        fingerprint=BODY,
        named=True,
        force=False,
        retention=1.0,
        kept=KEPT,
    ),
    Entry(
        id="op:1",
        key=HIDDEN,
        state="open",
        operation=HIDDEN,
        namespace=None,
        generation=1,
        created=0.0,
        updated=0.0,
        busy=False,
        method="POST",
        url="https://x/",
        report=None,
        answer=MESSAGE,
        request=MESSAGE,
        changes=(),
    ),
    Resolution(
        outcome=Outcome.ANSWERED,
        why="seen",
        status=200,
        body=BODY,
        headers=PAIRS,
    ),
    Completion(
        id="op:1", token=1, state="open", data=BODY, now=0.0, expires=None
    ),
    Placed(headers=PAIRS, content=BODY),
    Slot(HIDDEN, HIDDEN, found=HIDDEN),
    Call(
        "POST",
        "/payments",
        json={"card": HIDDEN},
        form=PAIRS,
        params={"q": HIDDEN},
        headers={"Authorization": HIDDEN},
    ),
    Order(
        amount=1,
        currency="EUR",
        source=HIDDEN,
        reference=HIDDEN,
        description=HIDDEN,
        metadata={"a": HIDDEN},
        extra={"a": HIDDEN},
    ),
    Change(payment_id="p", metadata={"a": HIDDEN}, extra={"a": HIDDEN}),
    Reply(
        status=200,
        data={"client_secret": HIDDEN},
        headers={"x-key": HIDDEN},
        report=None,  # type: ignore[arg-type]
    ),
]


@pytest.mark.parametrize(
    "value", VALUES, ids=lambda value: type(value).__name__
)
def test_repr(value):
    """What is in a value stays in it when it is shown."""
    assert attrs.has(type(value))
    assert HIDDEN not in repr(value)
