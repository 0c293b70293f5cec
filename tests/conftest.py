from __future__ import annotations

import os

import pytest

from hypothesis import HealthCheck, settings
from kinds import CLIENTS, KINDS, TRANSPORTS, Kind


settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=300,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each of the twelve kinds of client."""
    found: Kind = request.param
    return found


@pytest.fixture(params=CLIENTS, ids=str)
def client_kind(request: pytest.FixtureRequest) -> Kind:
    """Each of the six kinds at the client door."""
    found: Kind = request.param
    return found


@pytest.fixture(params=TRANSPORTS, ids=str)
def transport_kind(request: pytest.FixtureRequest) -> Kind:
    """Each of the six kinds at the transport door."""
    found: Kind = request.param
    return found
