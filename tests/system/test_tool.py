# SPDX-License-Identifier: Apache-2.0
"""gatehousectl, as a person at a shell and as a program use it: what it prints, its exit status,
who it says has asked."""

import csv
import json
import os
import re
import socket
import threading
import time

import pytest

from bed import coap
from bed.gateway import ToolError
from bed.people import PASSWORDS, add_person, log_in
from bed.plain import PlainDevice, await_stage, device, let_in, open_window

DONE, REFUSED, USAGE, UNREACHABLE = range(4)
CODE = re.compile('[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}')


@pytest.fixture
def gateway(make_gateway):
    """The tool needs no broker."""
    return make_gateway().start()


def pairs(text):
    """'Title          text' lines as a dict."""
    return {line[:16].strip(): line[17:] for line in text.splitlines() if len(line) > 17}


def table(text):
    """Rows of a table as dicts; the columns begin where their titles do."""
    head, *rows = text.splitlines()
    titles = re.findall(r'\S+(?: \S+)*', head)
    starts = [head.index(title) for title in titles] + [None]
    return [{title: row[starts[at]:starts[at + 1]].strip() for at, title in enumerate(titles)}
            for row in rows]


def said(gateway, *words, code=DONE, stdin=None):
    """What a person reads on success; on refusal what stands on the other stream."""
    done = gateway.tool(*words, stdin=stdin)
    assert done.returncode == code, (words, done)
    assert bool(done.stdout) == (code == DONE) and bool(done.stderr) == (code != DONE), done
    return done.stdout if code == DONE else done.stderr


def test_status(gateway):
    human, answer = pairs(said(gateway, 'status')), gateway.ctl('status')
    assert human['Gateway'] == answer['gateway']['id'] == 'bed'
    assert human['Devices'] == 'none' and answer['devices']['total'] == 0
    assert human['Window'] == 'closed' and answer['window']['open'] is False
    assert human['Set up'] == 'no' and answer['set_up'] is False
    assert human['Uplink'] == answer['uplink']['state'] == 'down'
    assert human['Queue'] == '0 readings, 0 bytes of 64.0 MiB'
    assert human['Key'] == answer['key']['source'] == 'key file'
    assert 'gatehousectl setup' in said(gateway, 'status')
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', answer['gateway']['since'])
    let_in(gateway, 'one')
    before = gateway.ctl('status')['window']['seconds_left']
    human = pairs(said(gateway, 'status'))
    after = gateway.ctl('status')['window']['seconds_left']
    assert human['Devices'] == '1 active'
    minutes, seconds = re.match(r'open for (\d+) min (\d+) s more, by uid', human['Window']).groups()
    assert 600 >= before >= 60 * int(minutes) + int(seconds) >= after
    assert gateway.ctl('status')['audit']['rows'] == int(human['Audit rows']) >= 3


def test_limits_say_why_they_are_there(gateway):
    rows = table(said(gateway, 'status', '--limits'))
    answer = gateway.ctl('status', '--limits')['limits']
    assert [row['LIMIT'] for row in rows] == [row['name'] for row in answer]
    assert len(answer) >= 20
    for row, one in zip(rows, answer):
        assert row['VALUE'] == str(one['value']) and row['REACHED'] == str(one['reached'])
        assert len(one['reason']) > 20 and one['unit']
    assert {row['name'] for row in answer} >= {'pending', 'sessions', 'http-body', 'login-tries'}


def test_devices_and_show(gateway):
    assert 'gatehousectl window open' in said(gateway, 'devices')
    assert gateway.ctl('devices') == {'total': 0, 'devices': []}
    one = let_in(gateway, 'hall', '--name', 'Diele Süd', '--place', 'ground floor', model='H-20',
                 attributes={'room': '7'})
    PlainDevice(gateway, 'attic').enrol()
    rows = table(said(gateway, 'devices'))
    assert [row['ID'] for row in rows] == [each['id'] for each in gateway.ctl('devices')['devices']]
    hall = next(row for row in rows if row['ID'] == one.id)
    assert (hall['NAME'], hall['PLACE'], hall['STAGE']) == ('Diele Süd', 'ground floor', 'active')
    assert hall['ADDRESS'] == '127.0.0.1:%d' % one.client.port
    for words, count in ((('--stage', 'active'), 1), (('--stage', 'active,waiting-person'), 2),
                         (('--search', 'DIELE'), 1), (('--search', 'h-20'), 1),
                         (('--search=ground fl'), 1), (('--search', 'nowhere'), 0),
                         (('--stage', 'suspended'), 0), (('--search', '100%&q='), 0)):
        words = [words] if isinstance(words, str) else words
        assert gateway.ctl('devices', *words)['total'] == count, words
        text = said(gateway, 'devices', *words)
        assert len(table(text)) == count if count else text.startswith('No device fits.'), words
    human, answer = pairs(said(gateway, 'show', one.id)), gateway.ctl('show', one.id)
    assert human['Name'] == answer['name'] == 'Diele Süd'
    assert human['Attribute'] == 'room = 7' and answer['attributes'] == {'room': '7'}
    assert human['You can'].split(', ') == answer['actions']
    assert human['Decided by'] == answer['decided_by'] == 'uid %d' % os.geteuid()


