"""
The verbs of a wrapped client: they only pass their options on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samekey._names import EXTENSION


if TYPE_CHECKING:

    class Plain:
        """What stands behind a mixin: a client of the library."""

        def __init__(self, **options: Any) -> None: ...
        def request(self, method: str, url: Any, **options: Any) -> Any: ...
        def stream(self, method: str, url: Any, **options: Any) -> Any: ...
        def get(self, url: Any, **options: Any) -> Any: ...
        def options(self, url: Any, **options: Any) -> Any: ...
        def head(self, url: Any, **options: Any) -> Any: ...
        def post(self, url: Any, **options: Any) -> Any: ...
        def put(self, url: Any, **options: Any) -> Any: ...
        def patch(self, url: Any, **options: Any) -> Any: ...
        def delete(self, url: Any, **options: Any) -> Any: ...
        def send(self, request: Any, **options: Any) -> Any: ...
        def _transport_for_url(self, url: Any) -> Any: ...

else:
    Plain = object


OWN_OPTIONS = ("operation", "idempotency_key", "policy")
_OWN = frozenset(OWN_OPTIONS)


def fold(options: dict[str, Any]) -> dict[str, Any]:
    """Move what the verbs gained into the request's extensions."""
    if _OWN.isdisjoint(options):
        return options
    own = {n: options.pop(n) for n in OWN_OPTIONS if n in options}
    extensions = dict(options.get("extensions") or {})
    given = extensions.get(EXTENSION)
    if isinstance(given, dict):
        own = {**given, **own}
    extensions[EXTENSION] = own
    options["extensions"] = extensions
    return options


class Verbs(Plain):
    """The verbs, sync and async alike, over the library's own."""

    __slots__ = ()

    def request(self, method: str, url: Any, **options: Any) -> Any:
        return super().request(method, url, **fold(options))

    def stream(self, method: str, url: Any, **options: Any) -> Any:
        return super().stream(method, url, **fold(options))

    def get(self, url: Any, **options: Any) -> Any:
        return super().get(url, **fold(options))

    def options(self, url: Any, **options: Any) -> Any:
        return super().options(url, **fold(options))

    def head(self, url: Any, **options: Any) -> Any:
        return super().head(url, **fold(options))

    def post(self, url: Any, **options: Any) -> Any:
        return super().post(url, **fold(options))

    def put(self, url: Any, **options: Any) -> Any:
        return super().put(url, **fold(options))

    def patch(self, url: Any, **options: Any) -> Any:
        return super().patch(url, **fold(options))

    def delete(self, url: Any, **options: Any) -> Any:
        return super().delete(url, **fold(options))


def _shortcut(method: str) -> Any:
    # The library's own post, put and patch hand twelve options to `request`
    # and do nothing else. That step is left out where nobody overrides it.
    name = method.lower()

    def verb(self: Any, url: Any, **options: Any) -> Any:
        if not _OWN.isdisjoint(options):
            options = fold(options)
        if type(self).request is Verbs.request:
            return super(Verbs, self).request(method, url, **options)
        return getattr(super(Verbs, self), name)(url, **options)

    verb.__name__ = name
    return verb


SHORTCUTS = {
    name.lower(): _shortcut(name) for name in ("POST", "PUT", "PATCH")
}
