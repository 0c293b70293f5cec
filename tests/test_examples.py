"""
Every example runs as its user runs it, offline, and shows what it says.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys

from pathlib import Path

import pytest


EXAMPLES = Path(__file__).parent.parent / "examples"

SDK = [
    "1. own retries off",
    "requests: 2, keys: 1, runs: 1",
    "2. own retries on, inside samekey.operation",
    "requests: 3, keys: 1, runs: 1",
    "3. own retries on, and nothing else",
    "requests: 3, keys: 2, runs: 2",
    "4. told that there are no keys",
    "not sent again: InDoubt[RemoteProtocolError]",
    "requests: 1, keys: 0, runs: 1",
]
SHOWN = {
    "async_trio.py": ["charges for each order: [1, 1, 1, 1, 1]"],
    "backoff_policy.py": [
        "waited 0.05 s, got 423",
        "waited 0.10 s, got 201",
        "stopped by deadline after 1 attempt",
        "stopped by budget after 1 attempt",
    ],
    "crash_and_resume.py": [
        "the first process dies",
        "  exit status: -9",
        "  in the journal: open",
        "  requests so far: 1",
        "  charges: 1",
        "the next one makes the same call",
        "  201 pay_000001, replayed by: server",
        "  in the journal: answered",
        "  requests so far: 2",
        "  charges: 1",
        "and the next",
        "  201 pay_000001, replayed by: journal",
        "  requests so far: 2",
        "  charges: 1",
        "keys sent: 1",
    ],
    "derived_key.py": [
        "derived by hand, the same: True",
        "charges: 1",
        "requests so far: 2",
        "charges after generation 2: 2",
    ],
    "handle_doubt.py": [
        "outcome: in_doubt",
        "stopped by: attempts",
        "replayed by: server",
        "charges: 1",
        "row 1: in_doubt, left for later",
        "row 1: paid, pay_000001",
        "charges: 1",
    ],
    "observability.py": [
        "logging: POST to 127.0.0.1: attempt 1: RemoteProtocolError,"
        " key …e36510",
        "function: RemoteProtocolError, again in 0.0 s",
        "function: 503, again in 0.0 s",
        "function: answered, server replay",
        "logging: POST to 127.0.0.1: answered after 3 attempt(s), key …e36510",
        "span: POST, ERROR, UNKNOWN",
        "span: POST, ERROR, ANSWERED",
        "span: POST, UNSET, ANSWERED",
        "span: samekey POST, UNSET, answered",
        "metric: samekey_operations_total (answered, generic, POST) 1",
        "metric: samekey_attempts_total (ANSWERED) 2",
        "metric: samekey_replays_total (server) 1",
    ],
    "sdk_anthropic.py": SDK,
    "sdk_openai.py": SDK,
    "sdk_stripe.py": [
        "1. own retries off",
        "requests: 2, keys: 1, charges: 1",
        "2. own retries on",
        "requests: 3, keys: 1, charges: 1",
        "3. called again",
        "requests: 3, keys: 2, charges: 2",
        "4. called again with a key that was passed on",
        "requests: 3, keys: 1, charges: 1",
    ],
    "payments_helper.py": [
        "paid: pay_000001 1050 EUR succeeded",
        "attempts: 2",
        "second click, the same payment: True",
        "another amount for order 1: refused, nothing was sent",
        "order 2: card_declined",
        "refund: in_doubt",
        "resolved: succeeded 50",
        "refunds: 1",
        "run 2: pay_000002 from journal",
        "charges: 2",
    ],
    "wrap_client.py": [
        "attempt 1: UNKNOWN, RemoteProtocolError",
        "attempt 2: ANSWERED, 201",
        "keys sent: 1",
        "charges in the ledger: 1",
    ],
}

# Run by pytest, and how its last line begins.
TESTS = {"test_your_own_code.py": "5 passed in "}

# Warnings of others, that are not ours to mend.
TOLERATED = {
    # stripe hands a form to httpx as a str.
    "sdk_stripe.py": "ignore:Use 'content=:DeprecationWarning",
}

# Python imports a module of this name at its start, if it finds one.
OFFLINE = """
import sys

def watch(event, args):
    if event == "socket.connect" and args[1][0] != "127.0.0.1":
        raise RuntimeError(f"an example must stay offline, got {args[1]}")

sys.addaudithook(watch)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that cannot leave this machine."""
    (tmp_path / "sitecustomize.py").write_text(OFFLINE)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONPATH": str(tmp_path)}


def run(
    *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment,
        timeout=30,
    )


@pytest.mark.parametrize("name", SHOWN)
def test_example_shows_what_it_says(
    name: str, environment: dict[str, str]
) -> None:
    """A reader who runs an example sees what its docstring promises."""
    tolerated = ["-W", TOLERATED[name]] if name in TOLERATED else []

    result = run(*tolerated, str(EXAMPLES / name), environment=environment)

    assert result.stderr == ""
    assert result.returncode == 0
    lines = iter(result.stdout.splitlines())  # `in` takes them in order
    missing = [line for line in SHOWN[name] if line not in lines]
    assert missing == []


@pytest.mark.parametrize("name", TESTS)
def test_example_of_tests_passes(
    name: str, environment: dict[str, str]
) -> None:
    """Tests that a reader may take for a start pass as they are."""
    pytest_is = ("-m", "pytest", "-q", "-p", "no:cacheprovider")

    result = run(*pytest_is, str(EXAMPLES / name), environment=environment)

    assert result.stderr == ""
    assert result.stdout.splitlines()[-1].startswith(TESTS[name])


def test_every_example_is_run() -> None:
    """No example is left out of the tests."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        *SHOWN,
        *TESTS,
    }


@pytest.mark.parametrize("name", [*SHOWN, *TESTS])
def test_example_says_what_you_will_see(name: str) -> None:
    """An example begins with a docstring that says what you will see."""
    tree = ast.parse((EXAMPLES / name).read_text("utf-8"))

    assert "see" in (ast.get_docstring(tree) or "")


def test_examples_cannot_leave_the_machine(
    environment: dict[str, str],
) -> None:
    """The guard that keeps the examples offline is at work."""
    code = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"

    result = run("-c", code, environment=environment)

    assert "an example must stay offline" in result.stderr
