"""What a server says of retries, besides Retry-After."""

from __future__ import annotations

import httpx
import pytest

from paper import Paper, answer

from samekey._waits import rate_limit, should_retry
from samekey.profiles import Profile


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, None),
        ({"x-should-retry": "true"}, True),
        ({"x-should-retry": " FALSE "}, False),
        ({"x-should-retry": "perhaps"}, None),
        ({"retry-after": "true"}, None),
        ({"transient-error": "true", "x-should-retry": "false"}, False),
    ],
)
def test_should_retry(headers, told):
    """The first hint that says it goes before the others."""
    hints = ("x-should-retry", "retry-after", "transient-error")

    assert should_retry(hints, httpx.Headers(headers)) is told


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW) - 30)}, 0.0),
        ({"x-ratelimit-reset": "-1"}, 0.0),
        ({"x-ratelimit-reset": "soon", "ratelimit": "r=0;t=7"}, 7.0),
        ({"ratelimit": '"default";r=50;t=30'}, 30.0),
        ({"ratelimit": '"default";r=50;t=30000000000'}, 0.0),
        ({"ratelimit": "r=1"}, 0.0),
    ],
)
def test_rate_limit(headers, seconds):
    """How long a rate limit holds is read strictly."""
    hints = ("x-ratelimit-reset", "ratelimit")

    assert seconds == rate_limit(hints, httpx.Headers(headers), NOW)


def test_only_what_the_profile_names_is_read():
    """A header that the API is not known for says nothing."""
    headers = httpx.Headers({"x-ratelimit-reset": "12", "ratelimit": "t=7"})

    assert 0.0 == rate_limit((), headers, NOW)
    assert should_retry((), headers) is None


def test_a_rate_limit_is_waited_for():
    """A 429 is asked again once the limit is over."""
    profile = Profile("api", hints=["x-ratelimit-reset"])
    limited = answer(429, headers={"X-RateLimit-Reset": "12"})
    paper = Paper(limited, answer(200), profile=profile)

    paper.post()

    assert [12.0] == paper.slept
