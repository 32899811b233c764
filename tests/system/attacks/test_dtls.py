# SPDX-License-Identifier: Apache-2.0
"""Attacks on the DTLS port, by their rows in the list of attacks: A8 amplification, A9 floods from
forged sources, A14 replay, A16 downgrade."""

import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest

from bed import coap, until
from bed.label import Label
from bed.plain import PlainDevice, await_stage, open_window
from bed.relay import Relay
from bed.wait import stays


def hello(cookie=b'', random_bytes=None, extensions=b''):
    """The shortest ClientHello that there is, or a longer one."""
    body = b'\xfe\xfd' + (random_bytes or os.urandom(32)) + b'\x00' + bytes([len(cookie)]) + cookie + \
        b'\x00\x02\xc0\xa8' + b'\x01\x00' + extensions
    size = len(body).to_bytes(3, 'big')
    second = b'\x01' if cookie else b'\x00'
    handshake = b'\x01' + size + b'\x00' + second + bytes(3) + size + body
    return b'\x16\xfe\xff' + bytes(7) + second + len(handshake).to_bytes(2, 'big') + handshake


FORGER = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'forger.py')


class Source:
    """One of the many addresses that a machine can claim to have."""

    def __init__(self, gateway, number):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.%d.%d.%d' % (64 + (number >> 16), number >> 8 & 255, number & 255), 0))
        self.socket.connect(('127.0.0.1', gateway.coaps_port))
        self.sent = 0

    def send(self, data):
        self.sent += len(data)
        self.socket.send(data)

    def received(self, timeout):
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(65536)
        except socket.timeout:
            return b''

    def drain(self):
        self.socket.setblocking(False)
        count = 0
        try:
            while True:
                count += len(self.socket.recv(65536))
        except BlockingIOError:
            return count

    def close(self):
        self.socket.close()


def know(gateway, label):
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr


def let_in(gateway, recorder, sensor, label, port=None, **more):
    """A psk device all the way in; its process and its record."""
    know(gateway, label)
    open_window(gateway)
    one = sensor(label.ep, ep=label.ep, gateway='127.0.0.1:%d' % (port or gateway.coaps_port),
                 psk=label.psk.hex(), **more)
    gateway.ctl('approve', await_stage(gateway, label.ep, 'waiting-person')['id'])
    device = await_stage(gateway, label.ep, 'active')
    recorder.wait(topic(device), 1)
    return one, device


def topic(device):
    return 'gatehouse/bed/%s/telemetry' % device['id']


def sequence(recorder, device):
    """The values in the order in which they arrived: a sensor counts its readings. A reading that the
    gateway itself says again, after it was killed, has the id that it had."""
    found = {}
    for message in recorder.messages(topic(device)):
        found.setdefault(message.user['gh-id'], message)
    return [record['v'] for message in found.values()
            for record in json.loads(message.payload) if record.get('n') == 'seq']


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker).start()


def test_a8_no_answer_is_larger_than_its_question(gateway):
    """Whatever comes to the DTLS port from an address that has shown nothing: at most one answer,
    shorter than what it answers; and not a second one later."""
    chance = random.Random(8)
    good = hello()
    cases = [good, hello(cookie=b'c' * 12), hello(cookie=b'c' * 32), hello(extensions=b'\x00\x00'),
             hello(extensions=b'\x04\x00' + b'e' * 1024), good + good, good * 10, b'', b'\x16', good[:-1],
             b'\x40\x01\x00\x01', b'\x17\xfe\xfd\x00\x01' + bytes(6) + b'\x00\x20' + bytes(32),
             b'\x15\xfe\xfd' + bytes(8) + b'\x00\x02\x02\x28', b'\x16\xfe\xfd' + bytes(8) + b'\x00\x0c\x02' + bytes(11)]
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cases.append(bytes(data))
    sources = []
    for number, data in enumerate(cases):
        one = Source(gateway, number)
        one.send(data)
        sources.append((one, data))
    # One socket takes them in their order: when the last one is answered all have been dealt with.
    last = Source(gateway, len(cases))
    last.send(good)
    assert len(last.received(60)) == 28 + 12
    last.close()
    time.sleep(3)  # what would be repeated would come within 2 s
    answered, worst = 0, 0.0
    for one, data in sources:
        count = one.drain()
        one.close()
        assert count < max(1, len(data)), (data, count)
        worst = max(worst, count / max(1, len(data)))
        answered += count > 0
    print('A8: at the DTLS port at most %.2f times the bytes' % worst)
    assert answered > 5
    assert gateway.ctl('devices')['total'] == 0


