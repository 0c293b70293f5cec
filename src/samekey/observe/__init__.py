"""
Hooks for what you watch your services with.

Each stands in a module of its own, to be imported by its name, and needs the
extra of that name:

    samekey.observe.logging         LoggingHook          no extra
    samekey.observe.structlog       StructlogHook        samekey[structlog]
    samekey.observe.opentelemetry   OpenTelemetryHook    samekey[otel]
    samekey.observe.prometheus      PrometheusHook       samekey[prometheus]

One hook serves any number of clients and threads. None of them shows a body,
a header, a path, a query or a whole key: of a key its last six characters, or
a short hash. Operation ids are shown if `operation_ids=True` says so.
"""
