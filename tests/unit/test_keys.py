"""A key is the same on every machine, in every release."""

import datetime as dt
import hashlib
import hmac
import re
import uuid

from decimal import Decimal

import attrs
import pytest

from hypothesis import given
from hypothesis import strategies as st

from samekey._parts import encode
from samekey.errors import InvalidKey
from samekey.keys import (
    Operation,
    check_generation,
    check_key,
    check_namespace,
    check_secret,
    derive_key,
    new_key,
    shape,
)


UUID4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
KEYS = "be 1 to 255 characters of 0x21-0x7E, got "
NO_NAMESPACE = "not be empty; leave it out for none"
BYTES = "be at least 16 bytes,"
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
MOMENT = dt.datetime(2026, 3, 1, 9, 30, 0, 250, tzinfo=dt.UTC)
SECRET = b"a secret of 24 bytes yes"

KEYS = "be 1 to 255 characters of 0x21-0x7E, got "
NO_NAMESPACE = "not be empty; leave it out for none"

# Frozen: a change of any of these is a second charge for somebody.
VECTORS = [
    ("4b6d9504-481c-4e0a-9dd5-78c18905095e", ("order-123/charge",)),
    ("d6db9c30-2f0c-4776-8aa3-c78bff305619", ("order", 123, "charge")),
    ("39902f03-4d3d-4672-85f1-4d1c2bb00bcb", ("order", "123", "charge")),
    ("cd6d76bc-68cf-465e-8f6d-43c1e3f0268c", (0,)),
    ("7f5d52e5-b2e7-4301-a332-5addc6dc2777", (-255,)),
    ("3593a87c-7652-44a4-ad19-f22fe661909c", (2**80,)),
    ("462025ac-c3f4-41cc-b1de-fe6949c60926", (b"\x00\xff",)),
    ("373bf417-c9fd-46e2-81ef-4c22615eb105", (Decimal("10.50"),)),
    ("76e805d1-7553-4219-a0b4-e2c30ed9b1c6", (Decimal("-0.001"),)),
    ("6519c44f-b66b-4c8d-a768-d9f27a5b1019", (Decimal("1E+3"),)),
    ("40eb2fdc-b8dd-4166-9c91-9b803662ce3f", (Decimal("-0.00"),)),
    ("9635d319-6955-4f3c-841f-67bf24d9a79b", (ID,)),
    ("4ef38199-4591-41e1-a2cc-dcb338338e35", (MOMENT,)),
    ("3ff4b766-cc17-4052-94bd-16d7861bb242", (("a", ("b", 1)), b"c")),
    ("a22dc67d-3489-4301-9bb8-135cc9876125", ("Zo\u00eb \U0001f600",)),
]

# The same, with the bytes that they are the digest of.
OPTIONS = [
    (
        "6eca2654-e3a5-4dc7-bb65-24b43718c4d7",
        {},
        b"v9:samekey-1n(12:s5:orderi1:1i1:1",
    ),
    (
        "7950fe53-b744-4440-bf18-eb222fb4a1fa",
        {"namespace": "shop-live"},
        b"v9:samekey-1s9:shop-live(12:s5:orderi1:1i1:1",
    ),
    (
        "a94ea236-161c-4535-a0f9-058281fcf12b",
        {"generation": 2},
        b"v9:samekey-1n(12:s5:orderi1:1i1:2",
    ),
    (
        "4c8e54e1-513f-42bb-8bab-95bbd7ce508e",
        {"secret": SECRET},
        b"v9:samekey-1n(12:s5:orderi1:1i1:1",
    ),
    (
        "5b7f5f5f-f280-4845-9f5f-e1847b5d9f14",
        {"namespace": "shop-live", "secret": SECRET, "generation": 3},
        b"v9:samekey-1s9:shop-live(12:s5:orderi1:1i1:3",
    ),
]


