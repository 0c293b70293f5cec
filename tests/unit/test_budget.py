"""A budget bounds resends to a share of calls, whoever makes them."""

import re
import threading

from concurrent.futures import ThreadPoolExecutor

import httpx
import httpx2
import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._budget import RetryBudget


URL = httpx.URL("https://api.example.com/payments")
OTHER = httpx.URL("https://other.example.com/payments")


def drain(budget, url=URL):
    """Take all tokens that there are; return how many."""
    return next(n for n in range(100_000) if not budget.spend(url))


REFUSED = [
    ("capacity", "10", TypeError, "must be a number, got str"),
    ("capacity", True, TypeError, "must be a number, got bool"),
    ("start", None, TypeError, "must be a number, got NoneType"),
    ("per_success", None, TypeError, "must be a number, got NoneType"),
    ("capacity", 0.5, ValueError, "must be at least 1, got 0.5"),
    ("capacity", 0, ValueError, "must be at least 1, got 0"),
    ("capacity", -1, ValueError, "must be finite and at least 0, got -1"),
    ("start", -1, ValueError, "must be finite and at least 0, got -1"),
    ("start", 11, ValueError, "must be at most capacity (10), got 11"),
    (
        "capacity",
        float("inf"),
        ValueError,
        "must be finite and at least 0, got inf",
    ),
    (
        "per_success",
        float("nan"),
        ValueError,
        "must be finite and at least 0, got nan",
    ),
]


class TestArguments:
    @pytest.mark.parametrize(("name", "value", "kind", "message"), REFUSED)
    def test_refused(self, name, value, kind, message):
        """A refusal gives the argument, the rule and what was got."""
        rule = rf"^{name} {re.escape(message)}$"

        with pytest.raises(kind, match=rule):
            RetryBudget(**{name: value})

    def test_number_without_end(self):
        """A number too large for a float is refused like an infinite one."""
        rule = r"^capacity must be finite and at least 0, got .*$"

        with pytest.raises(ValueError, match=rule):
            RetryBudget(capacity=10**400)

    @pytest.mark.parametrize(
        ("options", "tokens"),
        [
            ({}, 3.0),
            ({"capacity": 2}, 2.0),
            ({"capacity": 1.5}, 1.5),
            ({"capacity": 100}, 3.0),
            ({"start": 0}, 0.0),
            ({"start": 10}, 10.0),
            ({"capacity": 1, "start": 1}, 1.0),
        ],
    )
    def test_start(self, options, tokens):
        """A new bucket holds 3, or what fits into it, or what was asked."""
        budget = RetryBudget(**options)

        assert tokens == budget.tokens(URL)

    def test_repr(self):
        """A budget shows its numbers."""
        shown = repr(RetryBudget(capacity=5))

        assert "RetryBudget(capacity=5.0, start=3.0, per_success=0.1)" == shown


class TestSpend:
    def test_lone_call(self):
        """A lone call has all retries of the default policy, and no more."""
        assert 3 == drain(RetryBudget())

    def test_empty(self):
        """A budget that starts empty and gets nothing allows no resend."""
        assert 0 == drain(RetryBudget(start=0, per_success=0))

    def test_fraction(self):
        """Less than one token allows no resend, and is kept."""
        budget = RetryBudget(start=1.5)

        spent = [budget.spend(URL), budget.spend(URL)]

        assert [True, False] == spent
        assert 0.5 == budget.tokens(URL)

    def test_ten_tenths(self):
        """Ten successes of a tenth are one token, in floating point too."""
        budget = RetryBudget(start=0)
        for _ in range(9):
            budget.succeeded(URL)
        nine = budget.spend(URL)
        budget.succeeded(URL)

        assert nine is False
        assert budget.spend(URL) is True
        assert budget.spend(URL) is False

    def test_full(self):
        """Successes fill a bucket to its capacity and no further."""
        budget = RetryBudget(capacity=4)
        for _ in range(1_000):
            budget.succeeded(URL)

        assert 4.0 == budget.tokens(URL)
        assert 4 == drain(budget)

    @given(
        st.lists(st.booleans(), max_size=400),
        st.integers(0, 5),
        st.sampled_from([0.125, 0.25, 0.5]),
    )
    def test_share(self, calls, start, share):
        """Resends never exceed the start and the share of successes."""
        budget = RetryBudget(start=start, per_success=share)
        spent = good = 0
        for success in calls:
            if success:
                budget.succeeded(URL)
                good += 1
            else:
                spent += budget.spend(URL)

        assert spent <= start + share * good
        assert 0 <= budget.tokens(URL) <= 10


