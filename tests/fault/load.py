# SPDX-License-Identifier: Apache-2.0
"""Plain sensors that remember what they were promised.

One thread, one UDP socket for each sensor, one reading under way in each (NSTART of RFC 7252 is 1):
a sensor sends value 1 until it is acknowledged, then value 2, and so on. So the order in which the
gateway accepted the values of one sensor is the order of the values, whatever was lost, sent again
or killed in between.

A value answered 2.04 is a promise and stands in 'acknowledged'. Everything else is no promise: no
answer (the same datagram again, for a while; then the same value as a new request, as a device does
that gave up), 4.03 (the sensor goes on asking, as a revoked one would), 5.03, 4.29.

A value that was one request all the time is one reading, however often its datagram came; that holds as
long as the gateway can know it again: it remembers the last REMEMBERED requests of a device, and what
was before its start not for certain (said_once()).
"""

import bisect
import collections
import os
import selectors
import socket
import struct
import threading
import time
from array import array

from bed import coap, until

AGAIN = 0.25        # seconds before the first retransmission; doubled up to AGAIN_MAX
AGAIN_MAX = 1.0
TRIES = 9           # then it is a new request
PUT_OFF = 0.1       # seconds after 4.03, 4.29, 5.03
PAD = 200           # bytes that one unit of padding adds to a reading
UNREACHABLE = 0.03  # seconds after nobody listened at the port
REMEMBERED = 16     # daemon/lan/retransmission.h

EXPECTED = (coap.FORBIDDEN, coap.TOO_MANY, coap.UNAVAILABLE)


