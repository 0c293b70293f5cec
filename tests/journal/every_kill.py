"""
Kill a process that pays at every step, and see what the next one makes of it.

    python tests/journal/every_kill.py [--every 4] [--planted]

A step is the moment before or after a statement of SQLite's, a call of the
system's that makes files, or a send. At each a child process kills itself by
SIGKILL; then another recovers, and pays the same operations under the same
names. Each process has a secret of its own, so that an operation has one key
only if the journal has kept it. It is all over a real loopback server, that
writes down each request and keeps a ledger.

It prints, for each scenario, at how many steps it killed, how many operations
there were, and how many were sent under two keys, charged twice or lost: all
of these must be 0, and with `--planted` must not. There the journal records
what was sent after it was sent. The exit code is 1 if anything went wrong.
"""
# ruff: noqa: T201 -- it prints its figures

import argparse
import asyncio
import collections
import contextlib
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback

from pathlib import Path

import attrs
import httpx
import tenacity

import samekey

from samekey import _claiming, _journaling, _together
from samekey._intent import Begun
from samekey.journal import Journal
from samekey.stores import MemoryStore, Record, SQLiteStore
from samekey.stores._schema import _FIRST, APPLICATION
from samekey.testing import Fault, FaultServer, PaymentsApp


SCENARIOS = ("first use", "claims", "recovery", "migration", "tasks")
NAMES = ("a", "b", "c")


# The server, in a process of its own


def serve(directory):
    """Serve payments until the input ends; tell the URL."""
    log = (directory / "sends").open("a", buffering=1)
    with PaymentsApp(directory / "ledger.db") as app:

        def script(received):
            reference = json.loads(received.body)["reference"]
            log.write(f"{reference} {received.key}\n")
            return Fault.lose_answer() if received.header("x-lose") else None

        with FaultServer(app, script) as server:
            print(server.url, flush=True)
            sys.stdin.read()


@contextlib.contextmanager
def payments():
    """Run the server; give its URL and its directory."""
    with tempfile.TemporaryDirectory(prefix="payments-") as name:
        with subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process.stdout.readline().strip(), Path(name)
            finally:
                process.stdin.close()


# A process that pays


class Steps:
    """Counts steps, and kills the process at one of them."""

    def __init__(self, kill_at=0, at=""):
        self.kill_at = kill_at
        self.at = at
        self.seen = []

    def reach(self, name):
        """Note that a step is reached."""
        self.seen.append(name)
        if len(self.seen) == self.kill_at or name == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name, function):
        """Make a step of the moments before and after a function."""

        def stepping(*args, **options):
            self.reach(f"before {name}")
            result = function(*args, **options)
            self.reach(f"after {name}")
            return result

        return stepping


def journal_of(path, steps):
    """Make the journal of a process that has steps."""
    for name in ("open", "fsync", "link", "unlink", "urandom"):
        setattr(os, name, steps.around(name, getattr(os, name)))

    class Connection(sqlite3.Connection):
        def execute(self, sql, *values):
            name = " ".join(sql.split()[:3])
            return steps.around(name, super().execute)(sql, *values)

        def close(self):
            steps.around("close", super().close)()

    class Store(SQLiteStore):
        _factory = Connection

    return Journal(Store(path), remember="request")


def wrapped(client, transport, url, journal):
    """Make a client that has a secret of its own, and two attempts."""
    return samekey.wrap(
        client(
            transport=transport(verify=False), base_url=url, trust_env=False
        ),
        journal=journal,
        secret=os.urandom(16),
        policy=samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none()),
        budget=samekey.RetryBudget(capacity=1_000, start=1_000),
    )


def client_of(journal, url, steps):
    """Make a client whose sends are steps."""

    class Transport(httpx.HTTPTransport):
        def handle_request(self, request):
            return steps.around("send", super().handle_request)(request)

    return wrapped(httpx.Client, Transport, url, journal)


