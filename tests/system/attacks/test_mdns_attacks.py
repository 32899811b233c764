# SPDX-License-Identifier: Apache-2.0
"""Attacks by multicast DNS, by their rows in the list of attacks: A6 a spoofed announcement, A7 floods,
and the packet that kills avahi-daemon. The sender writes its datagrams itself."""

import select
import socket
import struct

import pytest

from bed import coap, until
from bed.plain import await_stage, device, let_in, open_window
from bed.wait import stays

pytestmark = pytest.mark.mdns
GROUP, SERVICE = ('224.0.0.251', 5353), '_coap._udp.local'
A, CNAME, PTR, TXT, SRV = 1, 5, 12, 16, 33


def name(text, first=None):
    """A DNS name; 'first' is a label that may hold dots."""
    labels = ([first] if first else []) + text.split('.')
    return b''.join(bytes([len(one.encode())]) + one.encode() for one in labels) + b'\0'


def record(owner, kind, data, ttl=120):
    return owner + struct.pack('!HHIH', kind, 1, ttl, len(data)) + data


def texts(*words):
    return b''.join(bytes([len(one)]) + one for one in words)


def service(instance, host, port, txt=b'\0', ttl=120):
    """The records of one announced service."""
    full = name(SERVICE, instance)
    return [record(name(SERVICE), PTR, full, ttl),
            record(full, SRV, struct.pack('!HHH', 0, 0, port) + name(host), ttl), record(full, TXT, txt, ttl)]


class Neighbour:
    """Somebody on the link, at an address of their own."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((address, 5353))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))

    def say(self, *records):
        self.socket.sendto(struct.pack('!HHHHHH', 0, 0x8400, 0, len(records), 0, 0) + b''.join(records), GROUP)

    def close(self):
        self.socket.close()


@pytest.fixture
def neighbour():
    one = Neighbour('127.0.0.77')
    yield one
    one.close()


def test_a6_an_announcement_moves_nobody(avahi, make_gateway, broker, recorder, neighbour):
    """The name of a device that was let in is announced from elsewhere: it is still read where it is,
    and nobody asks the other one for readings."""
    gateway = make_gateway(broker=broker, mdns=True).start()
    one = let_in(gateway, 'lamp', host='127.0.0.5')
    assert one.report(1).code == coap.CHANGED
    before = device(gateway, 'lamp')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.bind((neighbour.address, 0))

        def again():
            neighbour.say(*service('lamp', 'thief.local', thief.getsockname()[1], texts(b'ep=lamp', b'v=1')),
                          *service('other', 'thief.local', thief.getsockname()[1], texts(b'ep=other', b'v=1')),
                          record(name('thief.local'), A, socket.inet_aton(neighbour.address)))
            return device(gateway, 'other')
        until(again, 30, 'what else it announces was heard', every=0.5)
        stays(lambda: device(gateway, 'lamp')['address'] == before['address'], 1)
        asked = []
        while select.select([thief], [], [], 0)[0]:
            asked.append(coap.Message.decode(thief.recv(2048)))
        assert all(message.all(coap.URI_PATH) == [b'.well-known', b'core'] for message in asked), asked
    now = device(gateway, 'lamp')
    assert now['stage'] == 'active' and now['address'] == before['address']
    assert one.report(2).code == coap.CHANGED
    recorder.wait('gatehouse/bed/%s/telemetry' % one.id, 2)


@pytest.mark.long
@pytest.mark.deadline(240)
def test_a7_a_flood_and_a_dead_daemon(avahi, make_gateway, broker, recorder, neighbour):
    """Two thousand services, TXT of 8 KB, names that lead in a circle. A device that was let in goes on
    through all of it; avahi-daemon may die of it, and when it is back devices are found again."""
    gateway = make_gateway(broker=broker, mdns=True).start()
    one = let_in(gateway, 'steady')
    value = 0
    neighbour.say(record(name('thief.local'), A, socket.inet_aton(neighbour.address)))
    for start in range(0, 2000, 20):
        neighbour.say(*(part for number in range(start, start + 20)
                        for part in service('flood-%d' % number, 'thief.local', 9, texts(b'ep=flood-%d' % number))))
        if start % 200 == 0:
            value += 1
            assert one.report(value).code == coap.CHANGED
    neighbour.say(*service('giant', 'thief.local', 9, texts(*(b'k%02d=' % number + b'x' * 240 for number in range(32)))))
    for number in range(20):  # a target that is its own alias, and a ring of them
        neighbour.say(*service('ring-%d' % number, 'ring-%d.local' % number, 9),
                      record(name('ring-%d.local' % number), CNAME, name('ring-%d.local' % number)))
        neighbour.say(*service('chain-%d' % number, 'a%d.local' % number, 9),
                      *(record(name('%s%d.local' % (here, number)), CNAME, name('%s%d.local' % (there, number)))
                        for here, there in ('ab', 'bc', 'ca')))
    for _ in range(10):
        value += 1
        assert one.report(value).code == coap.CHANGED
    print('A7: %d names listed; avahi-daemon %s' % (
        gateway.ctl('devices')['total'], 'lives' if avahi.daemon.alive else 'died'))
    assert gateway.ctl('devices')['total'] <= 1 + 1024
    if avahi.daemon.alive:
        avahi.daemon.kill()
    avahi.daemon = None
    avahi.start_daemon()
    open_window(gateway)
    # Ten new names come in a minute; those that are gone make room.
    until(lambda: device(gateway, 'flood-1') is None, 60, 'what the dead daemon knew is forgotten')
    avahi.publish('honest', '_coap._udp', 9)
    await_stage(gateway, 'honest', 'seen', timeout=90)
    until(lambda: len(recorder.messages('gatehouse/bed/%s/telemetry' % one.id)) == value, 30, 'all of it arrives')
