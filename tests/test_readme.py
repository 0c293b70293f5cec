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
from sybil.parsers.markdown import PythonCodeBlockParser


README = Path(__file__).parent.parent / "README.md"
FENCE = re.compile(r"^```python$", re.MULTILINE)
TITLE = re.compile(r"^## (.+)$", re.MULTILINE)

SYBIL = Sybil(parsers=[PythonCodeBlockParser()])


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
def test_section_runs(title: str, stack: contextlib.ExitStack) -> None:
    """What the README shows works as it is written, without other sections."""
    examples = sections()[title]
    namespace = examples[0].namespace
    namespace["stack"] = stack

    for example in examples:
        example.evaluate()
        for value in list(namespace.values()):
            if callable(close := getattr(value, "close", None)):
                stack.callback(close)


def test_no_block_is_left_out() -> None:
    """Each Python fence of the README is one that runs."""
    text = README.read_text("utf-8")
    visible = [
        example
        for examples in sections().values()
        for example in examples
        if text.startswith("```", example.start)
    ]

    assert len(visible) == len(FENCE.findall(text)) > 0


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_no_promise_that_a_client_cannot_keep(name: str) -> None:
    """No client can promise that a thing happens once; none is made here."""
    text = " ".join((README.parent / name).read_text("utf-8").split())

    assert "exactly once" not in text.lower()
    assert "exactly-once" not in text.lower()
