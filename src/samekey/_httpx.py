"""`Client` and `AsyncClient` for httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from samekey._mixins import AsyncClientMixin, ClientMixin
from samekey._verbs import SHORTCUTS


if TYPE_CHECKING:
    from contextlib import (
        _AsyncGeneratorContextManager,
        _GeneratorContextManager,
    )
    from typing import Any, TypedDict, Unpack

    from httpx._client import UseClientDefault
    from httpx._types import (
        AuthTypes,
        CookieTypes,
        HeaderTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        TimeoutTypes,
    )

    from samekey._journal_parts import Recovered
    from samekey._parts import KeyPart
    from samekey._policy import RetryPolicy
    from samekey._recovering import AsyncReconcile, Reconcile, Tell
    from samekey._terms import ClientTerms
    from samekey.keys import Operation

    class _Options(TypedDict, total=False):
        params: QueryParamTypes | None
        headers: HeaderTypes | None
        cookies: CookieTypes | None
        auth: AuthTypes | UseClientDefault | None
        follow_redirects: bool | UseClientDefault
        timeout: TimeoutTypes | UseClientDefault
        extensions: RequestExtensions | None
        operation: KeyPart | Operation
        idempotency_key: str
        policy: RetryPolicy | None

    class _BodyOptions(_Options, total=False):
        content: RequestContent | None
        data: RequestData | None
        files: RequestFiles | None
        json: Any | None

    class _ClientOptions(ClientTerms, total=False):
        auth: AuthTypes | None
        params: QueryParamTypes | None
        headers: HeaderTypes | None
        cookies: CookieTypes | None
        verify: Any
        cert: Any
        trust_env: bool
        http1: bool
        http2: bool
        proxy: Any
        mounts: Any
        timeout: TimeoutTypes
        follow_redirects: bool
        limits: httpx.Limits
        max_redirects: int
        event_hooks: Any
        base_url: httpx.URL | str
        transport: Any
        default_encoding: Any

    # The types alone; what they inherit at run time stands below.

    class Client(httpx.Client):
        """An `httpx.Client` that retries under one key."""

        def __init__(self, **options: Unpack[_ClientOptions]) -> None: ...
        def resume(self, exc: BaseException) -> httpx.Response: ...
        def recover(
            self,
            reconcile: Reconcile | None = None,
            *,
            progress: Tell | None = None,
        ) -> Recovered: ...
        def request(
            self,
            method: str,
            url: httpx.URL | str,
            **options: Unpack[_BodyOptions],
        ) -> httpx.Response: ...
        def stream(
            self,
            method: str,
            url: httpx.URL | str,
            **options: Unpack[_BodyOptions],
        ) -> _GeneratorContextManager[httpx.Response]: ...
        def get(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        def options(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        def head(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        def post(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        def put(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        def patch(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        def delete(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...

    class AsyncClient(httpx.AsyncClient):
        """An `httpx.AsyncClient` that retries under one key."""

        def __init__(self, **options: Unpack[_ClientOptions]) -> None: ...
        async def resume(self, exc: BaseException) -> httpx.Response: ...
        async def recover(
            self,
            reconcile: AsyncReconcile | None = None,
            *,
            progress: Tell | None = None,
        ) -> Recovered: ...
        async def request(
            self,
            method: str,
            url: httpx.URL | str,
            **options: Unpack[_BodyOptions],
        ) -> httpx.Response: ...
        def stream(
            self,
            method: str,
            url: httpx.URL | str,
            **options: Unpack[_BodyOptions],
        ) -> _AsyncGeneratorContextManager[httpx.Response]: ...
        async def get(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        async def options(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        async def head(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...
        async def post(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        async def put(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        async def patch(
            self, url: httpx.URL | str, **options: Unpack[_BodyOptions]
        ) -> httpx.Response: ...
        async def delete(
            self, url: httpx.URL | str, **options: Unpack[_Options]
        ) -> httpx.Response: ...

else:

    class Client(ClientMixin, httpx.Client):
        """An `httpx.Client` that retries under one key."""

        post, put, patch = (SHORTCUTS[n] for n in ("post", "put", "patch"))

    class AsyncClient(AsyncClientMixin, httpx.AsyncClient):
        """An `httpx.AsyncClient` that retries under one key."""

        post, put, patch = (SHORTCUTS[n] for n in ("post", "put", "patch"))


__all__ = ["AsyncClient", "Client"]
