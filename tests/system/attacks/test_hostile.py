# SPDX-License-Identifier: Apache-2.0
"""Datagrams that nobody should send, from addresses that nobody should believe.

Everything here comes over the loopback interface alone, so that a request from a *wrong* interface
cannot be made here: that check has its unit test (tests/unit/lan)."""

import json
import random
import time

import pytest

from bed import coap, until
from bed.plain import PlainDevice, device, let_in, open_window, values

FAST = {'lan': {'device_rate': 1000, 'device_burst': 10000}}
PATHS = ('', 'enrol', 't', 'time', 'd/x', 'd/x/c', 'rd', 'rd/x', '.well-known/core', '.well-known/rd',
         'nowhere', 'enrol/enrol', 'a' * 255)


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(config=FAST).start()


class Sources:
    """Fresh source addresses out of 127.0.0.0/8, and how much came back to each."""

    def __init__(self, gateway):
        self.gateway, self.number = gateway, 0
        self.probe = gateway.coap()

    def close(self):
        self.probe.close()

    def next(self):
        self.number += 1
        return coap.Client('127.0.0.1', self.gateway.coap_port, local_host='127.%d.%d.%d' % (
            64 + (self.number >> 16), self.number >> 8 & 255, self.number & 255))

    def settled(self):
        """One socket takes all datagrams in their order: when a ping is answered, all that was sent
        before it has been dealt with."""
        self.probe.settled()

    def send(self, *datagrams):
        """All datagrams from one address of their own; returns [messages], sent, received bytes."""
        with self.next() as client:
            for one in datagrams:
                client.send(one)
            self.settled()
            client.socket.setblocking(False)
            answers, count = [], 0
            while True:
                try:
                    data = client.socket.recv(65536)
                except BlockingIOError:
                    break
                count += len(data)
                answers.append(coap.Message.decode(data))
            return answers, sum(len(data) for _, data in client.sent), count


@pytest.fixture
def sources(gateway):
    one = Sources(gateway)
    yield one
    one.close()


WORST = [0.0, 0]  # the largest factor and the largest answer so far


def small(answers, sent, received, what):
    """What an address that has not shown that it is there may get: at most three times its bytes,
    nothing that is repeated, nothing to observe."""
    assert received <= 3 * sent, (what, sent, received, answers)
    WORST[0] = max(WORST[0], received / sent if sent else 0.0)
    WORST[1] = max([WORST[1], *(len(answer.encode()) for answer in answers)])
    for answer in answers:
        assert answer.type != coap.CON and answer.option(coap.OBSERVE) is None, (what, answer)
        assert len(answer.encode()) <= 136, (what, answer)


def reached(gateway, name):
    rows = gateway.ctl('status', '--limits')['limits']
    return next(row['reached'] for row in rows if row['name'] == name)


def nobody_came_in(gateway):
    """A registration at /rd is a sighting, and may be listed as one; nothing waits for a person."""
    assert {one['stage'] for one in gateway.ctl('devices')['devices']} <= {'seen'}


# --- amplification ---

def test_every_method_on_every_path_stays_small(gateway, sources):
    """Each request alone, and three times from one address: who was asked for Echo before gets a
    probe as well, and it counts."""
    open_window(gateway)
    codes = set()
    for path in PATHS:
        for method in (1, 2, 3, 4, 5, 6, 7, 8, 31):
            for kind in (coap.CON, coap.NON):
                for parts in ({'token': b''}, {'query': {'ep': 'spoofed'}, 'token': b'12345678'}):
                    messages = [sources.probe.message(method, path, type=kind, **parts) for _ in range(3)]
                    for some in (messages[:1], messages):
                        answers, sent, received = sources.send(*some)
                        small(answers, sent, received, (path, method, kind, len(some)))
                        codes |= {answer.code for answer in answers}
    nobody_came_in(gateway)
    # It was not silent all the time: links, Echo, the probe's GET, and refusals have been seen.
    assert codes >= {coap.CONTENT, coap.UNAUTHORIZED, coap.GET, coap.NOT_FOUND, coap.code('4.05')}, codes
    print('A8: at most %.2f times the bytes, %d bytes in one answer' % tuple(WORST))


