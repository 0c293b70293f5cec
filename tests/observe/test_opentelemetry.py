"""Spans and metrics for OpenTelemetry."""

from __future__ import annotations

import httpx
import pytest

from kinds import fast
from observe.support import KEY, leaks
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

import samekey

from samekey.observe.opentelemetry import OpenTelemetryHook


class Telemetry:
    """Providers that keep what they are given."""

    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(**options)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def hook(self, **options):
        return OpenTelemetryHook(self.tracers, self.meters, **options)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    @property
    def operation(self):
        """The only span of an operation."""
        (span,) = (s for s in self.spans if s.kind is SpanKind.INTERNAL)
        return span

    @property
    def attempts(self):
        return [s for s in self.spans if s.kind is SpanKind.CLIENT]

    def points(self, name):
        """Give the data points of a metric."""
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def values(self, name, label):
        return {p.attributes.get(label): p.value for p in self.points(name)}


@pytest.fixture
def telemetry():
    """Telemetry of the test's own."""
    return Telemetry()


@pytest.fixture
def run(play, telemetry):
    """Calls that are told to a hook with that telemetry."""
    return play(telemetry.hook())


class TestSpans:
    def test_a_call(self, run, telemetry):
        """An operation has a span, and each attempt a child, as it was."""
        run.retried()

        operation = telemetry.operation
        assert operation.name == "samekey POST"
        assert dict(operation.attributes) == {
            "http.request.method": "POST",
            "server.address": "api.example.com",
            "server.port": 443,
            "url.scheme": "https",
            "samekey.outcome": "answered",
            "samekey.profile": "generic",
            "samekey.attempts": 3,
            "samekey.key": "…abcdef",
        }
        assert operation.status.status_code is StatusCode.UNSET
        first, second, third = telemetry.attempts
        about = {
            "http.request.method": "POST",
            "server.address": "api.example.com",
            "server.port": 443,
            "url.scheme": "https",
        }
        assert dict(first.attributes) == {
            **about,
            "samekey.verdict": "UNKNOWN",
            "error.type": "ReadTimeout",
        }
        assert dict(second.attributes) == {
            **about,
            "samekey.verdict": "ANSWERED",
            "http.response.status_code": 503,
            "http.request.resend_count": 1,
            "error.type": "503",
        }
        assert dict(third.attributes) == {
            **about,
            "samekey.verdict": "ANSWERED",
            "http.response.status_code": 201,
            "http.request.resend_count": 2,
        }
        assert [s.name for s in telemetry.attempts] == ["POST"] * 3
        assert [s.status.status_code for s in telemetry.attempts] == [
            StatusCode.ERROR,
            StatusCode.ERROR,
            StatusCode.UNSET,
        ]
        assert {s.parent.span_id for s in telemetry.attempts} == {
            operation.context.span_id
        }

    def test_times(self, run, telemetry):
        """Spans begin and end when the attempts did, waits between them."""
        run.retried()

        first, second, third = telemetry.attempts
        assert first.end_time - first.start_time == 3_000_000_000
        assert second.end_time - second.start_time == 2_000_000_000
        assert second.start_time > first.end_time
        operation = telemetry.operation
        assert operation.start_time == first.start_time
        assert operation.end_time >= third.end_time

    def test_parent(self, run, telemetry):
        """The span of an operation is a child of the caller's."""
        tracer = telemetry.tracers.get_tracer("shop")
        with tracer.start_as_current_span(
            "order", kind=SpanKind.SERVER
        ) as own:
            run.replayed()

        assert telemetry.operation.parent.span_id == own.context.span_id
        assert telemetry.operation.attributes["samekey.replayed"] == "server"

    def test_doubt(self, run, telemetry):
        """Doubt is an error, with the reason that it stopped."""
        run.doubted()

        operation = telemetry.operation
        assert operation.attributes["samekey.outcome"] == "in_doubt"
        assert operation.attributes["samekey.reason"] == "budget"
        assert operation.attributes["error.type"] == "InDoubt"
        assert operation.status.status_code is StatusCode.ERROR
        assert operation.status.description == "budget"

    def test_not_executed(self, run, telemetry):
        """An outcome that settles nothing is an error, raised or not."""
        run.rate_limited()

        operation = telemetry.operation
        assert operation.attributes["error.type"] == "not_executed"
        assert operation.status.status_code is StatusCode.ERROR

    def test_a_refusal_of_the_server(self, run, telemetry):
        """A 402 settles the operation; its attempt shows the error."""
        run.declined()

        assert telemetry.operation.status.status_code is StatusCode.UNSET
        assert "error.type" not in telemetry.operation.attributes
        (attempt,) = telemetry.attempts
        assert attempt.attributes["error.type"] == "402"

    def test_cut_short(self, run, telemetry):
        """An interrupt is told by its class, without a reason."""
        run.interrupted()

        operation = telemetry.operation
        assert operation.attributes["error.type"] == "KeyboardInterrupt"
        assert operation.status.description == "in_doubt"
        assert len(telemetry.attempts) == 1

    def test_refused(self, run, telemetry):
        """A call that was refused has a span, and no attempts."""
        run.changed()

        first, second = (
            s for s in telemetry.spans if s.kind is SpanKind.INTERNAL
        )
        assert first.attributes["samekey.outcome"] == "answered"
        assert second.attributes["samekey.outcome"] == "open"
        assert second.attributes["error.type"] == "OperationChanged"
        assert len(telemetry.attempts) == 1

    def test_a_resume(self, telemetry):
        """A resumed operation has a span of its own, of what is new."""
        script = [httpx.ReadTimeout, None]

        def handler(request):
            if script.pop(0) is not None:
                raise httpx.ReadTimeout("", request=request)
            return httpx.Response(201)

        with samekey.Client(
            transport=httpx.MockTransport(handler),
            policy=fast(attempts=1),
            hooks=[telemetry.hook()],
        ) as client:
            doubt = pytest.raises(
                samekey.InDoubt, client.post, "http://shop.example:8080/x"
            ).value
            client.resume(doubt)

        assert len(telemetry.spans) == 4
        _, second = telemetry.attempts
        assert second.attributes["http.request.resend_count"] == 1
        assert second.attributes["server.port"] == 8080

    def test_what_is_not_sampled(self, play):
        """A trace that is not sampled costs no spans, and still counts."""
        telemetry = Telemetry(sampler=ALWAYS_OFF)

        play(telemetry.hook()).retried()

        assert telemetry.spans == ()
        assert telemetry.values("samekey.operations", "samekey.outcome") == {
            "answered": 1
        }

    def test_the_providers_of_the_process(self, play):
        """Without providers it takes the process's own; here there are none."""
        play(OpenTelemetryHook()).everything()

        assert not trace.get_current_span().is_recording()

    def test_odd_values(self, play, telemetry):
        """Whatever an event holds, a span is made."""
        play(telemetry.hook(operation_ids=True, hosts=True)).odd()

        assert len(telemetry.spans) == 48
        names = {s.name for s in telemetry.attempts}
        assert names == {"HTTP", "POST"}


