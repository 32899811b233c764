# SPDX-License-Identifier: Apache-2.0
"""CoAP byte by byte (RFC 7252): to send what no library would send, and to count what comes back.

    device = Client('127.0.0.1', 5683)
    answer = device.exchange(POST, 'enrol', query={'ep': 'a'})      # answers Echo challenges
    assert answer.code == CREATED and len(device.received) == 2
"""

import os
import socket
import struct
import time

from .wait import Patience

CON, NON, ACK, RST = range(4)

EMPTY, GET, POST, PUT, DELETE = range(5)


def code(text):
    """'4.04' as the byte on the wire."""
    number, _, detail = text.partition('.')
    return int(number) << 5 | int(detail)


def code_text(number):
    return '%d.%02d' % (number >> 5, number & 31)


CREATED, DELETED, VALID, CHANGED, CONTENT = (code('2.0%d' % n) for n in range(1, 6))
CONTINUE = code('2.31')
BAD_REQUEST, UNAUTHORIZED = code('4.00'), code('4.01')
FORBIDDEN, NOT_FOUND = code('4.03'), code('4.04')
INCOMPLETE, CONFLICT = code('4.08'), code('4.09')
TOO_LARGE, UNSUPPORTED_FORMAT = code('4.13'), code('4.15')
UNPROCESSABLE, TOO_MANY, UNAVAILABLE = code('4.22'), code('4.29'), code('5.03')

# Options by number (RFC 7252 section 5.10, 7641, 7959, 7967, 9175).
IF_MATCH, URI_HOST, ETAG, OBSERVE, URI_PORT = 1, 3, 4, 6, 7
LOCATION_PATH, URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY = 8, 11, 12, 14, 15
ACCEPT, BLOCK2, BLOCK1, SIZE2, SIZE1 = 17, 23, 27, 28, 60
ECHO, NO_RESPONSE = 252, 258

TEXT, LINK_FORMAT, OCTETS, JSON, CBOR, SENML_JSON, SENML_CBOR = 0, 40, 42, 50, 60, 110, 112


def uint(value):
    """The shortest bytes of a number; none for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8, 'big')


def block(number, more, size):
    """A Block1 or Block2 value; 'size' is 16 to 1024."""
    return uint(number << 4 | (8 if more else 0) | size.bit_length() - 5)


def block_parts(value):
    """(number, more, size) of a Block option's bytes."""
    number = int.from_bytes(value, 'big')
    return number >> 4, bool(number & 8), 16 << (number & 7)


def _extended(value):
    if value < 13:
        return value, b''
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack('!H', value - 269)


class Malformed(ValueError):
    """These bytes are no CoAP message."""


class Message:
    """One message. 'options' is a list of (number, bytes) in the order of the wire; encode() sorts
    it unless 'sort' is off, which makes a malformed message."""

    def __init__(self, type=CON, code=EMPTY, mid=0, token=b'', options=(), payload=b''):
        self.type, self.code, self.mid, self.token = type, code, mid, token
        self.options, self.payload = list(options), payload

    def option(self, number):
        """The bytes of the first such option, or None."""
        return next((value for key, value in self.options if key == number), None)

    def number(self, number):
        """The same as an unsigned number, or None."""
        value = self.option(number)
        return None if value is None else int.from_bytes(value, 'big')

    def all(self, number):
        return [value for key, value in self.options if key == number]

    @property
    def location(self):
        return '/'.join(part.decode() for part in self.all(LOCATION_PATH))

    @property
    def max_age(self):
        return self.number(MAX_AGE)

    @property
    def content_format(self):
        return self.number(CONTENT_FORMAT)

    def encode(self, sort=True):
        head = bytes([1 << 6 | self.type << 4 | len(self.token), self.code])
        out = head + struct.pack('!H', self.mid) + self.token
        before = 0
        for number, value in sorted(self.options, key=lambda one: one[0]) if sort else self.options:
            delta, more_delta = _extended(number - before)
            length, more_length = _extended(len(value))
            out += bytes([delta << 4 | length]) + more_delta + more_length + value
            before = number
        return out + (b'\xff' + self.payload if self.payload else b'')

    @classmethod
    def decode(cls, data):
        if len(data) < 4 or data[0] >> 6 != 1:
            raise Malformed('header')
        length = data[0] & 15
        if length > 8 or len(data) < 4 + length:
            raise Malformed('token')
        message = cls(data[0] >> 4 & 3, data[1], struct.unpack('!H', data[2:4])[0],
                      data[4:4 + length])
        at, number = 4 + length, 0
        while at < len(data):
            if data[at] == 0xff:
                message.payload = data[at + 1:]
                if not message.payload:
                    raise Malformed('payload marker without payload')
                break
            delta, length = data[at] >> 4, data[at] & 15
            at += 1
            values = []
            for nibble in (delta, length):
                if nibble == 15:
                    raise Malformed('reserved option nibble')
                if nibble == 13:
                    values.append(data[at] + 13 if at < len(data) else -1)
                    at += 1
                elif nibble == 14:
                    values.append(int.from_bytes(data[at:at + 2], 'big') + 269)
                    at += 2
                else:
                    values.append(nibble)
            if at + values[1] > len(data):
                raise Malformed('option runs past the end')
            number += values[0]
            message.options.append((number, data[at:at + values[1]]))
            at += values[1]
        return message

    def __repr__(self):
        return '<%s %s mid=%d token=%s %r %r>' % (
            ('CON', 'NON', 'ACK', 'RST')[self.type], code_text(self.code), self.mid,
            self.token.hex(), self.options, self.payload[:200])


class Silence(AssertionError):
    """No answer came in time."""