OPTIONS = [
    {'options': [(coap.OBSERVE, b'')]}, {'options': [(coap.BLOCK2, coap.block(0, False, 1024))]},
    {'options': [(coap.BLOCK2, coap.block(900, False, 1024))]},
    {'options': [(coap.BLOCK1, coap.block(0, True, 16))], 'payload': b'x' * 16},
    {'options': [(coap.ACCEPT, coap.uint(coap.CBOR))]}, {'options': [(coap.ECHO, b'x' * 40)]},
    {'options': [(coap.SIZE1, b'\xff' * 4)]}, {'options': [(coap.URI_HOST, b'h' * 255)]},
    {'query': ['rt=gatehouse.*']}, {'query': ['rt=core.rd']}, {'query': ['ep=' + 'x' * 63]},
    {'payload': b'{"model":"x"}', 'content_format': coap.JSON},
    {'payload': b'x' * 1000, 'content_format': coap.JSON},
]


def test_options_do_not_make_answers_larger(gateway, sources):
    open_window(gateway)
    for parts in OPTIONS:
        for path in PATHS[:-1]:
            for method in (coap.GET, coap.POST):
                for kind in (coap.CON, coap.NON):
                    message = sources.probe.message(method, path, type=kind, token=b'', **parts)
                    small(*sources.send(message, message), (path, method, parts))
    nobody_came_in(gateway)


def test_four_bytes(gateway, sources):
    """The shortest messages there are: every first byte with every kind of code."""
    for first in range(256):
        for code in (0, 1, 2, 4, 5, 31, 32, 64, 65, 69, 95, 96, 128, 132, 159, 160, 191, 192, 225, 255):
            data = bytes([first, code, 0x12, code])
            answers, sent, received = sources.send(data)
            small(answers, sent, received, data)
            assert len(answers) <= 1 and received <= 4, (data, answers)
            if first >> 6 != 1:
                assert not answers, data
    nobody_came_in(gateway)


# --- malformed ---

def header(kind, code, token=b'', length=None, mid=0x4242):
    return bytes([0x40 | kind << 4 | (len(token) if length is None else length), code]) + \
        mid.to_bytes(2, 'big') + token


RESET, SILENCE = 'reset', 'silence'


def expect(sources, data, wanted):
    answers, sent, received = sources.send(data)
    small(answers, sent, received, data)
    if wanted == SILENCE:
        assert not answers, (data, answers)
        return
    answer, = answers
    if wanted == RESET:
        assert (answer.type, answer.code, answer.mid) == (coap.RST, coap.EMPTY, 0x4242), (data, answer)
    else:
        assert answer.code == coap.code(wanted) and answer.token == b'tk', (data, answer)


def test_malformed_datagrams(gateway, sources):
    broken = [
        b'\xff',  # payload marker without payload
        b'\xd0',  # a delta whose extension is missing
        b'\xe0\x01',  # half an extension
        b'\xf0', b'\x0f', b'\xbf',  # the reserved nibble
        b'\xb5ab',  # a value that runs past the end
        b'\xbd\xff', b'\xbe\xff\xff',  # lengths beyond any datagram
        b'\xee\xff\xff\xff\xff',  # a number beyond 65535
        b'\xb1t' + b'\xe0\xff\xff' * 3,
        b'\xb1t\xff',
    ]
    for options in broken:
        for method in (coap.GET, coap.POST):
            expect(sources, header(coap.CON, method, b'tk') + options, RESET)
            expect(sources, header(coap.NON, method, b'tk') + options, SILENCE)
    for length in range(9, 16):  # RFC 8974 is not offered
        for rest in (b'', b'x' * length, b'x' * length + b'\xb1t'):
            expect(sources, header(coap.CON, coap.GET, length=length) + rest, RESET)
            expect(sources, header(coap.NON, coap.GET, length=length) + rest, SILENCE)
    expect(sources, header(coap.CON, coap.GET, length=8) + b'short', RESET)
    expect(sources, header(coap.CON, coap.EMPTY), RESET)  # a ping
    expect(sources, header(coap.CON, coap.EMPTY, b'tk'), RESET)
    expect(sources, header(coap.CON, coap.EMPTY) + b'\xffx', RESET)
    expect(sources, header(coap.NON, coap.EMPTY), SILENCE)
    for code in ('1.00', '3.01', '6.00', '7.01', '7.31'):
        expect(sources, header(coap.CON, coap.code(code), b'tk'), RESET)
        expect(sources, header(coap.NON, coap.code(code), b'tk'), SILENCE)
    for kind in (coap.ACK, coap.RST):
        for code in ('0.00', '0.01', '0.02', '2.04', '2.05', '4.04', '7.01'):
            expect(sources, header(kind, coap.code(code), b'tk'), SILENCE)
    for data in (b'', b'\x40', b'\x40\x01', b'\x40\x01\x00', b'\x00' * 100, b'\xff' * 100, b'\x80' + b'\x01' * 50,
                 b'\x16\x03\x01' + bytes(60)):
        expect(sources, data, SILENCE)
    reasons = {row['reason']: row['count'] for row in gateway.ctl('heard')['heard']}
    assert reasons.get('malformed', 0) > 50 and set(reasons) == {'malformed'}
    assert gateway.ctl('status')['devices']['total'] == 0 and gateway.ctl('alarms')['alarms'] == []


