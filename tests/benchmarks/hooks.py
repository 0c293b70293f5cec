"""
Measure what hooks cost, and what OpenTelemetry does.

Every call is a POST with a small JSON body through httpx over *null*, the
transport without I/O of `_bench.py`, or *loopback*, as in `overhead.py`; its
first try succeeds. The contestants take turns, as told there.

The first table is to a call with no hooks. *hooks=None* is the same client,
made with `hooks=None`; its ratio shows how far the machine can be trusted.
*by hand* is plain httpx with a new key in its headers. *empty object* has the
three methods, and they do nothing; *function* is a lambda.

The second table is to `opentelemetry-instrumentation-httpx` alone: a client of
httpx with a new key in its headers, which it instruments, in its default mode
or with the conventions that are stable now (`OTEL_SEMCONV_STABILITY_OPT_IN`).
Both have an SDK whose exporter drops the spans that it gets, and a meter that
nobody reads. *OpenTelemetryHook* is a samekey client with that hook and no
instrumentation: two spans a call, where the instrumentation makes one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import _bench
import httpx

from _bench import Bench, Call
from opentelemetry.instrumentation._semconv import (
    _OpenTelemetrySemanticConventionStability as Stability,
)
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from overhead import keyed, unkeyed

import samekey

from samekey.observe.logging import LoggingHook
from samekey.observe.opentelemetry import OpenTelemetryHook


ROUNDS = 100
BASE, NAIVE = "no hooks", "instrumentation"


class NoExporter(SpanExporter):
    """Drops what it gets."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Empty:
    """Does nothing, in every method."""

    def on_attempt(self, event: Any) -> None: ...
    def on_retry(self, event: Any) -> None: ...
    def on_outcome(self, event: Any) -> None: ...


def providers() -> tuple[TracerProvider, MeterProvider]:
    """Make an SDK whose spans go nowhere."""
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(NoExporter()))
    return tracers, MeterProvider([InMemoryMetricReader()])


def wrapped(bench: Bench, **terms: Any) -> Call:
    return unkeyed(bench, samekey.wrap(bench.client(), **terms))


def hooked(hook: Callable[[], object], bench: Bench) -> Call:
    return wrapped(bench, hooks=[hook()])


def traced(bench: Bench) -> Call:
    return wrapped(bench, hooks=[OpenTelemetryHook(*providers())])


def instrumented(mode: str, bench: Bench) -> Call:
    """Instrument a plain client, by the conventions of *mode*."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = mode
    Stability._initialized = False
    tracers, meters = providers()
    client = bench.client()
    HTTPXClientInstrumentor.instrument_client(client, tracers, meters)
    return keyed(bench, client)


PLAIN: dict[str, Callable[[Bench], Call]] = {
    BASE: wrapped,
    "hooks=None": partial(wrapped, hooks=None),
    "by hand": keyed,
    "empty object": partial(hooked, Empty),
    "function": partial(hooked, lambda: lambda event: None),
    "LoggingHook, off": partial(hooked, LoggingHook),
}
TRACED: dict[str, Callable[[Bench], Call]] = {
    NAIVE: partial(instrumented, ""),
    "- stable names": partial(instrumented, "http"),
    "OpenTelemetryHook": traced,
    "samekey, no hooks": wrapped,
    "by hand": keyed,
}


def table(
    title: str,
    makers: dict[str, Callable[[Bench], Call]],
    base: str,
    options: argparse.Namespace,
    url: str | None,
) -> None:
    """Measure and print one table; *base* has the ratio 1."""
    blocks: dict[str, Callable[[], float]] = {}
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        for name, make in makers.items():
            bench = Bench(httpx, runner if options.asynchronous else None, url)
            call = make(bench)
            stack.callback(bench.close)
            bench.check(call, has_key=True)
            blocks[name] = partial(bench.time, call, options.calls)
        times = _bench.take_turns(
            blocks, options.runs * ROUNDS, collect=options.gc
        )
    print(f"\n{title:28}us{'ratio':>25}{'more':>20}{'quick':>8}")
    for name, own in times.items():
        print(f"{name:18}", _bench.compare(own, times[base]))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Measure what hooks cost.")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--calls", type=int, default=10, help="in a block")
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument("--asynchronous", action="store_true")
    parser.add_argument("--loopback", action="store_true")
    parser.add_argument("--gc", action="store_true", help="collect in blocks")
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    if min(options.runs, options.calls) < 1:
        parser.error("--runs and --calls must be at least 1")
    _bench.print_header()
    packages = ("opentelemetry-sdk", "opentelemetry-instrumentation-httpx")
    print(", ".join(f"{each} {version(each)}" for each in packages))
    print(f"{options.runs} runs of {ROUNDS} blocks of {options.calls} calls")
    with _bench.server() as url:
        where = url if options.loopback else None
        table("hooks", PLAIN, BASE, options, where)
        table("OpenTelemetry", TRACED, NAIVE, options, where)


if __name__ == "__main__":
    main()
