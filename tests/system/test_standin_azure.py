# SPDX-License-Identifier: Apache-2.0
"""The stand-in of DPS and IoT Hub against the vendor's own clients: what satisfies them, and what it
refuses, is like the real one."""

import json
import os
import sys

import pytest

from bed import vendor
from bed.certificates import Authority
from bed.vendor import Vendor, device_certificate

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from dps import Dps  # noqa: E402
from iothub import derived_key, shared_access_signature, signature  # noqa: E402

pytestmark = [pytest.mark.together, pytest.mark.skipif(
    bool(vendor.missing('azure-iot-device-mqtt')), reason=str(vendor.missing('azure-iot-device-mqtt')))]


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    one = Dps(str(tmp_path_factory.mktemp('azure'))).start()
    one.group = one.enrol_group('pumps')
    yield one
    one.stop()


@pytest.fixture(scope='module')
def registrar(cloud, tmp_path_factory):
    one = Vendor('vendor-azure.js', 'register', cloud.certificates.ca_file, {},
                 str(tmp_path_factory.mktemp('registrar') / 'out'))
    yield one
    one.close()


@pytest.fixture
def register(cloud, registrar):
    """register(name, key=... or cert=..., certKey=...): what the vendor's client says in the end."""
    return lambda name, **options: registrar.ask(host='localhost:%d' % cloud.port, scope=cloud.scope, id=name,
                                                 **options)


@pytest.fixture
def at_hub(cloud, tmp_path):
    made = []

    def start(name, **options):
        made.append(Vendor('vendor-azure.js', 'hub', cloud.certificates.ca_file, {
            'host': cloud.hub.name, 'door': 'localhost:%d' % cloud.hub.port, 'id': name, **options},
            str(tmp_path / ('%d.out' % len(made)))))
        return made[-1]
    yield start
    for one in made:
        one.close()


def test_vectors():
    """What real services were seen to accept."""
    assert derived_key('8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==',
                       'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6') == 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc='
    key = '18RQk/hOPJR9EbsJlk2j8WA6vWaj/yi+oaYg7zmxfQNdOyMSu+SJ8O7TSlZhDJCYmn4rzEiVKIzNiVAWjLxrGA=='
    assert signature(key, '0ne00111111%2Fregistrations%2Fmy-symkey-device\n1663952627') == \
        '8VPprb8BiTkuVE0hBqHm/SVrzVpdD8VZcXugntdbhuU='
    assert 'sig=f%2BwW8XOKeJOtiPc9Iwjc4OpExvPM7NlhM9qxN2a1aAM%3D' in shared_access_signature(
        key, 'MyExampleHub.azure-devices.net/devices/my-symkey-device', 1663119026)


def test_a_device_of_a_group(cloud, register, at_hub):
    """Registration with a pause and one more question, then all that a hub does."""
    key = derived_key(cloud.group.key, 'pump-1')
    cloud.delay = 1.5
    try:
        done = register('pump-1', key=key, payload={'model': 'P'})['assigned']
    finally:
        cloud.delay = 0
    assert (done['assignedHub'], done['deviceId'], done['status']) == ('localhost', 'pump-1', 'assigned')
    assert cloud.registrations['pump-1'].payload == {'model': 'P'}
    assert cloud.asked('GET/iotdps') == 2 and not cloud.over_limits()
    cloud.hub.desire('pump-1', {'interval': 5})
    one = at_hub('pump-1', key=key)
    assert one.wait('desired')['desired'] == {'interval': 5, '$version': 2}
    one.wait('open')
    assert cloud.hub.twin('pump-1')['reported'] == {'owner': 'plant', '$version': 2}
    topic, bag, payload = cloud.hub.await_events('pump-1', 1)[0]
    assert bag['gh-id'] == 'bed.1-1' and bag['$.ct'] == 'application/senml+json'
    assert json.loads(payload) == [{'n': 'seq', 'v': 7}] and topic.startswith('devices/pump-1/')
    assert cloud.hub.call('pump-1', 'turn', {'by': 3}) == (200, {'turned': {'by': 3}})
    cloud.hub.desire('pump-1', {'interval': 9})
    one.wait_for({'desired': {'interval': 9, '$version': 3}})
    cloud.hub.send('pump-1', b'hello', {'colour': 'blue & white'})
    message = one.wait('message')
    assert message['message'] == 'hello'
    assert {'key': 'colour', 'value': 'blue & white'} in message['properties']
    # Somebody else comes under its name: the older session ends, and only that.
    two = at_hub('pump-1', key=key)
    one.wait('disconnected')
    two.wait('open')
    cloud.hub.disable('pump-1')
    two.wait('disconnected')
    assert 'disabled' in cloud.hub.ends[-1][1]


