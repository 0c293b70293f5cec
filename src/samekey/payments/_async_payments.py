"""
The async twin of `Payments`: it awaits, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from samekey._journal_parts import Entry, Resolution
from samekey._mixins import AsyncClientMixin, ClientMixin
from samekey._parts import KeyPart
from samekey._report import Report
from samekey.errors import GaveUp
from samekey.keys import Operation
from samekey.payments._adapter import Adapter
from samekey.payments._flow import Again, Ask, Flow
from samekey.payments._plan import options_of, plan_of
from samekey.payments._results import Payment, Refund


if TYPE_CHECKING:
    from samekey import _httpx, httpx2


T = TypeVar("T")


class AsyncPayments:
    """Same as `Payments`, awaiting; for asyncio and trio."""

    def __init__(
        self,
        client: _httpx.AsyncClient | httpx2.AsyncClient,
        adapter: Adapter | None = None,
    ) -> None:
        self._client: Any = client
        self._plan = plan_of(
            client, adapter, wanted=AsyncClientMixin, other=ClientMixin
        )

    async def create(
        self,
        *,
        amount: int,
        currency: str,
        source: str,
        operation: KeyPart | Operation,
        capture: bool = True,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Payment:
        """Same as `Payments.create`, awaiting."""
        return await self._run(
            self._plan.create(
                amount=amount,
                currency=currency,
                source=source,
                operation=operation,
                capture=capture,
                description=description,
                metadata=metadata,
                extra=extra,
            )
        )

    async def refund(
        self,
        payment_id: str,
        *,
        operation: KeyPart | Operation,
        amount: int | None = None,
        currency: str | None = None,
        metadata: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Refund:
        """Same as `Payments.refund`, awaiting."""
        return await self._run(
            self._plan.refund(
                payment_id,
                operation=operation,
                amount=amount,
                currency=currency,
                metadata=metadata,
                extra=extra,
            )
        )

    async def capture(
        self,
        payment_id: str,
        *,
        operation: KeyPart | Operation,
        amount: int | None = None,
        currency: str | None = None,
    ) -> Payment:
        """Same as `Payments.capture`, awaiting."""
        return await self._run(
            self._plan.capture(
                payment_id,
                operation=operation,
                amount=amount,
                currency=currency,
            )
        )

    async def cancel(
        self, payment_id: str, *, operation: KeyPart | Operation
    ) -> Payment:
        """Same as `Payments.cancel`, awaiting."""
        return await self._run(
            self._plan.cancel(payment_id, operation=operation)
        )

    async def get(self, payment_id: str) -> Payment:
        """Same as `Payments.get`, awaiting."""
        return await self._run(self._plan.get(payment_id))

    async def resolve(
        self,
        doubt: BaseException | Report,
        *,
        operation: KeyPart | Operation | None = None,
    ) -> Payment | Refund:
        """Same as `Payments.resolve`, awaiting."""
        return await self._run(self._plan.resolve(doubt, operation))

    async def reconcile(self, entry: Entry) -> Resolution | None:
        """Same as `Payments.reconcile`, awaiting."""
        return await self._run(self._plan.reconcile(entry))

    async def _run(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    response = await self._take(step)
                except GaveUp as exc:
                    step = flow.throw(exc)
                else:
                    step = flow.send(response)
        except StopIteration as stop:
            return cast("T", stop.value)

    async def _take(self, step: Ask | Again) -> Any:
        if isinstance(step, Again):
            return await self._client.resume(step.exc)
        call = step.call
        return await self._client.request(
            call.method, call.path, **options_of(step)
        )
