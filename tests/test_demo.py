"""The demo makes the same charges each way, and counts them rightly."""

import asyncio
import collections
import json

import attrs
import httpx
import pytest

import samekey

from samekey._demo.modes import (
    ATTEMPTS,
    WAYS,
    pay_once,
    pay_with_plain_retries,
    pay_with_samekey,
)
from samekey._demo.run import play
from samekey._demo.scenario import (
    AFTER,
    BEFORE,
    FAULTS,
    IN_FLIGHT,
    RATE,
    Order,
    Script,
    orders,
)
from samekey._demo.tally import Row, Told, keeps_promise, tally
from samekey._policy import RETRIED_STATUSES
from samekey._report import Verdict
from samekey._verdict import Evidence
from samekey._waits import default_wait
from samekey.testing import Received


ORDER = Order("order-1", amount=500)
NO_RETRIES, PLAIN_RETRIES, SAMEKEY = WAYS


def ask(order):
    """Make the request that a server would read for *order*."""
    body = json.dumps(order.content).encode()
    return Received("POST", target="/payments", headers=(), body=body)


class TestScenario:
    def test_orders(self):
        """A seed always gives the same orders, each with its own amount."""
        first, again, other = orders(1, 50), orders(1, 50), orders(2, 50)

        assert first == again
        assert first != other
        assert first[:10] == orders(1, 10)
        assert 50 == len({order.reference for order in first})
        assert all(100 <= order.amount <= 20_000 for order in first)

    def test_faults_by_seed_charge_and_attempt(self):
        """In what order the requests come makes no difference."""
        each = orders(7, 100)
        forth, back = Script(7), Script(7)

        drawn = {o.reference: [forth(ask(o)), forth(ask(o))] for o in each}
        again = {o.reference: [back(ask(o))] for o in reversed(each)}
        for order in each:
            again[order.reference].append(back(ask(order)))

        assert drawn == again
        assert any(first != second for first, second in drawn.values())

    def test_rate(self):
        """One request in 20 fails, and three in four of those too late."""
        script = Script(3)

        for order in orders(3, 4_000):
            script(ask(order))

        assert 0.05 == RATE
        assert 4_000 * RATE == pytest.approx(len(script.drawn), rel=0.2)
        late = sum(fault.after_execution for fault in script.drawn)
        assert 0.75 * len(script.drawn) == pytest.approx(late, rel=0.1)
        assert set(FAULTS) == set(script.drawn)

    def test_before_and_after(self):
        """A fault stands where it says whether the card is charged."""
        assert not any(fault.after_execution for fault in BEFORE)
        assert all(fault.after_execution for fault in AFTER)


def count(times, told):
    """Tally one order; return the column that it counts in."""
    row = tally(
        "samekey",
        [ORDER],
        charged={ORDER.reference: times},
        told={} if told is None else {ORDER.reference: told},
        requests=1,
        seconds=1.0,
    )
    columns = (
        "charged_once",
        "charged_more_than_once",
        "not_executed",
        "in_doubt",
        "lost",
    )
    (column,) = [name for name in columns if getattr(row, name)]
    return column


class TestTally:
    @pytest.mark.parametrize(
        ("times", "told", "column"),
        [
            (0, Told.CHARGED, "lost"),
            (0, Told.NOT_CHARGED, "not_executed"),
            (0, Told.IN_DOUBT, "in_doubt"),
            (0, Told.NOTHING, "lost"),
            (0, None, "lost"),
            (1, Told.CHARGED, "charged_once"),
            (1, Told.NOT_CHARGED, "lost"),
            (1, Told.IN_DOUBT, "in_doubt"),
            (1, Told.NOTHING, "lost"),
            (2, Told.CHARGED, "charged_more_than_once"),
            (2, Told.NOT_CHARGED, "charged_more_than_once"),
            (2, Told.IN_DOUBT, "charged_more_than_once"),
        ],
    )
    def test_column(self, times, told, column):
        """Ledger and what was told decide together, in one column each."""
        assert column == count(times, told)

    def test_overcharged(self):
        """What was charged beyond the first time is added up."""
        each = [Order(name, amount=amount) for name, amount in _AMOUNTS]

        row = tally(
            "plain_retries",
            each,
            charged={"once": 1, "twice": 2, "thrice": 3},
            told={},
            requests=9,
            seconds=1.23456,
        )

        assert 20 + 2 * 300 == row.overcharged_minor_units
        assert 2 == row.charged_more_than_once
        assert 2 == row.lost
        assert 9 == row.requests
        assert 1.23 == row.seconds

    @pytest.mark.parametrize(
        ("change", "kept"),
        [
            ({}, True),
            ({"not_executed": 100}, True),
            ({"in_doubt": 5}, True),
            ({"in_doubt": 6}, False),
            ({"charged_more_than_once": 1}, False),
            ({"lost": 1}, False),
        ],
    )
    def test_promise(self, change, kept):
        """Of 1,000 charges 5 may be in doubt, none doubled and none lost."""
        rest = 1_000 - sum(change.values())
        row = attrs.evolve(GOOD, charged_once=rest, **change)

        assert kept == keeps_promise(row)

    def test_promise_of_few(self):
        """Of few charges two may be in doubt."""
        two = attrs.evolve(GOOD, charged_once=18, in_doubt=2)
        three = attrs.evolve(GOOD, charged_once=17, in_doubt=3)

        assert keeps_promise(two)
        assert not keeps_promise(three)


