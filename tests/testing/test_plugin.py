"""The fixtures that pytest finds by itself."""

from __future__ import annotations

import subprocess
import sys

import anyio
import httpx
import pytest

import samekey

from samekey import testing
from samekey.testing import Fault, assert_executed_once, assert_one_key


URL = "https://api.example.com"
PAYMENT = {"amount": 500, "card": "tok_visa"}
HINT = Fault.status(503, headers=[("Retry-After", "25")])

USED = """
import httpx
import pytest
import samekey

from samekey.testing import Fault, assert_executed_once


CLIENT = samekey.Client(base_url="https://api.example.com")


def test_no_wait(samekey_no_wait, samekey_server):
    samekey_server.play(Fault.lose_answer(), Fault.status(503))
    with samekey.Client(base_url=samekey_server.url) as client:
        client.post("/payments", json={"amount": 5, "card": "tok_visa"})
    assert len(samekey_no_wait) == 2
    assert_executed_once(samekey_server)


def test_respx(samekey_respx, samekey_transport, samekey_clock):
    samekey_transport.play(Fault.lose_answer())
    CLIENT.post("/payments", json={"amount": 5})
    assert_executed_once(samekey_transport)
    assert samekey_clock.waits


def test_it_fails(samekey_transport):
    assert_executed_once(samekey_transport)
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest as its user does, in a directory of its own."""

    def run(text, *arguments):
        (tmp_path / "test_mine.py").write_text(text, "utf-8")
        (tmp_path / "pytest.toml").write_text(
            '[pytest]\nfilterwarnings = ["error"]\n', "utf-8"
        )
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-ra", *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            encoding="utf-8",
        )

    return run


def test_pytest_finds_them(run):
    """The fixtures are there unasked, and warn of nothing."""
    done = run(USED)

    assert "1 failed, 2 passed" in done.stdout
    assert "the operation must be executed once, was never:" in done.stdout


def test_pytest_lists_them(run):
    """The fixtures are told of by `pytest --fixtures`."""
    done = run("", "--fixtures")

    for name in ("no_wait", "clock", "server", "transport", "respx"):
        assert f"\nsamekey_{name} -- " in done.stdout


def test_they_can_be_left_out(run):
    """Who wants none of it says so."""
    done = run(USED, "-p", "no:samekey")

    assert "fixture 'samekey_no_wait' not found" in done.stdout


def test_respx_is_not_needed(run):
    """Where respx is missing, a test that asks for it is skipped."""
    missing = (
        "import sys\nsys.modules['respx'] = None\n"
        "def test_mine(samekey_respx): ...\n"
    )

    done = run(missing)

    assert "1 skipped" in done.stdout
    assert "respx is not installed" in done.stdout


def test_nothing_is_loaded_unasked(run):
    """A test that asks for none of it loads no library, and none of ours."""
    done = run(
        "import sys\n"
        "def test_mine():\n"
        "    ours = {n for n in sys.modules if n.startswith('samekey')}\n"
        "    assert ours == {'samekey', 'samekey.testing',"
        " 'samekey.testing.plugin'}\n"
        "    assert not {'httpx', 'httpx2', 'respx', 'anyio', 'trio'}"
        " & set(sys.modules)\n",
        "-p",
        "no:anyio",
        "-p",
        "no:respx",
        "-p",
        "no:hypothesispytest",
    )

    assert "1 passed" in done.stdout


def test_pytest_may_start_late():
    """pytest does not warn where a program has imported samekey already."""
    # A checkout that is installed in place is not rewritten at all.
    assert "PYTEST_DONT_REWRITE" in samekey.__doc__


def test_the_kit_needs_no_pytest():
    """Importing the kit, all of it, needs neither pytest nor respx."""
    code = (
        "import sys\n"
        "sys.modules['pytest'] = sys.modules['respx'] = None\n"
        "from samekey.testing import *\n"
        "explore(lambda transport: __import__('samekey').Client("
        "transport=transport).post('https://a.b/c'))\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names():
    """A typing error in a name reads as with any module."""
    with pytest.raises(
        AttributeError,
        match=r"^module 'samekey\.testing' has no attribute 'explode'$",
    ):
        testing.explode  # noqa: B018

    assert set(testing.__all__) <= set(dir(testing))
    assert set(testing._HOMES) == set(testing.__all__)


def test_no_wait_records_waits(samekey_no_wait, samekey_transport):
    """A wait is over at once, is noted, and counts for the deadline."""
    samekey_transport.play(*[HINT] * 3)
    with (
        samekey.Client(base_url=URL, transport=samekey_transport) as client,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        client.post("/payments", json=PAYMENT)

    assert samekey_no_wait == [25.0, 25.0]
    assert caught.value.reason == "deadline"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_wait_in_async_code(samekey_no_wait, samekey_transport, backend):
    """The same holds under asyncio and trio."""
    samekey_transport.play(HINT)

    async def pay():
        async with samekey.AsyncClient(
            base_url=URL, transport=samekey_transport
        ) as client:
            await client.post("/payments", json=PAYMENT)

    anyio.run(pay, backend=backend)

    assert samekey_no_wait == [25.0]
    assert_executed_once(samekey_transport)


def test_the_clock_stands_still(samekey_clock, samekey_transport):
    """Under the clock only waits take time."""
    samekey_transport.play(HINT)
    with samekey.Client(base_url=URL, transport=samekey_transport) as client:
        response = client.post("/payments", json=PAYMENT)

    assert samekey_clock.elapsed == 25.0
    first, second = samekey.report(response).attempts
    assert second.started - first.started == pytest.approx(25.0)


def test_respx_answers_as_the_server(
    samekey_respx, samekey_transport, samekey_no_wait
):
    """A router answers what no other route does, by faults and keys."""
    samekey_respx.get(f"{URL}/health").respond(204)
    samekey_transport.play(Fault.lose_answer(), Fault.cut())
    with samekey.Client(base_url=URL) as client:
        client.post("/payments", json=PAYMENT)
        assert client.get("/health").status_code == 204

    assert len(samekey_no_wait) == 2
    assert_executed_once(samekey_transport)
    assert assert_one_key(samekey_transport) == samekey_transport.keys[0]
    assert samekey_respx["samekey"].call_count == 3


def test_respx_answers_async_clients(samekey_respx, samekey_transport):
    """The router is for async clients, too."""
    samekey_transport.play(Fault.refuse())

    async def pay():
        async with httpx.AsyncClient(base_url=URL) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post("/payments", json=PAYMENT)
            return await client.post("/payments", json=PAYMENT)

    assert anyio.run(pay).status_code == 201
    assert_executed_once(samekey_transport)
