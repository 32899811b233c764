# SPDX-License-Identifier: Apache-2.0
"""A cloud that takes its time: until it has confirmed a device, whoever is let in here waits and is told so, whether
it asks or is told; then it hears that it is approved, and the cloud knows whose it is and where."""

import json
import os
import socket
import sys

import pytest

from bed import coap, until
from bed.plain import PlainDevice, await_stage, open_window
from bed.wait import free_port

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws  # noqa: E402
from dps import Dps  # noqa: E402
from test_aws import DEVICES  # noqa: E402
from test_aws_jit import template  # noqa: E402

NEVER = 3600
OF_PEOPLE = ('--owner', 'Works', '--place', 'hall-2')
pytestmark = [pytest.mark.usefixtures('set_clock'), pytest.mark.deadline(400)]


class Pair:
    """One device that asks, and one that is asked and told."""

    def __init__(self, gateway, sensor):
        self.gateway = gateway
        self.pump = PlainDevice(gateway, 'pump')
        port = free_port(socket.SOCK_DGRAM)
        self.hall = sensor('hall', ep='hall', mode='server', port=port)
        self.hall.wait_log('"listening"', 60)
        open_window(gateway)
        assert self.pump.enrol().code == coap.CREATED
        until(lambda: gateway.tool('add', '127.0.0.1:%d' % port, 'hall').returncode == 0, 60, 'it answers')
        for ep in ('pump', 'hall'):
            gateway.ctl('admit', await_stage(gateway, ep, 'waiting-person', 60)['id'], *OF_PEOPLE)

    def told(self):
        """What the one was told, in order."""
        events = [json.loads(line) for line in self.hall.log().split('\n') if line.startswith('{')]
        return [one['state'] for one in events if one.get('event') == 'status']

    def waits(self):
        for ep in ('pump', 'hall'):
            await_stage(self.gateway, ep, 'waiting-platform')
        said = self.pump.state(self.pump.enrol())
        assert said['state'] == 'pending' and not {'owner', 'place'} & set(said)
        assert self.pump.report(1).code == coap.FORBIDDEN
        assert 'approved' not in self.told()

    def is_in(self):
        for ep in ('pump', 'hall'):
            await_stage(self.gateway, ep, 'active', 200)
        said = self.pump.state(self.pump.enrol())
        assert (said['state'], said['owner'], said['place']) == ('approved', 'Works', 'hall-2')
        assert self.pump.report(2).code == coap.CHANGED
        until(lambda: 'approved' in self.told(), 60, 'it is told')


def test_aws(make_gateway, work, sensor):
    """A template that is applied late."""
    cloud = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    cloud.policies['devices'] = DEVICES
    cloud.template('jitp', template())
    cloud.activation = NEVER
    try:
        gateway = make_gateway(config={
            'platform': {'default': 'aws'}, 'aws': {**cloud.settings(), 'method': 'jitp'},
            'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
        gateway.ctl('site-ca', 'make')
        cloud.register_ca(gateway.tool('site-ca', 'certificate', '-').stdout, template='jitp')
        pair = Pair(gateway, sensor)
        until(lambda: len(cloud.waiting()) == 2 and len(cloud.events_of_certificates) >= 4, 90, 'they knock again')
        pair.waits()
        assert not cloud.things
        cloud.activation = 0
        pair.is_in()
        for ep in ('pump', 'hall'):
            assert cloud.things[ep].attributes == {'serial': '-', 'owner': 'Works', 'place': 'hall-2'}
    finally:
        cloud.stop()


def test_azure(make_gateway, work, sensor):
    """A service that assigns late."""
    cloud = Dps(os.path.join(work, 'platform'), delay=NEVER).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    path = os.path.join(work, 'group.key')
    with open(path, 'w', encoding='ascii') as file:
        file.write(cloud.enrol_group('all').key + '\n')
    try:
        gateway = make_gateway(config={
            'platform': {'default': 'azure'}, 'azure': {**cloud.settings(), 'group_key_file': path},
            'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
        pair = Pair(gateway, sensor)
        until(lambda: len(cloud.registrations) == 2 and cloud.asked('GET/iotdps') >= 4, 90, 'they are asked after')
        pair.waits()
        assert not cloud.hub.identities
        for one in cloud.registrations.values():
            assert (one.payload['owner'], one.payload['place']) == ('Works', 'hall-2')
        cloud.finish()
        pair.is_in()

        def reported(ep):
            return cloud.hub.twin(ep)['reported'].get('gatehouse', {})
        until(lambda: all((reported(ep).get('owner'), reported(ep).get('place'), reported(ep).get('state')) ==
                          ('Works', 'hall-2', 'approved') for ep in ('pump', 'hall')), 60, 'its twin has it')
    finally:
        cloud.stop()
