"""Every fault, at every point of every attempt: what is wrong is found."""

from __future__ import annotations

import subprocess
import sys
import time

import httpx
import planted
import pytest

import samekey

from samekey.testing import (
    FAULTS,
    Answer,
    Fault,
    FaultFound,
    IdempotentTransport,
    explore,
    replay,
)


RIGHT = [
    planted.pay,
    planted.apay,
    planted.pay_at_a_time,
    planted.two_steps,
    planted.returns_status,
    planted.returns_outcome,
]

WRONG = [
    (planted.key_in_the_loop, "doubled", (Fault.lose_answer(),)),
    (planted.akey_in_the_loop, "doubled", (Fault.lose_answer(),)),
    (
        planted.last_error_counts,
        "denied",
        (Fault.lose_answer(), Fault.refuse(), Fault.refuse()),
    ),
    (planted.no_key, "doubled", (Fault.lose_answer(),)),
    (planted.nonce_in_the_loop, "doubled", (Fault.lose_answer(),)),
    (planted.one_key_for_two, "key_reused", ()),
    (planted.one_key_for_two_amounts, "key_reused", ()),
    (planted.doubt_is_failure, "denied", (Fault.lose_answer(),) * 4),
    (planted.doubt_is_another_error, "denied", (Fault.lose_answer(),) * 4),
    (planted.doubt_is_success, "lost", (Fault.lose_request(),) * 4),
    (planted.breaks, "broken", ()),
]


@pytest.mark.parametrize("call", RIGHT)
def test_what_is_right_passes(call):
    """A function that keeps its key and tells its doubt is left alone."""
    explored = explore(call)

    assert explored.complete
    assert explored.runs > 400
    assert explored.requests > explored.runs


@pytest.mark.parametrize(("call", "kind", "faults"), WRONG)
def test_what_is_wrong_is_found(call, kind, faults):
    """A planted bug is found in under 5 s, by the shortest schedule."""
    began = time.perf_counter()

    with pytest.raises(FaultFound) as caught:
        explore(call)

    assert time.perf_counter() - began < 5
    assert caught.value.kind == kind
    assert caught.value.faults == faults
    assert caught.value.runs >= 2


@pytest.mark.parametrize(
    "call", [planted.key_in_the_loop, planted.doubt_is_failure]
)
def test_the_script_replays_it(call, tmp_path):
    """The message ends with a program that runs, and shows the fault again."""
    with pytest.raises(FaultFound) as caught:
        explore(call)
    script = caught.value.script
    path = tmp_path / "replays.py"
    path.write_text(script, "utf-8")

    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )

    assert done.returncode == 1
    assert f"({caught.value.kind})" in done.stderr
    assert "FaultFound: " in done.stderr
    shown = [f"    {line}".rstrip() for line in script.splitlines()]
    assert "\n".join(shown) in str(caught.value)


def test_the_message_shows_the_attempts():
    """Who reads the message sees what was sent, and what became of it."""
    with pytest.raises(FaultFound) as caught:
        explore(planted.new_key_once, faults=[Fault.lose_answer()])

    lines = str(caught.value).splitlines()
    assert lines[:7] == [
        "new_key_once is not safe (doubled): it was executed twice; once is"
        " right.",
        "",
        "  1. POST /payments key #ca9781 -> RemoteProtocolError (executed,"
        " Fault.lose_answer())",
        "  2. POST /payments key #3e23e8 -> 201 (executed)",
        "  In the end it returned Response.",
        "",
        "This program replays it:",
    ]
    assert lines[-1] == "    replay(new_key_once, [Fault.lose_answer()])"


def test_a_second_key_is_found_though_nothing_was_doubled():
    """Where no schedule doubles, a second key in doubt is told at the end."""
    with pytest.raises(FaultFound) as caught:
        explore(planted.new_key_once, faults=[Fault.lose_request()])

    assert caught.value.kind == "two_keys"
    assert caught.value.faults == (Fault.lose_request(),)
    assert "raised RemoteProtocolError" not in str(caught.value)


def test_a_new_key_after_a_refusal_is_right():
    """What was certainly not sent may be sent under another key."""
    assert explore(planted.new_key_once, faults=[Fault.refuse()]).complete


def test_trio_runs_async_functions(monkeypatch):
    """An async function can be run by trio, and the script says so."""
    faults = [Fault.lose_answer(), Fault.lose_request()]

    assert explore(planted.apay, faults=faults, backend="trio").complete
    with pytest.raises(FaultFound) as caught:
        explore(planted.akey_in_the_loop, faults=faults, backend="trio")

    assert caught.value.script.endswith(
        'replay(akey_in_the_loop, [Fault.lose_answer()], backend="trio")\n'
    )


def test_told_says_what_a_result_means():
    """Where False means doubt, a test says so, and nothing is wrong."""
    assert explore(
        planted.doubt_is_failure, told=planted.in_words, attempts=1
    ).complete


def test_told_must_be_one_of_three():
    """A word that is none of the three is refused."""
    with pytest.raises(ValueError, match=r"^'fine' is not a valid Told$"):
        explore(planted.pay, told=lambda found: "fine")


