# SPDX-License-Identifier: Apache-2.0
"""The page, as a person without JavaScript uses it, and as somebody who is not welcome tries to."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse
import warnings

import pytest

from bed import coap, enter, until
from bed.commands import COOKIE
from bed.gateway import ToolError
from bed.people import ADMIN, PASSWORDS, add_person, log_in, set_up
from bed.plain import PlainDevice, await_stage, device, let_in, open_window

PASSWORD = PASSWORDS[ADMIN]
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


@pytest.fixture
def gateway(make_gateway):
    """The page needs no broker."""
    return make_gateway().start()


def journal(gateway):
    return gateway.ctl('journal')['rows']


def card(page, one, action='approve'):
    """The form of a device on Waiting that ends in that action."""
    return page.get('/waiting').form('/devices/%s/%s' % (one['id'], action))


def press(page, form, act, **values):
    """A button of a form that goes to another address than its form (formaction)."""
    where = form.action.rsplit('/', 1)[0] + '/' + act
    return page.post(where, {**form.fields, **values})


def waiting(gateway, ep, **body):
    """A device that has enrolled and waits for a person."""
    sensor = PlainDevice(gateway, ep)
    answer = sensor.enrol(**body)
    assert answer.code == coap.CREATED, answer
    return sensor, await_stage(gateway, ep, 'waiting-person')


def open_by_page(page):
    form = page.get('/waiting').form('/window/open')
    return page.submit(form, password=PASSWORD)


# --- the first administrator ---

def test_first_set_up(gateway):
    page = gateway.page()
    first = page.get('/')
    assert first.status == 200 and 'gatehousectl setup' in first.text
    assert page.fingerprint == re.sub('[^0-9a-f]', '', first.html.split('class="fingerprint"', 1)[1]
                                      .split('</p>')[0].replace('<wbr>', '').lower())
    assert page.setup('BCDF-GHJK', ADMIN, PASSWORD).status == 423  # there is no code yet

    code = gateway.ctl('setup')['code']
    wrong = 'BBBB-BBBB'
    answer = page.setup(wrong, ADMIN, PASSWORD)
    assert answer.status == 422 and 'This is not the setup code. 4 tries are left.' in answer.text
    assert answer.form('/setup').fields['name'] == ADMIN
    assert PASSWORD not in answer.html and not page.cookies
    for name, password, again, words in (
            (ADMIN, PASSWORD, PASSWORD + ' ', 'The two passwords are not the same.'),
            (ADMIN, 'fourteen chars', 'fourteen chars', 'A password has at least 15 characters.'),
            (ADMIN, 'password123456789', 'password123456789', 'tried first'),
            ('an na', PASSWORD, PASSWORD, 'A name has only the characters')):
        form = page.get('/setup').form('/setup')
        answer = page.submit(form, code=code, name=name, password=password, again=again)
        assert answer.status == 400 and words in answer.text, answer.text
    assert gateway.ctl('status')['set_up'] is False

    answer = page.setup(code.lower().replace('-', ' '), ADMIN, PASSWORD)
    assert answer.status == 200 and answer.form('/window/open')
    line, = page.set_cookies
    name, *flags = [part.strip() for part in line.split(';')]
    assert re.fullmatch(COOKIE + '=[0-9a-f]{64}', name)
    assert sorted(flags) == ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']

    # The code worked once; who comes now is sent to the login.
    second = gateway.page()
    answer = second.get('/setup')
    assert answer.form('/login') and not [one for one in answer.forms if one.action == '/setup']
    answer = second.post('/setup', {'code': code, 'name': 'mallory', 'password': PASSWORD,
                                    'again': PASSWORD})
    assert answer.status == 409 and not second.cookies
    with pytest.raises(ToolError) as refused:
        gateway.ctl('setup')
    assert refused.value.code == 1
    assert [one['name'] for one in gateway.ctl('users', 'list')['people']] == [ADMIN]


def test_five_wrong_setup_codes_void_it(gateway):
    page = gateway.page()
    code = gateway.ctl('setup')['code']
    for status in (422, 422, 422, 422, 423, 423):
        assert page.setup('BBBB-BBBB', ADMIN, PASSWORD).status == status
    answer = page.setup(code, ADMIN, PASSWORD)
    assert answer.status == 423 and "Run 'gatehousectl setup'" in answer.text
    assert gateway.ctl('status')['set_up'] is False
    again = gateway.ctl('setup')['code']
    assert again != code and page.setup(code, ADMIN, PASSWORD).status == 422
    assert page.setup(again, ADMIN, PASSWORD).status == 200


# --- log in, log out ---

def test_log_in_and_out(gateway):
    set_up(gateway)
    page = gateway.page()
    wrong = page.login(ADMIN, PASSWORD + '!')
    unknown = page.login('nobody', PASSWORD)
    assert wrong.status == unknown.status == 403 and not page.cookies
    assert 'Name or password are wrong.' in wrong.text and 'Name or password' in unknown.text
    assert wrong.form('/login').fields == {'name': ADMIN, 'password': ''}

    page.cookies[COOKIE] = 'ab' * 32  # an id that somebody else chose
    answer = page.login(ADMIN, PASSWORD)
    assert answer.status == 200 and page.cookies[COOKIE] != 'ab' * 32
    first = dict(page.cookies)
    assert page.get('/login').form('/window/open')  # no second login while one lasts

    # A new login gives a new id and voids the one that the browser had.
    page.post('/login', {'name': ADMIN, 'password': PASSWORD})
    assert page.cookies != first
    old = gateway.page()
    old.cookies = first
    assert old.get('/waiting').form('/login')

    kept = dict(page.cookies)
    answer = page.submit(page.get('/waiting').form('/logout'))
    assert answer.form('/login') and not page.cookies
    page.cookies = kept
    assert page.request('GET', '/devices').header('location') == '/login?back=/devices'


def test_guessing_a_password_gets_slower(gateway):
    set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    page, other = gateway.page(), gateway.page()
    rounds = []

    def too_early():
        """Five wrong ones make a pause of a second. True when the right one came within it."""
        rounds.append(gateway.page())
        for _ in range(5):
            began = time.monotonic()
            assert rounds[-1].login(ADMIN, 'not the password at all').status == 403
        answer = rounds[-1].post('/login', {'name': ADMIN, 'password': PASSWORD})
        assert answer.status == 429 or time.monotonic() - began > 1, 'it has to wait'
        assert answer.status == 200 or 'Too many wrong passwords.' in answer.text
        return answer.status == 429
    until(too_early, 60, 'the right one comes too early')
    assert other.login('tom', PASSWORDS['tom']).status == 200  # others are not kept out
    until(lambda: page.login(ADMIN, PASSWORD).status == 200, 10, 'the pause is over', every=0.3)
    refused = [row for row in journal(gateway) if row['action'] == 'login' and row['result'] == 'refused']
    assert len(refused) == 5 * len(rounds) and {row['who'] for row in refused} == {ADMIN}


def test_nothing_without_a_session(gateway):
    set_up(gateway)
    page = gateway.page()
    one = let_in(gateway, 'shy')
    for path in ('/', '/waiting', '/devices', '/devices/' + one.id, '/uplink', '/journal', '/people'):
        answer = page.request('GET', path)
        assert answer.status == 303 and not answer.body
        assert answer.header('location') == {
            '/': '/waiting', '/waiting': '/login'}.get(path, '/login?back=' + path)
    assert page.get('/').form('/login')
    assert page.request('GET', '/waiting', headers={'X-Background': '1'}).status == 401
    for path in ('status', 'devices', 'devices/' + one.id, 'journal', 'people', 'alarms', 'heard'):
        answer = page.api('GET', path)
        assert answer.status == 401 and answer.json()['error'] == 'login'
    for path in ('/window/open', '/devices/%s/revoke' % one.id, '/people/put'):
        answer = page.request('POST', path, b'seconds=60', FORM)
        assert answer.status == 401 and 'nothing was changed' in answer.text and answer.form('/login')
    assert page.api('POST', 'devices/%s/revoke' % one.id, {}).status == 401
    assert page.api('POST', 'setup-code', {}).status == 401
    assert device(gateway, 'shy')['state'] == 'approved'


def test_back_to_where_one_was(gateway):
    """A log-in on the way to a screen ends there; nothing else than a screen is gone to."""
    set_up(gateway)
    one = let_in(gateway, 'shy')
    for there, then in (('/devices/' + one.id, None), ('/devices', None), ('/login', '/waiting'), ('/nowhere', '/waiting'),
                        ('//evil.example', '/waiting'), ('https://evil.example/', '/waiting')):
        page = gateway.page()
        form = page.get('/login?back=' + there).form('/login')
        wrong = page.submit(form, name=ADMIN, password='not the password at all')
        assert wrong.status == 403
        answer = page.request('POST', '/login', urllib.parse.urlencode({
            **wrong.form('/login').fields, 'name': ADMIN, 'password': PASSWORD}).encode(), FORM)
        assert (answer.status, answer.header('location')) == (303, then or there)


def test_sessions_end_with_password_role_and_person(gateway):
    page = set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    first, second = log_in(gateway, 'tom'), log_in(gateway, 'tom')
    new = 'four wet umbrellas in a corridor'
    form = page.get('/people').form('/people/put', where=lambda one: one.fields.get('id') == 'tom')
    answer = page.submit(form, secret=new, password=PASSWORD, role='technician')
    assert answer.status == 200 and 'Saved.' in answer.text
    assert first.get('/waiting').form('/login') and second.get('/waiting').form('/login')
    assert page.get('/waiting').form('/window/open')  # hers goes on
    assert gateway.page().login('tom', PASSWORDS['tom']).status == 403

    third = log_in(gateway, 'tom', new)
    gateway.ctl('users', 'role', 'tom', '--role', 'viewer')
    assert third.get('/waiting').form('/login')
    fourth = log_in(gateway, 'tom', new)
    form = page.get('/people').form('/people/drop', where=lambda one: one.fields['id'] == 'tom')
    assert page.submit(form, password=PASSWORD).status == 200
    assert fourth.get('/waiting').form('/login')
    assert [one['name'] for one in page.api('GET', 'people').json()['people']] == [ADMIN]
    # The last administrator stays.
    form = page.get('/people').form('/people/put', where=lambda one: one.fields.get('id') == ADMIN)
    assert page.submit(form, role='viewer', password=PASSWORD).status == 409
    assert page.get('/people').status == 200


# --- the main job ---

def test_window_asks_for_the_password(gateway):
    page = set_up(gateway)
    form = page.get('/waiting').form('/window/open')
    answer = page.submit(form)
    assert answer.status == 403 and 'needs your password once more' in answer.text
    answer = page.submit(form, password='not the password at all')
    assert answer.status == 403 and 'wrong' in answer.text
    assert gateway.ctl('status')['window']['open'] is False
    began = time.monotonic()
    answer = page.submit(form, seconds='300', password=PASSWORD)
    assert answer.status == 200 and 'The window is open.' in answer.text
    window = gateway.ctl('status')['window']
    assert window['open'] and window['opened_by'] == ADMIN
    assert 300 >= window['seconds_left'] >= 299 - (time.monotonic() - began)
    assert 'opened by anna' in page.get('/waiting').text
    assert 'The window is open.' not in page.get('/waiting').text  # said once
    answer = page.submit(page.get('/waiting').form('/window/close'))
    assert 'The window is closed.' in answer.text
    assert gateway.ctl('status')['window']['open'] is False
    answer = page.post('/window/open', {**form.fields, 'seconds': '5x', 'password': PASSWORD})
    assert answer.status == 400 and gateway.ctl('status')['window']['open'] is False


def test_a_device_with_a_label(make_gateway, broker, recorder):
    gateway = make_gateway(broker=broker).start()
    page = set_up(gateway)
    assert 'open the window above' in page.get('/waiting').text
    open_by_page(page)
    assert 'switch the new device on now' in page.get('/waiting').text
    sensor, one = waiting(gateway, 'boiler-7', model='T-1', serial='0042', firmware='1.2',
                          code='BCDF-GHJK', attributes={'room': 'cellar'})
    seen = page.get('/waiting').text
    for text in ('boiler-7', 'T-1', '0042', '1.2', 'room', 'cellar', 'It enrolled itself', 'Plain',
                 one['address'], 'Waits for a decision'):
        assert text in seen, text
    assert 'BCDF' not in page.get('/waiting').html

    form = card(page, one)
    answer = page.submit(form, 'no-button', code='BCDF-GHJL', name='Boiler', place='cellar 2')
    assert answer.status == 422 and '4 tries are left' in answer.text
    again = answer.form('/approve')
    assert (again.fields['name'], again.fields['place']) == ('Boiler', 'cellar 2')
    assert device(gateway, 'boiler-7')['code_tries_left'] == 4
    assert 'Tries left: 4' in answer.text
    answer = page.submit(again, code='')
    assert answer.status == 400 and 'Type the code that its label has.' in answer.text
    assert device(gateway, 'boiler-7')['code_tries_left'] == 4

    answer = page.submit(again, code='bcdf ghjk')
    assert answer.status == 200 and 'The device is approved.' in answer.text
    one = await_stage(gateway, 'boiler-7', 'active')
    assert (one['name'], one['place'], one['evidence']) == ('Boiler', 'cellar 2', 'short-code')
    assert one['decided_by'] == ADMIN
    assert sensor.report(1).code == coap.CHANGED
    recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])
    until(lambda: 'Active' in page.get('/devices/' + one['id']).text, 10)
    text = page.get('/devices/' + one['id']).text
    assert 'Boiler' in text and 'short code typed' in text and 'boiler-7' in text


def test_devices_without_a_code_and_with_a_display(gateway):
    page = set_up(gateway)
    open_by_page(page)
    _, plain = waiting(gateway, 'no-label')
    assert 'It sent no code and has no display.' in page.get('/waiting').text
    answer = page.submit(card(page, plain), 'none')
    assert 'The device is approved.' in answer.text
    assert await_stage(gateway, 'no-label', 'active')['evidence'] == 'no-code'

    sensor, panel = waiting(gateway, 'panel', display=True)
    form = page.get('/waiting').form('/devices/%s/admit' % panel['id'])
    assert 'code' not in form.names
    assert page.submit(form, 'none', name='Panel').status == 200
    await_stage(gateway, 'panel', 'waiting-code')
    code = sensor.state(sensor.enrol(display=True))['code']
    seen = page.get('/waiting')
    assert code not in seen.html and 'Type the code that its display shows' in seen.text
    # Its display cannot be read: the code is on the page, which counts for less.
    answer = press(page, card(page, panel), 'show-code')
    assert 'Its code is shown here now.' in answer.text
    seen = page.get('/waiting')
    assert code in seen.text and 'Type the code that is shown above' in seen.text
    assert 'Show the code here' not in seen.text
    assert page.submit(card(page, panel), 'none', code=code).status == 200
    one = await_stage(gateway, 'panel', 'active')
    assert (one['name'], one['evidence']) == ('Panel', 'shown-by-gateway')

    stranger, third = waiting(gateway, 'stranger')
    answer = press(page, card(page, third), 'reject')
    assert answer.status == 200 and 'The device is rejected.' in answer.text
    assert device(gateway, 'stranger')['state'] == 'rejected'
    assert stranger.state(stranger.enrol())['state'] == 'rejected'
    assert 'Nothing waits for you' in page.get('/waiting').text


def test_devices_and_revoke(gateway):
    page = set_up(gateway)
    assert 'No device yet' in page.get('/devices').text
    sensor = let_in(gateway, 'hall', '--name', 'Hall', '--place', 'north wing', model='H-20')
    let_in(gateway, 'attic')
    answer = page.get('/devices')
    assert '/devices/' + sensor.id in answer.links and '2' in answer.text
    found = page.get('/devices?q=north')
    assert 'Hall' in found.text and 'attic' not in found.text
    assert 'No device fits' in page.get('/devices?q=nowhere').text
    assert 'No device fits' in page.get('/devices?stage=suspended').text
    assert page.get('/devices/unknown-device').status == 404

    where = '/devices/' + sensor.id
    answer = page.submit(page.get(where).form(where + '/rename'), name='Hall 2', place='', owner='')
    assert 'Saved.' in answer.text and device(gateway, 'hall')['name'] == 'Hall 2'
    assert page.submit(page.get(where).form('/suspend')).status == 200
    assert sensor.report(1).code == coap.FORBIDDEN
    assert page.submit(page.get(where).form('/resume')).status == 200
    assert sensor.report(2).code == coap.CHANGED

    form = page.get(where).form('/revoke')
    answer = page.submit(form)
    assert answer.status == 403 and 'needs your password once more' in answer.text
    answer = page.submit(form, password='not the password at all')
    assert answer.status == 403 and device(gateway, 'hall')['state'] == 'approved'
    answer = page.submit(form, password=PASSWORD)
    assert answer.status == 200 and 'Revoked' in answer.text
    assert device(gateway, 'hall')['state'] == 'revoked' and sensor.report(3).code == coap.FORBIDDEN
    assert page.submit(page.get(where).form('/forget'), password=PASSWORD).status == 200
    assert device(gateway, 'hall') is None and page.get(where).status == 404


def test_journal_says_who_did_what(gateway):
    page = set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    open_by_page(page)
    _, one = waiting(gateway, 'witness', code='BCDF-GHJK')
    tom = log_in(gateway, 'tom')
    tom.submit(tom.get('/waiting').form('/approve'), 'none', code='ZZZZ-ZZZZ')
    tom.submit(tom.get('/waiting').form('/approve'), 'none', code='BCDF-GHJK')
    await_stage(gateway, 'witness', 'active')
    where = '/devices/' + one['id']
    page.submit(page.get(where).form('/revoke'), password=PASSWORD)
    rows = [(row['who'], row['role'], row['via'], row['action'], row['object'], row['evidence'],
             row['result']) for row in page.api('GET', 'journal?limit=200').json()['rows']]
    here = '127.0.0.1'
    for row in ((ADMIN, 'admin', here, 'revoke', one['id'], 'none', 'done'),
                ('tom', 'technician', here, 'approve', one['id'], 'short-code', 'done'),
                ('tom', 'technician', here, 'login', 'tom', '', 'done')):
        assert row in rows, (row, rows)
    assert any(row[:5] == ('tom', 'technician', here, 'approve', one['id'])
               and row[6] == 'refused: wrong code' for row in rows)
    assert any(row[0] == ADMIN and row[3] == 'window open' for row in rows), rows
    text = page.get('/journal').text
    assert 'tom Technician' in text and 'Revoke witness ' + one['id'] in text
    for secret in ('BCDF', 'ZZZZ', *PASSWORDS.values()):
        assert secret not in page.get('/journal').html


# --- roles ---

BODIES = {  # what would change something if it was let through
    'devices/{id}/rename': {'name': 'touched'}, 'window': {'seconds': 60}, 'people/{name}': {'role': 'admin'},
    'alarms/clear': {'id': 'name-conflict', 'subject': 'x'}, 'devices/{id}/identify': {'seconds': 1},
}


def routes():
    """Every route of the description (which a test holds against the table of routes): method, path,
    body, least role, whether it asks for a fresh password."""
    with open(os.path.join(enter.ROOT, 'docs', 'api', 'openapi.json'), encoding='utf-8') as file:
        paths = json.load(file)['paths']
    for path, operations in paths.items():
        for method, operation in operations.items():
            path = path.replace('/api/v1/', '')
            role = 'root' if operation.get('x-local-root') else operation['x-role']
            body = None if method == 'get' else BODIES.get(path, {})
            yield method.upper(), path, body, role, operation.get('x-fresh-password', False)


def test_every_route_asks_for_its_role(gateway):
    """The whole matrix of routes and roles: below the role 403, and nothing has changed. Admins are not
    the machine's root."""
    ranks = ['nobody', 'viewer', 'technician', 'admin', 'root']
    boss = set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    add_person(gateway, 'vera', 'viewer')
    one = let_in(gateway, 'guarded')
    gateway.ctl('window', 'close')
    before = device(gateway, 'guarded')
    table = list(routes())
    assert len(table) > 45 and {row[3] for row in table} == set(ranks)
    refused = 0
    for rank, page in (('nobody', gateway.page()), ('viewer', log_in(gateway, 'vera')),
                       ('technician', log_in(gateway, 'tom')), ('admin', boss)):
        token = None if rank == 'nobody' else page.token
        for method, path, body, least, _ in table:
            if ranks.index(rank) >= ranks.index(least):
                continue
            answer = page.api(method, path.format(id=one.id, name='tom', fingerprint='f' * 64), body, token)
            if rank == 'nobody':
                assert answer.status in (401, 403), (path, answer.body)
            else:
                assert (answer.status, answer.json()['error']) == (403, 'role'), (rank, path, answer.body)
            refused += 1
        if rank != 'nobody':
            assert page.api('GET', 'nowhere').status == 404
            assert page.api('PUT', 'status', {}, token).status == 405
    assert refused > 100
    after = device(gateway, 'guarded')
    for key in ('state', 'stage', 'name', 'credential', 'decided_at', 'operation'):
        assert before[key] == after[key]
    assert gateway.ctl('status')['window']['open'] is False
    roles = {person['name']: person['role'] for person in gateway.ctl('users', 'list')['people']}
    assert roles == {ADMIN: 'admin', 'tom': 'technician', 'vera': 'viewer'}
    for path in ('status', 'heard', 'alarms', 'devices', 'devices/' + one.id, 'journal', 'people'):
        assert boss.api('GET', path).status == 200, path