async def pay_together(journal, url, steps, names):
    """Pay several operations at once; the second one ends in doubt."""

    class Transport(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            steps.reach("before send")
            response = await super().handle_async_request(request)
            steps.reach("after send")
            return response

    client = wrapped(httpx.AsyncClient, Transport, url, journal)

    async def one(name, headers):
        order = {"amount": 500, "card": "tok_visa", "reference": name}
        await client.post(
            "/payments", json=order, operation=name, headers=headers
        )

    headers = [{}, {"X-Lose": "1"}, {}]
    told = await asyncio.gather(
        *map(one, names, headers), return_exceptions=True
    )
    first, second, third = told
    assert first is third is None
    assert isinstance(second, samekey.InDoubt)
    await client.aclose()


def pay(client, name, **headers):
    """Pay one operation; it may end in doubt."""
    order = {"amount": 500, "card": "tok_visa", "reference": name}
    try:
        client.post("/payments", json=order, operation=name, headers=headers)
    except samekey.InDoubt:
        assert headers


def plant():
    """Have the journal record what was sent after it was sent."""
    claim, record = _journaling.claim, _journaling.record

    def claims_nothing(call):
        intent = _claiming.intent_of(call)
        journal = call.terms.journal
        if journal.store.get(intent.id) is not None:
            return claim(call)
        now = call.terms.time.wall()
        fresh = Record(
            id=intent.id,
            key=intent.key,
            fingerprint=intent.fingerprint,
            state="open",
            created=now,
            updated=now,
        )
        call.begun_as = Begun(step="send", record=fresh, kept=intent.kept)
        return call.begun_as

    def records_both(call, response):
        claim(call)
        record(call, response)

    async def claims_nothing_too(call):
        return claims_nothing(call)

    async def records_both_too(call, response):
        records_both(call, response)

    _journaling.claim = claims_nothing
    _journaling.record = records_both
    _together.claim = claims_nothing_too
    _together.record = records_both_too


def warm_up():
    """Load in the parent what each child would have to load."""

    def lose(request):
        raise httpx.ReadTimeout("")

    client = samekey.wrap(
        httpx.Client(transport=httpx.MockTransport(lose)),
        policy=samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none()),
        journal=MemoryStore(),
    )
    with contextlib.suppress(samekey.InDoubt):
        client.post("http://127.0.0.1/", json={}, operation="warm-up")
    client.recover()
    httpx.HTTPTransport(verify=False).close()
    gc.collect()
    gc.freeze()


def in_child(work, *args):
    """Do *work* in a forked child; give its exit code."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*args)
            code = 0
        except BaseException:  # noqa: BLE001 -- a child ends here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# What goes before, what is killed, and what comes after


@attrs.frozen(kw_only=True)
class Case:
    """One kill."""

    scenario: str
    url: str
    path: Path
    names: tuple[str, ...]
    kill_at: int
    planted: bool

    def prepare(self):
        """Bring the file to where the scenario begins."""
        if self.scenario == "first use":
            return
        Journal(self.path).close()
        if self.scenario in {"claims", "tasks"}:
            return
        one, two, three = self.names
        assert -9 == in_child(self.pay_one, one, "before send")
        assert -9 == in_child(self.pay_one, two, "after send")
        assert 0 == in_child(self.lose_one, three)
        if self.scenario == "migration":
            downgrade(self.path)

    def pay_one(self, name, at):
        """Pay one operation, and be killed in the middle of it."""
        steps = Steps(at=at)
        pay(client_of(journal_of(self.path, steps), self.url, steps), name)

    def lose_one(self, name):
        """Pay one operation, and leave it in doubt."""
        steps = Steps()
        journal = journal_of(self.path, steps)
        pay(client_of(journal, self.url, steps), name, **{"X-Lose": "1"})
        journal.close()

    def first(self):
        """Do what is killed."""
        if self.planted:
            plant()
        steps = Steps(self.kill_at)
        journal = journal_of(self.path, steps)
        client = client_of(journal, self.url, steps)
        if self.scenario in {"recovery", "migration"}:
            client.recover()
        elif self.scenario == "tasks":
            asyncio.run(pay_together(journal, self.url, steps, self.names))
        else:
            one, two, three = self.names
            pay(client, one)
            pay(client, two, **{"X-Lose": "1"})
            with contextlib.closing(sqlite3.connect(self.path)) as other:
                checkpoint = steps.around("checkpoint", other.execute)
                checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
            pay(client, three)
        journal.close()
        (self.path.parent / "steps").write_text("\n".join(steps.seen))

    def second(self):
        """Do what is done after a restart."""
        if self.planted:
            plant()
        with contextlib.closing(Journal(self.path, remember="request")) as it:
            client = client_of(it, self.url, Steps())
            client.recover()
            for name in self.names * 2:
                pay(client, name)
            states = {entry.state for entry in it.entries()}
            assert {"answered"} == states, states
            assert len(self.names) == len(list(it.entries()))

    def run(self, kill=in_child):
        """Kill once, and restart; tell what went wrong."""
        with tempfile.TemporaryDirectory(prefix="journal-") as name:
            case = attrs.evolve(self, path=Path(name) / "payments.db")
            case.prepare()
            code = kill(case.first)
            good = {-9 if self.kill_at else 0}
            if self.scenario == "tasks":
                good.add(0)  # how many share a step is not always the same
            errors = [] if code in good else ["first"]
            if in_child(case.second) != 0:
                errors.append("second")
            steps = Path(name) / "steps"
            count = 0
            if steps.exists():
                count = len(steps.read_text().splitlines())
        return errors, count


def downgrade(path):
    """Make a file of version 1 of one that is of today's."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE records RENAME TO today")
        connection.execute("DROP INDEX by_state")
        connection.execute("DROP INDEX by_expires")
        for statement in _FIRST:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO records SELECT id, key, fingerprint, state, token,"
            " 0.0, created, updated, expires, data FROM today"
        )
        connection.execute("DROP TABLE today")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()


