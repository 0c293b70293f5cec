"""
HTTP/2: where a class such as LocalProtocolError says nothing of the server.

GOAWAY and REFUSED_STREAM (RFC 9113, sections 6.8 and 8.7) prove that a
request was not processed; nothing else does.
"""

from __future__ import annotations

import contextlib

import attrs
import pytest

from faults import h2_server as h2
from faults.bench import ONCE, Bench, Cell
from faults_support import serving
from kinds import FAST

import samekey


NOT_SENT = Cell("NOT_SENT", None, "not_executed", executed=False)
UNKNOWN = Cell("UNKNOWN", None, "in_doubt", executed=True)
ANSWERED = Cell("ANSWERED", 201, "answered", executed=True)
NOTHING_DONE = attrs.evolve(UNKNOWN, executed=False)

GOLDEN = {
    "ok": (h2.answer, ANSWERED),
    "goaway-last0": (h2.goaway(0), NOT_SENT),
    "goaway-last0-enhance-your-calm": (h2.goaway(0, 11), NOT_SENT),
    "goaway-last-this-stream": (h2.goaway(1, executed=True), UNKNOWN),
    "graceful-goaway-then-answer": (h2.drain, UNKNOWN),
    "rst-refused-stream": (h2.reset(7, executed=False), NOT_SENT),
    "rst-no-error": (h2.reset(0, executed=True), UNKNOWN),
    "rst-internal-error": (h2.reset(2, executed=True), UNKNOWN),
    "rst-cancel": (h2.reset(8, executed=True), UNKNOWN),
    "rst-enhance-your-calm": (h2.reset(11, executed=True), UNKNOWN),
    "rst-http11-required": (h2.reset(13, executed=False), NOTHING_DONE),
    "fin-after-request": (h2.vanish, UNKNOWN),
    "rst-after-request": (h2.vanish_hard, UNKNOWN),
    "stall-before-response": (h2.stall, UNKNOWN),
    "protocol-violation": (h2.violate, UNKNOWN),
    "garbage-instead-of-frames": (h2.babble, UNKNOWN),
}

BODIES = {
    "rst-mid-body": h2.reset_in_body,
    "violation-mid-body": h2.violate_in_body,
}


@pytest.fixture
def stage(kind):
    """Stage one POST over HTTP/2, on a plain socket."""

    def run(*acts, short="", warm=False, policy=ONCE, **options):
        with contextlib.ExitStack() as stack:
            bench = Bench(kind, stack)
            speaker = h2.Speaker(*acts)
            url = bench.serve(speaker)
            session = bench.session(http1=False, http2=True, short=short)
            if warm:
                bench.post(url, session=session)
                bench.forget()
            result = bench.post(url, session=session, policy=policy, **options)
        return bench, speaker, result

    return run


class TestVerdicts:
    @pytest.mark.parametrize("name", GOLDEN)
    def test_verdict(self, stage, name):
        """Only REFUSED_STREAM and a GOAWAY below the stream prove anything."""
        act, expected = GOLDEN[name]

        silent = act in {h2.stall, h2.babble}
        bench, _, result = stage(act, short="read" if silent else "")
        found = bench.cell(result)

        assert expected == found
        assert found.reached
        assert not ("NOT_SENT" == found.verdict and found.executed)

    @pytest.mark.parametrize("name", BODIES)
    def test_body_lost(self, stage, name, kind):
        """An answer that breaks off after its head is lost, not failed."""
        bench, _, result = stage(BODIES[name])
        found = bench.cell(result)

        assert ANSWERED == found
        if kind.door == "client":
            assert isinstance(result, samekey.AnswerLost)

    def test_short_answer(self, stage):
        """An answer shorter than it says is in doubt or lost, by timing."""
        bench, _, result = stage(h2.miscount)

        assert bench.cell(result) in {UNKNOWN, ANSWERED}

    @pytest.mark.parametrize("act", [h2.violate, h2.drain])
    def test_local_protocol_error(self, stage, act, kind):
        """What h2 calls a local error may come after the execution."""
        bench, _, result = stage(act)

        assert bench.executed
        assert isinstance(result, samekey.InDoubt)
        assert isinstance(result, kind.module.TransportError)
        assert not isinstance(result, kind.module.LocalProtocolError)
        assert isinstance(result.__cause__, kind.module.ProtocolError)


