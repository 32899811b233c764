# SPDX-License-Identifier: Apache-2.0
"""Awaiting conditions, and ports that are free."""

import socket
import time


def until(condition, timeout=10.0, what=None, every=0.02):
    """Calls 'condition' every 20 ms (or 'every' seconds) until it returns something true, and
    returns that; one that costs time itself (it starts a program) rests as long as it took, since
    what is awaited wants the processor too. After 'timeout' seconds an AssertionError says what was
    awaited."""
    deadline = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        answer = condition()
        if answer:
            return answer
        ended = time.monotonic()
        if ended >= deadline:
            raise AssertionError('after %g s still not: %s'
                                 % (timeout, what or getattr(condition, '__name__', 'condition')))
        time.sleep(max(every, min(ended - began, 0.3)))


def stays(condition, seconds, what=None):
    """For what must *not* happen there is nothing to await: 'condition' has to hold all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            raise AssertionError('did not stay: %s' % (what or getattr(condition, '__name__', '')))
        time.sleep(0.02)


def free_port(kind=socket.SOCK_STREAM, address='127.0.0.1'):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def accepts(port, address='127.0.0.1'):
    """True when a TCP connection to the port is taken."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