def test_many_devices_are_one_list(make_gateway):
    gateway = make_gateway(config={'lan': {'new_per_minute': 10000, 'pending_max': 4096}}).start()
    open_window(gateway)
    sensor = PlainDevice(gateway, 'unused')
    for number in range(205):
        sensor.ep = 'many-%03d' % number
        assert sensor.enrol().code == coap.CREATED
    answer = gateway.ctl('devices')
    assert answer['total'] == 205
    assert len({one['id'] for one in answer['devices']}) == 205
    assert len(table(said(gateway, 'devices'))) == 205


def test_window(gateway):
    began = time.monotonic()
    assert said(gateway, 'window', 'open') == 'The onboarding window is open for 15 minutes.\n'
    left = gateway.ctl('status')['window']['seconds_left']
    assert 900 >= left >= 899 - (time.monotonic() - began)
    assert said(gateway, 'window', 'close') == 'The onboarding window is closed.\n'
    assert said(gateway, 'window', 'open', '--minutes=1').endswith('for 1 minute.\n')
    assert gateway.ctl('window', 'close')['result'] == 'done'
    for minutes in ('0', '16', '-1', 'x', '', '1.5', '99999999999999999999'):
        assert 'from 1 to 15' in said(gateway, 'window', 'open', '--minutes=' + minutes, code=USAGE)
    assert gateway.ctl('status')['window']['open'] is False


def test_deciding(gateway):
    """admit, approve, reject, suspend, resume, rename, identify, block, unblock, unlock, revoke,
    release, forget: one device through all of them."""
    open_window(gateway)
    sensor = PlainDevice(gateway, 'boiler')
    sensor.enrol(code='BCDF-GHJK')
    one = await_stage(gateway, 'boiler', 'waiting-person')['id']
    assert 'Type the code that its label has.' in said(gateway, 'approve', one, code=REFUSED)
    text = said(gateway, 'approve', one, '--code', 'ZZZZ-ZZZZ', code=REFUSED)
    assert 'This is not the code of boiler. 4 tries are left.' in text
    with pytest.raises(ToolError) as refused:
        gateway.ctl('approve', one, '--code', 'ZZZZ-ZZZZ')
    answer = json.loads(refused.value.stdout)
    assert (answer['error'], answer['tries_left']) == ('wrong-code', 3)
    assert 'code' in said(gateway, 'admit', one, code=REFUSED)
    human = pairs(said(gateway, 'approve', one, '--code', 'bcdfghjk', '--name', 'Boiler',
                       '--place', 'cellar', '--owner', 'Ann'))
    assert human['Device'] == one
    await_stage(gateway, 'boiler', 'active')
    answer = gateway.ctl('show', one)
    assert (answer['name'], answer['place'], answer['owner']) == ('Boiler', 'cellar', 'Ann')
    assert 'Stage            suspended' in said(gateway, 'suspend', one)
    assert said(gateway, 'suspend', one, code=REFUSED) == 'It is suspended already.\n'
    assert gateway.ctl('resume', one)['device']['stage'] == 'active'
    assert gateway.ctl('rename', one, '--name', '')['device']['name'] == ''
    assert 'cannot show which one it is' in said(gateway, 'identify', one, '--seconds', '1', code=REFUSED)
    assert 'Revoke it first' in said(gateway, 'forget', one, code=REFUSED)
    assert 'Nothing of this device is published any more.' in said(gateway, 'revoke', one)
    assert gateway.ctl('block', one)['device']['stage'] == 'blocked'
    assert gateway.ctl('unblock', one)['device']['stage'] != 'blocked'
    assert gateway.ctl('unlock', one)['device']['code_tries_left'] == 5
    assert said(gateway, 'forget', one) == 'Forgotten.\n'
    for command in ('show', 'approve', 'revoke', 'forget', 'identify'):
        assert said(gateway, command, one, code=REFUSED) == 'There is no device with this id.\n'

    other = let_in(gateway, 'lent')
    assert gateway.ctl('release', other.id)['device']['credential']['state'] == 'none'
    PlainDevice(gateway, 'unwanted').enrol()
    unwanted = await_stage(gateway, 'unwanted', 'waiting-person')['id']
    assert gateway.ctl('reject', unwanted)['device']['stage'] == 'rejected'


