# SPDX-License-Identifier: Apache-2.0
"""A device, its owner and its place: given at approval, told to the device and upstream, taken back
by a release, handed on by a transfer, and gone with forget. And names that only look alike."""

import json

from bed import Recorder, coap, until
from bed.plain import PlainDevice, await_stage, device, let_in, open_window, values


def status(recorder, one, state):
    return json.loads(recorder.wait(
        'gatehouse/bed/%s/status' % one.id,
        where=lambda got: got.payload and json.loads(got.payload)['state'] == state)[-1].payload)


def said(one):
    """What the device is told when it asks again."""
    return one.state(one.enrol())


def test_transfer(gateway, recorder):
    """Release takes owner and credential and leaves it pending; the next approval is another
    operation, for another owner."""
    one = let_in(gateway, 'pump', '--name', 'Pump 3', '--place', 'hall 2', '--owner', 'Works Ltd')
    assert {key: said(one)[key] for key in ('state', 'owner', 'place')} == \
        {'state': 'approved', 'owner': 'Works Ltd', 'place': 'hall 2'}
    told = status(recorder, one, 'approved')
    assert (told['name'], told['place'], told['owner']) == ('Pump 3', 'hall 2', 'Works Ltd')
    assert one.report(1).code == coap.CHANGED
    until(lambda: set(values(recorder, one.id).values()) == {1}, 20)

    gateway.ctl('release', one.id)
    assert one.report(2).code == coap.FORBIDDEN
    after = said(one)
    assert after['state'] == 'pending' and 'owner' not in after
    assert status(recorder, one, 'pending')['owner'] is None
    now = device(gateway, 'pump')
    assert now['stage'] == 'waiting-person' and not now['owner']

    open_window(gateway)
    gateway.ctl('approve', one.id, '--owner', 'Other Ltd', '--place', 'hall 9')
    await_stage(gateway, 'pump', 'active')
    assert said(one)['owner'] == 'Other Ltd' and said(one)['place'] == 'hall 9'
    until(lambda: recorder.messages(
        'gatehouse/bed/%s/status' % one.id,
        where=lambda got: json.loads(got.payload)['owner'] == 'Other Ltd'), 20)
    assert one.report(3).code == coap.CHANGED
    until(lambda: set(values(recorder, one.id).values()) == {1, 3}, 20, 'nothing of in between')
    gateway.restart(kill=True)
    assert said(one)['owner'] == 'Other Ltd'
    rows = [row['action'] for row in gateway.ctl('journal')['rows'] if row['object'] == one.id]
    assert [word for word in rows if word in ('approve', 'release')] == ['approve', 'release', 'approve']


def test_forget_clears_what_is_retained(gateway, recorder, broker):
    one = let_in(gateway, 'short-lived', '--owner', 'Works Ltd')
    status(recorder, one, 'approved')
    gateway.ctl('revoke', one.id)
    status(recorder, one, 'revoked')
    gateway.ctl('forget', one.id)
    recorder.wait('gatehouse/bed/%s/status' % one.id, where=lambda got: not got.payload)
    late = Recorder(broker, 'late')
    late.wait('gatehouse/bed/status')
    assert not late.messages('gatehouse/bed/%s/#' % one.id)
    late.close()
    assert one.report(1).code == coap.FORBIDDEN and device(gateway, 'short-lived') is None


def test_names_that_look_alike(gateway):
    """One name, whatever its case; letters of other alphabets and invisible ones are no name."""
    one = let_in(gateway, 'valve-1')
    for name in ('VALVE-1', 'Valve-1'):
        other = PlainDevice(gateway, name, host='127.0.0.2')
        assert other.enrol().code == coap.code('4.09')
        assert other.report(1).code == coap.FORBIDDEN
        other.close()
    for name in ('v\u0430lve-1', 'valve-1\u200b', 'valve-1 ', 'valve\u20101', '127.0.0.1', '<valve-1>'):
        other = PlainDevice(gateway, name, host='127.0.0.2')
        assert other.enrol().code == coap.BAD_REQUEST, name
        other.close()
    assert [each['ep'] for each in gateway.ctl('devices')['devices']] == ['valve-1']
    assert one.report(1).code == coap.CHANGED