def test_who_is_not_let_in(cloud, register, at_hub):
    wrong = derived_key(cloud.group.key, 'somebody-else')
    assert 'Not authorized' in register('pump-2', key=wrong)['message']
    cloud.skew = 30 * 86400  # the signature of an hour is long past
    try:
        own = derived_key(cloud.group.key, 'pump-2')
        assert 'Not authorized' in register('pump-2', key=own)['message']
    finally:
        cloud.skew = 0
    assert cloud.refusals('pump-2') == ['no enrolment, or a wrong key', 'the signature has expired']
    # An enrolment of its own counts for more than the group; a disabled one blocks.
    own = cloud.enrol('pump-3')
    own.enabled = False
    assert register('pump-3', key=own.key)['message'] == 'status is disabled'
    own.enabled = True
    cloud.fail('pump-3')
    assert register('pump-3', key=own.key)['message'] == 'registration failed'
    cloud.failures.clear()
    assert register('pump-3', key=own.key)['assigned']['substatus'] == 'deviceDataMigrated'
    assert 'pump-2' not in cloud.hub.identities
    assert at_hub('pump-3', key=wrong).wait('failed')['failed'] == 'UnauthorizedError'


def test_certificates(cloud, register, tmp_path, at_hub):
    """One signed by itself with an enrolment of its own, one of a group by its authority."""
    pem, key = device_certificate(str(tmp_path), 'lamp-1')
    cloud.enrol('lamp-1', certificate=pem)
    assert register('lamp-1', cert=pem, certKey=key)['assigned']['deviceId'] == 'lamp-1'
    at_hub('lamp-1', cert=pem, certKey=key).wait('open')
    # Whom the hub knows by a certificate it takes no signature of.
    assert at_hub('lamp-1', key=derived_key(cloud.group.key, 'lamp-1')).wait('failed')['failed'] == 'UnauthorizedError'
    assert cloud.hub.refusals('lamp-1') == ['another certificate than the registered one']
    authority = Authority(os.path.join(str(tmp_path), 'plant'), 'plant')
    with open(authority.ca_file, encoding='ascii') as file:
        cloud.enrol_group('lamps', authority=file.read())
    pem, key = device_certificate(str(tmp_path), 'lamp-2', authority)
    assert register('lamp-2', cert=pem, certKey=key)['assigned']['deviceId'] == 'lamp-2'
    at_hub('lamp-2', cert=pem, certKey=key).wait('open')
    other, key = device_certificate(str(tmp_path), 'lamp-3', authority)
    assert 'Not authorized' in register('lamp-4', cert=other, certKey=key)['message']
    assert cloud.refusals('lamp-4') == ['the certificate is for lamp-3']


def test_faults(cloud, register):
    """A throttled service is asked again; an answer that got lost does not make a second device."""
    key = derived_key(cloud.group.key, 'fan-1')
    cloud.faults.order('PUT/iotdps-register', status=429, retry_after=1)
    assert register('fan-1', key=key)['assigned']['deviceId'] == 'fan-1'
    assert cloud.registrations['fan-1'].count == 1
    cloud.faults.order('PUT/iotdps-register', lost=True)
    assert 'failed' in register('fan-1', key=key)
    assert register('fan-1', key=key)['assigned']['deviceId'] == 'fan-1'
    assert cloud.registrations['fan-1'].count == 3
    cloud.faults.order('CONNECT fan-1', status=3)
    assert 'failed' in register('fan-1', key=key)
    cloud.faults.clear()