def test_screens_offer_what_the_role_may(gateway):
    page = set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    add_person(gateway, 'vera', 'viewer')
    active = let_in(gateway, 'active-one')
    _, one = waiting(gateway, 'waiting-one', code='BCDF-GHJK')
    vera, tom = log_in(gateway, 'vera'), log_in(gateway, 'tom')
    where = '/devices/' + active.id
    for path in ('/waiting', '/devices', where, '/uplink'):
        forms = [form.action for form in vera.get(path).forms if form.method == 'post']
        assert forms == ['/logout'], (path, forms)
    for path in ('/journal', '/people'):
        for other in (vera, tom):
            answer = other.get(path)
            assert answer.status == 403 and 'Your role does not allow this page.' in answer.text
    assert '/people' in page.get('/waiting').links
    assert not {'/people', '/journal'} & set(tom.get('/waiting').links + vera.get('/waiting').links)

    forms = [form.action for form in tom.get(where).forms]
    assert where + '/suspend' in forms and where + '/revoke' not in forms
    answer = tom.post(where + '/revoke', {'csrf': tom.token, 'password': PASSWORDS['tom']})
    assert answer.status == 403 and 'Your role does not allow this.' in answer.text
    answer = vera.post('/devices/%s/approve' % one['id'], {'csrf': vera.token, 'code': 'BCDF-GHJK'})
    assert answer.status == 403
    assert device(gateway, 'active-one')['state'] == 'approved'
    assert device(gateway, 'waiting-one')['state'] == 'pending'
    assert page.submit(page.get(where).form('/revoke'), password=PASSWORD).status == 200


