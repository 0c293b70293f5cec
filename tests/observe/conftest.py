from __future__ import annotations

import pytest

from observe.support import Run


@pytest.fixture
def play():
    """Make a `Run` of a hook."""
    return Run
