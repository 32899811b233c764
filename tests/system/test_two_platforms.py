# SPDX-License-Identifier: Apache-2.0
"""One gateway, two platforms at once: whoever takes a device in says to which of them it goes, and each
device's readings go to its own and to no other."""

import json
import os
import sys

import pytest

from bed import coap, until
from bed.gateway import ToolError
from bed.people import set_up
from bed.plain import PlainDevice, await_stage, device, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from dps import Dps  # noqa: E402
from way_in import await_link  # noqa: E402

pytestmark = pytest.mark.usefixtures('set_clock')


@pytest.fixture
def cloud(work):
    one = Dps(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    one.group = one.enrol_group('pumps')
    yield one
    one.stop()


@pytest.fixture
def gateway(make_gateway, broker, cloud, work):
    path = os.path.join(work, 'group.key')
    with open(path, 'w', encoding='ascii') as file:
        file.write(cloud.group.key + '\n')
    return make_gateway(broker=broker, config={
        'platform': {'default': 'local', 'others': ['azure']},
        'azure': {**cloud.settings(), 'group_key_file': path},
        'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()


def asking(gateway, ep):
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    assert one.enrol().code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    return one


def at_the_broker(recorder, one):
    return [json.loads(got.payload)[0]['v'] for got in recorder.messages('gatehouse/bed/%s/telemetry' % one.id)]


def at_the_hub(cloud, one):
    return list(cloud.hub.values(one.ep).values())


def test_each_device_at_its_own(gateway, cloud, recorder):
    pump, door = asking(gateway, 'pump'), asking(gateway, 'door')
    assert device(gateway, 'pump')['platforms'] == ['local', 'azure']
    # Who approves is the platform's matter: here it is an admission, and its group key the approval.
    gateway.ctl('approve', pump.id, '--platform', 'azure')
    gateway.ctl('approve', door.id)
    for one in (pump, door):
        await_stage(gateway, one.ep, 'active', 60)
        await_link(gateway, one.ep)
    assert device(gateway, 'pump')['platform'] == 'azure' and device(gateway, 'door')['platform'] == 'local'
    assert device(gateway, 'pump')['platforms'] == [] == device(gateway, 'door')['platforms']
    for value in range(10):
        assert pump.report(value).code == coap.CHANGED
        assert door.report(100 + value).code == coap.CHANGED
    until(lambda: at_the_hub(cloud, pump) == list(range(10)), 30, 'those of the one at the hub')
    until(lambda: at_the_broker(recorder, door) == list(range(100, 110)), 30, 'those of the other')
    assert not at_the_broker(recorder, pump) and not at_the_hub(cloud, door)
    # The same after a kill: the record says where a device belongs.
    gateway.restart(kill=True)
    for one in (pump, door):
        await_link(gateway, one.ep)
    assert pump.report(50).code == coap.CHANGED and door.report(150).code == coap.CHANGED
    until(lambda: 50 in at_the_hub(cloud, pump), 30, 'the one goes on')
    until(lambda: 150 in at_the_broker(recorder, door), 30, 'the other as well')
    rows = {(row['object'], row['action'], row['result']) for row in gateway.ctl('journal')['rows']}
    assert (pump.id, 'admit', 'done, at azure') in rows and (door.id, 'approve', 'done') in rows


def test_chosen_on_the_page(gateway, cloud):
    one = asking(gateway, 'hall')
    page = set_up(gateway)
    seen = page.get('/waiting')
    form = seen.form('/devices/%s/approve' % one.id)
    assert form.fields['platform'] == 'local' and '<option value="azure">' in seen.html
    assert page.submit(form, platform='azure').status == 200
    await_stage(gateway, 'hall', 'active', 60)
    assert device(gateway, 'hall')['platform'] == 'azure'
    assert one.report(1).code == coap.CHANGED
    until(lambda: at_the_hub(cloud, one) == [1], 30, 'it arrives there')
    assert 'name="platform"' not in page.get('/devices/%s' % one.id).html


def test_refused_and_changed_later(gateway, cloud, recorder):
    one = asking(gateway, 'mast')
    with pytest.raises(ToolError) as refused:
        gateway.ctl('approve', one.id, '--platform', 'aether')
    assert 'aether is no platform of this gateway; allowed: local, azure.' in str(refused.value)
    assert device(gateway, 'mast')['stage'] == 'waiting-person'
    gateway.ctl('approve', one.id)
    await_link(gateway, 'mast')
    with pytest.raises(ToolError) as refused:
        gateway.ctl('approve', one.id, '--platform', 'azure')
    assert 'It belongs to local already' in str(refused.value)
    # Released it may go elsewhere, and nothing of it goes on at the first.
    gateway.ctl('release', one.id)
    gateway.ctl('approve', one.id, '--platform', 'azure')
    await_stage(gateway, 'mast', 'active', 60)
    await_link(gateway, 'mast')
    assert one.report(7).code == coap.CHANGED
    until(lambda: at_the_hub(cloud, one) == [7], 30, 'it arrives at the second')
    assert not recorder.messages('gatehouse/bed/%s/telemetry' % one.id)
