# SPDX-License-Identifier: Apache-2.0
"""The platform aws against its stand-in with certificates that the gateway issues itself: registered by their
first connection, activated by a person (JITR) or by the template of the authority (JITP)."""

import os
import re
import sys

import pytest

from bed import coap, until
from bed.certificates import Authority
from bed.clock import another_clock
from bed.people import set_up
from bed.plain import await_stage, device

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws  # noqa: E402
from test_aws import DEVICES, SHADOWS, admitted, arrived, done, given, taken_in  # noqa: E402
from way_in import alarms, await_link, words_of_platform  # noqa: E402

SUBJECT = 'AWS::IoT::Certificate::'


def template():
    """As docs/platforms/aws.md has it: all of it comes from the subject of the certificate."""
    return {'Parameters': {SUBJECT + name: {'Type': 'String'}
                           for name in ('CommonName', 'SerialNumber', 'Organization', 'OrganizationalUnit', 'Id')},
            'Resources': {
                'thing': {'Type': 'AWS::IoT::Thing', 'Properties': {
                    'ThingName': {'Ref': SUBJECT + 'CommonName'},
                    'AttributePayload': {'serial': {'Ref': SUBJECT + 'SerialNumber'},
                                         'owner': {'Ref': SUBJECT + 'Organization'},
                                         'place': {'Ref': SUBJECT + 'OrganizationalUnit'}}}},
                'certificate': {'Type': 'AWS::IoT::Certificate', 'Properties': {
                    'CertificateId': {'Ref': SUBJECT + 'Id'}, 'Status': 'Active'}},
                'policy': {'Type': 'AWS::IoT::Policy', 'Properties': {'PolicyName': 'devices'}}}}


@pytest.fixture
def cloud(work):
    one = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    one.policies['devices'] = DEVICES
    one.template('jitp', template())
    yield one
    one.stop()


def authority(work, days):
    """(certificate, key) of one that a site has already."""
    own = Authority(os.path.join(work, 'site'), 'imported CA', days=days)
    with open(own.ca_file, encoding='ascii') as one, open(os.path.join(own.directory, 'ca.key'),
                                                          encoding='ascii') as other:
        return one.read(), other.read()


