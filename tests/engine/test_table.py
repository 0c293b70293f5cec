"""A walk over the whole outcome table, and over what the engine makes of it."""

from __future__ import annotations

import itertools
import json

import httpx
import pytest

from paper import Paper, Step, answer, lost, refused

import samekey

from samekey._outcome import DELETE_TABLE, SAFE_TABLE, TABLE, table_for
from samekey.profiles import Answer, Profile


REPLAYED = {"Idempotent-Replayed": "true"}
DONE = json.dumps({"error": {"code": "done"}}).encode()
API = Profile("api", already_done=[Answer(status=409, code="done")])
IN_FLIGHT = json.dumps({"code": "idempotency_key_in_use"}).encode()
REUSED = json.dumps({"error": {"code": "idempotency_key_mismatch"}}).encode()
TORN = httpx.ReadError("torn")
ONCE = samekey.RetryPolicy(attempts=1)
KEEP = samekey.RetryPolicy(
    attempts=9, wait=lambda state: 0.0, retry=lambda state: True
)
"""Goes on whatever comes, so that a test can say what comes last."""


def told(
    *steps: Step, method: str = "POST", **options: object
) -> tuple[str, str]:
    """Play *steps*; give the outcome and how it is told."""
    paper = Paper(*steps, profile=API)
    policy = samekey.RetryPolicy(
        attempts=len(steps),
        wait=lambda state: 0.0,
        retry=lambda state: True,
        deadline=None,
    )
    options.setdefault("policy", policy)
    try:
        response = paper.post(method=method, **options)
    except samekey.SamekeyError as exc:
        assert not paper.steps
        report = samekey.report(exc)
        name = type(exc).__name__.partition("[")[0]
        return str(report.outcome), name
    assert not paper.steps
    return str(samekey.report(response).outcome), "returned"


ROWS = [
    # history, last, what holds
    ([], answer(200), ("answered", "returned")),
    ([lost()], answer(201), ("answered", "returned")),
    ([answer(500)], answer(200), ("answered", "returned")),
    ([], answer(200, breaks=TORN), ("answered", "AnswerLost")),
    ([answer(200, breaks=TORN)], lost(), ("answered", "AnswerLost")),
    ([answer(200, breaks=TORN)], refused(), ("answered", "AnswerLost")),
    ([answer(200, breaks=TORN)], answer(404), ("answered", "AnswerLost")),
    ([answer(200, breaks=TORN)], answer(503), ("answered", "AnswerLost")),
    ([answer(200, breaks=TORN)], answer(201), ("answered", "returned")),
    ([], answer(409, body=DONE), ("answered", "returned")),
    ([lost()], answer(409, body=DONE), ("answered", "returned")),
    (
        [answer(200, breaks=TORN)],
        answer(409, body=DONE),
        ("answered", "returned"),
    ),
    ([], answer(500, headers=REPLAYED), ("in_doubt", "InDoubt")),
    ([lost()], answer(500, headers=REPLAYED), ("in_doubt", "InDoubt")),
    ([lost()], answer(422), ("in_doubt", "InDoubt")),
    ([lost()], answer(409, body=REUSED), ("in_doubt", "InDoubt")),
    ([answer(500)], answer(400, body=REUSED), ("in_doubt", "InDoubt")),
    ([], answer(422, body=REUSED), ("answered", "KeyReused")),
    ([], answer(409, body=REUSED), ("answered", "KeyReused")),
    ([], answer(400, body=REUSED), ("answered", "KeyReused")),
    ([refused()], answer(422, body=REUSED), ("answered", "KeyReused")),
    ([], answer(422), ("answered", "returned")),
    ([refused()], answer(422), ("answered", "returned")),
    ([], answer(402), ("answered", "returned")),
    ([lost()], answer(402), ("answered", "returned")),
    ([answer(503)], answer(402), ("answered", "returned")),
    ([lost()], answer(404, headers=REPLAYED), ("answered", "returned")),
    ([], answer(425), ("not_executed", "returned")),
    ([], answer(429), ("not_executed", "returned")),
    ([refused()], answer(429), ("not_executed", "returned")),
    ([answer(425)], answer(429), ("not_executed", "returned")),
    ([lost()], answer(429), ("in_doubt", "InDoubt")),
    ([answer(503)], answer(425), ("in_doubt", "InDoubt")),
    ([], answer(404), ("answered", "returned")),
    ([], answer(303), ("answered", "returned")),
    ([], answer(501), ("answered", "returned")),
    ([], answer(505), ("answered", "returned")),
    ([], answer(511), ("answered", "returned")),
    ([], answer(409), ("answered", "returned")),
    ([answer(429)], answer(400), ("answered", "returned")),
    ([], answer(404, breaks=TORN), ("answered", "AnswerLost")),
    ([], answer(429, breaks=TORN), ("not_executed", "NotExecuted")),
    ([lost()], answer(404), ("in_doubt", "InDoubt")),
    ([answer(500)], answer(400), ("in_doubt", "InDoubt")),
    ([answer(408)], answer(404), ("in_doubt", "InDoubt")),
    ([], refused(), ("not_executed", "NotExecuted")),
    ([answer(429)], refused(), ("not_executed", "NotExecuted")),
    ([answer(425), refused()], refused(), ("not_executed", "NotExecuted")),
    ([lost()], refused(), ("in_doubt", "InDoubt")),
    ([answer(404)], refused(), ("in_doubt", "InDoubt")),
    ([], lost(), ("in_doubt", "InDoubt")),
    ([], answer(500), ("in_doubt", "InDoubt")),
    ([], answer(408), ("in_doubt", "InDoubt")),
    ([], answer(600), ("in_doubt", "InDoubt")),
    ([refused()], answer(503), ("in_doubt", "InDoubt")),
]


