# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, as people see it: Debian's Chromium. What they do stands in browser/,
what happens around them here. These scenarios share a gateway, each with devices of its own."""

import csv
import json
import os
import shutil
import tempfile
from urllib.parse import quote

import pytest

import bed
import screens
from bed import coap, enter
from bed.label import Label
from bed.pki import DeviceAuthority
from bed.people import PASSWORDS, add_person, set_up
from bed.plain import PlainDevice, await_stage, device, let_in, open_window
from bed.standard import BLINKS, LINKS, StandardDevice
from test_claim import Device as ClaimDevice
from test_commands import ask, done

pytestmark = pytest.mark.together


def people_of(gateway):
    """An administrator, a technician and a viewer."""
    set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    add_person(gateway, 'vera', 'viewer')


@pytest.fixture(scope='module')
def plant():
    """The gateway that scenarios share, with its broker. No test beside it may use the fixtures
    that end everything after each test: test_browser_alone.py does."""
    base = enter.RUN if os.path.isdir(enter.RUN) else None
    directory = tempfile.mkdtemp(prefix='plant-', dir=base)
    os.chmod(directory, 0o755)
    broker = bed.Broker(os.path.join(directory, 'broker')).start()
    # They share it: together they bring more names in a minute than a plant does.
    gateway = bed.Gateway(os.path.join(directory, 'gateway'), broker=broker,
                          config={'lan': {'new_per_minute': 1000}}).start()
    people_of(gateway)
    gateway.broker = broker
    yield gateway
    try:
        gateway.close()
    finally:
        broker.stop()
        shutil.rmtree(directory, ignore_errors=True)


class Plant:
    """What scenarios ask for: devices by their names, and what somebody does elsewhere."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.known = {}

    def enrol(self, ep, body=None):
        one = self.known.setdefault(ep, PlainDevice(self.gateway, ep))
        answer = one.enrol(**(body or {}))
        assert answer.code in (coap.CREATED, coap.CHANGED), answer
        return one.state(answer)

    def report(self, ep, value):
        await_stage(self.gateway, ep, 'active')
        answer = self.known[ep].report(value)
        assert answer.code == coap.CHANGED, answer

    def end_sessions(self, name):
        """Another role ends them."""
        for role in ('viewer', 'technician'):
            self.gateway.ctl('users', 'role', name, '--role', role)

    def hostile(self, ep, evil):
        """Everything that a device can say of itself says that; returns its id."""
        self.enrol(ep, {'model': evil, 'serial': evil, 'firmware': evil,
                        'attributes': {'where': evil, evil[:20]: 'key'}})
        return await_stage(self.gateway, ep, 'waiting-person')['id']

    def calls(self):
        return {name: getattr(self, name) for name in ('enrol', 'report', 'end_sessions', 'hostile')}


def play(browser, gateway, scenario, args=None, **calls):
    return browser.play(scenario, gateway, args, **{**Plant(gateway).calls(), **calls})


# --- one gateway for all of these ---

@pytest.mark.parametrize('kind', ['label', 'display', 'bare'])
def test_approval(browser, plant, kind):
    """In under a minute, at an easy pace: two seconds for each press, half a second for each character
    (the password among them). A machine that is busy makes nobody's approval longer."""
    done = play(browser, plant, 'jobs.' + kind)
    assert done['presses'] >= 4 and done['typed'] >= len(PASSWORDS['tom']), 'it was counted'
    assert 2 * done['presses'] + done['typed'] / 2 < 60, done


def test_wrong_codes(browser, plant):
    play(browser, plant, 'jobs.wrongCodes')


def test_two_technicians(browser, plant):
    play(browser, plant, 'jobs.twoTechnicians')


def test_roles(browser, plant):
    play(browser, plant, 'jobs.roles', let_in(plant, 'roles-1').id)


def test_session_ends(browser, plant):
    play(browser, plant, 'jobs.sessionEnds')


