# SPDX-License-Identifier: Apache-2.0
"""The platform azure with certificates: imported for one device, or issued under the site's authority for those of
a group. The provisioning service and the hub know their devices by them, and no signature is made."""

import os
import sys

import pytest

from bed import coap, until
from bed.clock import another_clock
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.vendor import device_certificate

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from dps import Dps, fingerprint  # noqa: E402
from test_aws_jit import files_of  # noqa: E402
from way_in import alarms, await_link  # noqa: E402

pytestmark = pytest.mark.usefixtures('set_clock')  # else a refusal is not believed


@pytest.fixture
def cloud(work):
    one = Dps(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    yield one
    one.stop()


def begin(make_gateway, cloud, **azure):
    return make_gateway(config={'platform': {'default': 'azure'}, 'azure': {**cloud.settings(), **azure},
                                'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()


def admitted(gateway, ep):
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    assert one.enrol().code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    gateway.ctl('admit', one.id)
    return one


def arrived(cloud, name):
    return list(cloud.hub.values(name).values())


def certificate(cloud, folder, name):
    """(fingerprint, [its file, its key's]); the handshake lets it pass."""
    os.makedirs(folder)
    pem, key = device_certificate(folder, name)
    cloud.trust(pem)
    return pem, key, [os.path.join(folder, name + end) for end in ('.pem', '.key')]


def hides(gateway, one, keys):
    """No key stands anywhere in clear."""
    secrets = [line.encode() for key in keys for line in key.split('\n') if len(line) > 40]
    assert secrets
    for name, data in files_of(gateway.state_directory):
        assert not any(secret in data for secret in secrets), name
    for words in (('show', one.id), ('journal',), ('tokens', 'list')):
        said = gateway.tool(*words, json=True).stdout.encode()
        assert not any(secret in said for secret in secrets), words
    assert not any(secret in gateway.log().encode() for secret in secrets)


def test_a_certificate_of_its_own(make_gateway, cloud, work):
    """An individual enrolment by certificate, whose common name is the registration id. Another one than the enrolled
    is refused, and said; one that is imported later takes the place of what is in use, and nothing is lost."""
    wrong_pem, wrong, files = certificate(cloud, os.path.join(work, 'wrong'), 'Boiler-1')
    pem, key, right = certificate(cloud, os.path.join(work, 'right'), 'Boiler-1')
    cloud.enrol('Boiler-1', certificate=pem)
    gateway = begin(make_gateway, cloud)
    assert wrong_pem != pem
    gateway.ctl('tokens', 'import', '-', stdin='ep,x509,key\nmeter,%s,%s\n' % tuple(files))
    meter = admitted(gateway, 'meter')
    until(lambda: ('pt-refused', meter.id) in alarms(gateway), 60, 'it is said')
    gateway.ctl('tokens', 'import', '-', stdin='ep,x509,key\nmeter,%s,%s\n' % tuple(right))
    await_stage(gateway, 'meter', 'active', 60)
    await_link(gateway, 'meter')
    shown = device(gateway, 'meter')
    assert shown['platform_id'] == 'Boiler-1' and shown['credential']['certificate'] == fingerprint(pem)
    assert cloud.hub.identities['Boiler-1'].thumbprint == fingerprint(pem)
    assert meter.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'Boiler-1') == [1], 60, 'it arrives')
    assert ('pt-refused', meter.id) not in alarms(gateway) and not cloud.over_limits()
    next_pem, next_key, files = certificate(cloud, os.path.join(work, 'next'), 'Boiler-1')
    cloud.enrol('Boiler-1', certificate=next_pem)
    gateway.ctl('tokens', 'replace', 'meter', '--platform', 'azure', '--certificate', files[0], '--key', files[1])
    until(lambda: cloud.hub.identities['Boiler-1'].thumbprint == fingerprint(next_pem), 60, 'the hub knows the next')
    assert meter.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'Boiler-1') == [1, 2], 90, 'it goes on')
    until(lambda: device(gateway, 'meter')['credential']['certificate'] == fingerprint(next_pem), 30, 'it is in use')
    assert not cloud.passwords and not cloud.hub.passwords, 'nothing was signed'
    hides(gateway, meter, (key, wrong, next_key))


