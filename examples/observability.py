"""
Watch what a client does: hooks of your own, and the four that come along.

You will see one payment, whose first answer is lost and whose second attempt
meets a 503, as five listeners tell of it: a function that is given each event,
the records of the standard library's logging, an event of structlog, the spans
of OpenTelemetry, which go to memory here, and the metrics of Prometheus. The
key is shown by its last six characters only.
"""

import logging
import sys

import structlog
import tenacity

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)
from prometheus_client import CollectorRegistry

import samekey

from samekey.hooks import Event, OperationEnded, RetryPlanned
from samekey.observe.logging import LoggingHook
from samekey.observe.opentelemetry import OpenTelemetryHook
from samekey.observe.prometheus import PrometheusHook
from samekey.observe.structlog import StructlogHook
from samekey.testing import Fault, PaymentServer


QUICK = samekey.RetryPolicy(wait=tenacity.wait_none())
KEY = "order-17-2f9c41d07ab8e36510"  # only to have the same output each time


def watch(event: Event) -> None:
    """Be a hook: a function of one argument is enough."""
    match event:
        case RetryPlanned(attempt=attempt, wait=wait):
            what = attempt.error or attempt.status
            print(f"function: {what}, again in {wait:.1f} s")
        case OperationEnded(report=report):
            print(f"function: {report.outcome}, {report.replayed} replay")
        case _:  # each attempt
            pass


def main() -> None:
    logging.basicConfig(stream=sys.stdout, format="logging: %(message)s")
    logging.getLogger("samekey.observe").setLevel(logging.INFO)
    structlog.configure(
        processors=[structlog.processors.LogfmtRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    spans = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    registry = CollectorRegistry()
    with (
        PaymentServer([Fault.lose_answer(), Fault.status(503)]) as server,
        samekey.Client(
            base_url=server.url,
            policy=QUICK,
            hooks=[
                watch,
                LoggingHook(),
                StructlogHook(),
                OpenTelemetryHook(tracers),
                PrometheusHook(registry),
            ],
        ) as client,
    ):
        client.post(
            "/payments",
            json={"amount": 500, "card": "tok_visa"},
            idempotency_key=KEY,
        )
    for span in spans.get_finished_spans():
        said = span.attributes or {}
        print(
            f"span: {span.name}, {span.status.status_code.name},",
            said.get("samekey.outcome") or said.get("samekey.verdict"),
        )
    for metric in registry.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                words = ", ".join(sample.labels.values())
                print(f"metric: {sample.name} ({words}) {sample.value:.0f}")


if __name__ == "__main__":
    main()