def test_a8_a_forged_cookie_starts_nothing(gateway):
    """The cookie of one address is worth nothing at another, and nothing at all tomorrow."""
    one, other = Source(gateway, 1), Source(gateway, 2)
    secret = os.urandom(32)
    one.send(hello(random_bytes=secret))
    answer = one.received(60)
    cookie = answer[28:]
    assert len(cookie) == 12
    other.send(hello(cookie=cookie, random_bytes=secret))
    assert other.received(60)[13] == 3  # it is asked again, not served
    other.send(hello(cookie=cookie[:-1] + bytes([cookie[-1] ^ 1]), random_bytes=secret))
    assert other.received(60)[13] == 3
    old = (int.from_bytes(cookie[:4], 'big') - 61).to_bytes(4, 'big') + cookie[4:]
    one.send(hello(cookie=old, random_bytes=secret))
    assert one.received(60)[13] == 3
    one.send(hello(cookie=cookie, random_bytes=secret))
    assert one.received(60)[13] == 2  # ServerHello: this one is real
    one.close()
    other.close()


def descriptors(gateway):
    return len(os.listdir('/proc/%d/fd' % gateway.process.pid))


def flood(gateway, count, first, pace=None):
    """So many sources, each with a ClientHello and a record of a session that there is not; 'pace':
    sources a second. What came back, in bytes, of what was sent."""
    begun, sent, received = time.monotonic(), 0, 0
    for number in range(count):
        one = Source(gateway, first + number)
        one.send(hello())
        one.send(b'\x17\xfe\xfd\x00\x01' + bytes(6) + b'\x00\x20' + bytes(32))
        if number % 50 == 0:
            received += len(one.received(5))
        sent += one.sent if number % 50 == 0 else 0
        one.close()
        if pace:
            time.sleep(max(0, number / pace - (time.monotonic() - begun)))
    return sent, received, time.monotonic() - begun