def by_hand(message, secret=None):
    """Make a key of encoded bytes, with nothing of the library's."""
    if secret is None:
        digest = hashlib.sha256(message).digest()
    else:
        digest = hmac.new(secret, message, hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


class TestDeriveKey:
    @pytest.mark.parametrize(("key", "parts"), VECTORS)
    def test_frozen(self, key, parts):
        """A release never changes the key of an operation."""
        assert key == derive_key(*parts)

    @pytest.mark.parametrize(("key", "options", "message"), OPTIONS)
    def test_frozen_options(self, key, options, message):
        """A release never changes what namespace and secret make of a key."""
        assert key == derive_key("order", 1, **options)

    @pytest.mark.parametrize(("key", "options", "message"), OPTIONS)
    def test_as_documented(self, key, options, message):
        """The key can be made in another language, from the documentation."""
        assert key == by_hand(message, options.get("secret"))

    @pytest.mark.parametrize(("key", "parts"), VECTORS)
    def test_is_digest_of_encoding(self, key, parts):
        """A key is a digest of version, namespace, parts and generation."""
        message = b"v9:samekey-1n" + encode(parts) + b"i1:1"

        assert key == by_hand(message)

    def test_operation_sends_it(self):
        """The key made by hand is the one that a client sends."""
        operation = Operation(("order", 1), generation=3)

        sent = operation.key(namespace="shop-live", secret=SECRET)

        assert "5b7f5f5f-f280-4845-9f5f-e1847b5d9f14" == sent

    def test_secret_may_be_text(self):
        """A secret from the environment is its UTF-8 bytes."""
        derived = derive_key("order", 1, secret=SECRET.decode())

        assert "4c8e54e1-513f-42bb-8bab-95bbd7ce508e" == derived

    def test_string_is_tuple_of_one(self):
        """A string names the same operation as a tuple of it alone."""
        key = Operation("order").key(namespace=None, secret=None)

        assert derive_key("order") == key
        assert Operation("order").encoded() == Operation(("order",)).encoded()

    @given(st.binary(min_size=16))
    def test_shape(self, digest):
        """Every derived key passes as a UUIDv4."""
        key = shape(digest)

        assert UUID4.fullmatch(key)
        assert str(uuid.UUID(bytes=digest[:16], version=4)) == key

    def test_refuses(self):
        """No parts, or one that cannot stand in a key, make no key."""
        none = r"^an operation id must have at least one part, got none$"
        kind = (
            r"^a part of an operation id must be a str, int, bytes, Decimal,"
            r" UUID, aware datetime or tuple, got NoneType; is the row saved,"
            r" has it an id yet\?$"
        )

        with pytest.raises(InvalidKey, match=none):
            derive_key()
        with pytest.raises(TypeError, match=kind):
            derive_key("order", None)


class TestNewKey:
    def test_random(self):
        """New keys are UUIDv4s, and no two are the same."""
        keys = [new_key() for _ in range(200)]

        assert 200 == len(set(keys))
        assert all(UUID4.fullmatch(key) for key in keys)


class TestOperation:
    def test_plain(self):
        """An operation is the first generation, and not forced."""
        operation = Operation("order-1")

        assert ("order-1", 1, False) == attrs.astuple(operation)

    def test_frozen(self):
        """An operation cannot be changed, so its key cannot."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Operation("order-1").id = "order-2"

    @pytest.mark.parametrize(
        ("id", "generation", "kind"),
        [
            ("", 1, InvalidKey),
            ((), 1, InvalidKey),
            (None, 1, TypeError),
            ("order-1", 0, ValueError),
        ],
    )
    def test_refuses(self, id, generation, kind):  # noqa: A002 -- its name
        """What cannot make a key is refused as soon as it is named."""
        with pytest.raises(kind, match=r"^.*(id|generation) must .*$"):
            Operation(id, generation=generation)


class TestChecks:
    @pytest.mark.parametrize("key", ["!", "~", "a" * 255, "order-1/charge"])
    def test_key(self, key):
        """A key is 1 to 255 visible ASCII characters."""
        assert key == check_key(key)

    def test_absent(self):
        """A secret is 16 bytes or more, or left out as a namespace may be."""
        assert check_namespace(None) is None
        assert check_secret(None) is None
        assert b"x" * 16 == check_secret("x" * 16)

    @pytest.mark.parametrize(
        ("check", "value", "kind", "message"),
        [
            (check_key, None, TypeError, "be a str, got NoneType"),
            (check_key, b"key", TypeError, "be a str, got bytes"),
            (check_key, "", InvalidKey, f"{KEYS}0 characters"),
            (check_key, "a" * 256, InvalidKey, f"{KEYS}256 characters"),
            (check_key, "!~ ", InvalidKey, f"{KEYS}one with ' '"),
            (check_key, "a\n", InvalidKey, f"{KEYS}one with '\\n'"),
            (check_key, "!~\x7f", InvalidKey, f"{KEYS}one with '\\x7f'"),
            (check_key, "\u00e9", InvalidKey, f"{KEYS}one with '\u00e9'"),
            (check_namespace, 1, TypeError, "be a str, got int"),
            (check_namespace, "", ValueError, NO_NAMESPACE),
            (check_secret, 1, TypeError, "be bytes, got int"),
            (check_secret, b"x" * 15, ValueError, f"{BYTES} got 15"),
            (check_secret, "", ValueError, f"{BYTES} got 0"),
            (check_generation, True, TypeError, "be an int, got bool"),
            (check_generation, 1.0, TypeError, "be an int, got float"),
            (check_generation, -1, ValueError, "be at least 1, got -1"),
        ],
    )
    def test_refused(self, check, value, kind, message):
        """What cannot be used is refused with the rule and what was got."""
        name = check.__name__.removeprefix("check_")
        name = "idempotency_key" if name == "key" else name

        with pytest.raises(kind, match=rf"^{name} must {re.escape(message)}$"):
            check(value)

    def test_named(self):
        """A refusal names the argument that it is about."""
        with pytest.raises(TypeError, match=r"^header must be a str, got .*$"):
            check_key(None, name="header")
