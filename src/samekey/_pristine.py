"""
A request as it was before auth flows and hooks put anything on it.

They run for each attempt, and each attempt begins with the same request: what
one has signed must not be signed once more.
"""

from __future__ import annotations

from typing import Any


class Pristine:
    """What *request* was; the class of its headers is *headers*."""

    def __init__(self, request: Any, headers: Any) -> None:
        self._headers = headers(request.headers)
        self._method = request.method
        self._url = request.url
        self._stream = request.stream
        self._content = request.__dict__.get("_content")

    def restore(self, request: Any) -> None:
        """Make *request* what it was."""
        # What is given here may be changed again.
        request.headers = type(self._headers)(self._headers)
        request.method = self._method
        request.url = self._url
        if request.stream is not self._stream:
            request.stream = self._stream
        if self._content is None:  # a body that nobody has read
            request.__dict__.pop("_content", None)
        else:
            request._content = self._content