# --- other sites ---

def test_forms_of_other_sites_change_nothing(gateway):
    page, other = set_up(gateway), log_in(gateway, ADMIN)
    token = page.token
    body = urllib.parse.urlencode({'csrf': token, 'seconds': '60', 'password': PASSWORD}).encode()

    def refused(text, expected=403, path='/window/open', headers=None):
        answer = page.request('POST', path, text, {**FORM, **(headers or {})})
        assert answer.status == expected, (text, headers, answer.status)
        assert 'set-cookie' not in answer.headers
        return answer
    for csrf in (None, '', token[:-1], token + 'a', other.token, 'é'):
        fields = {'seconds': '60', 'password': PASSWORD}
        if csrf is not None:
            fields['csrf'] = csrf
        refused(urllib.parse.urlencode(fields).encode())
    for origin, site in (('https://evil.example', None), ('null', None), (None, None),
                         ('http://127.0.0.1:%d' % gateway.page_port, None),
                         ('https://127.0.0.1:1', None), (page.origin + '.evil.example', None),
                         (page.origin, 'cross-site'), (page.origin, 'same-site'), (None, 'none')):
        headers = {'Origin': origin, 'Sec-Fetch-Site': site}
        refused(body, headers=headers)
        answer = page.api('POST', 'window', {'seconds': 60}, token, headers)
        assert answer.status == 403, headers
        fresh = gateway.page()
        fields = urllib.parse.urlencode({'name': ADMIN, 'password': PASSWORD}).encode()
        assert fresh.request('POST', '/login', fields, {**FORM, **headers}).status == 403
        assert not fresh.cookies
    for kind in ('multipart/form-data; boundary=x', 'text/plain', 'application/json', None):
        refused(body, 415, headers={'Content-Type': kind})
    assert page.api('POST', 'window', {'seconds': 60}).status == 403
    assert page.api('POST', 'window', {'seconds': 60}, other.token).status == 403
    assert page.api('POST', 'window', {'seconds': 60}, token, {'Content-Type': 'text/plain'}).status == 415
    answer = page.request('GET', '/window/open?csrf=%s&seconds=60&password=x' % token)
    assert answer.status == 404
    assert page.request('GET', '/logout').status == 404 and page.get('/waiting').form('/logout')
    assert gateway.ctl('status')['window']['open'] is False
    # The very same body with the right fields is taken.
    assert page.request('POST', '/window/open', body, FORM).status == 303
    assert gateway.ctl('status')['window']['open'] is True


