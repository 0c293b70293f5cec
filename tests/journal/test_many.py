"""Many workers, one file: no operation has two keys."""

import json
import subprocess
import sys
import threading

from pathlib import Path

import httpx

from journal.support import Clock, client_of, pay

import samekey

from samekey.journal import Journal


SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from many_processes import run
if __name__ == "__main__":
    print(json.dumps(run(4, 800)))
"""


def test_processes(tmp_path):
    """Of 80 operations that four processes claim, none has two keys."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, Path(__file__).parent],
        capture_output=True,
        text=True,
        check=True,
    )
    figures, errors = json.loads(done.stdout)

    assert (80, 800, []) == (figures["operations"], figures["claims"], errors)
    assert 0 == figures["two keys"] == figures["another key"]
    assert 0 == figures["missing"]


def test_threads(tmp_path):
    """Of ten threads that pay the same, nine wait or are told, none pays."""
    journal = Journal(tmp_path / "payments.db", busy="wait")
    executed = set()
    sends = []

    def once(request):
        sends.append(request)
        executed.add(request.headers["idempotency-key"])
        return httpx.Response(201, json={})

    client = client_of(journal, once, clock=Clock())
    barrier = threading.Barrier(10)
    told = []

    def work():
        barrier.wait()
        told.append(samekey.report(pay(client)).replayed)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (1, 1) == (len(executed), len(sends))
    assert 9 == told.count("journal")
