"""A policy refuses what it cannot keep, before anything is sent."""

import copy
import datetime as dt
import functools
import http
import pickle
import re

import attrs
import pytest
import tenacity
import tenacity.asyncio

from samekey._policy import (
    DEFAULT,
    DOUBTFUL_STATUSES,
    RETRIED_STATUSES,
    RetryPolicy,
    check_seconds,
)


async def coroutine(state):
    """Strategies must not be like this one."""


class Asynchronous:
    async def __call__(self, state):
        """Strategies must not be like this one."""


class Synchronous:
    def __call__(self, state):
        return 1.0


WAITED = "be a plain strategy, got a coroutine: "
REFUSED = [
    ("attempts", True, TypeError, "be an int, got bool"),
    ("attempts", 3.0, TypeError, "be an int, got float"),
    ("attempts", None, TypeError, "be an int, got NoneType"),
    ("attempts", "3", TypeError, "be an int, got str"),
    ("attempts", 0, ValueError, "be at least 1, got 0"),
    ("attempts", -1, ValueError, "be at least 1, got -1"),
    ("deadline", "60", TypeError, "be seconds or a timedelta, got str"),
    ("deadline", True, TypeError, "be seconds or a timedelta, got bool"),
    ("deadline", 0, ValueError, "be a finite time above 0, got 0"),
    ("deadline", -0.5, ValueError, "be a finite time above 0, got -0.5"),
    (
        "deadline",
        float("nan"),
        ValueError,
        "be a finite time above 0, got nan",
    ),
    (
        "deadline",
        float("inf"),
        ValueError,
        "be a finite time above 0, got inf",
    ),
    (
        "deadline",
        dt.timedelta(0),
        ValueError,
        "be a finite time above 0, got datetime.timedelta(0)",
    ),
    ("statuses", 503, TypeError, "be a set of ints, got int"),
    ("statuses", "503", TypeError, "be a set of ints, got str"),
    ("statuses", b"503", TypeError, "be a set of ints, got bytes"),
    ("statuses", ["503"], TypeError, "be ints, got '503'"),
    ("statuses", [True], TypeError, "be ints, got True"),
    ("statuses", [503.0], TypeError, "be ints, got 503.0"),
    ("statuses", [99], ValueError, "be from 100 to 999, got 99"),
    ("statuses", [1000], ValueError, "be from 100 to 999, got 1000"),
    ("wait", 1.0, TypeError, "be a tenacity strategy, got 1.0"),
    ("retry", True, TypeError, "be a tenacity strategy, got True"),
    ("wait", coroutine, TypeError, f"{WAITED}{coroutine!r}"),
]


class TestRefused:
    @pytest.mark.parametrize(("name", "value", "kind", "message"), REFUSED)
    def test_message(self, name, value, kind, message):
        """A refusal gives the argument, the rule and what was got."""
        rule = rf"^{name} must {re.escape(message)}$"

        with pytest.raises(kind, match=rule):
            RetryPolicy(**{name: value})

    @pytest.mark.parametrize("name", ["wait", "retry"])
    @pytest.mark.parametrize(
        "strategy",
        [
            coroutine,
            functools.partial(coroutine),
            Asynchronous(),
            Asynchronous().__call__,
            tenacity.asyncio.retry_if_result(lambda result: True),
        ],
        ids=["function", "partial", "object", "method", "tenacity"],
    )
    def test_coroutine(self, name, strategy):
        """A strategy that would have to be awaited is refused."""
        rule = rf"^{name} must be a plain strategy, got a coroutine: .*$"

        with pytest.raises(TypeError, match=rule):
            RetryPolicy(**{name: strategy})

    @pytest.mark.parametrize(
        ("name", "strategy"),
        [
            ("wait", tenacity.wait_fixed),
            ("retry", tenacity.retry_if_exception_type),
        ],
    )
    def test_class(self, name, strategy):
        """A strategy's class in place of a strategy is refused."""
        with pytest.raises(TypeError, match=rf"^{name} must be .*$"):
            RetryPolicy(**{name: strategy})

    def test_number_without_end(self):
        """A time too long for a float is refused like an infinite one."""
        rule = r"^deadline must be a finite time above 0, got .*$"

        with pytest.raises(ValueError, match=rule):
            RetryPolicy(deadline=10**400)

    def test_positional(self):
        """Arguments are given by name."""
        with pytest.raises(TypeError, match=r"^.* positional argument.*$"):
            RetryPolicy(4)