def test_only_our_own_names_as_host(gateway):
    page = set_up(gateway)
    name, port = socket.gethostname().split('.')[0], gateway.page_port
    for host in ('127.0.0.1:%d' % port, 'localhost', 'LOCALHOST.:%d' % port, name, name + '.local',
                 '127.0.0.1'):
        assert page.request('GET', '/waiting', headers={'Host': host}).status == 200, host
    for host in ('evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '192.0.2.7',
                 '8.8.8.8:%d' % port, '[2001:db8::1]', '127.0.0.1:port', 'localhost@evil.example', ''):
        for method, path in (('GET', '/waiting'), ('GET', '/assets/style.css'), ('GET', '/login'),
                             ('POST', '/window/open'), ('GET', '/api/v1/status')):
            body = b'seconds=60' if method == 'POST' else None
            answer = page.request(method, path, body, {**FORM, 'Host': host})
            assert (answer.status, answer.body) == (421, b''), (host, path)
    assert gateway.ctl('status')['window']['open'] is False


HEADERS = {
    'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(self)',
    'cache-control': 'no-store',
}


def test_headers_on_every_answer(gateway):
    page, stranger = set_up(gateway), gateway.page()
    one = let_in(gateway, 'plain-one')
    answers = {}
    for path in ('/waiting', '/devices', '/devices/' + one.id, '/uplink', '/journal', '/people',
                 '/assets/style.css', '/assets/page.js', '/assets/icon.svg', '/api/v1/status'):
        answers[path] = page.request('GET', path)
        assert answers[path].status == 200, path
    answers['login'] = stranger.request('GET', '/login')
    answers['redirect'] = stranger.request('GET', '/waiting')
    answers['missing'] = page.request('GET', '/nowhere')
    answers['missing asset'] = page.request('GET', '/assets/../state/key')
    answers['method'] = page.request('TRACE', '/waiting')
    answers['put'] = page.request('PUT', '/waiting', b'')
    answers['origin'] = page.request('POST', '/login', b'', {**FORM, 'Origin': 'https://evil.example',
                                                             'Sec-Fetch-Site': None})
    answers['host'] = page.request('GET', '/', headers={'Host': 'evil.example'})
    answers['type'] = page.request('POST', '/window/open', b'', {'Content-Type': 'text/plain'})
    answers['large'] = page.request('POST', '/login', None, {**FORM, 'Content-Length': '70000'})
    expected = {'login': 200, 'redirect': 303, 'missing': 404, 'missing asset': 404, 'method': 405,
                'put': 405, 'origin': 403, 'host': 421, 'type': 415, 'large': 413}
    assert {name: answers[name].status for name in expected} == expected
    for name, answer in answers.items():
        for field, value in HEADERS.items():
            if name.startswith('/assets/') and field == 'cache-control':
                continue
            assert answer.header(field) == value, (name, field)
        assert not [field for field in answer.headers if field.startswith('access-control-')]
        assert 'strict-transport-security' not in answer.headers
        if (answer.header('content-type') or '').startswith('text/html'):
            for bad in ('<style', ' style=', 'javascript:', '<script>', ' onclick', ' onload', 'http://',
                        'https://'):
                assert bad not in answer.html, (name, bad)
    assert sum(len(answers[path].body) for path in
               ('/waiting', '/assets/style.css', '/assets/page.js', '/assets/icon.svg')) < 100 * 1024