def test_form_of_an_older_session(browser, plant):
    """What was typed comes back, and is sent then; what was sent too late did nothing."""
    one, label = let_in(plant, 'older-1'), Label('older-2')
    try:
        play(browser, plant, 'forms.olderSession', {'id': one.id, 'label': label.qr})
        play(browser, plant, 'forms.endedSession', {'id': one.id})
    finally:
        plant.ctl('codes', 'cancel', label.ep)
    assert [row[:2] for row in done_to(plant, one.id) if row[0] == 'tom'] == [('tom', 'rename'), ('tom', 'rename')]


def test_password_is_shown(browser, plant):
    one = let_in(plant, 'shown-1')
    play(browser, plant, 'forms.reveal', {'id': one.id}, suspend=lambda: plant.ctl('suspend', one.id))


def test_without_script(browser, plant):
    play(browser, plant, 'jobs.withoutScript')


def test_hostile_device(browser, plant):
    """Its name holds what a name may, and would read "x'&y" where somebody forgot to escape it; so does
    that of a label and of a token."""
    ep, label = "x'&#38;y", Label("x'&#38;y#:z")
    other = let_in(plant, 'replaced-1')
    impostor = PlainDevice(plant, ep, host='127.0.0.2')

    def scanned(evil):
        assert plant.api('POST', 'codes/scan', {'code': label.qr, 'place': evil})[0] < 300
        assert plant.api('PUT', 'tokens', {'tokens': [{'ep': label.ep, 'username': 'u', 'password': 'p'}]})[0] == 200

    def knock():
        assert impostor.enrol().code == coap.CONFLICT
    try:
        play(browser, plant, 'jobs.hostile', {'ep': ep, 'unescaped': "x'&y", 'label': label.ep, 'other': other.id},
             scanned=scanned, impostor=knock, stop_broker=lambda: plant.broker.stop(),
             start_broker=lambda: bool(plant.broker.start()))
    finally:
        impostor.close()
        # Others count the labels and tokens of the gateway that all share.
        plant.ctl('codes', 'cancel', label.ep)
        plant.ctl('tokens', 'drop', label.ep)


def test_keyboard_and_listening(browser, plant):
    play(browser, plant, 'access.keyboard')


def test_live_device(browser, plant):
    one = let_in(plant, 'boiler')
    play(browser, plant, 'live.device', one.id, report=lambda value: one.report(value).code,
         suspend=lambda: plant.ctl('suspend', one.id))


def test_papers_renew_themselves(browser, plant):
    one = let_in(plant, 'paper-1', '--name', 'Paper one')

    def token(ep):
        assert plant.api('PUT', 'tokens', {'tokens': [{'ep': ep, 'username': 'u', 'password': 'p'}]})[0] == 200
    try:
        play(browser, plant, 'live.papers', {'id': one.id, 'name': 'Paper one'}, token=token,
             drop_token=lambda ep: bool(plant.ctl('tokens', 'drop', ep)),
             code=lambda ep: plant.api('PUT', 'codes', {'codes': [{'ep': ep, 'code': Label(ep).code}]})[0],
             rename=lambda name: bool(plant.ctl('rename', one.id, '--name', name)))
    finally:
        # Others count the labels and tokens of the gateway that all share.
        plant.ctl('tokens', 'drop', 'late-token-2')
        for ep in ('late-code-1', 'late-code-2'):
            plant.ctl('codes', 'drop', ep)


def test_columns_stay(browser, plant):
    one = let_in(plant, 'columns-1', '--name', 'Columns')
    play(browser, plant, 'live.columns', {'id': one.id}, report=lambda value: one.report(value).code)


def test_one_screen_too_many(browser, plant):
    play(browser, plant, 'live.crowded')