def test_ids_that_are_none(gateway):
    one = let_in(gateway, 'real')
    for word in ('nope', 'real/../' + one.id, one.id + '/revoke', '../status', '%2e%2e', one.id.upper() + 'x',
                 'a' * 300, one.id + '?', 'é', '\x1b[31m', ' '):
        done = gateway.tool('revoke', word)
        assert done.returncode == REFUSED and '\x1b' not in done.stderr, (word, done)
    assert device(gateway, 'real')['state'] == 'approved'


def test_alarms_heard_and_journal(gateway):
    assert said(gateway, 'alarms') == 'There are no alarms.\n'
    assert said(gateway, 'heard').startswith('Nobody was turned away')
    PlainDevice(gateway, 'late').enrol()
    text = said(gateway, 'heard')
    assert re.search(r'^[1-9]\d* times: .*\n  .*window', text, re.M), text
    assert {row['reason'] for row in gateway.ctl('heard')['heard']} == {'window-closed'}

    let_in(gateway, 'twin')
    assert PlainDevice(gateway, 'twin', host='127.0.0.2').enrol().code == coap.CONFLICT
    text = said(gateway, 'alarms')
    alarm, = gateway.ctl('alarms')['alarms']
    assert alarm['sentence'] in text and alarm['remedy'] in text and '  id ' in text
    assert 'gatehousectl alarms' in said(gateway, 'status')
    assert said(gateway, 'alarms', 'clear', 'nothing', code=REFUSED) == 'There is no such alarm.\n'
    assert said(gateway, 'alarms', 'clear', alarm['id'], alarm['subject']) == 'The alarm is cleared.\n'
    assert gateway.ctl('alarms')['alarms'] == []

    rows, answer = table(said(gateway, 'journal')), gateway.ctl('journal')['rows']
    assert [row['NUMBER'] for row in rows] == [str(row['number']) for row in answer]
    numbers = [row['number'] for row in answer]
    assert numbers == sorted(numbers, reverse=True)
    part = gateway.ctl('journal', '--limit', '2', '--before', numbers[1])['rows']
    assert [row['number'] for row in part] == numbers[2:4]
    for words in (('--limit', '0'), ('--limit', '10001'), ('--before', 'x')):
        assert 'needs' in said(gateway, 'journal', *words, code=USAGE)


def test_journal_of_one(gateway):
    """Filters, the history of a device, the export and the chain."""
    one, other = let_in(gateway, 'watched'), let_in(gateway, 'unwatched')
    gateway.ctl('suspend', one.id)
    gateway.ctl('suspend', other.id)
    rows = gateway.ctl('journal', '--object', one.id)['rows']
    assert {row['object'] for row in rows} == {one.id} and rows[0]['action'] == 'suspend'
    rows = gateway.ctl('journal', '--action', 'suspend', '--who', 'uid %d' % os.geteuid())['rows']
    assert [row['object'] for row in rows] == [other.id, one.id]
    assert gateway.ctl('journal', '--who', 'nobody')['rows'] == []
    shown = gateway.ctl('show', one.id)
    assert [row['action'] for row in shown['history']][:2] == ['suspend', 'approve']
    text = said(gateway, 'show', one.id)
    assert re.search(r'^History, newest first:\n.*\n.* suspend .*\n.* approve ', text, re.M), text
    lines = [json.loads(line) for line in said(gateway, 'journal', 'export').splitlines()]
    numbers = [row['number'] for row in lines]
    assert numbers == list(range(numbers[0], 0, -1)) and numbers[0] >= 6
    assert said(gateway, 'journal', 'verify').startswith('All %d rows are as' % numbers[0])
    assert gateway.ctl('journal', 'verify')['head'] == gateway.ctl('status')['audit']['head']


