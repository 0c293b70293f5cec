"""Each back end is imported only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest


BACK_ENDS = {
    "logging": set(),
    "structlog": {"structlog"},
    "opentelemetry": {"opentelemetry"},
    "prometheus": {"prometheus_client"},
}
FOREIGN = {"structlog", "opentelemetry", "prometheus_client"}


def loaded_by(code):
    """Give the foreign packages that *code* loads, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()} & FOREIGN


def test_the_package_loads_none():
    """`samekey.observe` itself needs no extra."""
    code = "import samekey\nsamekey.observe\nimport samekey.observe._facts"

    assert loaded_by(code) == set()


@pytest.mark.parametrize("name", BACK_ENDS)
def test_each_loads_its_own(name):
    """A back end loads what it serves, and no other."""
    assert loaded_by(f"import samekey.observe.{name}") == BACK_ENDS[name]


def test_opentelemetry_needs_the_api_only():
    """The SDK is the application's to choose."""
    code = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "import samekey.observe.opentelemetry as own\n"
        "own.OpenTelemetryHook()"
    )

    assert loaded_by(code) == {"opentelemetry"}
