"""
The retrying payments helper. It checks nothing and decides nothing.
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


class Payments:
    """
    Take payments, each once, over a client that retries.

    Everything that moves money needs *operation*, and has no default for it.
    A key that is made anew for each call protects one call from its own
    retries; it does not stop the second click, the job that is run again or
    the restart after a crash. An operation id does: a call with the same one
    gives the same payment. Each verb has ids of its own, so that the charge
    and the refund of `("order", 123)` can both use that.

    With a journal on the client (`journal="payments.db"`) a payment that is
    recorded is given again and nothing is sent, also after a crash. The same
    operation id with another amount is `OperationChanged`. Every method may
    raise what a call of the client may, such as `InDoubt`.

    Args:
        client: A client of samekey, as from `samekey.wrap`. Its base_url is
            the API's, and its auth too.

        adapter: How the API is spoken. Default `GenericAdapter()`.

    Raises:
        TypeError: If *client* is not wrapped, or is async.

        ValueError: If it was made with `doubt="return"`.
    """

    def __init__(
        self,
        client: _httpx.Client | httpx2.Client,
        adapter: Adapter | None = None,
    ) -> None:
        self._client: Any = client
        self._plan = plan_of(
            client, adapter, wanted=ClientMixin, other=AsyncClientMixin
        )

    def create(
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
        """
        Make a payment.

        Args:
            amount: In minor units, as ISO 4217 has them: 1050 is 10.50 EUR.
                `minor_units` makes it of a Decimal.

            currency: A code of ISO 4217.

            source: The API's token for a card or an account. Never a card
                number.

            operation: What this pays for, such as `("order", 123)`.

            capture: False: only hold the money, for `capture` or `cancel`.

            description: For people.

            metadata: Strings by name, kept with the payment.

            extra: Other fields of the API's, by their own names.

        Raises:
            PaymentRefused: If the API refused; no money was moved.

            PaymentError: If its answer says neither.

            TypeError, ValueError: If an argument is wrong; nothing was sent.
        """
        return self._run(
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

    def refund(
        self,
        payment_id: str,
        *,
        operation: KeyPart | Operation,
        amount: int | None = None,
        currency: str | None = None,
        metadata: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Refund:
        """
        Give money back.

        Args:
            payment_id: Of the payment.

            operation: What this refund is. Two parts of one payment need two.

            amount: In minor units. Default: all that is left.

            currency: That of *amount*. `StripeAdapter` needs both or neither.

            metadata, extra: As those of `create`.

        Raises: As `create`.
        """
        return self._run(
            self._plan.refund(
                payment_id,
                operation=operation,
                amount=amount,
                currency=currency,
                metadata=metadata,
                extra=extra,
            )
        )

    def capture(
        self,
        payment_id: str,
        *,
        operation: KeyPart | Operation,
        amount: int | None = None,
        currency: str | None = None,
    ) -> Payment:
        """Take money that is held. Arguments and errors as of `refund`."""
        return self._run(
            self._plan.capture(
                payment_id,
                operation=operation,
                amount=amount,
                currency=currency,
            )
        )

    def cancel(
        self, payment_id: str, *, operation: KeyPart | Operation
    ) -> Payment:
        """Give up a payment that is not taken yet; errors as of `create`."""
        return self._run(self._plan.cancel(payment_id, operation=operation))

    def get(self, payment_id: str) -> Payment:
        """
        Read a payment.

        Raises:
            PaymentError: If the API does not give it, as for an unknown id.
        """
        return self._run(self._plan.get(payment_id))

    def resolve(
        self,
        doubt: BaseException | Report,
        *,
        operation: KeyPart | Operation | None = None,
    ) -> Payment | Refund:
        """
        Find out what became of a call that ended in doubt.

        A `create` is looked up by its reference first, if the API can. What
        is not found so is sent again under its key, which does it once if it
        was not done. For that *doubt* must be the exception itself, not
        pickled.

        Args:
            doubt: An `InDoubt`, `AnswerLost`, `KeyExpired` or `PaymentError`
                that left a call, or its report.

            operation: That of the `create`, where *doubt* does not tell.

        Raises:
            PaymentError: If nothing was found and it cannot be sent again
                from here. That does not prove that nothing was done: make
                the call again with the same operation id.

            ValueError: If *doubt* does not tell which call it was.

            LookupError: If no operation is behind *doubt*.

            GaveUp: As for any call.
        """
        return self._run(self._plan.resolve(doubt, operation))

    def reconcile(self, entry: Entry) -> Resolution | None:
        """
        Tell what the API knows of a payment that is pending in the journal.

        For `client.recover(payments.reconcile)`, after a crash.
        """
        return self._run(self._plan.reconcile(entry))

    def _run(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    response = self._take(step)
                except GaveUp as exc:
                    step = flow.throw(exc)
                else:
                    step = flow.send(response)
        except StopIteration as stop:
            return cast("T", stop.value)

    def _take(self, step: Ask | Again) -> Any:
        if isinstance(step, Again):
            return self._client.resume(step.exc)
        call = step.call
        return self._client.request(call.method, call.path, **options_of(step))
