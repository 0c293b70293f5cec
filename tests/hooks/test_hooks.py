"""Hooks: what they are told, when, and that they change nothing."""

from __future__ import annotations

import asyncio
import logging
import sys

import anyio
import pytest

from kinds import FAST, KINDS, Kind, fast, full
from paper import Paper, answer, lost, refused

import samekey

from samekey.hooks import (
    About,
    AttemptEnded,
    Hook,
    OperationEnded,
    RetryPlanned,
    check_hooks,
)
from samekey.journal import Journal


URL = "https://api.example.com"
CHARGE = {"amount": 500, "card": "tok_visa"}
OTHER = {"amount": 900, "card": "tok_visa"}
ASYNC = [kind for kind in KINDS if kind.is_async]
NAMES = ("on_attempt", "on_retry", "on_outcome")


class Ear:
    """Keeps every event, under the name of what was called."""

    def __init__(self):
        self.heard = []

    def on_attempt(self, event):
        self.heard.append(("on_attempt", event))

    def on_retry(self, event):
        self.heard.append(("on_retry", event))

    def on_outcome(self, event):
        self.heard.append(("on_outcome", event))

    @property
    def names(self):
        return [name for name, _ in self.heard]

    def events(self, name):
        return [event for called, event in self.heard if called == name]

    @property
    def outcome(self):
        """The only outcome that was told."""
        (event,) = self.events("on_outcome")
        return event


@pytest.fixture
def ear():
    """A hook with all three methods."""
    return Ear()


class Shows:
    """A handler of a MockTransport that shows *steps*, one a request."""

    def __init__(self, kind, *steps):
        self.kind = kind
        self.steps = list(steps)
        self.sent = 0

    def __call__(self, request):
        self.sent += 1
        step = self.steps.pop(0)
        if isinstance(step, type):
            raise getattr(self.kind.module, step.__name__, step)("")
        if isinstance(step, str):
            raise getattr(self.kind.module, step)("", request=request)
        if isinstance(step, int):
            return self.kind.module.Response(step, json={"id": "pay_1"})
        return self.kind.module.Response(**step)


def opened(kind, handler, **terms):
    """Open a session of *kind* over a mock."""
    return kind.open(
        base_url=URL,
        transport=kind.module.MockTransport(handler),
        terms=terms,
    )


def pay(session, **options):
    return session.post("/payments", json=CHARGE, **options)


