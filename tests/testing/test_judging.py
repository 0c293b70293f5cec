"""What a caller was told, and how faults are spelled."""

from __future__ import annotations

import functools

import httpx
import planted
import pytest

import samekey

from samekey.testing import FakeClock, Fault, stand_in
from samekey.testing._spelling import find, spell
from samekey.testing._told import told


REQUEST = httpx.Request("POST", "https://api.example.com")


def status_error(status: int) -> httpx.HTTPStatusError:
    response = httpx.Response(status, request=REQUEST)
    return httpx.HTTPStatusError("", request=REQUEST, response=response)


def report(outcome: samekey.Outcome) -> samekey.Report:
    return samekey.Report(key="a", outcome=outcome)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (1, "done"),
        (0, "failed"),
        ("in_doubt", "in_doubt"),
        (samekey.Outcome.NOT_EXECUTED, "failed"),
        (report(samekey.Outcome.IN_DOUBT), "in_doubt"),
        (report(samekey.Outcome.ANSWERED), "done"),
        (httpx.Response(201), "done"),
        (httpx.Response(402), "failed"),
        (httpx.Response(408), "in_doubt"),
        (httpx.Response(503), "in_doubt"),
        (status_error(402), "failed"),
        (status_error(503), "in_doubt"),
        (httpx.ReadTimeout(""), "in_doubt"),
        (httpx.ConnectError(""), "failed"),
        (ValueError(), "failed"),
        (
            ExceptionGroup("", [ValueError(), httpx.ReadTimeout("")]),
            "in_doubt",
        ),
        (ExceptionGroup("", [ValueError(), KeyError()]), "failed"),
        (samekey.InvalidKey(), "failed"),
    ],
)
def test_what_is_told(found, expected):
    """A result or an error says done, failed or in doubt."""
    assert told(found, right=1) == expected


def test_a_result_that_is_the_same_each_time():
    """Where a result is always the same, another one is a failure."""
    assert told("paid", "paid", steady=True) == "done"
    assert told("declined", "paid", steady=True) == "failed"


def test_a_lost_answer_is_done():
    """One operation is settled, but of the whole nothing is claimed."""
    with stand_in(FakeClock()), pytest.raises(samekey.AnswerLost) as caught:
        planted.pay(lost_answer())

    assert told(caught.value) == "in_doubt"


def lost_answer():
    return httpx.MockTransport(
        lambda request: httpx.Response(201, stream=Broken())
    )


class Broken(httpx.SyncByteStream):
    def __iter__(self):
        yield b"{"
        raise httpx.ReadError("")


SPELLED = [
    "Fault.refuse()",
    "Fault.refuse(reset=True)",
    "Fault.lose_request()",
    "Fault.lose_answer(reset=True)",
    "Fault.stall()",
    "Fault.stall(2.0, executed=True)",
    "Fault.slow(1.5)",
    "Fault.cut(10)",
    "Fault.cut(3, reset=True)",
    "Fault.cut(3, stall=True)",
    "Fault.status(503)",
    "Fault.status(503, executed=True)",
    "Fault.status(429, headers=(('Retry-After', '3'),), body=b'{}')",
    "Fault.raw(b'?', end='reset')",
    "Fault.raw(b'?', executed=False, end='close')",
    "Fault.drip(0.1)",
    "Fault.drip(0.2, executed=False)",
    "None",
]


@pytest.mark.parametrize("text", SPELLED)
def test_a_fault_is_spelled_as_it_is_made(text):
    """What a script says makes the very fault again."""
    fault = eval(text)

    assert spell(fault) == text


def test_what_a_script_can_find():
    """A function of a package is imported; what has no name is not found."""
    found = find(httpx.get)

    assert found is not None
    root, line = found.line.splitlines()
    assert root.startswith('sys.path.insert(0, "/')
    assert line == "from httpx._api import get"
    assert find(functools.partial(planted.pay)) is None
    assert find(planted.URL.upper) is None
    assert find(Fault.refuse) is None
