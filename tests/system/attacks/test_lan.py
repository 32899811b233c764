# SPDX-License-Identifier: Apache-2.0
"""Attacks on the way in, by their rows in the list of attacks: A10 floods of names, A11 look-alike
names, A13 guessing codes, A35 a device gone wild, A38 commands that would change trust, A40 the many
addresses of IPv6."""

import json
import os
import signal
import socket
import time

import pytest

from bed import coap, until
from bed.gateway import ToolError
from bed.hosts import BRIDGE, inside, ip
from bed.label import Label
from bed.plain import PlainDevice, await_stage, device, let_in, open_window, values
from test_binding import link  # noqa: F401  a fixture

FAST = {'lan': {'device_rate': 1000, 'device_burst': 1000}}


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker).start()


def reached(gateway, name):
    return next(row['reached'] for row in gateway.ctl('status', '--limits')['limits'] if row['name'] == name)


def know(gateway, label):
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr


def names(gateway):
    return {one['ep'] for one in gateway.ctl('devices')['devices']}


def test_a10_a_flood_of_names_keeps_no_device_out(gateway, sensor):
    """Registrations and enrolments under made-up names, each from an address that answers: they fill
    their places and no more. Whoever waited goes on waiting, and devices whose labels are known get
    in meanwhile, in clear and over DTLS."""
    plain, secure = Label('expected-1'), Label('expected-2')
    know(gateway, plain)
    know(gateway, secure)
    open_window(gateway)
    first = PlainDevice(gateway, 'first')
    assert first.enrol().code == coap.CREATED
    codes = []

    def flood(start, count):
        for number in range(start, start + count):
            one = PlainDevice(gateway, 'flood-%d' % number, '127.7.%d.%d' % (number >> 8, number & 255))
            codes.append(one.enrol().code)
            codes.append(one.client.exchange(coap.POST, 'rd', query={'ep': 'flood-rd-%d' % number}).code)
            one.close()
    since = time.monotonic()
    flood(0, 60)
    begun = time.monotonic()
    two = sensor(secure.ep, ep=secure.ep, gateway='127.0.0.1:%d' % gateway.coaps_port, psk=secure.psk.hex())
    assert PlainDevice(gateway, plain.ep).enrol().code == coap.CREATED
    flood(60, 60)
    await_stage(gateway, secure.ep, 'waiting-person', timeout=60)
    print('A10: both were in after %.1f s, %d names were turned away' %
          (time.monotonic() - begun, len([code for code in codes if code != coap.CREATED])))
    there = names(gateway)
    # Ten of each kind at first, and ten more a minute.
    assert {'first', plain.ep, secure.ep} <= there and len(there) < 3 + 30 + (time.monotonic() - since) / 3
    assert set(codes) == {coap.CREATED, coap.TOO_MANY, coap.UNAVAILABLE}
    assert reached(gateway, 'new-names-per-minute') > 150
    assert first.enrol().code == coap.CHANGED
    two.stop()


ALIKE = ('PUMP-1', 'Pump-1', 'pUMP-1')
NO_NAMES = ('\u0440ump-1', 'pump\u20111', 'pump-\u0661', 'pump-1\u200b', '\u202epump-1', 'pu\u0301mp-1', 'pump-1 ',
            ' pump-1', 'pump-1\x00', 'pump\n1', '\x1b[31mpump-1', 'p' * 64, '')


def test_a11_names_that_look_alike(gateway, recorder):
    """Case makes no other name, and what is no plain ASCII makes none at all: nobody has to tell two
    names apart that a person cannot."""
    owner = let_in(gateway, 'pump-1')
    assert owner.report(1).code == coap.CHANGED
    for number, name in enumerate((*ALIKE, *NO_NAMES)):
        one = PlainDevice(gateway, name, '127.0.1.%d' % (number + 1))
        code = one.enrol(model='X').code
        assert code == (coap.CONFLICT if name in ALIKE else coap.BAD_REQUEST), (name, code)
        assert one.report(666).code in (coap.FORBIDDEN, coap.BAD_REQUEST), name
        answer = one.client.exchange(coap.POST, 'rd', query={'ep': name})
        assert answer.code in (coap.CONFLICT, coap.FORBIDDEN, coap.BAD_REQUEST), (name, answer)
        one.close()
    assert names(gateway) == {'pump-1'}
    assert device(gateway, 'pump-1')['model'] == ''
    assert owner.report(2).code == coap.CHANGED
    until(lambda: set(values(recorder, owner.id).values()) == {1, 2}, 20, 'its own readings and no others')


