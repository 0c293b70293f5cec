"""
Takes a body in as the library's own `read` does, at a fraction of its price.

`Response.read` passes each chunk through two generators, a decoder and two
chunkers, under two context managers; for a small body in plain bytes that is
nearly all that reading costs. Where a probe shows that `read` leaves a
`Response` in the state that is known here, its chunks are put into it at
once. An encoded body is the library's to read, and so is the answer of
another class.
"""

from __future__ import annotations

import functools

from typing import Any

from samekey._headers import is_encoded
from samekey._library import Module, Response


def takes(library: Module, response: Response, base: type) -> bool:
    """
    Tell whether the body of *response* can be taken in here, if it is plain.

    *base* is the class of the streams that this kind of client reads.
    """
    return (
        type(response) is library.Response
        and is_known(library)
        and not (response.is_stream_consumed or hasattr(response, "_content"))
        and isinstance(response.stream, base)
    )


def put(response: Any, chunks: list[bytes]) -> None:
    """Make *chunks* the content of *response*, which is closed."""
    response._content = content = b"".join(chunks)
    response._num_bytes_downloaded = len(content)


def put_whole(library: Module, response: Any, content: bytes) -> None:
    """Make *content* what an unread response of ours was found to say."""
    plain = not is_encoded(response.headers)
    if plain and takes(library, response, library.ByteStream):
        response.is_stream_consumed = response.is_closed = True
        put(response, [content])
    else:
        response.read()


def put_part(
    library: Module, response: Any, chunks: list[bytes], exc: BaseException
) -> None:
    """Note what came of a body that broke; the error names its request."""
    response._num_bytes_downloaded = sum(map(len, chunks))
    if isinstance(exc, library.RequestError) and response._request is not None:
        exc.request = response._request


@functools.lru_cache(maxsize=8)
def is_known(library: Module) -> bool:
    """Tell whether the library's `read` does what is done here."""
    data = b"ab"
    try:
        ours, theirs = (
            library.Response(200, stream=library.ByteStream(data))
            for _ in range(2)
        )
        theirs.read()
        ours.is_stream_consumed = True
        ours.close()
        put(ours, [data[:1], data[1:]])
        return ours.content == data and _state(ours) == _state(theirs)
    except Exception:  # noqa: BLE001 -- another library may raise anything
        return False


def _state(response: Any) -> dict[str, object]:
    # The decoder has no state that matters once everything is decoded.
    state = dict(vars(response), stream=None)
    state.pop("_decoder", None)
    return state
