"""An error never lies about what happened, and travels between processes."""

import copy
import inspect
import pickle
import re
import ssl

import h11
import httpx
import httpx2
import pytest

import samekey

from samekey import errors
from samekey._notes import blend
from samekey._report import Attempt, Outcome, Report, Verdict
from samekey.errors import (
    AnswerLost,
    BodyNotReplayable,
    GaveUp,
    InDoubt,
    InvalidKey,
    KeyExpired,
    KeyReused,
    NotExecuted,
    OperationChanged,
    SamekeyError,
    blended,
    build,
)


LIBRARIES = [httpx, httpx2]
KINDS = [NotExecuted, InDoubt, AnswerLost]
KEY = "4b6d9504-481c-4e0a-9dd5-78c18905095e"
REPORT = Report(
    key=KEY,
    operation=("order", 123),
    outcome=Outcome.IN_DOUBT,
    attempts=(
        Attempt(number=1, verdict=Verdict.UNKNOWN, started=0.0, elapsed=5.25),
    ),
)


def pickled(exc):
    return pickle.loads(pickle.dumps(exc))


def raised_by(library):
    """List the exceptions of *library* that an attempt can end with."""
    bases = (library.TransportError, library.HTTPStatusError)
    return [
        cls
        for cls in vars(library).values()
        if inspect.isclass(cls)
        and issubclass(cls, (*bases, library.DecodingError))
    ]


def gave_up(library, plain=InDoubt, name="ReadTimeout"):
    """Make an error as it is raised."""
    cls = blend(plain, getattr(library, name), library.TransportError)
    exc = build(cls, "POST to a: it may have", REPORT, "attempts")
    exc.add_note("keep the key")
    return exc


class TestTree:
    def test_as_drawn(self):
        """The tree at the top of the module is the tree."""
        drawn = re.findall(
            r"^    (?:│  )? *(?:[├└]── )?(\w+)", errors.__doc__, re.MULTILINE
        )

        assert sorted(drawn) == sorted(
            name
            for name, value in vars(errors).items()
            if inspect.isclass(value)
            and issubclass(value, SamekeyError)
            and not name.startswith("_")
        )

    def test_bases(self):
        """One handler catches every way to give up, one every bad key."""
        assert all(issubclass(plain, GaveUp) for plain in KINDS)
        assert issubclass(InvalidKey, ValueError)


@pytest.mark.parametrize("library", LIBRARIES)
class TestBlend:
    @pytest.mark.parametrize("plain", [NotExecuted, AnswerLost])
    def test_kept(self, library, plain):
        """A handler for what the last attempt raised goes on working."""
        for other in raised_by(library):
            cls = blend(plain, other, library.TransportError)

            assert issubclass(cls, (plain, other))
            assert (plain, other) == cls.__bases__

    def test_never_lies(self, library):
        """What is in doubt is never caught as a thing that was not sent."""
        never_sent = (
            library.ConnectError,
            library.ConnectTimeout,
            library.PoolTimeout,
            library.ProxyError,
            library.LocalProtocolError,
            library.UnsupportedProtocol,
        )
        for other in raised_by(library):
            cls = blend(InDoubt, other, library.TransportError)

            assert not issubclass(cls, never_sent)
            assert issubclass(cls, InDoubt)
            if issubclass(other, never_sent):
                assert issubclass(cls, library.TransportError)
            else:
                assert issubclass(cls, other)

    @pytest.mark.parametrize("plain", KINDS)
    @pytest.mark.parametrize(
        "other", [ssl.SSLError, h11.RemoteProtocolError, ExceptionGroup]
    )
    def test_raw(self, library, plain, other):
        """An error from below the library is raised as its TransportError."""
        cls = blend(plain, other, library.TransportError)

        assert (plain, library.TransportError) == cls.__bases__

    def test_other_library(self, library):
        """An error of the other library is not raised to this one's users."""
        other = httpx2 if library is httpx else httpx

        cls = blend(InDoubt, other.ReadTimeout, library.TransportError)

        assert not issubclass(cls, other.TransportError)

    def test_name(self, library):
        """The class is named after both, and made once."""
        cls = blend(InDoubt, library.ReadTimeout, library.TransportError)

        assert "InDoubt[ReadTimeout]" == cls.__name__
        assert "samekey.errors" == cls.__module__
        assert InDoubt.__doc__ == cls.__doc__
        assert cls is blended(InDoubt, library.ReadTimeout)


