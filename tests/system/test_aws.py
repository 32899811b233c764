# SPDX-License-Identifier: Apache-2.0
"""The platform aws against its stand-in: fleet provisioning by claim, a certificate and a session for each
device, and what goes wrong."""

import json
import os
import sys

import pytest

from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws, document, fleet_template  # noqa: E402
from way_in import alarms, await_link, words_of_platform  # noqa: E402

CREATE, PROVISION = r'create-from-csr', r'/provision/json'
GET = r'/shadow/get$'
# As docs/platforms/aws.md has it: a thing is itself, and writes where it belongs; its shadow is its own.
DEVICES = document(('Connect', 'client/${iot:Connection.Thing.ThingName}'),
                   *((action, kind + '/gatehouse/bed/${iot:Connection.Thing.ThingName}/*')
                     for action, kind in (('Publish', 'topic'), ('Receive', 'topic'),
                                          ('Subscribe', 'topicfilter'))))

SHADOWS = document(*((action, kind + '/$aws/things/${iot:Connection.Thing.ThingName}/shadow/*')
                     for action, kind in (('Publish', 'topic'), ('Receive', 'topic'), ('Subscribe', 'topicfilter'))))


def template():
    """The thing is named by the gateway, and has what people here said of it."""
    body = fleet_template()
    for name in ('Owner', 'Place'):
        body['Parameters'][name] = {'Type': 'String', 'Default': '-'}
    body['Resources']['thing']['Properties']['AttributePayload'] = {
        'owner': {'Ref': 'Owner'}, 'place': {'Ref': 'Place'}}
    return body


@pytest.fixture
def cloud(work):
    one = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    one.policies['devices'] = DEVICES
    one.template('fleet', template())
    yield one
    one.stop()


def configuration(cloud, work, **aws):
    paths = [os.path.join(work, 'claim.' + end) for end in ('pem', 'key')]
    for path, text in zip(paths, cloud.claim('fleet')):
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
    return {'platform': {'default': 'aws'},
            'aws': {**cloud.settings(), 'template': 'fleet', 'claim_certificate_file': paths[0],
                    'claim_key_file': paths[1], **aws},
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


def admitted(gateway, ep, *options):
    one = asking(gateway, ep)
    gateway.ctl('admit', one.id, *options)
    return one


def taken_in(gateway, ep, *options):
    one = admitted(gateway, ep, *options)
    await_stage(gateway, ep, 'active', 120)
    await_link(gateway, ep)
    return one


def arrived(cloud, thing):
    """The values of its readings in the order in which they came first; one may come again with its id."""
    found = [json.loads(message.payload) for message in cloud.telemetry('gatehouse/bed/%s/telemetry' % thing)]
    return list({one['gh']['id']: one['body'][0]['v'] for one in found}.values())


def of_devices(cloud):
    """Certificates that were made here, by state."""
    return sorted(one.status for one in cloud.registry.values() if one.token)


@pytest.mark.deadline(500)
def test_the_whole_way(gateway, cloud):
    """A certificate by the claim, its thing with what people said of it, a session under the device's own
    identity, readings. Deactivated there it stops, and no other does; nothing that was acknowledged is lost."""
    pump = taken_in(gateway, 'pump', '--place', 'plant room', '--owner', 'J. Doe')
    assert device(gateway, 'pump')['platform_id'] == 'pump'
    assert cloud.things['pump'].attributes == {'owner': 'J._Doe', 'place': 'plant_room'}
    assert words_of_platform(gateway, pump) == ['approve', 'bind']
    fan = taken_in(gateway, 'fan')
    for value in range(20):
        assert pump.report(value).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == list(range(20)), 30, 'all of it arrives, in order')
    there = cloud.certificate_of('pump')
    cloud.deactivate(there)
    until(lambda: not cloud.online('pump'), 30, 'its session ends')
    for value in range(20, 25):
        assert pump.report(value).code == coap.CHANGED and fan.report(value).code == coap.CHANGED
    until(lambda: arrived(cloud, 'fan') == list(range(20, 25)), 30, 'the other one goes on')
    assert len(arrived(cloud, 'pump')) == 20 and cloud.online('fan')
    cloud.activate(there, thing='pump', policy=DEVICES)
    until(lambda: arrived(cloud, 'pump') == list(range(25)), 300, 'what waited arrives')
    assert of_devices(cloud) == ['ACTIVE', 'ACTIVE'] and not cloud.over_limits()
    # Nothing that is secret stands where somebody could read it.
    secrets = [line for one in cloud.canaries() for line in one.split('\n') if len(line) > 40]
    assert len(secrets) >= 4
    for words in (('show', pump.id), ('journal',), ('status',), ('alarms',)):
        assert not any(one in gateway.tool(*words, json=True).stdout for one in secrets), words
    assert not any(one in gateway.log() for one in secrets)
    assert 'PRIVATE KEY' not in gateway.log()
    assert not alarms(gateway)


def given(one):
    """The command that it is given when it asks, once there is one."""
    def asked():
        answer = one.client.exchange(coap.GET, 'd/%s/c' % one.id, options=[(coap.ACCEPT, b'\x32')])
        assert answer.code == coap.CONTENT, answer
        return json.loads(answer.payload) if answer.payload else None
    return until(asked, 60, 'a command waits for it')


def done(one, got, **more):
    answer = one.client.exchange(coap.POST, 'd/%s/c' % one.id, content_format=coap.JSON,
                                 payload=json.dumps({'cmd': got['cmd'], 'ok': True, **more}).encode())
    assert answer.code == coap.CHANGED, answer