def fill(gateway):
    """Something of everything that a screen can show; returns what the table of screens wants to know."""
    one = let_in(gateway, 'busy-1')
    for value in range(5):
        one.report(1000.5 + value)  # wide enough to push a curve beyond a phone's edge
    for name in ('set-rate', 'self-test', 'blink'):
        assert gateway.api('POST', 'devices/%s/command' % one.id, {'name': name, 'args': {'n': 1}})[0] < 300
    assert done(one, ask(one)['cmd'], True, result={'was': 5}).code == coap.CHANGED
    assert done(one, ask(one)['cmd'], False).code == coap.CHANGED
    others = Plant(gateway)
    others.enrol('busy-2', {'model': 'M', 'code': 'BCDF-GHJK', 'attributes': {'line': '3'}})
    others.enrol('busy-3', {'display': True})
    assert gateway.api('POST', 'codes/scan', {'code': Label('busy-4').qr, 'place': 'Hall 4'})[0] < 300
    assert gateway.api('PUT', 'tokens', {'tokens': [
        {'ep': 'busy-1', 'username': 'u', 'password': 'p'}]})[0] == 200
    maker = DeviceAuthority(os.path.join(gateway.directory, 'maker'))
    with open(maker.certificate, encoding='ascii') as file:
        assert gateway.api('PUT', 'device-cas', {'certificate': file.read()})[0] < 300
    return {'active': one.id, 'waiting': device(gateway, 'busy-2')['id']}


@pytest.mark.deadline(400)
def test_accessible_when_busy(browser, plant):
    """To an administrator, and to a viewer, who is offered nothing to press."""
    try:
        known = fill(plant)
        for who in ('anna', 'vera'):
            screens.look(browser, plant, 'busy', who=who, **known)
    finally:
        # Others count the labels and tokens of the gateway that all share.
        plant.ctl('codes', 'cancel', 'busy-4')
        plant.ctl('tokens', 'drop', 'busy-1')


def test_every_screen_is_looked_at():
    """A new screen has its row in the table, with a state to be seen in."""
    routes = screens.routes()
    assert len(routes) > 10 and set(routes) == set(screens.SCREENS)
    for route, states in screens.SCREENS.items():
        assert states and set(states) <= set(screens.STATES), route
        assert all(states.values()), route


def void_device(plant):
    """The id of a device whose code is void. That of test_wrong_codes where it was played: ten wrong
    codes in an hour, and the gateway that all share takes none for a while."""
    if not device(plant, 'guess-1'):
        open_window(plant)
        Plant(plant).enrol('guess-1', {'code': 'BCDF-GHJK'})
        where = 'devices/' + await_stage(plant, 'guess-1', 'waiting-person')['id']
        for _ in range(5):
            plant.api('POST', where + '/approve', {'code': 'BBBB-BBBB'})
    assert device(plant, 'guess-1')['code_locked']
    return device(plant, 'guess-1')['id']


@pytest.mark.deadline(300)
def test_accessible_when_failing(browser, plant):
    """A code that is void, an alarm, somebody turned away, the broker gone."""
    void = void_device(plant)
    PlainDevice(plant, 'stranger').report(1)
    plant.broker.stop()
    try:
        bed.until(lambda: plant.api('GET', 'status')[1]['uplink']['state'] != 'up', 30)
        screens.look(browser, plant, 'failing', void=void)
    finally:
        plant.broker.start()


@pytest.mark.deadline(300)
def test_accessible_when_refused(browser, plant):
    play(browser, plant, 'access.refusals', {'id': let_in(plant, 'refused-1').id})


def test_void_code_is_unlocked(browser, plant):
    """Behind those that look at a code that is void."""
    void = void_device(plant)
    play(browser, plant, 'acts.unlock', {'id': void, 'code': 'BCDF-GHJK'})
    assert [row for row in done_to(plant, void) if row[0] == 'anna'][0][1:] == ('unlock code', 'done')