def test_journal_as_a_table(gateway):
    """For a spreadsheet, which takes no name for a formula."""
    for ep in ('=2+3', "x;'@2", 'a;b-c'):  # some spreadsheets divide at the semicolon, too
        gateway.ctl('tokens', 'replace', ep, '--username', 'u', '--password-file', '-', stdin='p\n')
    gateway.ctl('window', 'open')
    done = gateway.tool('journal', 'export', '--csv', '--action', 'tokens import')
    assert done.returncode == DONE, done
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row['object'] for row in rows] == ['a;b-c', "x;''@2", "'=2+3"]
    assert {(row['action'], row['result']) for row in rows} == {('tokens import', 'done')}
    assert rows[0]['clock_synced'] in ('true', 'false') and int(rows[0]['number']) > 0
    lines = gateway.tool('journal', 'export').stdout.splitlines()
    assert len(gateway.tool('journal', 'export', '--csv').stdout.splitlines()) == 1 + len(lines)


def test_queue(gateway):
    assert said(gateway, 'queue').endswith('\nNothing waits.\n')
    one = let_in(gateway, 'quick')
    for value in range(3):
        one.report(value)
    human, answer = pairs(said(gateway, 'queue')), gateway.ctl('queue')
    assert human['Queue'].startswith('3 readings, ') and answer['readings'] == 3
    assert [(row['id'], row['readings']) for row in answer['devices']] == [(one.id, 3)]
    assert answer['gaps'] == [] and answer['lost']['revoked'] == 0
    gateway.ctl('revoke', one.id)
    answer = gateway.ctl('queue')
    assert answer['readings'] == 0 and answer['lost']['revoked'] == 3
    gap, = answer['gaps']  # nobody is there to be told
    assert (gap['device'], gap['count'], gap['reason']) == (one.id, 3, 'revoked')
    assert re.search(r'^%s +\d+ +\d+ +3 +revoked$' % one.id, said(gateway, 'queue'), re.M)


def test_people(gateway):
    assert 'gatehousectl setup' in said(gateway, 'users', 'list')
    for stdin, words, code in ((PASSWORDS['tom'] + '\n', 'They can log in.', DONE),
                               ('short\n', 'at least 15 characters', REFUSED),
                               ('\n', 'is empty', USAGE), ('', 'is empty', USAGE),
                               ('a' * 300, 'at most 256 bytes', REFUSED),
                               ('a' * 4000, 'longer than', USAGE)):
        text = said(gateway, 'users', 'add', 'tom', '--role', 'technician', code=code, stdin=stdin)
        assert words in text, (stdin, text)
    path = os.path.join(gateway.directory, 'password')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(PASSWORDS['vera'] + '\r\nsecond line\n')
    said(gateway, 'users', 'add', 'vera', '--role', 'admin', '--password-file', path)
    assert log_in(gateway, 'vera').get('/devices').status == 200
    assert 'cannot be read' in said(gateway, 'users', 'add', 'vera', '--role', 'viewer', '--password-file',
                                    '/nowhere', code=USAGE)
    assert 'viewer, technician or admin' in said(gateway, 'users', 'add', 'x', '--role', 'king', code=USAGE)
    assert 'viewer, technician or admin' in said(gateway, 'users', 'add', 'x', code=USAGE)
    said(gateway, 'users', 'add', 'Vera!', '--role', 'viewer', code=USAGE)
    people = {row['NAME']: row['ROLE'] for row in table(said(gateway, 'users', 'list'))}
    assert people == {'tom': 'technician', 'vera': 'admin'}
    said(gateway, 'users', 'role', 'tom', '--role', 'viewer')
    assert 'last administrator' in said(gateway, 'users', 'role', 'vera', '--role', 'viewer', code=REFUSED)
    assert 'last administrator' in said(gateway, 'users', 'drop', 'vera', code=REFUSED)
    said(gateway, 'users', 'drop', 'tom')
    assert 'nobody with this name' in said(gateway, 'users', 'drop', 'tom', code=REFUSED)
    assert [one['name'] for one in gateway.ctl('users', 'list')['people']] == ['vera']


