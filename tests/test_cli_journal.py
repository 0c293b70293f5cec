"""`samekey journal` looks into a journal, settles doubt, and tidies up."""

import io
import json
import shlex
import time

from pathlib import Path

import attrs
import pytest
import tenacity

import samekey

from samekey import _journal_disk, cli
from samekey import _shown_journal as shown
from samekey._intent import record_id
from samekey._kept import Change, Kept
from samekey._message import Message
from samekey.journal import Journal, Recovered
from samekey.stores import Record, SQLiteStore
from samekey.testing import Fault, PaymentServer


NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
CHARGE = {"amount": 500, "card": "tok_visa"}
ID = "order-1/charge"
KEY = "5f8d1c1e-7b1a-4c39-9a0e-0d1f52abcdef"
ONCE = samekey.RetryPolicy(attempts=1, wait=tenacity.wait_none())
FAR = "elsewhere:1:abcd"  # A worker of another machine.


@pytest.fixture(autouse=True)
def _screen(monkeypatch):
    """Print for a pipe that is wide enough, wherever the tests run."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def invoke(capsys):
    """Run `samekey journal`; return exit status, stdout and stderr."""

    def invoke(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["journal", *map(str, arguments)])
        return caught.value.code, *capsys.readouterr()

    return invoke


@pytest.fixture
def asked(invoke):
    """Run `samekey journal … --json`; return what it prints."""

    def asked(*arguments):
        status, out, err = invoke(*arguments, "--json")
        assert (0, "") == (status, err)
        return json.loads(out)

    return asked


@pytest.fixture
def file(tmp_path):
    """The file of a journal in which nothing is recorded."""
    path = tmp_path / "payments.db"
    Journal(path).close()
    return path


def put(
    file,
    operation=ID,
    *,
    state="open",
    busy=False,
    at=NOW,
    record=None,
    **kept,
):
    """Record an operation; give its record's id."""
    data = Kept(
        operation=operation,
        method="POST",
        url="https://api.example.com/payments",
        retention=3600.0,
    )
    data = attrs.evolve(data, **kept)
    if record is None:
        named = samekey.Operation(operation)
        record = record_id(named, data.namespace)
    fresh = Record(
        id=record,
        key=KEY,
        fingerprint=b"fingerprint",
        state="open",
        owner=FAR,
        created=at,
        updated=at,
        data=data.encode(),
    )
    now = time.time() if busy else at
    with SQLiteStore(file) as store:
        token = store.claim(fresh, now=now, lease=600.0).record.token
        if not busy:
            expires = None if state in {"open", "in_doubt"} else at + 9.0
            store.complete(
                record,
                token,
                state=state,
                data=fresh.data,
                now=at,
                expires=expires,
            )
    return record


def attempt(**changes):
    fields = {
        "number": 1,
        "verdict": samekey.Verdict.UNKNOWN,
        "error": "ReadTimeout",
        "started": NOW,
        "elapsed": 5.0,
    }
    return samekey.Attempt(**{**fields, **changes})


def report(outcome, *attempts, **changes):
    return samekey.Report(
        key=KEY, outcome=samekey.Outcome(outcome), attempts=attempts, **changes
    )


def everything(file):
    """Record an operation of which all is known that can be."""
    return put(
        file,
        state="answered",
        namespace="shop-live",
        generation=3,
        theirs=True,
        report=report(
            "answered",
            attempt(),
            attempt(
                number=2,
                verdict=samekey.Verdict.ANSWERED,
                status=201,
                error=None,
            ),
            replayed="server",
            already_done=True,
            resource_id="pay_1",
        ),
        answer=Message(
            status=201,
            headers=(("content-type", "application/json"),),
            body=b'{"id": "pay_1\x1b[2J"}\n',
            redacted=True,
        ),
        request=Message(method="POST", body=b"\xff\xfe"),
        changes=(Change(at=NOW, what="answered", why="support said so"),),
        earlier=(
            report("not_executed", attempt()),
            report("in_doubt", attempt(), attempt(number=2), generation=2),
        ),
    )


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


