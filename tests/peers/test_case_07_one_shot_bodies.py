"""
Case 7: a body that can be read only once is sent whole each time, or not.

Most retry layers send the second attempt with an empty body, and the server
says 200 to it. Here the server compares what it read, attempt by attempt.
"""

import io
import os
import threading

import httpx
import pytest

import samekey

from samekey.testing import Answer, Fault, FaultServer


CHUNKS = [b'{"amount":', b"", b"500}"]
BODY = b"".join(CHUNKS)
SCRIPT = (Fault.lose_request(), Fault.status(503))


def settle(received):
    """Answer that it is done, whatever it is."""
    return Answer(201)


def check_same_body(requests, body, times):
    """Check that *body* was sent, and resent, whole."""
    assert times == len(requests)
    for request in requests:
        assert body == request.body


class Once:
    """An iterable that is no generator, and gives its chunks once."""

    def __init__(self):
        self.chunks = iter(CHUNKS)

    def __iter__(self):
        return self.chunks


class OnceAsync:
    """The same, for async clients."""

    def __init__(self):
        self.chunks = iter(CHUNKS)

    async def __aiter__(self):
        for chunk in self.chunks:
            yield chunk


def pipe():
    """Give the reading end of a pipe that another thread fills."""
    reading, writing = os.pipe()

    def fill():
        with os.fdopen(writing, "wb") as end:
            for chunk in CHUNKS:
                end.write(chunk)

    threading.Thread(target=fill).start()
    return os.fdopen(reading, "rb")


def at_offset(path=None):
    """Give a file of which ten bytes have been read already."""
    data = b"x" * 10 + BODY
    file = io.BytesIO(data)
    if path is not None:
        path.write_bytes(data)
        file = path.open("rb")
    file.seek(10)
    return file


def one_shot_bodies(path):
    """Make each kind of body that a sync client takes."""
    return {
        "iterator": iter(CHUNKS),
        "generator": (chunk for chunk in CHUNKS),
        "iterable": Once(),
        "BytesIO": io.BytesIO(BODY),
        "BytesIO at an offset": at_offset(),
        "file at an offset": at_offset(path),
        "pipe": pipe(),
    }


def async_bodies():
    """Make each kind of body that an async client takes."""

    async def generate():
        for chunk in CHUNKS:
            yield chunk

    return {"generator": generate(), "iterable": OnceAsync()}


def test_a_one_shot_body_is_sent_whole_each_time(kind, tmp_path):
    """Iterator, generator, pipe and file are sent again byte for byte."""
    bodies = (
        async_bodies() if kind.is_async else one_shot_bodies(tmp_path / "f")
    )
    script = [*SCRIPT, None] * len(bodies)
    with (
        FaultServer(settle, script) as server,
        kind.open(base_url=server.url) as session,
    ):
        for body in bodies.values():
            response = session.post("/payments", content=body)
            assert 201 == response.status_code
            if hasattr(body, "close"):
                body.close()

    for number, name in enumerate(bodies):
        three = server.requests[3 * number : 3 * number + 3]
        check_same_body(three, BODY, 3)
        assert 1 == len({request.key for request in three}), name


def test_a_login_keeps_the_length_of_the_frozen_body(kind):
    """What reading a file corrected is not undone for auth or hooks."""
    body = OnceAsync() if kind.is_async else at_offset()
    with (
        FaultServer(settle, SCRIPT) as server,
        kind.open(base_url=server.url, timeout=1.0) as session,
    ):
        session.post("/payments", content=body, auth=("me", "hunter2"))

    check_same_body(server.requests, BODY, 3)


def test_a_multipart_upload_is_sent_whole_each_time(kind, tmp_path):
    """Files in a form are sent again, under one boundary."""
    with (
        at_offset(tmp_path / "f") as file,
        FaultServer(settle, SCRIPT) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post(
            "/payments",
            data={"amount": "500"},
            files={"a": ("a.txt", file), "b": io.BytesIO(b"second")},
        )

    first = server.requests[0]
    check_same_body(server.requests, first.body, 3)
    assert BODY in first.body
    assert b"second" in first.body
    assert 1 == len({r.header("content-type") for r in server.requests})


def test_a_pipe_in_a_form_is_sent_whole_each_time(kind):
    """A file that cannot be rewound is sent again all the same."""
    with (
        pipe() as file,
        FaultServer(settle, SCRIPT) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", files={"a": ("a.txt", file)})

    first = server.requests[0]
    check_same_body(server.requests, first.body, 3)
    assert BODY in first.body


def test_a_named_operation_compares_what_was_in_the_iterator(kind):
    """Two one-shot bodies that say the same are one operation."""

    def body(text):
        return OnceAsync() if kind.is_async else iter([text])

    with (
        FaultServer(settle, SCRIPT) as server,
        kind.open(base_url=server.url) as session,
    ):
        for _ in range(2):
            session.post("/a", content=body(BODY), operation="order-1")
        with pytest.raises(samekey.OperationChanged):
            session.post("/a", content=b"other", operation="order-1")

    check_same_body(server.requests, BODY, 4)


def test_an_unkeyed_one_shot_body_is_sent_once(kind):
    """A PUT without a key streams its body, and never sends it empty."""
    body = OnceAsync() if kind.is_async else iter(CHUNKS)
    with (
        FaultServer(settle, [Fault.lose_request()]) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        session.request("PUT", "/orders/1", content=body)

    check_same_body(server.requests, BODY, 1)
    assert "body" == caught.value.reason


def test_a_body_that_breaks_is_not_sent(kind):
    """What a generator raises goes on up as itself, and nothing is sent."""
    error = RuntimeError("the disk is gone")

    def broken():
        yield b"half"
        raise error

    async def broken_async():
        yield b"half"
        raise error

    body = broken_async() if kind.is_async else broken()
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(RuntimeError) as caught,
    ):
        session.post("/payments", content=body)

    assert error is caught.value
    assert 0 == server.connections
    assert samekey.Outcome.NOT_EXECUTED == samekey.report(error).outcome


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_an_empty_second_body(self):
        """A loop that sends one request object twice is reported."""
        with (
            FaultServer(settle, [Fault.status(503)]) as server,
            httpx.Client(base_url=server.url, trust_env=False) as client,
        ):
            body = Once()
            for _ in range(2):
                response = client.post("/", content=body)
                if response.status_code < 500:
                    break

        assert 201 == response.status_code
        with pytest.raises(AssertionError):
            check_same_body(server.requests, BODY, 2)
