# SPDX-License-Identifier: Apache-2.0
"""The stand-in of AWS IoT against the vendor's own client: what satisfies it, and what it refuses, is
like the real one."""

import json
import os
import sys

import pytest

from bed import until, vendor
from bed.certificates import Authority
from bed.vendor import Vendor, device_certificate, signing_request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import aws_shadow  # noqa: E402
from aws import Aws, document, fleet_template  # noqa: E402
from aws_policy import allows  # noqa: E402
from dps import fingerprint  # noqa: E402

pytestmark = [pytest.mark.together, pytest.mark.skipif(
    bool(vendor.missing('aws-iot-device-sdk')), reason=str(vendor.missing('aws-iot-device-sdk')))]

DEVICES = document(('Connect', 'client/${iot:Connection.Thing.ThingName}'),
                   *((action, '%s/%s' % (kind, topic)) for action, kind in (('Publish', 'topic'),
                                                                            ('Subscribe', 'topicfilter'))
                     for topic in ('plant/${iot:Connection.Thing.ThingName}/*',
                                   '$aws/things/${iot:Connection.Thing.ThingName}/shadow/*')))


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    one = Aws(str(tmp_path_factory.mktemp('aws'))).start()
    one.policies['devices'] = DEVICES
    one.template('fleet', fleet_template())
    one.claim_pem, one.claim_key = one.claim('fleet')
    yield one
    one.stop()


def credentials(cloud, name, pem, key):
    with open(cloud.certificates.ca_file, encoding='ascii') as file:
        return {'port': cloud.port, 'ca': file.read(), 'id': name, 'cert': pem, 'key': key}


@pytest.fixture
def client(cloud, tmp_path):
    made = []

    def start(name, pem, key, **options):
        made.append(Vendor('vendor-aws.js', 'connect', cloud.certificates.ca_file,
                           {**credentials(cloud, name, pem, key), **options},
                           str(tmp_path / ('%d.out' % len(made)))))
        return made[-1]
    yield start
    for one in made:
        one.close()


@pytest.fixture
def authority(tmp_path):
    one = Authority(str(tmp_path / 'site'), 'site of ' + tmp_path.name)
    with open(one.ca_file, encoding='ascii') as file:
        one.pem = file.read()
    return one


@pytest.fixture
def provision(cloud, tmp_path):
    """provision(serial, csr=...): what the service answers in the end."""
    one = Vendor('vendor-aws.js', 'provision', cloud.certificates.ca_file, {}, str(tmp_path / 'provision.out'))
    yield lambda serial, **options: one.ask(
        **credentials(cloud, 'claim-' + serial, cloud.claim_pem, cloud.claim_key), template='fleet', serial=serial,
        **options)
    one.close()


def test_it_registers_itself(cloud, client, authority, tmp_path):
    """JITR: refused by design, an event each time, then a person decides; what is withdrawn is out."""
    ca = cloud.register_ca(authority.pem)
    pem, key = device_certificate(str(tmp_path), 'meter-1', authority)
    other, other_key = device_certificate(str(tmp_path), 'meter-2', authority)
    one = client('meter-1', pem, key, topic='plant/meter-1/telemetry')
    one.wait('closed', 2)
    assert not any('connected' in event for event in one.said())
    event = cloud.events_of_certificates[0]
    assert (event['certificateId'], event['caCertificateId']) == (fingerprint(pem), ca.id)
    assert event['certificateStatus'] == 'PENDING_ACTIVATION' and cloud.waiting() == [fingerprint(pem)]
    cloud.activate(fingerprint(pem), thing='meter-1', policy=DEVICES)
    one.wait('published')
    assert [(message.topic, message.payload) for message in cloud.telemetry('plant/#')] == \
        [('plant/meter-1/telemetry', b'{"v":1}')]
    # The rule of an account does the same for the next one.
    cloud.rule = lambda event: cloud.activate(event['certificateId'], thing='meter-2', policy=DEVICES)
    two = client('meter-2', other, other_key)
    two.wait('connected')
    closed = len([event for event in one.said() if 'closed' in event])
    cloud.deactivate(fingerprint(pem))
    one.wait('closed', closed + 2)
    assert 'INACTIVE' in cloud.refusals('meter-1')[-1] and cloud.online('meter-2')
    # A CA that was withdrawn registers nobody, and harms nobody who is registered.
    ca.status = 'INACTIVE'
    late, late_key = device_certificate(str(tmp_path), 'meter-3', authority)
    client('meter-3', late, late_key).wait('closed')
    assert cloud.refusals('meter-3')[0] == 'its CA registers nobody' and cloud.online('meter-2')
    cloud.rule = None


