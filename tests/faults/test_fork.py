"""
A forked child must not read its parent's answers from a shared connection.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from faults_support import Counter

from samekey.testing import FaultServer


SCRIPT = """
import asyncio
import importlib
import os
import sys

import samekey

library, door, url = sys.argv[1:]
module = importlib.import_module(library)


def make(cls="Client"):
    if door == "client":
        return samekey.wrap(getattr(module, cls)(trust_env=False))
    inner = getattr(module, cls.replace("Client", "HTTPTransport"))(verify=False)
    own = samekey.Transport if cls == "Client" else samekey.AsyncTransport
    return getattr(module, cls)(transport=own(inner), verify=False)


def said(function):
    try:
        return str(function())
    except RuntimeError as exc:
        return "RuntimeError: " + str(exc)


def in_child(name, function):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        print(name, said(function), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


def post(client):
    return lambda: client.post(url, content=b"5").status_code


def apost(client):
    async def main():
        return (await client.post(url, content=b"5")).status_code

    return lambda: asyncio.run(main())


warm, unused, awarm, aunused = (
    make(), make(), make("AsyncClient"), make("AsyncClient")
)
print("parent", said(post(warm)))
print("aparent", said(apost(awarm)))
in_child("warm", post(warm))
in_child("unused", post(unused))
in_child("awarm", apost(awarm))
in_child("aunused", apost(aunused))
in_child("own", lambda: post(make())())
if door == "client":
    used = module.Client(verify=False)
    used.get(url)
    late = samekey.wrap(used)
    in_child("late", post(late))
    try:
        warm.post("http://127.0.0.1:1", policy=samekey.RetryPolicy(attempts=1))
    except samekey.NotExecuted as exc:
        in_child("resume", lambda: warm.resume(exc))
print("again", said(post(warm)))
"""


@pytest.mark.parametrize("door", ["client", "transport"])
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_fork(library, door):
    """A warm client is refused in a child, an unused one works there."""
    with FaultServer(Counter()) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, library, door, server.url],
            capture_output=True,
            check=True,
            env={**os.environ, "NO_PROXY": "*"},
            text=True,
            timeout=30,
        )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())

    refused = {n for n, text in said.items() if "RuntimeError" in text}
    expected = {"warm", "awarm"}
    if door == "client":
        expected |= {"late", "resume"}
    assert expected == refused
    assert all(
        "forked child must make its own" in said[name] for name in refused
    )
    assert {"201"} == {said[name] for name in set(said) - refused}
    assert "" == done.stderr
