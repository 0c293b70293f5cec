"""
Fixtures for pytest, whose names begin with `samekey_`.

pytest finds them by itself where samekey is installed. Nothing of samekey, and
no library, is loaded before a test asks for one. `-p no:samekey` leaves them
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    import httpx
    import respx

    from samekey.testing import FakeClock, IdempotentTransport, PaymentServer


@pytest.fixture
def samekey_no_wait() -> Iterator[list[float]]:
    """
    Let no client of samekey wait; the waits, in seconds, in order.

    Time goes by as ever, and each wait counts as if it had been waited.
    """
    from samekey.testing import FakeClock, stand_in  # noqa: PLC0415

    clock = FakeClock(ticking=True)
    with stand_in(clock):
        yield clock.waits


@pytest.fixture
def samekey_clock() -> Iterator[FakeClock]:
    """A `FakeClock` that every client of samekey goes by."""
    from samekey.testing import FakeClock, stand_in  # noqa: PLC0415

    clock = FakeClock()
    with stand_in(clock):
        yield clock


@pytest.fixture
def samekey_server() -> Iterator[PaymentServer]:
    """A `PaymentServer` that listens; `play` breaks what comes next."""
    from samekey.testing import PaymentServer  # noqa: PLC0415

    with PaymentServer() as server:
        yield server


@pytest.fixture
def samekey_transport() -> IdempotentTransport:
    """An `IdempotentTransport`; `play` breaks what comes next."""
    from samekey.testing import IdempotentTransport  # noqa: PLC0415

    return IdempotentTransport()


@pytest.fixture
def samekey_respx(
    samekey_transport: IdempotentTransport,
) -> Iterator[respx.MockRouter]:
    """
    A respx router that answers every request of httpx as that server does.

    `samekey_transport` is what answers: it has the faults and the requests.
    Routes of the test's own go before it. Skips where respx is missing.
    """
    mock = pytest.importorskip("respx", reason="respx is not installed")
    with mock.mock(assert_all_called=False) as router:
        own = router.route(name="samekey")

        def answer(request: httpx.Request) -> httpx.Response | None:
            for route in router.routes:
                pattern = None if route is own else route.pattern
                if pattern is not None and pattern.match(request):
                    return None  # which respx takes for: ask the next one
            response: httpx.Response
            response = samekey_transport.handle_request(request)
            return response

        own.side_effect = answer
        yield router
