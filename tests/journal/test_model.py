"""Whatever happens in whatever order, an operation has one key and one end."""

import collections
import contextlib
import tempfile

import attrs
import httpx

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
)
from journal.support import (
    Clock,
    Crash,
    client_of,
    dead_owner,
    refused,
)
from kinds import fast

import samekey

from samekey.journal import Journal, Resolution
from samekey.stores import MemoryStore, SQLiteStore


RETENTION = 1_000.0
KEEP = 5_000.0
NAMES = st.sampled_from(["a", "b"])
FAULT = st.sampled_from(
    [
        None,
        "lost request",
        "lost answer",
        "crash before",
        "crash after",
        "500",
        "500 executed",
        "429",
        "404",
        "409",
        "cut",
        "closed",
    ]
)
DEAD = dead_owner()


@attrs.define
class Server:
    """Executes once per key, for as long as it remembers it."""

    clock: Clock
    faults: list = attrs.field(factory=list)
    answers: dict = attrs.field(factory=dict)  # by key: when, number
    executed: collections.Counter = attrs.field(factory=collections.Counter)
    keys: dict = attrs.field(factory=lambda: collections.defaultdict(set))
    sends: int = 0

    def __call__(self, request):
        fault = self.faults.pop(0) if self.faults else None
        self.sends += 1
        name = request.url.path.rpartition("/")[2]
        key = request.headers["idempotency-key"]
        self.keys[name].add(key)
        if fault == "closed":
            raise refused(request)
        if fault == "crash before":
            raise Crash
        if fault == "lost request":
            raise httpx.WriteError("")
        if fault in {"429", "404", "409", "500"}:
            return httpx.Response(int(fault), json={})
        number = self._execute(name, key)
        if fault == "crash after":
            raise Crash
        if fault == "lost answer":
            raise httpx.ReadTimeout("")
        if fault == "500 executed":
            return httpx.Response(500, json={})
        if fault == "cut":
            return httpx.Response(201, stream=_Cut())
        return httpx.Response(201, json={"number": number})

    def _execute(self, name, key):
        known = self.answers.get(key)
        if known is None or known[0] + RETENTION < self.clock.now:
            self.executed[name] += 1
            number = self.executed.total()
            known = self.answers[key] = (self.clock.now, number)
        return known[1]


class _Cut(httpx.SyncByteStream):
    def __iter__(self):
        yield b'{"numb'
        raise httpx.ReadError("")


