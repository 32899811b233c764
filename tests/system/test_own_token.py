# SPDX-License-Identifier: Apache-2.0
"""A provisioning token that a device brings: over DTLS it is kept for it, shown to nobody, and used once
a person has approved; in clear it is refused."""

import json
import os
import socket
import sys
import types

import pytest

from bed import coap, until
from bed.label import Label
from bed.people import set_up
from bed.pki import DeviceAuthority
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.relay import Relay
from bed.wait import free_port

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import Spotflow  # noqa: E402
from way_in import alarms, await_link, await_operation, configuration, hub_id, import_pt  # noqa: E402

pytestmark = pytest.mark.skipif(not hub.plugin(), reason='mosquitto has no dynamic security here')


@pytest.fixture
def platform(work):
    one = Spotflow(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    yield one
    one.stop()


@pytest.fixture
def gateway(make_gateway, platform):
    return make_gateway(config=configuration(platform)).start()


@pytest.fixture
def paper(work):
    """paper(pt): a file that holds it, as a device has it in its flash."""
    def write(pt, name='pt'):
        path = os.path.join(work, name)
        with open(path, 'w', encoding='ascii') as file:
            file.write(pt + '\n')
        os.chmod(path, 0o644)
        return path
    return write


def know(gateway, label):
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr


def brought(gateway):
    """The names whose token was brought, and since when."""
    return {one['ep']: one['since'] for one in gateway.ctl('tokens', 'list')['tokens'] if one['brought']}


def rows(gateway, action):
    return [row for row in gateway.ctl('journal')['rows'] if row['action'] == action]


def search(secrets, where, data):
    assert not any(secret.encode() in data for secret in secrets), 'a token is in ' + where


def search_files(secrets, *directories):
    for directory in directories:
        for folder, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, 'rb') as file:
                        search(secrets, path, file.read())


def test_from_the_device_to_the_platform(gateway, platform, sensor, paper):
    """Handed over, kept across a restart, shown as its own; used after the approval, and never replaced
    by the device from then on."""
    label, pt, other = Label('bringer'), platform.new_pt(), platform.new_pt()
    know(gateway, label)
    open_window(gateway)
    wires = []

    def start(name, token):
        wires.append(Relay(gateway.coaps_port))
        return sensor(name, ep=label.ep, gateway='127.0.0.1:%d' % wires[-1].port, psk=label.psk.hex(),
                      interval=0.5, pt=paper(token, name))
    first = start('first', other)
    one = await_stage(gateway, label.ep, 'waiting-person')
    assert one['own_token'] and (one['trust'], one['platform']) == ('psk', 'spotflow')
    assert list(brought(gateway)) == [label.ep]
    first.stop()
    # Its maker changed its mind: nobody has decided yet, so the next one counts.
    second = start('second', pt)
    until(lambda: len(rows(gateway, 'token')) == 2, 60, 'another one than the first is kept')
    second.stop()
    gateway.restart(kill=True)
    assert device(gateway, label.ep)['own_token'] and list(brought(gateway)) == [label.ep]
    page = set_up(gateway)
    path = '/devices/' + one['id']
    for where in (path, '/waiting'):
        assert 'its own, which it brought' in page.get(where).text
    assert 'brought by the device' in page.get('/uplink/tokens').text

    gateway.ctl('admit', one['id'])
    await_operation(gateway, label.ep)
    third = start('third', pt)
    assert platform.newest().pt == pt and platform.newest().wanted == one['id']
    platform.approve(platform.newest().code)
    await_stage(gateway, label.ep, 'active', 60)
    await_link(gateway, label.ep)
    here = types.SimpleNamespace(id=one['id'])
    until(lambda: platform.hub.values(hub_id(here)), 60, 'its readings arrive')
    third.stop()
    # Let in, it changes nothing any more by itself.
    since, count = brought(gateway), len(rows(gateway, 'token'))
    fourth = start('fourth', other)
    fourth.wait_log('"state": ?"approved"', 30)
    arrived = len(platform.hub.values(hub_id(here)))
    until(lambda: len(platform.hub.values(hub_id(here))) > arrived, 60, 'it goes on')
    assert brought(gateway) == since and len(rows(gateway, 'token')) == count
    fourth.stop()

    secrets = [pt, other]
    for words in (('devices',), ('show', one['id']), ('tokens', 'list'), ('journal',), ('alarms',), ('status',)):
        search(secrets, ' '.join(words), gateway.tool(*words, json=True).stdout.encode())
    for where in (path, '/uplink/tokens', '/waiting', '/journal'):
        search(secrets, where, page.get(where).html.encode())
    for wire in wires:
        search(secrets, 'a datagram', b''.join(wire.heard + wire.answered))
        wire.close()
    assert not any(kind == 'token-in-clear' for kind, _ in alarms(gateway))
    # Given free, its name has no token: whoever takes it next brings another.
    gateway.ctl('release', one['id'])
    assert brought(gateway) == {} and not device(gateway, label.ep)['own_token']
    gateway.terminate()
    search_files(secrets, gateway.directory)
    gateway.start()