def flood_with_a_device(make_gateway, broker, recorder, sensor, rounds, each, grows, pace=None):
    gateway = make_gateway(broker=broker)
    # What the sanitizer keeps of freed memory, to find its use, would hide what we look for.
    gateway.start(env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'})
    one, device = let_in(gateway, recorder, sensor, Label('steady-1'), interval=0.2)
    newcomer = Label('newcomer-1')
    know(gateway, newcomer)
    flood(gateway, each, 0, pace)
    memory, files = gateway.process.kib('RssAnon'), descriptors(gateway)
    for number in range(1, rounds):
        sent, received, took = flood(gateway, each, number * each, pace)
        print('A9: %d forged sources in %.1f s; of a sample: sent %d bytes, received %d' %
              (each, took, sent, received))
        assert received < sent
    # In the middle of it all, a device that was never here gets in.
    begun = time.monotonic()
    two = sensor(newcomer.ep, ep=newcomer.ep, gateway='127.0.0.1:%d' % gateway.coaps_port,
                 psk=newcomer.psk.hex(), interval=1)
    more = threading.Thread(target=flood, args=(gateway, each, rounds * each, pace))
    more.start()
    await_stage(gateway, newcomer.ep, 'waiting-person', timeout=60)
    print('A9: a newcomer was in after %.1f s' % (time.monotonic() - begun))
    more.join()
    grown = gateway.process.kib('RssAnon') - memory
    print('A9: it grew by %d KiB' % grown)
    # What a thousand readings need besides; 100,000 addresses of 40 bytes each would be more.
    assert grown < grows and descriptors(gateway) <= files + 2
    limits = {row['name']: row['reached'] for row in gateway.ctl('status', '--limits')['limits']}
    assert limits['handshakes'] == limits['secure-sessions'] == limits['secure-strangers'] == 0
    # The device went on through all of it: its messages were numbered without a hole.
    count = len(sequence(recorder, device))
    until(lambda: len(sequence(recorder, device)) >= count + 3, 20, 'its readings go on')
    values = sequence(recorder, device)
    assert values == list(range(values[0], values[0] + len(values)))
    assert 'handshake' not in one.log(), 'it lost its session'
    gaps = [b.at - a.at for a, b in zip(recorder.messages(topic(device)), recorder.messages(topic(device))[1:])]
    gaps.sort()
    print('A9: p99 between two readings of every 0.2 s: %.2f s' % gaps[int(len(gaps) * .99) - 1])
    # A flood that is felt is felt all the time; a machine that stands still, once or twice.
    assert gaps[len(gaps) * 9 // 10] < 1.2
    one.stop()
    two.stop()


def test_a9_forged_sources_take_nothing(make_gateway, broker, recorder, sensor):
    flood_with_a_device(make_gateway, broker, recorder, sensor, rounds=4, each=5000, grows=3072)


@pytest.mark.long
@pytest.mark.deadline(400)
def test_a9_a_hundred_thousand_a_minute(make_gateway, broker, recorder, sensor):
    flood_with_a_device(make_gateway, broker, recorder, sensor, rounds=2, each=100000, grows=8192,
                        pace=1700)


class Fleet(threading.Thread):
    """Devices that were let in, each of which reports every other second, and how long each answer
    took. One socket for each; nothing is sent twice."""

    def __init__(self, devices):
        super().__init__()
        self.devices, self.took, self.silent, self.ended = devices, [], 0, threading.Event()
        self.sanitized = False

    def run(self):
        value = 0
        while not self.ended.is_set():
            begun, value = time.monotonic(), value + 1
            for number, one in enumerate(self.devices):
                at = begun + number * 2 / len(self.devices)
                self.ended.wait(max(0, at - time.monotonic()))
                asked = time.monotonic()
                try:
                    assert one.report(value).code == coap.CHANGED
                    self.took.append(time.monotonic() - asked)
                except coap.Silence:
                    self.silent += 1
            self.ended.wait(max(0, begun + 2 - time.monotonic()))

    def p99(self):
        return sorted(self.took)[int(len(self.took) * .99) - 1]


def let_in_many(gateway, count):
    """So many plain devices, each of an address of its own."""
    open_window(gateway)
    devices = [PlainDevice(gateway, 'fleet-%d' % number, '127.9.0.%d' % (number + 1)) for number in range(count)]
    for one in devices:
        assert one.enrol().code == coap.CREATED

    def everybody(stage):
        found = [one for one in gateway.devices() if one['stage'] == stage]
        return found if len(found) == count else None
    for one in until(lambda: everybody('waiting-person'), 60, 'all of them wait for a person'):
        status, answer = gateway.api('POST', 'devices/%s/approve' % one['id'], {})
        assert status == 200, answer
    until(lambda: everybody('active'), 60, 'all of them are active')
    return devices


def forged_besides_a_fleet(make_gateway, broker, count, seconds, pace):
    """'pace' forged sources a second at both ports, from a program of its own, beside a fleet."""
    gateway = make_gateway(broker=broker, config={'lan': {'new_per_minute': 1000}}).start()
    fleet = Fleet(let_in_many(gateway, count))
    fleet.sanitized = is_sanitized(gateway)
    memory = gateway.process.kib('RssAnon')
    fleet.start()
    done = subprocess.run(['/usr/bin/python3', FORGER, str(gateway.coap_port), str(gateway.coaps_port), str(seconds),
                           str(pace)], check=True, capture_output=True, text=True)
    fleet.ended.set()
    fleet.join()
    print('A9: %s; %d devices had %d answers (%d had none in 10 s), p99 %.2f s, slowest %.2f s; memory %d -> %d KiB' % (
        done.stdout.strip(), count, len(fleet.took), fleet.silent, fleet.p99(), max(fleet.took), memory, gateway.process.kib('RssAnon')))
    assert len(fleet.took) >= count and fleet.silent <= len(fleet.took) / 20
    # A sanitizer keeps what was freed for a while.
    assert gateway.process.kib('RssAnon') < memory + (32768 if fleet.sanitized else 8192)
    assert len(gateway.devices()) == count
    for one in fleet.devices:
        one.close()
    return fleet, int(done.stdout.split()[0])


def is_sanitized(gateway):
    with open('/proc/%d/maps' % gateway.process.pid, encoding='ascii') as file:
        return 'libasan' in file.read()


def test_a9_a_fleet_does_not_notice(make_gateway, broker):
    fleet, _ = forged_besides_a_fleet(make_gateway, broker, 20, 8, 200)
    assert fleet.p99() < 3  # on a loaded machine; the figure itself is that of the long run


@pytest.mark.long
@pytest.mark.deadline(400)
def test_a9_fifty_devices_and_a_hundred_thousand_a_minute(make_gateway, broker):
    """The figure is that of the programs as they ship (GATEHOUSE_BUILD=build-release): with sanitizers
    a machine has a tenth of its speed, and then nobody is lost, but waits."""
    fleet, forged = forged_besides_a_fleet(make_gateway, broker, 50, 60, 1900)
    if not fleet.sanitized:
        assert fleet.p99() < 1 and fleet.silent == 0 and forged > 60000


def test_a14_what_was_said_is_not_said_again(gateway, recorder, sensor):
    """Every datagram of a device, handshake and all, once more from its own address and port: while
    its session lasts, and after the gateway was started again."""
    relay = Relay(gateway.coaps_port)
    one, device = let_in(gateway, recorder, sensor, Label('echoed-1'), port=relay.port, interval=0.2, count=5)
    until(lambda: not one.alive, 30, 'its readings are taken')
    until(lambda: len(sequence(recorder, device)) == 5, 20, 'they are at the broker')
    taken = list(relay.heard)
    assert len(taken) > 8
    for _ in range(2):
        relay.say_again(taken)
        stays(lambda: len(sequence(recorder, device)) == 5, 3, 'no reading comes twice')
        answered = len(relay.answered)
        gateway.restart(kill=True)
        relay.say_again(taken)
        stays(lambda: len(sequence(recorder, device)) == 5, 3, 'no reading comes twice')
        # Only the hellos are answered: by the demand for another cookie.
        assert {data[13] for data in relay.answered[answered:]} <= {3}
    assert await_stage(gateway, 'echoed-1', 'active')['trust'] == 'psk'
    relay.close()


def test_a14_forged_records_end_no_session(gateway, recorder, sensor):
    """From the device's own address and port: alerts, records that are too short to be one, noise,
    hellos. OpenSSL would end the session over some of them."""
    relay = Relay(gateway.coaps_port)
    one, device = let_in(gateway, recorder, sensor, Label('hit-1'), port=relay.port, interval=0.2)
    handshakes = sum(data[13] == 1 and data[0] == 22 for data in relay.heard if len(data) > 13)
    for number in range(300):
        relay.say_again([b'\x15\xfe\xfd\x00%c' % (number & 1) + bytes(5) + bytes([number & 255]) + b'\x00\x02\x02\x28',
                         b'\x17\xfe\xfd\x00\x01' + bytes(5) + bytes([number & 255]) +
                         (number % 40).to_bytes(2, 'big') + os.urandom(number % 40),
                         hello()])
    count = len(sequence(recorder, device))
    until(lambda: len(sequence(recorder, device)) >= count + 5, 20, 'its readings go on')
    assert sum(data[13] == 1 and data[0] == 22 for data in relay.heard if len(data) > 13) == handshakes
    assert 'handshake' not in one.log()
    one.stop()
    relay.close()


def test_a16_nothing_less_than_a_proof(gateway, recorder, sensor):
    """Every way in, in clear, with the name of a device that proves it."""
    label = Label('proud-1')
    one, device = let_in(gateway, recorder, sensor, label, interval=0.3)
    for host in (None, '127.0.0.33'):
        impostor = PlainDevice(gateway, label.ep, host)
        assert impostor.enrol(model='X').code == coap.CONFLICT
        assert impostor.report(666).code == coap.FORBIDDEN
        for method, path, query in ((coap.GET, 'd/' + device['id'], {}), (coap.GET, 'd/%s/c' % device['id'], {}),
                                    (coap.POST, 'd/%s/c' % device['id'], {}),
                                    (coap.POST, 'rd', {'ep': label.ep}),
                                    (coap.POST, 'rd', {'ep': label.ep.upper()})):
            answer = impostor.client.exchange(method, path, query=query, payload=b'')
            assert answer.code in (coap.FORBIDDEN, coap.NOT_FOUND), (path, answer)
        # without a name it is nobody
        answer = impostor.client.exchange(coap.POST, 't', payload='[{"n":"seq","v":666}]',
                                          content_format=coap.SENML_JSON)
        assert answer.code == coap.FORBIDDEN
        impostor.close()
    rows = [row for row in gateway.ctl('journal')['rows'] if row['action'] == 'downgrade']
    assert rows and all(row['object'] == device['id'] for row in rows) and len(rows) < 8
    now = await_stage(gateway, label.ep, 'active')
    assert now['trust'] == 'psk' and now['address'] == device['address']
    count = len(sequence(recorder, device))
    until(lambda: len(sequence(recorder, device)) >= count + 2, 20, 'the device goes on')
    assert 666 not in sequence(recorder, device)
    one.stop()