def test_setup(gateway):
    done = gateway.tool('setup', '--config', gateway.config_file)
    human = pairs(done.stdout)
    assert CODE.fullmatch(human['Setup code']) and human['Valid for'] == '1 d 0 h'
    assert human['Page'] == 'https://localhost:%d/setup' % gateway.page_port
    page = gateway.page()
    page.get('/setup')
    assert human['Fingerprint'].replace(':', '').lower() == page.fingerprint
    answer = gateway.ctl('setup')
    assert CODE.fullmatch(answer['code']) and answer['seconds'] == 86400
    assert answer['code'] != human['Setup code']
    add_person(gateway, 'tom', 'admin')
    # Each new phone compares the fingerprint, also long after.
    done = gateway.tool('setup', '--config', gateway.config_file)
    assert done.returncode == REFUSED and 'set up already' in done.stderr
    assert pairs(done.stdout) == {'Fingerprint': human['Fingerprint'], 'Page': human['Page']}
    assert gateway.tool('setup', '--json').stdout.startswith('{')


def test_wrong_usage(gateway):
    one = let_in(gateway, 'bystander')
    for words, text in (
            ((), 'a command is missing'), (('frob',), "'frob' is not a command"),
            (('window',), 'is followed by one of: open close'),
            (('users', 'frob'), 'is followed by one of: list add role drop'),
            (('approve',), 'usage: gatehousectl approve ID'), (('approve', 'a', 'b'), 'usage:'),
            (('status', '--frob'), '--frob is not an option'),
            (('status', '--code', 'x'), "'status' does not take --code"),
            (('revoke', one.id, '--name', 'x'), 'does not take --name'),
            (('approve', one.id, '--code'), '--code needs a value'),
            (('status', '--limits=yes'), '--limits takes no value'),
            (('approve', one.id, '--name', 'a', '--name=b'), '--name is given twice'),
            (('status', 'extra'), 'usage: gatehousectl status'),
            (('identify', one.id, '--seconds', '121'), 'from 1 to 120')):
        assert text in said(gateway, *words, code=USAGE), words
    assert said(gateway, '--version').startswith('gatehousectl 0.')
    text = said(gateway, '--help')
    for command in ('setup', 'status', 'devices', 'window open', 'window close', 'approve', 'reject',
                    'revoke', 'check-config', 'Exit status: 0 done'):
        assert command in text
    assert said(gateway, 'status', '-h') == text
    assert device(gateway, 'bystander')['state'] == 'approved'


def test_gateway_that_does_not_run(gateway, work):
    path = gateway.socket_path
    gateway.terminate()
    for words in (('status',), ('devices',), ('approve', 'x'), ('window', 'open'), ('setup',)):
        for as_json in (False, True):
            done = gateway.tool(*words, json=as_json)
            assert done.returncode == UNREACHABLE and not done.stdout, done
            assert path in done.stderr and 'Is gatehoused running?' in done.stderr
    assert not os.path.exists(path)
    gateway.start()
    gateway.kill()
    assert os.path.exists(path)  # left behind by the kill; the next start takes the place
    assert gateway.tool('status').returncode == UNREACHABLE
    gateway.start()
    assert gateway.tool('status').returncode == DONE
    long = os.path.join(work, 'x' * 200)
    done = gateway.tool('--socket', long) if False else gateway.tool('status', '--socket=' + long)
    assert done.returncode in (USAGE, UNREACHABLE) and done.stderr


def answer_calls(server, answer, calls=1):
    """Something else than gatehoused at the other end of the socket. The tool looks first whether
    anybody is there, and hangs up."""
    for _ in range(2 * calls):
        link, _ = server.accept()
        with link:
            if link.recv(65536):
                link.sendall(answer)


@pytest.mark.parametrize('answer', [
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]',
    b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"cut',
    b'\x00\x01\x02 no http\r\n\r\n',
    b'HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n',
], ids=['no-json', 'no-object', 'cut', 'no-http', 'redirect'])
def test_answers_of_something_else(make_gateway, work, answer):
    gateway = make_gateway()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(gateway.socket_path)
        server.listen(8)
        thread = threading.Thread(target=answer_calls, args=(server, answer), daemon=True)
        thread.start()
        done = gateway.tool('status')
        thread.join(60)
    assert done.returncode == UNREACHABLE and gateway.socket_path in done.stderr, done
    assert not done.stdout


