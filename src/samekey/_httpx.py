"""`Client` and `AsyncClient` for httpx."""

from __future__ import annotations

import httpx

from samekey._client import AsyncClientMixin, ClientMixin


class Client(ClientMixin, httpx.Client):
    """An `httpx.Client` that retries under one key."""


class AsyncClient(AsyncClientMixin, httpx.AsyncClient):
    """An `httpx.AsyncClient` that retries under one key."""