class TestWhatIsTold:
    def test_a_first_try(self, kind, ear):
        """A call that succeeds at once tells of one attempt and its end."""
        shows = Shows(kind, 201)
        with opened(kind, shows, hooks=[ear]) as session:
            response = pay(session, operation=("order", 7))

        report = samekey.report(response)
        assert ear.names == ["on_attempt", "on_outcome"]
        (attempt,) = ear.events("on_attempt")
        about = attempt.about
        assert about.key == report.key
        assert about.operation == ("order", 7)
        assert (about.method, about.profile) == ("POST", "generic")
        assert str(about.url) == f"{URL}/payments"
        assert about.host == "api.example.com"
        assert attempt.attempt.number == 1
        assert attempt.attempt.verdict is samekey.Verdict.ANSWERED
        assert attempt.attempt.status == 201
        outcome = ear.outcome
        assert outcome.about == about
        assert outcome.report.outcome is samekey.Outcome.ANSWERED
        assert [a.number for a in outcome.report.attempts] == [1]
        assert outcome.attempts == outcome.report.attempts
        assert (outcome.reason, outcome.error) == (None, None)

    def test_a_retry(self, kind, ear):
        """A failure is told, then the retry, then the next attempt."""
        shows = Shows(kind, 503, "ReadTimeout", 201)
        with opened(kind, shows, hooks=[ear]) as session:
            pay(session)

        assert ear.names == [
            "on_attempt",
            "on_retry",
            "on_attempt",
            "on_retry",
            "on_attempt",
            "on_outcome",
        ]
        attempts = [event.attempt for event in ear.events("on_attempt")]
        assert [a.number for a in attempts] == [1, 2, 3]
        assert [a.status for a in attempts] == [503, None, 201]
        assert [a.error for a in attempts] == [None, "ReadTimeout", None]
        retries = ear.events("on_retry")
        assert [retry.attempt.number for retry in retries] == [1, 2]
        assert [(retry.wait, retry.poll) for retry in retries] == [
            (0.0, False)
        ] * 2
        assert len({event.about.key for _, event in ear.heard}) == 1
        assert ear.outcome.reason is None
        assert len(ear.outcome.attempts) == 3

    def test_doubt(self, kind, ear):
        """The end in doubt tells why it stopped, and what is raised."""
        shows = Shows(kind, "ReadTimeout", "ReadTimeout")
        terms = {"policy": fast(attempts=2), "hooks": [ear]}
        with (
            opened(kind, shows, **terms) as session,
            pytest.raises(samekey.InDoubt) as info,
        ):
            pay(session)

        assert ear.names[-2:] == ["on_attempt", "on_outcome"]
        assert ear.outcome.report == info.value.report
        assert ear.outcome.report.outcome is samekey.Outcome.IN_DOUBT
        assert ear.outcome.reason == info.value.reason == "attempts"
        assert ear.outcome.error == "InDoubt"

    def test_a_budget_that_is_spent(self, kind, ear):
        """A retry that the budget refused is told by its reason."""
        budget = samekey.RetryBudget(capacity=1, start=0, per_success=0)
        shows = Shows(kind, 429)
        with opened(kind, shows, hooks=[ear], budget=budget) as session:
            response = pay(session)

        assert response.status_code == 429
        assert ear.outcome.report.outcome is samekey.Outcome.NOT_EXECUTED
        assert ear.outcome.reason == "budget"
        assert ear.outcome.error is None

    def test_a_refusal(self, kind, ear):
        """A final status is told with the reason that it is final."""
        with opened(kind, Shows(kind, 404), hooks=[ear]) as session:
            pay(session)

        assert ear.outcome.report.outcome is samekey.Outcome.ANSWERED
        assert ear.outcome.reason == "status"

    def test_key_reuse(self, client_kind, ear):
        """A key that another payload has used is told as KeyReused."""
        reused = {
            "status_code": 422,
            "json": {"code": "idempotency_key_mismatch"},
        }
        shows = Shows(client_kind, reused)
        with (
            opened(client_kind, shows, hooks=[ear]) as session,
            pytest.raises(samekey.KeyReused),
        ):
            pay(session)

        assert ear.outcome.report.outcome is samekey.Outcome.ANSWERED
        assert ear.outcome.reason == "key_reuse"
        assert ear.outcome.error == "KeyReused"

    def test_own_errors_inside_a_send(self, kind, ear):
        """An error of the user's own code is told, and its attempt too."""
        with (
            opened(kind, Shows(kind, KeyError), hooks=[ear]) as session,
            pytest.raises(KeyError),
        ):
            pay(session)

        assert ear.names == ["on_attempt", "on_outcome"]
        assert ear.events("on_attempt")[0].attempt.error == "KeyError"
        assert ear.outcome.error == "KeyError"
        assert ear.outcome.report.outcome is samekey.Outcome.IN_DOUBT

    def test_a_call_without_a_key(self, kind, ear):
        """A GET is told of like any other call, with no key."""
        with opened(kind, Shows(kind, 503, 200), hooks=[ear]) as session:
            session.get("/payments/1")

        assert ear.names == [
            "on_attempt",
            "on_retry",
            "on_attempt",
            "on_outcome",
        ]
        assert ear.outcome.about.key is None
        assert ear.outcome.about.operation is None

    def test_polls(self, ear):
        """Asking whether the first request still runs is told as a poll."""
        busy = answer(409, headers={"retry-after": "2"})
        paper = Paper(lost(), busy, answer(201), hooks=[ear], policy=FAST)

        paper.post()

        first, second = ear.events("on_retry")
        assert (first.poll, second.poll) == (False, True)
        assert second.wait == 2.0
        assert ear.outcome.report.attempts[2].waited == 2.0

    def test_times_are_those_of_the_report(self, ear):
        """An attempt is the same value in its event and in the report."""
        paper = Paper(lost(seconds=3.0), answer(201, seconds=2.0), hooks=[ear])

        paper.post()

        told = [event.attempt for event in ear.events("on_attempt")]
        assert tuple(told) == ear.outcome.report.attempts
        assert [a.elapsed for a in told] == [3.0, 2.0]

    def test_not_executed(self, ear):
        """A server that cannot be reached ends in NotExecuted."""
        paper = Paper(refused(), policy=fast(attempts=1), hooks=[ear])

        with pytest.raises(samekey.NotExecuted):
            paper.post()

        assert ear.outcome.error == "NotExecuted"

    def test_a_replay_is_known_before_it_is_told(self, kind, ear):
        """An answer that the server marks as recorded is told as a replay."""
        replay = {
            "status_code": 201,
            "json": {},
            "headers": {"Idempotent-Replayed": "true"},
        }
        with opened(kind, Shows(kind, replay), hooks=[ear]) as session:
            pay(session)

        assert ear.outcome.report.replayed == "server"

    def test_a_resume(self, client_kind, ear):
        """A resumed operation tells its new attempts apart from the old."""
        shows = Shows(client_kind, "ReadTimeout", "ReadTimeout", 201)
        terms = {"policy": fast(attempts=2), "hooks": [ear]}
        with opened(client_kind, shows, **terms) as session:
            doubt = pytest.raises(samekey.InDoubt, pay, session).value
            session.resume(doubt)

        first, second = ear.events("on_outcome")
        assert (first.earlier, second.earlier) == (0, 2)
        assert len(second.report.attempts) == 3
        assert [a.number for a in second.attempts] == [3]
        assert len(ear.events("on_attempt")) == 3

    def test_a_redirect_below_a_client(self, ear):
        """Each hop that a transport sees is told, and no attempt twice."""
        kind = Kind("httpx", "sync", "transport")
        moved = {"status_code": 303, "headers": {"location": "/payments/1"}}
        with opened(kind, Shows(kind, moved, 200), hooks=[ear]) as session:
            pay(session, follow_redirects=True)

        told = [event.attempts for event in ear.events("on_outcome")]
        assert [[a.number for a in each] for each in told] == [[1], [2]]
        assert [a.status for each in told for a in each] == [303, 200]