def begin(make_gateway, cloud, method, **aws):
    return make_gateway(config={'platform': {'default': 'aws'},
                                'aws': {**cloud.settings(), 'method': method, **aws},
                                'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()


def files_of(directory):
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                with open(os.path.join(place, name), 'rb') as file:
                    yield name, file.read()
            except OSError:
                pass  # it went meanwhile, or is a socket


@pytest.mark.deadline(300)
def test_a_person_activates_it(make_gateway, cloud, work):
    """Made here, registered there; the first connection is refused by design, and the device waits for the
    platform, over a restart too, until somebody activates the certificate by its fingerprint. Its reading arrives
    under its own identity."""
    gateway = begin(make_gateway, cloud, 'jitr')
    gateway.ctl('site-ca', 'make', '--name', 'plant CA')
    shown = gateway.api('GET', 'site-ca')[1]['site_ca']
    pem = gateway.tool('site-ca', 'certificate', '-').stdout
    assert gateway.ctl('site-ca', 'certificate', '-')['site_ca']['certificate'] == pem
    assert pem == shown['certificate'] and 'PRIVATE' not in pem and shown['name'] == 'plant CA'
    assert cloud.register_ca(pem).id == shown['fingerprint']
    proof = gateway.tool('site-ca', 'prove', '0f5e-CODE', '-').stdout
    path = os.path.join(work, 'proof.pem')
    answer = gateway.ctl('site-ca', 'prove', '0f5e-CODE', path)['certificate']
    with open(path, encoding='ascii') as file:
        assert file.read() == answer and answer.startswith('-----BEGIN CERTIFICATE-----')
    assert 'BEGIN CERTIFICATE' in proof and 'PRIVATE' not in proof
    pump = admitted(gateway, 'pump')
    until(lambda: len(cloud.events_of_certificates) >= 2, 60, 'it knocks again')
    until(lambda: 'waits at the platform' in (device(gateway, 'pump')['platform_why'] or ''), 30, 'it is said')
    waiting = device(gateway, 'pump')
    assert waiting['stage'] == 'waiting-platform'
    assert cloud.waiting() == [waiting['credential']['certificate']]
    gateway.restart(kill=True)
    until(lambda: len(cloud.events_of_certificates) >= 3, 60, 'it goes on knocking')
    assert cloud.waiting() == [waiting['credential']['certificate']], 'with the same certificate'
    cloud.activate(cloud.waiting()[0], thing='pump', policy=DEVICES)
    await_stage(gateway, 'pump', 'active', 120)
    await_link(gateway, 'pump')
    assert words_of_platform(gateway, pump) == ['approve', 'bind']
    assert device(gateway, 'pump')['credential']['certificate'] == waiting['credential']['certificate']
    assert pump.report(7).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [7], 60, 'it arrives')
    assert not alarms(gateway)


@pytest.mark.deadline(300)
def test_the_shadow_of_such_a_device(make_gateway, cloud):
    """Where the configuration says so: what is desired there comes to the device, and what is known of it here
    is reported. Where it does not the policy need not know of shadows."""
    cloud.policies['devices'] = {**DEVICES, 'Statement': DEVICES['Statement'] + SHADOWS['Statement']}
    gateway = begin(make_gateway, cloud, 'jitp', shadow=True)
    gateway.ctl('site-ca', 'make')
    cloud.register_ca(gateway.tool('site-ca', 'certificate', '-').stdout, template='jitp')
    pump = taken_in(gateway, 'pump', '--owner', 'Works Ltd')
    until(lambda: ((cloud.shadow('pump') or {}).get('reported', {}).get('gatehouse', {}).get('owner')
                   == 'Works Ltd'), 60, 'it is reported')
    cloud.desire('pump', {'interval': 5})
    until(lambda: given(pump)['args'] == {'interval': 5}, 60, 'what is desired comes')
    done(pump, given(pump), result={'interval': 5})
    until(lambda: cloud.shadow('pump')['reported'].get('interval') == 5, 60, 'it is reported as done')
    assert not any('shadow' in why for _, why in cloud.ends), cloud.ends


@pytest.mark.long
@pytest.mark.deadline(300)
def test_the_template_activates_it(make_gateway, cloud, work):
    """An imported authority with a template: nobody has to do anything. Its certificate deactivated there, a device
    stops with an alarm of its own, and no other does; activated it comes back. No key stands anywhere in clear."""
    certificate, key = authority(work, 200)
    gateway = begin(make_gateway, cloud, 'jitp')
    gateway.ctl('site-ca', 'import', '-', stdin=certificate + key)
    cloud.register_ca(certificate, template='jitp')
    pump = admitted(gateway, 'pump', '--place', 'plant room', '--owner', 'J. Doe')
    fan = admitted(gateway, 'fan')
    for ep in ('pump', 'fan'):
        await_stage(gateway, ep, 'active', 120)
        await_link(gateway, ep)
    assert cloud.things['pump'].attributes == {'serial': '-', 'owner': 'J.-Doe', 'place': 'plant-room'}
    assert not cloud.failed_provisioning and not cloud.over_limits()
    assert pump.report(1).code == coap.CHANGED and fan.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1] and arrived(cloud, 'fan') == [1], 60, 'both arrive')
    there = device(gateway, 'pump')['credential']['certificate']
    assert there == cloud.certificate_of('pump')
    cloud.deactivate(there)
    until(lambda: ('not-let-in', pump.id) in [(one['id'], one['subject']) for one in
                                              gateway.api('GET', 'alarms')[1]['alarms']], 90, 'it is said')
    assert pump.report(2).code == coap.CHANGED and fan.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'fan') == [1, 2], 60, 'the other one goes on')
    assert arrived(cloud, 'pump') == [1] and not cloud.online('pump')
    cloud.activate(there, thing='pump', policy=DEVICES)
    until(lambda: arrived(cloud, 'pump') == [1, 2], 120, 'what waited arrives')
    until(lambda: not alarms(gateway), 30, 'the alarm goes')
    secrets = [line.encode() for line in key.split('\n') if len(line) > 40] + [b'PRIVATE KEY']
    assert len(secrets) >= 3
    for name, data in files_of(gateway.state_directory):
        # The page has a certificate of its own, and its key beside it.
        assert not any(one in data for one in secrets if not name.startswith('page') or one != secrets[-1]), name
    for words in (('show', pump.id), ('journal',), ('site-ca', 'show')):
        said = gateway.tool(*words, json=True).stdout.encode()
        assert not any(one in said for one in secrets), words
    assert not any(one in gateway.log().encode() for one in secrets)


