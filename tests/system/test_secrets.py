# SPDX-License-Identifier: Apache-2.0
"""Canaries: everything secret that passes through a gateway in its life, and then a search for it
in every place where it must not be."""

import os
import signal
import stat
import subprocess

import pytest

from bed import Broker, Recorder, coap, until
from bed.canaries import KEYS, files_of, forms, keys_of, search
from bed.commands import COOKIE
from bed.people import ADMIN, PASSWORDS, add_person, log_in, set_up
from bed.plain import PlainDevice, await_stage, device, let_in
from bed.sealed import open_devices

LABEL = 'BCDF-GHJK'
BROKER_PASSWORD = 'canary at the broker'


def search_files(canaries, gateway):
    for path in files_of(gateway.state_directory):
        with open(path, 'rb') as file:
            search(canaries, path, file.read(), [KEYS.get(os.path.basename(path))])
    with open(gateway.log_path, 'rb') as file:
        search(canaries, 'the log', file.read())


def search_process(canaries, gateway):
    for name in ('cmdline', 'environ', 'comm', 'status'):
        try:
            with open('/proc/%d/%s' % (gateway.process.pid, name), 'rb') as file:
                search(canaries, name + ' of the process', file.read())
        except PermissionError:
            pass  # it is closed to us, and we are its own user


@pytest.fixture
def watched(work, make_gateway):
    """A gateway that logs in at its broker with a password; the recorder sees what it sends."""
    broker = Broker(os.path.join(work, 'broker-with-password'), users={'gateway': BROKER_PASSWORD}).start()
    path = os.path.join(work, 'password')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(BROKER_PASSWORD + '\n')
    os.chmod(path, 0o444)
    gateway = make_gateway(broker=broker, config={
        'mqtt': {'username': 'gateway', 'password_file': path}, 'platform': {'local_lease': 12}}).start()
    recorder = Recorder(broker)
    yield gateway, recorder
    gateway.close()
    recorder.close()
    broker.stop()


def onboard(gateway, canaries):
    """People log in, devices with every kind of code come in; adds all that was secret."""
    code = gateway.ctl('setup')['code']
    canaries += forms('setup code', code)
    page = gateway.page()
    assert page.setup('BBBB-CCCC', ADMIN, PASSWORDS[ADMIN]).status == 422
    canaries += forms('wrong setup code', 'BBBB-CCCC')
    assert page.setup(code, ADMIN, PASSWORDS[ADMIN]).status == 200
    add_person(gateway, 'tom', 'technician')
    tom = log_in(gateway, 'tom')
    stranger = gateway.page()
    assert stranger.login(PASSWORDS[ADMIN], 'in the wrong field').status == 403
    assert stranger.login(ADMIN, 'wrong but still a secret').status == 403
    canaries += forms('wrong password', 'wrong but still a secret')
    for name in (ADMIN, 'tom'):
        canaries += forms('password of ' + name, PASSWORDS[name])
    for who, one in (('anna', page), ('tom', tom)):
        canaries += forms('session of ' + who, one.cookies[COOKIE])
        canaries += forms('token of ' + who, one.token)

    label = let_in(gateway, 'label', code=LABEL)
    canaries += forms('label code', LABEL)
    panel = PlainDevice(gateway, 'panel')
    panel.enrol(display=True)
    one = await_stage(gateway, 'panel', 'waiting-person')
    gateway.ctl('admit', one['id'])
    await_stage(gateway, 'panel', 'waiting-code')
    code = panel.state(panel.enrol(display=True))['code']
    canaries += forms('verification code', code)
    wrong = 'XXXX-ZZZZ'
    form = tom.get('/waiting').form('/devices/%s/approve' % one['id'])
    assert tom.submit(form, 'none', code=wrong).status == 422
    canaries += forms('wrong code', wrong)
    search(canaries, 'Waiting', tom.get('/waiting').html.encode(), ['token of tom'])
    search(canaries, 'the list of devices', gateway.tool('devices', json=True).stdout.encode())
    assert tom.submit(form, 'none', code=code).status == 200
    await_stage(gateway, 'panel', 'active')
    assert PlainDevice(gateway, 'clear').enrol(pt='canary-provisioning-token').code == coap.BAD_REQUEST
    canaries += forms('provisioning token', 'canary-provisioning-token')
    panel.id = one['id']
    return page, label, panel


def add_sealed(canaries, gateway):
    """What stands sealed in the file of a stopped gateway. Its leases are nowhere else."""
    found = open_devices(gateway.state_directory)
    assert found['label']['short_code_sealed'].decode().replace('-', '') == LABEL.replace('-', '')
    for ep, columns in found.items():
        for column in ('credential_current_sealed', 'credential_old_sealed'):
            if column in columns:
                assert len(columns[column]) >= 16
                canaries += forms('lease of %s' % ep, columns[column])
    return found


