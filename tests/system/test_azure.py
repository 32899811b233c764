# SPDX-License-Identifier: Apache-2.0
"""The platform azure against the stand-ins of its provisioning service and its hub: keys of a group and
of one device, registration, a session per device, and what goes wrong."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.wait import Stopwatch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import packets  # noqa: E402
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
    with Stopwatch() as took:
        while gateway.log().count('is up with MQTT') < 3:
            answer = belt.report(value)
            assert answer.code in (coap.CHANGED, TOO_MANY), answer
            value += answer.code == coap.CHANGED
        until(lambda: arrived(cloud, 'belt') == list(range(value)), 30, 'all of it, in order')
    # The hub cuts a session whose signature has ended. It is replaced six seconds before; on a machine
    # that stood still for about as long what was unanswered is sent again.
    cut = ('belt', 'the signature has expired') in cloud.hub.ends
    assert not cut or took.stood_still > 3
    assert cut or len(cloud.hub.events('belt')) == value, 'nothing came twice'
    assert cloud.registrations['belt'].count == 1
    assert alarms(gateway) == {('shared-token', 'azure')}


def test_somebody_else_comes_under_its_name(gateway, cloud):
    """The hub ends the older session (400027): it comes back by itself, and nothing that was acknowledged is lost."""
    pump = taken_in(gateway, 'pump')
    for value in range(2):
        cloud.hub.kick('pump')
        until(lambda: ('pump', '400027') in cloud.hub.ends, 30, 'its session ends')
        assert pump.report(value).code == coap.CHANGED
        until(lambda: arrived(cloud, 'pump') == list(range(value + 1)), 90, 'it arrives')
        cloud.hub.ends.clear()
    assert cloud.registrations['pump'].count == 1, 'its credential is as good as before'


def listening(cloud, name):
    until(lambda: '$iothub/methods/POST/#' in getattr(cloud.hub.sessions.get(name), 'subscribed', ()), 30,
          '%s listens' % name)


def waiting(gateway, one):
    return [each['name'] for each in device(gateway, one.ep)['commands']]


def given(one):
    """The command that it is given when it asks, once there is one."""
    def asked():
        answer = one.client.exchange(coap.GET, 'd/%s/c' % one.id, options=[(coap.ACCEPT, b'\x32')])
        assert answer.code == coap.CONTENT, answer
        return json.loads(answer.payload) if answer.payload else None
    return until(asked, 30, 'a command waits for it')


def done(one, got, **more):
    answer = one.client.exchange(coap.POST, 'd/%s/c' % one.id, content_format=coap.JSON,
                                 payload=json.dumps({'cmd': got['cmd'], 'ok': True, **more}).encode())
    assert answer.code == coap.CHANGED, answer


def results(cloud, name):
    return [json.loads(payload) for _, bag, payload in cloud.hub.events(name) if bag.get('gh-kind') == 'result']


def test_messages_to_a_device(gateway, cloud):
    """Cloud-to-device messages are commands: also one that came while the gateway was away. By the
    session of one device nobody commands another one."""
    pump, other = taken_in(gateway, 'pump'), taken_in(gateway, 'other')
    listening(cloud, 'pump')
    listening(cloud, 'other')
    cloud.hub.send('pump', b'{"seconds": 5}', {'command': 'set-rate'})
    got = given(pump)
    assert (got['name'], got['args']) == ('set-rate', {'seconds': 5})
    done(pump, got, result=[5])
    until(lambda: results(cloud, 'pump'), 30, 'the result is an event')
    assert results(cloud, 'pump') == [{'cmd': got['cmd'], 'ok': True, 'result': [5]}]
    # A hub, or who stands in its place, that names another device than the session's.
    stray = packets.publish('devices/other/messages/devicebound/command=open', b'{}')
    cloud.hub.ask(lambda: cloud.hub.sessions['pump'].write(stray))
    cloud.hub.send('pump', b'{}', {'command': 'behind-it'})
    assert given(pump)['name'] == 'behind-it'
    assert waiting(gateway, other) == []
    done(pump, given(pump))
    gateway.terminate()
    cloud.hub.send('other', b'{}', {'command': 'meanwhile'})
    gateway.start()
    assert given(other)['name'] == 'meanwhile'


def test_direct_methods(make_gateway, cloud, work):
    """A method waits for its device as long as its caller does, and what cannot be waited for is
    answered at once, or in time."""
    gateway = make_gateway(config={**configuration(cloud, work),
                                   'platform': {'default': 'azure', 'method_timeout': 60}}).start()
    pump = taken_in(gateway, 'pump')
    listening(cloud, 'pump')
    with ThreadPoolExecutor(1) as caller:
        call = caller.submit(cloud.hub.call, 'pump', 'turn', {'by': 3}, 60)
        got = given(pump)
        assert (got['name'], got['args']) == ('turn', {'by': 3})
        done(pump, got, result={'turned': 3})
        assert call.result() == (200, {'cmd': got['cmd'], 'ok': True, 'result': {'turned': 3}})
        call = caller.submit(cloud.hub.call, 'pump', 'turn', None, 60)
        got = given(pump)
        assert got['args'] == {}
        done(pump, got, ok=False)
        assert call.result() == (500, {'cmd': got['cmd'], 'ok': False})
    assert cloud.hub.call('pump', '!remote-access', {}) == \
        (404, {'cmd': None, 'ok': False, 'reason': 'this is not a command name'})
    status, answer = cloud.hub.call('pump', 'turn', 'x' * 600)
    assert status == 400 and '512' in answer['reason']
    # The device sleeps: its caller hears of it, and the device nothing when it wakes up.
    gateway.configure({'platform': {'method_timeout': 2}})
    gateway.reload()
    status, answer = cloud.hub.call('pump', 'too-late', {})
    assert status == 504 and answer['reason'] == 'expired'
    assert waiting(gateway, pump) == []
    assert not results(cloud, 'pump'), 'an answer is no event'


def test_the_twin(make_gateway, cloud, work):
    """What is desired there is a command for the device, and what became of it is reported, as are its
    owner and place; each version once, whatever is restarted or throttled."""
    gateway = make_gateway(config=configuration(cloud, work)).start()
    pump = asking(gateway, 'pump')
    gateway.ctl('admit', pump.id, '--owner', 'Works Ltd', '--place', 'hall 2')
    await_link(gateway, 'pump')

    def reported():
        return cloud.hub.twin('pump')['reported'].get('gatehouse', {})

    until(lambda: reported().get('owner') == 'Works Ltd', 30, 'it is reported')
    assert (reported()['state'], reported()['place'], reported()['ep']) == ('approved', 'hall 2', 'pump')
    assert waiting(gateway, pump) == [], 'nothing is wanted of it'
    # Twice at once: one command that holds all of it.
    cloud.hub.desire('pump', {'interval': 5})
    version = cloud.hub.desire('pump', {'unit': {'of': 'C'}})
    until(lambda: given(pump)['args'] == {'interval': 5, 'unit': {'of': 'C'}}, 30, 'all that is desired')
    got = given(pump)
    assert got['name'] == 'configure'
    done(pump, got, result={'interval': 5})
    until(lambda: reported().get('configuration', {}).get('version') == version, 30, 'it is reported')
    assert reported()['configuration'] == {'version': version, 'ok': True, 'result': '{"interval":5}'}
    assert reported()['owner'] == 'Works Ltd'
    # It has had that one; what was changed meanwhile it gets, and a hub that is busy is asked again.
    gateway.terminate()
    version = cloud.hub.desire('pump', {'interval': None})
    gateway.start()
    got = given(pump)
    assert (got['name'], got['args']) == ('configure', {'unit': {'of': 'C'}})
    done(pump, got, ok=False)
    until(lambda: reported().get('configuration', {}).get('version') == version, 30, 'it is reported')
    assert reported()['configuration'] == {'version': version, 'ok': False}
    questions = cloud.hub.asked('twin/GET')
    gateway.restart()
    until(lambda: cloud.hub.asked('twin/GET') > questions, 30, 'it is asked for again')
    version = cloud.hub.desire('pump', {'long': 'x' * 600})
    until(lambda: reported().get('configuration', {}).get('version') == version, 60, 'that it cannot be')
    assert '512' in reported()['configuration']['reason']
    assert waiting(gateway, pump) == []
    assert not results(cloud, 'pump'), 'that is no event'