# Of seed 0 the first 5 charges meet no fault; of seed 814 the first 40 meet a
# lost answer and a cut one.
QUIET, NOISY = 0, 814

_AMOUNTS = [("never", 1), ("once", 5), ("twice", 20), ("thrice", 300)]

GOOD = Row(
    "samekey",
    charged_once=1_000,
    charged_more_than_once=0,
    not_executed=0,
    in_doubt=0,
    lost=0,
    overcharged_minor_units=0,
    requests=1_000,
    seconds=1.0,
)


class _Broken(httpx.AsyncByteStream):
    """A body that ends in the middle."""

    async def __aiter__(self):
        yield b'{"pay'
        raise httpx.ReadError("cut")


def handler(*script):
    """Play *script*: statuses, exceptions, or a whole response."""
    rest = iter(script)

    def handle(request):
        match next(rest):
            case int(status):
                return httpx.Response(status)
            case httpx.Response() as response:
                return response
            case exc:
                raise exc

    return handle


def pay(pay, *script, wrapped=False, **options):
    """Pay one order against *script*; return what was told."""
    return asyncio.run(_pay(pay, script, wrapped, options))


async def _pay(pay, script, wrapped, options):
    client = httpx.AsyncClient(
        base_url="https://pay.test",
        transport=httpx.MockTransport(handler(*script)),
    )
    if wrapped:
        once = samekey.RetryPolicy(attempts=1)
        client = samekey.wrap(client, policy=once)
    async with client:
        return await pay(client, ORDER, **options)


class TestNoRetries:
    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (201, Told.CHARGED),
            (402, Told.NOT_CHARGED),
            (503, Told.NOT_CHARGED),
            (httpx.ReadTimeout("slow"), Told.NOT_CHARGED),
        ],
    )
    def test_told(self, answer, told):
        """Any failure passes for "was not charged"."""
        assert told is pay(pay_once, answer)


