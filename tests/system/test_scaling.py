# SPDX-License-Identifier: Apache-2.0
"""Several gateways on one broker, configured by the files of conf/examples as docs/scaling.md shows
them: each keeps to its own topics, and a device that is moved has one identity at a time."""

import json
import os

import pytest

from bed import Broker, Recorder, coap, enter, until
from bed.broker import RECORDER_RIGHTS
from bed.gateway import ToolError
from bed.label import Label
from bed.plain import PlainDevice, await_stage, device, let_in, open_window

EXAMPLES = os.path.join(enter.ROOT, 'conf', 'examples')
USERS = {'hall-a': 'canary at hall a', 'hall-b': 'canary at hall b'}


@pytest.fixture
def fleet(work):
    """A broker with the access list of the example."""
    access = os.path.join(work, 'access')
    with open(os.path.join(EXAMPLES, 'mosquitto-fleet.acl'), encoding='utf-8') as example, \
            open(access, 'w', encoding='utf-8') as file:
        file.write(RECORDER_RIGHTS + example.read())
    os.chmod(access, 0o644)
    return Broker(os.path.join(work, 'fleet'), users=USERS, extra='acl_file ' + access).start()


@pytest.fixture
def hall(work, fleet, make_gateway):
    """One of the gateways: the example is a drop-in as it stands, over it lies what a bed needs."""
    def start(letter, user=None):
        gateway = make_gateway(config={'gateway': {'id': None}})
        password = os.path.join(gateway.directory, 'password')
        with open(password, 'w', encoding='utf-8') as file:
            file.write(USERS[user or 'hall-' + letter] + '\n')
        os.chmod(password, 0o444)
        drop_ins = gateway.config_file + '.d'
        os.makedirs(drop_ins)
        with open(os.path.join(EXAMPLES, 'two-gateways-%s.conf' % letter), encoding='utf-8') as file:
            example = file.read()
        over = ('lan { interfaces = { "lo" } }\n'
                'mqtt { host = "127.0.0.1" port = %d tls = no password_file = "%s" %s }\n'
                % (fleet.port, password, 'username = "%s"' % user if user else ''))
        for name, text in (('10-example.conf', example), ('90-bed.conf', over)):
            with open(os.path.join(drop_ins, name), 'w', encoding='utf-8') as file:
                file.write(text)
        return gateway.start()
    return start


def values(recorder, topic):
    return [json.loads(one.payload)[0]['v'] for one in recorder.messages(topic)]


def test_two_gateways(fleet, hall):
    recorder = Recorder(fleet)
    a, b = hall('a'), hall('b')
    one, two = let_in(a, 'sensor'), let_in(b, 'sensor')
    # The same name at both is two devices, and their topics say whose they are.
    assert one.report(1).code == coap.CHANGED and two.report(2).code == coap.CHANGED
    for gateway, value in (('hall-a', 1), ('hall-b', 2)):
        message, = recorder.wait('gatehouse/%s/+/telemetry' % gateway)
        assert json.loads(message.payload)[0]['v'] == value
        assert message.user['gh-id'].startswith(gateway + '.')
    assert a.ctl('status')['gateway']['id'] == 'hall-a'


def test_the_access_list_keeps_them_apart(fleet, hall):
    """B's configuration with A's user: the broker takes nothing of it."""
    recorder = Recorder(fleet)
    intruder = hall('b', user='hall-a')
    one = let_in(intruder, 'sensor')
    assert one.report(7).code == coap.CHANGED
    honest = hall('a')
    assert let_in(honest, 'sensor').report(8).code == coap.CHANGED
    recorder.wait('gatehouse/hall-a/+/telemetry')
    assert values(recorder, 'gatehouse/hall-b/+/telemetry') == []


def test_a_device_moves(fleet, hall):
    """Revoked at one, approved at the other: nothing that was delivered is missing, and the old
    gateway publishes nothing more of it."""
    recorder = Recorder(fleet)
    a, b = hall('a'), hall('b')
    old = let_in(a, 'mover')
    for value in range(5):
        assert old.report(value).code == coap.CHANGED
    recorder.wait('gatehouse/hall-a/+/telemetry', count=5)
    a.ctl('revoke', device(a, 'mover')['id'])
    assert old.report(99).code == coap.FORBIDDEN
    new = let_in(b, 'mover')
    for value in range(5, 10):
        assert new.report(value).code == coap.CHANGED
    recorder.wait('gatehouse/hall-b/+/telemetry', count=5)
    assert values(recorder, 'gatehouse/hall-a/+/telemetry') == list(range(5))
    assert values(recorder, 'gatehouse/hall-b/+/telemetry') == list(range(5, 10))
    await_stage(a, 'mover', 'revoked')

    def status():
        return [json.loads(one.payload)['state'] for one in recorder.messages('gatehouse/hall-a/+/status')
                if one.payload]
    until(lambda: status()[-1] == 'revoked', 20, 'the platform hears of it')
    assert PlainDevice(a, 'mover').report(100).code == coap.FORBIDDEN


def export(gateway, name, other, path):
    answer = gateway.ctl('devices', 'export', device(gateway, name)['id'], path,
                         '--for', other.ctl('key', 'show')['public'])
    assert answer['device']['id'] == device(gateway, name)['id'], answer


