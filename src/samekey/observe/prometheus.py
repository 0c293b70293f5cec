"""
Counts of operations, attempts and waits, for Prometheus.
"""

from __future__ import annotations

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
)

from samekey.hooks import About, AttemptEnded, OperationEnded, RetryPlanned
from samekey.observe._facts import method_of


BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


class PrometheusHook:
    """
    Counts what clients do. Make one, and give it to every client.

    | metric | labels |
    |---|---|
    | `samekey_operations_total` | outcome, profile, method |
    | `samekey_attempts_total` | verdict |
    | `samekey_wait_seconds`, a histogram | kind: retry or poll |
    | `samekey_budget_refusals_total` | |
    | `samekey_replays_total` | source: server or journal |

    The outcome is `answered`, `not_executed` or `in_doubt`, or `open` for a
    call that was refused or broken off before anything was sent. The one to be
    woken by is `in_doubt`.

    Args:
        registry: Where they are registered. By default the process's own.

        namespace: How their names begin.

        hosts: Give every metric a label `host`. Only for clients that talk to
            a few known hosts.

    Raises:
        ValueError: If the registry has metrics of these names already, as of
            another hook.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        namespace: str = "samekey",
        *,
        hosts: bool = False,
    ) -> None:
        where = REGISTRY if registry is None else registry
        more = ("host",) if hosts else ()
        self._hosts = hosts

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(
                name,
                said,
                (*labels, *more),
                namespace=namespace,
                registry=where,
            )

        self._operations = counter(
            "operations",
            "Operations, by how they ended.",
            "outcome",
            "profile",
            "method",
        )
        self._attempts = counter(
            "attempts", "Sends, by what they tell.", "verdict"
        )
        self._waits = Histogram(
            "wait_seconds",
            "How long is waited before an attempt.",
            ("kind", *more),
            namespace=namespace,
            registry=where,
            buckets=BUCKETS,
        )
        self._refusals = counter(
            "budget_refusals", "Retries that the budget refused."
        )
        self._replays = counter(
            "replays", "Answers that had been recorded.", "source"
        )

    def _more(self, about: About) -> tuple[str, ...]:
        return (about.host,) if self._hosts else ()

    def on_attempt(self, event: AttemptEnded) -> None:
        """Count an attempt."""
        labels = (str(event.attempt.verdict), *self._more(event.about))
        self._attempts.labels(*labels).inc()

    def on_retry(self, event: RetryPlanned) -> None:
        """Note how long is waited."""
        kind = "poll" if event.poll else "retry"
        labels = (kind, *self._more(event.about))
        self._waits.labels(*labels).observe(event.wait)

    def on_outcome(self, event: OperationEnded) -> None:
        """Count an outcome."""
        about = event.about
        report = event.report
        more = self._more(about)
        self._operations.labels(
            str(report.outcome), about.profile, method_of(about), *more
        ).inc()
        if event.reason == "budget":
            refusals = self._refusals
            (refusals.labels(*more) if more else refusals).inc()
        if report.replayed is not None:
            self._replays.labels(report.replayed, *more).inc()
