# SPDX-License-Identifier: Apache-2.0
"""The ways in, and who stays outside."""

import json

import pytest

from bed import coap, until
from bed.gateway import ToolError
from bed.plain import PlainDevice, await_stage, device, let_in, open_window, values


def test_enrol_to_broker(gateway, recorder):
    """A device that speaks first: window, code, approval, readings under its own identity."""
    open_window(gateway)
    sensor = PlainDevice(gateway, 'sensor-1')
    answer = sensor.enrol(model='T-1', serial='42', code='bcdf ghjk', attributes={'room': '7'})
    assert answer.code == coap.CREATED
    one = device(gateway, 'sensor-1')
    assert answer.location == 'd/' + one['id']
    said = sensor.state(answer)
    # Who waits may have a label, and is asked for its proof.
    assert len(said.pop('challenge')) == 22
    assert said == {'state': 'pending', 'retry': 5, 'id': one['id']}
    assert answer.max_age == 5
    assert (one['model'], one['serial'], one['has_code'], one['trust']) == ('T-1', '42', True, 'plain')
    assert one['attributes'] == {'room': '7'}
    assert sensor.report(1).code == coap.FORBIDDEN

    gateway.ctl('approve', one['id'], '--code', 'BCDF-GHJK', '--name', 'Boiler', '--place', 'cellar')
    await_stage(gateway, 'sensor-1', 'active')
    answer = sensor.enrol(model='T-1')
    assert answer.code == coap.CHANGED
    assert sensor.state(answer)['state'] == 'approved'
    assert sensor.state(answer)['place'] == 'cellar'

    assert sensor.report(21.5).code == coap.CHANGED
    message = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])[0]
    assert json.loads(message.payload) == [{'bn': one['id'] + '/', 'n': 'seq', 'v': 21.5}]
    assert message.qos == 1 and not message.retain
    assert message.user['gh-v'] == '1' and message.user['gh-trust'] == 'plain'
    assert message.user['gh-id'].startswith('bed.')
    assert message.user['gh-clock'] in ('synced', 'unsynced')
    assert float(message.user['gh-time']) > 1.6e9
    assert message.content_type == 'application/senml+json'
    status = recorder.wait('gatehouse/bed/%s/status' % one['id'],
                           where=lambda got: json.loads(got.payload)['state'] == 'approved')[-1]
    assert json.loads(status.payload)['name'] == 'Boiler'
    assert json.loads(recorder.wait('gatehouse/bed/status')[-1].payload)['state'] == 'online'


@pytest.mark.mdns
def test_mdns_to_broker(avahi, broker, recorder, make_gateway, sensor):
    """A device that only announces itself: it is asked what it is before a person decides, read by
    GET once it is approved, and gone from the list when it withdraws."""
    gateway = make_gateway(broker=broker, mdns=True, config={'lan': {'poll_interval': 1}}).start()
    hall = sensor('hall', ep='hall', mode='server', advertise=True, model='H-20', serial='2')
    seen = await_stage(gateway, 'hall', 'seen')
    until(lambda: device(gateway, 'hall')['model'] == 'H-20', 20, 'its description was read')
    assert seen['found_by'] == 'mdns' and device(gateway, 'hall')['present']
    with pytest.raises(ToolError) as refused:
        gateway.ctl('approve', seen['id'])
    assert refused.value.code == 1

    open_window(gateway)
    one = await_stage(gateway, 'hall', 'waiting-person')
    gateway.ctl('approve', one['id'])
    await_stage(gateway, 'hall', 'active')
    hall.wait_log('"event":"status".*approved')
    messages = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'], 3)
    assert json.loads(messages[0].payload)[0]['bn'] == one['id'] + '/'
    gateway.ctl('identify', one['id'])
    hall.wait_log('"event":"identify"')

    other = sensor('porch', ep='porch', mode='server', advertise=True)
    until(lambda: device(gateway, 'porch'), 20, 'porch appears')
    gateway.ctl('window', 'close')
    third = sensor('attic', ep='attic', mode='server', advertise=True)
    await_stage(gateway, 'attic', 'seen')
    third.stop()
    until(lambda: device(gateway, 'attic') is None, 20, 'attic is gone from the list')
    other.stop()
    until(lambda: not device(gateway, 'porch')['present'], 20, 'porch is marked as gone')


def test_window_closed(gateway):
    sensor = PlainDevice(gateway, 'late')
    answer = sensor.enrol()
    assert answer.code == coap.UNAVAILABLE and answer.max_age == 60
    assert device(gateway, 'late') is None
    heard = gateway.ctl('status')
    assert heard['window']['open'] is False
    open_window(gateway)
    assert sensor.enrol().code == coap.CREATED
    gateway.ctl('window', 'close')
    assert sensor.enrol().code == coap.CHANGED  # the window governs new names only


def test_wrong_code_five_times(gateway):
    """The fifth wrong try voids the code, also over a restart, until an admin unlocks it."""
    open_window(gateway)
    sensor = PlainDevice(gateway, 'locked')
    sensor.enrol(code='BCDF-GHJK')
    one = await_stage(gateway, 'locked', 'waiting-person')
    with pytest.raises(ToolError):
        gateway.ctl('approve', one['id'])  # no code at all is no try
    for left in (4, 3, 2, 1):
        with pytest.raises(ToolError) as wrong:
            gateway.ctl('approve', one['id'], '--code', 'BCDF-GHJL')
        assert wrong.value.code == 1
        assert device(gateway, 'locked')['code_tries_left'] == left
    gateway.restart(kill=True)
    with pytest.raises(ToolError):
        gateway.ctl('approve', one['id'], '--code', 'BCDF-GHJL')
    assert device(gateway, 'locked')['code_locked']
    with pytest.raises(ToolError):
        gateway.ctl('approve', one['id'], '--code', 'BCDF-GHJK')
    assert 'code-locked' in [alarm['id'] for alarm in gateway.ctl('alarms')['alarms']]
    assert device(gateway, 'locked')['state'] == 'pending'
    gateway.ctl('unlock', one['id'])
    gateway.ctl('approve', one['id'], '--code', 'BCDF-GHJK')
    await_stage(gateway, 'locked', 'active')
    rows = gateway.ctl('journal')['rows']
    assert len([row for row in rows if row['result'] == 'refused: wrong code']) == 5