@pytest.mark.parametrize(("history", "last", "expected"), ROWS)
def test_row(history, last, expected):
    """The first row that fits holds."""
    assert told(*history, last) == expected


DELETES = [
    ([lost()], answer(404), ("answered", "returned")),
    ([answer(503)], answer(410), ("answered", "returned")),
    ([], answer(404), ("answered", "returned")),
    ([lost()], answer(403), ("in_doubt", "InDoubt")),
    ([], lost(), ("in_doubt", "InDoubt")),
    ([], refused(), ("not_executed", "NotExecuted")),
    ([lost()], answer(204), ("answered", "returned")),
]


@pytest.mark.parametrize(("history", "last", "expected"), DELETES)
def test_delete_row(history, last, expected):
    """For a DELETE, gone after doubt is what was wanted."""
    assert told(*history, last, method="DELETE") == expected


def test_put_after_doubt():
    """A PUT that timed out to the end is in doubt, like a POST."""
    assert told(lost(), lost(), method="PUT") == ("in_doubt", "InDoubt")


SAFE = [
    ([], answer(200), ("answered", "returned")),
    ([lost()], answer(404), ("answered", "returned")),
    ([], answer(503), ("not_executed", "returned")),
    ([lost()], answer(429), ("not_executed", "returned")),
    ([], lost(), ("not_executed", "NotExecuted")),
    ([answer(500)], refused(), ("not_executed", "NotExecuted")),
    ([], answer(200, breaks=TORN), ("not_executed", "NotExecuted")),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(("history", "last", "expected"), SAFE)
def test_safe_row(method, history, last, expected):
    """A safe request executes nothing, so its outcome is never in doubt."""
    assert told(*history, last, method=method) == expected


def test_every_row_is_walked():
    """Each row of each table is what holds in one of the cases above."""
    seen = set()
    for method, cases in (("POST", ROWS), ("DELETE", DELETES), ("GET", SAFE)):
        for history, last, _ in cases:
            paper = Paper(*history, last, profile=API)
            policy = samekey.RetryPolicy(
                attempts=len(history) + 1,
                wait=lambda state: 0.0,
                retry=lambda state: True,
            )
            call = paper.open(method, policy=policy)
            try:
                paper.run(call)
            except samekey.SamekeyError:
                pass
            seen.add((method, call.row()))

    assert {row for m, row in seen if m == "POST"} == set(TABLE)
    assert {row for m, row in seen if m == "GET"} == set(SAFE_TABLE)
    assert DELETE_TABLE[0] in {row for m, row in seen if m == "DELETE"}


@pytest.mark.parametrize(
    ("method", "table"),
    [("POST", TABLE), ("PATCH", TABLE), ("PUT", TABLE), ("BREW", TABLE)],
)
def test_table_for(method, table):
    """Methods that are not listed are judged as a POST."""
    assert table_for(method) is table


def _short() -> list[Step]:
    return [
        lost(),
        refused(),
        answer(200, breaks=TORN),
        answer(200),
        answer(404),
        answer(429),
        answer(500),
        answer(402),
    ]


def test_doubt_is_never_told_as_no():
    """After a doubtful attempt nothing reads as "was not executed"."""
    for steps in itertools.product(range(8), repeat=3):
        chosen = [_short()[index] for index in steps]
        doubtful = any(index in {0, 6} for index in steps)
        settled = any(index in {2, 3} for index in steps)
        outcome, how = told(*chosen)

        if doubtful or settled:
            assert outcome != "not_executed", steps
        if settled:
            assert outcome == "answered", steps
        if doubtful and not settled and how == "returned":
            assert steps[-1] == 7, steps


def test_returned_doubt_is_the_last_status():
    """doubt="return" gives back a doubtful last status, and only that."""
    for history, last, (outcome, how) in ROWS:
        again = told(*history, last, returns_doubt=True)
        status = last.status or 0
        doubtful = status == 408 or (
            status >= 500 and status not in {501, 505, 511}
        )

        if how == "InDoubt" and doubtful:
            assert again == ("in_doubt", "returned")
        else:
            assert again == (outcome, how)
