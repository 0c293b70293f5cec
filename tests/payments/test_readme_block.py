"""What the README promises of the payments helper."""

from __future__ import annotations

import subprocess
import sys
import threading

from pathlib import Path

from payments_support import StripeServer

from samekey.testing import Fault


README = Path(__file__).parent.parent.parent / "README.md"


def first_block() -> str:
    """The first visible block of the section."""
    section = README.read_text("utf-8").split("\n## A payments helper\n")[1]
    return section.split("```python\n")[1].split("```")[0]


def test_a_charge_with_crash_safety_is_short() -> None:
    """A charge at Stripe that survives a crash is under 15 lines."""
    block = first_block()

    assert 'journal="payments.db"' in block
    assert "StripeAdapter()" in block
    assert "payments.create(" in block
    assert len(block.splitlines()) < 15


def test_it_survives_a_crash(tmp_path: Path) -> None:
    """A process that is killed in the middle, and run again, charges once."""
    arrived = threading.Event()

    def script(_) -> Fault | None:
        if arrived.is_set():
            return None
        arrived.set()
        return Fault.stall(executed=True)

    with StripeServer(script) as server:
        names = f"stripe = {server.url!r}\nsecret_key = 'sk_test'\n"
        program = f"{names}{first_block()}\nprint(payment.id)"
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, cwd=tmp_path) as child:
            assert arrived.wait(20)
            child.kill()
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            timeout=30,
        )

        assert list(server.app.intents) == [done.stdout.strip()]
        assert len(server.requests) == 2
        assert len({request.key for request in server.requests}) == 1
