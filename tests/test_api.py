"""The promise, the layers, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys

from pathlib import Path

import pytest

import samekey
import samekey.errors
import samekey.httpx2
import samekey.testing


ROOT = Path(samekey.__file__).parent

# A module imports only modules above it; a package counts as one.
LAYERS = [
    "_time",
    "_report",
    "errors",
    "hooks",
    "_parts",
    "keys",
    "stores",
    "_pointer",
    "_fingerprint",
    "_names",
    "_library",
    "_copying",
    "_headers",
    "profiles",
    "_slots",
    "_policy",
    "_message",
    "_kept_json",
    "_redaction",
    "_kept",
    "_intent",
    "_owner",
    "_journal_arguments",
    "_journal_parts",
    "_book",
    "journal",
    "_budget",
    "_notes",
    "_verdict",
    "_outcome",
    "_hints",
    "_waits",
    "_strategies",
    "_memory",
    "_watchdog",
    "_fork_guard",
    "_arguments",
    "_terms",
    "_pristine",
    "_call",
    "_placing",
    "_verifying",
    "_admission",
    "_wire",
    "_redirects",
    "_log",
    "_telling",
    "_retained",
    "_ending",
    "_limits",
    "_one_shot",
    "_streams",
    "_unkept",
    "_threads",
    "_gathering",
    "_reading",
    "_claiming",
    "_recording",
    "_journaling",
    "_together",
    "_effects",
    "_letting_go",
    "_understanding",
    "_preparing",
    "_next",
    "_straight",
    "_engine",
    "_recovery",
    "_recovering",
    "_handing",
    "_body",
    "_drivers",
    "_async_drivers",
    "_ambient",
    "_door",
    "_client",
    "_verbs",
    "_mixins",
    "_transport",
    "_httpx",
    "httpx2",
    "_wrap",
    "observe",
    "payments",
    "testing",
    "_demo",
    "_profile_words",
    "_shown_profiles",
    "_journal_disk",
    "_journal_doctor",
    "_shown_journal",
    "_journal_json",
    "_journal_opened",
    "_header_options",
    "_recover_cli",
    "_journal_cli",
    "cli",
]
EXEMPT = {"__init__", "cli"}


def _imported(path: Path) -> set[str]:
    """Find the samekey modules that a file imports, by their layer's name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            root, _, rest = node.module.partition(".")
            if root == "samekey" and rest:
                found.add(rest.partition(".")[0])
            elif root == "samekey":
                found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root, _, rest = alias.name.partition(".")
                if root == "samekey" and rest:
                    found.add(rest.partition(".")[0])
    return found


def _modules() -> list[tuple[str, Path]]:
    result = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        result.append((parts[0], path))
    return result


def _breaches(modules: list[tuple[str, Path]]) -> list[str]:
    return [
        f"{name} imports {other}"
        for name, path in modules
        if name not in EXEMPT
        for other in _imported(path)
        if other != name
        and not (other in LAYERS and LAYERS.index(other) < LAYERS.index(name))
    ]


def test_imports_point_up_the_table():
    """A module imports only modules that stand before it in the table."""
    assert _breaches(_modules()) == []


def test_every_module_has_its_place():
    """No module is missing from the table, and none is listed in vain."""
    there = {name for name, _ in _modules()} - {"__init__"}

    assert there == set(LAYERS) - ({"_demo"} - there)


def test_the_layer_check_can_fail(tmp_path):
    """A module that imports a later one is caught."""
    planted = tmp_path / "_report.py"
    planted.write_text("from samekey._engine import exchange\n")

    assert _breaches([("_report", planted)]) == ["_report imports _engine"]


def test_all_is_the_promise():
    """What the package says that it exports is there, and what it shows."""
    shown = {name for name in dir(samekey) if not name.startswith("_")}
    modules = {n for n in shown if isinstance(getattr(samekey, n), type(sys))}
    extra = {"annotations", "TYPE_CHECKING", "Any"}

    assert shown - modules - extra == set(samekey.__all__)
    for name in samekey.__all__:
        assert getattr(samekey, name).__module__.startswith("samekey")


@pytest.mark.parametrize(
    "name", ["errors", "httpx2", "keys", "observe", "payments", "testing"]
)
def test_modules_are_there_unasked(name):
    """`samekey.httpx2.Client` needs no import of its own."""
    code = f"import samekey; print(samekey.{name}.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"samekey.{name}\n"
    assert samekey.__getattr__(name).__name__ == f"samekey.{name}"


def test_an_unknown_name_is_an_attribute_error():
    """A typing error in a name reads as with any module."""
    with pytest.raises(
        AttributeError, match=r"^module 'samekey' has no attribute 'Cleint'$"
    ):
        samekey.Cleint  # noqa: B018


def test_errors_share_one_base():
    """Everything that is raised on purpose is a SamekeyError."""
    for name in samekey.__all__:
        value = getattr(samekey, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, samekey.SamekeyError)


def _loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_an_import_loads_no_library_and_no_tenacity():
    """`import samekey` alone loads neither library, tenacity nor anyio."""
    loaded = _loaded_by("import samekey")

    assert not {"httpx", "httpx2", "tenacity", "anyio"} & loaded


def test_httpx2_users_do_not_load_httpx():
    """`samekey.httpx2` leaves httpx alone, and wrapping does too."""
    loaded = _loaded_by(
        "import httpx2, samekey\n"
        "samekey.wrap(httpx2.Client())\n"
        "samekey.httpx2.Client(transport=samekey.Transport("
        "httpx2.HTTPTransport()))\n"
        "samekey.payments.Payments(samekey.httpx2.Client())"
    )

    assert "httpx" not in loaded


def test_httpx_users_do_not_load_httpx2():
    """`samekey.Client` leaves httpx2 alone."""
    loaded = _loaded_by("import samekey\nsamekey.Client()")

    assert "httpx" in loaded
    assert not {"httpx2", "tenacity"} & loaded