class TestFile:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["list"],
            ["show", ID],
            ["resolve", ID, "--answered", "--why", "asked", "--yes"],
            ["recover"],
            ["purge", "--yes"],
            ["doctor"],
        ],
        ids=lambda arguments: arguments[0],
    )
    def test_is_never_made(self, invoke, tmp_path, arguments):
        """A mistyped file name is an error, and makes no journal."""
        command, *rest = arguments

        status, out, err = invoke(command, tmp_path / "paymnets.db", *rest)

        assert 2 == status
        assert "" == out
        assert "paymnets.db' does not exist." in err
        assert [] == list(tmp_path.iterdir())

    @pytest.mark.parametrize("command", ["list", "recover"])
    def test_of_another_application(self, invoke, tmp_path, command):
        """A file that is no journal is refused in words."""
        path = tmp_path / "letter.txt"
        path.write_text("Dear Sir or Madam, " * 100)
        path.chmod(0o600)

        status, out, err = invoke(command, path)

        assert 2 == status
        assert "" == out
        assert err.startswith("Error: ")
        assert "letter.txt must be usable, got: file is not a database" in err

    def test_secret_is_never_made(self, invoke, file):
        """A journal whose secret is kept elsewhere gets none beside it."""
        secret = file.with_name("payments.db.secret")
        secret.unlink()

        assert 0 == invoke("list", file)[0]
        assert 0 == invoke("recover", file)[0]
        assert not secret.exists()

    def test_damaged_record(self, invoke, file):
        """A record that cannot be read does not hide the others."""
        with SQLiteStore(file) as store:
            store.claim(
                Record(
                    id="op:1",
                    key=KEY,
                    fingerprint=b"",
                    state="open",
                    created=NOW,
                    updated=NOW,
                ),
                now=NOW,
                lease=0.0,
            )

        put(file)

        status, out, err = invoke("list", file)

        assert (0, "") == (status, err)
        assert "damaged" in out
        assert "order-1/charge" in out
        status, _out, err = invoke("show", file, "op:1")
        assert 2 == status
        assert err.startswith("Error: the record must be readable")


class TestList:
    def test_for_people(self, invoke, file):
        """One row an operation, the latest change last, and no whole key."""
        put(file, ("order", 2, "charge"), at=NOW + 60.0, busy=True)
        put(file, state="in_doubt", report=report("in_doubt", attempt()))

        status, out, err = invoke("list", file)

        assert (0, "") == (status, err)
        told = lines(out)
        first, second = told[-3:-1]
        assert (
            f"{ID} 1 in_doubt POST api.example.com/payments 2023-11-14"
            " 22:13:20 2023-11-14 22:13:20 1 …abcdef"
        ) == first
        assert (
            "('order', 2, 'charge') 1 open (busy) POST"
            " api.example.com/payments 2023-11-14 22:14:20 2023-11-14"
            " 22:14:20 ? …abcdef"
        ) == second
        assert KEY not in out

    def test_for_programs(self, asked, file):
        """With --json stdout is one object, and nothing else."""
        record = put(file, state="in_doubt", namespace="shop-live")

        told = asked("list", file)

        assert {
            "operations": [
                {
                    "id": record,
                    "operation": ID,
                    "namespace": "shop-live",
                    "generation": 1,
                    "state": "in_doubt",
                    "busy": False,
                    "damaged": None,
                    "method": "POST",
                    "url": "https://api.example.com/payments",
                    "created": NOW,
                    "updated": NOW,
                    "attempts": None,
                    "key": "…abcdef",
                }
            ]
        } == told

    @pytest.mark.parametrize(
        "state", ["open", "answered", "not_executed", "in_doubt"]
    )
    def test_of_one_state(self, asked, file, state):
        """--state leaves out all others."""
        for each in ("open", "answered", "not_executed", "in_doubt"):
            put(file, f"order-{each}", state=each)

        told = asked("list", file, "--state", state)

        assert [f"order-{state}"] == [
            one["operation"] for one in told["operations"]
        ]

    def test_none(self, invoke, file):
        """An empty journal is told as such."""
        assert (0, "There is none.\n", "") == invoke("list", file)

    def test_many(self, invoke, asked, file):
        """A table shows the latest hundred, and says how many there are."""
        for number in range(103):
            put(file, f"order-{number:03d}", at=NOW + number)

        status, out, _err = invoke("list", file)

        assert 0 == status
        assert "order-002" not in out
        assert "order-003" in out
        assert out.endswith("3 with an earlier change are not shown.\n")
        assert 103 == len(asked("list", file)["operations"])
        latest = asked("list", file, "--limit", "1")["operations"]
        assert ["order-102"] == [one["operation"] for one in latest]

    def test_narrow(self, invoke, file, monkeypatch):
        """On 80 columns nothing is cut off."""
        monkeypatch.setenv("COLUMNS", "80")
        put(file, "an-operation-with-a-long-name/and-a-part")

        _status, out, _err = invoke("list", file)

        assert max(len(line) for line in out.splitlines()) <= 80
        assert "…abcdef" in out
        assert "2023-11-14" in out

    def test_without_an_operation_id(self, invoke, file):
        """A call without an id goes by its record's beginning."""
        record = put(file, None, record="key:" + "0123456789ab" * 5)

        _status, out, _err = invoke("list", file)

        assert "key:0123456789ab " in out
        assert 0 == invoke("show", file, "key:0123456789ab")[0]
        assert record not in out