def test_options_that_have_to_be_understood(gateway, sources):
    def request(kind, options, path='time'):
        parts = [(coap.URI_PATH, part.encode()) for part in path.split('/')]
        return coap.Message(kind, coap.GET, 0x4242, b'tk', parts + options).encode()
    for number in (1, 5, 9, 13, 19, 31, 2049, 65001, 65535):  # odd: critical
        for path in ('time', 'enrol', 'nowhere', '.well-known/core'):
            expect(sources, request(coap.CON, [(number, b'x')], path), '4.02')
            expect(sources, request(coap.NON, [(number, b'x')], path), SILENCE)
    for number in (2, 10, 18, 30, 2048, 65000):  # even: passed over
        expect(sources, request(coap.CON, [(number, b'x')], 'nowhere'), '4.04')
    for options in ([(35, b'coap://192.0.2.1/x')], [(39, b'coap')], [(39, b'http'), (3, b'example.com')]):
        expect(sources, request(coap.CON, options), '5.05')
        expect(sources, request(coap.NON, options), '5.05')
    expect(sources, request(coap.CON, [(16, b'\x01')]), '5.08')
    for method in (5, 6, 7, 8, 31):
        expect(sources, coap.Message(coap.CON, method, 0x4242, b'tk', [(coap.URI_PATH, b't')]).encode(), '4.05')
    for path in ('..', '../enrol', 'd/../../enrol', 'enrol ', 'ENROL', 'd/a b', 'd/%2e%2e', 't/t'):
        expect(sources, request(coap.CON, [], path), '4.04')


def test_noise(gateway, sources):
    """Bytes that were a message once; the seed is always the same."""
    chance = random.Random(20)
    sensor = let_in(gateway, 'steady')
    seeds = [sources.probe.message(coap.POST, 'enrol', query={'ep': 'noise'}, payload='{"model":"x"}',
                                   content_format=coap.JSON).encode(),
             sources.probe.message(coap.POST, 't', query={'ep': 'steady'}, payload='[{"n":"a","v":1}]',
                                   content_format=coap.SENML_JSON, options=[(coap.ECHO, b'e' * 30)]).encode(),
             sources.probe.message(coap.GET, '.well-known/core', query=['rt=core.rd']).encode()]
    for number in range(1500):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            where = chance.randrange(len(data))
            act = chance.randrange(3)
            if act == 0:
                data[where] = chance.randrange(256)
            elif act == 1:
                del data[where:where + chance.randrange(1, 4)]
            else:
                data[where:where] = chance.randbytes(chance.randrange(1, 9))
            data = data or bytearray(b'\x40')
        small(*sources.send(bytes(data)), bytes(data))
        if number % 300 == 0:
            assert sensor.report(number).code == coap.CHANGED
    assert gateway.ctl('devices')['total'] == 1
    assert device(gateway, 'steady')['readings'] == 5


# --- floods ---