def test_foreign_text_does_not_move_the_cursor(gateway):
    """What got past the gateway anyway is made harmless by the tool: here the gateway is a fake."""
    gateway.terminate()
    evil = 'a\x1b[31m\r\n\x9b31m\u202eb'
    row = {'who': evil, 'object': evil, 'action': evil, 'result': evil}
    one = {'rows': [row], 'id': evil, 'ep': evil, 'name': evil, 'place': evil, 'stage': evil, 'address': evil,
           'attributes': {evil: evil}, 'actions': [evil], 'model': evil}
    bodies = {'devices': {'total': 1, 'devices': [one]}, 'show': one,
              'journal': {'rows': [row]},
              'queue': {'devices': [one], 'gaps': [{'device': evil, 'reason': evil}], 'lost': {evil: 1}},
              'alarms': {'alarms': [{'id': evil, 'sentence': evil, 'remedy': evil, 'subject': evil}]},
              'heard': {'heard': [{'reason': evil, 'count': 1, 'remedy': evil}]},
              'status': {'gateway': {'id': evil}, 'window': {'open': True, 'opened_by': evil},
                         'uplink': {'detail': evil}, 'devices': {evil: 1}}}
    for status in (b'200 OK', b'409 Conflict'):
        for command, body in bodies.items():
            for as_json in (False, True):
                text = json.dumps({**body, 'text': evil}).encode()
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(gateway.socket_path)
                    server.listen(8)
                    answer = b'HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s' % (status, len(text), text)
                    # What is known of a device, then its history.
                    calls = 2 if command == 'show' and status[:1] == b'2' else 1
                    thread = threading.Thread(target=answer_calls, args=(server, answer, calls),
                                              daemon=True)
                    thread.start()
                    done = gateway.tool(command, *(['x'] if command == 'show' else []), json=as_json)
                    thread.join(60)
                os.unlink(gateway.socket_path)
                assert done.returncode == (DONE if status[:1] == b'2' else REFUSED), done
                for bad in ('\x1b', '\x9b', '\r', '\u202e'):
                    assert bad not in done.stdout + done.stderr, (command, done)


def test_check_config(make_gateway, work):
    gateway = make_gateway()  # it does not run: nothing is asked of it
    path = os.path.join(work, 'checked.conf')

    def check(text):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        done, as_json = gateway.tool('check-config', path), gateway.tool('check-config', path, json=True)
        assert done.returncode == as_json.returncode
        answer = json.loads(as_json.stdout)
        assert answer['valid'] == (done.returncode == DONE)
        assert [line.split(': ', 1)[1] for line in done.stderr.splitlines()] == \
            [message['text'] for message in answer['messages']]
        return done
    done = check('lan {\n\tport = 5683\n}\n')
    assert (done.returncode, done.stderr) == (DONE, '')
    assert done.stdout == path + ' is a valid configuration.\n'
    done = check('lan {\n\tprot = 5683\n}\n')
    assert done.returncode == DONE
    assert done.stderr.startswith('warning: %s:2: lan.prot: unknown key, passed over' % path)
    for text, line, words in BAD_FILES:
        done = check(text)
        assert done.returncode == REFUSED and not done.stdout, (text, done)
        assert 'error: %s:%d: ' % (path, line) in done.stderr, (text, done.stderr)
        for word in words:
            assert word in done.stderr, (text, done.stderr)
        assert '\x1b' not in done.stderr
    done = gateway.tool('check-config', '/nowhere/at.all')
    assert done.returncode == REFUSED and '/nowhere/at.all' in done.stderr


GOOD_PROFILE = 'match {\n\trt = { "acme.*" }\n}\nread {\n\tpath = "/t"\n\tname = "t"\n}\n'