def answering(received):
    """Answer as another API would."""
    return Answer(200, body=b'{"ok": true}')


def test_a_handler_answers_in_place_of_the_default():
    """A function that reads the answer gets the one that it expects."""

    def call(transport):
        assert planted.pay(transport) == {"ok": True}

    assert explore(call, handler=answering, attempts=1).complete


def test_the_script_says_what_it_cannot_find():
    """A closure cannot be imported, so the script leaves a place for it."""

    def call(transport):
        return planted.key_in_the_loop(transport)

    with pytest.raises(FaultFound) as caught:
        explore(call, handler=answering, told=lambda found: "done")

    assert caught.value.script == (
        "import runpy\n"
        "\n"
        "from samekey.testing import Fault, replay\n"
        "\n"
        "call = ...  # test_the_script_says_what_it_cannot_find.<locals>.call:"
        " put it here\n"
        f'answering = runpy.run_path("{__file__}")["answering"]\n'
        "told = ...  # test_the_script_says_what_it_cannot_find.<locals>."
        "<lambda>: put it here\n"
        "replay(call, [Fault.lose_answer()], handler=answering, told=told)\n"
    )


def test_replay_runs_one_schedule():
    """A schedule that was found is run again by itself."""
    faults = [Fault.lose_answer()]

    with pytest.raises(FaultFound) as caught:
        replay(planted.key_in_the_loop, faults)
    assert caught.value.kind == "doubled"
    assert caught.value.runs == 3

    explored = replay(planted.pay, faults)
    assert (explored.runs, explored.requests) == (3, 4)


def test_the_log_is_silent_meanwhile(caplog, samekey_no_wait):
    """What hundreds of runs have to say is not logged; later calls are."""
    caplog.set_level("INFO", "samekey")
    planted.pay(IdempotentTransport(faults=[Fault.refuse()]))
    spoken = len(caplog.records)

    explore(planted.pay)

    assert len(caplog.records) == spoken > 0
    planted.pay(IdempotentTransport(faults=[Fault.refuse()]))
    assert len(caplog.records) == 2 * spoken


def test_a_bound_ends_it():
    """An exploration stops at its bound, and says that it is not complete."""
    explored = explore(planted.pay, bound=10)

    assert not explored.complete
    assert explored.runs == 10


def test_each_schedule_is_tried_once():
    """No schedule is tried twice."""
    seen = []

    def call(transport):
        try:
            planted.pay(transport)
        finally:
            seen.append([each.fault for each in transport.exchanges])

    faults = [Fault.lose_answer(), Fault.lose_request()]
    explored = explore(call, faults=faults, attempts=3)

    # Two without a fault; 2 + 4 + 8 with one to three; 2 for ever, and 2 for
    # ever after another.
    assert explored.runs == len(seen) == 2 + 14 + 4
    assert len({str(each) for each in seen}) == len(seen) - 1


@pytest.mark.parametrize(
    ("options", "name"),
    [({"attempts": 0}, "attempts"), ({"bound": 0}, "bound")],
)
def test_limits_are_at_least_one(options, name):
    """Less than one of anything shows nothing."""
    with pytest.raises(
        ValueError, match=rf"^{name} must be at least 1, got 0$"
    ):
        explore(planted.pay, **options)


def test_what_executes_nothing_shows_nothing():
    """A function that sends past the transport would pass for no reason."""
    with pytest.raises(
        ValueError,
        match=r"^call must execute something through the transport that it is"
        r" given, got 1 requests that execute nothing$",
    ):
        explore(planted.only_reads)


def test_what_is_stored_must_be_new(tmp_path):
    """A function that remembers its first run has nothing left to show."""

    def call(transport):
        with samekey.Client(
            base_url=planted.URL,
            transport=transport,
            journal=tmp_path / "journal.db",
        ) as client:
            client.post("/payments", operation="order-1")

    with pytest.raises(
        ValueError,
        match=r"^call must do the same each time, but executed 1, then 0;",
    ):
        explore(call)


def test_a_transport_of_samekey_passes():
    """The transport door is explored like the client's."""

    def call(transport):
        below = samekey.Transport(transport)
        with httpx.Client(base_url=planted.URL, transport=below) as client:
            return client.post("/payments", json=planted.PAYMENT)

    assert explore(call).complete


def test_what_fails_by_itself_is_broken():
    """A function that says failed without a fault cannot be explored."""
    with pytest.raises(FaultFound) as caught:
        explore(planted.returns_status, handler=declining)

    assert caught.value.kind == "broken"
    assert "(broken): it says failed though nothing failed." in str(
        caught.value
    )


def test_a_handler_that_raises_is_a_mistake_of_the_test():
    """What the test's own handler raises is shown as it is."""

    def handler(received):
        raise KeyError(received.method)

    with pytest.raises(KeyError, match=r"^'POST'$"):
        explore(planted.pay, handler=handler)


def declining(received):
    """Answer that the card is declined."""
    return Answer(402)


def test_the_usual_faults_go_both_ways():
    """By default it is tried before and after execution."""
    assert {fault.after_execution for fault in FAULTS} == {True, False}