def test_a_template_provisions_it(cloud, client, authority, tmp_path):
    """JITP: thing and policy come from the subject; a subject without the field waits for ever."""
    cloud.template('jitp', {
        'Parameters': {'AWS::IoT::Certificate::SerialNumber': {'Type': 'String'},
                       'AWS::IoT::Certificate::Id': {'Type': 'String'}},
        'Resources': {
            'thing': {'Type': 'AWS::IoT::Thing', 'Properties': {
                'ThingName': {'Fn::Join': ['', ['pump-', {'Ref': 'AWS::IoT::Certificate::SerialNumber'}]]},
                'AttributePayload': {'line': 'north'}}},
            'certificate': {'Type': 'AWS::IoT::Certificate', 'Properties': {
                'CertificateId': {'Ref': 'AWS::IoT::Certificate::Id'}, 'Status': 'ACTIVE'}},
            'policy': {'Type': 'AWS::IoT::Policy', 'Properties': {'PolicyDocument': json.dumps(DEVICES)}}}})
    cloud.register_ca(authority.pem, template='jitp')
    pem, key = device_certificate(str(tmp_path), 'p', authority, '/CN=p/serialNumber=77/O=plant')
    one = client('pump-77', pem, key)
    one.wait('connected')
    assert [event for event in one.said() if 'closed' in event], 'the first one was refused'
    assert cloud.things['pump-77'].attributes == {'line': 'north'}
    without, without_key = device_certificate(str(tmp_path), 'q', authority)
    client('pump-78', without, without_key).wait('closed', 2)
    assert cloud.failed_provisioning[0][0] == fingerprint(without)
    assert 'SerialNumber' in cloud.failed_provisioning[0][1]


def test_fleet_by_claim(cloud, client, provision, tmp_path):
    """With a request of its own and with a key that the service makes; a hook that may refuse; the
    claim is good for nothing else."""
    request, key = signing_request(str(tmp_path), 'fan-1')
    made = provision('fan-1', csr=request)
    assert made['thingName'] == 'fan-1' and made['certificateId'] == fingerprint(made['certificatePem'])
    assert 'privateKey' not in made and len(made['certificateOwnershipToken']) >= 32
    client('fan-1', made['certificatePem'], key).wait('connected')
    made = provision('fan-2')
    two = client('fan-2', made['certificatePem'], made['privateKey'], topic='plant/fan-1/telemetry')
    two.wait('closed')  # another device's topic
    assert 'may not publish to plant/fan-1' in ' '.join(why for _, why in cloud.ends)
    cloud.hooks['fleet'] = lambda parameters, _claim: {
        'allowProvisioning': parameters['SerialNumber'] != 'fan-3', 'parameterOverrides': {'SerialNumber': 'renamed'}}
    try:
        request, key = signing_request(str(tmp_path), 'fan-3')
        refused = provision('fan-3', csr=request)['rejected']
        assert refused['statusCode'] == 403 and 'fan-3' not in cloud.things
        assert provision('fan-4', csr=request)['thingName'] == 'renamed'
    finally:
        cloud.hooks.clear()
    try:
        cloud.faults.order('create-from-csr', after=lambda: setattr(cloud, 'skew', 3601))
        late = provision('fan-5', csr=request)['rejected']
        assert 'expired' in late['errorMessage'] and 'fan-5' not in cloud.things
    finally:
        cloud.skew = 0
    claim = client('claim-9', cloud.claim_pem, cloud.claim_key, topic='plant/claim-9/telemetry')
    claim.wait('closed')
    assert not cloud.telemetry('plant/claim-9/#')