class TestRetryPolicy:
    def test_defaults(self):
        """A policy without arguments is 4 attempts and the default rest."""
        policy = RetryPolicy()

        assert (
            4,
            None,
            None,
            DEFAULT,
            None,
            RETRIED_STATUSES,
        ) == attrs.astuple(policy)

    def test_frozen(self):
        """A policy that several clients share cannot be changed by one."""
        policy = RetryPolicy()

        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            policy.attempts = 1

    @pytest.mark.parametrize(
        ("deadline", "seconds"),
        [
            (30, 30.0),
            (0.25, 0.25),
            (dt.timedelta(minutes=2), 120.0),
            (None, None),
            (DEFAULT, DEFAULT),
        ],
    )
    def test_deadline(self, deadline, seconds):
        """A deadline is seconds, a timedelta, none at all, or the default."""
        policy = RetryPolicy(deadline=deadline)

        assert seconds == policy.deadline
        assert type(seconds) is type(policy.deadline)

    @pytest.mark.parametrize(
        "strategy",
        [
            lambda state: 1.0,
            Synchronous(),
            tenacity.wait_fixed(1) + tenacity.wait_random(0, 1),
        ],
        ids=["function", "object", "tenacity"],
    )
    def test_strategies(self, strategy):
        """Anything that can be called with a state is a strategy."""
        policy = RetryPolicy(wait=strategy, retry=strategy)

        assert strategy is policy.wait
        assert strategy is policy.retry

    def test_statuses(self):
        """Statuses replace the default set, from any collection of ints."""
        statuses = (http.HTTPStatus.CONFLICT, 100, 999, 999)
        policy = RetryPolicy(attempts=1, statuses=statuses)

        assert {100, 409, 999} == policy.statuses
        assert {100, 409, 999} == policy.retried

    @pytest.mark.parametrize("statuses", [(), frozenset(), iter([])])
    def test_empty(self, statuses):
        """An empty set of statuses means that none is retried."""
        policy = RetryPolicy(statuses=statuses)

        assert frozenset() == policy.retried

    def test_repr_can_be_read(self):
        """A policy shows what it does, the default deadline by its name."""
        shown = repr(RetryPolicy(attempts=2))

        assert (
            "RetryPolicy(attempts=2, wait=None, retry=None, deadline=DEFAULT,"
            " statuses=None)"
        ) == shown

    @pytest.mark.parametrize(
        "change", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
    )
    def test_copied(self, change):
        """A policy survives copying, the default deadline as itself."""
        policy = change(RetryPolicy(attempts=2, statuses=[503]))

        assert RetryPolicy(attempts=2, statuses=[503]) == policy
        assert policy.deadline is DEFAULT


class TestStatuses:
    @pytest.mark.parametrize(
        "statuses", [RETRIED_STATUSES, RetryPolicy().retried]
    )
    def test_retried(self, statuses):
        """By default 408, 425, 429 and most from 500 on are retried."""
        retried = [status for status in range(100, 508) if status in statuses]

        assert [408, 425, 429, 500, 502, 503, 504, 506, 507] == retried
        assert [510, 512, 599, 999] == [
            s for s in (510, 511, 512, 599, 999) if s in statuses
        ]

    def test_doubtful(self):
        """After 408 and most from 500 on nobody knows what was done."""
        doubtful = [
            status for status in range(100, 512) if status in DOUBTFUL_STATUSES
        ]

        assert [408, 500, 502, 503, 504, 506, 507, 508, 509, 510] == doubtful


class TestCheckSeconds:
    def test_named(self):
        """A refusal names the argument that it is about."""
        rule = r"^retention must be seconds or a timedelta, got NoneType$"

        with pytest.raises(TypeError, match=rule):
            check_seconds(None, "retention")
