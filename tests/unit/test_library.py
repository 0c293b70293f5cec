"""An origin is read from a URL as the library itself shows it."""

import httpx
import httpx2
import pytest

from samekey._library import has_parts, origin


class Bare:
    """A URL that shows its parts, and keeps them in its own way."""

    def __init__(self, text):
        url = httpx.URL(text)
        self.scheme, self.port = url.scheme, url.port
        self.raw_host = url.raw_host


class Other(Bare):
    """A URL that keeps other things under the library's name."""

    def __init__(self, text):
        super().__init__(text)
        self._uri_reference = httpx.URL("http://other.example")._uri_reference


def label(kind):
    return f"{kind.__module__}.{kind.__name__}"


KINDS = [httpx.URL, httpx2.URL, Bare, Other]


def test_has_parts():
    """The quick way is taken with both libraries, and with nothing else."""
    assert [True, True, False, False] == [has_parts(kind) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=label)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://API.example.com/a?b", ("https", "api.example.com", 443)),
        ("HTTP://u:p@example.com:80", ("http", "example.com", 80)),
        ("http://example.com:8080/", ("http", "example.com", 8080)),
        (
            "https://b\u00fccher.example",
            ("https", "xn--bcher-kva.example", 443),
        ),
        ("http://[::1]:81/", ("http", "::1", 81)),
        ("ws://example.com", ("ws", "example.com", None)),
        ("/relative", ("", "", None)),
    ],
)
def test_origin(kind, text, expected):
    """Scheme, host and port are those that the URL shows."""
    url = kind(text)

    assert origin(url) == expected
    assert origin(url)[:2] == (url.scheme, url.raw_host.decode())
