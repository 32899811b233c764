# SPDX-License-Identifier: Apache-2.0
"""Devices with certificates of their own: their authority is registered, and its word is worth what
an administrator said. From the first datagram to the reading at the broker."""

import os
import re
import subprocess
import time

import pytest

from bed import until
from bed.label import Label
from bed.people import set_up
from bed.pki import DeviceAuthority, dates_that_are_over
from bed.plain import PlainDevice, await_stage, open_window
from bed.wait import stays
from bed import coap

STAMP = '/run/systemd/timesync/synchronized'
pytestmark = pytest.mark.usefixtures('set_clock')


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker).start()


@pytest.fixture
def maker(work):
    return DeviceAuthority(os.path.join(str(work), 'pki'))


def register(gateway, authority, admit='person', name=None):
    words = ['device-ca', 'add', authority.certificate, '--admit', admit]
    if name:
        words += ['--name', name]
    done = gateway.tool(*words, timeout=60)
    assert done.returncode == 0, done.stderr


def clock_is_set(gateway):
    return gateway.ctl('status')['clock']['synced']


def start(sensor, gateway, device, ep, name=None, **more):
    return sensor(name or ep, ep=ep, gateway='127.0.0.1:%d' % gateway.coaps_port, interval=0.3,
                  **device.options, **more)


def readings(recorder, device):
    return recorder.messages('gatehouse/bed/%s/telemetry' % device['id'])


def rows(gateway, action):
    return [row for row in gateway.ctl('journal')['rows'] if row['action'] == action]


def test_a_person_takes_it_in(gateway, maker, recorder, sensor):
    """The default: as any other device, while a window is open. Then it is known."""
    device = maker.issue('pump-1')
    register(gateway, maker, name='Pumps Ltd')
    assert [row['result'] for row in rows(gateway, 'device-ca add')] == ['admit = person']
    one = start(sensor, gateway, device, 'pump-1', model='P')
    until(lambda: any(row['reason'] == 'window-closed' for row in gateway.ctl('heard')['heard']
                      if row['count']), 20, 'no window is open')
    assert gateway.ctl('devices')['devices'] == []
    one.stop()
    open_window(gateway)
    one = start(sensor, gateway, device, 'pump-1', name='again', model='P')
    record = await_stage(gateway, 'pump-1', 'waiting-person')
    assert record['trust'] == 'cert' and record['fingerprint'] == device.fingerprint
    # A person can compare both, on the page.
    page = set_up(gateway)
    for path, shown in (('/devices/' + record['id'], device), ('/authorities', maker)):
        pairs = re.findall('..', shown.fingerprint.upper())
        assert ':<wbr>'.join(pairs) in page.get(path).html, path
    gateway.ctl('approve', record['id'])
    record = await_stage(gateway, 'pump-1', 'active')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], 2)
    assert {message.user['gh-trust'] for message in readings(recorder, record)} == {'cert'}
    # It is recognised after a restart of either, without a window.
    one.kill()
    gateway.restart(kill=True)
    count = len(readings(recorder, record))
    one = start(sensor, gateway, device, 'pump-1', name='third')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], count + 2, timeout=30)
    one.stop()
    # Nobody without its proof speaks for it.
    impostor = PlainDevice(gateway, 'pump-1')
    assert impostor.enrol().code == coap.CONFLICT
    impostor.close()


def test_its_authority_vouches(gateway, maker, recorder, sensor):
    """admit = auto: the first connection is all; in the journal stands whose word it was. What is
    withdrawn is out at once, in the middle of its session."""
    device, other = maker.issue('pump-2'), maker.issue('pump-3')
    register(gateway, maker, 'auto')
    if not clock_is_set(gateway):
        pytest.skip('the clock of this machine is not set')
    one = start(sensor, gateway, device, 'pump-2')
    record = await_stage(gateway, 'pump-2', 'active')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], 2)
    assert record['evidence'] == 'policy' and record['decided_by'] == 'Maker'
    approved = [row for row in rows(gateway, 'approve') if row['object'] == record['id']]
    assert [row['who'] for row in approved] == ['Maker']
    assert approved[0]['evidence'] == 'policy'
    # one device is blocked, the other goes on
    two = start(sensor, gateway, other, 'pump-3')
    second = await_stage(gateway, 'pump-3', 'active')
    recorder.wait('gatehouse/bed/%s/telemetry' % second['id'], 1)
    gateway.ctl('revoke', record['id'])
    gateway.ctl('block', record['id'])
    one.stop()
    one = start(sensor, gateway, device, 'pump-2', name='blocked')
    until(lambda: any(row['reason'] == 'certificate' and row['count']
                      for row in gateway.ctl('heard')['heard']), 40, 'it gets no session')
    count = len(readings(recorder, record))
    recorder.wait('gatehouse/bed/%s/telemetry' % second['id'],
                  len(readings(recorder, second)) + 2)
    # their authority is withdrawn
    gateway.ctl('device-ca', 'withdraw', maker.fingerprint[:12])
    assert len(rows(gateway, 'device-ca withdraw')) == 1
    until(lambda: time.monotonic() - readings(recorder, second)[-1].at > 2, 20,
          'nothing more arrives')
    after = len(readings(recorder, second))
    stays(lambda: len(readings(recorder, second)) == after, 3, 'nothing arrives')
    assert len(readings(recorder, record)) == count
    one.stop()
    two.stop()


