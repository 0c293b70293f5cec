"""A socket is shut at its deadline, and no other, and no earlier."""

import contextlib
import socket
import threading
import time

import pytest

from samekey._watchdog import Watchdog


SOON = 0.02
LONG = 2.0
"""How long a test waits at most for what it expects."""


class Quick(Watchdog):
    """A watchdog whose thread ends at once when it has nothing to watch."""

    _IDLE = 0.01


class Tls(socket.socket):
    """A socket whose own shutdown must not be used, as with TLS."""

    def shutdown(self, how):
        raise AssertionError(how)


class Wrapped:
    """What asyncio and trio give: not a socket, but like one."""

    thread = None

    def __init__(self, sock):
        self.sock = sock

    def shutdown(self, how):
        self.thread = threading.current_thread()
        self.sock.shutdown(how)


class Broken:
    """A socket that cannot be shut down."""

    def shutdown(self, how):
        raise OSError(how)


class Last(float):
    """A deadline that cancels its watch when it is looked at."""

    def __new__(cls, dog):
        result = super().__new__(cls)
        result.dog = dog
        return result

    def __radd__(self, now):
        return self

    def __sub__(self, now):
        self.dog._heap[0][2].cancel()
        return 0.0


@pytest.fixture
def pairs():
    """Make connected pairs of sockets, the second one patient."""
    with contextlib.ExitStack() as stack:

        def make():
            near, far = map(stack.enter_context, socket.socketpair())
            near.settimeout(LONG)
            far.settimeout(LONG)
            return near, far

        yield make


def closed_socket():
    with socket.socket() as sock:
        return sock


def closed(far):
    """Wait until the other end of *far* is shut."""
    return far.recv(1) == b""


def is_open(near, far):
    """Tell whether a byte still goes through."""
    near.sendall(b"x")
    return far.recv(1) == b"x"


class TestWatch:
    def test_shut(self, pairs):
        """Both who reads and who answers is told at the deadline."""
        near, far = pairs()
        started = time.monotonic()

        Watchdog().watch(near, SOON)

        assert near.recv(1) == b""
        assert time.monotonic() - started >= SOON
        assert closed(far)

    def test_descriptor_is_kept(self, pairs):
        """The socket is shut, not closed: its number is not given away."""
        near, far = pairs()
        number = near.fileno()

        Watchdog().watch(near, -1.0)

        assert closed(far)
        assert number == near.fileno()

    def test_cancelled(self, pairs):
        """A socket that is not watched any more is left alone."""
        dog = Watchdog()
        (near, far), (later, later_far) = pairs(), pairs()
        watch = dog.watch(near, SOON)
        watch.cancel()
        dog.watch(later, 2 * SOON)

        assert closed(later_far)
        assert is_open(near, far)

    def test_cancelled_twice(self, pairs):
        """Cancelling again, or after the deadline, does nothing."""
        near, far = pairs()
        watch = Watchdog().watch(near, 0.0)
        shut = closed(far)

        watch.cancel()
        watch.cancel()

        assert shut

    def test_cancelled_at_the_last_moment(self, pairs):
        """A finalizer that runs in the thread itself may cancel too."""
        dog = Watchdog()
        (near, far), (later, later_far) = pairs(), pairs()
        dog.watch(near, Last(dog))
        dog.watch(later, SOON)

        assert closed(later_far)
        assert is_open(near, far)

    def test_earlier_added_later(self, pairs):
        """A deadline that is added later and is earlier is kept first."""
        dog = Watchdog()
        (late, late_far), (early, early_far) = pairs(), pairs()
        dog.watch(late, 600.0)
        dog.watch(early, SOON)

        assert closed(early_far)
        assert is_open(late, late_far)


class TestSockets:
    def test_tls(self, pairs):
        """A TLS socket is shut below TLS, whose reader keeps its state."""
        near, far = pairs()
        with Tls(fileno=near.detach()) as tls:
            Watchdog().watch(tls, 0.0)

            assert closed(far)

    def test_wrapped(self, pairs):
        """What is like a socket is shut by its own shutdown."""
        near, far = pairs()

        Watchdog().watch(Wrapped(near), 0.0)

        assert closed(far)

    @pytest.mark.parametrize("make", [Broken, object, closed_socket])
    def test_broken(self, pairs, make):
        """A socket that cannot be shut does not keep others from it."""
        dog = Watchdog()
        near, far = pairs()
        dog.watch(make(), 0.0)
        dog.watch(near, SOON)

        assert closed(far)

    def test_long(self, pairs):
        """A deadline of centuries does not keep others from theirs."""
        dog = Watchdog()
        (long, _), (one, one_far), (two, two_far) = pairs(), pairs(), pairs()
        dog.watch(long, 1e10)
        dog.watch(one, 0.0)
        shut = closed(one_far)
        dog.watch(two, 0.0)

        assert shut
        assert closed(two_far)


class TestThread:
    def test_waits(self, pairs):
        """A thread that has nothing to watch takes the next watch."""
        dog = Watchdog()
        (one, one_far), (two, two_far) = pairs(), pairs()
        ears = Wrapped(one), Wrapped(two)
        dog.watch(ears[0], 0.0)
        shut = closed(one_far)
        dog.watch(ears[1], SOON)

        assert shut
        assert closed(two_far)
        assert ears[0].thread is ears[1].thread
        assert ears[0].thread.daemon

    def test_ends(self, pairs):
        """A thread that is idle ends, and the next watch starts another."""
        dog = Quick()
        (one, one_far), (two, two_far) = pairs(), pairs()
        ears = Wrapped(one), Wrapped(two)
        dog.watch(ears[0], 0.0)
        shut = closed(one_far)
        ears[0].thread.join(LONG)
        dog.watch(ears[1], 0.0)

        assert shut
        assert not ears[0].thread.is_alive()
        assert closed(two_far)
        assert ears[0].thread is not ears[1].thread

    def test_cannot_start(self, pairs, monkeypatch):
        """After a time without free threads, deadlines are kept again."""
        dog = Watchdog()
        near, far = pairs()

        def refuse(thread):
            msg = "can't start new thread"
            raise RuntimeError(msg)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with contextlib.suppress(RuntimeError):
                dog.watch(near, 0.0)
        dog.watch(near, 0.0)

        assert closed(far)