@pytest.mark.deadline(400)
def test_the_shadow(gateway, cloud):
    """What is desired there is a command for the device, and what became of it is reported, as are its owner
    and place, whatever is restarted. A state may come twice, when a question and a report cross. Where the
    template does not want it nobody touches it."""
    fan = taken_in(gateway, 'fan')
    cloud.policies['devices'] = {**DEVICES, 'Statement': DEVICES['Statement'] + SHADOWS['Statement']}
    cloud.templates['fleet']['DeviceConfiguration'] = {'gatehouse-shadow': 'yes'}
    pump = taken_in(gateway, 'pump', '--owner', 'Works Ltd', '--place', 'hall 2')

    def part(name):
        return (cloud.shadow('pump') or {}).get(name, {})

    def reported():
        return part('reported').get('gatehouse', {})

    until(lambda: reported().get('owner') == 'Works Ltd', 60, 'it is reported')
    assert (reported()['state'], reported()['place'], reported()['ep']) == ('approved', 'hall 2', 'pump')
    # Twice at once: one command that holds all of it; the device has done it, so there is no delta.
    cloud.desire('pump', {'interval': 5})
    cloud.desire('pump', {'unit': {'of': 'C'}})
    until(lambda: given(pump)['args'] == {'interval': 5, 'unit': {'of': 'C'}}, 60, 'all that is desired')
    got = given(pump)
    assert got['name'] == 'configure'
    done(pump, got, result={'interval': 5})
    until(lambda: reported().get('configuration', {}).get('ok'), 60, 'it is reported')
    first = reported()['configuration']['version']
    assert reported()['configuration'] == {'version': first, 'ok': True, 'result': '{"interval":5}'}
    assert reported()['owner'] == 'Works Ltd'
    assert (part('reported')['interval'], part('reported')['unit']) == (5, {'of': 'C'})
    # It has had that one; what was changed meanwhile it gets, and a platform that is busy is asked again.
    gateway.terminate()
    cloud.desire('pump', {'interval': None})
    gateway.start()
    until(lambda: given(pump)['args'] == {'unit': {'of': 'C'}}, 60, 'the newer one')
    got = given(pump)
    assert got['name'] == 'configure'
    done(pump, got, ok=False)
    until(lambda: reported()['configuration']['version'] != first, 60, 'it is reported')
    assert not reported()['configuration']['ok']
    questions = cloud.asked(GET)
    gateway.restart()
    until(lambda: cloud.asked(GET) > questions, 60, 'it is asked for again')
    second = reported()['configuration']['version']
    cloud.desire('pump', {'long': 'x' * 600})
    until(lambda: reported()['configuration']['version'] != second, 60, 'that it cannot be')
    assert '512' in reported()['configuration']['reason']
    assert device(gateway, 'pump')['commands'] == []
    # Without a word of the template the device's policy need not know of shadows.
    gateway.ctl('rename', fan.id, '--place', 'hall 3')
    assert fan.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'fan') == [1], 60, 'it arrives')
    assert cloud.shadow('fan') is None
    assert not any('shadow' in why for _, why in cloud.ends), cloud.ends


@pytest.mark.long
@pytest.mark.deadline(600)
def test_refused_there(gateway, cloud):
    """By the hook of the template, by a template that is not there, by a claim that is not taken: each is said,
    and the next decision lets it in."""
    cloud.hooks['fleet'] = lambda parameters, _claim: {'allowProvisioning': parameters['SerialNumber'] != 'valve'}
    valve = admitted(gateway, 'valve')
    await_stage(gateway, 'valve', 'rejected', 120)
    assert 'hook' in device(gateway, 'valve')['platform_why'] and not cloud.things
    cloud.hooks.clear()
    former = cloud.templates.pop('fleet')
    gateway.ctl('admit', valve.id)
    await_stage(gateway, 'valve', 'trouble', 120)
    assert 'no such provisioning template' in device(gateway, 'valve')['platform_why'] and not cloud.things
    cloud.templates['fleet'] = former
    gateway.ctl('admit', valve.id)
    await_stage(gateway, 'valve', 'active', 120)
    await_link(gateway, 'valve')
    assert valve.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'valve') == [1], 30, 'it arrives')
    gateway.ctl('revoke', valve.id)
    until(lambda: not cloud.online('valve'), 30, 'it is let go')
    claims = [one for one in cloud.registry.values() if not one.token]
    for one in claims:
        cloud.deactivate(one.id)
    fan = admitted(gateway, 'fan')
    until(lambda: 'is the claim certificate active' in (device(gateway, 'fan')['platform_why'] or ''), 60, 'it is said')
    assert device(gateway, 'fan')['stage'] == 'waiting-platform'
    for one in claims:
        one.status = 'ACTIVE'
    await_stage(gateway, 'fan', 'active', 200)
    assert fan.id and cloud.things['fan']


@pytest.mark.long
@pytest.mark.deadline(600)
def test_lost_answers(gateway, cloud):
    """Each answer is lost once, the platform asks for patience, and the gateway dies between the two
    questions: it is one thing, and one certificate that is in use."""
    cloud.faults.order(CREATE, lost=True)
    cloud.faults.order(PROVISION, lost=True)
    cloud.faults.order(PROVISION, status=429)
    pump = admitted(gateway, 'pump')
    until(lambda: cloud.asked(PROVISION) >= 1, 60, 'its thing was asked for')
    gateway.kill()
    gateway.start()
    await_stage(gateway, 'pump', 'active', 120)
    await_link(gateway, 'pump')
    assert list(cloud.things) == ['pump']
    assert cloud.asked(CREATE) == 2, 'the certificate was on disk before its thing was asked for'
    assert of_devices(cloud).count('ACTIVE') == 1
    assert pump.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1], 30, 'it arrives')