class TestResends:
    @pytest.mark.parametrize(
        "act",
        [h2.reset(7, executed=False), h2.goaway(0), h2.violate],
        ids=["refused", "goaway", "violation"],
    )
    def test_same_key(self, stage, act):
        """The next attempt has the same key and body, and is answered."""
        _, speaker, response = stage(act, h2.answer, policy=FAST)

        assert 201 == response.status_code
        assert 1 == len({*speaker.keys})
        assert 2 == len(speaker.keys)
        assert [b'{"amount": 500}'] * 2 == speaker.bodies

    def test_never_accepted(self, stage):
        """What is refused every time was certainly not executed."""
        bench, speaker, result = stage(
            h2.reset(7, executed=False), policy=FAST
        )

        assert isinstance(result, samekey.NotExecuted)
        assert 4 == len(result.report.attempts) == len(speaker.keys)
        assert 0 == bench.executed

    def test_refused_after_doubt(self, stage):
        """A refusal after a lost answer does not undo the doubt."""
        bench, _, result = stage(
            h2.vanish, h2.reset(7, executed=False), policy=FAST
        )

        assert isinstance(result, samekey.InDoubt)
        assert 1 == bench.executed

    def test_library_resends(self, stage):
        """A stream above a GOAWAY's last is sent anew by the library."""
        bench, speaker, response = stage(
            h2.answer, h2.goaway(1), h2.answer, warm=True
        )

        assert ANSWERED == bench.cell(response)
        assert 1 == bench.executed
        assert speaker.keys[1] == speaker.keys[2] != speaker.keys[0]

    def test_library_resend_is_refused(self, stage):
        """Of an attempt that went out twice nothing is proved."""
        bench, _, result = stage(
            h2.answer,
            h2.goaway(1),
            h2.reset(7, executed=False),
            warm=True,
        )

        assert NOTHING_DONE == bench.cell(result)

    @pytest.mark.parametrize("policy", [FAST, ONCE], ids=["FAST", "ONCE"])
    def test_library_resends_one_shot_body(self, stage, kind, policy):
        """An iterator's body is never sent again, whole, as an empty one."""
        parts = [b"all ", b"of it"]

        async def aiterate():
            for part in parts:
                yield part

        body = aiterate() if kind.is_async else iter(parts)
        _, speaker, _ = stage(
            h2.answer,
            h2.goaway(1),
            h2.answer,
            warm=True,
            policy=policy,
            content=body,
        )

        assert {b"all of it"} == {*speaker.bodies[1:]}


class TestTls:
    @pytest.mark.parametrize(
        ("act", "expected"),
        [
            (h2.answer, ANSWERED),
            (h2.reset(7, executed=False), NOT_SENT),
            (h2.violate, UNKNOWN),
        ],
    )
    def test_negotiated(self, kind, act, expected):
        """HTTP/2 that TLS negotiated is judged alike."""
        tls = serving()
        tls.set_alpn_protocols(["h2"])
        with contextlib.ExitStack() as stack:
            bench = Bench(kind, stack)
            url = bench.serve(h2.Speaker(act), tls=tls)
            session = bench.session(http2=True)
            result = bench.post(url, session=session)

        assert expected == bench.cell(result)

    def test_key_is_checked(self, kind):
        """HTTP/2 would carry a line break in a key: it is refused."""
        with contextlib.ExitStack() as stack:
            bench = Bench(kind, stack)
            url = bench.serve(h2.Speaker(h2.answer))
            session = bench.session(http1=False, http2=True)
            result = bench.post(
                url, session=session, idempotency_key="a\r\nX-Evil: 1"
            )

        assert isinstance(result, samekey.InvalidKey)
        assert 0 == bench.reached