def test_two_devices_with_one_name(gateway, recorder):
    """The bound address keeps working; the newcomer gets 4.09 and raises an alarm."""
    first = let_in(gateway, 'twin')
    second = PlainDevice(gateway, 'TWIN', host='127.0.0.2')
    answer = second.enrol()
    assert answer.code == coap.CONFLICT
    assert second.report(666).code == coap.FORBIDDEN
    assert [alarm['id'] for alarm in gateway.ctl('alarms')['alarms']] == ['name-conflict']
    assert first.report(1).code == coap.CHANGED
    recorder.wait('gatehouse/bed/%s/telemetry' % first.id)
    assert set(values(recorder, first.id).values()) == {1}
    assert len(gateway.ctl('devices')['devices']) == 1


def test_display_code(gateway):
    """A device with a display: admitted first, then approved with the code that it alone shows."""
    open_window(gateway)
    sensor = PlainDevice(gateway, 'panel')
    sensor.enrol(display=True)
    one = await_stage(gateway, 'panel', 'waiting-person')
    with pytest.raises(ToolError):
        gateway.ctl('approve', one['id'])
    gateway.ctl('admit', one['id'])
    await_stage(gateway, 'panel', 'waiting-code')
    code = sensor.state(sensor.enrol(display=True))['code']
    assert 'code' not in device(gateway, 'panel')
    gateway.restart(kill=True)
    assert sensor.state(sensor.enrol(display=True))['code'] == code
    with pytest.raises(ToolError):
        gateway.ctl('approve', one['id'], '--code', 'ZZZZ-ZZZZ')
    gateway.ctl('approve', one['id'], '--code', code.lower())
    await_stage(gateway, 'panel', 'active')
    answer = sensor.state(sensor.enrol(display=True))
    assert answer['state'] == 'approved' and 'code' not in answer
    assert device(gateway, 'panel')['evidence'] == 'display-code'


def test_reject_and_own_page(gateway):
    open_window(gateway)
    sensor = PlainDevice(gateway, 'unwanted')
    answer = sensor.enrol()
    where = answer.location
    gateway.ctl('reject', device(gateway, 'unwanted')['id'])
    answer = sensor.enrol()
    assert sensor.state(answer) == {'state': 'rejected', 'retry': 3600,
                                    'id': device(gateway, 'unwanted')['id']}
    own = sensor.client.exchange(coap.GET, where, options=[(coap.ACCEPT, coap.uint(coap.JSON))])
    assert own.code == coap.CONTENT and json.loads(own.payload)['state'] == 'rejected'
    foreign = PlainDevice(gateway, 'unwanted', host='127.0.0.3')
    assert foreign.client.exchange(coap.GET, where).code == coap.NOT_FOUND
    assert sensor.report(1).code == coap.FORBIDDEN


def test_bad_enrolments_change_nothing(gateway):
    open_window(gateway)
    sensor = PlainDevice(gateway, 'odd')
    cases = [
        (dict(query={'ep': 'odd'}, payload='{', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(query={'ep': 'odd'}, payload='[]', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(query={'ep': 'odd'}, payload='{"model":1}', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(query={'ep': 'odd'}, payload='x', content_format=coap.TEXT), coap.UNSUPPORTED_FORMAT),
        (dict(query={'ep': 'a b'}, payload='{}', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(query={'ep': 'x' * 64}, payload='{}', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(payload='{}', content_format=coap.JSON), coap.BAD_REQUEST),
        (dict(query={'ep': 'odd'}, payload='{"pt":"canary-pt"}', content_format=coap.JSON),
         coap.BAD_REQUEST),
    ]
    for parts, expected in cases:
        answer = sensor.client.exchange(coap.POST, 'enrol', **parts)
        assert answer.code == expected, (parts, answer)
    assert gateway.ctl('devices')['total'] == 0
    assert 'canary-pt' not in gateway.log()
    assert [alarm['id'] for alarm in gateway.ctl('alarms')['alarms']] == ['token-in-clear']


def test_enrolling_is_idempotent(gateway):
    open_window(gateway)
    sensor = PlainDevice(gateway, 'eager')
    assert sensor.enrol().code == coap.CREATED
    for _ in range(20):
        assert sensor.enrol().code == coap.CHANGED
    assert gateway.ctl('devices')['total'] == 1
    gateway.ctl('approve', device(gateway, 'eager')['id'])
    await_stage(gateway, 'eager', 'active')
    for _ in range(20):
        assert sensor.state(sensor.enrol())['state'] == 'approved'
    assert device(gateway, 'eager')['operation']['number'] == 1


def test_new_names_are_limited(make_gateway, broker):
    gateway = make_gateway(broker=broker, config={'lan': {'new_per_minute': 3}}).start()
    open_window(gateway)
    sensors = [PlainDevice(gateway, 'flood-%d' % number) for number in range(5)]
    codes = [sensor.enrol().code for sensor in sensors]
    assert codes == [coap.CREATED] * 3 + [coap.TOO_MANY] * 2
    reached = {row['name']: row['reached'] for row in gateway.ctl('status', '--limits')['limits']}
    assert reached['new-names-per-minute'] == 2
    assert sensors[0].enrol().code == coap.CHANGED
