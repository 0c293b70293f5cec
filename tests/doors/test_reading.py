"""A body that a client has read is as if the library had read it."""

import gzip
import importlib

import httpx
import httpx2
import pytest

from kinds import fast

import samekey

from samekey._reading import is_known


def label(value):
    return getattr(value, "__name__", None)


def transport_of(kind, chunks, headers=(), error=None):
    """Make a transport whose answers have a body of *chunks*."""
    library = kind.module

    class Body(library.SyncByteStream, library.AsyncByteStream):
        def __iter__(self):
            yield from chunks
            if error is not None:
                raise error

        async def __aiter__(self):
            for chunk in self:
                yield chunk

    class Transport(library.BaseTransport, library.AsyncBaseTransport):
        def handle_request(self, request):
            return library.Response(200, headers=headers, stream=Body())

        async def handle_async_request(self, request):
            return self.handle_request(request)

    return Transport()


def state_of(response):
    """Tell all that a response keeps but what belongs to one call."""
    state = dict(vars(response), headers=response.headers.raw)
    for name in ("stream", "extensions", "_request", "_elapsed", "_decoder"):
        state.pop(name, None)
    return state


class TestWhole:
    @pytest.mark.parametrize(
        ("chunks", "headers"),
        [
            ([], {}),
            ([b""], {"Content-Length": "0"}),
            ([b"{}"], {"Content-Length": "2"}),
            ([b"a", b"", b"bc"], {"Transfer-Encoding": "chunked"}),
            ([bytearray(b"ab")], {}),
            ([b"ab"], {"Content-Encoding": "identity"}),
            ([gzip.compress(b"abc")], {"Content-Encoding": "gzip"}),
        ],
        ids=repr,
    )
    def test_is_as_the_library_reads(self, client_kind, chunks, headers):
        """A response keeps what it keeps without samekey."""
        transport = transport_of(client_kind, chunks, headers)
        plain = client_kind.plain(transport=transport)
        with client_kind.over(plain) as session:
            theirs = session.post("http://x.example/")

        with client_kind.open(transport=transport) as session:
            ours = session.post("http://x.example/")

        assert state_of(ours) == state_of(theirs)
        assert ours.content == theirs.content
        assert ours.elapsed.total_seconds() >= 0

    def test_is_read_once(self, client_kind):
        """Reading it again gives the same, streaming it from the start too."""
        transport = transport_of(client_kind, [b"a", b"b"])

        with client_kind.open(transport=transport) as session:
            response = session.post("http://x.example/")
            assert session.read(response) == b"ab"

        assert response.is_closed
        assert response.num_bytes_downloaded == 2


class TestBroken:
    @pytest.mark.parametrize("encoding", ["identity", None])
    def test_names_its_request(self, client_kind, encoding):
        """An error in the body shows the request, and what came is counted."""
        library = client_kind.module
        headers = {} if encoding is None else {"Content-Encoding": encoding}
        error = library.ReadError("gone")
        transport = transport_of(client_kind, [b"ab"], headers, error)
        terms = {"policy": fast(attempts=1)}

        with client_kind.open(transport=transport, terms=terms) as session:
            with pytest.raises(samekey.AnswerLost) as caught:
                session.post("http://x.example/")

        response = caught.value.response
        assert error.request is response.request
        assert response.num_bytes_downloaded == 2
        assert response.is_closed
        with pytest.raises(library.ResponseNotRead):
            _ = response.content

    @pytest.mark.parametrize("encoding", ["identity", None])
    def test_is_not_the_librarys(self, client_kind, encoding):
        """Another error goes on up as it is."""
        headers = {} if encoding is None else {"Content-Encoding": encoding}
        error = RuntimeError("a bug")
        transport = transport_of(client_kind, [b"ab"], headers, error)

        with client_kind.open(transport=transport) as session:
            with pytest.raises(RuntimeError) as caught:
                session.post("http://x.example/")

        assert caught.value is error


