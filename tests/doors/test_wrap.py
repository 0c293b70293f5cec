"""The wrapped client is a client: the user's own, in class and state."""

from __future__ import annotations

import gc

import httpx
import httpx2
import pytest

from kinds import FAST, full

import samekey

from samekey.testing import Fault, PaymentServer


PAYMENT = {"amount": 500, "card": "tok_visa"}


def _mock(client_kind, handler):
    return client_kind.module.MockTransport(handler)


def test_is_an_instance_of_the_wrapped_class(client_kind):
    """isinstance holds, for subclasses too, and the name stays."""
    plain = client_kind.plain()

    class Mine(type(plain)):
        extra = "kept"

    wrapped = samekey.wrap(Mine())

    assert isinstance(wrapped, Mine)
    assert type(wrapped).__name__ == "Mine"
    assert wrapped.extra == "kept"


def test_shares_state_both_ways(client_kind):
    """What is set on one is seen on the other."""
    plain = client_kind.plain()
    wrapped = samekey.wrap(plain)

    wrapped.headers = {"X-A": "1"}
    plain.base_url = "https://a.example"

    assert plain.headers["x-a"] == "1"
    assert wrapped.base_url == plain.base_url
    assert wrapped.cookies is plain.cookies


def test_keeps_the_original_alive(client_kind):
    """The original's __del__ must not close what is shared."""
    deleted = []
    base = type(client_kind.plain())

    class Tidy(base):
        def __del__(self):
            deleted.append(type(self) is Tidy)

    wrapped = samekey.wrap(Tidy())
    gc.collect()

    assert deleted == []
    del wrapped
    gc.collect()
    assert deleted == [True]


def test_copies_slots(client_kind):
    """A subclass with slots keeps what is in them."""
    base = type(client_kind.plain())

    class Slotted(base):
        __slots__ = ("one", "two")

    plain = Slotted()
    plain.one = 1

    wrapped = samekey.wrap(plain)

    assert wrapped.one == 1
    assert not hasattr(wrapped, "two")


def test_a_single_slot_is_copied(client_kind):
    """__slots__ may be one string."""
    base = type(client_kind.plain())

    class Slotted(base):
        __slots__ = "one"  # noqa: PLC0205 -- that is the point

    plain = Slotted()
    plain.one = 1

    assert samekey.wrap(plain).one == 1


def test_twice_is_refused(client_kind):
    """Retries of retries are nobody's wish."""
    with pytest.raises(
        TypeError,
        match=r"^client must not be wrapped already, got one that is$",
    ):
        samekey.wrap(samekey.wrap(client_kind.plain()))


@pytest.mark.parametrize("mounted", [False, True])
def test_a_journal_below_is_refused(client_kind, mounted):
    """A samekey transport under a samekey client leaves the work to it."""
    name = "AsyncTransport" if client_kind.is_async else "Transport"
    journal = samekey.Journal(samekey.stores.MemoryStore())
    door = getattr(samekey, name)(client_kind.transport(), journal=journal)
    below = {"mounts": {"all://": door}} if mounted else {"transport": door}
    plain = client_kind.plain(**below)

    with pytest.raises(
        ValueError,
        match=rf"^journal must be given to the client, got one at its {name},",
    ):
        samekey.wrap(plain)
    assert samekey.wrap(plain, journal=journal)


