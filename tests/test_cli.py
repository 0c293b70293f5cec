"""`samekey demo` prints what the ledger holds, for people or for programs."""

import importlib.util
import json
import os
import signal
import sys
import threading

import attrs
import pytest

from rich.console import Console

from samekey import cli
from samekey._demo.modes import WAYS
from samekey._demo.run import Result
from samekey._demo.tally import Row, Told
from samekey.testing import Fault


SAMEKEY = WAYS[-1]
ROW = Row(
    "samekey",
    charged_once=40,
    charged_more_than_once=0,
    not_executed=0,
    in_doubt=0,
    lost=0,
    overcharged_minor_units=0,
    requests=42,
    seconds=1.5,
)
TWO = "230.81"  # The amounts of the two charges of seed 814 that fail.


@pytest.fixture(autouse=True)
def _screen(monkeypatch):
    """Print for a pipe of 80 columns, wherever the tests run."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def invoke(capsys):
    """Run the command line; return exit status, stdout and stderr."""

    def invoke(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        return caught.value.code, *capsys.readouterr()

    return invoke


def ways(told):
    """Make a mode that sends nothing, and tells *told* whatever it is."""

    async def pay(client, order):
        return told

    return (attrs.evolve(SAMEKEY, pay=pay),)


class TestDemo:
    def test_for_people(self, invoke):
        """Table, sentences, faults, and how to see the same again."""
        status, out, err = invoke("demo", "--seed", "814", "--charges", "40")

        assert 0 == status
        assert "" == err
        lines = [line.rstrip() for line in out.splitlines()]
        assert (
            "40 charges, 3 ways, 32 in flight, 5% of requests fail, seed 814"
        ) == lines[0]
        assert max(len(line) for line in lines) <= 80
        cells = [line.split()[:-1] for line in lines[6:9]]
        assert [
            ["no", "retries", "38", "0", "0", "0", "2", "0.00", "40"],
            f"plain retries 38 2 0 0 0 {TWO} 42".split(),
            ["samekey", "40", "0", "0", "0", "0", "0.00", "42"],
        ] == cells
        assert (
            f"Plain retries charged 2 people twice or more ({TWO} too" in out
        )
        assert "samekey charged nobody twice." in lines
        assert "Of 124 requests 6 failed, 6 of them after execution" in out
        assert (
            "The same again: samekey demo --seed 814 --charges 40" == lines[-1]
        )

    def test_for_programs(self, invoke):
        """With --json stdout is one object, and nothing else."""
        status, out, err = invoke(
            "demo", "--seed", "0", "--charges", "5", "--json"
        )

        assert 0 == status
        assert "" == err
        told = json.loads(out)
        assert ["seed", "charges", "rows"] == list(told)
        assert [0, 5] == [told["seed"], told["charges"]]
        expected = attrs.evolve(ROW, charged_once=5, requests=5)
        assert [
            attrs.asdict(attrs.evolve(expected, mode=way.mode)) for way in WAYS
        ] == [{**row, "seconds": ROW.seconds} for row in told["rows"]]

    def test_draws_a_seed(self, invoke):
        """Without --seed one is drawn, and told."""
        arguments = ("demo", "--charges", "1", "--json")

        seeds = {json.loads(invoke(*arguments)[1])["seed"] for _ in range(2)}

        assert 2 == len(seeds)

    @pytest.mark.parametrize(
        ("option", "value"), [("--seed", "-1"), ("--charges", "0")]
    )
    def test_refuses(self, invoke, option, value):
        """A number out of range is refused before anything is charged."""
        status, out, err = invoke("demo", option, value)

        assert 2 == status
        assert "" == out
        assert f"Invalid value for '{option}'" in err

    def test_progress(self, invoke, monkeypatch):
        """On a terminal a bar for each mode shows how far it is."""
        monkeypatch.setenv("FORCE_COLOR", "1")

        status, out, err = invoke("demo", "--seed", "0", "--charges", "5")

        assert 0 == status
        assert err.count("5/5") >= 3
        assert "5/5" not in out

    def test_broken_promise(self):
        """If the last way loses a charge, the exit status is 1."""
        console = Console(record=True)

        status = cli.run_demo(
            1, 3, console=console, errors=console, ways=ways(Told.NOTHING)
        )

        assert 1 == status
        text = console.export_text()
        assert "samekey charged nobody twice and lost track of 3 " in text
        assert "samekey broke its promise." in text

    def test_kept_promise(self, capsys):
        """A charge that failed, and is known to, breaks no promise."""
        console = Console(quiet=True)

        status = cli.run_demo(
            1,
            3,
            console=console,
            errors=console,
            as_json=True,
            ways=ways(Told.NOT_CHARGED),
        )

        assert 0 == status
        out, err = capsys.readouterr()
        assert "" == err
        assert out.startswith(
            '{"seed": 1, "charges": 3, "rows": [{"mode": "samekey",'
            ' "charged_once": 0, "charged_more_than_once": 0,'
            ' "not_executed": 3, "in_doubt": 0, "lost": 0,'
            ' "overcharged_minor_units": 0, "requests": 0, "seconds": '
        )
        assert out.endswith("}]}\n")

    def test_ctrl_c(self, invoke, tmp_path, monkeypatch):
        """Ctrl-C stops it at once, and the ledger is tidied away."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        over = threading.Event()

        def press():
            while not any(tmp_path.iterdir()) and not over.wait(0.01):
                pass
            if not over.is_set():
                os.kill(os.getpid(), signal.SIGINT)

        # A shell that started us in the background has SIGINT ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        thread = threading.Thread(target=press)
        thread.start()
        try:
            status, out, err = invoke("demo", "--charges", "5000", "--json")
        finally:
            over.set()
            thread.join()
            signal.signal(signal.SIGINT, before)

        assert 130 == status
        assert "" == out
        assert "Stopped.\n" == err
        assert [] == list(tmp_path.iterdir())


