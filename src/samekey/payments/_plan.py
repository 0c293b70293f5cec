"""
What both kinds of `Payments` do before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekey._journal_parts import Entry, Resolution
from samekey._report import Report
from samekey.keys import Operation
from samekey.payments import _flow as flows
from samekey.payments._adapter import Adapter, Change, Order
from samekey.payments._checks import (
    check_client,
    check_extra_fields,
    check_metadata,
    check_part,
    check_payment_id,
    check_source,
    check_text,
)
from samekey.payments._flow import Ask, Flow
from samekey.payments._generic import GenericAdapter
from samekey.payments._money import check_amount, check_currency
from samekey.payments._naming import named, reference
from samekey.payments._results import Payment, Refund


class Plan:
    """Checks arguments, and makes the flow of each call."""

    def __init__(
        self,
        adapter: Adapter,
        *,
        namespace: str | None,
        secret: bytes | None,
    ) -> None:
        self._adapter = adapter
        self._namespace = namespace
        self._secret = secret

    def create(
        self,
        *,
        amount: object,
        currency: object,
        source: object,
        operation: object,
        capture: bool,
        description: str | None,
        metadata: Mapping[str, str] | None,
        extra: Mapping[str, Any] | None,
    ) -> Flow[Payment]:
        asked = named("create", operation)
        order = Order(
            amount=check_amount(amount),
            currency=check_currency(currency),
            source=check_source(source),
            reference=self.refer(asked),
            capture=capture,
            description=None
            if description is None
            else check_text(description, "description"),
            metadata=check_metadata(metadata),
            extra=check_extra_fields(extra, "extra"),
        )
        adapter = self._adapter
        call = adapter.create(order)
        return flows.move(adapter, call, asked, adapter.read)

    def refund(
        self,
        payment_id: object,
        *,
        operation: object,
        amount: object,
        currency: object,
        metadata: Mapping[str, str] | None,
        extra: Mapping[str, Any] | None,
    ) -> Flow[Refund]:
        asked = named("refund", operation)
        change = _change(
            payment_id, amount, currency, metadata=metadata, extra=extra
        )
        adapter = self._adapter
        call = adapter.refund(change)
        return flows.move(adapter, call, asked, adapter.read_refund)

    def capture(
        self,
        payment_id: object,
        *,
        operation: object,
        amount: object,
        currency: object,
    ) -> Flow[Payment]:
        asked = named("capture", operation)
        adapter = self._adapter
        call = adapter.capture(_change(payment_id, amount, currency))
        return flows.move(adapter, call, asked, adapter.read)

    def cancel(
        self, payment_id: object, *, operation: object
    ) -> Flow[Payment]:
        asked = named("cancel", operation)
        adapter = self._adapter
        call = adapter.cancel(_change(payment_id))
        return flows.move(adapter, call, asked, adapter.read)

    def get(self, payment_id: object) -> Flow[Payment]:
        call = self._adapter.get(check_payment_id(payment_id))
        return flows.look(self._adapter, call)

    def resolve(
        self, doubt: BaseException | Report, operation: object
    ) -> Flow[Payment | Refund]:
        return flows.resolve(self._adapter, doubt, operation, self.refer)

    def reconcile(self, entry: Entry) -> Flow[Resolution | None]:
        return flows.reconcile(self._adapter, entry, self.refer)

    def refer(self, operation: Operation) -> str:
        """Make the reference of *operation*, which `named` made."""
        return reference(
            operation, namespace=self._namespace, secret=self._secret
        )


def _change(
    payment_id: object,
    amount: object = None,
    currency: object = None,
    *,
    metadata: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Change:
    part, code = check_part(amount, currency)
    return Change(
        payment_id=check_payment_id(payment_id),
        amount=part,
        currency=code,
        metadata=check_metadata(metadata),
        extra=check_extra_fields(extra, "extra"),
    )


def plan_of(
    client: Any, adapter: Adapter | None, *, wanted: type, other: type
) -> Plan:
    """
    Make the plan of calls over *client*, which is to be a *wanted* one.

    Raises:
        TypeError: If it is none.

        ValueError: If it returns doubt in place of raising it.
    """
    check_client(client, wanted, other)
    terms = client._samekey.terms
    return Plan(
        GenericAdapter() if adapter is None else adapter,
        namespace=terms.namespace,
        secret=terms.secret,
    )


def options_of(step: Ask) -> dict[str, Any]:
    """Write a step as options of a client's `request`."""
    options = step.call.options()
    if step.operation is not None:
        options["operation"] = step.operation
    return options
