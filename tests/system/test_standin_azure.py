# SPDX-License-Identifier: Apache-2.0
"""The stand-in of DPS and IoT Hub against the vendor's own clients: what satisfies them, and what it
refuses, is like the real one."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from bed import until
from bed.browser import MODULES
from bed.certificates import Authority

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from dps import Dps  # noqa: E402
from iothub import derived_key, shared_access_signature, signature  # noqa: E402

SCRIPT = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'vendor-azure.js')

pytestmark = [pytest.mark.together, pytest.mark.skipif(
    not shutil.which('node') or not os.path.isdir(os.path.join(MODULES, 'azure-iot-device-mqtt')),
    reason='node, or the npm packages of the tests, are not installed')]


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    one = Dps(str(tmp_path_factory.mktemp('azure'))).start()
    one.group = one.enrol_group('pumps')
    yield one
    one.stop()


def environment(cloud):
    return {**os.environ, 'NODE_PATH': MODULES, 'NODE_EXTRA_CA_CERTS': cloud.certificates.ca_file}


def register(cloud, name, expect=0, **options):
    """The last word of the vendor's client."""
    done = subprocess.run(
        ['node', SCRIPT, 'register', json.dumps(
            {'host': 'localhost:%d' % cloud.port, 'scope': cloud.scope, 'id': name, **options})],
        env=environment(cloud), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class AtHub:
    """The vendor's client at the hub, until close()."""

    def __init__(self, cloud, folder, name, **options):
        hub = cloud.hub
        self.log_path = os.path.join(folder, '%s-%d.out' % (name, len(os.listdir(folder))))
        with open(self.log_path, 'wb') as output:
            self.popen = subprocess.Popen(
                ['node', SCRIPT, 'hub', json.dumps({'host': hub.name, 'door': 'localhost:%d' % hub.port,
                                                    'id': name, **options})],
                env=environment(cloud), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)

    def said(self):
        with open(self.log_path, encoding='utf-8') as file:
            return [json.loads(line) for line in file.read().splitlines() if line.startswith('{')]

    def wait(self, key):
        """The first thing said with this key."""
        def there():
            alive = self.popen.poll() is None
            found = [one for one in self.said() if key in one]
            assert found or alive, 'it ended and had said: %s' % self.said()
            return found and found[0]
        return until(there, 30, 'the client says ' + key)

    def close(self):
        self.popen.stdin.close()
        try:
            self.popen.wait(20)
        finally:
            self.popen.kill()


@pytest.fixture
def at_hub(cloud, tmp_path):
    made = []

    def start(name, **options):
        made.append(AtHub(cloud, str(tmp_path), name, **options))
        return made[-1]
    yield start
    for one in made:
        one.close()


def certificate(folder, name, authority=None):
    """(PEM, key PEM) of a device, signed by itself or by an authority."""
    path = os.path.join(folder, name)
    command = ['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
               '-keyout', path + '.key', '-subj', '/CN=' + name]
    if authority:
        subprocess.run([*command, '-out', path + '.csr'], check=True, capture_output=True)
        subprocess.run(['openssl', 'x509', '-req', '-in', path + '.csr', '-CA', authority.ca_file, '-CAkey',
                        os.path.join(authority.directory, 'ca.key'), '-CAcreateserial', '-days', '1',
                        '-out', path + '.pem'], check=True, capture_output=True)
    else:
        subprocess.run([*command, '-x509', '-days', '1', '-out', path + '.pem'], check=True, capture_output=True)
    with open(path + '.pem', encoding='ascii') as pem, open(path + '.key', encoding='ascii') as key:
        return pem.read(), key.read()


def test_vectors():
    """What real services were seen to accept."""
    assert derived_key('8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==',
                       'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6') == 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc='
    key = '18RQk/hOPJR9EbsJlk2j8WA6vWaj/yi+oaYg7zmxfQNdOyMSu+SJ8O7TSlZhDJCYmn4rzEiVKIzNiVAWjLxrGA=='
    assert signature(key, '0ne00111111%2Fregistrations%2Fmy-symkey-device\n1663952627') == \
        '8VPprb8BiTkuVE0hBqHm/SVrzVpdD8VZcXugntdbhuU='
    assert 'sig=f%2BwW8XOKeJOtiPc9Iwjc4OpExvPM7NlhM9qxN2a1aAM%3D' in shared_access_signature(
        key, 'MyExampleHub.azure-devices.net/devices/my-symkey-device', 1663119026)


def test_a_device_of_a_group(cloud, at_hub):
    """Registration with a pause and one more question, then all that a hub does."""
    key = derived_key(cloud.group.key, 'pump-1')
    cloud.delay = 1.5
    try:
        done = register(cloud, 'pump-1', key=key, payload={'model': 'P'})['assigned']
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
    until(lambda: {'desired': {'interval': 9, '$version': 3}} in one.said(), 20, 'it hears of it')
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


def test_who_is_not_let_in(cloud, at_hub):
    wrong = derived_key(cloud.group.key, 'somebody-else')
    assert 'Not authorized' in register(cloud, 'pump-2', 1, key=wrong)['message']
    cloud.skew = 30 * 86400  # the signature of an hour is long past
    try:
        own = derived_key(cloud.group.key, 'pump-2')
        assert 'Not authorized' in register(cloud, 'pump-2', 1, key=own)['message']
    finally:
        cloud.skew = 0
    assert cloud.refusals('pump-2') == ['no enrolment, or a wrong key', 'the signature has expired']
    # An enrolment of its own counts for more than the group; a disabled one blocks.
    own = cloud.enrol('pump-3')
    own.enabled = False
    assert register(cloud, 'pump-3', 1, key=own.key)['message'] == 'status is disabled'
    own.enabled = True
    cloud.fail('pump-3')
    assert register(cloud, 'pump-3', 1, key=own.key)['message'] == 'registration failed'
    cloud.failures.clear()
    assert register(cloud, 'pump-3', key=own.key)['assigned']['substatus'] == 'deviceDataMigrated'
    assert 'pump-2' not in cloud.hub.identities
    assert at_hub('pump-3', key=wrong).wait('failed')['failed'] == 'UnauthorizedError'


def test_certificates(cloud, tmp_path, at_hub):
    """One signed by itself with an enrolment of its own, one of a group by its authority."""
    pem, key = certificate(str(tmp_path), 'lamp-1')
    cloud.enrol('lamp-1', certificate=pem)
    assert register(cloud, 'lamp-1', cert=pem, certKey=key)['assigned']['deviceId'] == 'lamp-1'
    at_hub('lamp-1', cert=pem, certKey=key).wait('open')
    authority = Authority(os.path.join(str(tmp_path), 'plant'), 'plant')
    with open(authority.ca_file, encoding='ascii') as file:
        cloud.enrol_group('lamps', authority=file.read())
    pem, key = certificate(str(tmp_path), 'lamp-2', authority)
    assert register(cloud, 'lamp-2', cert=pem, certKey=key)['assigned']['deviceId'] == 'lamp-2'
    at_hub('lamp-2', cert=pem, certKey=key).wait('open')
    other, key = certificate(str(tmp_path), 'lamp-3', authority)
    assert 'Not authorized' in register(cloud, 'lamp-4', 1, cert=other, certKey=key)['message']
    assert cloud.refusals('lamp-4') == ['the certificate is for lamp-3']


def test_faults(cloud):
    """A throttled service is asked again; an answer that got lost does not make a second device."""
    key = derived_key(cloud.group.key, 'fan-1')
    cloud.faults.order('PUT/iotdps-register', status=429, retry_after=1)
    assert register(cloud, 'fan-1', key=key)['assigned']['deviceId'] == 'fan-1'
    assert cloud.registrations['fan-1'].count == 1
    cloud.faults.order('PUT/iotdps-register', lost=True)
    assert 'failed' in register(cloud, 'fan-1', 1, key=key)
    assert register(cloud, 'fan-1', key=key)['assigned']['deviceId'] == 'fan-1'
    assert cloud.registrations['fan-1'].count == 3
    cloud.faults.order('CONNECT fan-1', status=3)
    assert 'failed' in register(cloud, 'fan-1', 1, key=key)
    cloud.faults.clear()