@pytest.mark.parametrize(
    "thing", [None, object(), httpx, httpx.HTTPTransport()]
)
def test_only_clients(thing):
    """What is no client is refused by name."""
    with pytest.raises(
        TypeError,
        match=(
            r"^client must be a Client or AsyncClient of httpx or httpx2, got"
            rf" {type(thing).__name__}$"
        ),
    ):
        samekey.wrap(thing)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"policy": 4}, TypeError, "policy must be a RetryPolicy, got int"),
        ({"budget": 3}, TypeError, "budget must be a RetryBudget, got int"),
        (
            {"origins": "x"},
            TypeError,
            "origins must be a list of URLs, got str",
        ),
        (
            {"origins": ["x"]},
            ValueError,
            "origins must be as 'https://api.example.com', got 'x'",
        ),
        (
            {"origins": ["https://x/y"]},
            ValueError,
            "origins must have no path, got 'https://x/y'",
        ),
        ({"namespace": 3}, TypeError, "namespace must be a str, got int"),
        (
            {"namespace": ""},
            ValueError,
            "namespace must not be empty; leave it out for none",
        ),
        (
            {"secret": b"short"},
            ValueError,
            "secret must be at least 16 bytes, got 5",
        ),
        ({"secret": 5}, TypeError, "secret must be bytes, got int"),
        (
            {"retention": 0},
            ValueError,
            "retention must be a finite time above 0, got 0",
        ),
        (
            {"retention": "1h"},
            TypeError,
            "retention must be seconds or a timedelta, got str",
        ),
        (
            {"doubt": "x"},
            ValueError,
            "doubt must be 'raise' or 'return', got 'x'",
        ),
    ],
)
@pytest.mark.parametrize(
    "cls", [samekey.wrap, samekey.Client, samekey.Transport]
)
def test_arguments_are_checked_where_they_are_typed(
    cls, options, error, message
):
    """Name, rule and value, before anything is sent."""
    if cls is samekey.Transport and "doubt" in options:
        pytest.skip("a transport has no doubt=")
    inner = {
        samekey.wrap: (httpx.Client(),),
        samekey.Client: (),
        samekey.Transport: (httpx.HTTPTransport(),),
    }[cls]

    with pytest.raises(error) as caught:
        cls(*inner, **options)

    assert str(caught.value) == message


def test_made_at_once():
    """Client and AsyncClient take the library's options and ours."""
    client = samekey.Client(base_url="https://a.example", namespace="live")
    other = samekey.httpx2.AsyncClient(timeout=3.0, retention=60)

    assert client.base_url.host == "a.example"
    assert isinstance(other, httpx2.AsyncClient)
    assert other.timeout.read == 3.0


def test_a_subclass_that_overrides_request_is_asked(client_kind):
    """post, put and the rest still go through the user's own request."""
    seen = []
    base = type(client_kind.plain())

    class Mine(base):
        def request(self, method, url, **options):
            seen.append(method)
            return super().request(method, url, **options)

    server = _mock(
        client_kind, lambda request: client_kind.module.Response(200)
    )
    wrapped = samekey.wrap(
        Mine(transport=server, base_url="https://a.example")
    )
    with client_kind.over(wrapped) as session:
        for verb in (
            "get",
            "options",
            "head",
            "post",
            "put",
            "patch",
            "delete",
        ):
            session.call(getattr(wrapped, verb), "/x", policy=FAST)

    assert seen == ["GET", "OPTIONS", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def test_a_subclass_that_overrides_post_is_asked(client_kind):
    """The user's own post runs, and what the verbs gained reaches it."""
    seen = []
    base = type(client_kind.plain())

    class Mine(base):
        def post(self, url, **options):
            seen.append(sorted(options))
            return super().post(url, **options)

    server = _mock(
        client_kind, lambda request: client_kind.module.Response(200)
    )
    wrapped = samekey.wrap(
        Mine(transport=server, base_url="https://a.example")
    )
    with client_kind.over(wrapped) as session:
        response = session.call(wrapped.post, "/x", operation="o-1")

    assert seen == [["extensions"]]
    assert samekey.report(response).operation == "o-1"


def test_a_subclass_of_ours_that_overrides_request_is_asked():
    """Shortcuts are left where somebody stands on them."""
    seen = []

    class Mine(samekey.Client):
        def request(self, method, url, **options):
            seen.append(method)
            return super().request(method, url, **options)

    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    with Mine(transport=transport, base_url="https://a.example") as client:
        client.post("/x", idempotency_key="k-1")
        client.get("/x")

    assert seen == ["POST", "GET"]


def test_the_users_own_extensions_dict_is_left_alone(client_kind):
    """It is read, and never written into."""
    mine = {"samekey": {"operation": "o-1"}, "other": 1}
    server = _mock(
        client_kind, lambda request: client_kind.module.Response(200)
    )
    wrapped = samekey.wrap(
        client_kind.plain(transport=server, base_url="https://a.example")
    )
    with client_kind.over(wrapped) as session:
        session.post("/x", extensions=mine, policy=FAST)

    assert mine == {"samekey": {"operation": "o-1"}, "other": 1}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            {"operaton": 1},
            'extensions["samekey"] must hold only idempotency_key, operation,'
            " policy, got operaton",
        ),
        ("order-1", 'extensions["samekey"] must be a dict, got str'),
    ],
)
def test_unknown_names_are_refused(kind, own, message):
    """A typing error does not silently lose the operation."""
    with kind.open(base_url="http://127.0.0.1:9") as session:
        with pytest.raises(TypeError) as caught:
            session.post("/x", extensions={"samekey": own})

    assert str(caught.value) == message


