"""What is on disk, and what is never there."""

import asyncio
import datetime as dt
import decimal
import gzip
import json
import pickle
import threading
import uuid

from pathlib import Path

import anyio
import attrs
import httpx
import httpx2
import pytest

from hypothesis import given
from hypothesis import strategies as st
from journal.support import (
    HOUR,
    ORDER,
    Api,
    Clock,
    Crash,
    client_of,
    lost,
    memory,
    pay,
)
from kinds import fast

import samekey

from samekey import _reading
from samekey._kept import Change, Kept
from samekey._message import Message
from samekey._redaction import redact
from samekey._report import Attempt, Outcome, Report, Verdict
from samekey.journal import Journal
from samekey.profiles import Answer, Profile
from samekey.stores import MemoryStore, SQLiteStore
from samekey.testing import FakeClock, stand_in


ONCE = fast(attempts=1)
CARD = "4242424242424242"


@pytest.fixture
def clock():
    """The time, for all clients of a test."""
    return Clock()


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "payments.db"


def on_disk(path):
    """Give every byte beside *path* that could be read."""
    found = [each.read_bytes() for each in path.parent.iterdir()]
    return b"".join(found)


def only(journal):
    """Give the one entry that there is."""
    [entry] = journal.entries()
    return entry


class TestRemember:
    def test_outcome(self, clock):
        """With "outcome" only the status of an answer is known."""
        journal = memory(remember="outcome")
        api = Api()
        pay(client_of(journal, api, clock=clock, retention=HOUR))
        answer = only(journal).answer
        pay(client_of(journal, api, clock=clock, retention=HOUR))
        clock.now += HOUR
        third = pay(client_of(journal, api, clock=clock, retention=HOUR))

        assert Message(status=201) == answer
        assert 2 == len(api.requests)
        assert 1 == len(set(api.keys))
        assert 201 == third.status_code
        with pytest.raises(samekey.AnswerLost):
            third.read()

    def test_answer(self, clock):
        """With "answer", the default, the request is not known."""
        journal = memory()
        with pytest.raises(samekey.InDoubt):
            pay(client_of(journal, Api(lost()), clock=clock, policy=ONCE))
        assert only(journal).request is None
        pay(client_of(journal, Api(), clock=clock))

        answer = only(journal).answer
        assert {"number": 1} == json.loads(answer.body)
        assert ("content-type", "application/json") in answer.headers

    def test_request(self, clock):
        """With "request" it is known until the operation is settled."""
        journal = memory(remember="request")
        client = client_of(journal, Api(lost()), clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            client.post(
                "https://me:hush@api.example.com/payments?a=1#b",
                json=ORDER,
                operation="order-1",
            )
        request = only(journal).request
        assert "https://api.example.com/payments?a=1#b" == request.url
        assert "https://api.example.com/payments" == only(journal).url
        assert ("POST", ORDER, False) == (
            request.method,
            json.loads(request.body),
            request.redacted,
        )
        client.post(
            "https://me:hush@api.example.com/payments?a=1#b",
            json=ORDER,
            operation="order-1",
        )

        assert only(journal).request is None

    def test_request_of_what_is_open(self, clock):
        """It is there before the first byte, for who comes after a crash."""
        journal = memory(remember="request")
        with pytest.raises(Crash):
            pay(client_of(journal, Api(Crash()), clock=clock))

        assert ORDER == json.loads(only(journal).request.body)

    @pytest.mark.parametrize("body", [b"", None])
    def test_empty(self, clock, body):
        """A request without a body is kept as one."""
        journal = memory(remember="request", redact=["/card"])
        client = client_of(journal, Api(lost()), clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            client.post("/payments", content=body, operation="order-1")

        request = only(journal).request
        assert (b"", False) == (request.body, request.redacted)

    def test_scope_headers(self, clock):
        """A header that says whose key it is must be sent again."""
        journal = memory(remember="request")
        client = client_of(
            journal,
            Api(lost()),
            clock=clock,
            policy=ONCE,
            profile="stripe",
            client={"headers": {"Stripe-Account": "acct_1", "X-Other": "1"}},
        )
        with pytest.raises(samekey.InDoubt):
            pay(client)

        names = {name for name, _ in only(journal).request.headers}
        assert "stripe-account" in names
        assert "x-other" not in names


class TestNeverOnDisk:
    @pytest.mark.parametrize("remember", ["outcome", "answer", "request"])
    def test_credentials(self, path, clock, remember):
        """No credential and no cookie ever reaches the file."""
        journal = Journal(path, remember=remember)

        def answering(request):
            return httpx.Response(
                201, json={"id": 1}, headers=[("Set-Cookie", "c=SECRET-1")]
            )

        client = client_of(
            journal,
            answering,
            clock=clock,
            client={
                "headers": {
                    "Authorization": "Bearer SECRET-2",
                    "Proxy-Authorization": "Basic SECRET-3",
                    "X-Api-Key": "SECRET-4",
                },
                "cookies": {"session": "SECRET-5"},
            },
        )
        pay(client)
        with pytest.raises(Crash):
            client.post(
                "https://SECRET-6:SECRET-7@api.example.com/payments",
                json=ORDER,
                operation="order-2",
                auth=_Dying(),
            )
        seen = on_disk(path)
        journal.close()

        assert b"order-2" in seen
        assert b"SECRET" not in seen + on_disk(path)

    def test_guessing(self, path, clock):
        """A card number cannot be guessed from a fingerprint on disk."""
        import hashlib  # noqa: PLC0415

        from samekey._admission import digest_of  # noqa: PLC0415

        digests = []

        def look(request):
            digests.append(digest_of(request.extensions["samekey"]))
            return httpx.Response(201)

        journal = Journal(path)
        pay(client_of(journal, look, clock=clock))
        seen = on_disk(path)

        assert digests[0] not in seen
        assert hashlib.sha256(digests[0]).digest() not in seen
        assert journal.fingerprint(digests[0]) in seen

    def test_redacted(self, path, clock):
        """What is redacted is in no byte of the file, in either direction."""
        journal = Journal(
            path,
            remember="request",
            redact=["/card/number", "/items/*/pin", "/list/1"],
        )
        order = {
            "card": {"number": CARD, "brand": "visa"},
            "items": [{"pin": f"{CARD}0"}, {"pin": f"{CARD}1"}, {"a": 1}],
            "list": ["first", f"{CARD}2"],
        }

        def echo(request):
            if len(api.requests) == 1:
                raise httpx.ReadTimeout("")
            return httpx.Response(201, content=request.content)

        api = Api(echo, echo)
        client = client_of(journal, api, clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            pay(client, order=order)
        request = only(journal).request
        pay(client, order=order)
        again = pay(client, order=order)

        assert request.redacted
        assert (
            {
                "card": {"number": "[redacted]", "brand": "visa"},
                "items": [
                    {"pin": "[redacted]"},
                    {"pin": "[redacted]"},
                    {"a": 1},
                ],
                "list": ["first", "[redacted]"],
            }
            == json.loads(request.body)
            == again.json()
        )
        journal.close()
        assert CARD.encode() not in on_disk(path)

    def test_no_json(self, path, clock):
        """A body that is no JSON is taken out as a whole."""
        journal = Journal(path, remember="request", redact=["/card"])
        client = client_of(journal, Api(lost()), clock=clock, policy=ONCE)
        with pytest.raises(samekey.InDoubt):
            client.post("/payments", data={"card": CARD}, operation="order-1")

        request = only(journal).request
        assert (b"[redacted]", True) == (request.body, request.redacted)
        assert CARD.encode() not in on_disk(path)

    def test_answer_is_no_json(self, path, clock):
        """Of such an answer nothing is kept, and the server is asked again."""
        journal = Journal(path, redact=["/card"])

        def answering(request):
            return httpx.Response(201, text="paid")

        client = client_of(journal, Api(answering, answering), clock=clock)

        assert ["paid", "paid"] == [pay(client).text for _ in range(2)]
        answer = only(journal).answer
        assert (None, True) == (answer.body, answer.redacted)

    @pytest.mark.parametrize(
        ("body", "pointers", "expected", "taken"),
        [
            (b'{"a": 1}', [], b'{"a": 1}', False),
            (b"", ["/a"], b"", False),
            (b'{"b":  1}', ["/a"], b'{"b":  1}', False),
            (b'{"a": {"b": 1}}', ["/a"], b'{"a":"[redacted]"}', True),
            (b'{"a": 1}', ["/a/b"], b'{"a": 1}', False),
            (b"[1, 2]", ["/0"], b'["[redacted]",2]', True),
            (b"[1, 2]", ["/*"], b'["[redacted]","[redacted]"]', True),
            (b"[1, 2]", ["/2"], b"[1, 2]", False),
            (b"[1, 2]", ["/-1"], b"[1, 2]", False),
            (b'{"*": 1, "b": 2}', ["/*"], b'{"*":"[redacted]","b":2}', True),
            (b'{"a/b": 1}', ["/a~1b"], b'{"a/b":"[redacted]"}', True),
            (
                b'[{"a": [1, 2]}, {"a": [3]}]',
                ["/*/a/*"],
                b'[{"a":["[redacted]","[redacted]"]},{"a":["[redacted]"]}]',
                True,
            ),
            (b"[" * 100_000, ["/a"], b"[redacted]", True),
            (b"\xff", ["/a"], b"[redacted]", True),
            (b"3", ["/a"], b"3", False),
            (b'{"a": 1, "a": 2}', ["/a"], b'{"a":"[redacted]"}', True),
            (
                b'{"a": 1, "b": [1.10, -0, 1e999, 1E2, 12345678901234567890]}',
                ["/a"],
                b'{"a":"[redacted]","b":[1.10,-0,1e999,1E2,12345678901234567890]}',
                True,
            ),
            (
                '{"a": 1, "b": "\xe9"}'.encode("utf-16"),
                ["/a"],
                r'{"a":"[redacted]","b":"\u00e9"}'.encode("utf-16"),
                True,
            ),
        ],
    )
    def test_redact(self, body, pointers, expected, taken):
        """Pointers are followed through objects and lists."""
        assert (expected, taken) == redact(body, pointers)

    def test_no_credentials(self, clock):
        """Not even where they say whose operation it is."""
        journal = memory(remember="request")
        client = client_of(
            journal,
            Api(lost()),
            clock=clock,
            policy=ONCE,
            profile=Profile(
                "mine", scope_headers=["Authorization", "X-Tenant"]
            ),
            client={"headers": {"Authorization": "secret", "X-Tenant": "7"}},
        )
        with pytest.raises(samekey.InDoubt):
            pay(client)

        names = {name for name, _ in only(journal).request.headers}
        assert "x-tenant" in names
        assert "authorization" not in names

    def test_headers(self, clock):
        """Request headers are kept by a list, and the list can be longer."""
        journal = memory(remember="request", headers=["X-Tenant"])
        client = client_of(
            journal,
            Api(lost()),
            clock=clock,
            policy=ONCE,
            client={"headers": {"X-Tenant": "7", "X-Other": "8"}},
        )
        with pytest.raises(samekey.InDoubt):
            pay(client)

        names = {name for name, _ in only(journal).request.headers}
        assert {"accept", "content-type", "user-agent", "x-tenant"} == names


class _Dying(httpx.Auth):
    def auth_flow(self, request):
        raise Crash


class TestAnswers:
    @pytest.mark.parametrize("size", [100, 101])
    def test_size(self, clock, size):
        """An answer up to the limit is kept; a longer one is asked for."""
        journal = memory(max_answer=100)

        def answering(request):
            return httpx.Response(201, content=b"x" * size)

        api = Api(answering, answering)
        terms = {"clock": clock, "retention": HOUR}
        pay(client_of(journal, api, **terms))
        again = pay(client_of(journal, api, **terms))
        clock.now += HOUR
        late = pay(client_of(journal, api, **terms))

        assert b"x" * size == again.content
        assert (1 if size == 100 else 2) == len(api.requests)
        assert 201 == late.status_code
        assert "journal" == samekey.report(late).replayed
        if size == 100:
            assert b"x" * size == late.content
            return
        rule = (
            r"^the journal knows that it was answered, but has not kept the"
            r" answer, and the server may have forgotten the key; ask the API"
            r" for it$"
        )
        with pytest.raises(samekey.AnswerLost, match=rule) as caught:
            late.read()
        assert isinstance(caught.value, httpx.TransportError)
        assert api.keys[0] == caught.value.report.key

    @pytest.mark.parametrize("library", [httpx, httpx2])
    @pytest.mark.parametrize(
        "look",
        [
            lambda late: late.content,
            lambda late: late.text,
            lambda late: late.json(),
            lambda late: late.read(),
            lambda late: list(late.iter_lines()),
            lambda late: list(late.iter_raw()),
        ],
        ids=["content", "text", "json", "read", "iter_lines", "iter_raw"],
    )
    def test_no_look_at_what_is_not_kept(self, clock, library, look):
        """Whoever looks for it is told that it is not kept."""
        journal = memory(remember="outcome")
        first, second = (
            client_of(
                journal, Api(), clock=clock, retention=HOUR, library=library
            )
            for _ in "ab"
        )
        pay(first)
        clock.now += HOUR
        late = pay(second)

        assert isinstance(late, library.Response)
        assert 201 == late.raise_for_status().status_code
        with pytest.raises(samekey.AnswerLost):
            look(late)
        with pytest.raises(samekey.AnswerLost):
            assert late.content
        assert samekey.report(late).key is not None

    def test_not_kept_can_be_pickled(self, clock):
        """What is not kept is not there afterwards, either."""
        journal = memory(remember="outcome")
        client = client_of(journal, Api(), clock=clock, retention=HOUR)
        pay(client)
        clock.now += HOUR
        late = pickle.loads(pickle.dumps(pay(client)))

        assert type(late) is httpx.Response
        assert 201 == late.status_code
        with pytest.raises(httpx.ResponseNotRead):
            assert late.content

    def test_async_not_kept(self, clock):
        """An async body that is not kept raises as a sync one does."""
        journal = memory(remember="outcome")

        async def main():
            client = client_of(
                journal, Api(), clock=clock, retention=HOUR, asynchronous=True
            )
            await pay(client)
            clock.now += HOUR
            late = await pay(client)
            with pytest.raises(samekey.AnswerLost):
                await late.aread()
            await late.aclose()

        asyncio.run(main())

    def test_gzip(self, clock):
        """A compressed answer comes back readable."""
        journal = memory()

        def answering(request):
            return httpx.Response(
                201,
                headers={"Content-Encoding": "gzip", "X-Id": "1"},
                content=gzip.compress(b'{"id": 1}'),
            )

        pay(client_of(journal, answering, clock=clock))
        again = pay(client_of(journal, answering, clock=clock))

        assert {"id": 1} == again.json()
        assert "1" == again.headers["x-id"]
        assert "content-encoding" not in again.headers
        assert "9" == again.headers["content-length"]

    @pytest.mark.parametrize("library", [httpx, httpx2])
    @pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
    def test_odd_header(self, clock, library, encoding):
        """A header that is not ASCII comes back as it was read."""
        journal = memory()

        def answering(request):
            return library.Response(
                201, headers=[(b"X-Name", "caf\xe9".encode(encoding))]
            )

        for _ in range(2):
            client = client_of(
                journal, Api(answering), clock=clock, library=library
            )
            answer = pay(client)

            assert "caf\xe9" == answer.headers["x-name"]
        assert "journal" == samekey.report(answer).replayed

    def test_text(self, clock):
        """Text is read as the client reads that of other answers."""
        journal = memory()

        def answering(request):
            return httpx.Response(
                201,
                headers={"Content-Type": "text/plain"},
                content="caf\xe9".encode("latin-1"),
            )

        client = client_of(
            journal,
            Api(answering),
            clock=clock,
            client={"default_encoding": "latin-1"},
        )
        texts = [pay(client).text for _ in range(2)]

        assert ["caf\xe9"] * 2 == texts

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("encoding", ["gzip", None])
    def test_streamed(self, clock, stream, encoding):
        """The answer of a streamed call is kept too, and still readable."""
        journal = memory()
        data = b'{"id": 1}'
        headers = {"Content-Encoding": encoding} if encoding else {}

        def answering(request):
            body = gzip.compress(data) if encoding else data
            return httpx.Response(201, headers=headers, stream=_Body(body))

        client = client_of(journal, Api(answering), clock=clock)
        request = client.build_request(
            "POST",
            "/payments",
            json=ORDER,
            extensions={"samekey": {"operation": "order-1"}},
        )
        first = client.send(request, stream=stream)
        assert data == first.read()

        assert data == pay(client).content

    def test_streamed_and_long(self, clock):
        """A streamed answer that is too long is asked for again."""
        journal = memory()

        def answering(request):
            return httpx.Response(201, stream=_Body(b"x" * 70_000))

        api = Api(answering, answering)
        client = client_of(journal, api, clock=clock)
        for _ in range(2):
            with client.stream(
                "POST",
                "/payments",
                json=ORDER,
                extensions={"samekey": {"operation": "order-1"}},
            ) as response:
                assert 70_000 == len(response.read())

        assert 2 == len(api.requests)
        assert only(journal).answer.body is None

    def test_of_another_attempt(self, clock):
        """What an earlier attempt was answered is not given as the answer."""
        journal = memory()
        profile = Profile(
            "acme",
            in_flight=[Answer(status=409, code="busy")],
            already_done=[Answer(status=410)],
        )

        def busy(request):
            return httpx.Response(409, json={"code": "busy"})

        api = Api(busy, 410, 410)
        options = {
            "extensions": {"samekey": {"operation": "order-1"}},
            "json": ORDER,
        }
        with (
            stand_in(FakeClock()),
            httpx.Client(
                base_url="https://api.example.com",
                transport=samekey.Transport(
                    httpx.MockTransport(api), journal=journal, profile=profile
                ),
            ) as client,
        ):
            first = client.post("/payments", **options)
            again = client.post("/payments", **options)

        assert (410, {"number": 2}) == (first.status_code, first.json())
        assert (410, {"number": 3}) == (again.status_code, again.json())
        assert only(journal).answer.body is None

    @pytest.mark.parametrize("attempts", [1, 2])
    def test_unfit(self, clock, attempts):
        """An answer that failed its check is not given from the journal."""
        journal = memory()

        def unfit(request):
            return httpx.Response(200, text="<html>")

        api = Api(*[unfit] * attempts)
        terms = {
            "clock": clock,
            "policy": fast(attempts=attempts),
            "verify": "json",
        }
        with pytest.raises(samekey.AnswerLost):
            pay(client_of(journal, api, **terms))
        again = pay(client_of(journal, api, **terms))

        assert attempts + 1 == len(api.requests)
        assert {"number": attempts + 1} == again.json()
        assert 1 == len(set(api.keys))

    def test_unfit_then_broken(self, clock):
        """Nor is an earlier one that was looked at in a streamed call."""
        journal = memory()

        def unfit(request):
            return httpx.Response(200, stream=_Body(b"<html>"))

        def broken(request):
            return httpx.Response(200, stream=_Broken())

        client = client_of(
            journal,
            Api(unfit, broken),
            clock=clock,
            policy=fast(attempts=2),
            verify="json",
        )
        request = client.build_request(
            "POST",
            "/payments",
            json=ORDER,
            extensions={"samekey": {"operation": "order-1"}},
        )
        with pytest.raises(samekey.AnswerLost):
            client.send(request, stream=True)

        assert (200, None) == (
            only(journal).answer.status,
            only(journal).answer.body,
        )
        assert {"number": 3} == pay(client).json()

    @pytest.mark.parametrize("second", [lost(), 503, 404])
    def test_settled_stays_settled(self, clock, second):
        """Once a 2xx was seen, no later failure makes it doubtful."""
        journal = memory(remember="outcome")
        terms = {"clock": clock, "policy": ONCE, "retention": HOUR}
        api = Api(201, second, lost())
        pay(client_of(journal, api, **terms))
        for _ in range(2):
            with pytest.raises(samekey.AnswerLost):
                pay(client_of(journal, api, **terms))
        entry = only(journal)
        assert ("answered", 201) == (entry.state, entry.answer.status)
        clock.now += HOUR
        late = pay(client_of(journal, api, **terms))

        assert 201 == late.status_code
        assert 3 == len(api.requests)

    def test_settled_and_lost(self, clock):
        """A 2xx whose body was lost, then silence: the status is known."""
        journal = memory()
        terms = {"clock": clock, "retention": HOUR}

        def broken(request):
            return httpx.Response(201, stream=_Broken())

        api = Api(broken, lost())
        with pytest.raises(samekey.AnswerLost):
            pay(client_of(journal, api, policy=fast(attempts=2), **terms))
        clock.now += HOUR
        late = pay(client_of(journal, api, **terms))

        assert 201 == late.status_code
        assert 2 == len(api.requests)

    def test_refused_and_lost(self, clock):
        """A refusal whose body was lost is asked for again."""
        journal = memory()

        def broken(request):
            return httpx.Response(402, stream=_Broken())

        api = Api(broken)
        client = client_of(journal, api, clock=clock, policy=ONCE)
        with pytest.raises(samekey.AnswerLost):
            pay(client)
        assert 402 == only(journal).answer.status
        pay(client)

        assert 2 == len(api.requests)


class _Body(httpx.SyncByteStream):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        yield self.data


class _Broken(httpx.SyncByteStream):
    def __iter__(self):
        yield b"{"
        raise httpx.ReadError("")


class Slow(MemoryStore):
    """Claims when it is told to."""

    def __init__(self):
        super().__init__()
        self.reached, self.going = threading.Event(), threading.Event()

    def claim(self, fresh, **options):
        self.reached.set()
        assert self.going.wait(10)
        return super().claim(fresh, **options)


class TestCancelled:
    def test_by_trio(self, clock):
        """A call that is cancelled in its claim leaves nobody waiting."""
        journal = Journal(Slow())
        api = Api()

        async def main():
            client = client_of(journal, api, clock=clock, asynchronous=True)
            async with anyio.create_task_group() as group:
                group.start_soon(pay, client)
                await anyio.to_thread.run_sync(journal.store.reached.wait, 10)
                group.cancel_scope.cancel()
                journal.store.going.set()
            return await pay(client)

        assert 201 == anyio.run(main, backend="trio").status_code
        assert 1 == len(set(api.keys))

    @pytest.mark.parametrize("late", [True, False])
    def test_by_asyncio(self, clock, late):
        """So does one that asyncio cancels while its thread goes on."""
        journal = Journal(Slow())
        api = Api()

        async def main():
            client = client_of(journal, api, clock=clock, asynchronous=True)
            task = asyncio.create_task(pay(client))
            await asyncio.to_thread(journal.store.reached.wait, 10)
            if late:
                # It is claimed before the task can run again.
                journal.store.going.set()
                while _count(journal) == 0:
                    pass
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            report = samekey.report(caught.value)
            assert ("open", ()) == (report.outcome, report.attempts)
            journal.store.going.set()
            while await asyncio.to_thread(_count, journal) == 0:
                pass
            while await asyncio.to_thread(lambda: bool(journal._held)):
                pass
            return await pay(client)

        assert 201 == asyncio.run(main()).status_code
        assert 1 == len(api.requests)


def _count(journal):
    return len(list(journal.entries()))


IDS = st.recursive(
    st.text(min_size=1)
    | st.integers()
    | st.binary(min_size=1)
    | st.uuids()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=st.just(dt.UTC)),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(tuple),
    max_leaves=5,
)
HEADERS = st.lists(st.tuples(st.text(), st.text()), max_size=2).map(tuple)
MESSAGES = st.builds(
    Message,
    status=st.none() | st.integers(100, 999),
    method=st.none() | st.text(),
    url=st.none() | st.text(),
    headers=HEADERS,
    body=st.none() | st.binary(),
    redacted=st.booleans(),
)
TIMES = st.floats(0, 1e10)
REPORTS = st.builds(
    Report,
    key=st.just("key"),
    generation=st.integers(1),
    outcome=st.sampled_from(list(Outcome)),
    attempts=st.lists(
        st.builds(
            Attempt,
            number=st.integers(1),
            verdict=st.sampled_from(list(Verdict)),
            status=st.none() | st.integers(100, 999),
            error=st.none() | st.text(),
            started=TIMES,
            elapsed=TIMES,
            waited=TIMES,
        ),
        max_size=2,
    ).map(tuple),
    replayed=st.sampled_from([None, "server", "journal"]),
    already_done=st.booleans(),
    resource_id=st.none() | st.text(),
)
KEPT = st.builds(
    Kept,
    operation=st.none() | IDS,
    namespace=st.none() | st.text(),
    generation=st.integers(1),
    theirs=st.booleans(),
    method=st.text(),
    url=st.text(),
    retention=st.floats(0, allow_nan=False),
    mark=st.text(),
    report=st.none() | REPORTS,
    answer=st.none() | MESSAGES,
    request=st.none() | MESSAGES,
    changes=st.lists(
        st.builds(Change, at=TIMES, what=st.text(), why=st.text()), max_size=2
    ).map(tuple),
    earlier=st.lists(REPORTS, max_size=2).map(tuple),
)


@pytest.mark.parametrize("known", [True, False])
def test_given_again(clock, monkeypatch, known):
    """An answer is given whole, whatever the library's way of reading."""
    monkeypatch.setattr(_reading, "is_known", lambda library: known)
    client = client_of(memory(), Api(), clock=clock)
    first = pay(client)

    again = pay(client)

    assert "journal" == samekey.report(again).replayed
    assert first.json() == again.json()
    assert (True, True) == (again.is_closed, again.is_stream_consumed)
    assert len(first.content) == again.num_bytes_downloaded
    assert first.content == b"".join(again.iter_bytes())


class TestBytes:
    @given(kept=KEPT)
    def test_there_and_back(self, kept):
        """Whatever is kept is read as it was."""
        back = Kept.decode(kept.encode(), "key")

        assert kept == back
        if kept.operation is not None:
            one, two = map(samekey.Operation, (kept.operation, back.operation))
            assert one.encoded() == two.encoded()

    def test_types(self):
        """An operation id keeps its types, for the key is made of them."""
        parts = (
            "a",
            1,
            b"\xff",
            decimal.Decimal("1.50"),
            uuid.UUID(int=7),
            dt.datetime(2025, 1, 2, tzinfo=dt.UTC),
            ("b", (2,)),
        )

        back = Kept.decode(Kept(operation=parts).encode(), None)

        assert parts == back.operation

    @pytest.mark.parametrize(
        ("data", "rule"),
        [
            (b"", r"Expecting value: .*"),
            (b"\xff", r"'utf-8' codec .*"),
            (b"{}", r"it is not what a journal keeps: KeyError\('v'\)"),
            (b"[]", r"it is not what a journal keeps: TypeError\(.*\)"),
            (b'{"v": 2}', r"a newer samekey wrote it \(version 2\)"),
            (b'{"v": "1"}', r"it is not what a journal keeps: TypeError.*"),
            (b"[" * 100_000, r"it is not what a journal keeps: Recursion.*"),
        ],
    )
    def test_damaged(self, data, rule):
        """Damaged bytes are told as such, and never read as something."""
        with pytest.raises(ValueError, match=f"^{rule}$"):
            Kept.decode(data, None)

    @pytest.mark.parametrize(
        "changes",
        [
            {"operation": {"decimal": "x"}},
            {"operation": {"int": "x"}},
            {"operation": {"odd": "x"}},
            {"operation": {}},
            {"answer": {"body": 5, "headers": []}},
            {"answer": {"body": "!", "headers": [["a"]]}},
            {"changes": [{"at": 1}]},
            {"report": {"attempts": [], "outcome": "odd"}},
            {"report": 5},
            {"earlier": None},
        ],
    )
    def test_damaged_values(self, changes):
        """So is a value that is not what it should be."""
        value = {**json.loads(Kept().encode()), **changes}

        with pytest.raises(ValueError):
            Kept.decode(json.dumps(value).encode(), None)

    def test_damaged_record(self, clock):
        """A record that cannot be read is told before anything is sent."""
        journal = memory()
        api = Api()
        pay(client_of(journal, api, clock=clock))
        [record] = journal.store.scan()
        journal.store._records[record.id] = attrs.evolve(record, data=b"{")
        client = client_of(journal, api, clock=clock)

        with pytest.raises(
            samekey.JournalError,
            match=r"^the journal must record it first, and failed: the record"
            r" must be readable, and is not: .*$",
        ):
            pay(client)
        [entry] = journal.entries()
        assert entry.damaged.startswith("the record must be readable, and is")
        assert (record.id, "answered") == (entry.id, entry.state)
        assert 1 == len(api.requests)


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "error", "rule"),
        [
            (
                {"remember": "all"},
                ValueError,
                "remember must be one of outcome, answer, request, got 'all'",
            ),
            (
                {"busy": "no"},
                ValueError,
                "busy must be one of raise, wait, got 'no'",
            ),
            (
                {"redact": "/card"},
                TypeError,
                "redact must be a list of str, got str",
            ),
            (
                {"redact": 5},
                TypeError,
                "redact must be a list of str, got int",
            ),
            ({"redact": ["card"]}, ValueError, "redact must .*"),
            (
                {"headers": "X-Tenant"},
                TypeError,
                "headers must be a list of str, got str",
            ),
            (
                {"headers": ["X-Tenant", "COOKIE"]},
                ValueError,
                "headers must not have cookie, which is never kept",
            ),
            (
                {"headers": ["Authorization"]},
                ValueError,
                "headers must not have authorization, which is never kept",
            ),
            (
                {"max_answer": True},
                TypeError,
                "max_answer must be an int, got bool",
            ),
            (
                {"max_answer": 1.5},
                TypeError,
                "max_answer must be an int, got float",
            ),
            (
                {"max_answer": -1},
                ValueError,
                "max_answer must be at least 0, got -1",
            ),
            ({"keep": -1}, ValueError, "keep must .*, got -1"),
            ({"secret": b"short"}, ValueError, "secret must .*"),
        ],
    )
    def test_refused(self, options, error, rule):
        """What makes no sense is refused when the journal is made."""
        with pytest.raises(error, match=f"^{rule}$"):
            memory(**options)

    @pytest.mark.parametrize("store", [None, 5, object()])
    def test_no_store(self, store):
        """What is no store is refused."""
        rule = (
            r"^store must be a Store or the path of a SQLite file, got"
            rf" {type(store).__name__}$"
        )
        with pytest.raises(TypeError, match=rule):
            Journal(store)

    def test_store_without_file(self):
        """A store without a file needs a secret from its user."""

        class Own(MemoryStore):
            pass

        class Other:
            claim = complete = release = get = scan = sweep = print

        Journal(Own())
        Journal(Other(), secret=b"s" * 16)
        with pytest.raises(
            ValueError,
            match=r"^secret must be given for a store that has no file of its"
            r" own: every process that shares it needs the same one$",
        ):
            Journal(Other())

    def test_secret_of_a_store(self, path):
        """A SQLite store that is given has its secret beside it too."""
        with SQLiteStore(path) as store:
            one, two = Journal(store), Journal(store)

        assert one.secret == two.secret
        assert Path(f"{path}.secret").read_bytes() == one.secret


