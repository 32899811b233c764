# SPDX-License-Identifier: Apache-2.0
"""Awaiting conditions, and ports that are free.

Each time that a test names is what an idle machine needs with room to spare. What is awaited gets
PATIENCE times as much of it, and a machine that stands still is not waited for with the clock on the
wall: between two looks at most a second counts."""

import random
import socket
import threading
import time

PATIENCE = 4
STANDSTILL = 1.0

_ports = set()


class Patience:
    """What is left of the time for which something is awaited."""

    def __init__(self, seconds):
        self.left = seconds * PATIENCE
        self._seen = time.monotonic()

    def over(self):
        """To be asked at each look, behind it: what happened while nobody could look is seen first."""
        now = time.monotonic()
        self.left -= min(now - self._seen, STANDSTILL)
        self._seen = now
        return self.left <= 0


class Stopwatch:
    """How long something took of the time that this machine gave to its programs: where the watch's
    own thread, which wants nothing but to wake up, did not run either, nobody took that time. For
    'it does not wait for ...': what would be waited for has to be a good deal longer than the bound."""

    def __init__(self):
        self.seconds = 0.0
        self.stood_still = 0.0  # what there was besides
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        before = time.monotonic()
        while not self._ended.wait(0.01):
            now = time.monotonic()
            self.seconds += min(now - before, 0.02)
            self.stood_still += max(now - before - 0.02, 0)
            before = now

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def until(condition, timeout=10.0, what=None, every=0.02):
    """Calls 'condition' every 20 ms (or 'every' seconds) until it returns something true, and
    returns that; one that costs time itself (it starts a program) rests as long as it took, since
    what is awaited wants the processor too. When its time is over (see Patience) an AssertionError
    says what was awaited."""
    patience = Patience(timeout)
    while True:
        began = time.monotonic()
        answer = condition()
        if answer:
            return answer
        took = time.monotonic() - began
        if patience.over():
            raise AssertionError('after %g s still not: %s'
                                 % (timeout, what or getattr(condition, '__name__', 'condition')))
        time.sleep(max(every, min(took, 0.3)))


def stays(condition, seconds, what=None):
    """For what must *not* happen there is nothing to await: 'condition' has to hold all the time,
    and once more at its end."""
    deadline = time.monotonic() + seconds
    while True:
        last = time.monotonic() >= deadline
        if not condition():
            raise AssertionError('did not stay: %s' % (what or getattr(condition, '__name__', '')))
        if last:
            return
        time.sleep(0.02)


def _is_free(kind, address, port):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((address, port))
            return True
        except OSError:
            return False


def free_port(kind=socket.SOCK_STREAM, address='127.0.0.1', count=1):
    """One that nobody has, and that the kernel gives to nobody who asks for any port: it is still
    free when the program that is told of it begins, and while that is stopped. With 'count' it is the
    first of so many in a row."""
    while True:
        first = random.SystemRandom().randrange(11000, 32000)
        ports = range(first, first + count)
        if _ports.isdisjoint(ports) and all(_is_free(kind, address, port) for port in ports):
            _ports.update(ports)
            return first


def accepts(port, address='127.0.0.1'):
    """True when a TCP connection to the port is taken."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