def test_a13_guessing_is_counted_for_all_devices_together(make_gateway):
    """Five tries for a code, ten for the gateway: then also the right code has to wait, and the time
    that an answer takes depends on nothing that was guessed (tests/unit/base: test_equal_in_time)."""
    gateway = make_gateway(config={'lan': {'new_per_minute': 60}}).start()
    open_window(gateway)
    ids = []
    for number in range(4):
        assert PlainDevice(gateway, 'coded-%d' % number, '127.0.2.%d' % (number + 1)).enrol(
            code='BCDF-GHJK').code == coap.CREATED
        ids.append(await_stage(gateway, 'coded-%d' % number, 'waiting-person')['id'])

    def guess(where, code):
        with pytest.raises(ToolError) as wrong:
            gateway.ctl('approve', where, '--code', code)
        return wrong.value.stderr + wrong.value.stdout
    for number in range(10):
        guess(ids[number % 3], 'BCDF-GHJ%s' % 'LMNPQRSTVW'[number])
    tries = [device(gateway, 'coded-%d' % number)['code_tries_left'] for number in range(4)]
    assert tries == [1, 2, 2, 5]
    for one in ids * 3:
        guess(one, 'BCDF-GHJK')  # the right one
    assert tries == [device(gateway, 'coded-%d' % number)['code_tries_left'] for number in range(4)]
    assert reached(gateway, 'code-tries-gateway') == 1
    assert {one['stage'] for one in gateway.ctl('devices')['devices']} == {'waiting-person'}
    rows = [row['result'] for row in gateway.ctl('journal')['rows'] if row['action'] == 'approve']
    assert rows.count('refused: wrong code') == 10


