"""The fault server does to real sockets what each fault says."""

import collections
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time

from concurrent.futures import ThreadPoolExecutor

import attrs
import httpx
import pytest

from samekey.testing import Answer, Fault, FaultServer, Received, draw


RESET = ConnectionResetError
CLOSED = http.client.RemoteDisconnected
POST = b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


class Counter:
    """An application that counts what it executes."""

    def __init__(self):
        self.executed = 0

    def __call__(self, received):
        self.executed += 1
        body = json.dumps({"executed": self.executed, "text": "x" * 20})
        return Answer(201, headers=(("X-App", "yes"),), body=body.encode())


@pytest.fixture
def app():
    """Count what is executed."""
    return Counter()


def connect(server):
    """Open a connection that gives up after a fifth of a second."""
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.2)


def post(server, body=b"{}", method="POST"):
    """Send one request on a new connection; return status and body."""
    connection = connect(server)
    try:
        connection.request(method, "/x", body=body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def talk(server, *pieces):
    """Send raw *pieces* and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), 0.5) as sock:
        for piece in pieces:
            sock.sendall(piece)
        return b"".join(iter(lambda: sock.recv(65536), b""))


class TestServer:
    def test_records_what_it_received(self, app):
        """A request is kept as it came, its key at hand."""
        with FaultServer(app) as server, httpx.Client() as client:
            response = client.post(
                server.url + "/a?b=c",
                content=b"paid",
                headers=[("Idempotency-Key", "k1"), ("idempotency-key", "k2")],
            )
            received = server.requests[0]

        assert 201 == response.status_code
        assert "yes" == response.headers["x-app"]
        assert ("POST", "/a?b=c") == (received.method, received.target)
        assert b"paid" == received.body
        assert "4" == received.header("Content-LENGTH")
        assert None is received.header("absent")
        assert ("k1", ("k1", "k2")) == (received.key, received.keys)
        assert (1, 1) == (received.connection, received.number)

    def test_keeps_connections(self, app):
        """Ten requests of one client take one connection."""
        with FaultServer(app) as server, httpx.Client() as client:
            for _ in range(10):
                client.get(server.url)

            assert 1 == server.connections
            assert [*range(1, 11)] == [r.number for r in server.requests]
            assert {1} == {r.connection for r in server.requests}

    def test_honours_connection_close(self, app):
        """A client that asks for it is disconnected after the answer."""
        with FaultServer(app) as server:
            said = talk(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

        assert said.startswith(b"HTTP/1.1 201 Created\r\n")

    def test_chunked_body(self, app):
        """A chunked body, its extensions and trailer, is read whole."""
        with FaultServer(app, [Fault.raw(b"ok")]) as server:
            said = talk(
                server,
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            )

            assert b"ok" == said
            assert b"abc0123456789" == server.requests[0].body

    @pytest.mark.parametrize(
        "request_",
        [
            b"POST / HT",
            b"nonsense\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort",
        ],
    )
    def test_drops_what_is_no_request(self, app, request_):
        """A request that is cut short or unreadable counts as none."""
        with FaultServer(app) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(request_)
                sock.shutdown(socket.SHUT_WR)

                assert b"" == sock.recv(1)

            assert [] == server.requests

    def test_head_and_empty_statuses(self, app):
        """HEAD, 204 and 304 are answered without a body."""
        script = [None, Fault.status(204), Fault.status(304), None]
        with FaultServer(app, script) as server, httpx.Client() as client:
            head = client.head(server.url)
            codes = [client.get(server.url) for _ in range(3)]

            assert (201, b"") == (head.status_code, head.content)
            assert int(head.headers["content-length"]) > 0
            assert [204, 304, 201] == [r.status_code for r in codes]
            assert "content-length" not in codes[0].headers
            assert 1 == server.connections

    def test_own_framing(self):
        """An application's own Content-Length is left alone."""
        answer = Answer(headers=(("content-length", "2"),), body=b"ok")
        with FaultServer(lambda _: answer) as server:
            assert (200, b"ok") == post(server)

    def test_application_raises(self):
        """An exception in the application is a 500, and is kept."""
        error = RuntimeError("boom")

        def app(received: Received) -> Answer:
            raise error

        with FaultServer(app) as server:
            status, body = post(server)

            assert 500 == status
            assert b"the application raised an exception" == body
            assert [error] == server.errors

    def test_application_raises_under_fault(self):
        """An application's exception does not undo the fault."""
        with FaultServer({}.__getitem__, [Fault.lose_answer()]) as server:
            with pytest.raises(CLOSED):
                post(server)

            assert [KeyError] == [type(exc) for exc in server.errors]

    def test_many_connections(self, app):
        """64 clients at once are all served, each on its own connection."""
        barrier = threading.Barrier(64)

        def work(_):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            barrier.wait()
            for _ in range(5):
                connection.request("POST", "/", body=b"{}")
                connection.getresponse().read()
            connection.close()

        with FaultServer(app) as server, ThreadPoolExecutor(64) as pool:
            list(pool.map(work, range(64)))

            assert 64 == server.connections
            numbers = [received.number for received in server.requests]
            assert [*range(1, 321)] == numbers

    def test_exits_promptly(self, app):
        """Idle, stalled and half-sent connections do not delay the exit."""
        before = threading.active_count()
        with FaultServer(app, [None, Fault.stall(), Fault.slow(60)]) as server:
            socks = [
                socket.create_connection(("127.0.0.1", server.port))
                for _ in range(4)
            ]
            for number, sock in enumerate(socks[:3], start=1):
                sock.sendall(POST)
                while len(server.requests) < number:
                    time.sleep(0.001)
            started = time.monotonic()

        assert time.monotonic() - started < 0.5
        assert before == threading.active_count()
        for sock in socks:
            sock.close()

    def test_closed_port(self, app):
        """After the exit, the port refuses connections."""
        with FaultServer(app) as server:
            pass

        with pytest.raises(ConnectionRefusedError):
            post(server)
        assert 0 == server.connections

    def test_close_idle(self, app):
        """An idle connection is closed as soon as its answer was seen."""
        script = [None, None, Fault.stall()]
        with FaultServer(app, script) as server, httpx.Client() as client:
            connection = connect(server)
            for _ in range(2):
                connection.request("GET", "/")
                connection.getresponse().read()
            server.close_idle()

            assert b"" == connection.sock.recv(1)
            connection.close()
            with pytest.raises(httpx.ReadTimeout):
                client.get(server.url, timeout=0.05)

    def test_close_idle_spares_the_busy(self, app):
        """A connection that waits for its answer is not idle."""
        entered, leave = threading.Event(), threading.Event()

        def slow(received):
            entered.set()
            leave.wait(5)
            return app(received)

        with FaultServer(slow) as server, ThreadPoolExecutor() as pool:
            future = pool.submit(post, server)
            entered.wait(5)
            server.close_idle()
            leave.set()

            assert 201 == future.result()[0]

    def test_tls(self, app):
        """TLS is served, and its faults are faults."""
        # Anonymous key exchange: no certificate to make, trust or renew.
        contexts = [
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        ]
        for context in contexts:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
        script = [None, Fault.cut(), Fault.lose_answer(reset=True)]
        script.append(Fault.stall())
        server = FaultServer(app, script, ssl_context=contexts[0])
        client = httpx.Client(verify=contexts[1], timeout=0.2)
        with server, client:
            assert server.url.startswith("https://127.0.0.1:")
            assert 201 == client.post(server.url).status_code
            with pytest.raises(httpx.RemoteProtocolError):
                client.post(server.url)
            # OpenSSL may report a reset as an end without a goodbye.
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                client.post(server.url)
            with pytest.raises(httpx.ReadTimeout):
                client.post(server.url)

        assert 3 == app.executed

    def test_tls_is_not_spoken(self, app):
        """A client that does not speak TLS is not heard."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with FaultServer(app, ssl_context=context) as server:
            with contextlib.suppress(ConnectionResetError):
                talk(server, POST)

            assert [] == server.requests


class TestScript:
    def test_one_fault_a_request(self, app):
        """Faults are used up in order; then nothing fails."""
        script = (Fault.status(code) for code in (500, 503))
        with FaultServer(app, script) as server:
            codes = [post(server)[0] for _ in range(4)]

        assert [500, 503, 201, 201] == codes

    def test_function(self, app):
        """A function sees the whole request and chooses."""

        def script(received: Received) -> Fault | None:
            return Fault.status(418) if received.body == b"tea" else None

        with FaultServer(app, script) as server:
            assert 201 == post(server, b"coffee")[0]
            assert 418 == post(server, b"tea")[0]

    def test_function_raises(self, app):
        """An exception in the script is a 500, and nothing is executed."""
        with FaultServer(app, {}.__getitem__) as server:
            assert 500 == post(server)[0]
            assert [KeyError] == [type(exc) for exc in server.errors]

        assert 0 == app.executed


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "executed", "error"),
        [
            (Fault.lose_request(), 0, CLOSED),
            (Fault.lose_request(reset=True), 0, RESET),
            (Fault.lose_answer(), 1, CLOSED),
            (Fault.lose_answer(reset=True), 1, RESET),
            (Fault.stall(), 0, TimeoutError),
            (Fault.stall(executed=True), 1, TimeoutError),
            (Fault.stall(0.05), 0, CLOSED),
            (Fault.stall(0.05, executed=True), 1, CLOSED),
            (Fault.slow(60), 1, TimeoutError),
            (Fault.cut(), 1, http.client.IncompleteRead),
            (Fault.cut(10_000), 1, http.client.IncompleteRead),
            (Fault.cut(reset=True), 1, RESET),
            (Fault.cut(stall=True), 1, TimeoutError),
            (Fault.raw(b"HTTP/1.1 2"), 1, http.client.BadStatusLine),
            (Fault.raw(b"", executed=False), 0, CLOSED),
            (Fault.raw(b"", end="reset"), 1, RESET),
            (Fault.raw(b"HTTP", end="stall"), 1, TimeoutError),
            (Fault.raw(b"HTTP", end="keep"), 1, TimeoutError),
            (Fault.drip(60), 1, TimeoutError),
        ],
    )
    @pytest.mark.parametrize("chosen", [False, True])
    def test_no_answer(self, app, fault, executed, error, chosen):
        """The client gets no whole answer, executed or not."""
        script = (lambda _: fault) if chosen else [fault]
        with FaultServer(app, script) as server:
            with pytest.raises(error) as caught:
                post(server)

            # RemoteDisconnected is a kind of ConnectionResetError.
            assert error is caught.type
            assert 1 == len(server.requests)
            assert executed == app.executed
            assert bool(executed) is fault.after_execution

    @pytest.mark.parametrize(
        ("fault", "executed", "status"),
        [
            (Fault.slow(0.05), 1, 201),
            (Fault.status(503), 0, 503),
            (Fault.status(600), 0, 600),
            (Fault.status(500, executed=True), 1, 500),
            (Fault.drip(0.0001), 1, 201),
            (Fault.drip(0.0001, executed=False), 0, 503),
            (Fault.raw(b"HTTP/1.1 299 Z\r\n\r\n"), 1, 299),
        ],
    )
    def test_answer(self, app, fault, executed, status):
        """The client gets a whole answer, executed or not."""
        with FaultServer(app, [fault]) as server:
            assert status == post(server)[0]

        assert executed == app.executed
        assert bool(executed) is fault.after_execution

    @pytest.mark.parametrize(
        "fault",
        [
            Fault.slow(0.01),
            Fault.status(503),
            Fault.drip(0.0001),
            Fault.raw(b"HTTP/1.1 204 No\r\n\r\n", end="keep"),
        ],
    )
    def test_keeps_connection(self, app, fault):
        """A fault that ends with a whole answer keeps the connection."""
        with FaultServer(app, [fault]) as server, httpx.Client() as client:
            client.post(server.url)
            client.post(server.url)

            assert 1 == server.connections

    @pytest.mark.parametrize("chosen", [False, True])
    def test_refuse(self, app, chosen):
        """A refused request is not executed, and counts only if read."""
        fault = Fault.refuse()
        script = (lambda _: fault) if chosen else [fault]
        with FaultServer(app, script) as server:
            with pytest.raises(CLOSED):
                post(server, None)

            assert chosen is bool(server.requests)
            assert 1 == server.connections
        assert 0 == app.executed

    def test_refuse_reads_no_further(self, app):
        """The connection is gone while the request is still being sent."""
        with FaultServer(app, [Fault.refuse(reset=True)]) as server:
            with pytest.raises(RESET):
                talk(server, POST[:10])

            assert [] == server.requests

    def test_slow_takes_its_time(self, app):
        """A slow answer is not there before its time."""
        with FaultServer(app, [Fault.slow(0.1)]) as server:
            started = time.monotonic()
            post(server)

        assert time.monotonic() - started >= 0.1

    def test_stall_takes_its_time(self, app):
        """A stall ends after its time, whatever the client still says."""
        with FaultServer(app, [Fault.stall(0.1)]) as server:
            started = time.monotonic()

            assert b"" == talk(server, POST, b"!")
        assert time.monotonic() - started >= 0.1

    def test_stall_ends_with_the_client(self, app):
        """A stall does not outlive its client."""
        with FaultServer(app, [Fault.stall()]) as server:
            address = ("127.0.0.1", server.port)
            sock = socket.create_connection(address)
            sock.sendall(POST)
            sock.shutdown(socket.SHUT_WR)

            assert b"" == sock.recv(1)
            sock.close()

    def test_cut(self, app):
        """The head tells the right length, the body ends before it."""
        with FaultServer(app, [Fault.cut(7)]) as server:
            head, _, body = talk(server, POST).partition(b"\r\n\r\n")

        assert b'{"execu' == body
        assert b"Content-Length: 47" in head

    def test_cut_without_a_body(self):
        """An answer without a body has nothing to be cut."""
        with FaultServer(lambda _: Answer(), [Fault.cut()]) as server:
            assert (200, b"") == post(server)

    def test_status_and_raw_are_sent_as_given(self, app):
        """What the fault says goes out as it is."""
        status = Fault.status(
            503, headers=[("Retry-After", "7")], body=b"later"
        )
        with FaultServer(app, [status, Fault.raw(b"\x00\xff")]) as server:
            with httpx.Client() as client:
                response = client.post(server.url)

            assert "7" == response.headers["retry-after"]
            assert b"later" == response.content
            assert b"\x00\xff" == talk(server, POST)

    def test_drip(self, app):
        """Bytes come one by one."""
        data = b"HTTP/1.1 200 OK\r\n\r\n"
        fault = attrs.evolve(Fault.raw(data), interval=0.005)
        with FaultServer(app, [fault]) as server:
            address = ("127.0.0.1", server.port)
            with socket.create_connection(address) as sock:
                sock.sendall(POST)
                pieces = list(iter(lambda: sock.recv(100), b""))

        assert data == b"".join(pieces)
        assert len(pieces) > len(data) / 2

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (
                lambda: Fault.slow(-1),
                "delay must be 0 or more finite seconds, got -1",
            ),
            (
                lambda: Fault.stall(float("inf")),
                "hold must be 0 or more finite seconds, got inf",
            ),
            (
                lambda: Fault.drip(float("nan")),
                "interval must be 0 or more finite seconds, got nan",
            ),
            (
                lambda: Fault.cut(-1),
                "after must be 0 or more bytes, got -1",
            ),
            (
                lambda: Fault.cut(reset=True, stall=True),
                "reset and stall must not both be true, got both",
            ),
            (
                lambda: Fault.status(103),
                "status must be from 200 to 999, got 103",
            ),
        ],
    )
    def test_refuses_nonsense(self, make, message):
        """A fault that nobody can act on is refused at once."""
        with pytest.raises(ValueError) as caught:
            make()

        assert message == str(caught.value)

    def test_refuses_unknown_end(self):
        """An end that nobody knows is refused at once."""
        rule = r"^end must be close, reset, stall or keep, got 'explode'$"
        with pytest.raises(ValueError, match=rule):
            Fault.raw(b"", end="explode")


class TestDraw:
    FAULTS = (Fault.lose_request(), Fault.lose_answer(), Fault.stall())

    def test_same_coordinates_same_fault(self):
        """A run can be repeated, whatever the order it is asked in."""
        asked = [(charge, attempt) for charge in range(99) for attempt in "12"]

        def run(coordinates):
            return {
                c: draw("seed", *c, rate=0.5, faults=self.FAULTS)
                for c in coordinates
            }

        assert run(asked) == run(reversed(asked))

    def test_is_stable(self):
        """The choice never changes from release to release."""
        drawn = [draw(7, n, rate=0.9, faults=self.FAULTS) for n in range(6)]

        assert [fault and fault.kind for fault in drawn] == [
            None,
            "lose_answer",
            "lose_request",
            "stall",
            "stall",
            "lose_request",
        ]

    def test_rate(self):
        """About the given share goes wrong, each fault as often."""
        drawn = collections.Counter(
            draw(1, number, rate=0.3, faults=self.FAULTS)
            for number in range(3000)
        )

        assert 2000 < drawn[None] < 2200
        assert all(230 < drawn[fault] < 370 for fault in self.FAULTS)

    def test_extremes(self):
        """A rate of 0 never fails, a rate of 1 always."""
        never = [draw(1, n, rate=0, faults=self.FAULTS) for n in range(99)]
        always = [draw(1, n, rate=1, faults=self.FAULTS) for n in range(99)]

        assert {None} == set(never)
        assert None not in always

    def test_coordinates_are_typed(self):
        """The number 1 and the text "1" are different coordinates."""
        numbers = [draw(1, n, rate=0.5, faults=self.FAULTS) for n in range(99)]
        texts = [
            draw(1, str(n), rate=0.5, faults=self.FAULTS) for n in range(99)
        ]

        assert numbers != texts

    @pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
    def test_refuses_rate(self, rate):
        """A rate is a share of exchanges."""
        with pytest.raises(
            ValueError, match=rf"^rate must be from 0 to 1, got {rate}$"
        ):
            draw(1, rate=rate, faults=self.FAULTS)

    def test_refuses_no_faults(self):
        """There must be something to draw."""
        with pytest.raises(
            ValueError,
            match=r"^faults must hold at least one fault, got none$",
        ):
            draw(1, rate=0.5, faults=[])


def test_a_stall_reads_on_until_the_client_goes():
    """What a client sends into the silence is read and thrown away."""
    with FaultServer(lambda received: Answer(), [Fault.stall()]) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while not server.requests:
                time.sleep(0.001)
            client.sendall(b"is anybody there?")
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)

            assert client.recv(1) == b""