@pytest.mark.long
@pytest.mark.deadline(400)
@pytest.mark.usefixtures('set_clock')
def test_renewed_before_its_end(make_gateway, cloud, work):
    """The authority ends soon: that is said, until another one takes its place. Half of a certificate's life
    later the next one is made under that and waits for somebody there: said by an alarm, its fingerprint on page
    and tool, and tried less and less often. The one in use works until the next one is let in, over a crash, too;
    after that it can be taken away. No reading that was acknowledged is lost."""
    certificate, key = authority(work, 2)
    gateway = begin(make_gateway, cloud, 'jitr', certificate_life=3600)
    gateway.ctl('site-ca', 'import', '-', stdin=certificate + key)
    until(lambda: {one for one, _ in alarms(gateway)} == {'site-ca-ends'}, 30, 'its end is said')
    cloud.register_ca(certificate)
    pump = admitted(gateway, 'pump')
    until(cloud.waiting, 60, 'it has come')
    first = cloud.waiting()[0]
    cloud.activate(first, thing='pump', policy=DEVICES)
    await_stage(gateway, 'pump', 'active', 120)
    await_link(gateway, 'pump')
    assert pump.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1], 60, 'it arrives')
    gateway.ctl('site-ca', 'make', '--name', 'the next CA', '--replace')
    until(lambda: not alarms(gateway), 30, 'that alarm goes')
    cloud.register_ca(gateway.tool('site-ca', 'certificate', '-').stdout)

    # Forty minutes of its hour pass while the gateway is off.
    gateway.terminate()
    later = another_clock(work)(2400)
    before = len(cloud.events_of_certificates)
    gateway.start(env=later)
    await_link(gateway, 'pump', timeout=120)
    until(cloud.waiting, 60, 'the next one has come')
    second = cloud.waiting()[0]
    assert second != first
    assert pump.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2], 60, 'the one in use works')
    until(lambda: alarms(gateway) == {('certificate-waits', pump.id)}, 120, 'it is said')
    shown = device(gateway, 'pump')
    assert shown['credential']['certificate'] == first and shown['operation']['id'] == second
    assert shown['credential']['state'] == 'renewing' and 'next certificate waits' in shown['platform_why']
    said = gateway.tool('show', pump.id).stdout
    assert second in said and first in said
    page = set_up(gateway).get('/devices/' + pump.id)
    assert page.status == 200 and first in hexadecimal(page.text) and second in hexadecimal(page.text)
    # 0, 2, 6, 14, 30 s after it came and up to a fifth later each time, then each time twice as late.
    assert 5 <= len(cloud.events_of_certificates) - before <= 9

    gateway.kill()
    assert cloud.waiting() == [second]
    cloud.activate(second, thing='pump', policy=DEVICES)
    gateway.start(env=later)
    assert pump.report(3).code == coap.CHANGED
    until(lambda: device(gateway, 'pump')['credential']['certificate'] == second, 120, 'the next one is in use')
    await_link(gateway, 'pump')
    until(lambda: device(gateway, 'pump')['credential']['state'] == 'held', 30, 'it is over')
    cloud.deactivate(first)
    assert pump.report(4).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2, 3, 4], 60, 'all of it has arrived')
    assert cloud.online('pump')
    until(lambda: not alarms(gateway), 30, 'the alarm goes')


def hexadecimal(text):
    """A page breaks a fingerprint where a line may break."""
    return re.sub('[^0-9a-f]', '', text.lower())
