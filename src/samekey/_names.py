"""The name under which samekey stands in other people's objects."""

from __future__ import annotations


EXTENSION = "samekey"
"""In `extensions` of requests and responses."""
