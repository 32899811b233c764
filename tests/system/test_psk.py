# SPDX-License-Identifier: Apache-2.0
"""Devices that prove their name with a key: DTLS from the first datagram to the reading at the broker."""


import socket
import subprocess
import time

import pytest

from bed import coap, until
from bed.label import Label
from bed.plain import PlainDevice, await_stage, let_in, open_window
from bed.wait import Stopwatch, free_port, stays


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker).start()


def know(gateway, *labels):
    """The labels are imported: the gateway can derive their keys."""
    lines = ''.join('%s,%s\n' % (one.ep, one.code) for one in labels)
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n' + lines, timeout=60)
    assert done.returncode == 0, done.stderr


def printable_label(ep):
    """One whose key can stand on a command line."""
    while True:
        label = Label(ep)
        if 0 not in label.psk:
            return label


def start(sensor, gateway, label, name=None, **more):
    return sensor(name or label.ep, ep=label.ep, gateway='127.0.0.1:%d' % gateway.coaps_port,
                  psk=label.psk.hex(), interval=0.3, **more)


def approve(gateway, ep):
    gateway.ctl('approve', await_stage(gateway, ep, 'waiting-person')['id'])
    return await_stage(gateway, ep, 'active')


def readings(recorder, device):
    return recorder.messages('gatehouse/bed/%s/telemetry' % device['id'])


def test_the_whole_way(gateway, recorder, sensor):
    label = Label('vault-1')
    know(gateway, label)
    open_window(gateway)
    one = start(sensor, gateway, label, model='V')
    device = approve(gateway, label.ep)
    assert device['trust'] == 'psk'
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], 3)
    assert {message.user['gh-trust'] for message in readings(recorder, device)} == {'psk'}
    one.stop()


def test_reboot_on_the_same_port(gateway, recorder, sensor):
    """Power is lost in the middle; the same port, a new session: in within 5 s, and the gateway too."""
    label = Label('vault-2')
    know(gateway, label)
    open_window(gateway)
    port = free_port(socket.SOCK_DGRAM)
    one = start(sensor, gateway, label, port=port)
    device = approve(gateway, label.ep)
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], 2)
    one.kill()
    count = len(readings(recorder, device))
    with Stopwatch() as took:
        two = start(sensor, gateway, label, name='again', port=port)
        two.wait_log(r'"state": ?"approved"', 20)
    assert took.seconds < 5, 'it took %.1f s' % took.seconds
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], count + 2)
    # The gateway forgets all sessions with its restart; the device finds that out by itself.
    gateway.restart(kill=True)
    two.kill()
    count = len(readings(recorder, device))
    three = start(sensor, gateway, label, name='third', port=port)
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], count + 2, timeout=30)
    three.stop()


@pytest.mark.long
def test_wrong_key_and_unknown_name(gateway, sensor):
    """Both look the same from outside: a handshake that nobody ends. A person is told of it."""
    label, other = Label('vault-3'), Label('vault-4')
    know(gateway, label)
    open_window(gateway)
    wrong = sensor('wrong', ep=label.ep, gateway='127.0.0.1:%d' % gateway.coaps_port,
                   psk=other.psk.hex(), interval=1)
    unknown = start(sensor, gateway, other)
    until(lambda: any(row['reason'] == 'handshake' and row['count'] >= 2
                      for row in gateway.ctl('heard')['heard']), 90, 'both were turned away')
    assert gateway.ctl('devices')['devices'] == []
    for one in (wrong, unknown):
        assert 'pending' not in one.log()
        one.stop()


def test_the_name_is_closed_to_those_who_prove_nothing(gateway, recorder, sensor):
    label = Label('vault-5')
    know(gateway, label)
    open_window(gateway)
    one = start(sensor, gateway, label)
    device = approve(gateway, label.ep)
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], 1)
    impostor = PlainDevice(gateway, label.ep)
    assert impostor.enrol().code == coap.CONFLICT
    assert impostor.report(666).code == coap.FORBIDDEN
    impostor.close()
    assert any(row['action'] == 'downgrade' and row['object'] == device['id']
               for row in gateway.ctl('journal')['rows'])
    one.stop()
    assert not any('666' in str(message.payload) for message in readings(recorder, device))


def test_a_proof_takes_the_name_over(gateway, recorder, sensor):
    """Somebody without a proof had the name, and was approved; then comes who has its key."""
    label = Label('vault-6')
    plain = let_in(gateway, label.ep, host='127.0.0.7')
    assert plain.report(1).code == coap.CHANGED
    know(gateway, label)
    one = start(sensor, gateway, label)
    until(lambda: any(message.user['gh-trust'] == 'psk' for message in
                      recorder.messages('gatehouse/bed/%s/telemetry' % plain.id)), 20,
          'its readings arrive with their tier')
    assert plain.report(2).code == coap.FORBIDDEN
    plain.close()
    one.stop()


def debian_client(gateway, label, path, payload, *options):
    """The client that Debian ships, with its own DTLS."""
    words = [b'coap-client-openssl', b'-m', b'post', b'-B', b'60', b'-u', label.ep.encode(), b'-k',
             label.psk, *[one.encode() for one in options], b'-e', payload.encode(),
             ('coaps://127.0.0.1:%d/%s' % (gateway.coaps_port, path)).encode()]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150,
                          check=False)
    return done.stdout.decode(errors='replace')


def test_debian_client(gateway, recorder):
    label = printable_label('vault-7')
    know(gateway, label)
    open_window(gateway)
    answer = debian_client(gateway, label, 'enrol', '{"model":"D"}', '-t', '50')
    assert 'pending' in answer, answer
    device = approve(gateway, label.ep)
    # without a name: the session has one
    answer = debian_client(gateway, label, 't', '21.5', '-t', '0')
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], 1)
    assert readings(recorder, device)[0].user['gh-trust'] == 'psk'
    assert 'ep is not the name' in debian_client(gateway, label, 't?ep=vault-8', '1', '-t', '0')


def test_a_key_that_is_withdrawn(gateway, recorder, sensor):
    """Its session ends with it, and there is no other."""
    label = Label('vault-9')
    know(gateway, label)
    open_window(gateway)
    one = start(sensor, gateway, label)
    device = approve(gateway, label.ep)
    recorder.wait('gatehouse/bed/%s/telemetry' % device['id'], 1)
    gateway.ctl('codes', 'drop', label.ep)
    until(lambda: time.monotonic() - readings(recorder, device)[-1].at > 2, 20,
          'nothing more arrives')
    count = len(readings(recorder, device))
    stays(lambda: len(readings(recorder, device)) == count, 4, 'nothing arrives')
    one.stop()