class TestOrigins:
    def test_each(self):
        """A host in trouble does not use up the tokens of another."""
        budget = RetryBudget()
        drain(budget)

        assert budget.spend(URL) is False
        assert budget.spend(OTHER) is True

    @pytest.mark.parametrize(
        ("url", "tokens"),
        [
            ("https://api.example.com:443/refunds?a=1#b", 0.0),
            ("https://API.EXAMPLE.COM", 0.0),
            ("https://api.example.com:8443/payments", 3.0),
            ("http://api.example.com/payments", 3.0),
            ("http://api.example.com:443/payments", 3.0),
        ],
    )
    @pytest.mark.parametrize("library", [httpx, httpx2])
    def test_origin(self, library, url, tokens):
        """A bucket is for a scheme, host and port; paths do not count."""
        budget = RetryBudget()
        drain(budget)

        assert tokens == budget.tokens(library.URL(url))

    def test_bounded(self):
        """A thousand origins are remembered, the latest used ones."""
        budget = RetryBudget()
        urls = [httpx.URL(f"https://h{n}.example.com") for n in range(1_001)]
        for url in urls[:1_000]:
            budget.spend(url)
        budget.succeeded(urls[0])
        budget.spend(urls[1])
        budget.spend(urls[1_000])

        assert 1_000 == len(budget._buckets)
        assert [2.1, 1.0, 3.0, 2.0] == [budget.tokens(u) for u in urls[:4]]
        assert 2.0 == budget.tokens(urls[1_000])

    def test_asking(self):
        """Asking for the tokens of a host remembers nothing of it."""
        budget = RetryBudget()

        budget.tokens(URL)

        assert 0 == len(budget._buckets)


class TestBatch:
    def test_noted(self):
        """Successes are only noted, and counted by the batch of 512."""
        budget = RetryBudget(start=0, capacity=1_000, per_success=0.5)
        for _ in range(600):
            budget.succeeded(URL)

        assert 88 == len(budget._noted)
        assert 300.0 == budget.tokens(URL)
        assert 0 == len(budget._noted)

    def test_a_busy_host_beside_a_quiet_one(self):
        """What one host's calls earn is not lost among another's."""
        budget = RetryBudget(start=0, capacity=10, per_success=0.5)
        quiet = httpx.URL("https://quiet.example")
        budget.succeeded(quiet)
        for _ in range(2_000):
            budget.succeeded(URL)

        assert 0.5 == budget.tokens(quiet)


class TestThreads:
    def test_spend(self):
        """However many threads ask, they get the tokens that there are."""
        budget = RetryBudget(capacity=500, start=500)
        gate = threading.Barrier(8)

        def run(_):
            gate.wait()
            return drain(budget)

        with ThreadPoolExecutor(8) as pool:
            spent = list(pool.map(run, range(8)))

        assert 500 == sum(spent)

    def test_succeeded(self):
        """No success is lost or counted twice between threads."""
        budget = RetryBudget(capacity=10_000, start=0, per_success=0.25)
        gate = threading.Barrier(8)

        def run(_):
            gate.wait()
            for _ in range(50):
                budget.succeeded(URL)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, range(8)))

        assert 100.0 == budget.tokens(URL)
