# SPDX-License-Identifier: Apache-2.0
"""The platform azure against the stand-ins of its provisioning service and its hub: keys of a group and
of one device, registration, a session per device, and what goes wrong."""

import os
import sys

import pytest

from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from dps import Dps  # noqa: E402
from iothub import new_key  # noqa: E402
from way_in import alarms, await_link, words_of_platform  # noqa: E402

TOO_MANY = 0x9d  # 4.29
pytestmark = pytest.mark.usefixtures('set_clock')  # else a refusal is not believed


@pytest.fixture
def cloud(work):
    one = Dps(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    one.group = one.enrol_group('pumps')
    yield one
    one.stop()


def configuration(cloud, work, **azure):
    path = os.path.join(work, 'group.key')
    with open(path, 'w', encoding='ascii') as file:
        file.write(cloud.group.key + '\n')
    return {'platform': {'default': 'azure'},
            'azure': {**cloud.settings(), 'group_key_file': path, **azure},
            'lan': {'device_rate': 1000, 'device_burst': 1000}}


@pytest.fixture
def gateway(make_gateway, cloud, work):
    return make_gateway(config=configuration(cloud, work)).start()


def asking(gateway, ep):
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    assert one.enrol().code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    return one


def admitted(gateway, ep):
    one = asking(gateway, ep)
    gateway.ctl('admit', one.id)
    return one


def taken_in(gateway, ep):
    one = admitted(gateway, ep)
    await_stage(gateway, ep, 'active', 60)
    await_link(gateway, ep)
    return one


def arrived(cloud, name):
    return list(cloud.hub.values(name).values())


def test_the_whole_way(gateway, cloud):
    """Group key, registration with a question after it, a session under the device's own identity,
    readings; renewed without anybody's help when the hub does not take it."""
    cloud.delay = 1.5
    pump = taken_in(gateway, 'pump')
    assert device(gateway, 'pump')['platform_id'] == 'pump'
    assert cloud.registered() == ['pump'] and not cloud.over_limits()
    assert cloud.registrations['pump'].payload['ep'] == 'pump'
    for value in range(30):
        assert pump.report(value).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == list(range(30)), 30, 'all of it arrives, in order')
    _, bag, _ = cloud.hub.events('pump')[0]
    assert bag['gh-trust'] and bag['gh-id'].startswith('bed.') and bag['$.ct'] == 'application/senml+json'
    assert words_of_platform(gateway, pump) == ['approve', 'bind']
    # Its identity is gone there: registered anew, it is there again, and nobody was asked.
    cloud.hub.remove('pump')
    until(lambda: cloud.registrations['pump'].count == 2, 60, 'it registers anew')
    await_link(gateway, 'pump')
    assert pump.report(100).code == coap.CHANGED
    until(lambda: 100 in arrived(cloud, 'pump'), 30, 'it goes on')
    # Nothing that is secret stands where somebody could read it.
    secrets = cloud.canaries()
    assert len(secrets) >= 3
    for words in (('show', pump.id), ('journal',), ('status',), ('alarms',)):
        assert not any(one in gateway.tool(*words, json=True).stdout for one in secrets), words
    assert not any(one in gateway.log() for one in secrets)
    assert ('shared-token', 'azure') in alarms(gateway)


def test_a_key_of_its_own(gateway, cloud):
    """An individual enrolment, under another name there. A wrong key is said; a right one goes on."""
    cloud.enrol('meter', device='Meter-0815')
    gateway.ctl('tokens', 'import', '-', stdin='ep,key\nmeter,%s\n' % new_key())
    meter = admitted(gateway, 'meter')
    until(lambda: ('pt-refused', meter.id) in alarms(gateway), 30, 'it is said')
    await_stage(gateway, 'meter', 'trouble')
    gateway.ctl('tokens', 'import', '-', stdin='ep,key\nmeter,%s\n' % cloud.enrolments['meter'].key)
    await_stage(gateway, 'meter', 'active', 60)
    await_link(gateway, 'meter')
    assert device(gateway, 'meter')['platform_id'] == 'Meter-0815'
    assert meter.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'Meter-0815') == [1], 30, 'it arrives')
    assert ('pt-refused', meter.id) not in alarms(gateway)
    assert [one['platform'] for one in gateway.ctl('tokens', 'list')['tokens']] == ['azure']


def test_disabled_there(gateway, cloud):
    """An enrolment that is disabled refuses its device, mid-stream as well; no other one is disturbed."""
    cloud.enrol('valve')
    gateway.ctl('tokens', 'import', '-', stdin='ep,key\nvalve,%s\n' % cloud.enrolments['valve'].key)
    cloud.enrolments['valve'].enabled = False
    valve = admitted(gateway, 'valve')
    await_stage(gateway, 'valve', 'rejected', 60)
    cloud.enrolments['valve'].enabled = True
    gateway.ctl('admit', valve.id)
    await_stage(gateway, 'valve', 'active', 60)
    await_link(gateway, 'valve')
    other = taken_in(gateway, 'other')
    cloud.enrolments['valve'].enabled = False
    cloud.hub.disable('valve')
    assert valve.report(7).code == coap.CHANGED
    until(lambda: ('leak', valve.id) in alarms(gateway), 60, 'it is said')
    await_stage(gateway, 'valve', 'waiting-person', 60)
    assert other.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'other') == [1], 30, 'the other one goes on')
    cloud.enrolments['valve'].enabled = True
    cloud.hub.enable('valve')
    gateway.ctl('admit', valve.id)
    await_stage(gateway, 'valve', 'active', 60)
    until(lambda: arrived(cloud, 'valve') == [7], 60, 'what was acknowledged is not lost')


def test_the_signature_is_renewed(make_gateway, cloud, work):
    """A life of 12 s: the session is replaced several times while readings flow; nothing is lost or
    sent twice, and the provisioning service is asked no more."""
    gateway = make_gateway(config=configuration(cloud, work, sas_lifetime=12)).start()
    belt = taken_in(gateway, 'belt')
    value = 0
    while gateway.log().count('is up with MQTT') < 3:
        answer = belt.report(value)
        assert answer.code in (coap.CHANGED, TOO_MANY), answer
        value += answer.code == coap.CHANGED
    until(lambda: arrived(cloud, 'belt') == list(range(value)), 30, 'all of it, in order')
    assert len(cloud.hub.events('belt')) == value, 'nothing came twice'
    assert cloud.registrations['belt'].count == 1
    assert alarms(gateway) == {('shared-token', 'azure')}
