"""A process that is killed at any step loses, doubles and renames nothing."""

import json
import os
import subprocess
import sys

from pathlib import Path

import pytest


EVERY_KILL = Path(__file__).parent / "every_kill.py"

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="its children are forked"
)


def kill(*options):
    """Run the harness; give its exit code and its figures."""
    done = subprocess.run(
        [sys.executable, EVERY_KILL, "--json", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_killed():
    """Whatever step it dies at, each operation is paid once, by one key."""
    code, told, errors = kill("--every", "8")

    assert (0, "") == (code, errors)
    assert 5 == len(told)
    for scenario, figures in told.items():
        assert figures["kills"] >= 6, scenario
        found = [
            figures[each] for each in ("two keys", "twice", "lost", "errors")
        ]
        assert [0] * 4 == found, scenario


def test_planted():
    """A journal that records after it has sent would not get away with it."""
    code, told, _ = kill("--every", "8", "--planted")

    assert 1 == code
    assert told["claims"]["two keys"] > 0
    assert told["claims"]["twice"] > 0
    assert told["first use"]["two keys"] > 0
    assert told["tasks"]["two keys"] > 0
