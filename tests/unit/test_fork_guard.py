"""A forked child does not use its parent's connections."""

import os
import subprocess
import sys

import pytest

from samekey._fork_guard import ForkGuard, doubt_guards


FORK = """
import os

from samekey._fork_guard import ForkGuard

guard = ForkGuard()
guard.check()
pid = os.fork()
if pid:
    guard.check()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
try:
    guard.check()
except RuntimeError as exc:
    os._exit(7)
"""


class TestForkGuard:
    def test_same_process(self):
        """The process that used a client first may go on using it."""
        guard = ForkGuard()

        guard.check()
        guard.check()

        assert os.getpid() == guard.pid

    def test_other_process(self):
        """A process that did not is told to make a client of its own."""
        guard = ForkGuard()
        guard.pid = parent = os.getppid()
        rule = (
            rf"^this client belongs to process {parent}, which used it first,"
            rf" and this is process {os.getpid()}: a forked child must make"
            r" its own$"
        )

        with pytest.raises(RuntimeError, match=rule):
            guard.check()

    def test_asked_again_after_a_fork(self):
        """What was checked before a fork is checked anew after it."""
        guard = ForkGuard()
        guard.check()
        guard.pid = os.getppid()

        doubt_guards()

        assert not guard.passed
        with pytest.raises(RuntimeError, match=r"^this client belongs to "):
            guard.check()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_forked(self):
        """A forked child is refused, and its parent is not."""
        done = subprocess.run([sys.executable, "-c", FORK], check=False)

        assert 7 == done.returncode