def test_alarm_is_cleared(browser, plant):
    let_in(plant, 'twin-1', '--name', 'Twin of the north')
    impostor = PlainDevice(plant, 'twin-1', host='127.0.0.2')
    play(browser, plant, 'acts.alarm', {'name': 'Twin of the north'},
         impostor=lambda: '%d.%02d' % divmod(impostor.enrol().code, 32))
    assert [row['who'] for row in plant.ctl('journal')['rows'] if row['action'] == 'clear alarm'][:1] == ['tom']


@pytest.mark.deadline(300)
def test_people_come_and_go(browser, plant):
    play(browser, plant, 'tables.people', {'name': 'nora', 'password': 'eleven slow trams at night'})
    assert [row[:2] for row in done_to(plant, 'nora') if row[0] == 'anna'][-3:] == [
        ('anna', 'person put'), ('anna', 'person put'), ('anna', 'person drop')]


def test_authorities(browser, plant):
    maker = DeviceAuthority(os.path.join(plant.directory, 'pumps'), 'Pumps Ltd')
    with open(maker.certificate, encoding='ascii') as file:
        play(browser, plant, 'tables.authorities', {
            'name': 'Pumps Ltd', 'certificate': file.read(), 'fingerprint': maker.fingerprint})
    rows = [(row['who'], row['action'], row['result']) for row in plant.ctl(
        'journal', '--object', maker.fingerprint)['rows']]
    assert rows == [('anna', 'device-ca withdraw', 'done'), ('anna', 'device-ca add', 'admit = auto')]


def test_codes_and_tokens_imported(browser, plant):
    labels = [Label('maker-%d' % number) for number in range(3)]
    play(browser, plant, 'tables.imports', {
        'codes': ['%s,%s' % (one.ep, one.code) for one in labels], 'many': [
            'many-%03d,user-%03d,secret word %03d' % (number, number, number) for number in range(450)]})
    assert plant.ctl('codes', 'list')['total'] == 3
    assert plant.ctl('tokens', 'list')['total'] == 451


def test_tables_saved(browser, plant):
    one = let_in(plant, 'sheet-1', '--name', '=2+3', '--place', 'Hall "C", north', '--owner', 'x; "@y;-1; z-2')
    saved = play(browser, plant, 'tables.saved', one.id)
    devices = list(csv.DictReader(saved['devices'].splitlines()))
    row = next(row for row in devices if row['id'] == one.id)
    assert (row['name'], row['place'], row['owner']) == ("'=2+3", 'Hall "C", north', 'x; "\'@y;\'-1; z-2')
    assert len(devices) == plant.ctl('devices')['total']
    rows = list(csv.DictReader(saved['journal'].splitlines()))
    assert {row['action'] for row in rows} == {'approve'}
    assert one.id in [row['object'] for row in rows]


def test_history_and_journal(browser, plant):
    one, gone = let_in(plant, 'past-1', '--name', 'Past the gate'), let_in(plant, 'past-2')
    plant.ctl('revoke', gone.id)
    plant.ctl('forget', gone.id)
    play(browser, plant, 'tables.journal', {'id': one.id, 'name': 'Past the gate', 'gone': gone.id})


def test_durations(browser, plant):
    """The script says them as the gateway does: unit/web/test-page.c holds the gateway against the same file."""
    with open(os.path.join(os.path.dirname(__file__), 'browser', 'durations.json'), encoding='ascii') as file:
        play(browser, plant, 'tables.durations', json.load(file))


def test_own_account(browser, plant):
    add_person(plant, 'carl', 'viewer', password='one heavy coat behind the door')
    play(browser, plant, 'tables.account', {'name': 'carl', 'old': 'one heavy coat behind the door',
                                            'new': 'two heavy coats behind the door'})


def test_camera_and_pasting(browser, plant):
    play(browser, plant, 'labels.camera')


def prover(plant, labels):
    """prove(ep): the device of that label comes, proves it, and is in."""
    known = {label.ep: label for label in labels}

    def prove(ep):
        ClaimDevice(plant, known[ep]).prove()
        await_stage(plant, ep, 'active')
    return prove