@pytest.mark.deadline(300)
def test_certificates_of_the_site(make_gateway, cloud):
    """A group by the site's authority: each device gets a certificate of its own here. One that the hub has lost comes
    back with the same; one that is disabled there stops, and no other does."""
    gateway = begin(make_gateway, cloud, method='certificate')
    gateway.ctl('site-ca', 'make', '--name', 'plant CA')
    cloud.enrol_group('plant', authority=gateway.tool('site-ca', 'certificate', '-').stdout)
    pump, fan = admitted(gateway, 'pump'), admitted(gateway, 'fan')
    for one in (pump, fan):
        await_stage(gateway, one.ep, 'active', 120)
        await_link(gateway, one.ep)
        assert one.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1] and arrived(cloud, 'fan') == [1], 60, 'both arrive')
    used = {one.ep: device(gateway, one.ep)['credential']['certificate'] for one in (pump, fan)}
    assert used == {ep: cloud.hub.identities[ep].thumbprint for ep in ('pump', 'fan')}
    assert len(set(used.values())) == 2 and not alarms(gateway) and not cloud.over_limits()
    cloud.hub.remove('pump')
    until(lambda: cloud.registrations['pump'].count == 2, 90, 'it registers anew')
    await_link(gateway, 'pump')
    assert pump.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2], 60, 'it goes on')
    assert device(gateway, 'pump')['credential']['certificate'] == used['pump'], 'with the same certificate'
    # Somebody there has had enough of one: an enrolment of its own counts for more than the group.
    cloud.enrol('pump').enabled = False
    cloud.hub.disable('pump')
    assert pump.report(3).code == coap.CHANGED
    until(lambda: [what for what, who in alarms(gateway) if who == pump.id], 90, 'it is said')
    await_stage(gateway, 'pump', 'waiting-person', 90)
    assert fan.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'fan') == [1, 2], 60, 'the other one goes on')
    assert not cloud.hub.passwords, 'nothing was signed for the hub'


@pytest.mark.deadline(300)
def test_renewed_before_its_end(make_gateway, cloud, work):
    """Half of a certificate's life later the next one is made and registered, and the one in use works until the hub
    knows the other. The gateway dies while the service works on it, and once more before it hears that the hub knows
    it: it is one registration, with one certificate, of one device, and no reading that was acknowledged is lost."""
    gateway = begin(make_gateway, cloud, method='certificate', certificate_life=3600)
    gateway.ctl('site-ca', 'make', '--name', 'plant CA')
    cloud.enrol_group('plant', authority=gateway.tool('site-ca', 'certificate', '-').stdout)
    pump = admitted(gateway, 'pump')
    await_stage(gateway, 'pump', 'active', 120)
    await_link(gateway, 'pump')
    assert pump.report(1).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1], 60, 'it arrives')
    shown = device(gateway, 'pump')['credential']
    first, end = shown['certificate'], shown['expires']
    assert at_the_hub(cloud, 'pump') == first

    # Forty minutes of its hour pass while the gateway is off.
    gateway.terminate()
    later = another_clock(work)(2400)
    cloud.delay = 3600
    gateway.start(env=later)
    polls = cloud.asked('GET/iotdps')
    until(lambda: cloud.asked('GET/iotdps') > polls, 120, 'the next one is registered, and asked after')
    assert cloud.registrations['pump'].count == 2
    await_link(gateway, 'pump')
    assert pump.report(2).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2], 60, 'the one in use works')
    shown = device(gateway, 'pump')['credential']
    assert (shown['state'], shown['certificate']) == ('renewing', first) and at_the_hub(cloud, 'pump') == first

    gateway.restart(kill=True)
    await_link(gateway, 'pump')
    polls = cloud.asked('GET/iotdps')
    until(lambda: cloud.asked('GET/iotdps') > polls, 60, 'it is asked after')
    assert cloud.registrations['pump'].count == 2, 'nothing was begun anew'
    assert pump.report(3).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2, 3], 60, 'the one in use works')
    assert at_the_hub(cloud, 'pump') == first

    gateway.kill()
    cloud.finish()
    second = cloud.hub.identities['pump'].thumbprint
    assert second != first
    gateway.start(env=later)
    assert pump.report(4).code == coap.CHANGED
    until(lambda: arrived(cloud, 'pump') == [1, 2, 3, 4], 120, 'all of it has arrived')
    until(lambda: device(gateway, 'pump')['credential']['state'] == 'held', 60, 'it is over')
    shown = device(gateway, 'pump')['credential']
    assert shown['certificate'] == second == at_the_hub(cloud, 'pump') and shown['expires'] > end
    assert [one.fingerprint for one in cloud.operations.values()] == [first, second]
    assert cloud.registered() == ['pump'] == list(cloud.hub.identities)
    assert not alarms(gateway) and not cloud.hub.passwords


def at_the_hub(cloud, name):
    """The certificate that its session came with."""
    session = cloud.hub.sessions.get(name)
    return session and session.peer.fingerprint