def test_shadow(cloud, client, tmp_path):
    pem, key = device_certificate(str(tmp_path), 'lamp-1')
    cloud.register(pem, DEVICES, 'lamp-1')
    one = client('lamp-1', pem, key, shadow='lamp-1')
    one.wait('status')
    assert cloud.shadow('lamp-1') == {'desired': {}, 'reported': {'interval': 1}, 'version': 1}
    cloud.desire('lamp-1', {'interval': 7, 'name': {'de': 'Lampe'}})
    assert one.wait('delta')['delta'] == {'interval': 7, 'name': {'de': 'Lampe'}}
    cloud.revoke(fingerprint(pem))
    one.wait('closed')


def test_shadow_documents():
    shadows = aws_shadow.Shadows(lambda: 1000)
    topic = '$aws/things/x/shadow/update'

    def update(**request):
        return dict(shadows.serve(topic, json.dumps(request).encode()))
    with pytest.raises(Exception, match='404'):
        shadows.serve('$aws/things/x/shadow/get', b'')
    assert topic + '/delta' not in update(state={'reported': {'a': 1}}, clientToken='t')
    delta = update(state={'desired': {'a': 2, 'b': {'c': 3}}})[topic + '/delta']
    assert delta == {'state': {'a': 2, 'b': {'c': 3}}, 'version': 2, 'timestamp': 1000}
    with pytest.raises(Exception, match='409'):
        update(state={'reported': {'a': 2}}, version=1)
    assert update(state={'reported': {'a': 2}})[topic + '/delta']['state'] == {'b': {'c': 3}}
    assert topic + '/delta' not in update(state={'reported': {'b': {'c': 3}}})
    update(state={'desired': None})
    (_, whole), = shadows.serve('$aws/things/x/shadow/get', b'')
    assert whole['state'] == {'reported': {'a': 2, 'b': {'c': 3}}} and whole['version'] == 5


@pytest.mark.parametrize('action, resource, thing, expected', [
    ('Connect', 'client/a', 'a', True),
    ('Connect', 'client/b', 'a', False),
    ('Connect', 'client/', None, False),
    ('Publish', 'topic/plant/a/telemetry', 'a', True),
    ('Publish', 'topic/plant/a/secret/x', 'a', False),
    ('Subscribe', 'topicfilter/plant/#', 'a', False),
    ('Receive', 'topic/plant/a/x', 'a', False),
])
def test_policies(action, resource, thing, expected):
    deny = {'Statement': [{'Effect': 'Deny', 'Action': ['iot:*'], 'Resource': ['arn:aws:iot:eu:1:topic/*/secret/*']}]}
    assert allows([DEVICES, deny], action, resource, {'iot:Connection.Thing.ThingName': thing}) is expected


def test_who_has_no_certificate(cloud):
    """And who names no server; nothing is said to either."""
    import socket
    import ssl
    pem = cloud.make('nameless')
    for folder, text in zip(('n.pem', 'n.key'), pem):
        with open(os.path.join(cloud.directory, folder), 'w', encoding='ascii') as file:
            file.write(text)
    connect = bytes([16, 13]) + b'\0\4MQTT\4\2\0\x3c\0\1x'
    for name, with_certificate in (('localhost', False), (None, True)):
        context = ssl.create_default_context(cafile=cloud.certificates.ca_file)
        context.check_hostname = False
        if with_certificate:
            context.load_cert_chain(os.path.join(cloud.directory, 'n.pem'), os.path.join(cloud.directory, 'n.key'))
        with socket.create_connection(('127.0.0.1', cloud.port), timeout=20) as plain, \
                context.wrap_socket(plain, server_hostname=name) as tls:
            tls.sendall(connect)
            assert tls.recv(10) == b''
    assert cloud.refusals('x') == ['no certificate', 'no server name (SNI)']
    assert until(lambda: not cloud.online('x'), 5)
