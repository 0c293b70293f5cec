"""
Case 22: `close()` reaches the wrapped transport.

A layer that forgets to pass it on leaves the pool open behind a client that
says it is closed: sockets, and the server's threads, stay until the process
ends.
"""

import socket
import threading

import anyio
import httpx
import pytest

from kinds import FAST, full

import samekey

from samekey.testing import Answer, FaultServer


class Recording:
    """Notes how it is opened and closed, and answers everything."""

    def __init__(self, module):
        self.module = module
        self.events = []
        self.raised = None

    def __enter__(self):
        self.events.append("enter")
        return self

    def __exit__(self, exc_type=None, exc_value=None, traceback=None):
        self.events.append("exit")
        self.raised = exc_value

    def handle_request(self, request):
        return self.module.Response(201)

    def close(self):
        self.events.append("close")

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, exc_type=None, exc_value=None, traceback=None):
        self.__exit__(exc_type, exc_value, traceback)

    async def handle_async_request(self, request):
        return self.handle_request(request)

    async def aclose(self):
        self.close()


def recorder(kind):
    """Make a transport of the library that notes what is done to it."""
    name = "AsyncBaseTransport" if kind.is_async else "BaseTransport"
    base = getattr(kind.module, name)
    return type("Recorder", (Recording, base), {})(kind.module)


def closed(session):
    """Close the client of *session*."""
    client = session.client
    session.call(client.aclose if session.kind.is_async else client.close)


def check_closed(transport):
    """Check that *transport* was told that it is over."""
    assert {"close", "exit"} & set(transport.events), transport.events


def test_a_context_manager_opens_and_closes_the_transport(kind):
    """`with` on the client is `with` on the transport."""
    inner = recorder(kind)
    with kind.open(transport=inner) as session:
        assert ["enter"] == inner.events
        session.post("http://shop/x", json={})
        assert ["enter"] == inner.events

    check_closed(inner)
    assert ["enter", "exit"] == inner.events


def test_close_reaches_the_transport(kind):
    """Closing the client closes the transport, once."""
    inner = recorder(kind)
    with kind.open(transport=inner) as session:
        closed(session)
        after = list(inner.events)
        assert session.client.is_closed

    check_closed(inner)
    assert ["enter", "close"] == after


def raise_inside(kind, client, error):
    """Raise *error* in the `with` block of *client*."""

    async def main():
        async with client:
            raise error

    if kind.is_async:
        anyio.run(main, backend=kind.flavour)
    with client:
        raise error


def test_an_exception_reaches_the_transport(kind):
    """What leaves the `with` block is shown to the transport's exit."""
    inner = recorder(kind)
    error = ValueError("in the block")
    client = kind.wrapped(transport=inner)
    with pytest.raises(ValueError, match=r"^in the block$") as caught:
        raise_inside(kind, client, error)

    assert error is caught.value
    assert ["enter", "exit"] == inner.events
    assert error is inner.raised


def test_the_transport_is_its_own_context_manager(transport_kind):
    """A transport without a client opens and closes what it wraps."""
    inner = recorder(transport_kind)
    cls = samekey.Transport
    if transport_kind.is_async:
        cls = samekey.AsyncTransport
    with pytest.raises(ValueError, match=r"^in the block$"):
        raise_inside(transport_kind, cls(inner), ValueError("in the block"))

    assert ["enter", "exit"] == inner.events


def test_mounts_are_closed_too(client_kind):
    """A wrapped client closes what it has mounted as well."""
    inner, mounted = recorder(client_kind), recorder(client_kind)
    with client_kind.open(
        transport=inner, mounts={"all://shop": mounted}
    ) as session:
        session.post("http://shop/x", json={})
        closed(session)

    check_closed(inner)
    check_closed(mounted)


def test_the_wrapped_client_is_closed_with_its_wrapper(client_kind):
    """Wrapper and original are one client: both say they are closed."""
    inner = recorder(client_kind)
    original = client_kind.plain(transport=inner)
    wrapper = samekey.wrap(original, policy=FAST, budget=full())
    with client_kind.over(wrapper) as session:
        assert not original.is_closed
        closed(session)
        assert original.is_closed
        assert wrapper.is_closed

    check_closed(inner)


def test_a_closed_client_refuses_to_send(kind):
    """After close nothing is sent, and nothing is retried."""
    with (
        FaultServer(lambda _: Answer(201)) as server,
        kind.open(base_url=server.url) as session,
    ):
        closed(session)
        with pytest.raises(
            RuntimeError,
            match=r"^Cannot send a request, as the client has been closed\.(\n.+)?$",
        ):
            session.post("/x", json={})

    assert [] == server.requests


class Watcher:
    """Answers one request, and sees whether the client then hangs up."""

    def __init__(self):
        self.hung_up = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc_info):
        self.listener.close()

    def serve(self):
        sock, _ = self.listener.accept()
        with sock:
            while not sock.recv(65_536).endswith(b"{}"):
                pass
            sock.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            while sock.recv(65_536):
                pass
            self.hung_up.set()


def check_hangs_up(watcher, close):
    """Check that *close* closes the connection, and not something before."""
    assert not watcher.hung_up.wait(0.02)
    close()
    assert watcher.hung_up.wait(0.3)


def test_close_hangs_up(kind):
    """The server sees the connection end when the client is closed."""
    with Watcher() as watcher, kind.open(base_url=watcher.url) as session:
        session.post("/x", json={})
        check_hangs_up(watcher, lambda: closed(session))


class TestTheChecker:
    """The checks above see the peers' mistake."""

    def test_reports_a_transport_that_does_not_pass_it_on(self):
        """A wrapper with no close of its own is reported."""

        class Naive(httpx.BaseTransport):
            def __init__(self, inner):
                self.inner = inner

            def handle_request(self, request):
                return self.inner.handle_request(request)

        inner = httpx.HTTPTransport()
        with Watcher() as watcher:
            client = httpx.Client(transport=Naive(inner), trust_env=False)
            client.post(watcher.url, json={})
            with pytest.raises(AssertionError):
                check_hangs_up(watcher, client.close)
            inner.close()