def test_thousands_of_addresses(make_gateway):
    """Each asks once and is never heard of again: what the gateway remembers of them is bounded,
    and an approved device does not notice."""
    gateway = make_gateway(config=FAST).start()
    sensor = let_in(gateway, 'quiet')
    sources = Sources(gateway)
    took, value = [], 0

    def flood(count):
        nonlocal value
        for number in range(count):
            with sources.next() as client:
                for path in ('enrol', 't', '.well-known/core'):
                    client.send(client.message(coap.POST if path[0] != '.' else coap.GET, path,
                                               query={'ep': 'flood-%d' % number}))
            if number % 50 == 0:
                value += 1
                begun = time.monotonic()
                assert sensor.report(value).code == coap.CHANGED
                took.append(time.monotonic() - begun)
        sources.settled()
    flood(4500)  # beyond the limits of sessions and of addresses that are remembered
    before = gateway.process.kib('RssAnon')
    flood(2000)
    grown = gateway.process.kib('RssAnon') - before
    sources.close()
    assert grown < 1024, 'it grew by %d KiB over 2,000 addresses' % grown
    # A flood that is felt is felt by all; a machine that stands still, by one or two.
    assert sorted(took)[len(took) * 9 // 10] < 1
    assert reached(gateway, 'sessions') > 0
    assert gateway.ctl('devices')['total'] == 1
    assert device(gateway, 'quiet')['readings'] == len(sensor.acknowledged) == 130


def test_log_is_not_flooded(make_gateway):
    gateway = make_gateway(config={'gateway': {'log_level': 'info'}}).start()
    sources = Sources(gateway)
    before = len(gateway.log().splitlines())
    begun = time.monotonic()
    for number in range(1000):
        with sources.next() as client:
            client.send(header(coap.CON, coap.GET, length=12) + b'x' * 12)
            client.send(client.message(coap.POST, 'enrol', query={'ep': 'a\r\nnotice: forged %d' % number}))
    sources.settled()
    sources.close()
    lines = gateway.log().splitlines()[before:]
    assert len(lines) <= 4 * (time.monotonic() - begun + 1), lines[:20]
    assert not [line for line in lines if line.startswith('notice: forged')]


# --- devices that were let in, and are not what they seem ---

def test_bodies_that_want_to_hurt(gateway):
    sensor = let_in(gateway, 'malice')
    deep = '[' * 500 + ']' * 500
    for payload in (deep, '{"a":' * 180 + '1' + '}' * 180, '[{"n":"a","v":1e999}]', '[{"n":"a","v":NaN}]',
                    '[{"n":"a","v":1,"n":"b"}]', '[{"n":"a","v":"1"}]', '[{"n":"a\\u0000b","v":1}]',
                    '[{"n":"a","vs":"\\ud800"}]', '[{"n":"%s","v":1}]' % ('x' * 900), '[' + '{},' * 100 + '{}]',
                    b'[{"n":"a","vs":"\xff\xfe"}]', b'\x00' * 500, '[{"n":"a","v":1}] trailing',
                    '[{"bn":"a/+/#","n":"/x","v":1}]', '[{"bver":99,"n":"a","v":1}]', ''):
        answer = sensor.client.exchange(coap.POST, 't', query={'ep': 'malice'}, payload=payload,
                                        content_format=coap.SENML_JSON)
        assert answer.code in (coap.BAD_REQUEST, coap.UNPROCESSABLE), (payload[:60], answer)
    assert device(gateway, 'malice')['readings'] == 0
    assert sensor.report(1).code == coap.CHANGED


def test_names_do_not_reach_other_topics(make_gateway, broker, recorder):
    """Topics and names come from the registry, whatever a device calls itself or its readings."""
    gateway = make_gateway(broker=broker).start()
    victim = let_in(gateway, 'victim')
    names = ('a/+/#', '../victim', '$SYS/x', victim.id + '/', 'VICTIM-2')
    for name in names:
        one = let_in(gateway, name)
        assert one.id != victim.id and '/' not in one.id
        body = json.dumps([{'bn': victim.id + '/', 'n': 'seq', 'v': 5}])
        answer = one.client.exchange(coap.POST, 't', query={'ep': name}, payload=body,
                                     content_format=coap.SENML_JSON)
        assert answer.code == coap.CHANGED, answer
        message, = recorder.wait('gatehouse/bed/%s/telemetry' % one.id)
        record, = json.loads(message.payload)
        assert record['bn'] == one.id + '/' and record['n'].endswith('seq')
    topics = {message.topic for message in recorder.messages()}
    own = {one['id'] for one in gateway.ctl('devices')['devices']}
    assert {topic.split('/')[2] for topic in topics if topic.count('/') > 2} <= own
    assert all(topic.startswith('gatehouse/bed/') and not set(topic) & set('+#$') for topic in topics)
    other = PlainDevice(gateway, 'victim', host='127.0.0.9')
    assert other.report(666).code == coap.FORBIDDEN
    until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 20, 'the queue is empty')
    assert 666 not in values(recorder, victim.id).values()
