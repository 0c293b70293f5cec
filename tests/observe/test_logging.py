"""Records of attempts and outcomes under the standard library's logging."""

from __future__ import annotations

import logging

import pytest

from observe.support import KEY, SHORT, leaks

from samekey.observe.logging import LoggingHook


@pytest.fixture
def log(caplog):
    """Everything that samekey logs, as it comes."""
    caplog.set_level(logging.DEBUG, "samekey")
    return caplog


def of_the_hook(records):
    return [r for r in records if r.name == "samekey.observe"]


def told(records):
    return [(r.samekey_event, r.levelname) for r in of_the_hook(records)]


def visible(records):
    formatter = logging.Formatter()
    return " ".join(
        text for r in records for text in (formatter.format(r), repr(vars(r)))
    )


def test_attempts_and_answers(play, log):
    """Each attempt and the answer is a record, with its details."""
    play(LoggingHook()).retried()

    assert told(log.records) == [("attempt", "INFO")] * 3 + [
        ("outcome", "INFO")
    ]
    first, second, _, last = of_the_hook(log.records)
    assert first.getMessage() == (
        "POST to api.example.com: attempt 1: ReadTimeout, key …abcdef"
    )
    assert (first.samekey_verdict, first.samekey_status) == ("UNKNOWN", None)
    assert first.samekey_elapsed == 3.0
    assert second.getMessage() == (
        "POST to api.example.com: attempt 2: status 503, key …abcdef"
    )
    assert last.getMessage() == (
        "POST to api.example.com: answered after 3 attempt(s), key …abcdef"
    )
    assert (last.samekey_outcome, last.samekey_attempts) == ("answered", 3)
    assert (last.samekey_status, last.samekey_error) == (201, None)
    assert last.samekey_elapsed > 5.0
    assert last.samekey_profile == "generic"


def test_nothing_is_logged_twice(play, log):
    """Retries and give-ups are left to the library's own records."""
    run = play(LoggingHook())

    run.retried()
    run.doubted()
    run.rate_limited()
    run.unreached()

    events = [r.samekey_event for r in log.records if r.name == "samekey"]
    assert events == ["retry"] * 2 + ["give_up"] * 3
    assert [event for event, _ in told(log.records)] == [
        *["attempt"] * 3,
        "outcome",
        *["attempt"] * 3,
    ]


def test_every_call_ends_with_one_record(play, log):
    """Answer, give-up, refusal or interrupt: one record of the end each."""
    run = play(LoggingHook())
    for end in (
        run.retried,
        run.doubted,
        run.replayed,
        run.declined,
        run.unreached,
        run.rate_limited,
        run.interrupted,
    ):
        log.clear()

        end()

        ends = [
            r for r in log.records if r.samekey_event in {"give_up", "outcome"}
        ]
        assert len(ends) == 1


def test_trouble_is_a_warning(play, log):
    """What the library does not warn of, and should be seen, is a warning."""
    run = play(LoggingHook())

    run.interrupted()
    run.changed()

    outcomes = [
        r for r in of_the_hook(log.records) if r.samekey_event == "outcome"
    ]
    assert [(r.levelname, r.samekey_error) for r in outcomes] == [
        ("WARNING", "KeyboardInterrupt"),
        ("INFO", None),
        ("WARNING", "OperationChanged"),
    ]
    assert "in_doubt, KeyboardInterrupt after 1" in outcomes[0].getMessage()


def test_repeat(play, caplog):
    """A logger of your own can have retries, polls and give-ups as well."""
    mine = logging.getLogger("shop.payments")
    caplog.set_level(logging.INFO, "shop.payments")
    run = play(LoggingHook(mine, repeat=True))

    run.polled()
    run.doubted()
    run.rate_limited()

    own = [r for r in caplog.records if r.name == "shop.payments"]
    retries = [r for r in own if r.samekey_event == "retry"]
    assert "will be sent again in " in retries[0].getMessage()
    assert "will be asked again in 2.00 s" in retries[1].getMessage()
    assert (retries[1].samekey_poll, retries[1].samekey_wait) == (True, 2.0)
    ends = [r for r in own if r.samekey_event == "outcome"]
    assert [(r.samekey_outcome, r.samekey_reason) for r in ends] == [
        ("answered", None),
        ("in_doubt", "budget"),
        ("not_executed", "attempts"),
    ]
    assert [r.levelname for r in ends] == ["INFO", "WARNING", "WARNING"]


def test_level(play, log):
    """Records have the level that is asked for, and trouble is never lower."""
    run = play(LoggingHook(level=logging.DEBUG))
    run.retried()
    run.interrupted()

    assert [level for _, level in told(log.records)] == [
        *["DEBUG"] * 4,
        "DEBUG",
        "WARNING",
    ]


def test_what_is_not_enabled_is_not_made(play, caplog):
    """A logger that is not enabled for them gets no records."""
    caplog.set_level(logging.WARNING, "samekey")
    play(LoggingHook()).retried()

    assert of_the_hook(caplog.records) == []


def test_a_level_by_name_is_refused():
    """A level is a number, as the standard library's constants are."""
    with pytest.raises(
        TypeError,
        match=r"^level must be a number, such as logging\.INFO, got 'INFO'$",
    ):
        LoggingHook(level="INFO")


def test_no_secrets(play, log):
    """No record shows a body, a header, a path, an id or a whole key."""
    play(LoggingHook(repeat=True)).everything()

    own = of_the_hook(log.records)
    assert len(own) > 20
    assert leaks(visible(own)) == []


def test_operation_ids(play, log):
    """Operation ids are shown only if that is asked for."""
    play(LoggingHook(operation_ids=True)).everything()

    own = of_the_hook(log.records)
    ids = {getattr(r, "samekey_operation", None) for r in own}
    assert ids == {None, "jane@example.com/17", "jane@example.com", "a"}
    assert leaks(visible(own), ["jane@example.com"]) == []
    assert KEY not in visible(own)
    assert SHORT not in visible(own)


def test_odd_values(play, log):
    """Whatever an event holds, it is logged."""
    play(LoggingHook(repeat=True, operation_ids=True)).odd()

    assert len(of_the_hook(log.records)) == 48
    assert visible(log.records)
