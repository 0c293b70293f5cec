"""What all calls of a client share is checked when it is wrapped."""

import datetime as dt
import re

import attrs
import httpx
import httpx2
import pytest

from samekey._arguments import DEFAULT_RETENTION
from samekey._budget import RetryBudget
from samekey._library import origin
from samekey._policy import RetryPolicy
from samekey._terms import Terms
from samekey.profiles import GENERIC


LIBRARIES = [httpx, httpx2]
URL = httpx.URL("https://api.example.com/payments")
SECRET = "a secret of 24 bytes yes"

NO_URL = "be as 'https://api.example.com', got "
REFUSED = [
    ("policy", 4, TypeError, "be a RetryPolicy, got int"),
    ("policy", RetryPolicy, TypeError, "be a RetryPolicy, got type"),
    ("budget", 10, TypeError, "be a RetryBudget, got int"),
    ("namespace", 1, TypeError, "be a str, got int"),
    ("secret", b"short", ValueError, "be at least 16 bytes, got 5"),
    ("retention", None, TypeError, "be seconds or a timedelta, got NoneType"),
    ("retention", 0, ValueError, "be a finite time above 0, got 0"),
    (
        "profile",
        1,
        TypeError,
        "be a name, a Profile or a list of them, got int",
    ),
    ("profile", [1], TypeError, "hold names and Profiles, got int"),
    (
        "profile",
        [],
        ValueError,
        "not be an empty list; leave it out for the default",
    ),
    (
        "fingerprint",
        "/a",
        TypeError,
        "be a list of JSON pointers, or a function, got str",
    ),
    ("fingerprint", [1], TypeError, "be a JSON pointer, got int"),
    (
        "fingerprint",
        ["a"],
        ValueError,
        "be a JSON pointer such as '/id', got 'a'",
    ),
    ("verify", True, TypeError, "be 'json' or a function, got True"),
    ("doubt", "ignore", ValueError, "be 'raise' or 'return', got 'ignore'"),
    ("doubt", None, ValueError, "be 'raise' or 'return', got None"),
    ("origins", "https://a", TypeError, "be a list of URLs, got str"),
    ("origins", b"https://a", TypeError, "be a list of URLs, got bytes"),
    ("origins", URL, TypeError, "be a list of URLs, got URL"),
    ("origins", 1, TypeError, "be a list of URLs, got int"),
    ("origins", ["a.com"], ValueError, f"{NO_URL}'a.com'"),
    ("origins", ["a.com:443"], ValueError, f"{NO_URL}'a.com:443'"),
    ("origins", ["ftp://a"], ValueError, f"{NO_URL}'ftp://a'"),
    ("origins", ["https://"], ValueError, f"{NO_URL}'https://'"),
    ("origins", [""], ValueError, f"{NO_URL}''"),
    ("origins", ["http://a/b"], ValueError, "have no path, got 'http://a/b'"),
    ("origins", ["http://a?b"], ValueError, "have no path, got 'http://a?b'"),
]


class TestTerms:
    def test_defaults(self):
        """Terms without arguments are the documented defaults."""
        terms = Terms()

        assert RetryPolicy() == terms.policy
        assert (10.0, 3.0, 0.1) == (
            terms.budget.capacity,
            terms.budget.start,
            terms.budget.per_success,
        )
        assert (None, None, None, None, "raise") == (
            terms.origins,
            terms.namespace,
            terms.secret,
            terms.retention,
            terms.doubt,
        )
        assert terms.lookup.find("POST", URL).profile is GENERIC
        assert 3_600.0 == DEFAULT_RETENTION

    def test_not_shared(self):
        """Two clients share neither budget nor memory unless they are told."""
        one, other = Terms(), Terms()

        for name in ("budget", "memory", "watchdog", "guard"):
            assert getattr(one, name) is not getattr(other, name)

    def test_given(self):
        """What is given is used as it is."""
        policy, budget = RetryPolicy(attempts=2), RetryBudget()

        terms = Terms(
            policy=policy,
            budget=budget,
            namespace="shop-live",
            secret=SECRET,
            retention=dt.timedelta(days=1),
            doubt="return",
        )

        assert policy is terms.policy
        assert budget is terms.budget
        assert ("shop-live", SECRET.encode(), 86_400.0, "return") == (
            terms.namespace,
            terms.secret,
            terms.retention,
            terms.doubt,
        )

    @pytest.mark.parametrize(("name", "value", "kind", "message"), REFUSED)
    def test_refused(self, name, value, kind, message):
        """A refusal gives the argument, the rule and what was got."""
        rule = rf"^{name} must {re.escape(message)}$"

        with pytest.raises(kind, match=rule):
            Terms(**{name: value})

    def test_repr(self):
        """Terms that are logged do not show the secret."""
        shown = repr(Terms(secret=SECRET))

        assert SECRET not in shown
        assert "secret" not in shown

    def test_frozen(self):
        """Terms cannot be changed under a running call."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Terms().retention = 1.0


@pytest.mark.parametrize("library", LIBRARIES)
class TestVouches:
    @pytest.mark.parametrize(
        ("origins", "base", "vouched"),
        [
            (None, None, True),
            ((), None, False),
            (("https://api.example.com",), None, True),
            (("https://other.example.com",), None, False),
            (("http://api.example.com",), None, False),
            (None, "https://api.example.com/v1/", True),
            (None, "https://api.example.com:8443/v1/", False),
            (None, "https://other.example.com", False),
            ((), "https://api.example.com", True),
            (("https://api.example.com",), "https://other.example.com", True),
            (("https://a",), "https://b", False),
        ],
    )
    def test_hosts(self, library, origins, base, vouched):
        """The base_url and origins are vouched for; without both, all are."""
        terms = Terms(origins=origins)

        assert vouched is terms.vouches(
            origin(library.URL(str(URL))),
            None if base is None else origin(library.URL(base)),
        )