class TestShow:
    def test_for_people(self, invoke, file):
        """All that is recorded, but for bodies and the whole key."""
        record = everything(file)

        status, out, err = invoke("show", file, ID)

        assert (0, "") == (status, err)
        assert [
            f"operation {ID}",
            "namespace shop-live",
            "generation 3",
            "state answered",
            f"record {record}",
            "key …abcdef, the caller's own",
            "request POST https://api.example.com/payments",
            "kept to be sent again 2 bytes",
            "first sent 2023-11-14 22:13:20 UTC",
            "last change 2023-11-14 22:13:20 UTC",
            "server remembers keys 3600 s",
            "kept until 2023-11-14 22:13:29 UTC",
            (
                "attempt 1 2023-11-14 22:13:20 UTC UNKNOWN, ReadTimeout, took"
                " 5.00 s"
            ),
            "attempt 2 2023-11-14 22:13:20 UTC ANSWERED, 201, took 5.00 s",
            "replayed by the server",
            "already done so said the server",
            "resource pay_1",
            "answer 201, 20 bytes, something taken out",
            ("changed 2023-11-14 22:13:20 UTC answered: support said so"),
            "generation 1 not_executed after 1 attempt",
            "generation 2 in_doubt after 2 attempts",
        ] == lines(out)

    def test_bodies(self, invoke, file):
        """--body shows headers and bodies, which cannot steer a terminal."""
        everything(file)

        _status, out, _err = invoke("show", file, ID, "--body")

        assert out.endswith(
            "\n\nrequest\n\n(2 bytes that are no text)\n\nanswer\n"
            'content-type: application/json\n\n{"id": "pay_1\\x1b[2J"}\n\n'
        )

    def test_no_bodies(self, invoke, file):
        """--body says so where none is kept."""
        put(file, state="answered", answer=Message(status=204))

        _status, out, _err = invoke("show", file, ID, "--body")

        assert "answer 204, no body kept" in lines(out)
        assert out.endswith("\n\nanswer\n\n(no body kept)\n")

    def test_reveal(self, invoke, asked, file):
        """Only --reveal shows the whole key."""
        put(file)

        assert KEY in invoke("show", file, ID, "--reveal")[1]
        assert KEY not in invoke("show", file, ID, "--body")[1]
        assert KEY == asked("show", file, ID, "--reveal")["key"]
        assert "…abcdef" == asked("show", file, ID)["key"]

    def test_busy(self, invoke, file):
        """Who is on it, and until when at most."""
        put(file, busy=True)

        _status, out, _err = invoke("show", file, ID)

        told = "\n".join(lines(out))
        assert "state open (busy)" in told
        assert f"worker {FAR}, until 20" in told
        assert "attempts not known: whoever sent it has not come back" in told

    def test_for_programs(self, asked, file):
        """With --json it is one object."""
        everything(file)

        told = asked("show", file, ID)

        assert ["ReadTimeout", None] == [a["error"] for a in told["attempts"]]
        assert {
            "body_size": 20,
            "redacted": True,
            "status": 201,
        } == told["answer"]
        assert {"body_size": 2, "redacted": False} == told["request"]
        assert [
            {"at": NOW, "what": "answered", "why": "support said so"}
        ] == told["changes"]
        assert [(1, "not_executed"), (2, "in_doubt")] == [
            (one["generation"], one["outcome"]) for one in told["earlier"]
        ]
        assert ("server", True, "pay_1") == (
            told["replayed"],
            told["already_done"],
            told["resource_id"],
        )
        assert (3600.0, True, NOW + 9.0) == (
            told["retention"],
            told["own_key"],
            told["expires"],
        )

    def test_bodies_for_programs(self, asked, file):
        """Text is text, and other bytes are Base64."""
        everything(file)

        told = asked("show", file, ID, "--body")

        assert '{"id": "pay_1\x1b[2J"}\n' == told["answer"]["body"]
        assert [["content-type", "application/json"]] == (
            told["answer"]["headers"]
        )
        assert "//4=" == told["request"]["body_base64"]

    def test_open_for_programs(self, asked, file):
        """What is not known is null."""
        put(file)

        told = asked("show", file, ID, "--body")

        assert [] == told["attempts"]
        for name in ("answer", "request", "expires", "replayed"):
            assert told[name] is None

    def test_no_body_for_programs(self, asked, file):
        """A body that is not kept is null."""
        put(file, answer=Message(status=204))

        answer = asked("show", file, ID, "--body")["answer"]

        assert (204, None, None) == (
            answer["status"],
            answer["body"],
            answer["body_size"],
        )


