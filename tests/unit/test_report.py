"""A report tells all that is known, and shows no secret."""

import copy
import hashlib
import json
import pickle
import re
import typing

import attrs
import pytest

from samekey._notes import note, passing_note
from samekey._report import Attempt, Outcome, Report, Verdict, key_hint
from samekey.errors import AnswerLost, InDoubt, NotExecuted, Reason


KEY = "4b6d9504-481c-4e0a-9dd5-78c18905095e"
LOST = Attempt(
    number=1,
    verdict=Verdict.UNKNOWN,
    error="ReadTimeout",
    started=1_800_000_000.0,
    elapsed=5.0,
)
GOOD = Attempt(
    number=2,
    verdict=Verdict.ANSWERED,
    status=201,
    started=1_800_000_006.0,
    elapsed=0.5,
    waited=1.0,
)
REPORT = Report(
    key=KEY,
    operation=("order", 123),
    outcome=Outcome.ANSWERED,
    attempts=(LOST, GOOD),
    replayed="server",
)


class TestKeyHint:
    @pytest.mark.parametrize(
        ("key", "hint"),
        [
            (None, "none"),
            (KEY, "\u202605095e"),
            ("abcdefghijklmnopqrst", "\u2026opqrst"),
            ("abcdefghijklmnopqrs", "#e250f8"),
            ("1", "#6b86b2"),
        ],
    )
    def test_hint(self, key, hint):
        """A long key shows its tail, and a short one a hash."""
        assert hint == key_hint(key)

    def test_hash(self):
        """The hash of a short key can be made by hand, to find it in a log."""
        digest = hashlib.sha256(b"order-123").hexdigest()

        assert "#" + digest[:6] == key_hint("order-123")


class TestReport:
    def test_defaults(self):
        """A report that is just begun says that nothing is known."""
        report = Report(key=None, outcome=Outcome.OPEN)

        assert (None, 1, (), None) == (
            report.operation,
            report.generation,
            report.attempts,
            report.replayed,
        )

    def test_repr(self):
        """A report that is logged shows neither the key nor the id."""
        shown = repr(REPORT)

        assert shown.startswith(
            "Report(key=\u202605095e, generation=1, outcome="
        )
        assert KEY[:-6] not in shown
        assert "order" not in shown
        assert "error='ReadTimeout'" in shown

    def test_words(self):
        """Outcomes and verdicts are the words of the documentation."""
        words = [f"{word}" for word in (*Outcome, *Verdict)]

        assert [
            *("answered", "not_executed", "in_doubt", "open"),
            *("NOT_SENT", "UNKNOWN", "ANSWERED"),
        ] == words

    def test_json(self):
        """A report can be logged as JSON."""
        told = json.loads(json.dumps(attrs.asdict(REPORT)))

        assert "answered" == told["outcome"]
        assert ["UNKNOWN", "ANSWERED"] == [
            attempt["verdict"] for attempt in told["attempts"]
        ]

    @pytest.mark.parametrize(
        "change", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
    )
    def test_copied(self, change):
        """A report comes through pickling whole, key and id included."""
        report = change(REPORT)

        assert REPORT == report
        assert (KEY, ("order", 123)) == (report.key, report.operation)

    @pytest.mark.parametrize("value", [REPORT, GOOD])
    def test_frozen(self, value):
        """What was reported cannot be changed."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            value.outcome = Outcome.OPEN

    def test_attempt(self):
        """An attempt without an answer has no status, and its error's name."""
        assert (None, "ReadTimeout", 0.0) == (
            LOST.status,
            LOST.error,
            LOST.waited,
        )


class TestNote:
    def test_whole(self):
        """A note says what happened, why it stopped and what to do next."""
        text = note(
            InDoubt, attrs.evolve(REPORT, outcome="in_doubt"), "budget"
        )

        assert (
            "samekey: in_doubt after 2 attempts in 6.50 s, key \u202605095e;"
            " stopped because the retry budget of this host was empty. Keep"
            " the key: ask the API what became of it, or resume later under"
            " the same key; do not start it anew."
        ) == text

    @pytest.mark.parametrize("reason", typing.get_args(Reason))
    def test_reasons(self, reason):
        """There are words for every reason."""
        text = note(InDoubt, REPORT, reason)

        assert re.search(r"; stopped because [a-z][^.;]{15,}\. Keep ", text)

    @pytest.mark.parametrize(
        ("cls", "key", "named", "step"),
        [
            (InDoubt, KEY, True, "Keep the key: ask the API .* anew."),
            (InDoubt, None, False, "Ask the API .* before you send it again."),
            (NotExecuted, KEY, False, "It was not executed: .* or drop it."),
            (NotExecuted, KEY, True, "This client did not execute it: .*"),
            (AnswerLost, KEY, False, r"It took effect: client\.resume.*"),
        ],
    )
    def test_next_step(self, cls, key, named, step):
        """The next step depends on what is known, and by whom."""
        report = attrs.evolve(REPORT, key=key, attempts=(LOST,))

        text = note(cls, report, "attempts", named=named)

        assert re.fullmatch(
            rf"samekey: .* after 1 attempt in 5\.00 s, .* used\. {step}", text
        )

    @pytest.mark.parametrize(
        ("asked", "why"),
        [
            (0.0, "the deadline left no time for another attempt"),
            (0.5, "the server asked to wait 0.5 s, past the deadline"),
            (90.0, "the server asked to wait 90 s, past the deadline"),
            (1e6, "the server asked to wait 1000000 s, past the deadline"),
        ],
    )
    def test_asked(self, asked, why):
        """A wait that did not fit the deadline is told."""
        text = note(InDoubt, REPORT, "deadline", asked=asked)

        assert f"; stopped because {why}. " in text

    def test_asked_for_nothing(self):
        """What the server asked for is told only where it was why."""
        asked = note(InDoubt, REPORT, "attempts", asked=90.0)
        silent = note(NotExecuted, REPORT, "deadline")

        assert "; stopped because all attempts were used. Keep " in asked
        assert " for another attempt. It was not executed: " in silent

    def test_passing(self):
        """An error that is not ours says where the rest is told."""
        text = passing_note(REPORT)

        assert (
            "samekey: answered after 2 attempt(s), key \u202605095e;"
            " samekey.report(exc) tells the rest."
        ) == text
