"""
Exceptions and answers that do not mean what they say.

A 408 may answer a request that nobody read; a ConnectError may follow an
execution.
"""

from __future__ import annotations

import pytest

from faults_support import CREATED, RawServer, opened

import samekey


TIMED_OUT = (
    b"HTTP/1.1 408 Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class TestUnsolicitedTimeout:
    def test_is_retried(self, kind):
        """A 408 to a request that nobody read is no answer to it."""
        keys = []

        def serve(line):
            if line.server.connections == 1:
                line.send(TIMED_OUT)
                line.fin()
                line.stall()
                return
            keys.append(line.request())
            line.execute()
            line.send(CREATED)
            line.stall()

        with (
            RawServer(serve) as server,
            opened(kind, base_url=server.url) as session,
        ):
            response = session.post("/pay", json={"amount": 500})

        report = samekey.report(response)
        assert [408, 201] == [a.status for a in report.attempts]
        assert 1 == server.executed
        assert report.key.encode() in keys[0]


class TestConnectErrorAfterExecution:
    def test_in_doubt(self, kind):
        """A refused connect after a lost answer leaves it in doubt."""
        served = []

        def serve(line):
            served.append(line.request())
            line.execute()
            line.server.close()

        with (
            RawServer(serve) as server,
            opened(kind, base_url=server.url) as session,
            pytest.raises(samekey.InDoubt) as info,
        ):
            session.post("/pay", json={"amount": 500})

        exc = info.value
        verdicts = [a.verdict for a in exc.report.attempts]
        assert ["UNKNOWN", "NOT_SENT"] == [verdicts[0], verdicts[-1]]
        assert not isinstance(exc, kind.module.ConnectError)
        assert isinstance(exc, kind.module.TransportError)
        assert [1, 1] == [server.executed, len(served)]
