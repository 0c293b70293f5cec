"""Where a URL does not show its parts, the lookup takes the long way."""

from __future__ import annotations

import httpx
import pytest

import samekey

from samekey import _door


@pytest.mark.parametrize("parts", [True, False])
def test_lookup(monkeypatch, parts):
    """A profile is found for each URL, whatever httpx keeps of it."""
    monkeypatch.setattr(_door, "has_parts", lambda cls: parts)
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    client = samekey.wrap(httpx.Client(transport=transport))

    for url in ("https://a.example/b", "https://api.checkout.com/a") * 2:
        response = client.post(url)
        names = set(response.request.headers) & {
            "idempotency-key",
            "cko-idempotency-key",
        }
        short = "checkout" not in url
        assert {"idempotency-key" if short else "cko-idempotency-key"} == names