def test_what_does_not_count(gateway, platform, sensor, paper):
    """In clear it is refused and an alarm; where an administrator gave one, that one stays; the name of a
    device that is forgotten has none any more."""
    plain = PlainDevice(gateway, 'clear')
    open_window(gateway)
    assert plain.enrol(pt=platform.new_pt()).code == coap.BAD_REQUEST
    assert ('token-in-clear', 'clear') in alarms(gateway)
    plain.close()
    given, kept = Label('given'), Label('kept')
    know(gateway, given)
    know(gateway, kept)
    imported = import_pt(gateway, platform, given.ep)
    sensors = [sensor(one.ep, ep=one.ep, gateway='127.0.0.1:%d' % gateway.coaps_port, psk=one.psk.hex(),
                      pt=paper(platform.new_pt(), one.ep)) for one in (given, kept)]
    for one in (given, kept):
        await_stage(gateway, one.ep, 'waiting-person')
    assert list(brought(gateway)) == [kept.ep]
    assert not device(gateway, given.ep)['own_token']
    gateway.ctl('admit', device(gateway, given.ep)['id'])
    await_operation(gateway, given.ep)
    assert platform.newest().pt == imported
    for one in sensors:
        one.stop()
    gateway.ctl('forget', device(gateway, kept.ep)['id'])
    assert [one['ep'] for one in gateway.ctl('tokens', 'list')['tokens']] == [given.ep]


def test_under_an_authority(set_clock, gateway, platform, sensor, paper, work):
    """A device with a certificate, whose authority admits it: it waits for its token alone."""
    maker = DeviceAuthority(os.path.join(str(work), 'pki'))
    done = gateway.tool('device-ca', 'add', maker.certificate, '--admit', 'auto', timeout=60)
    assert done.returncode == 0, done.stderr
    until(lambda: gateway.ctl('status')['clock']['synced'], 30, 'the clock is set')
    pt = platform.new_pt()
    one = sensor('machine', ep='machine', gateway='127.0.0.1:%d' % gateway.coaps_port, pt=paper(pt),
                 **maker.issue('machine').options)
    until(lambda: device(gateway, 'machine'), 30, 'it is known')
    await_operation(gateway, 'machine')
    assert platform.newest().pt == pt and device(gateway, 'machine')['trust'] == 'cert'
    assert device(gateway, 'machine')['own_token']
    one.stop()


def test_a_device_that_is_asked(gateway, platform, sensor, paper):
    """One that serves over DTLS says it in its description, before a window is open."""
    label, port, pt = Label('served'), free_port(socket.SOCK_DGRAM), platform.new_pt()
    one = sensor(label.ep, ep=label.ep, mode='server', port=port, psk=label.psk.hex(), pt=paper(pt))
    one.wait_log('"listening"', 30)
    know(gateway, label)
    words = ('add', 'coaps://127.0.0.1:%d' % port, label.ep)
    until(lambda: gateway.tool(*words).returncode == 0, 60, 'it answers')
    open_window(gateway)
    found = await_stage(gateway, label.ep, 'waiting-person', 60)
    until(lambda: device(gateway, label.ep)['own_token'], 30, 'it was asked for its token')
    gateway.ctl('admit', found['id'])
    await_operation(gateway, label.ep)
    assert platform.newest().pt == pt
    search([pt], 'the description of it', json.dumps(device(gateway, label.ep)).encode())
    assert not any(kind == 'token-in-clear' for kind, _ in alarms(gateway))
    one.stop()
