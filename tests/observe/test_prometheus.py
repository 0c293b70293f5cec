"""Counts for Prometheus."""

from __future__ import annotations

import pytest

from observe.support import leaks
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from samekey.observe.prometheus import PrometheusHook


@pytest.fixture
def registry():
    """A registry of the test's own."""
    return CollectorRegistry()


@pytest.fixture
def run(play, registry):
    """Calls that are told to a hook with that registry."""
    return play(PrometheusHook(registry))


def outcomes(registry, name="samekey_operations_total"):
    """Give the counts by outcome."""
    return {
        sample.labels["outcome"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == name
    }


def test_outcomes(run, registry):
    """Operations are counted by outcome, profile and method."""
    run.retried()
    run.replayed()
    run.doubted()
    run.rate_limited()
    run.changed()

    assert outcomes(registry) == {
        "answered": 3.0,
        "in_doubt": 1.0,
        "not_executed": 1.0,
        "open": 1.0,
    }
    labels = {"outcome": "answered", "profile": "generic", "method": "POST"}
    value = registry.get_sample_value("samekey_operations_total", labels)
    assert value == 3.0


def test_attempts_by_verdict(run, registry):
    """Every send is counted by what it tells."""
    run.retried()
    run.unreached()

    for verdict, count in (("UNKNOWN", 1), ("ANSWERED", 2), ("NOT_SENT", 1)):
        labels = {"verdict": verdict}
        name = "samekey_attempts_total"
        assert registry.get_sample_value(name, labels) == count


def test_waits(run, registry):
    """Waits for retries and for polls are told apart."""
    run.polled()

    for kind, least in (("retry", 0.5), ("poll", 2.0)):
        labels = {"kind": kind}
        count = registry.get_sample_value("samekey_wait_seconds_count", labels)
        total = registry.get_sample_value("samekey_wait_seconds_sum", labels)
        assert count == 1
        assert total >= least


def test_budget_refusals(run, registry):
    """A retry that the budget refused can be alerted on from the start."""
    name = "samekey_budget_refusals_total"
    assert registry.get_sample_value(name) == 0

    run.doubted()
    run.rate_limited()

    assert registry.get_sample_value(name) == 1


def test_replays(run, registry):
    """Answers that had been recorded are counted by who had them."""
    run.replayed()
    run.retried()

    labels = {"source": "server"}
    value = registry.get_sample_value("samekey_replays_total", labels)
    assert value == 1


def test_hosts(play, registry):
    """A label for the host is there only if that is asked for."""
    run = play(PrometheusHook(registry, hosts=True))

    run.doubted()
    run.polled()
    run.replayed()

    samples = [s for metric in registry.collect() for s in metric.samples]
    assert {s.labels["host"] for s in samples} == {"api.example.com"}
    labels = {"host": "api.example.com"}
    name = "samekey_budget_refusals_total"
    assert registry.get_sample_value(name, labels) == 1


def test_namespace(play, registry):
    """The names can begin otherwise, so that two hooks share a registry."""
    PrometheusHook(registry)
    play(PrometheusHook(registry, "shop")).replayed()

    assert outcomes(registry, "shop_operations_total") == {"answered": 1.0}


def test_two_of_one_name_are_refused(registry):
    """A second hook on one registry is refused: make one, and share it."""
    PrometheusHook(registry)

    with pytest.raises(ValueError, match=r"^Duplicated timeseries in"):
        PrometheusHook(registry)


def test_the_registry_of_the_process(play):
    """Without a registry it is the process's own."""
    play(PrometheusHook(namespace="samekey_test")).replayed()

    name = "samekey_test_operations_total"
    assert outcomes(REGISTRY, name) == {"answered": 1.0}


def test_no_secrets(run, registry):
    """No label holds an id, a path or any part of a key."""
    run.everything()

    text = generate_latest(registry).decode()
    assert leaks(text) == []
    assert "abcdef" not in text


def test_labels_are_few(run, registry):
    """Methods that somebody made up share one label, as odd values do."""
    run.odd()

    labels = {"outcome": "open", "profile": "", "method": "_OTHER"}
    value = registry.get_sample_value("samekey_operations_total", labels)
    assert value == 16.0