class TestCutShort:
    @pytest.mark.parametrize("kind", ASYNC, ids=str)
    def test_cancellation(self, kind, ear):
        """A call that is cancelled is told of with the exception's class."""
        scopes = []

        async def handler(request):
            scopes[0].cancel()
            await anyio.lowlevel.checkpoint()

        async def cancelled(client):
            with anyio.CancelScope() as scope:
                scopes.append(scope)
                await client.post("/payments", json=CHARGE)
            return scope.cancelled_caught

        with opened(kind, handler, hooks=[ear]) as session:
            assert session.portal.call(cancelled, session.client)

        name = "Cancelled" if kind.flavour == "trio" else "CancelledError"
        assert ear.names == ["on_attempt", "on_outcome"]
        assert ear.events("on_attempt")[0].attempt.error == name
        assert ear.outcome.error == name
        assert ear.outcome.reason is None
        assert ear.outcome.report.outcome is samekey.Outcome.IN_DOUBT

    @pytest.mark.parametrize("library", ["httpx", "httpx2"])
    @pytest.mark.parametrize("door", ["client", "transport"])
    def test_an_interrupt(self, library, door, ear):
        """Control-C in a send is told of, and goes up."""
        kind = Kind(library, "sync", door)
        with (
            opened(kind, Shows(kind, KeyboardInterrupt), hooks=[ear]) as own,
            pytest.raises(KeyboardInterrupt),
        ):
            pay(own)

        assert ear.outcome.error == "KeyboardInterrupt"

    def test_in_a_wait(self, ear):
        """A call that ends while it waits tells no attempt twice."""

        class Stops(Paper):
            def _perform(self, call, effect):
                if type(effect).__name__ == "Sleep":
                    raise KeyboardInterrupt
                return super()._perform(call, effect)

        paper = Stops(lost(), hooks=[ear])

        with pytest.raises(KeyboardInterrupt):
            paper.post()

        assert ear.names == ["on_attempt", "on_retry", "on_outcome"]


