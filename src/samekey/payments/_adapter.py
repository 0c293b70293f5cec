"""
What stands between samekey and one payments API.

An `Adapter` does no I/O and decides nothing about retries. It writes calls
and reads answers, so it is tested without a network.
"""

from __future__ import annotations

import json as json_module
import urllib.parse

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from samekey._report import Report
from samekey.payments._results import Payment, Refund


@attrs.frozen(kw_only=True)
class Order:
    """
    A payment to be made; all of it has been checked.

    Attributes:
        amount: In minor units as ISO 4217 has them. *currency*: in capitals.

        source: What is charged: the API's token for a card or an account.

        reference: Made from the operation id, the same at every try. Put it
            where `Adapter.find` can find it.

        capture: False: only hold the money.

        description, metadata: For people, as the caller gave them.

        extra: Other fields of the API's, by their own names.
    """

    amount: int
    currency: str
    source: str = attrs.field(repr=False)
    reference: str = attrs.field(repr=False)
    capture: bool = True
    description: str | None = attrs.field(default=None, repr=False)
    metadata: Mapping[str, str] = attrs.field(
        factory=dict[str, str], repr=False
    )
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen(kw_only=True)
class Change:
    """
    What is to become of a payment: a refund, a capture.

    Attributes:
        payment_id: The API's own.

        amount: In minor units; None: all of it. *currency*: None if the
            caller did not say.

        metadata, extra: As those of an `Order`.
    """

    payment_id: str
    amount: int | None = None
    currency: str | None = None
    metadata: Mapping[str, str] = attrs.field(
        factory=dict[str, str], repr=False
    )
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class Call:
    """
    A request, before the client sends it.

    Attributes:
        method: Such as `"POST"`.

        path: Below the client's base_url.

        json: Sent as JSON, if it is not None.

        form: Names and values, sent as a form, if it is not None.

        params: The query.

        headers: Besides the client's own.
    """

    method: str
    path: str
    json: Any = attrs.field(default=None, kw_only=True, repr=False)
    form: Sequence[tuple[str, str]] | None = attrs.field(
        default=None, kw_only=True, repr=False
    )
    params: Mapping[str, str] = attrs.field(
        factory=dict[str, str], kw_only=True, repr=False
    )
    headers: Mapping[str, str] = attrs.field(
        factory=dict[str, str], kw_only=True, repr=False
    )

    def options(self) -> dict[str, Any]:
        """
        Write it as options of a client's `request`.

        The bytes of a body are made here, not by the library: they must not
        change with its version, or a retry after an upgrade is another
        payload to the server.
        """
        options: dict[str, Any] = {"headers": dict(self.headers)}
        if self.params:
            options["params"] = dict(self.params)
        if self.json is not None:
            options["content"] = json_module.dumps(
                self.json,
                allow_nan=False,
                ensure_ascii=False,
                separators=(",", ":"),
                sort_keys=True,
            ).encode()
            options["headers"]["Content-Type"] = "application/json"
        elif self.form is not None:
            options["content"] = urllib.parse.urlencode(self.form).encode()
            options["headers"]["Content-Type"] = (
                "application/x-www-form-urlencoded"
            )
        return options


@attrs.frozen(kw_only=True)
class Reply:
    """
    An answer, read to its end.

    Attributes:
        status: The HTTP status.

        data: The JSON object that it is; empty if it is none.

        headers: Its headers, by lower-case name.

        report: Goes into the `Payment` or `Refund` that is read from it.
    """

    status: int
    data: Mapping[str, Any] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    report: Report


@attrs.frozen
class Refusal:
    """
    What an API says when it refuses.

    Attributes:
        code: What the API calls it.

        message: What it says in words.
    """

    code: str | None = None
    message: str | None = None


class Adapter(Protocol):
    """
    How one payments API is spoken. Write one for yours; it does no I/O.

    The same arguments must always give the same `Call`: it is sent again
    under its key after a crash. A method for something that the API cannot do
    raises `NotImplementedError`; nothing is sent then.
    """

    def create(self, order: Order, /) -> Call:
        """Write the call that makes a payment."""
        ...

    def refund(self, change: Change, /) -> Call:
        """Write the call that gives money back."""
        ...

    def capture(self, change: Change, /) -> Call:
        """Write the call that takes money that is held."""
        ...

    def cancel(self, change: Change, /) -> Call:
        """Write the call that gives up a payment, or frees what is held."""
        ...

    def get(self, payment_id: str, /) -> Call:
        """Write the call that reads a payment."""
        ...

    def find(self, reference: str, /) -> Call | None:
        """
        Write the call that looks payments up by their reference.

        None if the API has no such call.
        """
        ...

    def read(self, reply: Reply, /) -> Payment:
        """
        Read a payment from a 2xx answer.

        What it raises, if it is none, becomes a `PaymentError`.
        """
        ...

    def read_refund(self, reply: Reply, /) -> Refund:
        """Read a refund from a 2xx answer, as `read` does."""
        ...

    def read_found(self, reply: Reply, reference: str, /) -> Sequence[Payment]:
        """
        Read what `find` found from a 2xx answer.

        Those without *reference* do not belong in it.
        """
        ...

    def refusal(self, reply: Reply, /) -> Refusal | None:
        """
        Tell why the API refused; None if it did not, for all it says.

        Say that it refused only where this answer means that nothing was
        done: not for a 409 that may mean "done before".
        """
        ...
