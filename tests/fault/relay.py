# SPDX-License-Identifier: Apache-2.0
"""What stands between the gateway and its broker: it forwards, it can hold either direction back,
refuse readings in the broker's place, cut the connection or be shut, and it keeps a list of all that
left the gateway.

It always takes what the gateway sends, whether it forwards it or not. So mark() is a moment on the
wire: what the gateway wrote before it stands before it in 'sent', and nothing else does.

It loses no byte, changes no order and says none twice: that is no network's doing in a stream of TCP,
whose ends put right what happens to packets. There a bad network is one that stands still ('lag') or
breaks off (cut(), with what was on its way). Datagrams are lossy.py's.

While it is shut nobody gets through. A broker that was started again gets its recorder first, and
only then the gateway: what the broker acknowledged, the recorder has.
"""

import collections
import random
import re
import selectors
import socket
import threading
import time

from bed.wait import until

SEQUENCE = re.compile(rb'"n":"seq","v":(\d+)')
ENVELOPE = re.compile(rb'"gh":\{"id":"[^"]*","device":"([^"]*)".*?"n":"seq","v":(\d+)', re.DOTALL)
CONNECT = 1
PUBLISH = 3
PUBACK = 4


def told(topic, payload):
    """What a PUBLISH says: (topic, value or None); of a pack each reading, with its device's topic."""
    packed = ENVELOPE.findall(payload) if topic.endswith('/telemetry') else []
    if packed:
        head = '/'.join(topic.split('/')[:2])
        return [('%s/%s/telemetry' % (head, device.decode()), int(value)) for device, value in packed]
    found = SEQUENCE.search(payload)
    return [(topic, int(found.group(1)) if found else None)]


def number_at(data, at):
    """A number of variable length (MQTT 5 section 1.5.5), and where it ends; None when it is not all
    there."""
    size, shift = 0, 0
    while at < len(data):
        size |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return size, at
    return None, at


def client_of(body):
    """The client id in a CONNECT (MQTT 5 section 3.1): name, level, flags, keep-alive, properties."""
    at = 2 + int.from_bytes(body[:2], 'big') + 4
    if body[at - 4] == 5:
        size, at = number_at(body, at)
        at += size
    return body[at + 2:at + 2 + int.from_bytes(body[at:at + 2], 'big')].decode()


class Way:
    """What was taken from one end of a connection and not handed on: what is there, and what is still
    on its way, each with the time when it is there."""

    def __init__(self):
        self.there = bytearray()
        self.coming = collections.deque()

    def __len__(self):
        return len(self.there) + sum(len(data) for _, data in self.coming)

    def add(self, data, lag, chance):
        """Three of ten stay for up to 'lag' seconds, and with each what comes behind it."""
        when = time.monotonic()
        if lag and chance.random() < 0.3:
            when += chance.random() * lag
        if self.coming:
            when = max(when, self.coming[-1][0])
        self.coming.append((when, data))

    def arrive(self, all_of_it):
        now = time.monotonic()
        while self.coming and (all_of_it or self.coming[0][0] <= now):
            self.there += self.coming.popleft()[1]


class Pair:
    """One connection of the gateway, and ours to the broker."""

    def __init__(self, gateway, broker):
        self.gateway, self.broker = gateway, broker
        self.up = Way()
        self.down = Way()
        self.packet = bytearray()  # the packet that is not complete yet
        self.client = None         # the client id with which it came


