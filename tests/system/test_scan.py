# SPDX-License-Identifier: Apache-2.0
"""Labels that a person scans: for a device that waits, before it proved anything, before it was heard;
and each way in which a label is refused."""

import json

import pytest

from bed import coap, until
from bed.label import Label, changed, unlike
from bed.people import ADMIN, log_in, set_up
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.wait import stays
from test_claim import Device, heard, know, server, serving  # noqa: F401

PAGE = 'https://gateway.local:8443/scan'


def ctl(gateway, *words, stdin=''):
    return gateway.tool(*words, stdin=stdin, timeout=60)


def approve(gateway, ep, code, *options):
    """gatehousectl approve with the label on standard input: its answer, and whether it was taken."""
    done = ctl(gateway, '--json', 'approve', device(gateway, ep)['id'], '--code', '-', *options, stdin=code)
    return json.loads(done.stdout), done.returncode == 0


def scan(gateway, *lines, options=()):
    return ctl(gateway, 'codes', 'scan', '-', *options, stdin=''.join(line + '\n' for line in lines))


def waiting(gateway):
    """Names whose labels were scanned and that have not come."""
    return {row['ep']: row['window'] for row in gateway.ctl('codes', 'list')['codes'] if row['window']}


def journal(gateway, *actions):
    return [(row['action'], row['result']) for row in reversed(gateway.ctl('journal')['rows'])
            if row['action'] in actions]


@pytest.mark.parametrize('form', ['code', 'qr', 'url'])
def test_after_the_proof(gateway, form):
    """What was proved is looked at when the label is scanned, in whatever form: the same act approves."""
    label = Label('scan-1')
    open_window(gateway)
    one = Device(gateway, label)
    one.prove()
    text = {'code': label.code.lower().replace('gh1-', 'gh1 '), 'qr': label.qr, 'url': label.url(PAGE)}[form]
    answer, taken = approve(gateway, label.ep, text, '--place', 'cellar')
    assert taken, answer
    record = await_stage(gateway, label.ep, 'active')
    assert (record['trust'], record['evidence'], record['place']) == ('claimed', 'label', 'cellar')
    assert ('approve', 'done') in journal(gateway, 'approve')
    until(lambda: one.report(1).code == coap.CHANGED)
    assert waiting(gateway) == {}


@pytest.mark.parametrize('known', [False, True])
def test_after_the_proof_and_a_restart(gateway, known):
    """What was proved is on disk, whether its label was known then or not: a device that has left is
    approved by its label all the same."""
    label = Label('scan-8')
    if known:
        know(gateway, label)
    open_window(gateway)
    Device(gateway, label).prove()
    gateway.restart(kill=True)
    answer, taken = approve(gateway, label.ep, label.code)
    assert taken, answer
    record = await_stage(gateway, label.ep, 'active')
    assert (record['trust'], record['evidence']) == ('claimed', 'label')
    assert waiting(gateway) == {}


def test_before_the_proof(gateway):
    """The label is kept; who proves it is taken in as the person decided, also over a restart."""
    label = Label('scan-2')
    open_window(gateway)
    one = Device(gateway, label)
    one.enrol()
    answer, taken = approve(gateway, label.ep, label.code, '--name', 'Pump', '--owner', 'Works')
    assert taken and 'as soon as' in answer['text']
    assert device(gateway, label.ep)['stage'] == 'waiting-person'
    assert list(waiting(gateway)) == [label.ep]
    gateway.restart(kill=True)
    assert list(waiting(gateway)) == [label.ep]
    assert one.enrol()['retry'] == 5
    one.prove(Label(label.ep))
    assert device(gateway, label.ep)['stage'] == 'waiting-person'
    one.prove()
    record = await_stage(gateway, label.ep, 'active')
    assert (record['name'], record['owner'], record['evidence']) == ('Pump', 'Works', 'label')
    until(lambda: waiting(gateway) == {})


def test_scanned_first(gateway, recorder):
    """A window for that label alone: it is taken in, nobody else is, also not by a name that looks like
    it; its proof takes the name from who came first with it."""
    label, other = Label('Scan-3'), Label('scan-4')
    done = scan(gateway, label.url(PAGE), '%s,%s' % (other.ep, other.code), options=('--place', 'roof'))
    assert done.returncode == 0, done.stderr
    assert sorted(waiting(gateway)) == ['Scan-3', 'scan-4']
    assert 86000 < waiting(gateway)['scan-4']['seconds_left'] <= 86400
    assert PlainDevice(gateway, 'stranger').enrol().code == coap.UNAVAILABLE
    assert PlainDevice(gateway, 'scan-3', host='127.0.0.7').enrol().code == coap.UNAVAILABLE
    thief = PlainDevice(gateway, label.ep, host='127.0.0.8')
    assert thief.enrol().code == coap.CREATED
    assert device(gateway, label.ep)['stage'] == 'waiting-person'
    one = Device(gateway, label)
    answer = one.client.exchange(coap.POST, 'enrol', query={'ep': label.ep}, content_format=coap.JSON)
    assert answer.code == coap.CONFLICT
    one.answer(json.loads(answer.payload)['challenge'])
    record = await_stage(gateway, label.ep, 'active')
    assert (record['trust'], record['evidence'], record['place']) == ('claimed', 'label', 'roof')
    until(lambda: one.report(1).code == coap.CHANGED)
    assert thief.report(2).code == coap.FORBIDDEN
    # a copy of the label is no second device
    second = Device(gateway, label, host='127.0.0.9')
    assert second.post().code == coap.CONFLICT and second.post().payload[:1] != b'{'
    assert any(alarm['id'] == 'name-conflict' for alarm in gateway.ctl('alarms')['alarms'])
    assert one.report(3).code == coap.CHANGED
    again = scan(gateway, label.qr)
    assert again.returncode == 1 and 'already' in again.stderr
    until(lambda: list(waiting(gateway)) == ['scan-4'])


