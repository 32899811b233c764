# SPDX-License-Identifier: Apache-2.0
"""The platform spotflow against its stand-in: tokens, approval there, a session per device, and what
goes wrong."""

import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading

import paho.mqtt.client as mqtt
import pytest

from bed import coap, until
from bed.broker import HOST
from bed.plain import PlainDevice, await_stage, device, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import WORKSPACE, Spotflow  # noqa: E402
from way_in import (admitted, alarms, arrived, await_link, configuration, hub_id,  # noqa: E402
                    import_pt, operation, taken_in, words_of_platform)

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
    return make_gateway(config=configuration(platform)).start()


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
    assert words_of_platform(gateway, pump) == ['operation', 'approve', 'bind']
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


class Thief:
    """Another client under a device's identity, which comes back a second after it was replaced."""

    def __init__(self, platform, one):
        self.client = mqtt.Client(*([mqtt.CallbackAPIVersion.VERSION1]
                                    if hasattr(mqtt, 'CallbackAPIVersion') else []), client_id=hub_id(one))
        self.client.tls_set(platform.authority.ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.tls_insecure_set(True)
        self.client.username_pw_set(platform.hub.username(hub_id(one)), platform.hub.admitted[hub_id(one)])
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(HOST, platform.hub.port)
        self.client.loop_start()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.deadline(480)
def test_somebody_else_under_its_identity(gateway, platform):
    """The hub says nothing of it; it is recognised by what the hub does, said in words, in the journal
    and as an alarm. Nobody fights, and all that was acknowledged arrives."""
    one = taken_in(gateway, platform, 'double')
    thief = Thief(platform, one)
    try:
        until(lambda: ('leak', one.id) in alarms(gateway), 240, 'it is said')
        found = device(gateway, 'double')
        assert found['platform_why'] == 'somebody else connected under its identity'
        assert words_of_platform(gateway, one) == ['operation', 'approve', 'bind', 'leak']
        gateway.wait_log('is taken over: somebody else connected under its identity')
        assert one.report(1).code == coap.CHANGED
    finally:
        thief.close()
    await_link(gateway, 'double', timeout=120)
    until(lambda: arrived(platform, one) == [1], 60, 'it arrives')
    assert platform.asked('init') == 1 and platform.asked('refresh') == 0


def files_below(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                yield path


class Capture:
    """Every packet on the loopback: what a neighbour on the LAN, and who sits on the way to the
    platform, could read. 'but' is the TCP port on which the stand-in speaks with itself."""

    def __init__(self, but):
        self.packets, self.but = {6: [], 17: []}, struct.pack('>H', but)
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
            if len(frame) < 42 or frame[12:14] != b'\x08\x00' or frame[23] not in self.packets:
                continue
            if frame[23] == 17 or self.but not in (frame[34:36], frame[36:38]):
                self.packets[frame[23]].append(frame[34:])

    def close(self):
        if self.socket:
            self.ended.set()
            self.thread.join(5)
            self.socket.close()


def test_no_secret_gets_out(gateway, platform):
    """PT, RT and SAS stand in no datagram on the LAN, no log, argument, environment or file but the
    sealed store; a crash leaves no core."""
    capture = Capture(platform.hub.local_port)
    gateway.ctl('tokens', 'operator', '--password-file', '-', stdin=platform.operator_token + '\n')
    one = taken_in(gateway, platform, 'safe')
    assert one.report(1).code == coap.CHANGED
    until(lambda: arrived(platform, one) == [1], 30, 'it arrives')
    capture.close()
    secrets = [secret.encode() for secret in platform.canaries()]
    assert len(secrets) >= 4

    def clean(text, what):
        assert not any(secret in text for secret in secrets), what
    if capture.socket:
        assert len(capture.packets[17]) >= 4 and len(capture.packets[6]) >= 20
        clean(b''.join(capture.packets[17]), 'the LAN')
        clean(b''.join(capture.packets[6]), 'the way to the platform')
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