class TestDrained:
    """What happens to a failed answer's body does not stop the retry."""

    def script(self, kind, close=None, **options):
        """Make a transport that fails once, and whose sockets are its own."""
        library = kind.module
        answers = [503, 201]

        class Body(library.SyncByteStream, library.AsyncByteStream):
            def __iter__(self):
                yield b"no"

            async def __aiter__(self):
                yield b"no"

            def close(self):
                if close is not None:
                    raise close

            async def aclose(self):
                self.close()

        class Transport(library.BaseTransport, library.AsyncBaseTransport):
            def handle_request(self, request):
                status = answers.pop(0)
                if status == 201:
                    return library.Response(status)
                return library.Response(status, stream=Body(), **options)

            async def handle_async_request(self, request):
                return self.handle_request(request)

        return Transport()

    @pytest.mark.parametrize("length", ["2", "65537"])
    @pytest.mark.parametrize("close", [None, OSError("gone")], ids=repr)
    def test_close_breaks(self, kind, length, close):
        """It is retried even if its connection cannot be given back."""
        headers = {"Content-Length": length}
        transport = self.script(kind, close, headers=headers)

        with kind.open(transport=transport) as session:
            response = session.post("http://x.example/")

        assert response.status_code == 201

    @pytest.mark.parametrize("stream", [None, object()], ids=["none", "some"])
    def test_socket_is_left_alone(self, kind, stream):
        """Over HTTP/2 the socket is shared: nobody asks for it."""
        extensions = {"http_version": b"HTTP/2", "network_stream": stream}
        transport = self.script(kind, extensions=extensions)

        with kind.open(transport=transport) as session:
            response = session.post("http://x.example/")

        assert response.status_code == 201

    @pytest.mark.parametrize("length", [None, "1024", "65536"])
    @pytest.mark.parametrize("encoding", ["identity", None])
    def test_endless(self, kind, length, encoding):
        """Of a body that does not end as it says, no more than 64 KiB is."""
        library = kind.module
        taken = []

        class Body(library.SyncByteStream, library.AsyncByteStream):
            def __iter__(self):
                return self

            __aiter__ = __iter__

            def __next__(self):
                taken.append(1024)
                return bytes(1024)

            async def __anext__(self):
                return next(self)

        said = {"Content-Length": length, "Content-Encoding": encoding}
        headers = {n: value for n, value in said.items() if value is not None}
        answers = [
            library.Response(503, headers=headers, stream=Body()),
            library.Response(201),
        ]

        class Transport(library.BaseTransport, library.AsyncBaseTransport):
            def handle_request(self, request):
                return answers.pop(0)

            async def handle_async_request(self, request):
                return answers.pop(0)

        with kind.open(transport=Transport()) as session:
            response = session.post("http://x.example/")

        assert response.status_code == 201
        assert len(taken) == 65


def test_a_redirect_that_was_read_is_followed(client_kind):
    """A transport may have read the body of the hop already."""
    library = client_kind.module
    answers = [
        library.Response(307, headers={"Location": "/b"}, content=b"moved"),
        library.Response(201),
    ]

    class Transport(library.BaseTransport, library.AsyncBaseTransport):
        def handle_request(self, request):
            return answers.pop(0)

        async def handle_async_request(self, request):
            return answers.pop(0)

    with client_kind.open(
        transport=Transport(), follow_redirects=True
    ) as session:
        response = session.post("http://x.example/a")

    assert response.status_code == 201


class TestIsKnown:
    @pytest.mark.parametrize("library", ["httpx", "httpx2"])
    def test_known(self, library):
        """The quick way is taken with both libraries."""
        assert is_known(importlib.import_module(library)) is True

    @pytest.mark.parametrize("library", [httpx, httpx2], ids=label)
    def test_other_state(self, library):
        """It is not taken where `read` leaves something that is not known."""

        class Other:
            ByteStream = library.ByteStream

            class Response(library.Response):
                def read(self):
                    self.noted = True
                    return super().read()

        assert is_known(Other) is False

    def test_other_class(self):
        """It is not taken where there is nothing like it."""

        class Other:
            Response = dict

        assert is_known(Other) is False
