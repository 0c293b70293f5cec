"""
Idempotency keys: new ones, derived ones, and what a key may look like.

A derived key is a digest of *typed, length-prefixed* parts, so that no two
different operations can be written as the same bytes: `("ab", "c")` is not
`("a", "bc")`, and `1` is not `"1"`. It is shaped like a UUIDv4 because that
passes the check of nearly every API. Golden vectors in the tests freeze it: a
key that changes with a release is a second charge.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from collections.abc import Callable

import attrs

from samekey._parts import KeyPart, encode, encode_part, framed
from samekey.errors import InvalidKey


MAX_KEY = 255
MIN_SECRET = 16

_VERSION = b"samekey-1"
_ALLOWED = re.compile(r"[\x21-\x7e]{1,255}")


# The two top bits of the variant are 10 (RFC 9562, section 4.1).
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def new_key() -> str:
    """
    Make a random key: a UUIDv4 (RFC 9562, section 5.4), 122 random bits.

    Save it with the row that it pays for, before the call, and it outlives
    the process.
    """
    # As `shape`, without the call: it stands in the way of every request.
    text = os.urandom(16).hex()
    return (
        f"{text[:8]}-{text[8:12]}-4{text[13:16]}"
        f"-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
    )


def shape(digest: bytes) -> str:
    """Write the first 16 bytes of *digest* as a UUIDv4."""
    text = digest[:16].hex()
    return (
        f"{text[:8]}-{text[8:12]}-4{text[13:16]}"
        f"-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
    )


def derive_key(
    *parts: KeyPart,
    namespace: str | None = None,
    secret: bytes | str | None = None,
    generation: int = 1,
) -> str:
    """
    Make the same key from the same *parts*, on any machine.

    It is the key that `operation=parts` sends from a client with the same
    *namespace* and *secret*.

    Args:
        parts: What makes this operation itself, such as an order number. Not
            the time of day: the retry after midnight would get another key.

        namespace: Keeps services and environments apart, such as
            `"shop-live"`.

        secret: Keeps others from guessing keys, 16 bytes or more. Rotating it
            changes them all.

        generation: 1, or more for a deliberate new try.

    Raises:
        InvalidKey: If *parts* is empty, or a part is an empty string, bytes
            or tuple: everyone would share such a key.

        TypeError: If a part is None, a bool, a float, NaN, a datetime without
            a time zone, or of another type. The message says what to pass.

        ValueError: If *secret* is under 16 bytes, or *generation* under 1.
    """
    return _digest_key(
        encode(parts), check_generation(generation), namespace, secret, shape
    )


def _digest_key(
    id_bytes: bytes,
    generation: int,
    namespace: str | None,
    secret: bytes | str | None,
    fit: Callable[[bytes], str],
) -> str:
    space = check_namespace(namespace)
    message = b"".join(
        (
            framed(b"v", _VERSION),
            b"n" if space is None else encode_part(space),
            id_bytes,
            encode_part(generation),
        )
    )
    hidden = check_secret(secret)
    if hidden is None:
        return fit(hashlib.sha256(message).digest())
    return fit(hmac.digest(hidden, message, "sha256"))


@attrs.frozen(slots=False)  # for what is no field
class Operation:
    """
    Something that the user wants to happen once.

    Args:
        id: What makes it itself: a string, or a tuple of strings, ints,
            bytes, Decimals, UUIDs and aware datetimes.

        generation: 1, or more for a deliberate new try of the same thing. It
            is refused while the previous generation is in doubt.

        force: Start a new generation although the previous one is in doubt.
            That may execute the operation twice.

    Raises:
        InvalidKey: If *id* is empty.

        TypeError: If a part of *id* cannot stand in a key, as None.

        ValueError: If *generation* is under 1.
    """

    id: KeyPart
    generation: int = attrs.field(default=1, kw_only=True)
    force: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_generation(self.generation)
        parts = self.id if isinstance(self.id, tuple) else (self.id,)
        self.__dict__["_encoded"] = encode(parts)

    def encoded(self) -> bytes:
        """Write the id as bytes that no other id has."""
        encoded: bytes = self.__dict__["_encoded"]
        return encoded

    def key(
        self,
        *,
        namespace: str | None,
        secret: bytes | None,
        fit: Callable[[bytes], str] = shape,
    ) -> str:
        """
        Derive the key that this operation is sent under.

        *fit* writes a digest as a key that the API takes.
        """
        return _digest_key(
            self.encoded(), self.generation, namespace, secret, fit
        )


def check_key(key: object, *, name: str = "idempotency_key") -> str:
    """
    Check that *key* can be sent as an `Idempotency-Key`.

    Raises:
        InvalidKey: If it is not 1 to 255 characters of 0x21 to 0x7E.

        TypeError: If it is not a string.
    """
    if not isinstance(key, str):
        msg = f"{name} must be a str, got {type(key).__name__}"
        raise TypeError(msg)
    if _ALLOWED.fullmatch(key) is None:
        bad = next((c for c in key if not "\x21" <= c <= "\x7e"), None)
        got = f"{len(key)} characters" if bad is None else f"one with {bad!r}"
        msg = (
            f"{name} must be 1 to {MAX_KEY} characters of 0x21-0x7E, got {got}"
        )
        raise InvalidKey(msg)
    return key


def check_namespace(namespace: object) -> str | None:
    if namespace is None:
        return None
    if not isinstance(namespace, str):
        msg = f"namespace must be a str, got {type(namespace).__name__}"
        raise TypeError(msg)
    if not namespace:
        msg = "namespace must not be empty; leave it out for none"
        raise ValueError(msg)
    return namespace


def check_secret(secret: object) -> bytes | None:
    if secret is None:
        return None
    if not isinstance(secret, (bytes, str)):
        msg = f"secret must be bytes, got {type(secret).__name__}"
        raise TypeError(msg)
    hidden = secret.encode() if isinstance(secret, str) else secret
    if len(hidden) < MIN_SECRET:
        msg = f"secret must be at least {MIN_SECRET} bytes, got {len(hidden)}"
        raise ValueError(msg)
    return hidden


def check_generation(generation: object) -> int:
    if isinstance(generation, bool) or not isinstance(generation, int):
        msg = f"generation must be an int, got {type(generation).__name__}"
        raise TypeError(msg)
    if generation < 1:
        msg = f"generation must be at least 1, got {generation}"
        raise ValueError(msg)
    return generation