class TestWhich:
    @pytest.mark.parametrize("length", [67, 20, 4])
    def test_record(self, asked, file, length):
        """A record's id will do, and so will its beginning."""
        record = put(file)
        other = "op:" + ("0" if record[3] != "0" else "1") * 64
        put(file, "order-2", record=other)

        assert record == asked("show", file, record[:length])["id"]

    def test_more_than_one_record(self, invoke, file):
        """A beginning that two records have names both."""
        ids = ["op:" + "a" * 63 + end for end in "012"]
        for each in ids:
            put(file, each, record=each)

        status, out, err = invoke("show", file, "op:aaaa")

        assert (1, "") == (status, out)
        assert (
            f"Error: more than one record fits; take one of: {', '.join(ids)}\n"
        ) == err

    def test_tuple(self, asked, file):
        """A tuple is written as the list shows it."""
        put(file, ("order", 1))
        record = put(file, ("order", "1"))

        assert record == asked("show", file, "('order', '1')")["id"]

    def test_namespace(self, invoke, asked, file):
        """A namespace is needed only where an id is in more than one."""
        put(file, "order-2", namespace="test")
        test = put(file, namespace="test")
        assert test == asked("show", file, ID)["id"]

        live = put(file, namespace="live")

        assert live == asked("show", file, ID, "--namespace", "live")["id"]
        assert 1 == invoke("show", file, ID)[0]
        plain = put(file)
        assert plain == asked("show", file, ID)["id"]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["order-2"],
            ["op:0123"],
            [ID, "--namespace", "other"],
            ["('order', 1)"],
        ],
    )
    def test_nothing(self, invoke, file, arguments):
        """What is not recorded is told as such."""
        put(file, namespace="test")
        put(file, None, record="key:0")

        status, out, err = invoke("show", file, *arguments)

        assert (1, "") == (status, out)
        assert f"Error: nothing is recorded of {arguments[0]!r}\n" == err

    @pytest.mark.parametrize("text", ["", "\udce9"])
    def test_no_operation_id(self, invoke, file, text):
        """What cannot be an id is refused in words."""
        status, out, err = invoke("show", file, text)

        assert (2, "") == (status, out)
        assert err.startswith("Error: a part of an operation id must ")

    def test_empty_namespace(self, invoke, file):
        """An empty namespace is refused, as everywhere."""
        status, _out, err = invoke("show", file, ID, "--namespace", "")

        assert 2 == status
        assert "namespace must not be empty; leave it out for none" in err