@pytest.mark.parametrize("library", LIBRARIES)
class TestGaveUp:
    def test_fields(self, library):
        """An error carries the report, the key and why it stopped."""
        exc = gave_up(library)

        assert (REPORT, KEY, "attempts") == (exc.report, exc.key, exc.reason)
        assert exc.response is None
        assert "POST to a: it may have" == str(exc)

    def test_request(self, library):
        """Without a request it says so, as the library's own errors do."""
        exc = gave_up(library)
        request = library.Request("POST", "https://a")

        with pytest.raises(
            RuntimeError, match=r"^The \.request property has not been set\.$"
        ):
            _ = exc.request
        exc.request = request
        assert request is exc.request

    @pytest.mark.parametrize("plain", KINDS)
    @pytest.mark.parametrize("name", ["ReadTimeout", "HTTPStatusError"])
    @pytest.mark.parametrize("change", [pickled, copy.copy, copy.deepcopy])
    def test_pickled(self, library, plain, name, change):
        """Pickling keeps report, reason and notes, and drops the rest."""
        exc = gave_up(library, plain, name)
        exc.request = library.Request("POST", "https://a")
        exc.response = library.Response(503)
        exc.__cause__ = OSError()

        other = change(exc)

        assert type(exc) is type(other)
        assert str(exc) == str(other)
        assert exc.args == other.args
        assert (REPORT, "attempts") == (other.report, other.reason)
        assert ["keep the key"] == other.__notes__
        assert other.response is None
        with pytest.raises(RuntimeError, match=r"^The \.request .*$"):
            _ = other.request


def test_made_by_hand():
    """An error that a test of the user's makes can be pickled too."""
    exc = pickled(InDoubt("it may have"))

    assert (InDoubt, "it may have") == (type(exc), str(exc))


MADE = [
    (SamekeyError, ["no"]),
    (InvalidKey, ["no"]),
    (BodyNotReplayable, ["no"]),
    (OperationChanged, ["no"]),
    (OperationChanged, ["no", REPORT]),
    (KeyExpired, ["no", REPORT]),
    (KeyReused, ["no", REPORT]),
]


class TestPickled:
    @pytest.mark.parametrize(("cls", "args"), MADE)
    def test_fields(self, cls, args):
        """Message and fields of every error come through pickling."""
        exc = cls(*args)

        other = pickled(exc)

        assert (cls, "no") == (type(other), str(other))
        assert vars(exc) == vars(other)

    @pytest.mark.parametrize(("cls", "args"), MADE)
    def test_notes(self, cls, args):
        """Notes that were added on the way up come through pickling."""
        exc = cls(*args)
        exc.add_note("order 123")

        assert ["order 123"] == getattr(pickled(exc), "__notes__", None)

    def test_response(self):
        """Of a key reuse the server's answer is dropped in pickling."""
        exc = KeyReused("no", REPORT)
        exc.response = httpx.Response(422)

        assert pickled(exc).response is None

    def test_raised(self):
        """An error comes through pickling after a client has raised it."""
        client = samekey.wrap(httpx.Client(transport=httpx.MockTransport(str)))
        body = iter([bytes(9_000_000)])

        with pytest.raises(BodyNotReplayable, match=r"^a body .*$") as caught:
            client.post("https://a", content=body)

        assert str(caught.value) == str(pickled(caught.value))