class Sensor:
    """One device: 'ep' its name, 'id' what the registry calls it once it was let in, 'code' what its
    label says, 'password' that of the MQTT session of its own."""

    def __init__(self, ep, host):
        self.ep, self.host = ep, host
        self.code = self.password = None
        self.id = None
        self.acknowledged = []    # (value, monotonic time), in order
        self.answers = {}         # code -> how many
        self.unexpected = []      # answers that no sensor here should ever get
        self.value = 1
        self.socket = None
        self.request = None       # (message id, token, datagram) under way
        # Of each request: its value, when it was made, when it was sent for the last time.
        self.asked, self.made, self.sent = array('Q'), array('d'), array('d')
        self.separate = False     # an empty ACK came: the answer comes by itself
        self.tries = 0
        self.due = 0.0
        self.idle = False

    def open(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((self.host, 0))
        self.socket.connect(('127.0.0.1', port))

    def compose(self, padding, echo=None):
        mid = int.from_bytes(os.urandom(2), 'big')
        token = os.urandom(4)
        body = '[{"n":"seq","v":%d},{"n":"who","vs":"%s"}' % (self.value, self.ep)
        for at in range(padding):
            body += ',{"n":"pad%d","vs":"%s"}' % (at, 'x' * PAD)
        options = [(coap.URI_PATH, b't'), (coap.CONTENT_FORMAT, b'\x6e'),
                   (coap.URI_QUERY, b'ep=' + self.ep.encode())]
        if echo is not None:
            options.append((coap.ECHO, echo))
        message = coap.Message(coap.CON, coap.POST, mid, token, options, (body + ']').encode())
        self.request = (mid, token, message.encode())
        now = time.monotonic()
        self.asked.append(self.value)
        self.made.append(now)
        self.sent.append(now)
        self.separate = False
        self.tries = 0
        self.due = 0.0

    def send(self):
        self.socket.send(self.request[2])
        self.sent[-1] = time.monotonic()

    def said_once(self, starts, late):
        """The values of which no more than one reading may have come. 'starts': when the gateway was
        started; 'late': for how many seconds a datagram may be under way."""
        often, found = collections.Counter(self.asked), set()
        for at, value in enumerate(self.asked):
            end = self.sent[at] + late
            restarted = bisect.bisect(starts, self.made[at]) < bisect.bisect(starts, end)
            behind = at + REMEMBERED
            forgotten = behind < len(self.made) and self.made[behind] <= end
            if often[value] == 1 and not restarted and not forgotten:
                found.add(value)
        return found


class Load:
    """The sensors' thread. finish() lets each come to the end of its value; go() goes on."""

    def __init__(self, port, sensors, padding=0, gap=0.0):
        self.port, self.sensors = port, sensors
        self.padding = padding    # records added to each reading, of PAD bytes
        self.gap = gap            # seconds between an answer and the next reading
        self.running = True
        self.heard = bytearray()  # every datagram that the gateway sent to a sensor
        self._closing = False
        self._selector = selectors.EpollSelector()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error = None

    def start(self):
        for sensor in self.sensors:
            sensor.open(self.port)
            self._selector.register(sensor.socket, selectors.EVENT_READ, sensor)
        self._thread.start()
        return self

    def close(self):
        self._closing = True
        if self._thread.ident:
            self._thread.join(10)
        for sensor in self.sensors:
            if sensor.socket:
                sensor.socket.close()
        if self.error:
            raise self.error

    # ---- what tests ask ----

    @property
    def total(self):
        return sum(len(one.acknowledged) for one in self.sensors)

    def await_more(self, count, timeout=20.0, sensors=None):
        """Awaits that so many further readings are acknowledged (of these sensors)."""
        chosen = self.sensors if sensors is None else sensors

        def now():
            return sum(len(one.acknowledged) for one in chosen)
        goal = now() + count
        try:
            until(lambda: now() >= goal or self.error, timeout, every=0.002)
        except AssertionError:
            raise AssertionError(
                'after %g s still not %d more readings acknowledged, but: %s' % (
                    timeout, count, {one.ep: (one.answers, one.unexpected[:2]) for one in chosen}
                )) from None
        if self.error:
            raise self.error

    def go(self):
        self.running = True

    def finish(self, timeout=30.0):
        """No new values; returns when each sensor's last one is answered, one way or the other."""
        self.running = False
        until(lambda: all(one.idle for one in self.sensors) or self.error, timeout,
              'every sensor has an answer to its last reading')
        if self.error:
            raise self.error

    # ---- the thread ----

    def _run(self):
        try:
            while not self._closing:
                for key, _ in self._selector.select(0.005):
                    self._receive(key.data)
                now = time.monotonic()
                for sensor in self.sensors:
                    self._advance(sensor, now)
        except Exception as error:  # the test's thread has to hear of it
            self.error = error

    def _advance(self, sensor, now):
        if now < sensor.due:
            return
        if sensor.request is None:
            sensor.idle = not self.running
            if sensor.idle:
                return
            sensor.compose(self.padding)
        if sensor.tries >= TRIES:
            sensor.compose(self.padding)
        sensor.due = now + min(AGAIN * 2 ** sensor.tries, AGAIN_MAX)
        sensor.tries += 1
        if sensor.separate:
            return
        try:
            sensor.send()
        except OSError:
            sensor.due = now + UNREACHABLE
            sensor.tries -= 1

    def _receive(self, sensor):
        while True:
            try:
                data = sensor.socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:  # nobody listens
                sensor.due = time.monotonic() + UNREACHABLE
                return
            self.heard += data
            self._take(sensor, coap.Message.decode(data))

    def _take(self, sensor, message):
        if message.type == coap.CON and message.code >= 64:
            sensor.socket.send(struct.pack('!BBH', 1 << 6 | coap.ACK << 4, 0, message.mid))
        if sensor.request is None:
            return
        mid, token, _ = sensor.request
        if message.code == coap.EMPTY:
            if message.type == coap.ACK and message.mid == mid:
                sensor.separate = True
            elif message.type == coap.RST and message.mid == mid:
                sensor.unexpected.append('RST')
            return
        if message.token != token:
            return  # the late answer to a request that was given up
        self._answered(sensor, message)

    def _answered(self, sensor, message):
        now = time.monotonic()
        sensor.answers[message.code] = sensor.answers.get(message.code, 0) + 1
        if message.code == coap.CHANGED:
            sensor.acknowledged.append((sensor.value, now))
            sensor.value += 1
            sensor.request = None
            sensor.due = now + self.gap
            self._advance(sensor, now)
            return
        echo = message.option(coap.ECHO)
        if message.code == coap.UNAUTHORIZED and echo is not None:
            sensor.compose(self.padding, echo)
            self._advance(sensor, now)
            return
        if message.code not in EXPECTED:
            sensor.unexpected.append('%s %r' % (coap.code_text(message.code), message.payload))
        sensor.request = None
        sensor.due = now + PUT_OFF
