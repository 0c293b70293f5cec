"""`Client` and `AsyncClient` for httpx2."""

from __future__ import annotations

import httpx2

from samekey._client import AsyncClientMixin, ClientMixin


class Client(ClientMixin, httpx2.Client):
    """An `httpx2.Client` that retries under one key."""


class AsyncClient(AsyncClientMixin, httpx2.AsyncClient):
    """An `httpx2.AsyncClient` that retries under one key."""