def test_what_is_too_large(gateway):
    page = set_up(gateway)
    limit = 64 * 1024
    full = urllib.parse.urlencode({'csrf': page.token, 'seconds': '60', 'password': PASSWORD, 'x': ''}).encode()
    full += b'a' * (limit - len(full))
    # What says so in its header is refused before it is sent.
    for length in (limit + 1, 99999999999999):
        answer = page.request('POST', '/window/open', None, {**FORM, 'Content-Length': str(length)})
        assert answer.status == 413
    chunk = b'%x\r\n' % (limit + 1) + full + b'a\r\n0\r\n\r\n'
    chunked = {**FORM, 'Transfer-Encoding': 'chunked', 'Content-Length': None}
    assert page.request('POST', '/window/open', chunk, chunked).status == 413
    assert page.request('GET', '/waiting', headers={'X-Filler': 'a' * 9000}).status == 431
    assert page.request('GET', '/devices?q=' + 'a' * 9000).status in (414, 431)
    assert gateway.ctl('status')['window']['open'] is False
    fields = ''.join('a%d=&' % number for number in range(3000)) + 'csrf=' + page.token
    assert page.request('POST', '/window/close', fields.encode(), FORM).status == 400
    assert page.request('POST', '/window/close', b'csrf=%00', FORM).status == 400
    assert page.request('POST', '/window/open', full, FORM).status == 303
    reached = {row['name']: row['reached'] for row in gateway.ctl('status', '--limits')['limits']}
    assert reached['http-body'] >= 3


