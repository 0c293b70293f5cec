"""What profiles do at their edges."""

from __future__ import annotations

import httpx
import pytest

from paper import Paper, answer

import samekey

from samekey.profiles import KeyRules, Placement, Profile


BY_FORM = Profile("form", placement=Placement(kind="form", name="key"))
BY_JSON = Profile("json", placement=Placement(kind="json", pointer="/key"))
URL = "https://api.example.com/x"


def client(door, seen, **terms):
    def serve(request):
        seen.append(request.content)
        return httpx.Response(201, json={})

    transport = httpx.MockTransport(serve)
    if door == "client":
        return samekey.wrap(httpx.Client(transport=transport), **terms)
    inner = samekey.Transport(transport, **terms)
    return httpx.Client(transport=inner)


def post(door, session, *, own=None, **options):
    if door == "client":
        return session.post(URL, **options, **(own or {}))
    return session.post(URL, **options, extensions={"samekey": own or {}})


@pytest.mark.parametrize("door", ["client", "transport"])
def test_a_function_sees_no_key_of_ours(door):
    """fingerprint= is given the request as the caller made it."""
    seen, said = [], []

    def fingerprint(request):
        said.append(request.content)
        return request.content

    with client(door, seen, profile=BY_JSON, fingerprint=fingerprint) as c:
        for _ in range(2):
            post(door, c, own={"operation": "order-1"}, json={"a": 1})

    assert [b'{"a":1}'] * 2 == said
    assert 1 == len(set(seen))
    assert b'"key"' in seen[0]


@pytest.mark.parametrize("door", ["client", "transport"])
def test_an_empty_key_in_a_form_is_refused(door):
    """An empty key is refused, never replaced."""
    seen = []
    rule = r"^the key in the form body at key must be 1 to 255 characters of"

    with (
        client(door, seen, profile=BY_FORM) as c,
        pytest.raises(samekey.InvalidKey, match=rule),
    ):
        post(door, c, data={"key": "", "a": "1"})

    assert [] == seen


def test_a_hint_does_not_lose_an_answer():
    """A 2xx whose body broke is asked for again, whatever it hints at."""
    torn = httpx.ReadError("torn")
    hint = {"Stripe-Should-Retry": "false"}
    paper = Paper(
        answer(200, breaks=torn, headers=hint), answer(200), profile="stripe"
    )

    response = paper.post(url="https://api.stripe.com/v1/charges")

    assert 200 == response.status_code


def test_a_pattern_that_only_some_keys_fit():
    """A profile whose generated keys would fit by chance is refused."""
    rule = r"^key must allow one of the generated forms, got min 1, max 255,"

    with pytest.raises(ValueError, match=rule):
        Profile("some", key=KeyRules(pattern="[0-8a-f-]+"))