def test_cancelled(gateway):
    label = Label('scan-5')
    assert scan(gateway, label.qr).returncode == 0
    assert ctl(gateway, 'codes', 'cancel', label.ep).returncode == 0
    assert waiting(gateway) == {} and gateway.ctl('codes', 'list')['total'] == 0
    assert PlainDevice(gateway, label.ep).enrol().code == coap.UNAVAILABLE
    assert ctl(gateway, 'codes', 'cancel', label.ep).returncode == 1
    assert journal(gateway, 'label scan', 'label cancel') == [
        ('label scan', 'waits for its device'), ('label cancel', 'done')]
    # whatever else is decided about the device, the label does not undo
    assert scan(gateway, label.qr).returncode == 0
    one = Device(gateway, label)
    one.enrol()
    gateway.ctl('reject', await_stage(gateway, label.ep, 'waiting-person')['id'])
    until(lambda: waiting(gateway) == {})
    one.prove_if_asked()
    stays(lambda: device(gateway, label.ep)['stage'] == 'rejected', 1)


def test_refused(gateway):
    """Misread, another device's, another one of the same name: what counts as a try and what does not."""
    label, other = Label('scan-6'), unlike('scan-7', 'scan-6')
    open_window(gateway)
    one = Device(gateway, label)
    one.prove()

    def left():
        return device(gateway, label.ep)['code_tries_left']
    for wrong in (changed(label.code), other.code, other.qr, label.code[:-1], 'https://x/#' + other.qr):
        answer, taken = approve(gateway, label.ep, wrong)
        assert not taken and answer['error'] == 'input', answer
    assert left() == 5
    # its check characters fit, and it is not what the device proved
    answer, taken = approve(gateway, label.ep, Label(label.ep).code)
    assert not taken and answer['error'] == 'wrong-code' and answer['tries_left'] == 4
    gateway.restart(kill=True)
    assert left() == 4
    know(gateway, label)
    for number in (3, 2, 1):
        answer, taken = approve(gateway, label.ep, Label(label.ep).qr)
        assert not taken and answer['tries_left'] == number
    answer, taken = approve(gateway, label.ep, Label(label.ep).qr)
    assert not taken and answer['error'] == 'locked'
    answer, taken = approve(gateway, label.ep, label.qr)
    assert not taken and answer['error'] == 'locked'
    record = device(gateway, label.ep)
    assert record['stage'] == 'waiting-person' and record['code_locked']
    gateway.ctl('unlock', record['id'])
    answer, taken = approve(gateway, label.ep, label.qr)
    assert taken, answer
    one.prove_if_asked()
    assert await_stage(gateway, label.ep, 'active')['evidence'] == 'label'
    # scanned for nobody: a typo is said at once, a code without a name is of nobody
    for line in (changed(other.qr), other.code, 'BCDF-GHJK', ''):
        assert scan(gateway, line).returncode == 1
    know(gateway, other)
    assert scan(gateway, Label(other.ep).qr).returncode == 1
    until(lambda: waiting(gateway) == {})


def test_for_a_program(gateway):
    """--json: what came of each label, one object on a line as soon as it is known."""
    label, other = Label('scan-13'), Label('scan-14')
    done = scan(gateway, label.qr, 'x' * 1000, changed(other.qr), other.qr, options=('--json',))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and [one['line'] for one in said] == [1, 2, 3, 4]
    assert [one['taken'] for one in said] == [True, False, False, True]
    assert said[1]['answer'] is None and said[2]['answer']['error'] == 'input'
    assert sorted(waiting(gateway)) == ['scan-13', 'scan-14']


def test_on_the_page(gateway):
    """The form of a device that sent no code takes the label that is on it."""
    label = Label('scan-8')
    set_up(gateway)
    page = log_in(gateway, ADMIN)
    open_window(gateway)
    Device(gateway, label).prove()
    one = await_stage(gateway, label.ep, 'waiting-person')
    form = page.get('/waiting').form('/devices/%s/approve' % one['id'])
    assert 'code' in form.fields
    answer = page.submit(form, code=label.url(PAGE))
    assert answer.status == 200, answer.text[:500]
    assert await_stage(gateway, label.ep, 'active')['evidence'] == 'label'


@pytest.mark.mdns
def test_a_device_that_is_asked(serving, sensor):  # noqa: F811
    """Found by mDNS, never let in by a window for all: its label is scanned before it is there, and
    after."""
    first, later, other = Label('scan-10'), Label('scan-11'), Label('scan-12')
    assert scan(serving, first.qr).returncode == 0
    for label in (first, later, other):
        server(sensor, label)
    assert await_stage(serving, first.ep, 'active')['evidence'] == 'label'
    await_stage(serving, later.ep, 'seen')
    assert scan(serving, later.qr).returncode == 0
    assert await_stage(serving, later.ep, 'active')['trust'] == 'claimed'
    # the label of another maker's device with the same name
    await_stage(serving, other.ep, 'seen')
    assert scan(serving, Label(other.ep).qr).returncode == 0
    until(lambda: heard(serving)['wrong-proof'] >= 1)
    assert device(serving, other.ep)['stage'] == 'waiting-person'