def test_profiles_check(make_gateway, work):
    """One file, or all that the configuration names: each mistake with its file and line."""
    gateway = make_gateway()  # it does not run: nothing is asked of it
    directory = os.path.join(work, 'devices.d')
    os.mkdir(directory)
    config = os.path.join(work, 'named.conf')
    with open(config, 'w', encoding='ascii') as file:
        file.write('lan {\n\tprofiles = "%s"\n}\n' % directory)

    def put(name, text):
        with open(os.path.join(directory, name), 'w', encoding='ascii') as file:
            file.write(text)
        return os.path.join(directory, name)
    good = put('10-good.conf', GOOD_PROFILE)
    done = gateway.tool('profiles', 'check', good)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, good + ' is a valid profile.\n', '')
    done = gateway.tool('profiles', 'check', '--config', config)
    assert (done.returncode, done.stdout) == (DONE, '1 profile in %s is right.\n' % directory), done
    bad = put('20-bad.conf', GOOD_PROFILE.replace('"/t"', '"/t"\n\tformat = txt'))
    worse = put('30-worse.conf', 'match {\n')
    for words in (['--config', config], [bad], [worse]):
        done = gateway.tool('profiles', 'check', *words)
        answer = json.loads(gateway.tool('profiles', 'check', *words, json=True).stdout)
        assert done.returncode == REFUSED and not done.stdout and answer['valid'] is False, done
        assert [line.split(': ', 1)[1] for line in done.stderr.splitlines()] == \
            [message['text'] for message in answer['messages']]
        for path, place in ((bad, bad + ':6: read.format'), (worse, worse + ':')):
            assert (place in done.stderr) == (words[-1] in (path, config)), (words, done.stderr)
        assert good not in done.stderr
    assert gateway.tool('profiles', 'check', good, '--config', config).returncode == USAGE
    done = gateway.tool('profiles', 'check', '/nowhere/at.all')
    assert done.returncode == REFUSED and '/nowhere/at.all' in done.stderr


# text, line of the mistake, what the message names
BAD_FILES = [
    ('lan {\n\tport = 99999\n}\n', 2, ['lan.port', '99999', 'allowed: 0 to 65535']),
    ('lan {\n\tport = many\n}\n', 2, ['lan.port', '"many" is not a number']),
    ('# comment\n\nlan {\n\tmdns = perhaps\n}\n', 4, ['lan.mdns', 'yes or no']),
    ('lan {\n\tplain = maybe\n}\n', 2, ['lan.plain', 'approve, refuse']),
    ('lan {\n\tinterfaces = { }\n}\n', 2, ['lan.interfaces', 'the list is empty']),
    ('lan {\n\tport = 1\n', 1, ['not closed']),
    ('lan {\n\tport 1\n}\n', 2, ["expected '=' after lan.port"]),
    ('gateway {\n\tid = "Bad Id"\n}\n', 2, ['gateway.id', "a-z, 0-9 and '-'"]),
    ('gateway {\n\tstate_directory = "relative"\n}\n', 2, ['gateway.state_directory', 'an absolute path']),
    ('gateway {\n\tid = "open\n}\n', 2, ['does not end']),
    ('mqtt {\n\thost = "${HOME}"\n}\n', 2, ['environment']),
    ('page {\n\taddresses = { "999.1.1.1" }\n}\n', 2, ['page.addresses', 'IPv4 or IPv6']),
    ('page {\n\tcertificate = "/x"\n}\n', 2, ['page.key is missing']),
    ('gateway {\n\tid = "a\x1b[31m"\n}\n', 2, []),
    ('}\n', 1, ['expected the name of a section']),
]


def test_who_asked_is_in_the_journal(gateway):
    gateway.ctl('window', 'open')
    row = gateway.ctl('journal')['rows'][0]
    assert (row['who'], row['role'], row['via'], row['action']) == \
        ('uid %d' % os.geteuid(), 'admin', 'control socket', 'window open')


@pytest.mark.skipif(os.environ.get('GATEHOUSE_BED') != 'root', reason='other uids need root')
def test_other_users_of_the_machine(gateway):
    """The socket's group is technician: not people, not revoking. Everybody else is refused by the
    kernel."""
    one = let_in(gateway, 'shared')
    group = os.stat(gateway.socket_path).st_gid
    assert os.stat(gateway.socket_path).st_mode & 0o777 == 0o660
    member, stranger = gateway.uid + 1, gateway.uid + 2

    def ask(*words):
        return gateway.tool(*words, uid=member, gid=group)
    assert ask('status').returncode == DONE
    assert ask('suspend', one.id).returncode == DONE
    row = gateway.ctl('journal')['rows'][0]
    assert (row['who'], row['role'], row['action']) == ('uid %d' % member, 'technician', 'suspend')
    for words in (('revoke', one.id), ('forget', one.id), ('users', 'list'), ('journal',), ('setup',),
                  ('unlock', one.id)):
        done = ask(*words)
        assert done.returncode == REFUSED and 'role does not allow' in done.stderr, done
    done = gateway.tool('status', uid=stranger)
    assert done.returncode == UNREACHABLE and 'member of the group gatehouse' in done.stderr, done
    assert device(gateway, 'shared')['stage'] == 'suspended'