class TestRefused:
    """What is refused before anything is sent is told of too."""

    def test_another_request(self, kind, ear):
        """The same operation with another body is told as refused."""
        shows = Shows(kind, 201)
        with opened(kind, shows, hooks=[ear]) as session:
            pay(session, operation="order-7")
            with pytest.raises(samekey.OperationChanged):
                session.post("/payments", json=OTHER, operation="order-7")

        assert ear.names == ["on_attempt", "on_outcome", "on_outcome"]
        assert shows.sent == 1
        refusal = ear.events("on_outcome")[-1]
        assert refusal.error == "OperationChanged"
        assert refusal.report.outcome is samekey.Outcome.OPEN
        assert refusal.attempts == ()

    def test_a_key_that_may_be_forgotten(self, ear):
        """A call past the server's memory of its key is told as refused."""
        paper = Paper(answer(404), retention=60.0, hooks=[ear], policy=FAST)
        paper.post(operation="order-7")
        paper.clock.now += 61.0

        with pytest.raises(samekey.KeyExpired):
            paper.post(operation="order-7")

        assert [e.error for e in ear.events("on_outcome")] == [
            None,
            "KeyExpired",
        ]

    def test_a_resume_that_comes_too_late(self, client_kind, ear):
        """A resume past the server's memory is told, with what was known."""
        shows = Shows(client_kind, "ReadTimeout")
        terms = {"policy": fast(attempts=1), "hooks": [ear]}
        with opened(client_kind, shows, retention=1e-9, **terms) as session:
            doubt = pytest.raises(samekey.InDoubt, pay, session).value
            pytest.raises(samekey.KeyExpired, session.resume, doubt)

        refusal = ear.events("on_outcome")[-1]
        assert refusal.error == "KeyExpired"
        assert refusal.report.outcome is samekey.Outcome.IN_DOUBT
        assert refusal.attempts == ()

    def test_a_resume_that_comes_too_late_without_hooks(self, client_kind):
        """With nobody to tell, it is refused all the same."""
        shows = Shows(client_kind, "ReadTimeout")
        with opened(
            client_kind, shows, retention=1e-9, policy=fast(attempts=1)
        ) as session:
            doubt = pytest.raises(samekey.InDoubt, pay, session).value

            pytest.raises(samekey.KeyExpired, session.resume, doubt)

    def test_one_that_another_worker_is_on(self, kind, ear, tmp_path):
        """A call that finds another worker on it is told as refused."""
        path = tmp_path / "journal.db"
        inner = []

        def handler(request):
            if not inner:
                inner.append(None)
                with opened(
                    Kind("httpx", "sync", "client"),
                    handler,
                    hooks=[ear],
                    journal=Journal(path, busy="raise"),
                ) as second:
                    pytest.raises(
                        samekey.OperationBusy, pay, second, operation="a"
                    )
            return kind.module.Response(201)

        with opened(kind, handler, journal=Journal(path)) as session:
            pay(session, operation="a")

        assert ear.names == ["on_outcome"]
        assert ear.outcome.error == "OperationBusy"

    def test_a_body_that_breaks_before_it_is_sent(self, kind, ear):
        """A body that cannot be read is told as not executed."""

        def body():
            yield b"x"
            raise OSError

        async def abody():
            for part in body():
                yield part

        content = abody() if kind.is_async else body()
        with (
            opened(kind, Shows(kind), hooks=[ear]) as session,
            pytest.raises(OSError),
        ):
            session.post("/payments", content=content)

        assert ear.names == ["on_outcome"]
        assert ear.outcome.error == "OSError"
        assert ear.outcome.report.outcome is samekey.Outcome.NOT_EXECUTED


def test_an_answer_of_the_journal(kind, ear, tmp_path):
    """What the journal answers is told as its answer, with no attempt."""
    shows = Shows(kind, 201)
    terms = {"journal": Journal(tmp_path / "journal.db")}
    with opened(kind, shows, **terms) as session:
        pay(session, operation="order-7")
    for hooks in ([ear], None):
        with opened(kind, shows, hooks=hooks, **terms) as session:
            assert pay(session, operation="order-7").status_code == 201

    assert shows.sent == 1
    assert ear.names == ["on_outcome"]
    assert ear.outcome.report.replayed == "journal"
    assert ear.outcome.report.outcome is samekey.Outcome.ANSWERED
    assert len(ear.outcome.report.attempts) == 1
    assert ear.outcome.attempts == ()


def test_what_the_journal_could_not_record(kind, ear, tmp_path):
    """A journaled call is told of after it is recorded."""
    terms = {"journal": Journal(tmp_path / "journal.db"), "hooks": [ear]}
    with opened(kind, Shows(kind, 201), **terms) as session:
        pay(session, operation="order-7")

    assert ear.names == ["on_attempt", "on_outcome"]
    assert ear.outcome.report.unrecorded is None


