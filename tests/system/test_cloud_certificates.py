# SPDX-License-Identifier: Apache-2.0
"""Devices whose certificates somebody imported, with the platform mqtt before the stand-in of AWS IoT:
it registers them when they first come, somebody activates them, and may take that back."""

import os
import sys

import pytest

from bed import coap, until
from bed.certificates import Authority
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.vendor import device_certificate

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws, document  # noqa: E402
from dps import fingerprint  # noqa: E402

# A thing may be what its device is, and write where its device writes.
DEVICES = document(('Connect', 'client/gatehouse-bed-${iot:Connection.Thing.ThingName}'),
                   ('Publish', 'topic/gatehouse/bed/${iot:Connection.Thing.ThingName}/*'),
                   ('Subscribe', 'topicfilter/gatehouse/bed/${iot:Connection.Thing.ThingName}/*'),
                   ('Receive', 'topic/gatehouse/bed/${iot:Connection.Thing.ThingName}/*'))


class Site:
    def __init__(self, work, make_gateway):
        self.work = work
        self.cloud = Aws(os.path.join(work, 'cloud')).start()
        os.chmod(self.cloud.directory, 0o755)
        self.authority = Authority(os.path.join(work, 'site'), 'site')
        with open(self.authority.ca_file, encoding='ascii') as file:
            self.ca = self.cloud.register_ca(file.read())
        pem, _ = device_certificate(work, 'gateway')
        self.cloud.register(pem)
        for name in ('gateway.pem', 'gateway.key'):
            os.chmod(os.path.join(work, name), 0o644)
        settings = self.cloud.settings()
        self.gateway = make_gateway(config={
            'mqtt': {**settings, 'tls': True, 'certificate_file': os.path.join(work, 'gateway.pem'),
                     'key_file': os.path.join(work, 'gateway.key')},
            'platform': {'default': 'mqtt'}, 'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()

    def let_in(self, ep):
        """Approved here, with a certificate of the site's authority; its id there is 'there'."""
        open_window(self.gateway)
        one = PlainDevice(self.gateway, ep)
        assert one.enrol().code == coap.CREATED
        one.id = await_stage(self.gateway, ep, 'waiting-person')['id']
        pem, _ = device_certificate(self.work, ep, self.authority)
        one.there = fingerprint(pem)
        paths = [os.path.join(self.work, ep + end) for end in ('.pem', '.key')]
        self.gateway.ctl('tokens', 'import', '-', stdin='ep,certificate,key\n%s,%s,%s\n' % (ep, *paths))
        self.gateway.ctl('approve', one.id)
        await_stage(self.gateway, ep, 'active')
        return one

    def values(self, one):
        return len(self.cloud.telemetry('gatehouse/bed/%s/telemetry' % one.id))


@pytest.fixture
def site(work, make_gateway):
    one = Site(work, make_gateway)
    yield one
    one.gateway.close()
    one.cloud.stop()


def test_one_is_withdrawn(site):
    """Refused by design, activated by a person, in; deactivated, it stops and no other does; nothing that
    was acknowledged is lost."""
    pump, fan = site.let_in('pump'), site.let_in('fan')
    until(lambda: set(site.cloud.waiting()) == {pump.there, fan.there}, 60, 'both were registered')
    assert not site.cloud.online('gatehouse-bed-' + pump.id)
    for one in (pump, fan):
        site.cloud.activate(one.there, thing=one.id, policy=DEVICES)
        until(lambda: device(site.gateway, one.ep)['link'] == 'up', 90, '%s is connected' % one.ep)
        assert one.report(1).code == coap.CHANGED
        until(lambda: site.values(one) == 1, 30, 'its reading arrives')
    site.cloud.deactivate(pump.there)
    until(lambda: not site.cloud.online('gatehouse-bed-' + pump.id), 20, 'its session ends')
    for value in range(2, 12):
        assert pump.report(value).code == coap.CHANGED and fan.report(value).code == coap.CHANGED
    until(lambda: site.values(fan) == 11, 30, 'the other one goes on')
    assert site.values(pump) == 1 and site.cloud.online('gatehouse-bed-' + fan.id)
    site.cloud.activate(pump.there, thing=pump.id, policy=DEVICES)
    until(lambda: site.values(pump) == 11, 90, 'what waited arrives')
