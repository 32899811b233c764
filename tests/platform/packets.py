# SPDX-License-Identifier: Apache-2.0
"""Packets of MQTT 3.1.1, as far as somebody needs them who stands between a client and its broker."""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
DISCONNECT = 14
NOT_AUTHORISED = 5
PACKET_MAX = 1024 * 1024


class Malformed(Exception):
    pass


async def read_packet(reader):
    """(first byte, body); asyncio.IncompleteReadError at the end."""
    first = (await reader.readexactly(1))[0]
    size = 0
    for shift in (0, 7, 14, 21):
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        if byte < 128:
            break
    else:
        raise Malformed('the length has five bytes')
    if size > PACKET_MAX:
        raise Malformed('%d bytes' % size)
    return first, await reader.readexactly(size)


def packet(first, body):
    size, head = len(body), bytes([first])
    while True:
        size, digit = size >> 7, size & 127
        head += bytes([digit | (128 if size else 0)])
        if not size:
            return head + body


def text_of(text):
    text = text.encode() if isinstance(text, str) else text
    return struct.pack('>H', len(text)) + text


class Cursor:
    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, count):
        if self.at + count > len(self.body):
            raise Malformed('it ends early')
        self.at += count
        return self.body[self.at - count:self.at]

    def number(self):
        return struct.unpack('>H', self.take(2))[0]

    def binary(self):
        return self.take(self.number())

    def text(self):
        try:
            return self.binary().decode()
        except UnicodeDecodeError:
            raise Malformed('no UTF-8') from None

    @property
    def more(self):
        return self.at < len(self.body)


class Connect:
    """What a CONNECT says; of another version than 3.1.1 no more than that it is one."""

    def __init__(self, body):
        cursor = Cursor(body)
        self.protocol, self.level = cursor.text(), cursor.take(1)[0]
        self.flags = cursor.take(1)[0]
        self.keep_alive = cursor.number()
        if (self.protocol, self.level) != ('MQTT', 4):
            self.client_id = self.username = self.password = ''  # another version has another form
            return
        self.client_id = cursor.text()
        self.clean = bool(self.flags & 2)
        self.will = (cursor.text(), cursor.binary()) if self.flags & 4 else None
        self.username = cursor.text() if self.flags & 128 else ''
        self.password = cursor.binary().decode(errors='replace') if self.flags & 64 else ''

    def anonymous(self, prefix=''):
        """The same, without name and password, under a client id with that before it."""
        body = (text_of(self.protocol) + bytes([self.level, self.flags & 0x3f])
                + struct.pack('>H', self.keep_alive) + text_of(prefix + self.client_id))
        if self.will:
            body += text_of(self.will[0]) + text_of(self.will[1])
        return packet(CONNECT << 4, body)


class Publish:
    def __init__(self, first, body):
        self.qos, self.retain = first >> 1 & 3, bool(first & 1)
        self.first = first
        cursor = Cursor(body)
        self.topic = cursor.text()
        self.id = cursor.number() if self.qos else 0
        self.payload = body[cursor.at:]
        self.body = body

    def unretained(self):
        return packet(self.first & 0xfe, self.body)


def publish(topic, payload):
    """At most once: it needs no number that the broker could have given to something else."""
    return packet(PUBLISH << 4, text_of(topic) + payload)


def puback(number):
    return packet(PUBACK << 4, struct.pack('>H', number))


def connack(code):
    return packet(CONNACK << 4, bytes([0, code]))


def read_subscribe(body):
    """(number, [(filter, quality of service)])"""
    cursor = Cursor(body)
    number, wanted = cursor.number(), []
    while cursor.more:
        wanted.append((cursor.text(), cursor.take(1)[0]))
    return number, wanted


def subscribe(number, wanted):
    return packet(SUBSCRIBE << 4 | 2, struct.pack('>H', number)
                  + b''.join(text_of(one) + bytes([qos]) for one, qos in wanted))


def suback(number, codes):
    return packet(SUBACK << 4, struct.pack('>H', number) + bytes(codes))
