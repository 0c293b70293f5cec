"""What the README promises of the payments helper."""

from __future__ import annotations

from pathlib import Path


README = Path(__file__).parent.parent.parent / "README.md"


def test_a_charge_with_crash_safety_is_short() -> None:
    """A charge at Stripe that survives a crash is under 15 lines."""
    section = README.read_text("utf-8").split("\n## A payments helper\n")[1]
    block = section.split("```python\n")[1].split("```")[0]

    assert 'journal="payments.db"' in block
    assert "StripeAdapter()" in block
    assert "payments.create(" in block
    assert len(block.splitlines()) < 15
