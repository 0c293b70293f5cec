"""
The forms of generated keys, and which of them an API takes.
"""

from __future__ import annotations

from collections.abc import Callable

from samekey.keys import shape
from samekey.profiles._values import KeyRules


Write = Callable[[bytes, int], str]
"""Writes a digest as a key, of at most so many characters."""


def _dashed(digest: bytes, longest: int) -> str:
    return shape(digest)


def _hex(digest: bytes, longest: int) -> str:
    # Under 20 hex digits (74 random bits) are too few to be unique.
    return shape(digest).replace("-", "")[: max(20, longest)]


def _version5(digest: bytes, longest: int) -> str:
    text = shape(digest)
    return f"{text[:14]}5{text[15:]}"


_FORMS: dict[str, Write] = {
    "uuid4": _dashed,
    "uuid4hex": _hex,
    "uuid5": _version5,
}


def fitting(rules: KeyRules, misfit: Callable[[str], str | None]) -> Write:
    """
    Find the form that generated keys get.

    Args:
        misfit: Tells which of the *rules* a key breaks, if it breaks one.

    Raises:
        ValueError: If none that is known here fits.
    """
    first = _FORMS.get(rules.form, _dashed)
    for write in (first, _hex):
        # All of many, since a pattern may take some digits only.
        keys = (write(digest, rules.max) for digest in _digests(rules))
        if all(misfit(key) is None for key in keys):
            return write
    msg = (
        f"key must allow one of the generated forms, got min {rules.min}, max"
        f" {rules.max}, pattern {rules.pattern!r}; form = 'caller' takes keys"
        " from the caller only"
    )
    raise ValueError(msg)


def _digests(rules: KeyRules) -> list[bytes]:
    if rules.pattern is None:
        return [bytes(16)]
    return [bytes([n * 17] * 16) for n in range(16)]
