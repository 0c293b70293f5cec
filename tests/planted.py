"""Functions that move money, right and wrong, for `explore` to look at."""

from __future__ import annotations

import uuid

import httpx

import samekey


URL = "https://api.example.com"
PAYMENT = {"amount": 500, "card": "tok_visa"}


def pay(transport):
    """Right."""
    with samekey.Client(base_url=URL, transport=transport) as client:
        return client.post("/payments", json=PAYMENT).json()


async def apay(transport):
    """Right, in async code."""
    async with samekey.AsyncClient(
        base_url=URL, transport=transport
    ) as client:
        response = await client.post("/payments", json=PAYMENT)
        return response.json()


def last_error_counts(transport):
    """Wrong: "refused" is true of the last try, and not of the first."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        key = str(uuid.uuid4())
        for last in (False, False, True):
            try:
                response = client.post(
                    "/payments", json=PAYMENT, headers={"Idempotency-Key": key}
                )
                return response.raise_for_status().json()
            except httpx.HTTPError:
                if last:
                    raise
    return None


def key_in_the_loop(transport):
    """Wrong: the key is made in what is retried."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        for last in (False, False, True):
            key = str(uuid.uuid4())
            try:
                response = client.post(
                    "/payments", json=PAYMENT, headers={"Idempotency-Key": key}
                )
                return response.raise_for_status().json()
            except httpx.HTTPError:
                if last:
                    raise
    return None


async def akey_in_the_loop(transport):
    """Wrong: the same in async code."""
    async with httpx.AsyncClient(base_url=URL, transport=transport) as client:
        for last in (False, True):
            key = str(uuid.uuid4())
            try:
                return await client.post(
                    "/payments", json=PAYMENT, headers={"Idempotency-Key": key}
                )
            except httpx.HTTPError:
                if last:
                    raise
    return None


def no_key(transport):
    """Wrong: it is retried without a key."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        for last in (False, False, True):
            try:
                return client.post("/payments", json=PAYMENT).json()
            except httpx.TransportError:
                if last:
                    raise
    return None


def one_key_for_two(transport):
    """Wrong: the second payment has the first one's key."""
    with samekey.Client(base_url=URL, transport=transport) as client:
        for _ in "ab":
            client.post("/payments", json=PAYMENT, idempotency_key="order-1")


def one_key_for_two_amounts(transport):
    """Wrong: the same, and the server says so."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        for amount in (1, 2):
            client.post(
                "/payments",
                json={"amount": amount},
                headers={"Idempotency-Key": "order-1"},
            )


def doubt_is_failure(transport):
    """Wrong: whoever is told False will pay again."""
    try:
        pay(transport)
    except samekey.InDoubt:
        return False
    return True


def doubt_is_another_error(transport):
    """Wrong: the error does not say that it may have been done."""
    try:
        pay(transport)
    except samekey.GaveUp as exc:
        msg = "payment failed"
        raise RuntimeError(msg) from exc


def doubt_is_success(transport):
    """Wrong: it says done where it may not be."""
    try:
        pay(transport)
    except samekey.InDoubt:
        pass
    return True


def new_key_once(transport):
    """Wrong, and found late: a lost request is sent under a second key."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        try:
            return client.post(
                "/payments", json=PAYMENT, headers={"Idempotency-Key": "a"}
            )
        except httpx.TransportError:
            return client.post(
                "/payments", json=PAYMENT, headers={"Idempotency-Key": "b"}
            )


def pay_at_a_time(transport):
    """Right, though its body is new each time."""
    with samekey.Client(base_url=URL, transport=transport) as client:
        body = {**PAYMENT, "nonce": str(uuid.uuid4())}
        return client.post("/payments", json=body)


def nonce_in_the_loop(transport):
    """Wrong: each try is another request."""
    with httpx.Client(base_url=URL, transport=transport) as client:
        for last in (False, True):
            body = {**PAYMENT, "nonce": str(uuid.uuid4())}
            try:
                return client.post("/payments", json=body)
            except httpx.TransportError:
                if last:
                    raise
    return None


def two_steps(transport):
    """Right: an authorization, a look at it, and a capture."""
    with samekey.Client(base_url=URL, transport=transport) as client:
        made = client.post("/payments", json=PAYMENT).json()
        client.get(f"/payments/{made['id']}")
        client.post(f"/payments/{made['id']}/capture")
        client.put(f"/orders/{made['id']}", json={"paid": True})


def returns_status(transport):
    """Right: the caller gets the response, whatever its status."""
    with samekey.Client(
        base_url=URL, transport=transport, doubt="return"
    ) as client:
        return client.post("/payments", json=PAYMENT)


def returns_outcome(transport):
    """Right: the caller is told in a word."""
    try:
        pay(transport)
    except samekey.GaveUp as exc:
        return exc.report.outcome
    return samekey.Outcome.ANSWERED


def only_reads(transport):
    """Nothing is executed."""
    with samekey.Client(base_url=URL, transport=transport) as client:
        client.get("/payments")


def breaks(transport):
    """Wrong, with no fault at all."""
    raise KeyError


def in_words(found):
    """Say what `doubt_is_failure` tells, to a caller who knows."""
    if isinstance(found, samekey.NotExecuted):
        return "failed"
    return "done" if found is True else "in_doubt"