class TestPlainRetries:
    @pytest.mark.parametrize(
        ("script", "told"),
        [
            ([201], Told.CHARGED),
            ([402], Told.NOT_CHARGED),
            ([429, 201], Told.CHARGED),
            ([503, httpx.ReadTimeout("slow"), 500, 201], Told.CHARGED),
            ([503] * 4, Told.NOT_CHARGED),
        ],
    )
    def test_told(self, script, told):
        """Failures are tried again as often as samekey's default has it."""
        slept = []

        async def sleep(seconds):
            slept.append(seconds)

        assert told is pay(pay_with_plain_retries, *script, sleep=sleep)
        assert len(script) - 1 == len(slept)
        assert ATTEMPTS == 4

    @pytest.mark.parametrize("thrown", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize(
        ("failure", "verdict"),
        [
            (503, Verdict.ANSWERED),
            (httpx.ReadTimeout("slow"), Verdict.UNKNOWN),
        ],
    )
    def test_waits(self, failure, verdict, thrown):
        """The waits are those of samekey's default policy."""
        slept = []
        evidence = Evidence()
        evidence.verdict = verdict
        evidence.error = "ReadTimeout"

        async def sleep(seconds):
            slept.append(seconds)

        pay(
            pay_with_plain_retries,
            *[failure] * 4,
            sleep=sleep,
            dice=lambda: thrown,
        )

        expected = [
            default_wait(evidence, number, lambda: thrown)
            for number in (1, 2, 3)
        ]
        assert expected == pytest.approx(slept)

    @pytest.mark.parametrize("status", [400, 408, 409, 422, 425, 429, 500])
    def test_statuses(self, status):
        """The statuses that are tried again are samekey's too."""
        slept = []

        async def sleep(seconds):
            slept.append(seconds)

        pay(pay_with_plain_retries, status, 201, sleep=sleep)

        assert (status in RETRIED_STATUSES) == bool(slept)


class TestSamekey:
    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (201, Told.CHARGED),
            (402, Told.NOT_CHARGED),
            (503, Told.IN_DOUBT),
            (httpx.ReadTimeout("slow"), Told.IN_DOUBT),
            (httpx.Response(201, stream=_Broken()), Told.CHARGED),
            (
                httpx.Response(422, json={"code": "idempotency_key_mismatch"}),
                Told.NOTHING,
            ),
        ],
    )
    def test_told(self, answer, told):
        """Each outcome is told as what it is."""
        assert told is pay(pay_with_samekey, answer, wrapped=True)

    def test_not_executed(self):
        """What was never sent was certainly not charged."""

        async def run():
            async with samekey.AsyncClient(base_url="nope://pay") as client:
                return await pay_with_samekey(client, ORDER)

        assert Told.NOT_CHARGED is asyncio.run(run())

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (samekey.AnswerLost, Told.CHARGED),
            (samekey.NotExecuted, Told.NOT_CHARGED),
            (samekey.InDoubt, Told.IN_DOUBT),
            (samekey.SamekeyError, Told.NOTHING),
            (httpx.ReadError, Told.NOTHING),
        ],
    )
    def test_errors(self, error, told):
        """
        Each error is told as what it means, and by the first that fits.

        Said again without the engine: before Python 3.12 a tracer is not told
        of each frame that an exception thrown into a generator leaves.
        """

        class Client:
            async def post(self, url, **options):
                raise error.__new__(error)

        assert told is asyncio.run(pay_with_samekey(Client(), ORDER))


def run(way, count, seed=1):
    """Play *way*; return its result and how many orders were settled."""
    settled = []
    result = asyncio.run(
        play(
            way,
            orders(seed, count),
            seed=seed,
            settled=lambda: settled.append(1),
        )
    )
    return result, len(settled)


class TestPlay:
    def test_in_flight(self):
        """Thirty-two charges are in flight, no more and no fewer."""
        now, most = 0, 0

        async def pay(client, order):
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return Told.NOT_CHARGED

        result, settled = run(attrs.evolve(NO_RETRIES, pay=pay), 100)

        assert 32 == most == IN_FLIGHT
        assert 100 == settled == result.row.not_executed
        assert 0 == result.row.requests
        assert () == result.faults

    def test_counts_what_the_ledger_holds(self):
        """A charge that is sent twice without a key is found in the ledger."""

        async def pay(client, order):
            await pay_once(client, order)
            return await pay_once(client, order)

        result, _ = run(attrs.evolve(NO_RETRIES, pay=pay), 5, seed=QUIET)

        assert () == result.faults
        assert 5 == result.row.charged_more_than_once
        assert 10 == result.row.requests
        total = sum(order.amount for order in orders(QUIET, 5))
        assert total == result.row.overcharged_minor_units

    @pytest.mark.parametrize("way", WAYS, ids=lambda way: way.mode)
    def test_ways(self, way):
        """Each way does what it is known for, through the same faults."""
        result, settled = run(way, 40, seed=NOISY)

        row = result.row
        assert 40 == settled
        assert way.mode == row.mode
        assert collections.Counter(after=2) == _sides(result.faults)
        assert {
            "no_retries": (38, 0, 2, 40),
            "plain_retries": (38, 2, 0, 42),
            "samekey": (40, 0, 0, 42),
        }[way.mode] == (
            row.charged_once,
            row.charged_more_than_once,
            row.lost,
            row.requests,
        )
        assert (way.mode == "plain_retries") == (
            row.overcharged_minor_units > 0
        )

    def test_stopped(self):
        """Stopping in the middle stops server and clients."""

        async def main():
            running = asyncio.current_task()
            await play(
                SAMEKEY, orders(1, 1_000), seed=1, settled=running.cancel
            )

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())


def _sides(faults):
    return collections.Counter(
        "after" if fault.after_execution else "before" for fault in faults
    )
