# SPDX-License-Identifier: Apache-2.0
"""Many devices at once before a cloud that documents how often it may be asked."""

import os
import sys

import pytest

from bed import coap, until
from bed.plain import PlainDevice, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import ANYTHING, Aws, fleet_template  # noqa: E402
from dps import Dps  # noqa: E402
from test_aws_jit import template  # noqa: E402

MANY = 200


def enrolled(gateway, count):
    """So many devices that wait for a person, each from an address of its own."""
    open_window(gateway, 15)
    made = []
    for number in range(count):
        one = PlainDevice(gateway, 'many-%d' % number, '127.0.%d.%d' % (1 + number // 200, 1 + number % 200))
        assert one.enrol().code == coap.CREATED
        made.append(one)
    until(lambda: [one['stage'] for one in gateway.devices()] == ['waiting-person'] * count, 60, 'all of them wait')
    return made


# As many as come, from as many addresses as there are.
LAN = {'pending_max': MANY, 'new_per_minute': 10000, 'device_rate': 1000, 'device_burst': 1000}


def admitted_at_once(gateway):
    """All of them are let in within moments, and end connected."""
    devices = enrolled(gateway, MANY)
    for one in gateway.devices():
        status, answer = gateway.api('POST', 'devices/%s/admit' % one['id'], {})
        assert status < 300, answer
    until(lambda: all(one['stage'] == 'active' and one['link'] == 'up' for one in gateway.devices()), 400,
          'all of them are in', every=1)
    return devices


def all_report(devices, arrived):
    for number, one in enumerate(devices):
        assert one.report(number).code == coap.CHANGED
    until(lambda: arrived() == MANY, 60, 'a reading of each arrives')
    for one in devices:
        one.close()


@pytest.mark.long
@pytest.mark.deadline(600)
def test_azure(work, make_gateway):
    """All are admitted within moments; each ends registered and connected, and at no time was the
    service or the hub asked more often than it is documented to bear."""
    cloud = Dps(os.path.join(work, 'platform'), delay=0.5)
    cloud.throttled = True
    cloud.start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    path = os.path.join(work, 'group.key')
    with open(path, 'w', encoding='ascii') as file:
        file.write(cloud.enrol_group('all').key + '\n')
    try:
        gateway = make_gateway(config={
            'platform': {'default': 'azure'}, 'azure': {**cloud.settings(), 'group_key_file': path},
            'lan': LAN}).start()
        devices = admitted_at_once(gateway)
        assert len(cloud.registered()) == MANY and len(cloud.hub.sessions) == MANY
        assert not cloud.over_limits()
        assert [one.count for one in cloud.registrations.values()] == [1] * MANY, 'nobody registered twice'
        all_report(devices, lambda: len(cloud.hub.events()))
    finally:
        cloud.stop()


@pytest.mark.long
@pytest.mark.deadline(700)
def test_aws(work, make_gateway):
    """The same by claim: each ends as a thing with a certificate that is active, and at no time were
    certificates, things or connections asked for more often than an account may."""
    cloud = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    cloud.policies['devices'] = ANYTHING
    cloud.template('fleet', fleet_template())
    paths = [os.path.join(work, 'claim.' + end) for end in ('pem', 'key')]
    for path, text in zip(paths, cloud.claim('fleet')):
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
    try:
        gateway = make_gateway(config={
            'platform': {'default': 'aws'},
            'aws': {**cloud.settings(), 'template': 'fleet', 'claim_certificate_file': paths[0],
                    'claim_key_file': paths[1]},
            'lan': LAN}).start()
        devices = admitted_at_once(gateway)
        assert len(cloud.things) == MANY
        assert len([one for one in cloud.registry.values() if one.token and one.status == 'ACTIVE']) == MANY
        assert all(cloud.online(name) for name in cloud.things)
        assert not cloud.over_limits()
        all_report(devices, lambda: len(cloud.telemetry('gatehouse/bed/+/telemetry')))
    finally:
        cloud.stop()


@pytest.mark.long
@pytest.mark.deadline(700)
@pytest.mark.parametrize('method', ['jitp', 'jitr'])
def test_aws_just_in_time(work, make_gateway, method):
    """And with certificates that the gateway issues: each is registered by its first connection and activated by the
    template, or by a rule there that makes its thing; none came more often than it may, and none is left over."""
    cloud = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    cloud.policies['devices'] = ANYTHING
    cloud.template('jitp', template())
    try:
        gateway = make_gateway(config={'platform': {'default': 'aws'},
                                       'aws': {**cloud.settings(), 'method': method}, 'lan': LAN}).start()
        gateway.ctl('site-ca', 'make')
        ca = gateway.tool('site-ca', 'certificate', '-').stdout
        cloud.register_ca(ca, template='jitp' if method == 'jitp' else None)
        if method == 'jitr':
            cloud.rule = lambda event: cloud.activate(event['certificateId'],
                                                      thing=cloud.registry[event['certificateId']].common_name)
        devices = admitted_at_once(gateway)
        assert len(cloud.things) == MANY == len(cloud.first_seen)
        assert [one.status for one in cloud.registry.values()] == ['ACTIVE'] * MANY
        assert all(cloud.online(name) for name in cloud.things)
        assert not cloud.over_limits() and not cloud.failed_provisioning
        all_report(devices, lambda: len(cloud.telemetry('gatehouse/bed/+/telemetry')))
    finally:
        cloud.stop()