class Relay:
    """Listens on 'port', forwards to 'target'."""

    def __init__(self, target, seed=0):
        self.target = target
        self.random = random.Random(seed)
        self.sent = []            # told() of every PUBLISH that left the gateway
        self.sessions = set()     # (client id, topic) of every reading that did
        self.hold_up = False      # what the gateway says does not reach the broker
        self.hold_down = False    # what the broker says does not reach the gateway
        self.refuse = 0           # the reason with which readings are refused; 0 = they pass
        self.refused = 0          # how many were
        self.refusals = set()     # each (topic, value) that was, and of whom one was again
        self.refused_again = set()
        self.open = True
        self.lag = 0.0            # seconds for which either of them may not be heard, now and then
        self.error = None
        self._cut = threading.Event()
        self._marks = collections.deque()  # of whoever asks: a list that gets the answer
        self._closing = False
        self._pairs = []
        self._selector = selectors.EpollSelector()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(('127.0.0.1', 0))
        self._listener.listen(64)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        self._thread.join(10)
        if self.error:
            raise self.error

    def cut(self):
        """Every connection ends here and now, with what was held back."""
        self._cut.set()
        until(lambda: not self._cut.is_set() or self.error, 10, 'the relay has cut')

    @property
    def held(self):
        """Bytes that are held back at present."""
        return sum(len(one.up) + len(one.down) for one in list(self._pairs))

    def mark(self):
        """How much of 'sent' the gateway had written by now."""
        answer = []
        self._marks.append(answer)
        until(lambda: answer or self.error, 10, 'the relay has marked')
        if self.error:
            raise self.error
        return answer[0]

    # ---- the thread ----

    def _run(self):
        try:
            while not self._closing:
                for key, _ in self._selector.select(0.005):
                    self._event(key.fileobj, key.data)
                if self._cut.is_set() or not self.open:
                    for pair in list(self._pairs):
                        self._end(pair)
                    self._cut.clear()
                while self._marks:
                    for pair in list(self._pairs):
                        self._take(pair)
                    self._marks.popleft().append(len(self.sent))
                for pair in list(self._pairs):
                    self._forward(pair)
            for pair in list(self._pairs):
                self._end(pair)
            self._listener.close()
        except Exception as error:  # the test's thread has to hear of it
            self.error = error

    def _event(self, which, pair):
        if pair is None:
            self._accept()
        elif pair not in self._pairs:
            return
        elif which is pair.gateway:
            self._take(pair)
        else:
            self._hear(pair)

    def _accept(self):
        gateway, _ = self._listener.accept()
        if not self.open:
            gateway.close()
            return
        try:
            broker = socket.create_connection(('127.0.0.1', self.target), timeout=2)
        except OSError:
            gateway.close()
            return
        pair = Pair(gateway, broker)
        for one in (gateway, broker):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, pair)
        self._pairs.append(pair)

    def _end(self, pair):
        self._pairs.remove(pair)
        for one in (pair.gateway, pair.broker):
            self._selector.unregister(one)
            one.close()

    def _read(self, pair, which):
        """All that is there; None at the end of the connection."""
        data = b''
        while True:
            try:
                chunk = which.recv(262144)
            except BlockingIOError:
                return data
            except OSError:
                chunk = b''
            if not chunk:
                return data or None
            data += chunk

    def _take(self, pair):
        data = self._read(pair, pair.gateway)
        if data is None:
            # What it said before it went is still for the broker, as it would be without us.
            self._forward(pair, all_of_it=True)
            if pair in self._pairs:
                self._end(pair)
            return
        pair.packet += data
        passed = self._parse(pair)
        if passed:
            pair.up.add(passed, self.lag, self.random)

    def _hear(self, pair):
        data = self._read(pair, pair.broker)
        if data is None:
            self._forward(pair, all_of_it=True)
            if pair in self._pairs:
                self._end(pair)
            return
        pair.down.add(data, self.lag, self.random)

    def _forward(self, pair, all_of_it=False):
        for way in (pair.up, pair.down):
            way.arrive(all_of_it)
        if self.hold_up is False and pair.up.there \
                and not self._write(pair, pair.broker, pair.up.there):
            return
        if self.hold_down is False and pair.down.there:
            self._write(pair, pair.gateway, pair.down.there)

    def _write(self, pair, which, data):
        try:
            del data[:which.send(data)]
        except BlockingIOError:
            pass
        except OSError:
            if pair in self._pairs:
                self._end(pair)
            return False
        return True

    def _parse(self, pair):
        """Takes whole packets off the front (MQTT 5 section 2.1): those that pass."""
        data, passed = pair.packet, bytearray()
        while len(data) >= 2:
            size, at = number_at(data, 1)
            if size is None or len(data) < at + size:
                return passed
            if data[0] >> 4 == CONNECT:
                pair.client = client_of(bytes(data[at:at + size]))
            if data[0] >> 4 != PUBLISH or not self._published(pair, bytes(data[at:at + size])):
                passed += data[:at + size]
            del data[:at + size]
        return passed

    def _published(self, pair, body):
        """True when it was refused (MQTT 5 section 3.4): the broker does not hear of it."""
        end = 2 + int.from_bytes(body[:2], 'big')
        topic = body[2:end].decode()
        readings = told(topic, body[end:])
        self.sent += readings
        self.sessions |= {(pair.client, where) for where, _ in readings
                          if where.endswith('/telemetry')}
        if not self.refuse or not topic.endswith('/telemetry'):
            return False
        pair.down.add(bytes((PUBACK << 4, 3)) + body[end:end + 2] + bytes((self.refuse,)),
                      self.lag, self.random)
        self.refused += 1
        self.refused_again |= {one[0] for one in readings if one in self.refusals}
        self.refusals.update(readings)
        return True