class TestSecret:
    def test_mode(self, path):
        """A secret that others can read is refused."""
        Journal(path).close()
        secret = Path(f"{path}.secret")
        secret.chmod(0o640)

        with pytest.raises(
            samekey.JournalError,
            match=rf"^{secret} must be readable by its owner and nobody else,"
            rf" got mode 0640; run: chmod 600 {secret}$",
        ):
            Journal(path)

    @pytest.mark.parametrize("size", [0, 31, 33])
    def test_size(self, path, size):
        """A secret that is cut short is not taken."""
        Journal(path).close()
        secret = Path(f"{path}.secret")
        secret.write_bytes(b"x" * size)

        with pytest.raises(
            samekey.JournalError,
            match=rf"^{secret} must hold 32 bytes, got {size}$",
        ):
            Journal(path)

    def test_directory(self, path):
        """Something else in its place is told."""
        Path(f"{path}.secret").mkdir()

        with pytest.raises(
            samekey.JournalError, match=r"^.* must be readable, got Is a .*$"
        ):
            Journal(path)

    def test_link(self, path, tmp_path):
        """A link in its place is refused."""
        (tmp_path / "other").write_bytes(b"x" * 32)
        Path(f"{path}.secret").symlink_to(tmp_path / "other")

        with pytest.raises(samekey.JournalError):
            Journal(path)

    def test_together(self, path):
        """Of many that make it at once all have the same one."""
        from samekey._owner import secret_beside  # noqa: PLC0415

        barrier = threading.Barrier(8)
        found = []

        def make():
            barrier.wait()
            found.append(secret_beside(path))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert 1 == len(set(found))
        assert [Path(f"{path}.secret")] == list(path.parent.iterdir())
