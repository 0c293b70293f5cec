"""
Case 12: trio, in earnest.

A classifier over a hard-wired `asyncio.sleep` crashes at the first retry. What
sleeps here is the loop that runs: other tasks go on, and a cancellation ends
the wait.
"""

import asyncio

import anyio
import httpx
import pytest
import tenacity

from kinds import FAST, KINDS

import samekey

from samekey.testing import Fault, PaymentServer


ORDER = {"amount": 500, "card": "tok_visa", "reference": "order-1"}
LOOPS = [kind for kind in KINDS if kind.is_async]
ASYNC = pytest.mark.parametrize("kind", LOOPS, ids=str)


def waiting(seconds):
    """Make a policy that waits before each resend."""
    return samekey.RetryPolicy(wait=tenacity.wait_fixed(seconds))


def check_runs(loop, main):
    """Check that *main* runs under *loop* without help from another one."""
    try:
        return anyio.run(main, backend=loop)
    except RuntimeError as exc:
        msg = f"it does not run under {loop}"
        raise AssertionError(msg) from exc


@ASYNC
def test_retries_run_under_the_loop_that_runs(kind):
    """Retries, waits included, need no loop but the caller's."""

    async def main():
        terms = {"policy": waiting(0.01)}
        options = {"base_url": server.url, "terms": terms}
        async with kind.wrapped(**options) as client:
            return await client.post("/payments", json=ORDER)

    script = [Fault.lose_answer(), Fault.status(503)]
    with PaymentServer(script) as server:
        response = check_runs(kind.flavour, main)
        charges = server.app.charges("order-1")

    assert 201 == response.status_code
    assert 1 == charges
    assert 3 == len(server.requests)


@ASYNC
def test_a_wait_lets_other_tasks_run(kind):
    """While one call waits for its retry, others are answered."""
    done = []

    def fail_once(received):
        numbers = [
            r.number for r in server.requests if r.body == received.body
        ]
        retried = b"retried" in received.body
        return Fault.status(503) if retried and 1 == len(numbers) else None

    async def pay(client, name, policy):
        extensions = {"samekey": {"policy": policy}}
        order = {**ORDER, "reference": name}
        await client.post("/payments", json=order, extensions=extensions)
        done.append(name)

    async def main():
        async with (
            kind.wrapped(base_url=server.url) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(pay, client, "retried", waiting(0.2))
            tasks.start_soon(pay, client, "at once", FAST)

    with PaymentServer(fail_once) as server:
        check_runs(kind.flavour, main)

    assert ["at once", "retried"] == done
    assert 3 == len(server.requests)


@ASYNC
def test_a_cancellation_ends_the_wait(kind):
    """A cancelled call stops waiting, sends no more, and says what it knew."""
    cancelled = []

    async def main():
        terms = {"policy": waiting(30)}
        options = {"base_url": server.url, "terms": terms}
        async with kind.wrapped(**options) as client:
            with anyio.move_on_after(0.2) as scope:
                try:
                    await client.post("/payments", json=ORDER)
                except anyio.get_cancelled_exc_class() as exc:
                    cancelled.append(samekey.report(exc))
                    raise
            return scope.cancelled_caught

    with PaymentServer([Fault.lose_answer()]) as server:
        caught = check_runs(kind.flavour, main)

    (report,) = cancelled
    assert caught
    assert 1 == len(server.requests)
    assert samekey.Outcome.IN_DOUBT == report.outcome
    assert server.requests[0].key == report.key


@ASYNC
def test_a_cancellation_in_mid_send_keeps_the_key(kind):
    """A call that is cancelled while it is executed ends in doubt."""
    cancelled = []

    async def main():
        async with kind.wrapped(base_url=server.url) as client:
            with anyio.move_on_after(0.2):
                try:
                    await client.post("/payments", json=ORDER)
                except anyio.get_cancelled_exc_class() as exc:
                    cancelled.append(samekey.report(exc))
                    raise

    with PaymentServer([Fault.stall(executed=True)]) as server:
        check_runs(kind.flavour, main)
        charges = server.app.charges("order-1")

    (report,) = cancelled
    assert 1 == charges
    assert samekey.Outcome.IN_DOUBT == report.outcome
    assert samekey.Verdict.UNKNOWN == report.attempts[-1].verdict
    assert server.requests[0].key == report.key


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_loop_that_sleeps_by_asyncio(self):
        """A retry that calls asyncio.sleep is reported under trio."""

        async def main():
            async with httpx.AsyncClient(trust_env=False) as client:
                for _ in range(2):
                    response = await client.post(server.url, json=ORDER)
                    if response.status_code < 500:
                        break
                    await asyncio.sleep(0.01)

        with (
            PaymentServer([Fault.status(503)]) as server,
            pytest.raises(
                AssertionError, match=r"^it does not run under trio$"
            ),
        ):
            check_runs("trio", main)
