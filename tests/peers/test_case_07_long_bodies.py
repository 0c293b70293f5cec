"""
Case 7, the limit: a one-shot body over 8 MiB is refused before it is sent.

A body that is bytes already costs no memory to send again, so it has none.
"""

import contextlib
import io

import pytest

from kinds import KINDS, fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


MIB = 1024 * 1024
LIMIT = 8 * MIB
TOO_LONG = r"^a body that is not bytes must be at most 8388608 bytes .+$"
SYNC = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not kind.is_async], ids=str
)


@contextlib.contextmanager
def closing(session, body):
    """Close *body* in the end, as its owner should."""
    try:
        yield body
    finally:
        close = getattr(body, "aclose", None)
        body.close() if close is None else session.call(close)


def settle(received):
    """Answer that it is done, whatever it is."""
    return Answer(201)


def stream(kind, size, seen=None):
    """Make an iterator of *size* bytes that notes what was taken from it."""
    seen = [] if seen is None else seen

    def chunks():
        left = size
        while left > 0:
            piece = min(MIB, left)
            left -= piece
            seen.append(piece)
            yield b"x" * piece

    async def async_chunks():
        for chunk in chunks():
            yield chunk

    return async_chunks() if kind.is_async else chunks()


def test_a_long_iterator_is_refused(kind):
    """An iterator of 9 MiB is BodyNotReplayable, and nothing is sent."""
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.BodyNotReplayable, match=TOO_LONG) as e,
    ):
        session.post("/payments", content=stream(kind, 9 * MIB))

    assert 0 == server.connections
    report = samekey.report(e.value)
    assert samekey.Outcome.NOT_EXECUTED == report.outcome
    assert () == report.attempts


def test_a_long_iterator_is_read_no_further_than_the_limit(kind):
    """An iterator without end is left as soon as it is too long."""
    seen = []
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
        closing(session, stream(kind, 100 * MIB, seen)) as body,
        pytest.raises(samekey.BodyNotReplayable),
    ):
        session.post("/payments", content=body)

    assert 0 == server.connections
    assert 9 * MIB == sum(seen)


@SYNC
def test_the_limit_itself_is_sent(kind):
    """8 MiB are sent again, chunked as they came."""
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", content=stream(kind, LIMIT))

    assert [LIMIT, LIMIT] == [len(r.body) for r in server.requests]


@SYNC
def test_bytes_have_no_limit(kind):
    """A body of 9 MiB that is bytes is sent again."""
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", content=b"x" * 9 * MIB)

    assert [9 * MIB] * 2 == [len(r.body) for r in server.requests]


@SYNC
def test_a_long_file_is_refused(kind):
    """A file is no exception, whatever httpx declares as its length."""
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url) as session,
        pytest.raises(samekey.BodyNotReplayable),
    ):
        session.post("/payments", content=io.BytesIO(b"x" * 9 * MIB))

    assert 0 == server.connections


@SYNC
def test_the_rest_of_a_long_file_is_sent(kind):
    """What counts is what is left of a file from where it stands."""
    file = io.BytesIO(b"y" * 9 * MIB + b"the rest")
    file.seek(9 * MIB)
    with (
        FaultServer(settle, [Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        session.post("/payments", content=file)

    assert [b"the rest"] * 2 == [r.body for r in server.requests]


@SYNC
def test_one_attempt_streams_a_body_of_any_size(kind):
    """With attempts=1 and no operation nothing is held in memory."""
    terms = {"policy": fast(attempts=1)}
    with (
        FaultServer(settle) as server,
        kind.open(base_url=server.url, terms=terms) as session,
    ):
        response = session.post("/payments", content=stream(kind, 9 * MIB))

    assert 201 == response.status_code
    assert [9 * MIB] == [len(r.body) for r in server.requests]
    assert samekey.report(response).key == server.requests[0].key