def test_silent_connections_do_not_keep_others_out(gateway):
    """One address may hold eight; they say nothing, and somebody else logs in all the same."""
    set_up(gateway)
    idle = [socket.create_connection(('127.0.0.1', gateway.page_port), timeout=60) for _ in range(12)]
    try:
        until(lambda: {row['name']: row['reached'] for row in gateway.ctl('status', '--limits')['limits']}
              ['http-per-address'] >= 4, 10, 'the limit of one address is reached')
        assert gateway.page(source='127.0.0.2').login(ADMIN, PASSWORD).status == 200
    finally:
        for one in idle:
            one.close()
    until(lambda: log_in_possible(gateway), 10, 'the first address may come again')


def log_in_possible(gateway):
    try:
        return gateway.page().get('/login').status == 200
    except OSError:
        return False


def shake_hands(gateway, version):
    """One TLS handshake in that version alone; the one that was agreed on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers('ALL:@SECLEVEL=0')  # what is old is refused by the gateway, not here
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(('127.0.0.1', gateway.page_port), timeout=60) as plain, \
            context.wrap_socket(plain) as one:
        return one.version()


def test_old_tls_is_refused(gateway):
    assert shake_hands(gateway, ssl.TLSVersion.TLSv1_3) == 'TLSv1.3'
    assert shake_hands(gateway, ssl.TLSVersion.TLSv1_2) == 'TLSv1.2'
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
        with pytest.raises(OSError) as refused:
            shake_hands(gateway, version)
        assert not isinstance(refused.value, TimeoutError), refused.value
        # By the gateway, which hangs up: what this side cannot do is 'NO_...'.
        assert not str(getattr(refused.value, 'reason', '')).startswith('NO_'), refused.value


# --- foreign text ---

def test_foreign_text_is_shown_escaped(gateway):
    page = set_up(gateway)
    open_window(gateway)
    evil = '"><img src=x onerror=alert(1)>'
    _, one = waiting(gateway, "x'&amp;y", model='<script>alert(1)</script>', serial=evil,
                     firmware="'; alert(1); '", attributes={'<b>k</b>': '</dl><iframe src=//x>'})
    where = '/devices/' + one['id']
    form = card(page, one)
    assert page.submit(form, 'none', name='<i>name</i>' + evil, place='</title><svg onload=x>').status == 200
    await_stage(gateway, one['ep'], 'active')
    page.get('/devices?q=' + urllib.parse.quote(evil) + '&stage=' + urllib.parse.quote(evil))
    for path in ('/waiting', where, '/devices', '/journal',
                 '/devices?q=%s&stage=%s' % (urllib.parse.quote(evil), urllib.parse.quote(evil)),
                 '/' + urllib.parse.quote(evil)):
        answer = page.get(path)
        for bad in ('<script>alert', '<img', '<iframe', '<svg onload', '<b>k', '<i>name'):
            assert bad not in answer.html, (path, bad)
    text = page.get(where).text
    for shown in ('<script>alert(1)</script>', evil, "'; alert(1); '", '<b>k</b>', '</dl><iframe src=//x>',
                  "x'&amp;y", '<i>name</i>', '</title><svg onload=x>'):
        assert shown in text, shown
    rename = page.get(where).form('/rename')
    assert rename.fields['name'] == '<i>name</i>' + evil


def test_control_characters_come_nowhere(gateway):
    """Terminal escapes in what a device says are refused; those that a person types as well."""
    page = set_up(gateway)
    open_window(gateway)
    for body in ({'model': 'a\x1b[31mred'}, {'serial': 'line\nbreak'}, {'firmware': '\x9b31m'},
                 {'model': 'nul\x00'}, {'attributes': {'a': '\x1b]0;title\x07'}},
                 {'attributes': {'\x1bc': 'x'}}, {'attributes': {'a': '\u202egnp.exe'}}):
        assert PlainDevice(gateway, 'escape').enrol(**body).code == coap.BAD_REQUEST, body
    assert device(gateway, 'escape') is None
    one = let_in(gateway, 'clean')
    where = '/devices/' + one.id
    form = page.get(where).form('/rename')
    for name in ('a\x1b[31m', 'two\r\nlines', '\x9b31m'):
        assert page.submit(form, name=name).status == 400, name
    assert device(gateway, 'clean')['name'] == ''
    page.post('/login', {'name': 'x\x1b[31m\nnotice: forged', 'password': 'x' * 20})
    assert '\x1b' not in gateway.log() and 'forged' not in gateway.log()


# --- a real browser ---

def test_a_browser_shows_the_login(gateway, work):
    """Chromium loads the page with style sheet and script, and has nothing to complain about."""
    chromium = shutil.which('chromium')
    if not chromium:
        pytest.skip('CHROMIUM IS MISSING: the page was not looked at in a browser')
    set_up(gateway)
    options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
               '--disable-background-networking', '--disable-component-update', '--disable-sync',
               '--no-first-run', '--ignore-certificate-errors', '--enable-logging=stderr',
               '--window-size=360,720', '--virtual-time-budget=5000',
               '--user-data-dir=' + os.path.join(work, 'chromium')]
    done = subprocess.run([chromium, *options, '--dump-dom',
                           'https://127.0.0.1:%d/login' % gateway.page_port],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
                          check=False, env={**os.environ, 'HOME': work})
    assert done.returncode == 0, done.stderr[-2000:]
    assert '<form method="post" action="/login">' in done.stdout, done.stderr[-2000:]
    assert 'name="password"' in done.stdout
    # What the browser says of its own screens, such as fonts that are slow on a busy machine, is not ours.
    console = [line for line in done.stderr.splitlines()
               if 'CONSOLE' in line and 'source: chrome://' not in line]
    assert not console, console