def test_a_device_is_handed_over(work, fleet, hall):
    """Exported at one, imported at the other, on one broker: it keeps its id and goes on without a
    person, nothing that was acknowledged is missing, and at no time do two gateways speak for it."""
    recorder = Recorder(fleet)
    a, b, path = hall('a'), hall('b'), os.path.join(work, 'parcel')
    old = let_in(a, 'mover', code='BCDF-GHJK')
    identity = device(a, 'mover')['id']
    for value in range(20):
        assert old.report(value).code == coap.CHANGED
    # Right behind the last reading: what is on its way is waited for.
    export(a, 'mover', b, path)
    with open(path, 'rb') as file:
        assert b'mover' not in file.read()
    await_stage(a, 'mover', 'revoked')
    assert old.report(99).code == coap.FORBIDDEN
    recorder.wait('gatehouse/hall-a/+/telemetry', count=20)
    assert values(recorder, 'gatehouse/hall-a/+/telemetry') == list(range(20))
    # It is in the file alone now.
    assert not b.ctl('devices')['devices']

    b.ctl('devices', 'import', path)
    moved = await_stage(b, 'mover', 'active')
    assert moved['id'] == identity
    new = PlainDevice(b, 'mover')
    for value in range(20, 30):
        assert new.report(value).code == coap.CHANGED
    recorder.wait('gatehouse/hall-b/%s/telemetry' % identity, count=10)
    assert values(recorder, 'gatehouse/hall-b/+/telemetry') == list(range(20, 30))
    assert values(recorder, 'gatehouse/hall-a/+/telemetry') == list(range(20))
    # The old gateway cannot bring it back: its credential is gone there.
    with pytest.raises(ToolError):
        a.ctl('resume', identity)
    rows = [row['action'] for row in b.ctl('journal')['rows']]
    assert 'import' in rows
    assert [row['action'] for row in a.ctl('journal')['rows']
            if row['object'] == identity][:3] == ['revoke', 'export', 'suspend']


def test_a_device_with_a_key_is_handed_over(work, fleet, hall, sensor):
    """Its label goes with it: at the other gateway it proves itself from any port, and needs neither a
    window nor a person. The old one keeps its door shut, key or not."""
    recorder = Recorder(fleet)
    a, b, path = hall('a'), hall('b'), os.path.join(work, 'parcel')
    label = Label('vault-9')
    done = a.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr
    open_window(a)

    def start(gateway, name):
        return sensor(name, ep=label.ep, gateway='127.0.0.1:%d' % gateway.coaps_port,
                      psk=label.psk.hex(), interval=0.3)
    old = start(a, 'at-a')
    a.ctl('approve', await_stage(a, label.ep, 'waiting-person')['id'])
    identity = await_stage(a, label.ep, 'active')['id']
    recorder.wait('gatehouse/hall-a/%s/telemetry' % identity, count=3)
    export(a, label.ep, b, path)
    await_stage(a, label.ep, 'revoked')
    # It hears that it may not publish when it tries to; why, when it asks again.
    old.wait_log(r'"state": ?"(suspended|revoked)"', 30)
    delivered = len(recorder.messages('gatehouse/hall-a/+/telemetry'))
    old.stop()

    b.ctl('devices', 'import', path)
    new = start(b, 'at-b')
    recorder.wait('gatehouse/hall-b/%s/telemetry' % identity, count=3)
    assert {one.user['gh-trust'] for one in recorder.messages('gatehouse/hall-b/+/telemetry')} == {'psk'}
    assert await_stage(b, label.ep, 'active')['trust'] == 'psk'
    again = start(a, 'back-at-a')
    again.wait_log(r'"state": ?"revoked"', 30)
    assert len(recorder.messages('gatehouse/hall-a/+/telemetry')) == delivered
    again.stop()
    new.stop()


def test_a_parcel_that_cannot_be(work, fleet, hall):
    a, b, path = hall('a'), hall('b'), os.path.join(work, 'parcel')
    one = let_in(a, 'mover')
    # Without a way for its readings it stays where it is.
    fleet.stop()
    for value in range(3):
        assert one.report(value).code == coap.CHANGED
    assert device(a, 'mover')['queued'] == 3
    a.ctl('suspend', device(a, 'mover')['id'])
    with pytest.raises(ToolError) as caught:
        export(a, 'mover', b, path)
    assert '3 readings of it are held here' in str(caught.value)
    a.ctl('resume', device(a, 'mover')['id'])
    fleet.start()
    # Sealed for the old gateway itself, it opens for nobody else.
    export(a, 'mover', a, path)
    with pytest.raises(ToolError) as caught:
        b.ctl('devices', 'import', path)
    assert 'sealed for another gateway' in str(caught.value)
    with open(path, encoding='ascii') as file:
        text = file.read()
    for damage, words in (('A' * 200, 'no parcel'), (text[:-8] + 'AAAAAAAA', 'damaged'), ('*', 'base64url')):
        with open(path + '-damaged', 'w', encoding='ascii') as file:
            file.write(damage)
        with pytest.raises(ToolError) as caught:
            a.ctl('devices', 'import', path + '-damaged')
        assert words in str(caught.value)
    with pytest.raises(ToolError) as caught:
        a.ctl('devices', 'import', path)
    assert 'known here already' in str(caught.value)
    a.ctl('forget', device(a, 'mover')['id'])
    a.ctl('devices', 'import', path)
    await_stage(a, 'mover', 'active')
    assert one.report(9).code == coap.CHANGED
    a.restart()
    await_stage(a, 'mover', 'active')