class TestWords:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({}, "samekey charged nobody twice."),
            (
                {"in_doubt": 1},
                (
                    "samekey charged nobody twice and left 1 person in doubt, and"
                    " said so."
                ),
            ),
            (
                {"lost": 2},
                "samekey charged nobody twice and lost track of 2 people.",
            ),
            (
                {"mode": "no_retries", "lost": 37, "not_executed": 1_000},
                (
                    "Without retries we charged nobody twice, charged 37 people"
                    " but told them it had failed and could not charge 1,000"
                    " people."
                ),
            ),
            (
                {
                    "mode": "plain_retries",
                    "charged_more_than_once": 23,
                    "overcharged_minor_units": 123_456,
                },
                (
                    "Plain retries charged 23 people twice or more (1,234.56 too"
                    " much)."
                ),
            ),
        ],
    )
    def test_row(self, change, told):
        """A row is told in plain words."""
        assert told == cli.row_told(attrs.evolve(ROW, **change))

    def test_faults(self):
        """How many of which kind, and how many after execution."""
        faults = (Fault.cut(), Fault.stall(), Fault.cut(reset=True))

        told = cli.faults_told([Result(ROW, faults=faults)] * 2)

        assert (
            "Of 84 requests 6 failed, 4 of them after execution (cut 4, stall"
            " 2). First attempts met the same faults in each mode."
        ) == told

    def test_no_faults(self):
        """So few requests may meet no fault at all."""
        told = cli.faults_told([Result(ROW, faults=())])

        assert (
            "Of 42 requests 0 failed, 0 of them after execution (no fault)."
            " First attempts met the same faults in each mode."
        ) == told


@pytest.mark.parametrize("missing", ["click", "rich", "rich.console"])
def test_without_the_extra(missing, monkeypatch, capsys):
    """Without click or rich the command says what to install."""
    for name in [*sys.modules]:
        if name == missing or name.startswith(f"{missing}."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    spec = importlib.util.spec_from_file_location("bare_cli", cli.__file__)
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)

    with pytest.raises(SystemExit) as caught:
        bare.main()

    assert 2 == caught.value.code
    assert "samekey needs: pip install 'samekey[cli]'\n" == (
        capsys.readouterr().err
    )