class Machine(RuleBasedStateMachine):
    """A user, a server that keeps its promise, and a journal between them."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.server = Server(self.clock)
        self.names = {}  # by name: the generation that is in use
        self.told = {}  # by path: the number that was told
        self.turn = 0
        self.secret = 0
        self.open_store()
        self.restart(dead=True, rotate=True)

    def open_store(self):
        raise NotImplementedError

    def teardown(self):
        self.store.close()

    @rule(dead=st.booleans(), rotate=st.booleans())
    def restart(self, dead, rotate):
        """Another process takes over; the first may be still there."""
        if rotate:
            self.secret += 1
        self.journal = Journal(
            self.store, secret=b"s" * 16, remember="request", keep=KEEP
        )
        if dead:
            self.journal.owner = DEAD
        self.client = client_of(
            self.journal,
            self.server,
            clock=self.clock,
            retention=RETENTION,
            secret=b"%016d" % self.secret,
            policy=fast(attempts=1),
        )

    def path(self, name):
        return f"{name}{self.names.setdefault(name, 1)}"

    @rule(
        name=NAMES,
        turns=st.lists(
            st.tuples(FAULT, st.booleans()), min_size=1, max_size=3
        ),
    )
    def submit(self, name, turns):
        """The user pays, and pays again, by one process or another."""
        for fault, fresh in turns:
            if fresh:
                self.restart(dead=True, rotate=True)
            self.pay(name, fault)

    def pay(self, name, fault):
        path = self.path(name)
        self.server.faults[:] = [fault]
        before = self.server.executed[path]
        sends = self.server.sends
        operation = samekey.Operation(name, generation=self.names[name])
        response = None
        with contextlib.suppress(Crash):
            try:
                response = self.client.post(
                    f"/{path}", json={}, operation=operation
                )
            except (samekey.NotExecuted, samekey.InDoubt) as exc:
                self.check(path, samekey.report(exc).outcome)
            except samekey.AnswerLost:
                assert self.server.executed[path] == 1
            except (samekey.KeyExpired, samekey.OperationBusy):
                assert sends == self.server.sends
        if response is not None:
            self.learn(path, response)
        assert self.server.executed[path] - before in {0, 1}

    def learn(self, path, response):
        report = samekey.report(response)
        self.check(path, report.outcome)
        if response.status_code != 201:
            # A refusal is no word on what was executed before it.
            assert 0 == self.server.executed[path]
            return
        try:
            number = httpx.Response.json(response)
        except samekey.AnswerLost:
            assert "journal" == report.replayed
            return
        number = number["number"]
        assert number == self.told.setdefault(path, number)
        assert number in {n for _, n in self.server.answers.values()}

    def check(self, path, outcome):
        if outcome == "not_executed":
            assert 0 == self.server.executed[path]

    @rule(name=NAMES)
    def new_generation(self, name):
        """The user pays anew, on purpose; not after doubt."""
        self.path(name)
        entry = self.journal.get(name)
        wanted = samekey.Operation(name, generation=self.names[name] + 1)
        self.server.faults[:] = []
        try:
            self.names[name] += 1
            response = self.client.post(
                f"/{self.path(name)}", json={}, operation=wanted
            )
        except samekey.OperationChanged:
            assert entry.state in {"open", "in_doubt"}
            self.names[name] -= 1
        except samekey.OperationBusy:
            self.names[name] -= 1
        else:
            assert entry is None or entry.state in {"answered", "not_executed"}
            self.learn(self.path(name), response)

    @rule(name=NAMES)
    def another_request(self, name):
        """A changed payload is refused as long as the first is on record."""
        if self.journal.get(name) is None:
            return
        sends = self.server.sends
        self.server.faults[:] = []
        try:
            self.client.post(
                f"/{self.path(name)}",
                json={"changed": 1},
                operation=samekey.Operation(name, generation=self.names[name]),
            )
        except samekey.OperationChanged:
            pass
        else:
            raise AssertionError
        assert sends == self.server.sends

    @rule(seconds=st.sampled_from([1.0, 100.0, RETENTION, KEEP]))
    def pass_time(self, seconds):
        self.clock.now += seconds

    @rule()
    def purge(self):
        """What is settled is forgotten in the end, and nothing else is."""
        before = {each.id: each for each in self.journal.entries()}
        self.journal.purge(wall=self.clock.now)
        after = {each.id for each in self.journal.entries()}
        for id_ in before.keys() - after:
            gone = before[id_]
            assert gone.state in {"answered", "not_executed"}
            assert self.clock.now >= gone.updated + KEEP
            # What is forgotten may be paid anew, and that is a new one.
            self.names[gone.operation] = gone.generation + 1

    @rule(says=st.booleans(), faults=st.lists(FAULT, max_size=3))
    def recover(self, says, faults):
        """What is open is taken up; who is asked tells what is true."""
        self.server.faults[:] = faults
        executed = dict(self.server.executed)

        def look(entry):
            path = f"{entry.operation}{entry.generation}"
            if not says:
                return None
            outcome = (
                samekey.Outcome.ANSWERED
                if executed.get(path, 0) or self.server.executed[path]
                else samekey.Outcome.NOT_EXECUTED
            )
            return Resolution(outcome=outcome, why="looked")

        from samekey._recovering import recover  # noqa: PLC0415

        with contextlib.suppress(Crash):
            recover(self.client, look, None, lambda seconds: None)

    @invariant()
    def one_key(self):
        for path, keys in self.server.keys.items():
            assert 1 == len(keys), path

    @invariant()
    def once(self):
        for path, count in self.server.executed.items():
            assert count <= 1, path

    @invariant()
    def told_is_true(self):
        for entry in self.journal.entries():
            path = f"{entry.operation}{entry.generation}"
            if entry.state == "not_executed":
                assert 0 == self.server.executed[path]
            if entry.state == "answered" and entry.answer is not None:
                assert entry.answer.status != 201 or (
                    1 == self.server.executed[path]
                )


class InMemory(Machine):
    """Over a store in memory."""

    def open_store(self):
        self.store = MemoryStore()


class InFile(Machine):
    """Over a file that is opened anew by each process."""

    def open_store(self):
        self.directory = tempfile.TemporaryDirectory()
        self.store = SQLiteStore(f"{self.directory.name}/payments.db")

    @rule(dead=st.booleans(), rotate=st.booleans())
    def restart(self, dead, rotate):
        self.store.close()
        self.store = SQLiteStore(f"{self.directory.name}/payments.db")
        super().restart(dead, rotate)

    def teardown(self):
        super().teardown()
        self.directory.cleanup()


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None
)
TestInFile = InFile.TestCase
TestInFile.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None
)