def test_a_used_client_is_not_wrapped_for_a_child(client_kind):
    """A client in use belongs to this process."""
    with PaymentServer() as server:
        plain = client_kind.plain(base_url=server.url)
        with client_kind.over(plain) as session:
            session.post("/payments", json=PAYMENT)
            wrapped = samekey.wrap(plain)
            guard = wrapped._samekey.terms.guard
            guard.pid, guard.passed = 1, False

            with pytest.raises(RuntimeError, match=r"^this client belongs to"):
                session.call(wrapped.post, "/payments", json=PAYMENT)


def test_closes_with_the_original(client_kind):
    """close() of the wrapped client closes the one that was wrapped."""
    plain = client_kind.plain()
    wrapped = samekey.wrap(plain)
    with client_kind.over(wrapped):
        pass

    assert plain.is_closed


def test_a_samekey_transport_under_a_samekey_client(client_kind):
    """The client does the work: two layers are one."""
    cls = samekey.AsyncTransport if client_kind.is_async else samekey.Transport
    transport = cls(client_kind.transport(), policy=FAST)
    with PaymentServer([Fault.lose_answer()] * 2) as server:
        wrapped = samekey.wrap(
            client_kind.plain(base_url=server.url, transport=transport),
            policy=FAST,
            budget=full(),
        )
        with client_kind.over(wrapped) as session:
            response = session.post("/payments", json=PAYMENT)

        assert len(samekey.report(response).attempts) == 3
        assert len({r.key for r in server.requests}) == 1
        assert len(server.app.ledger()) == 1


def test_mounts_are_heard(client_kind):
    """A mounted transport is retried like the main one."""
    with PaymentServer([Fault.lose_answer()]) as server:
        wrapped = samekey.wrap(
            client_kind.plain(
                mounts={"http://127.0.0.1": client_kind.transport()},
                transport=_mock(client_kind, lambda request: 1 / 0),
            ),
            policy=FAST,
        )
        with client_kind.over(wrapped) as session:
            response = session.post(server.url + "/payments", json=PAYMENT)

        assert response.status_code == 201
        assert samekey.report(response).attempts[0].verdict == "UNKNOWN"


def test_cookies_are_kept(client_kind):
    """A cookie set by a failed answer is there for the next call."""
    answers = iter([503, 200, 200])
    seen = []

    def handle(request):
        seen.append(request.headers.get("cookie"))
        return client_kind.module.Response(
            next(answers), headers={"Set-Cookie": "a=1"}
        )

    wrapped = samekey.wrap(
        client_kind.plain(
            transport=_mock(client_kind, handle), base_url="https://a.example"
        ),
        policy=FAST,
    )
    with client_kind.over(wrapped) as session:
        session.post("/x")
        session.post("/x")

    assert seen == [None, None, "a=1"]
    assert wrapped.cookies["a"] == "1"


def test_an_httpx_that_is_too_strange_is_refused():
    """What cannot be listened to is not half supported."""

    class Odd(httpx.Client):
        _transport_for_url = None

    strange = Odd()
    del httpx.Client._transport_for_url
    try:
        del Odd._transport_for_url
        with pytest.raises(
            TypeError, match=r"^this version of the library of"
        ):
            samekey.wrap(strange)
    finally:
        httpx.Client._transport_for_url = _TRANSPORT_FOR_URL


_TRANSPORT_FOR_URL = httpx.Client._transport_for_url
