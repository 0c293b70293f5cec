"""
Every code block of the README runs, a section at a time.

Most sections begin with a block that the reader does not see. It starts a
server, and makes the names that the visible blocks use.
"""

from __future__ import annotations

import contextlib
import re

from collections.abc import Iterator
from pathlib import Path

import pytest

from sybil import Sybil
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from samekey import profiles
from samekey._profile_words import duration


README = Path(__file__).parent.parent / "README.md"
FENCE = re.compile(r"^```(python|toml)$", re.MULTILINE)
TITLE = re.compile(r"^## (.+)$", re.MULTILINE)


def save(example: Example) -> None:
    """Save a TOML file under the name in its first line."""
    text = str(example.parsed)
    name = text.partition("\n")[0].removeprefix("# ")
    Path(name).write_text(text, "utf-8")


SYBIL = Sybil(parsers=[PythonCodeBlockParser(), CodeBlockParser("toml", save)])


def sections() -> dict[str, list[Example]]:
    """Read the README's blocks anew, by the title that they stand under."""
    document = SYBIL.parse(README)
    titles = list(TITLE.finditer(document.text))
    found: dict[str, list[Example]] = {}
    for example in document.examples():
        title = [t[1] for t in titles if t.start() < example.start][-1]
        found.setdefault(title, []).append(example)
    return found


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What a section has opened, to be closed after it."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("title", sections())
def test_section_runs(
    title: str,
    stack: contextlib.ExitStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the README shows works as it is written, without other sections."""
    monkeypatch.chdir(tmp_path)
    examples = sections()[title]
    namespace = examples[0].namespace
    namespace["stack"] = stack

    for example in examples:
        example.evaluate()
        for value in list(namespace.values()):
            close = getattr(value, "close", None)
            if callable(close) and not isinstance(value, type):
                stack.callback(close)


def test_no_block_is_left_out() -> None:
    """Each fence of Python or TOML in the README is one that runs."""
    text = README.read_text("utf-8")
    visible = [
        example
        for examples in sections().values()
        for example in examples
        if text.startswith("```", example.start)
    ]

    assert len(visible) == len(FENCE.findall(text)) > 0


AFTER_5XX = {
    None: "?",
    "replays": "the same error again",
    "executes": "executes anew",
    "resumes": "resumes the work",
}


def test_table_of_profiles_is_what_they_say() -> None:
    """The README's table of ten APIs says what the profiles say."""
    text = README.read_text("utf-8")
    head = "| API | where the key goes |"
    table = text[text.index(head) :].partition("\n\n")[0].splitlines()[2:]
    shown = [[c.strip() for c in row.split("|")[1:-1]] for row in table]

    told = {one.title: one for one in profiles.shipped()}
    assert len(shown) == 10
    for title, place, kept, after, busy in shown:
        profile = told[title]
        at = profile.placement
        where = f"`{at.name}`" if at.kind == "header" else f"`{at.pointer}`"
        assert place.removeprefix("JSON ") == where
        assert place.startswith("JSON") == (at.kind == "json")
        assert kept == duration(profile.retention.seconds)
        assert after == AFTER_5XX[profile.after_5xx]
        answers = profile.in_flight or ()
        assert re.findall(r"\d{3}(?!`)", busy) == [
            str(one.status) for one in answers
        ]
        assert set(re.findall(r"`(.+)`", busy)) == {
            one.code for one in answers if one.code
        }


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_no_promise_that_a_client_cannot_keep(name: str) -> None:
    """No client can promise that a thing happens once; none is made here."""
    text = " ".join((README.parent / name).read_text("utf-8").split())

    assert "exactly once" not in text.lower()
    assert "exactly-once" not in text.lower()