def test_who_does_not_get_in(gateway, maker, work, sensor):
    """Under an authority that nobody registered, signed by itself, over, not for it: none becomes
    a record, and a person can see why."""
    stranger = DeviceAuthority(os.path.join(str(work), 'stranger'), 'Maker')
    register(gateway, maker, 'auto')
    if not clock_is_set(gateway):
        pytest.skip('the clock of this machine is not set')
    cases = {
        'foreign': (stranger.issue('pump-4'), 'no registered authority signed it'),
        'over': (maker.issue('pump-4', 'over', dates_that_are_over()), 'is over'),
    }
    for name, (device, why) in cases.items():
        one = start(sensor, gateway, device, 'pump-4', name=name)
        until(lambda why=why: why in gateway.log(), 20, why)
        one.stop()
    # another name than its own
    answer = debian_client(gateway, maker.issue('pump-5'), 'enrol?ep=pump-6', '{}', '-t', '50')
    assert 'ep is not the name' in answer, answer
    until(lambda: [one['ep'] for one in gateway.ctl('devices')['devices']] == ['pump-5'], 10,
          'only that one is there')


@pytest.mark.long
def test_a_second_certificate_with_its_name(gateway, maker, recorder, sensor):
    """Also one of the same authority: the first keeps the name until a person releases it."""
    first, second = maker.issue('pump-7'), maker.issue('pump-7', 'twin')
    register(gateway, maker, 'auto')
    if not clock_is_set(gateway):
        pytest.skip('the clock of this machine is not set')
    one = start(sensor, gateway, first, 'pump-7')
    record = await_stage(gateway, 'pump-7', 'active')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], 1)
    two = start(sensor, gateway, second, 'pump-7', name='twin')
    until(lambda: any(alarm['id'] == 'name-conflict' for alarm in gateway.ctl('alarms')['alarms']),
          20, 'a person is told')
    assert gateway.ctl('show', record['id'])['fingerprint'] == first.fingerprint
    count = len(readings(recorder, record))
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], count + 2)
    one.stop()
    two.stop()
    gateway.ctl('release', record['id'])
    two = start(sensor, gateway, second, 'pump-7', name='again')
    until(lambda: gateway.ctl('show', record['id'])['fingerprint'] == second.fingerprint, 60,
          'the other one has the name')
    two.stop()


@pytest.mark.long
def test_without_a_clock_a_person_decides(gateway, maker, sensor):
    register(gateway, maker, 'auto')
    if os.environ['GATEHOUSE_BED'] == 'plain':
        pytest.skip('this bed has no /run of its own')
    os.unlink(STAMP)
    if clock_is_set(gateway):
        pytest.skip('the clock of this machine is set')
    device = maker.issue('pump-8')
    one = start(sensor, gateway, device, 'pump-8')
    record = await_stage(gateway, 'pump-8', 'waiting-person')
    assert record['trust'] == 'cert'
    one.stop()
    # As soon as the time is known its authority's word counts.
    with open(STAMP, 'w', encoding='ascii'):
        pass
    two = start(sensor, gateway, device, 'pump-8', name='again')
    await_stage(gateway, 'pump-8', 'active')
    two.stop()


