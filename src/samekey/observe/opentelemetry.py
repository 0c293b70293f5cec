"""
Spans and metrics of operations, for OpenTelemetry.
"""

from __future__ import annotations

import math
import time

from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider

from samekey._report import Attempt, key_hint
from samekey.hooks import About, AttemptEnded, OperationEnded, RetryPlanned
from samekey.observe._facts import method_of, operation_of, trouble_of


SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)

_PORTS = {"http": 80, "https": 443}


class OpenTelemetryHook:
    """
    Makes a span of each operation, and a child of each of its attempts.

    They are made when the outcome is known, with the times at which things
    happened, below the span that is current in the caller's code. An attempt's
    span has the names of the HTTP conventions: `http.request.method`,
    `server.address`, `server.port`, `url.scheme`,
    `http.response.status_code`, `http.request.resend_count`, `error.type`; and
    `samekey.verdict`. An operation's has `samekey.outcome`, `samekey.reason`,
    `samekey.attempts`, `samekey.key` (its tail), `samekey.profile` and
    `samekey.replayed`. Its status is ERROR if it is in doubt, not executed, or
    raised. `url.full` is left out: paths and queries hold ids and tokens.

    The metrics are the counters `samekey.operations`, `samekey.attempts`,
    `samekey.budget.refusals` and `samekey.replays`, and the histogram
    `samekey.wait`, in seconds.

    It adds no header to a request. If the server's spans are to be children of
    yours, use an instrumentation of the client too.

    Args:
        tracer_provider: Where spans go. By default the process's own.

        meter_provider: Where metrics go. By default the process's own.

        operation_ids: Show operation ids in spans, as `samekey.operation`.
            They may name a person.

        hosts: Give each metric a `server.address`. Only for clients that talk
            to a few known hosts.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        operation_ids: bool = False,
        hosts: bool = False,
    ) -> None:
        self._ids = operation_ids
        self._hosts = hosts
        self._start = trace.get_tracer(
            "samekey", tracer_provider=tracer_provider, schema_url=SCHEMA
        ).start_span
        meter = get_meter(
            "samekey", meter_provider=meter_provider, schema_url=SCHEMA
        )
        self._operations = meter.create_counter(
            "samekey.operations", "{operation}", "Operations, by outcome."
        )
        self._attempts = meter.create_counter(
            "samekey.attempts", "{attempt}", "Sends, by what they tell."
        )
        self._waits = meter.create_histogram(
            "samekey.wait",
            "s",
            "How long is waited before an attempt.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._refusals = meter.create_counter(
            "samekey.budget.refusals",
            "{operation}",
            "Retries that the budget refused.",
        )
        self._replays = meter.create_counter(
            "samekey.replays", "{answer}", "Answers that had been recorded."
        )

    def on_attempt(self, event: AttemptEnded) -> None:
        """Count an attempt."""
        attempt = event.attempt
        labels = self._labels(event.about)
        labels["samekey.verdict"] = attempt.verdict.value
        if attempt.status is not None:
            labels["http.response.status_code"] = attempt.status
        self._attempts.add(1, labels)

    def on_retry(self, event: RetryPlanned) -> None:
        """Note how long is waited."""
        labels = self._labels(event.about)
        labels["samekey.poll"] = event.poll
        self._waits.record(event.wait, labels)

    def on_outcome(self, event: OperationEnded) -> None:
        """Make the spans of an operation, and count it."""
        about = event.about
        report = event.report
        trouble = trouble_of(event)
        labels = self._labels(about)
        labels["samekey.outcome"] = report.outcome.value
        labels["samekey.profile"] = about.profile
        if trouble is not None:
            labels["error.type"] = trouble
        self._operations.add(1, labels)
        if event.reason == "budget":
            self._refusals.add(1, self._labels(about))
        if report.replayed is not None:
            replay = self._labels(about)
            replay["samekey.replayed"] = report.replayed
            self._replays.add(1, replay)
        self._trace(event, labels, trouble)

    def _labels(self, about: About) -> dict[str, Any]:
        labels: dict[str, Any] = {"http.request.method": method_of(about)}
        if self._hosts:
            labels["server.address"] = about.host
        return labels

    def _trace(
        self,
        event: OperationEnded,
        labels: dict[str, Any],
        trouble: str | None,
    ) -> None:
        about = event.about
        report = event.report
        attempts = event.attempts
        method = labels["http.request.method"]
        name = "HTTP" if method == "_OTHER" else method
        about_all = {
            "http.request.method": method,
            "server.address": about.host,
            **_port_of(about),
        }
        attributes = {
            **labels,
            **about_all,
            "samekey.key": key_hint(about.key),
            "samekey.attempts": len(report.attempts),
        }
        if event.reason is not None:
            attributes["samekey.reason"] = event.reason
        if report.replayed is not None:
            attributes["samekey.replayed"] = report.replayed
        if self._ids and about.operation is not None:
            attributes["samekey.operation"] = operation_of(about) or ""
        span = self._start(
            f"samekey {name}",
            attributes=attributes,
            start_time=_nanoseconds(attempts[0].started) if attempts else None,
        )
        end = time.time_ns()
        if span.is_recording():
            if attempts:
                context = trace.set_span_in_context(span)
                for attempt in attempts:
                    end = max(
                        end, self._trace_one(name, about_all, attempt, context)
                    )
            if trouble is not None:
                said = event.reason or report.outcome.value
                span.set_status(Status(StatusCode.ERROR, said))
        span.end(end)

    def _trace_one(
        self,
        name: str,
        about: dict[str, Any],
        attempt: Attempt,
        context: Any,
    ) -> int:
        """Make the span of an attempt; give its end."""
        attributes = {**about, "samekey.verdict": attempt.verdict.value}
        error = attempt.error
        status = attempt.status
        if status is not None:
            attributes["http.response.status_code"] = status
            if error is None and status >= 400:
                error = str(status)
        if attempt.number > 1:
            attributes["http.request.resend_count"] = attempt.number - 1
        if error is not None:
            attributes["error.type"] = error
        start = _nanoseconds(attempt.started)
        end = start + _nanoseconds(attempt.elapsed)
        span = self._start(
            name, context, SpanKind.CLIENT, attributes, start_time=start
        )
        if error is not None:
            span.set_status(_ERROR)
        span.end(end)
        return end


_ERROR = Status(StatusCode.ERROR)


def _port_of(about: About) -> dict[str, Any]:
    scheme = about.url.scheme
    port = about.url.port
    if port is None:
        port = _PORTS.get(scheme)
    found: dict[str, Any] = {"url.scheme": scheme}
    if port is not None:
        found["server.port"] = port
    return found


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9) if math.isfinite(seconds) else 0