class TestResolve:
    def test_not_executed(self, invoke, asked, file):
        """It is recorded with when and why."""
        put(file, state="in_doubt", report=report("in_doubt", attempt()))
        before = time.time()

        status, out, err = invoke(
            "resolve", file, ID, "--not-executed", "--why", "looked", "--yes"
        )

        assert (0, "") == (status, err)
        assert f"operation {ID}" == lines(out)[0]
        assert "Recorded as not_executed." == lines(out)[-1]
        told = asked("show", file, ID)
        assert "not_executed" == told["state"]
        [change] = told["changes"]
        assert ("not_executed", "looked") == (change["what"], change["why"])
        assert before <= change["at"] <= time.time()

    def test_the_server_is_not_contradicted(self, invoke, asked, file):
        """What the server has settled is changed by force only."""
        put(
            file,
            state="answered",
            report=report("answered", attempt()),
            answer=Message(status=201, body=b"{}"),
        )
        said = ("resolve", file, ID, "--not-executed", "--why", "x", "--yes")

        status, _out, err = invoke(*said)

        assert 1 == status
        assert err.endswith("Pass --force to do so\n")
        assert "answered" == asked("show", file, ID)["state"]
        assert 0 == invoke(*said, "--force")[0]
        assert "not_executed" == asked("show", file, ID)["state"]

    def test_answered(self, invoke, asked, file, tmp_path):
        """Later calls are given the status and the body."""
        put(file, state="in_doubt")
        body = tmp_path / "body.json"
        body.write_bytes(b'{"id": "pay_1"}')

        status, out, err = invoke(
            *("resolve", file, ID, "--answered", "--why", "looked", "--yes"),
            *("--status", "201", "--body-file", body, "--json"),
        )

        assert (0, "") == (status, err)
        assert "answered" == json.loads(out)["state"]
        answer = asked("show", file, ID, "--body")["answer"]
        assert 201 == answer["status"]
        assert '{"id": "pay_1"}' == answer["body"]
        assert [["content-type", "application/json"]] == answer["headers"]

    @pytest.mark.parametrize("outcome", ["--answered", "--not-executed"])
    def test_keeps_no_request(self, invoke, asked, file, outcome):
        """Once it is settled, the request is kept no longer: nobody needs it."""
        request = Message(method="POST", body=b'{"card": "tok_visa"}')
        put(file, state="in_doubt", request=request)

        invoke("resolve", file, ID, outcome, "--why", "looked", "--yes")

        assert asked("show", file, ID)["request"] is None

    def test_a_second_click_is_given_it(self, invoke, tmp_path):
        """A call with the same id gets what a person has recorded."""
        path = tmp_path / "payments.db"
        with PaymentServer([Fault.lose_answer()]) as server:
            options = {"base_url": server.url, "policy": ONCE}
            with samekey.Client(**options, journal=path) as client:
                with pytest.raises(samekey.InDoubt):
                    client.post("/payments", json=CHARGE, operation=ID)
            arguments = ("--answered", "--status", "201", "--yes")

            status, _out, _err = invoke(
                "resolve", path, ID, *arguments, "--why", "looked"
            )

            assert 0 == status
            with samekey.Client(**options, journal=path) as client:
                again = client.post("/payments", json=CHARGE, operation=ID)
            assert 201 == again.status_code
            assert "journal" == samekey.report(again).replayed
            assert 1 == len(server.requests)

    @pytest.mark.parametrize(
        ("state", "arguments", "question"),
        [
            ("in_doubt", ["--answered"], "Record it as answered? [y/N]: "),
            (
                "in_doubt",
                ["--answered", "--status", "201"],
                "Record it as answered, by a 201? [y/N]: ",
            ),
            (
                "in_doubt",
                ["--not-executed"],
                (
                    "Record it as not executed? The next call with its id"
                    " sends it anew. [y/N]: "
                ),
            ),
            (
                "not_executed",
                ["--answered"],
                ("It is not_executed already. Record it as answered? [y/N]: "),
            ),
        ],
    )
    @pytest.mark.parametrize(("said", "code"), [("y", 0), ("n", 1), ("", 1)])
    def test_asks(
        self, invoke, asked, file, monkeypatch, state, arguments, question,
        said, code,
    ):  # fmt: skip
        """Without --yes it asks, and only a yes changes anything."""
        put(file, state=state)
        monkeypatch.setattr("sys.stdin", _typed(said))

        status, _out, err = invoke(
            "resolve", file, ID, *arguments, "--why", "looked"
        )

        assert code == status
        assert err.startswith(question.rstrip())
        assert (0 if code else 1) == len(asked("show", file, ID)["changes"])

    def test_busy(self, invoke, asked, file):
        """What a worker is on is left to the worker."""
        put(file, busy=True)

        status, _out, err = invoke(
            "resolve", file, ID, "--answered", "--why", "looked", "--yes"
        )

        assert 1 == status
        assert (
            "Error: a worker is on it; wait until it is done, then look"
            " again\n"
        ) == err
        assert "open" == asked("show", file, ID)["state"]

    def test_changed_meanwhile(self, invoke, asked, file, monkeypatch):
        """What has changed since it was shown is not changed again."""
        put(file, state="in_doubt")

        def settle(*arguments, **options):
            with SQLiteStore(file) as store:
                journal = Journal(store, secret=b"secret" * 3)
                entry = journal.get(ID)
                journal.resolve(entry, samekey.Outcome.ANSWERED, why="faster")

        monkeypatch.setattr("click.confirm", settle)

        status, _out, err = invoke(
            "resolve", file, ID, "--not-executed", "--why", "looked"
        )

        assert 1 == status
        assert (
            "Error: something has become known of it since it was looked at\n"
        ) == err
        assert "answered" == asked("show", file, ID)["state"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--why", "looked"], "pass --answered or --not-executed"),
            (
                ["--why", "looked", "--answered", "--not-executed"],
                "pass --answered or --not-executed, and not both",
            ),
            (["--answered"], "Missing option '--why'"),
            (["--answered", "--why", " "], "--why must not be empty"),
            (
                ["--not-executed", "--why", "x", "--status", "201"],
                "--status goes with --answered",
            ),
            (
                ["--answered", "--why", "x", "--body-file", "-"],
                "--body-file goes with --status",
            ),
            (
                ["--answered", "--why", "x", "--status", "100"],
                "Invalid value for '--status'",
            ),
        ],
    )
    def test_refuses(self, invoke, asked, file, arguments, words):
        """Options that do not fit each other change nothing."""
        put(file, state="in_doubt")

        status, _out, err = invoke("resolve", file, ID, *arguments, "--yes")

        assert 2 == status
        assert words in err
        assert "in_doubt" == asked("show", file, ID)["state"]


def _typed(text):
    return io.TextIOWrapper(io.BytesIO(f"{text}\n".encode()))


class TestPurge:
    def test_removes(self, invoke, asked, file):
        """What is settled and old is removed; doubt is kept."""
        put(file, "order-1", state="answered")
        put(file, "order-2", state="in_doubt")
        put(file, "order-3", state="answered", at=time.time())

        assert (0, "Removed: 1.\n", "") == invoke("purge", file, "--yes")

        assert ["order-2", "order-3"] == [
            one["operation"] for one in asked("list", file)["operations"]
        ]
        assert {"removed": 0} == asked("purge", file, "--yes")

    @pytest.mark.parametrize(("said", "left"), [("y", 0), ("n", 1)])
    def test_asks(self, invoke, asked, file, monkeypatch, said, left):
        """Without --yes it asks."""
        put(file, state="answered")
        monkeypatch.setattr("sys.stdin", _typed(said))

        status, _out, err = invoke("purge", file)

        assert left == status
        assert err.startswith("Remove what is settled and has been kept long")
        assert left == len(asked("list", file)["operations"])


