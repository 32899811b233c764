# SPDX-License-Identifier: Apache-2.0
"""A bad network between the sensors and the gateway: a forwarder of datagrams that loses some, brings
some twice, delays others by up to 'delay' seconds, and so changes their order. Each sensor's datagrams
leave by a socket of the sensor's own address, so the gateway knows it as ever.

The second of two may come when the reading has long been answered, when the next one is under way,
when the gateway has died in between. Towards the broker nothing comes twice: that way is a stream of
TCP, and relay.py says why that has none of this.
"""

import heapq
import random
import selectors
import socket
import threading
import time


class Lossy:
    """Listens on 'port', forwards to 'target' and back. 'loss' is the part that is lost on either side;
    the part 'twice' of the rest comes again; the part 'slow' is delayed by up to 'delay', all else by
    up to a fiftieth of it."""

    def __init__(self, target, seed, loss=0.3, delay=2.0, slow=0.1, twice=0.2):
        self.target, self.loss, self.delay, self.slow = target, loss, delay, slow
        self.twice = twice
        self.random = random.Random(seed)
        self.passed = self.lost = self.doubled = 0
        self.error = None
        self._closing = False
        self._queue, self._number = [], 0
        self._ways = {}  # sensor's address -> its socket towards the gateway
        self._selector = selectors.EpollSelector()
        self._listener = self._socket(('127.0.0.1', 0), None)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        self._thread.join(10)
        if self.error:
            raise self.error

    def _socket(self, address, sensor):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind(address)
        one.setblocking(False)
        self._selector.register(one, selectors.EVENT_READ, sensor)
        return one

    def _run(self):
        try:
            while not self._closing:
                wait = self._queue[0][0] - time.monotonic() if self._queue else 0.05
                for key, _ in self._selector.select(max(0, min(wait, 0.05))):
                    self._take(key.fileobj, key.data)
                while self._queue and self._queue[0][0] <= time.monotonic():
                    _, _, way, data, to = heapq.heappop(self._queue)
                    self._send(way, data, to)
            for one in [self._listener, *self._ways.values()]:
                one.close()
        except Exception as error:  # the test's thread has to hear of it
            self.error = error

    def _take(self, which, sensor):
        """What has come at one of the sockets, until there is no more."""
        while True:
            try:
                data, origin = which.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if sensor:
                self._pass(self._listener, data, sensor)
                continue
            if origin not in self._ways:
                self._ways[origin] = self._socket((origin[0], 0), origin)
            self._pass(self._ways[origin], data, ('127.0.0.1', self.target))

    def _pass(self, way, data, to):
        if self.random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        self._later(way, data, to)
        if self.random.random() < self.twice:
            self.doubled += 1
            self._later(way, data, to)

    def _later(self, way, data, to):
        most = self.delay if self.random.random() < self.slow else self.delay / 50
        self._number += 1
        heapq.heappush(self._queue, (time.monotonic() + self.random.random() * most, self._number,
                                     way, data, to))

    @staticmethod
    def _send(way, data, to):
        try:
            way.sendto(data, to)
        except OSError:
            pass  # nobody listens at present: lost as well