def test_files(make_gateway, broker, maker, sensor, work):
    """ca.d: what stands there is registered, with its policy; what is gone there is withdrawn."""
    directory = os.path.join(str(work), 'ca.d')
    os.makedirs(directory)
    path = os.path.join(directory, 'pumps.pem')
    with open(maker.certificate, encoding='ascii') as file:
        pem = file.read()
    with open(path, 'w', encoding='ascii') as file:
        file.write('admit = auto\n' + pem)
    profiles = os.path.join(str(work), 'devices.d')
    os.makedirs(profiles)
    gateway = make_gateway(broker=broker, config={'lan': {'device_cas': directory,
                                                          'profiles': profiles}}).start()
    until(lambda: gateway.ctl('device-ca', 'list')['device_cas'], 10, 'it is registered')
    row = gateway.ctl('device-ca', 'list')['device_cas'][0]
    assert (row['name'], row['admit'], row['file'], row['fingerprint']) == \
        ('pumps', 'auto', True, maker.fingerprint)
    done = gateway.tool('device-ca', 'withdraw', maker.fingerprint, timeout=60)
    assert done.returncode == 1 and 'file' in done.stderr
    # nonsense is said, and nothing changes
    with open(path, 'w', encoding='ascii') as file:
        file.write('admit = always\n' + pem)
    gateway.reload()
    until(lambda: 'admit = person or admit = auto' in gateway.log(), 10, 'it is said')
    assert gateway.ctl('device-ca', 'list')['device_cas'][0]['admit'] == 'auto'
    with open(path, 'w', encoding='ascii') as file:
        file.write(pem)
    # a reload that is refused for another reason changes nothing here either
    broken = os.path.join(profiles, 'broken.conf')
    with open(broken, 'w', encoding='ascii') as file:
        file.write('nonsense\n')
    refused = gateway.log().count('was not reloaded')
    gateway.reload()
    gateway.wait_log('was not reloaded', count=refused + 1)
    assert gateway.ctl('device-ca', 'list')['device_cas'][0]['admit'] == 'auto'
    assert len(rows(gateway, 'device-ca add')) == 1
    os.unlink(broken)
    gateway.reload()
    until(lambda: gateway.ctl('device-ca', 'list')['device_cas'][0]['admit'] == 'person', 10,
          'the policy changed')
    os.unlink(path)
    gateway.reload()
    until(lambda: not gateway.ctl('device-ca', 'list')['device_cas'], 10, 'it is withdrawn')
    assert [row['result'] for row in rows(gateway, 'device-ca add')] == \
        ['admit = person', 'admit = auto']


def debian_client(gateway, device, path, payload, *options):
    """The client that Debian ships, with its own DTLS."""
    words = ['coap-client-openssl', '-m', 'post', '-B', '60', '-c', device.certificate, '-j',
             device.key, '-n', *options, '-e', payload,
             'coaps://127.0.0.1:%d/%s' % (gateway.coaps_port, path)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150,
                          check=False)
    return done.stdout.decode(errors='replace')


def test_debian_client(gateway, maker, recorder):
    """Under an authority below the maker's, which alone is registered."""
    line = DeviceAuthority(maker.directory, 'Line', above=maker)
    device = line.issue('pump-9')
    register(gateway, line)
    open_window(gateway)
    answer = debian_client(gateway, device, 'enrol', '{"model":"D"}', '-t', '50')
    assert 'pending' in answer, answer
    record = await_stage(gateway, 'pump-9', 'waiting-person')
    gateway.ctl('approve', record['id'])
    record = await_stage(gateway, 'pump-9', 'active')
    debian_client(gateway, device, 't', '21.5', '-t', '0')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'], 1)
    assert readings(recorder, record)[0].user['gh-trust'] == 'cert'


@pytest.mark.long
def test_a_label_is_no_certificate(gateway, maker, recorder, sensor):
    """Who proved the name with the key of a label keeps it."""
    label = Label('pump-10')
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code),
                        timeout=60)
    assert done.returncode == 0, done.stderr
    register(gateway, maker, 'auto')
    open_window(gateway)
    one = sensor('label', ep=label.ep, gateway='127.0.0.1:%d' % gateway.coaps_port,
                 psk=label.psk.hex(), interval=0.3)
    gateway.ctl('approve', await_stage(gateway, label.ep, 'waiting-person')['id'])
    record = await_stage(gateway, label.ep, 'active')
    two = start(sensor, gateway, maker.issue('pump-10'), 'pump-10', name='certified')
    until(lambda: any(alarm['id'] == 'name-conflict' for alarm in gateway.ctl('alarms')['alarms']),
          20, 'a person is told')
    recorder.wait('gatehouse/bed/%s/telemetry' % record['id'],
                  len(readings(recorder, record)) + 2)
    assert gateway.ctl('show', record['id'])['trust'] == 'psk'
    one.stop()
    two.stop()