class TestAHookThatRaises:
    @pytest.mark.parametrize("name", NAMES)
    def test_changes_nothing(self, kind, ear, name, caplog):
        """Whatever a hook raises is logged, and the call goes on."""
        broken = type("Broken", (), {name: raises})()
        shows = Shows(kind, 503, 201)
        with (
            caplog.at_level(logging.WARNING, "samekey"),
            opened(kind, shows, hooks=[broken, ear]) as session,
        ):
            response = pay(session)

        assert response.status_code == 201
        assert len(samekey.report(response).attempts) == 2
        assert len(ear.heard) == 4
        logged = [r for r in caplog.records if r.exc_info]
        calls = 2 if name == "on_attempt" else 1
        assert [r.name for r in logged] == ["samekey"] * calls
        assert all(
            r.getMessage().startswith(f"a hook raised in {name}: ")
            for r in logged
        )

    @pytest.mark.parametrize("name", NAMES)
    def test_leaves_the_error_that_is_raised(self, kind, name):
        """A call in doubt raises InDoubt, whatever its hooks do."""
        broken = type("Broken", (), {name: raises})()
        shows = Shows(kind, "ReadTimeout", "ReadTimeout")
        terms = {"policy": fast(attempts=2), "hooks": [broken]}
        with opened(kind, shows, **terms) as session:
            exc = pytest.raises(samekey.InDoubt, pay, session).value

        assert isinstance(exc, kind.module.ReadTimeout)
        assert len(exc.report.attempts) == 2
        assert exc.__context__ is None or "hook" not in str(exc.__context__)

    def test_a_function(self, kind, caplog):
        """A function that raises changes nothing either."""

        def hook(event):
            raise LookupError

        with opened(kind, Shows(kind, 503, 201), hooks=[hook]) as session:
            assert pay(session).status_code == 201

        raised = [r for r in caplog.records if r.exc_info]
        assert len(raised) == 4

    def test_in_a_cancellation(self, ear):
        """An interrupt goes up as it is, past a hook that raises."""

        def hook(event):
            raise LookupError

        mine = KeyboardInterrupt()
        paper = Paper(lost(mine), hooks=[hook, ear])

        with pytest.raises(KeyboardInterrupt) as info:
            paper.post()

        assert info.value is mine
        assert ear.outcome.error == "KeyboardInterrupt"

    def test_an_interrupt_in_a_hook_goes_up(self):
        """Control-C is not a hook's failure."""

        def hook(event):
            raise KeyboardInterrupt

        paper = Paper(answer(201), hooks=[hook])

        with pytest.raises(KeyboardInterrupt):
            paper.post()


def raises(self, event):
    msg = "a hook's own fault"
    raise ValueError(msg)