def test_canaries_are_found_nowhere(watched):
    gateway, recorder = watched
    canaries = forms('password at the broker', BROKER_PASSWORD)
    page, label, panel = onboard(gateway, canaries)
    assert label.report(1).code == coap.CHANGED and panel.report(2).code == coap.CHANGED
    search_files(canaries, gateway)
    search_process(canaries, gateway)

    # Leases: the first ones, and those that take their place after half of their life.
    gateway.terminate()
    first = add_sealed(canaries, gateway)
    gateway.start()
    until(lambda: device(gateway, 'label')['credential']['state'] == 'held' and label.report(3).code ==
          coap.CHANGED, 20, 'the lease is held')
    since = {ep: device(gateway, ep)['credential']['since'] for ep in ('label', 'panel')}
    until(lambda: all(device(gateway, ep)['credential']['since'] not in (None, since[ep]) for ep in since),
          20, 'the leases are renewed')
    gateway.kill()
    gateway.start()
    gateway.terminate()
    second = add_sealed(canaries, gateway)
    for ep in ('label', 'panel'):
        assert first[ep]['credential_current_sealed'] != second[ep]['credential_current_sealed']
    canaries += keys_of(gateway.state_directory)
    assert len({name for name, _ in canaries}) >= 16

    gateway.start()
    assert label.report(4).code == coap.CHANGED
    recorder.wait('gatehouse/bed/%s/telemetry' % label.id, where=lambda message: b'"v":4' in message.payload.replace(b' ', b''),
                  timeout=30)
    gateway.ctl('revoke', label.id)
    search_process(canaries, gateway)
    for words in (('status',), ('devices',), ('show', panel.id), ('journal', '--limit', '200'), ('alarms',),
                  ('users', 'list'), ('heard',), ('status', '--limits')):
        done = gateway.tool(*words, json=True)
        search(canaries, ' '.join(words), done.stdout.encode() + done.stderr.encode())
    page = log_in(gateway, ADMIN)
    for path in ('/waiting', '/devices', '/devices/' + panel.id, '/uplink', '/journal', '/people'):
        search(canaries, path, page.get(path).body)
    search_files(canaries, gateway)
    gateway.terminate()
    search_files(canaries, gateway)
    assert {message.topic.split('/')[2] for message in recorder.messages('gatehouse/bed/+/telemetry')} == \
        {label.id, panel.id}
    for message in recorder.messages():
        search(canaries, message.topic, message.topic.encode() + message.payload +
               repr(message.user).encode())


def test_the_search_finds_what_is_there(work):
    """A canary that is planted in each form is seen: the search above can fail."""
    for secret in (LABEL, b'\x00\x01lease-bytes-\xff', PASSWORDS[ADMIN]):
        for name, form in forms('planted', secret):
            with pytest.raises(AssertionError, match='planted'):
                search(forms(name, secret), 'here', b'before' + form + b'behind')
    search(forms('absent', LABEL), 'here', b'BCDF GHJL')


def test_files_are_closed_to_others(make_gateway):
    gateway = make_gateway().start()
    let_in(gateway, 'one').report(1)
    set_up(gateway)
    for _ in range(2):
        assert stat.S_IMODE(os.stat(gateway.state_directory).st_mode) == 0o700
        seen = set()
        for folder, folders, names in os.walk(gateway.state_directory):
            for name in folders:
                assert stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode) == 0o700, name
            for name in names:
                found = os.lstat(os.path.join(folder, name))
                assert stat.S_ISREG(found.st_mode) and found.st_nlink == 1, name
                allowed = {0o400} if name == 'key' else {0o600}
                assert stat.S_IMODE(found.st_mode) in allowed, (name, oct(found.st_mode))
                assert gateway.uid is None or found.st_uid == gateway.uid
                seen.add(name)
        assert seen >= {'control.db', 'outbox.db', 'key', 'page.key', 'page.crt', 'lock'}
        if gateway.process:
            assert stat.S_IMODE(os.stat(gateway.socket_path).st_mode) == 0o660
            gateway.terminate()


def test_process_is_closed_to_others(make_gateway):
    gateway = make_gateway().start()
    pid = gateway.process.pid
    with open('/proc/%d/limits' % pid, encoding='ascii') as file:
        core = next(line for line in file if line.startswith('Max core file size'))
    assert core.split()[-3:] == ['0', '0', 'bytes']
    with open('/proc/%d/status' % pid, encoding='ascii') as file:
        status = dict(line.split(':', 1) for line in file)
    # What a process makes that is not dumpable belongs to root, whoever it runs as.
    assert gateway.uid is None or int(status['Uid'].split()[0]) == gateway.uid
    if gateway.uid is not None:
        assert os.stat('/proc/%d/environ' % pid).st_uid == 0
        for name in ('environ', 'maps', 'mem', 'fd'):
            same = subprocess.run(['setpriv', '--reuid', str(gateway.uid), '--regid', str(gateway.uid),
                                   '--clear-groups', '--', 'cat' if name != 'fd' else 'ls',
                                   '/proc/%d/%s' % (pid, name)], capture_output=True, check=False)
            assert same.returncode != 0 and b'denied' in same.stderr, (name, same)
    gateway.process.signal(signal.SIGABRT)
    assert gateway.wait_exit() == -signal.SIGABRT
    assert not [path for path in files_of(gateway.directory) if os.path.basename(path).startswith('core')]