class Client:
    """A UDP socket with a memory: 'sent' and 'received' hold (monotonic time, bytes) of every
    datagram."""

    def __init__(self, host, port, local_port=0, local_host=None):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.peer = (host, port)
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((local_host or ('::' if family == socket.AF_INET6 else '0.0.0.0'),
                          local_port))
        self.sent, self.received = [], []
        self.next_mid = int.from_bytes(os.urandom(2), 'big')

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def mid(self):
        self.next_mid = self.next_mid + 1 & 0xffff
        return self.next_mid

    def send(self, message):
        """A Message, or any bytes at all."""
        data = message if isinstance(message, (bytes, bytearray)) else message.encode()
        self.socket.sendto(data, self.peer)
        self.sent.append((time.monotonic(), bytes(data)))

    def _next(self, seconds):
        """The next datagram as a Message, None when none comes by then."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data, _ = self.socket.recvfrom(65536)
        except (socket.timeout, BlockingIOError):
            return None
        self.received.append((time.monotonic(), data))
        return Message.decode(data)

    def receive(self, timeout=5.0):
        """The next datagram as a Message; Silence when none comes."""
        patience = Patience(timeout)
        while True:
            message = self._next(min(timeout, 0.5))
            if message is not None:
                return message
            if patience.over():
                raise Silence('no datagram within %g s' % timeout)

    def silent(self, seconds):
        """True when nothing arrives for so long: there is no condition to await for that."""
        return self._next(seconds) is None

    def message(self, code, path='', query=None, payload=b'', content_format=None, options=(),
                type=CON, token=None):
        """A request with a message id and a token of its own. 'query' is a dict or a list."""
        if isinstance(payload, str):
            payload = payload.encode()
        parts = [(URI_PATH, part.encode()) for part in path.split('/') if part]
        items = query.items() if isinstance(query, dict) else None
        words = ['%s=%s' % item for item in items] if items is not None else query or []
        parts += [(URI_QUERY, word.encode()) for word in words]
        if content_format is not None:
            parts.append((CONTENT_FORMAT, uint(content_format)))
        return Message(type, code, self.mid(), os.urandom(4) if token is None else token,
                       parts + list(options), payload)

    def await_answer(self, request, timeout=10.0, retransmit=True):
        """The answer to a request that was sent: piggybacked, separate (acknowledged here) or RST.
        A CON is sent again as RFC 7252 section 4.2 says, with the same message id."""
        patience, interval = Patience(timeout), 2.0
        again = time.monotonic() + interval if retransmit and request.type == CON else None
        while True:
            # What came while this test could not look is looked at before anything is said again.
            wait = 0.5 if again is None else min(0.5, again - time.monotonic())
            answer = self._next(wait)
            if answer is None:
                if patience.over():
                    raise Silence('no answer to %r within %g s' % (request, timeout))
                if again is not None and time.monotonic() >= again:
                    self.send(request)
                    interval *= 2
                    again = time.monotonic() + interval
            elif answer.type == ACK and answer.mid == request.mid and answer.code == EMPTY:
                again = None
            elif answer.type == RST and answer.mid == request.mid:
                return answer
            elif answer.token == request.token and answer.code >= 64:
                if answer.type == CON:
                    self.send(Message(ACK, EMPTY, answer.mid))
                return answer

    def answers(self, requests, timeout=10.0):
        """The answers to several requests that were sent, in the order of the requests. Who is not
        answered when nothing more comes is sent again."""
        found, patience = {}, Patience(timeout)
        while len(found) < len(requests):
            answer = self._next(2)
            if answer is None:
                if patience.over():
                    raise Silence('%d of %d requests were answered' % (len(found), len(requests)))
                for one in requests:
                    if one.token not in found:
                        self.send(one)
                continue
            if answer.type == CON:
                self.send(Message(ACK, EMPTY, answer.mid))
            if answer.code >= 64:
                found.setdefault(answer.token, answer)
        return [found[one.token] for one in requests]

    def settled(self, timeout=10.0):
        """A ping is answered: what was sent before it has been dealt with, and what had been said to
        us has been read. Returns that."""
        ping = Message(CON, EMPTY, self.mid())
        self.send(ping)
        passed, patience = [], Patience(timeout)
        while True:
            answer = self._next(2)
            if answer is None:
                if patience.over():
                    raise Silence('no answer to a ping')
                self.send(ping)
            elif (answer.type, answer.mid) == (RST, ping.mid):
                return passed
            else:
                passed.append(answer)

    def request(self, code, path='', timeout=10.0, **parts):
        """One request, one answer; an Echo challenge is returned like any other answer."""
        request = self.message(code, path, **parts)
        self.send(request)
        return self.await_answer(request, timeout)

    def exchange(self, code, path='', timeout=10.0, options=(), **parts):
        """The same, but a 4.01 with an Echo option is answered by the request with that option."""
        answer = self.request(code, path, timeout, options=options, **parts)
        challenge = answer.option(ECHO)
        if answer.code == UNAUTHORIZED and challenge is not None:
            answer = self.request(code, path, timeout, options=[*options, (ECHO, challenge)],
                                  **parts)
        return answer

    def upload(self, path, payload, size=64, **parts):
        """A POST in blocks (Block1); the last answer."""
        if isinstance(payload, str):
            payload = payload.encode()
        answer = None
        for number in range((len(payload) + size - 1) // size):
            chunk = payload[number * size:(number + 1) * size]
            more = (number + 1) * size < len(payload)
            answer = self.request(POST, path, payload=chunk,
                                  options=[(BLOCK1, block(number, more, size))], **parts)
            if more and answer.code != CONTINUE:
                return answer
        return answer