def printed(label, page):
    """The address on a label as gatehousectl prints it: what an address cannot hold is escaped."""
    return page + '#' + quote(label.qr, safe='-._~:/@!$()*+,;=')


@pytest.mark.parametrize('ep', ['taps-1', 'urn:dev:mac:0024', "taps#%41:'3"])
def test_scanned_label_takes_few_taps(browser, plant, ep):
    """On what the camera shows, on Log in, on Take it in. A name may hold what divides a label or an address."""
    label = Label(ep)
    taps = play(browser, plant, 'labels.taps', {'address': printed(label, '/'), 'ep': ep}, prove=prover(plant, [label]))
    assert taps == 3


def test_refused_label(browser, plant):
    label = Label('taps-2')
    play(browser, plant, 'labels.refused', {'qr': label.qr, 'ep': label.ep})


@pytest.mark.deadline(400)
def test_forty_labels_in_a_row(browser, plant):
    names = ['forty-%02d' % number for number in range(1, 41)]
    names[:4] = ['urn:dev:forty-01', 'forty#%41-02', 'forty#%41-03', 'https://forty#04']
    labels = [Label(ep) for ep in names]
    forms = [{'qr': label.qr, 'url': printed(label, 'https://gateway.local:8443/')} for label in labels]
    some, rejected, cancelled = [label.ep for label in labels[:3]], labels[3].ep, labels[4].ep

    def reject(ep):
        PlainDevice(plant, ep).enrol()
        plant.ctl('reject', await_stage(plant, ep, 'waiting-person')['id'])
    play(browser, plant, 'labels.forty', {'typed': forms[:37], 'shown': forms[37:], 'some': some,
                                          'rejected': rejected, 'cancelled': cancelled},
         prove=prover(plant, labels), reject=reject, cancel=lambda ep: plant.ctl('codes', 'cancel', ep))
    open_labels = {row['ep']: row['window'] for row in plant.ctl('codes', 'list')['codes'] if row['window']}
    ours = {label.ep for label in labels} - {*some, rejected, cancelled}
    assert ours <= set(open_labels) and {open_labels[ep]['place'] for ep in ours} == {'Hall 4'}
    for ep in ours:
        plant.ctl('codes', 'cancel', ep)


def test_command(browser, plant):
    one = let_in(plant, 'commanded')
    Plant(plant).enrol('uncommanded')

    def obey(ok, result=None):
        cmd = bed.until(lambda: ask(one), 20, 'it is given out')['cmd']
        more = {} if result is None else {'result': result}
        assert done(one, cmd, ok, **more).code == coap.CHANGED
    play(browser, plant, 'acts.command', {
        'id': one.id, 'without': await_stage(plant, 'uncommanded', 'waiting-person')['id']}, obey=obey)
    rows = [row for row in plant.ctl('journal', '--object', one.id)['rows'] if row['action'] == 'command']
    assert [(row['who'], row['evidence']) for row in rows] == [('tom', 'self-destruct'), ('tom', 'set-rate')]


def test_broken_device_is_replaced(browser, plant):
    one = let_in(plant, 'pump-old', '--name', 'Old pump', '--place', 'Cellar')
    assert one.report(1).code == coap.CHANGED
    play(browser, plant, 'acts.replace', {'id': one.id, 'ep': 'pump-new'})
    record = device(plant, 'pump-new')
    assert (record['id'], record['name'], record['place']) == (one.id, 'Old pump', 'Cellar')
    assert one.report(2).code != coap.CHANGED, 'the broken one is nobody'
    rows = plant.ctl('journal', '--action', 'replace')['rows']
    assert {(row['who'], row['result']) for row in rows} == {('anna', 'done'), ('anna', 'takes its place')}