# The whole


def kill_all(url, directory, scenario, *, every=1, start=0, planted=False):
    """Kill at each step, or some; give the figures."""
    case = Case(
        scenario=scenario,
        url=url,
        path=Path(),
        names=tuple(f"{scenario}-0-{name}" for name in NAMES),
        kill_at=0,
        planted=planted,
    )
    errors, count = case.run()
    names = list(case.names)
    kills = range(1 + start % every, count + 1, every)
    for kill_at in kills:
        case = attrs.evolve(
            case,
            kill_at=kill_at,
            names=tuple(f"{scenario}-{kill_at}-{name}" for name in NAMES),
        )
        found, _ = case.run()
        errors += found
        names += case.names
    return {
        "steps": count,
        "kills": len(kills),
        **figures_of(directory, names),
        "errors": len(errors),
    }


def figures_of(directory, names):
    """Count what the server has seen of the operations of these names."""
    keys = collections.defaultdict(set)
    for line in (directory / "sends").read_text().splitlines():
        name, _, key = line.rpartition(" ")
        keys[name].add(key)
    with contextlib.closing(
        sqlite3.connect(directory / "ledger.db")
    ) as ledger:
        charged = dict(
            ledger.execute(
                "SELECT reference, count(*) FROM charges GROUP BY reference"
            ).fetchall()
        )
    return {
        "operations": len(names),
        "two keys": sum(len(keys[name]) > 1 for name in names),
        "twice": sum(charged.get(name, 0) > 1 for name in names),
        "lost": sum(charged.get(name, 0) < 1 for name in names),
    }


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip())
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    warm_up()
    wrong = 0
    began = time.monotonic()
    told = {}
    with payments() as (url, directory):
        # The others begin with what an honest journal has left.
        scenarios = list(SCENARIOS)
        if options.planted:
            scenarios = ["first use", "claims", "tasks"]
        for start, scenario in enumerate(scenarios):
            figures = told[scenario] = kill_all(
                url,
                directory,
                scenario,
                every=options.every,
                start=start,
                planted=options.planted,
            )
            wrong += sum(
                figures[each]
                for each in ("two keys", "twice", "lost", "errors")
            )
            if not options.json:
                shown = ", ".join(f"{v} {k}" for k, v in figures.items())
                print(f"{scenario}: {shown}")
    if options.json:
        print(json.dumps(told))
    else:
        print(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