class TestWhatIsAHook:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_part_of_one(self, kind, name):
        """A hook may have one method, and is told of that only."""
        heard = []

        def method(self, event):
            heard.append(event)

        hook = type("Part", (), {name: method})()
        with opened(kind, Shows(kind, 503, 201), hooks=[hook]) as session:
            pay(session)

        expected = {
            "on_attempt": [AttemptEnded] * 2,
            "on_retry": [RetryPlanned],
            "on_outcome": [OperationEnded],
        }
        assert [type(event) for event in heard] == expected[name]

    def test_a_function(self, kind):
        """A plain function is given every event."""
        heard = []
        with opened(
            kind, Shows(kind, 503, 201), hooks=[heard.append]
        ) as session:
            pay(session)

        assert [type(event) for event in heard] == [
            AttemptEnded,
            RetryPlanned,
            AttemptEnded,
            OperationEnded,
        ]

    def test_a_callable_with_a_method_is_an_object(self):
        """What has one of the methods is not called as a function."""

        class Both(Ear):
            on_attempt = None

            def __call__(self, event):
                self.heard.append(("called", event))

        both = Both()
        Paper(lost(), answer(201), hooks=[both]).post()

        assert both.names == ["on_retry", "on_outcome"]

    def test_many(self):
        """Hooks are told in their order."""
        heard = []
        hooks = (
            lambda event: heard.append("first"),
            lambda event: heard.append("second"),
        )

        Paper(answer(201), hooks=hooks).post()

        assert heard == ["first", "second"] * 2

    def test_the_protocol(self, ear):
        """`Hook` tells what has all three."""
        assert isinstance(ear, Hook)
        assert not isinstance(print, Hook)

    def test_none_and_nothing(self):
        """None and an empty list are no hooks."""
        assert check_hooks(None) == check_hooks([]) == ()

    @pytest.mark.parametrize("value", ["a string", b"bytes", print, 3])
    def test_no_list(self, value):
        """A hook by itself, or a string, is refused."""
        name = type(value).__name__

        with pytest.raises(
            TypeError, match=rf"^hooks must be a list of hooks, got {name}$"
        ):
            check_hooks(value)

    @pytest.mark.parametrize("value", ["print", 3, None, object])
    def test_no_hook(self, value):
        """What cannot be told anything is refused, and named."""
        words = (
            r"objects, got a class: <class 'object'>; make one"
            if value is object
            else r"functions, or objects with on_attempt, on_retry or"
            rf" on_outcome, got {value!r}"
        )

        with pytest.raises(TypeError, match=rf"^hooks must hold {words}$"):
            check_hooks([value])

    def test_a_class_of_hooks(self):
        """The class in place of its object is refused, though it has all."""
        with pytest.raises(
            TypeError,
            match=r"^hooks must hold objects, got a class: <class .*Ear'>;"
            r" make one$",
        ):
            check_hooks([Ear])

    def test_what_must_be_awaited(self):
        """Coroutine functions are refused: nobody would await them."""

        async def hook(event):
            await asyncio.sleep(0)

        class Calls:
            async def __call__(self, event):
                await asyncio.sleep(0)

        class Method:
            def on_retry(self, event):
                pass

            async def on_outcome(self, event):
                await asyncio.sleep(0)

        for value in (hook, Calls(), Method()):
            with pytest.raises(
                TypeError,
                match=r"^hooks must not be awaited, got a coroutine: <.*>$",
            ):
                check_hooks([value])

    def test_at_every_entry(self, kind):
        """Every way to make a client checks them."""
        module = kind.module
        cls = samekey.AsyncTransport if kind.is_async else samekey.Transport
        client = samekey.AsyncClient if kind.is_async else samekey.Client
        if kind.library == "httpx2":
            own = samekey.httpx2
            client = own.AsyncClient if kind.is_async else own.Client
        plain = kind.plain()
        inner = module.MockTransport(lambda request: module.Response(200))

        for make in (
            lambda: samekey.wrap(plain, hooks=[1]),
            lambda: cls(inner, hooks=[1]),
            lambda: client(hooks=[1]),
        ):
            with pytest.raises(TypeError, match=r"^hooks must hold functions"):
                make()


class TestSecrets:
    def test_no_event_shows_a_whole_key(self, kind):
        """The repr of an event has the tail of a key, and no operation."""
        heard = []
        shows = Shows(kind, 503, 201)
        with opened(kind, shows, hooks=[heard.append]) as session:
            pay(
                session,
                operation="jane-doe-17",
                headers={"Authorization": "Bearer sk_live"},
            )

        key = heard[0].about.key
        for event in heard:
            said = repr(event)
            assert key[:-6] not in said
            assert key[-6:] in said
            for secret in ("jane-doe", "sk_live", "tok_visa", "/payments"):
                assert secret not in said

    def test_about_is_a_value(self):
        """What an event is about can be compared, and is not changed."""
        about = About(
            key=None, operation=None, method="GET", url=None, profile="generic"
        )

        assert about == About(
            key=None, operation=None, method="GET", url=None, profile="generic"
        )
        with pytest.raises(AttributeError):
            about.key = "other"


class TestNoHooks:
    @pytest.mark.parametrize("library", ["httpx", "httpx2"])
    @pytest.mark.parametrize("door", ["client", "transport"])
    def test_are_never_thought_of(self, library, door):
        """A call without hooks enters neither the hooks nor the telling."""
        kind = Kind(library, "sync", door)
        shows = Shows(kind, 201, 503, 201, "ReadTimeout", "ReadTimeout")
        entered = set()

        def watch(frame, event, argument):
            if event == "call":
                entered.add(frame.f_globals.get("__name__"))

        with opened(kind, shows, policy=fast(attempts=2)) as session:
            sys.setprofile(watch)
            try:
                pay(session)
                pay(session, operation="a")
                pytest.raises(samekey.InDoubt, pay, session)
            finally:
                sys.setprofile(None)

        assert "samekey._engine" in entered
        assert not entered & {"samekey._telling", "samekey.hooks"}

    def test_the_watch_can_see_it(self, ear):
        """The same watch sees the telling, where somebody listens."""
        entered = set()

        def watch(frame, event, argument):
            entered.add(frame.f_globals.get("__name__"))

        paper = Paper(answer(201), hooks=[ear], budget=full())
        sys.setprofile(watch)
        try:
            paper.post()
        finally:
            sys.setprofile(None)

        assert {"samekey._telling", "samekey.hooks"} <= entered
