"""Events for structlog."""

from __future__ import annotations

import structlog

from observe.support import leaks
from structlog.testing import CapturingLogger, capture_logs

from samekey.observe.structlog import StructlogHook


def test_a_call(play):
    """Each attempt, retry and outcome is an event with what is known."""
    with capture_logs() as logs:
        play(StructlogHook()).retried()

    assert [(log["event"], log["log_level"]) for log in logs] == [
        ("samekey.attempt", "debug"),
        ("samekey.retry", "info"),
        ("samekey.attempt", "debug"),
        ("samekey.retry", "info"),
        ("samekey.attempt", "debug"),
        ("samekey.outcome", "info"),
    ]
    about = {
        "key": "…abcdef",
        "method": "POST",
        "host": "api.example.com",
        "profile": "generic",
    }
    assert logs[0] == {
        **about,
        "event": "samekey.attempt",
        "log_level": "debug",
        "attempt": 1,
        "verdict": "UNKNOWN",
        "status": None,
        "error": "ReadTimeout",
        "elapsed": 3.0,
    }
    assert logs[1]["wait"] > 0
    assert logs[1]["poll"] is False
    elapsed = logs[-1].pop("elapsed")
    assert elapsed > 5.0
    assert logs[-1] == {
        **about,
        "event": "samekey.outcome",
        "log_level": "info",
        "outcome": "answered",
        "reason": None,
        "error": None,
        "attempts": 3,
        "status": 201,
        "replayed": None,
    }


def test_trouble_is_a_warning(play):
    """An outcome that settles nothing, or is raised, is a warning."""
    with capture_logs() as logs:
        run = play(StructlogHook())
        run.doubted()
        run.rate_limited()
        run.declined()
        run.interrupted()

    outcomes = [log for log in logs if log["event"] == "samekey.outcome"]
    assert [
        (log["log_level"], log["outcome"], log["reason"], log["error"])
        for log in outcomes
    ] == [
        ("warning", "in_doubt", "budget", "InDoubt"),
        ("warning", "not_executed", "attempts", None),
        ("info", "answered", "status", None),
        ("warning", "in_doubt", None, "KeyboardInterrupt"),
    ]


def test_a_logger_of_your_own(play):
    """Events go to the logger that is given, with what is bound to it."""
    inner = CapturingLogger()
    mine = structlog.wrap_logger(inner, processors=[lambda _, __, e: e])

    play(StructlogHook(mine.bind(shop="live"))).replayed()

    assert {call.kwargs["shop"] for call in inner.calls} == {"live"}
    assert inner.calls[-1].kwargs["replayed"] == "server"


def test_no_secrets(play):
    """No event shows a body, a header, a path, an id or a whole key."""
    with capture_logs() as logs:
        play(StructlogHook()).everything()

    assert len(logs) > 20
    assert leaks(repr(logs)) == []


def test_operation_ids(play):
    """Operation ids are shown only if that is asked for."""
    with capture_logs() as logs:
        play(StructlogHook(operation_ids=True)).everything()

    assert {log["operation"] for log in logs} == {
        None,
        "jane@example.com/17",
        "jane@example.com",
        "a",
    }
    assert leaks(repr(logs), ["jane@example.com"]) == []


def test_odd_values(play):
    """Whatever an event holds, it is logged."""
    with capture_logs() as logs:
        play(StructlogHook(operation_ids=True)).odd()

    assert len(logs) == 48
