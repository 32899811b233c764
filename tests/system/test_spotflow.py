# SPDX-License-Identifier: Apache-2.0
"""The platform spotflow against its stand-in: tokens, approval there, a session per device, and what
goes wrong."""

import os
import re
import signal
import socket
import sys
import threading

import pytest

import bed
from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import WORKSPACE, Spotflow  # noqa: E402

TOO_MANY = 0x9d  # 4.29

pytestmark = pytest.mark.skipif(not hub.plugin(), reason='mosquitto has no dynamic security here')


@pytest.fixture
def platform(work):
    one = Spotflow(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    yield one
    one.stop()


@pytest.fixture
def gateway(make_gateway, platform):
    return make_gateway(config={'platform': {'default': 'spotflow'}, 'spotflow': platform.settings(),
                                'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()


def import_pt(gateway, platform, ep):
    pt = platform.new_pt()
    done = gateway.ctl('tokens', 'import', '-', stdin='ep,pt\n%s,%s\n' % (ep, pt))
    assert done['tokens'] == 1
    return pt


def admitted(gateway, platform, ep, **body):
    """Waits at the platform for somebody to approve it there."""
    pt = import_pt(gateway, platform, ep)
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    one.pt = pt
    assert one.enrol(**body).code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    gateway.ctl('admit', one.id)
    until(lambda: operation(gateway, ep)['state'] == 'awaiting', 30, 'the operation is open there')
    return one


def operation(gateway, ep):
    return device(gateway, ep)['operation']


def hub_id(one):
    return '%s:%s' % (WORKSPACE, one.id)


def await_link(gateway, ep, link='up', timeout=60):
    until(lambda: device(gateway, ep)['link'] == link, timeout, 'the link of %s is %s' % (ep, link))


def taken_in(gateway, platform, ep):
    one = admitted(gateway, platform, ep)
    platform.approve(platform.newest().code)
    await_stage(gateway, ep, 'active', 60)
    await_link(gateway, ep)
    return one


def alarms(gateway):
    return {(one['id'], one['subject']) for one in gateway.ctl('alarms')['alarms']}


def arrived(platform, one):
    return list(platform.hub.values(hub_id(one)).values())


def test_the_whole_way(gateway, platform):
    """PT, code, approval there, RT, SAS, readings under the device's own identity; a command down."""
    pump = admitted(gateway, platform, 'pump')
    assert platform.newest().wanted == pump.id
    assert platform.asked('init') == 1
    platform.approve(platform.newest().code)
    await_stage(gateway, 'pump', 'active', 60)
    await_link(gateway, 'pump')
    assert device(gateway, 'pump')['platform_id'] == hub_id(pump)
    for value in range(30):
        assert pump.report(value).code == coap.CHANGED
    until(lambda: arrived(platform, pump) == list(range(30)), 30, 'all of it arrives, in order')
    _, bag, _ = platform.hub.events(hub_id(pump))[0]
    assert bag['gh-trust'] and bag['gh-id'].startswith('bed.') and bag['$.ct'] == 'application/senml+json'
    # Polls were at least 5 s apart.
    times = platform.times('complete')
    assert all(later - earlier > 4.9 for earlier, later in zip(times, times[1:]))


def test_the_platforms_id_is_the_truth(gateway, platform):
    one = admitted(gateway, platform, 'meter')
    platform.other_id = 'renamed-by-the-approver'
    platform.approve(platform.newest().code)
    await_stage(gateway, 'meter', 'active', 60)
    assert device(gateway, 'meter')['platform_id'] == WORKSPACE + ':renamed-by-the-approver'
    await_link(gateway, 'meter')
    assert one.report(1).code == coap.CHANGED
    until(lambda: platform.hub.values(WORKSPACE + ':renamed-by-the-approver'), 30, 'it arrives')


def test_rejected_there(gateway, platform):
    admitted(gateway, platform, 'valve')
    platform.cancel(platform.newest().code)
    await_stage(gateway, 'valve', 'rejected', 60)
    assert platform.asked('init') == 1


def test_closed_by_somebody_else(gateway, platform):
    one = admitted(gateway, platform, 'lamp')
    platform.close(platform.newest().code)
    until(lambda: ('leak', one.id) in alarms(gateway), 60, 'there is an alarm')
    await_stage(gateway, 'lamp', 'waiting-person')
    assert platform.asked('init') == 1


def test_pt_is_not_taken(gateway, platform):
    pt = import_pt(gateway, platform, 'fan')
    platform.revoke_pt(pt)
    open_window(gateway)
    fan = PlainDevice(gateway, 'fan')
    assert fan.enrol().code == coap.CREATED
    fan.id = await_stage(gateway, 'fan', 'waiting-person')['id']
    gateway.ctl('admit', fan.id)
    until(lambda: ('pt-refused', fan.id) in alarms(gateway), 30, 'it is said')
    await_stage(gateway, 'fan', 'trouble')
    assert platform.asked('init') == 1
    # A new one is the decision that it waited for.
    import_pt(gateway, platform, 'fan')
    until(lambda: operation(gateway, 'fan')['state'] == 'awaiting', 30, 'a new operation is open')
    assert ('pt-refused', fan.id) not in alarms(gateway)


def test_approved_from_here(make_gateway, platform, work):
    """With an operator's token the approval at the gateway is the one at the platform."""
    path = os.path.join(work, 'operator')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(platform.operator_token + '\n')
    os.chmod(path, 0o644)
    gateway = make_gateway(config={
        'platform': {'default': 'spotflow'},
        'spotflow': {**platform.settings(), 'operator_token_file': path}}).start()
    import_pt(gateway, platform, 'door')
    open_window(gateway)
    door = PlainDevice(gateway, 'door')
    assert door.enrol().code == coap.CREATED
    gateway.ctl('approve', await_stage(gateway, 'door', 'waiting-person')['id'])
    await_stage(gateway, 'door', 'active', 60)
    assert platform.asked('approve') == 1


@pytest.mark.deadline(240)
def test_revoked_mid_stream(gateway, platform):
    """The session ends there and then; after one admission and one approval the device is back, and
    every reading that was acknowledged arrives."""
    press = taken_in(gateway, platform, 'press')
    for value in range(40):
        assert press.report(value).code == coap.CHANGED
        if value == 20:
            platform.revoke(press.id)
    until(lambda: ('leak', press.id) in alarms(gateway), 60, 'it is said')
    await_stage(gateway, 'press', 'waiting-person', 60)
    inits = platform.asked('init')
    gateway.ctl('admit', press.id)
    until(lambda: platform.newest(), 30, 'one operation is open')
    platform.approve(platform.newest().id)
    await_stage(gateway, 'press', 'active', 60)
    until(lambda: sorted(set(arrived(platform, press))) == list(range(40)), 60,
          'no acknowledged reading is lost')
    assert platform.asked('init') == inits + 1
    assert press.report(100).code == coap.CHANGED
    until(lambda: 100 in arrived(platform, press), 30, 'it goes on')


@pytest.mark.deadline(240)
def test_the_session_is_renewed(make_gateway, work):
    """A SAS of 30 s: it is replaced several times while readings flow, and nothing is lost or sent
    twice."""
    platform = Spotflow(os.path.join(work, 'platform'), sas_life=30).start()
    platform.same_sas = True
    try:
        gateway = make_gateway(config={
            'platform': {'default': 'spotflow'}, 'spotflow': platform.settings(),
            'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
        belt = taken_in(gateway, platform, 'belt')
        value = 0
        while platform.asked('register') < 3:
            answer = belt.report(value)
            assert answer.code in (coap.CHANGED, TOO_MANY), answer
            value += answer.code == coap.CHANGED
        until(lambda: arrived(platform, belt) == list(range(value)), 30, 'all of it, in order')
        assert len(platform.hub.events(hub_id(belt))) == value, 'nothing came twice'
        assert platform.asked('refresh') == 0
        # The session of the last one takes over when nothing of its forerunner is in flight.
        until(lambda: gateway.log().count('is up with MQTT') >= 3, 30, 'three sessions, one after the other')
        assert alarms(gateway) == set()
        gateway.close()
    finally:
        platform.stop()


@pytest.mark.long
@pytest.mark.deadline(400)
def test_faults_of_the_platform(gateway, platform):
    """Slow, broken, lost, too large, too often: it goes on by itself, and with one operation."""
    one = admitted(gateway, platform, 'mixer')
    for fault in ({'status': 503}, {'text': '{"registrationToken":'}, {'huge': 200000}, {'lost': True},
                  {'status': 429, 'retry_after': 1}):
        asked = platform.asked('complete')
        platform.faults.order('complete', **fault)
        until(lambda: platform.asked('complete') > asked and not platform.faults.waiting, 60,
              'it is asked again')
    platform.faults.order('register', status=500)
    platform.approve(platform.newest().code)
    await_stage(gateway, 'mixer', 'active', 90)
    assert platform.asked('init') == 1
    await_link(gateway, 'mixer')
    assert one.report(7).code == coap.CHANGED
    until(lambda: 7 in arrived(platform, one), 30, 'it arrives')


def test_a_wrong_certificate(make_gateway, platform, work):
    other = bed.certificates.Authority(os.path.join(work, 'other'), 'other')
    gateway = make_gateway(config={
        'platform': {'default': 'spotflow'},
        'spotflow': {**platform.settings(), 'ca_file': other.ca_file}}).start()
    import_pt(gateway, platform, 'saw')
    open_window(gateway)
    saw = PlainDevice(gateway, 'saw')
    assert saw.enrol().code == coap.CREATED
    gateway.ctl('admit', await_stage(gateway, 'saw', 'waiting-person')['id'])
    gateway.wait_log('its certificate is not trusted', 30)
    assert platform.asked() == 0


@pytest.mark.long
@pytest.mark.deadline(300)
def test_workspace_disabled(gateway, platform):
    one = admitted(gateway, platform, 'crane')
    platform.disabled = True
    until(lambda: ('platform-disabled', 'spotflow') in alarms(gateway), 60, 'it is said')
    assert operation(gateway, 'crane')['state'] == 'awaiting'
    platform.disabled = False
    platform.approve(platform.newest().code)
    await_stage(gateway, 'crane', 'active', 120)
    assert ('platform-disabled', 'spotflow') not in alarms(gateway)
    assert one.id


@pytest.mark.long
@pytest.mark.deadline(600)
def test_killed_at_every_step(make_gateway, platform):
    """SIGKILL right after each request of the way in, and at each of its waits: there is one operation
    more only where an answer was lost, and the device gets in."""
    gateway = make_gateway(config={'platform': {'default': 'spotflow'},
                                   'spotflow': platform.settings()}).start()
    for number, (path, count) in enumerate((('init', 1), ('complete', 1), ('complete', 2),
                                            ('register', 1))):
        ep = 'step-%d' % number
        import_pt(gateway, platform, ep)
        open_window(gateway)
        one = PlainDevice(gateway, ep)
        assert one.enrol().code == coap.CREATED
        before, inits = platform.asked(path), platform.asked('init')
        gateway.ctl('admit', await_stage(gateway, ep, 'waiting-person')['id'])
        if path != 'init':
            until(lambda: operation(gateway, ep)['state'] == 'awaiting', 30, 'it is open')
        if path == 'register':
            platform.approve(platform.newest().code)
        until(lambda: platform.asked(path) >= before + count, 60, 'it asks')
        gateway.restart(kill=True)
        until(lambda: operation(gateway, ep)['state'] in ('awaiting', 'issued', 'bound'), 60, 'it goes on')
        if platform.newest():
            platform.approve(operation(gateway, ep).get('id') or platform.newest().id)
        await_stage(gateway, ep, 'active', 60)
        assert platform.asked('init') - inits <= (2 if path == 'init' else 1)
        one.gateway = gateway
        await_link(gateway, ep)
        one.close()


def files_below(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                yield path


class Capture:
    """Every UDP datagram on the loopback: what a neighbour on the LAN could read."""

    def __init__(self):
        self.datagrams = []
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        except PermissionError:  # outside of a namespace only root may
            self.socket = None
            return
        self.socket.bind(('lo', 0))
        self.socket.settimeout(0.2)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.ended.is_set():
            try:
                frame = self.socket.recv(65536)
            except OSError:
                continue
            if len(frame) > 42 and frame[12:14] == b'\x08\x00' and frame[23] == 17:
                self.datagrams.append(frame[42:])

    def close(self):
        if self.socket:
            self.ended.set()
            self.thread.join(5)
            self.socket.close()


def test_no_secret_gets_out(gateway, platform):
    """PT, RT and SAS stand in no datagram on the LAN, no log, argument, environment or file but the
    sealed store; a crash leaves no core."""
    capture = Capture()
    one = taken_in(gateway, platform, 'safe')
    assert one.report(1).code == coap.CHANGED
    until(lambda: arrived(platform, one) == [1], 30, 'it arrives')
    capture.close()
    secrets = [secret.encode() for secret in platform.canaries()]
    assert len(secrets) >= 4

    def clean(text, what):
        assert not any(secret in text for secret in secrets), what
    if capture.socket:
        assert len(capture.datagrams) >= 4
        clean(b''.join(capture.datagrams), 'the LAN')
    for what in ('cmdline', 'environ'):
        with open('/proc/%d/%s' % (gateway.process.pid, what), 'rb') as file:
            clean(file.read(), what)
    for words in (('devices',), ('show', one.id), ('tokens', 'list'), ('journal',), ('alarms',), ('status',)):
        clean(gateway.tool(*words, json=True).stdout.encode(), words)
    # Whoever started it may have allowed cores: it does not.
    with open('/proc/%d/limits' % gateway.process.pid, encoding='ascii') as file:
        assert re.search(r'^Max core file size +0 +0 ', file.read(), re.M)
    gateway.process.signal(signal.SIGABRT)
    until(lambda: not gateway.process.alive, 20, 'it crashed')
    for path in files_below(gateway.directory):
        assert not os.path.basename(path).startswith('core'), path
        with open(path, 'rb') as file:
            clean(file.read(), path)
    gateway.wait_exit()
    gateway.start()
    await_link(gateway, 'safe')