def test_a35_a_device_gone_wild_disturbs_nobody(make_gateway, broker, recorder):
    """It enrols and reports without a pause. It is told to slow down; the others are not."""
    # However slow this machine is, it sends more than one a second.
    gateway = make_gateway(broker=broker, config={
        'lan': {'new_per_minute': 60, 'device_rate': 1, 'device_burst': 20}}).start()
    quiet = [let_in(gateway, 'quiet-%d' % number, host='127.0.3.%d' % (number + 1)) for number in range(10)]
    wild = let_in(gateway, 'wild', host='127.0.3.99')
    operation = device(gateway, 'wild')['operation']['number']
    codes, took = [], []
    for number in range(300):
        codes.append((wild.enrol() if number % 2 else wild.report(number)).code)
        if number % 10 == 0:
            one = quiet[number // 10 % len(quiet)]
            begun = time.monotonic()
            assert one.report(number).code == coap.CHANGED
            took.append(time.monotonic() - begun)
    assert set(codes) <= {coap.CHANGED, coap.TOO_MANY} and coap.TOO_MANY in codes
    took.sort()
    print('A35: the slowest answer to a quiet one took %.3f s' % took[-1])
    assert took[len(took) * 8 // 10] < 1  # the slowest may be the machine's, which stood still
    assert device(gateway, 'wild')['operation']['number'] == operation
    assert reached(gateway, 'rate') > 0
    for one in quiet:
        until(lambda one=one: sorted(values(recorder, one.id).values()) == one.acknowledged, 20, 'all of it')


def test_a38_no_command_changes_trust(gateway, broker, recorder):
    """Whoever may send commands at the platform sends those of an administrator: they reach the
    device that they are for, as words, and nothing of the gateway."""
    one = let_in(gateway, 'motor')
    open_window(gateway)
    assert PlainDevice(gateway, 'stranger', '127.0.0.5').enrol().code == coap.CREATED
    stranger = await_stage(gateway, 'stranger', 'waiting-person')
    gateway.ctl('window', 'close')
    before = gateway.ctl('journal')['rows']
    broker.await_subscription('gatehouse/bed/+/command/+')
    acts = ('approve', 'admit', 'revoke', 'block', 'forget', 'rename', 'trust', 'window', 'users')
    body = json.dumps({'id': stranger['id'], 'tier': 'psk', 'minutes': 10})
    for act in acts:
        for where in ('gatehouse/bed/%s/command/%s' % (stranger['id'], act),
                      'gatehouse/bed/command/%s' % act, 'gatehouse/bed/%s/%s' % (stranger['id'], act),
                      'gatehouse/bed/gateway/command/%s' % act):
            recorder.publish(where, body)
        recorder.publish('gatehouse/bed/%s/command/%s' % (one.id, act), body)
    # One connection takes them in their order: what comes last is dealt with last.
    until(lambda: len(recorder.messages('gatehouse/bed/%s/result/users' % one.id)) == 1, 20, 'the last is answered')
    now = {row['ep']: row for row in gateway.ctl('devices')['devices']}
    assert now['stranger']['stage'] == 'waiting-person' and now['stranger']['trust'] == 'plain'
    assert now['motor']['stage'] == 'active' and now['motor']['trust'] == 'plain' and now['motor']['name'] == ''
    assert gateway.ctl('status')['window']['open'] is False
    changed = [row for row in gateway.ctl('journal')['rows'] if row not in before]
    assert not [row for row in changed if row['action'] in acts], changed
    assert one.report(1).code == coap.CHANGED


def test_a40_addresses_without_end(link, work, make_gateway, broker):  # noqa: F811
    """One host with 300 addresses of its network, which all answer: they count as one neighbour. A
    device at a link-local address keeps its zone, and is not disturbed."""
    ip('address', 'add', 'fe80::1/64', 'dev', BRIDGE, 'nodad')
    gateway = make_gateway(broker=broker, config={'lan': {'interfaces': [BRIDGE]}}).start()
    host, quiet = link.host(10), link.host(11)
    quiet.inside('address', 'add', 'fe80::5/64', 'dev', quiet.device, 'nodad')
    open_window(gateway)
    zone = PlainDevice(gateway, 'zone')
    zone.client.close()
    zone.client = quiet.coap(gateway, '::1')
    zone.client.peer = ('fe80::1', gateway.coap_port, 0,
                        inside(quiet.keeper.pid, lambda: socket.if_nametoindex(quiet.device)))
    assert zone.enrol().code == coap.CREATED
    record = await_stage(gateway, 'zone', 'waiting-person')
    assert record['address'].startswith('[fe80::5%' + BRIDGE + ']:'), record['address']
    gateway.ctl('approve', record['id'])
    await_stage(gateway, 'zone', 'active')
    many = ['fd07::a:%x' % number for number in range(1, 301)]
    batch = os.path.join(work, 'addresses')
    with open(batch, 'w', encoding='ascii') as file:
        file.writelines('address add %s/64 dev %s nodad\n' % (one, host.device) for one in many)
    host.inside('-batch', batch)
    clients = inside(host.keeper.pid, lambda: [coap.Client('fd07::1', gateway.coap_port, local_host=one)
                                               for one in many])
    began = time.monotonic()
    codes = [client.exchange(coap.POST, 'enrol', query={'ep': 'flood-%d' % number}).code
             for number, client in enumerate(clients)]
    for client in clients:
        client.close()
    most = 10 + (time.monotonic() - began) / 6 + 1  # ten, and ten more a minute
    assert set(codes) == {coap.CREATED, coap.TOO_MANY} and codes.count(coap.CREATED) <= most, codes
    assert len(names(gateway)) == 1 + codes.count(coap.CREATED)
    assert zone.report(1).code == coap.CHANGED
    assert device(gateway, 'zone')['address'] == record['address']


def asleep(pid):
    """True when the main thread waits at each of many looks: a loop that is woken without end does not."""
    for _ in range(20):
        with open('/proc/%d/task/%d/stat' % (pid, pid), encoding='ascii') as file:
            if file.read().rpartition(')')[2].split()[0] != 'S':
                return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize('secure', [False, True])
def test_empty_datagrams_wake_nobody(gateway, secure):
    """They stand in the queue among others when the gateway looks: none keeps it awake, and none hides
    what stands behind it."""
    client = PlainDevice(gateway, 'behind').client
    port = gateway.coaps_port if secure else gateway.coap_port
    empty = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # A busy while: from then on a look is at many datagrams.
    for _ in range(64):
        assert client.exchange(coap.GET, '.well-known/core').code == coap.CONTENT
    for _ in range(3):
        os.kill(gateway.process.pid, signal.SIGSTOP)
        try:
            for junk in (b'', b'\xff', b'', b'', b'\xff\xff', b'', b''):
                empty.sendto(junk, ('127.0.0.1', port))
            asked = client.message(coap.GET, '.well-known/core', type=coap.NON)
            client.send(asked)
            for junk in (b'\xff', b'', b''):
                empty.sendto(junk, ('127.0.0.1', port))
        finally:
            os.kill(gateway.process.pid, signal.SIGCONT)
        assert client.await_answer(asked, retransmit=False).code == coap.CONTENT
        until(lambda: asleep(gateway.process.pid), 20, 'it rests')
    empty.close()
    client.close()
