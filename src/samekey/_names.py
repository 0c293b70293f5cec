"""Words that the whole of samekey uses."""

from __future__ import annotations


EXTENSION = "samekey"
"""Where a request and a response carry their operation."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that execute nothing (RFC 9110, section 9.2.1)."""

IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
"""Methods that may be repeated (RFC 9110, section 9.2.2)."""