def test_added_by_address(browser, plant):
    with StandardDevice(links='</>;ep="typed-1",' + LINKS) as one:
        play(browser, plant, 'acts.byAddress', {'address': '127.0.0.1:%d' % one.port, 'ep': 'typed-1'})
        await_stage(plant, 'typed-1', 'active')
        plant.ctl('revoke', device(plant, 'typed-1')['id'])  # it is read as long as it is in
    rows = plant.ctl('journal', '--object', '127.0.0.1:%d' % one.port)['rows']
    assert ('tom', 'add') in [(row['who'], row['action']) for row in rows]


def test_blocked_and_unblocked(browser, plant):
    open_window(plant)
    pest = PlainDevice(plant, 'pest-1')
    pest.enrol(model='P')
    record = await_stage(plant, 'pest-1', 'waiting-person')
    play(browser, plant, 'acts.block', {'id': record['id'], 'ep': 'pest-1'},
         knock=lambda ep: '%d.%02d' % divmod(pest.enrol(model='P').code, 32))
    rows = plant.ctl('journal', '--object', record['id'])['rows']
    assert [row['action'] for row in rows if row['who'] == 'tom'] == ['unblock', 'block']


def done_to(plant, what):
    """(who, action, result) of what was done to it, oldest first."""
    return [(row['who'], row['action'], row['result'])
            for row in reversed(plant.ctl('journal', '--object', what)['rows'])]


def test_identified(browser, plant):
    """Of two alike, the one that blinks. Who cannot, says so, and nothing else has changed."""
    open_window(plant)
    with StandardDevice(links='</>;ep="blinks-1",' + LINKS + BLINKS) as one:
        known = plant.ctl('add', '127.0.0.1:%d' % one.port)['device']['id']
        await_stage(plant, 'blinks-1', 'waiting-person')
        Plant(plant).enrol('dark-1')
        play(browser, plant, 'acts.identify', {'ep': 'blinks-1', 'id': known, 'without': 'dark-1'},
             told=lambda: [list(row) for row in one.told])
        plant.ctl('reject', known)
    assert done_to(plant, known)[-2] == ('tom', 'identify', 'done')


@pytest.mark.deadline(300)
def test_suspended_resumed_released_forgotten(browser, plant):
    one = let_in(plant, 'life-1', '--name', 'Life')
    calls = {'report': lambda value: '%d.%02d' % divmod(one.report(value).code, 32)}
    play(browser, plant, 'acts.suspend', {'id': one.id}, **calls)
    play(browser, plant, 'acts.end', {'id': one.id, 'ep': 'life-1'}, **calls)
    rows = [row for row in done_to(plant, one.id) if row[0] in ('tom', 'anna')]
    assert rows == [('tom', 'suspend', 'done'), ('tom', 'resume', 'done'),
                    ('anna', 'release', 'done'), ('anna', 'forget', 'done')]


def test_waiting_is_oldest_first(browser, plant):
    """By when they were first seen, in whole seconds: each comes in a later one."""
    open_window(plant)
    others = Plant(plant)

    def arrive(ep):
        seen = max([one['first_seen'] for one in plant.devices() if one['first_seen']], default='')
        bed.until(lambda: plant.api('GET', 'status')[1]['clock']['now'] > seen, 20, 'it is another second')
        others.enrol(ep)
        await_stage(plant, ep, 'waiting-person')
    names = ['order-m', 'order-z', 'order-a']
    for ep in names:
        arrive(ep)
    play(browser, plant, 'acts.oldestFirst', {'names': names, 'late': 'order-b'}, arrive=arrive)


def test_label_waits_for_its_device(browser, plant):
    play(browser, plant, 'labels.waits')


def test_without_script_elsewhere(browser, plant):
    play(browser, plant, 'tables.withoutScript')


def test_uplink_lost(browser, plant):
    one = let_in(plant, 'kept-1', '--name', 'Kept one')
    play(browser, plant, 'jobs.uplinkLost', {'name': 'Kept one', 'id': one.id}, report=lambda value: one.report(value).code,
         stop_broker=lambda: plant.broker.stop(),
         start_broker=lambda: bool(plant.broker.start()))