class TestMetrics:
    def test_operations(self, run, telemetry):
        """Operations are counted by outcome and by what went wrong."""
        run.retried()
        run.replayed()
        run.doubted()

        points = telemetry.points("samekey.operations")
        assert {
            tuple(sorted(p.attributes.items())): p.value for p in points
        } == {
            (
                ("http.request.method", "POST"),
                ("samekey.outcome", "answered"),
                ("samekey.profile", "generic"),
            ): 2,
            (
                ("error.type", "InDoubt"),
                ("http.request.method", "POST"),
                ("samekey.outcome", "in_doubt"),
                ("samekey.profile", "generic"),
            ): 1,
        }

    def test_attempts(self, run, telemetry):
        """Sends are counted by verdict and status."""
        run.retried()

        label = "http.response.status_code"
        assert telemetry.values("samekey.attempts", label) == {
            None: 1,
            503: 1,
            201: 1,
        }

    def test_waits(self, run, telemetry):
        """Waits are a histogram in seconds, polls told apart."""
        run.polled()

        points = telemetry.points("samekey.wait")
        waits = {p.attributes["samekey.poll"]: p for p in points}
        assert waits[True].sum == 2.0
        assert waits[False].count == 1
        assert 0.05 in waits[True].explicit_bounds

    def test_budget_refusals(self, run, telemetry):
        """A retry that the budget refused is counted."""
        run.doubted()
        run.rate_limited()

        (point,) = telemetry.points("samekey.budget.refusals")
        assert point.value == 1

    def test_replays(self, run, telemetry):
        """Answers that had been recorded are counted by who had them."""
        run.replayed()
        run.retried()

        assert telemetry.values("samekey.replays", "samekey.replayed") == {
            "server": 1
        }

    @pytest.mark.parametrize("hosts", [False, True])
    def test_hosts(self, play, telemetry, hosts):
        """Metrics have a host only if that is asked for."""
        run = play(telemetry.hook(hosts=hosts))
        run.doubted()
        run.polled()
        run.replayed()

        for name in (
            "samekey.operations",
            "samekey.attempts",
            "samekey.wait",
            "samekey.budget.refusals",
            "samekey.replays",
        ):
            points = telemetry.points(name)
            assert points
            assert all(
                ("server.address" in p.attributes) == hosts for p in points
            )


class TestSecrets:
    def test_no_secrets(self, run, telemetry):
        """No span or metric shows a body, a header, a path or a whole key."""
        run.everything()

        told = " ".join(span.to_json() for span in telemetry.spans)
        assert leaks(told) == []
        assert 'samekey.operation"' not in told
        assert KEY[-6:] in told
        metrics = telemetry.reader.get_metrics_data().to_json()
        assert leaks(metrics) == []
        assert KEY[-6:] not in metrics

    def test_operation_ids(self, play, telemetry):
        """Operation ids are shown only if asked for, and in no metric."""
        play(telemetry.hook(operation_ids=True)).everything()

        operations = [
            s.attributes["samekey.operation"]
            for s in telemetry.spans
            if "samekey.operation" in s.attributes
        ]
        assert set(operations) == {
            "jane@example.com/17",
            "jane@example.com",
            "a",
        }
        told = " ".join(span.to_json() for span in telemetry.spans)
        assert leaks(told, ["jane@example.com"]) == []
        metrics = telemetry.reader.get_metrics_data().to_json()
        assert "jane" not in metrics
