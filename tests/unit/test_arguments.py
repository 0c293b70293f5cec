"""What a user gives to a client is read in every form that it may have."""

import httpx
import httpx2
import pytest

from samekey._arguments import check_origins, check_policy
from samekey._library import origin
from samekey._policy import RetryPolicy


def test_policy_of_call():
    """A call's own policy is checked as the client's is."""
    rule = r"^policy must be a RetryPolicy, got dict$"

    assert RetryPolicy() == check_policy(None)
    with pytest.raises(TypeError, match=rule):
        check_policy({})


@pytest.mark.parametrize("library", [httpx, httpx2])
class TestOrigins:
    @pytest.mark.parametrize(
        "text",
        [
            "https://api.example.com",
            "https://API.example.COM/",
            "https://api.example.com:443",
            "http://api.example.com",
            "http://localhost:8000",
            "http://127.0.0.1:80",
            "https://[2001:db8::1]:8443",
            "https://b\u00fccher.example",
            "https://xn--bcher-kva.example",
            "https://shop.b\u00fccher.example",
            "https://shop.xn--bcher-kva.example",
            "https://xn--strae-oqa.example",
        ],
    )
    def test_same_as_library(self, library, text):
        """An origin is that of a request to it, however it is written."""
        assert check_origins([text]) == {origin(library.URL(text))}

    def test_kinds(self, library):
        """Origins may be strings or URLs, in any collection."""
        urls = (library.URL("https://a"), "https://b:8443/")

        found = check_origins(iter(urls))

        assert {("https", "a", 443), ("https", "b", 8443)} == found


def test_user_info():
    """A refusal does not show a password."""
    with pytest.raises(ValueError, match=r"^origins must (?!.*hunter2).*$"):
        check_origins(["https://me:hunter2@api.example.com/v1"])
