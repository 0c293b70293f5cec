"""Words that the whole of samekey uses."""

from __future__ import annotations


EXTENSION = "samekey"
"""Where a request and a response carry their operation."""

SAFE_METHODS = frozenset(
    {
        "GET",
        "HEAD",
        "OPTIONS",
        "PROPFIND",
        "QUERY",
        "REPORT",
        "SEARCH",
        "TRACE",
    }
)
"""
Methods that execute nothing (RFC 9110, section 9.2.1).

So are PROPFIND (RFC 4918, section 9.1), REPORT (RFC 3253, section 3.6), SEARCH
(RFC 5323, section 2) and QUERY (draft-ietf-httpbis-safe-method-w-body).
"""

IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
"""Methods that may be repeated (RFC 9110, section 9.2.2)."""
