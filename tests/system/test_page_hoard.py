# SPDX-License-Identifier: Apache-2.0
"""Somebody takes all the page's connections, or trickles bytes into them: a person still gets in."""

import socket
import threading

import pytest

from bed import until
from bed.people import ADMIN, PASSWORDS, set_up
from bed.wait import Stopwatch

HOARDERS = ['127.0.0.%d' % host for host in range(11, 19)]
EACH = 10
SOCKETS = 1000


class Hoard:
    """Eight addresses that hold as many connections as they get, and open new ones for those that
    they lose. Each says one byte now and then, so none of them is silent."""

    def __init__(self, port):
        self.port = port
        self.opened = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._hold, args=(host,), daemon=True) for host in HOARDERS]
        for one in self._threads:
            one.start()

    def _open(self, host):
        one = socket.create_connection(('127.0.0.1', self.port), timeout=5, source_address=(host, 0))
        one.setblocking(False)
        self.opened += 1
        return one

    def _hold(self, host):
        held = []
        while not self._over.is_set():
            held = [one for one in held if self._alive(one)]
            while len(held) < EACH and not self._over.is_set():
                try:
                    held.append(self._open(host))
                except OSError:
                    break
            self._over.wait(0.02)
        for one in held:
            one.close()

    @staticmethod
    def _alive(one):
        try:
            one.send(b'\x16')
            alive = one.recv(64) != b''
        except BlockingIOError:
            alive = True
        except OSError:
            alive = False
        if not alive:
            one.close()
        return alive

    def end(self):
        self._over.set()
        for one in self._threads:
            one.join()


def reached(gateway, name):
    return next(one['reached'] for one in gateway.ctl('status', '--limits')['limits'] if one['name'] == name)


def answered(page):
    """Whoever is turned away in the crowd comes again, as a browser does."""
    try:
        return page.get('/login').status == 200
    except OSError:
        return False


def logged_in(gateway):
    try:
        return gateway.page().login(ADMIN, PASSWORDS[ADMIN]).status == 200
    except OSError:
        return False


@pytest.mark.deadline(180)
def test_a_person_gets_in_past_a_hoard(make_gateway):
    gateway = make_gateway().start()
    inside = set_up(gateway)
    hoard = Hoard(gateway.page_port)
    try:
        until(lambda: hoard.opened >= 64 and reached(gateway, 'http-per-address') > 0, 60, 'the page is full')
        until(lambda: logged_in(gateway), 15, 'somebody new is in')
        slowest = 0
        for _ in range(5):  # and goes on, and who was there before as well
            for page in (inside, gateway.page()):
                with Stopwatch() as took:
                    until(lambda page=page: answered(page), 10, 'an answer')
                slowest = max(slowest, took.seconds)
        until(lambda: hoard.opened >= SOCKETS, 90, 'a thousand sockets were tried')
        until(lambda: logged_in(gateway), 15, 'somebody new is in')
    finally:
        hoard.end()
    assert slowest < 10, 'each answer came while somebody waits'
    assert reached(gateway, 'http-connections') > 0, 'the page was full'
    assert inside.get('/waiting').status == 200