class TestRecover:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "payments.db"

    @staticmethod
    def leave(path, server, *operations, **options):
        """Leave operations in doubt, with their requests."""
        journal = Journal(path, remember="request", **options)
        with samekey.Client(
            base_url=server.url, policy=ONCE, journal=journal
        ) as client:
            for operation in operations:
                with pytest.raises(samekey.InDoubt):
                    client.post("/payments", json=CHARGE, operation=operation)
        journal.close()

    def test_sends_again(self, invoke, asked, path, monkeypatch):
        """The same requests under the same keys, with headers of today."""
        monkeypatch.setenv("API_AUTH", "Bearer s3cret")
        with PaymentServer([Fault.lose_answer()] * 2) as server:
            self.leave(path, server, "order-1", "order-2")

            status, out, err = invoke(
                *("recover", path, "--header-env", "Authorization=API_AUTH"),
                *("--header", "X-Request-Source: night shift "),
            )

            assert (0, "answered 2\n", "") == (status, out, err)
            assert 2 == len(server.app.ledger())
            first, second, *again = server.requests
            assert {first.key, second.key} == {one.key for one in again}
            for one in again:
                assert "Bearer s3cret" == one.header("Authorization")
                assert "night shift" == one.header("X-Request-Source")
        assert b"s3cret" not in path.read_bytes()
        assert ["answered"] * 2 == [
            one["state"] for one in asked("list", path)["operations"]
        ]

    def test_nothing_to_do(self, invoke, file):
        """With nothing left open it says so."""
        assert (0, "Nothing was open or in doubt.\n", "") == invoke(
            "recover", file
        )

    def test_stays_in_doubt(self, invoke, path):
        """What nobody can tell yet is named, and the exit status is 1."""
        faults = [Fault.lose_answer(), Fault.status(404)]
        with PaymentServer(faults) as server:
            self.leave(path, server, ID)

            status, out, err = invoke("recover", path)

        assert (1, "") == (status, err)
        assert f"in_doubt: {ID}\nin_doubt 1\n" == out

    def test_for_programs(self, invoke, path):
        """With --json stdout is one object."""
        faults = [Fault.lose_answer(), Fault.status(404)]
        with PaymentServer(faults) as server:
            self.leave(path, server, ID)

            status, out, err = invoke("recover", path, "--json")

        assert (1, "") == (status, err)
        told = json.loads(out)
        record = record_id(samekey.Operation(ID), None)
        assert [
            {"operation": ID, "id": record, "became": "in_doubt"}
        ] == told.pop("left")
        assert attrs.asdict(Recovered(in_doubt=1)) == told

    def test_too_old(self, invoke, path):
        """What the server may have forgotten is not sent."""
        with PaymentServer([Fault.lose_answer()]) as server:
            self.leave(path, server, ID)

            status, out, _err = invoke(
                "recover", path, "--retention", "0.000001"
            )

            assert 1 == status
            assert f"expired: {ID}\nexpired 1\n" == out
            assert 1 == len(server.requests)

    @pytest.mark.parametrize(
        ("counted_on", "options", "became"),
        [
            (600.0, [], "expired"),
            (86_400.0, [], "answered"),
            (600.0, ["--retention", "86400"], "answered"),
            (86_400.0, ["--retention", "600"], "expired"),
            (0.0, [], "expired"),
        ],
    )
    def test_recorded_retention(
        self, invoke, file, counted_on, options, became
    ):
        """How long the server remembers keys was known to who sent it."""
        with PaymentServer() as server:
            put(
                file,
                at=time.time() - 7_200.0,
                retention=counted_on,
                request=Message(
                    method="POST",
                    url=f"{server.url}/payments",
                    body=json.dumps(CHARGE).encode(),
                ),
            )
            put(file, "order-2", retention=60.0)

            _status, out, _err = invoke("recover", file, *options)

            assert {f"{became} 1", "skipped 1"} == set(
                lines(out)[-1].split(", ")
            )
            assert (became == "answered") == (1 == len(server.requests))

    def test_skips(self, invoke, file):
        """What has no request in the journal cannot be sent."""
        put(file)

        status, out, _err = invoke("recover", file)

        # It is in doubt as before, and whoever runs this is to know.
        assert 1 == status
        assert f"skipped: {ID}\nskipped 1\n" == out

    def test_namespace(self, invoke, path):
        """What another namespace's clients left is left to them."""
        with PaymentServer([Fault.lose_answer()]) as server:
            self.leave(path, server, ID)

            told = [
                invoke("recover", path, "--namespace", "live")[1],
                invoke("recover", path)[1],
            ]

        assert [f"skipped: {ID}\nskipped 1\n", "answered 1\n"] == told

    def test_profile(self, invoke, path):
        """A profile says how the key is sent."""
        with PaymentServer([Fault.lose_answer()]) as server:
            self.leave(path, server, ID)

            status, out, _err = invoke("recover", path, "--profile", "generic")

        assert (0, "answered 1\n") == (status, out)

    def test_redact(self, invoke, asked, path):
        """What is not to be kept of answers is not kept by recovery."""
        with PaymentServer([Fault.lose_answer()]) as server:
            self.leave(path, server, ID)

            invoke("recover", path, "--redact", "/payment_id")

        body = asked("show", path, ID, "--body")["answer"]["body"]
        assert "[redacted]" == json.loads(body)["payment_id"]

    def test_a_header_is_for_one_host(self, invoke, path):
        """A credential never goes to a host that it is not for."""
        with (
            PaymentServer([Fault.lose_answer()]) as one,
            PaymentServer([Fault.lose_answer()]) as two,
        ):
            self.leave(path, one, "order-1")
            self.leave(path, two, "order-2")
            put(path, "order-3")
            header = ("--header", "Authorization: Bearer s3cret")

            status, _out, err = invoke("recover", path, *header)

            assert 2 == status
            assert "the header would go to 2 hosts; pass --base-url" in err
            assert [1, 1] == [len(one.requests), len(two.requests)]

            status, out, _err = invoke(
                "recover", path, *header, "--base-url", two.url
            )

            assert 1 == status
            assert "answered 1, skipped 2" == lines(out)[-1]
            assert "skipped: order-1" in lines(out)
            assert [1, 2] == [len(one.requests), len(two.requests)]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--header", "Authorization"], "it must be 'Name: value'"),
            (["--header", "a b: s3cret"], "it must be 'Name: value'"),
            (
                ["--header", "Authorization: s3cret\n"],
                None,
            ),
            (
                ["--header", "Authorization: s3cret\nX: y"],
                "the value of Authorization must be printable ASCII",
            ),
            (["--header-env", "s3cret"], "it must be NAME=VARIABLE"),
            (
                ["--header-env", "Authorization=s3cret"],
                "the environment variable for Authorization must be set",
            ),
            (
                ["--header-env", "Authorization=BAD"],
                "the value of Authorization must be printable ASCII",
            ),
            (["--base-url", "https://u:s3cret@"], "it must be a URL such as"),
            (["--base-url", "ftp://s3cret"], "it must be a URL such as"),
            (["--base-url", "http://s3cret:x"], "it must be a URL such as"),
            (["--profile", "nope"], "profile must be one of"),
            (["--redact", "card"], "--redact must be a JSON pointer"),
            (["--retention", "0"], "--retention must be a finite time above"),
            (["--retention", "inf"], "--retention must be a finite time"),
            (["--retention", "x"], "Invalid value for '--retention'"),
        ],
    )
    def test_refuses(self, invoke, file, monkeypatch, arguments, words):
        """A mistake is told before anything is sent, and no secret is."""
        monkeypatch.setenv("BAD", "s3crét")

        status, _out, err = invoke("recover", file, *arguments)

        if words is None:  # the line's end is not part of the value
            assert 0 == status
        else:
            assert 2 == status
            assert words in " ".join(err.split())
        assert "s3cr" not in err

    def test_progress(self, invoke, path, monkeypatch):
        """On a terminal a bar shows how far it is."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        with PaymentServer([Fault.lose_answer()] * 2) as server:
            self.leave(path, server, "order-1", "order-2")

            _status, out, err = invoke("recover", path)

        assert "2/2" in err
        assert "answered 2\n" == out


class TestDoctor:
    def names(self, told):
        return {one["name"]: one for one in told["findings"]}

    def test_healthy(self, invoke, asked, file):
        """A journal without a problem, and what is in it."""
        put(file, state="answered")

        status, out, err = invoke("doctor", file)

        assert (0, "") == (status, err)
        told = lines(out)
        assert "ok version 3" in told
        assert "ok integrity ok" in told
        assert (
            "ok operations open 0, answered 1, not_executed 0, in_doubt 0"
        ) in told
        told = asked("doctor", file)
        assert told["ok"]
        assert 0 < self.names(told)["sync"]["value"] < 60.0

    def test_while_it_is_in_use(self, asked, file):
        """The files that SQLite keeps beside it are looked at, too."""
        with SQLiteStore(file):
            put(file)

            names = self.names(asked("doctor", file))

        assert {"file", "-wal", "-shm", ".secret"} <= set(names)
        assert names["log"]["value"] > 0
        assert file.exists()

    @pytest.mark.parametrize(
        ("name", "found"), [("", "file"), (".secret", ".secret")]
    )
    def test_permissions(self, invoke, file, name, found):
        """A file that others can read is a problem, and what to do is told."""
        each = file.with_name(file.name + name)
        each.chmod(0o640)

        status, out, _err = invoke("doctor", file)

        assert 1 == status
        assert (
            f"PROBLEM {found} mode 0640: others can use it; run: chmod 600"
            f" {each}"
        ) in lines(out)

    def test_writable_by_others(self, invoke, file):
        """What the journal itself would refuse is told in its words."""
        file.chmod(0o620)

        status, out, _err = invoke("doctor", file)

        assert 1 == status
        assert "PROBLEM store" in " ".join(lines(out))
        assert "must be writable by its owner and nobody else" in out

    def test_secret(self, asked, invoke, file):
        """A secret that is cut off is a problem; one kept elsewhere is none."""
        secret = file.with_name("payments.db.secret")
        secret.write_bytes(b"short")

        status, out, _err = invoke("doctor", file)

        assert 1 == status
        assert "PROBLEM .secret must hold 32 bytes, got 5" in lines(out)
        secret.unlink()
        found = self.names(asked("doctor", file))[".secret"]
        assert (
            "none: the journal was given one, or it is lost" == (found["told"])
        )

    def test_records(self, invoke, file):
        """Doubt is a warning; the future, and what is damaged, a problem."""
        put(file, "order-1", state="in_doubt", at=time.time() - 7_200.0)
        put(file, "order-2", state="in_doubt", at=time.time() - 3_600.0)
        put(file, "order-3", at=time.time() + 3_600.0)
        with SQLiteStore(file) as store:
            store.claim(
                Record(
                    id="x",
                    key=KEY,
                    fingerprint=b"",
                    state="odd",
                    created=NOW,
                    updated=NOW,
                ),
                now=NOW,
                lease=0.0,
            )

        status, out, _err = invoke("doctor", file)

        assert 1 == status
        told = lines(out)
        assert "warning oldest in doubt 2.0 h old: settle it" in told
        assert (
            "ok operations open 1, answered 0, not_executed 0, in_doubt 2,"
            " odd 1"
        ) in told
        assert (
            "PROBLEM records 1 cannot be read: damaged, or a newer samekey's:"
            " x"
        ) in told
        [clock] = [one for one in told if "clock" in one]
        assert clock.startswith("PROBLEM clock 1 are from the future, by up")

    def test_damaged_file(self, invoke, tmp_path):
        """A file that is no database is a problem, in words."""
        path = tmp_path / "payments.db"
        path.write_text("Dear Sir or Madam, " * 100)
        path.chmod(0o600)

        status, out, _err = invoke("doctor", path)

        assert 1 == status
        assert "file is not a database" in " ".join(lines(out))

    def test_no_sync(self, file, tmp_path):
        """A directory in which nothing can be written is a problem."""
        found = _journal_disk.sync(tmp_path / "gone")

        assert "problem" == found.level
        assert found.told.endswith("got No such file or directory")

    def test_long_log(self, file):
        """A log that never shrinks is a warning."""
        log = file.with_name("payments.db-wal")
        with log.open("wb") as out:
            out.truncate(65 * 1024 * 1024)

        found = _journal_disk.log_size(file)

        assert "warning" == found.level
        assert found.told.startswith("68,157,440 bytes; a program that never")

    @pytest.mark.parametrize(
        ("kind", "level", "words"),
        [
            ("ext4", "ok", "ext4"),
            (
                "nfs4",
                "warning",
                "nfs4, over a network: locks and syncs do not",
            ),
            ("tmpfs", "warning", "tmpfs: it is in memory, and gone after a"),
            ("overlay", "warning", "overlay: in a container it is gone with"),
        ],
    )
    def test_file_system(self, tmp_path, kind, level, words):
        """The file system that the file is on is told, and what it means."""
        place = tmp_path / "a b"
        (place / "c").mkdir(parents=True)
        mounts = tmp_path / "mounts"
        mounts.write_text(
            "\n".join(
                [
                    "root / btrfs rw 0 0",
                    f"host:/x {tmp_path}/a\\040b hidden rw 0 0",
                    f"host:/x {tmp_path}/a\\040b {kind} rw 0 0",
                    f"late {tmp_path} xfs rw 0 0",
                    f"other {tmp_path}/a ext2 rw 0 0",
                ]
            )
        )

        found = _journal_disk.file_system(place / "c" / "p.db", mounts)

        assert (level, kind) == (found.level, found.value)
        assert found.told.startswith(words)

    def test_file_system_unknown(self, tmp_path):
        """Where nobody lists file systems it says so."""
        found = _journal_disk.file_system(
            tmp_path / "payments.db", tmp_path / "mounts"
        )

        assert "not known here" == found.told

    def test_file_system_unlisted(self, tmp_path):
        """A place that no listed file system holds is not known either."""
        mounts = tmp_path / "mounts"
        mounts.write_text("x /elsewhere ext4 rw 0 0\n")

        found = _journal_disk.file_system(tmp_path / "payments.db", mounts)

        assert "not known here" == found.told


def test_readme(invoke, asked, file, monkeypatch):
    """The commands that the README shows do what it says, in that order."""
    text = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    shown = [
        shlex.split(line)[2:]
        for line in text.splitlines()
        if line.startswith("samekey journal ")
    ]
    put(file, ("order", 123, "charge"), state="in_doubt")
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("API_AUTH", "Bearer s3cret")

    for command in shown:
        monkeypatch.setattr("sys.stdin", _typed("y"))
        assert 0 == invoke(*command)[0]

    assert ["list", "show", "resolve", "recover", "purge", "doctor"] == [
        command[0] for command in shown
    ]
    [one] = asked("list", file)["operations"]
    assert "not_executed" == one["state"]


def test_a_time_that_is_none():
    """A damaged time is shown as a number."""
    assert "1e+300" == shown.when(1e300)
