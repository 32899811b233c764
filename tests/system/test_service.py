# SPDX-License-Identifier: Apache-2.0
"""gatehoused under a service manager: start, state, reload, watchdog, stop, and every start that it
must refuse with words that say what to do."""

import os
import re
import shutil
import signal
import socket
import sqlite3

import pytest

from bed import Page, coap, until
from bed.certificates import Authority
from bed.gateway import ToolError
from bed.plain import PlainDevice, device, let_in, open_window, values
from bed.wait import Stopwatch, stays

FAILED, WRONG_CONFIGURATION = 1, 2


def refused(gateway, *words, code=FAILED, env=None):
    """A start that ends by itself: exit code, the words in its log, and never READY=1."""
    before = len(gateway.log())
    gateway.start(wait=False, env=env)
    notify = gateway.notify
    assert gateway.wait_exit() == code, gateway.log()
    said = gateway.log()[before:]
    for word in words:
        assert word in said, (word, said)
    assert 'READY=1' not in notify.lines
    assert not os.path.exists(gateway.socket_path)
    return said


def starts(gateway):
    gateway.start()
    gateway.terminate()


# --- ready, state, watchdog, stop ---

def test_ready_means_that_everything_listens(make_gateway):
    gateway = make_gateway()
    gateway.start(wait=False)
    until(lambda: gateway.ready, 20, 'READY=1', every=0.001)
    with socket.create_connection(('127.0.0.1', gateway.page_port), timeout=60), \
            socket.socket(socket.AF_UNIX) as control, gateway.coap() as client:
        control.connect(gateway.socket_path)
        client.send(b'\x40\x00\x12\x34')  # a ping: its answer is a reset
        assert client.receive(5).type == coap.RST
    assert gateway.page().get('/').status == 200
    assert gateway.notify.lines.count('READY=1') == 1


def test_state_is_loaded_before_ready(make_gateway):
    gateway = make_gateway().start()
    one = let_in(gateway, 'early')
    gateway.kill()
    gateway.start(wait=False)
    until(lambda: gateway.ready, 20, 'READY=1', every=0.001)
    assert one.report(1).code == coap.CHANGED


@pytest.mark.parametrize('kind', ['page', 'coap', 'control', 'no-directory'])
def test_not_ready_without_its_sockets(make_gateway, kind):
    gateway = make_gateway()
    if kind == 'page':
        with socket.create_server(('127.0.0.1', gateway.page_port)):
            refused(gateway, 'The page cannot listen on 127.0.0.1 port %d' % gateway.page_port)
    elif kind == 'coap':
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(('0.0.0.0', gateway.coap_port))
            refused(gateway, 'CoAP cannot listen on UDP ports %d and ' % gateway.coap_port)
    elif kind == 'control':
        first = make_gateway().start()
        gateway.configure({'gateway': {'runtime_directory': first.runtime_directory}})
        refused(gateway, 'The control socket %s cannot be made' % first.socket_path)
        assert first.ctl('status')['gateway']['id'] == 'bed'  # it was not taken away
        shutil.rmtree(gateway.runtime_directory)
        return
    else:
        shutil.rmtree(gateway.runtime_directory)
        refused(gateway, 'The control socket %s cannot be made' % gateway.socket_path)
        os.mkdir(gateway.runtime_directory)
        if gateway.uid is not None:
            os.chown(gateway.runtime_directory, gateway.uid, gateway.uid)
    starts(gateway)


def test_status_line(make_gateway):
    gateway = make_gateway().start()
    assert gateway.status == '0 devices active, 0 waiting; uplink down; 0 readings queued; 0 alarms'
    assert let_in(gateway, 'one').report(1).code == coap.CHANGED
    PlainDevice(gateway, 'two').enrol()
    gateway.restart()
    assert gateway.status == '1 devices active, 1 waiting; uplink down; 1 readings queued; 0 alarms'


def test_watchdog_is_fed(make_gateway):
    gateway = make_gateway().start(env={'WATCHDOG_USEC': '400000'})
    until(lambda: gateway.notify.lines.count('WATCHDOG=1') >= 4, 10, 'four signs of life')
    gateway.restart()  # and nobody asks for it now
    stays(lambda: 'WATCHDOG=1' not in gateway.notify.lines, 0.5, 'no sign of life unasked')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_stop_is_clean(make_gateway, broker, recorder, number):
    gateway = make_gateway(broker=broker).start()
    sensor = let_in(gateway, 'last')
    assert sensor.report(7).code == coap.CHANGED
    recorder.wait('gatehouse/bed/%s/telemetry' % sensor.id)
    notify = gateway.notify
    gateway.process.signal(number)
    assert gateway.wait_exit(5) == 0
    assert 'STOPPING=1' in notify.lines
    assert not os.path.exists(gateway.socket_path)
    assert not [name for name in os.listdir(gateway.state_directory) if name.endswith('-wal')]


def test_stop_does_not_wait_for_a_frozen_broker(make_gateway, broker, recorder):
    gateway = make_gateway(broker=broker).start()
    sensor = let_in(gateway, 'stuck')
    until(lambda: gateway.ctl('status')['uplink']['state'] == 'up', 15)
    broker.pause()
    for value in range(20):
        assert sensor.report(value).code == coap.CHANGED
    with Stopwatch() as took:
        gateway.terminate()
    assert took.seconds < 5
    gateway.start()  # a frozen broker does not keep it from its work
    assert sensor.report(20).code == coap.CHANGED
    assert gateway.ctl('status')['queue']['readings'] == 21
    with Stopwatch() as took:
        gateway.terminate()
    assert took.seconds < 5
    broker.resume()
    gateway.start()
    until(lambda: set(values(recorder, sensor.id).values()) == set(range(21)), 30, 'all of them arrive')


def test_stop_answers_who_waits(make_gateway):
    """A page that hangs does not hold up the end."""
    gateway = make_gateway().start()
    with socket.create_connection(('127.0.0.1', gateway.page_port)) as silent, \
            socket.socket(socket.AF_UNIX) as control:
        control.connect(gateway.socket_path)
        control.sendall(b'POST /api/v1/window HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')
        with Stopwatch() as took:
            gateway.terminate()
        assert took.seconds < 5
        silent.settimeout(60)
        assert silent.recv(100) == b''


# --- reload ---

def test_reload_takes_effect(make_gateway):
    gateway = make_gateway(config={'lan': {'device_rate': 1, 'device_burst': 5, 'new_per_minute': 2}}).start()
    sensor = let_in(gateway, 'eager')
    codes = [answer.code for answer in sensor.burst(0, 30)]  # all at once: however slow it is, they are more than one a second
    assert codes[:5] == [coap.CHANGED] * 5 and coap.TOO_MANY in codes
    assert PlainDevice(gateway, 'second').enrol().code == coap.CREATED
    # Two a minute: at the latest the one behind the next.
    names = iter('third-%d' % number for number in range(20))
    until(lambda: PlainDevice(gateway, next(names)).enrol().code == coap.TOO_MANY, 60, 'a name is put off')
    gateway.configure({'lan': {'device_rate': 1000, 'device_burst': 10000, 'new_per_minute': 10000,
                               'window_max': 60}, 'outbox': {'max_bytes': 1000000}})
    gateway.reload()
    assert [line for line in gateway.notify.lines if not line.startswith('STATUS=')] == \
        ['READY=1', 'RELOADING=1', 'READY=1']
    gateway.wait_log('The configuration was reloaded.')
    assert 'take effect at the next start' not in gateway.log()
    # The rate of the new configuration fills the bucket from now on.
    until(lambda: all(sensor.report(value).code == coap.CHANGED for value in range(20)), 5,
          'twenty in a row are taken')
    until(lambda: PlainDevice(gateway, 'last').enrol().code == coap.CREATED, 5)
    limits = {row['name']: row['value'] for row in gateway.ctl('status', '--limits')['limits']}
    assert limits['new-names-per-minute'] == 10000 and limits['outbox-bytes'] == 1000000
    with pytest.raises(ToolError, match='1 to 60 seconds'):
        open_window(gateway)
    open_window(gateway, 1)
    assert gateway.ctl('status')['queue']['limit_bytes'] == 1000000

    gateway.configure({'gateway': {'log_level': 'error'}})
    gateway.reload()
    open_window(gateway, 1)
    before = gateway.log()
    gateway.configure({'gateway': {'log_level': 'notice'}})
    gateway.reload()
    open_window(gateway, 1)
    gateway.wait_log('opened the onboarding window', count=before.count('opened the onboarding window') + 1)
    assert before.count('opened the onboarding window') == 2  # the one under 'error' is not there


def test_reload_of_a_bad_file_changes_nothing(make_gateway):
    gateway = make_gateway(config={'lan': {'device_rate': 1000, 'device_burst': 10000}}).start()
    sensor = let_in(gateway, 'steady')
    with open(gateway.config_file, encoding='utf-8') as file:
        good = file.read()
    lines = good.replace('device_rate = 1000', 'device_rate = 1').splitlines()
    cases = [(lines + ['lan {', '\tdevice_burst = lots', '}'], len(lines) + 2, 'lan.device_burst'),
             (lines + ['lan {'], len(lines) + 1, 'not closed'),
             (lines + ['page {', '\tport = 70000', '}'], len(lines) + 2, 'allowed: 0 to 65535')]
    for number, (text, line, words) in enumerate(cases):
        with open(gateway.config_file, 'w', encoding='utf-8') as file:
            file.write('\n'.join(text) + '\n')
        gateway.reload()
        gateway.wait_log('The configuration was not reloaded: the old one stays in force.', count=number + 1)
        assert re.search(r'^error: %s:%d: .*%s' % (re.escape(gateway.config_file), line, words),
                         gateway.log(), re.M), gateway.log()
        assert [sensor.report(value).code for value in range(20)] == [coap.CHANGED] * 20
    os.unlink(gateway.config_file)
    gateway.reload()
    gateway.wait_log('was not reloaded', count=4)
    assert sensor.report(1).code == coap.CHANGED
    assert gateway.ctl('status')['gateway']['id'] == 'bed'


def test_reload_names_what_needs_a_restart(make_gateway):
    gateway = make_gateway().start()
    old = gateway.page_port
    gateway.configure({'page': {'port': old + 1 if old < 65535 else old - 1},
                       'gateway': {'id': 'other'}, 'mqtt': {'host': 'broker.example'}})
    gateway.reload()
    text = gateway.wait_log('These keys take effect at the next start: (.*)').group(1)
    assert set(text.rstrip('.').split(', ')) == {'gateway.id', 'page.port', 'mqtt.host'}
    status = gateway.ctl('status')
    assert status['gateway']['id'] == 'bed' and status['uplink']['host'] in ('', None)
    assert gateway.page().get('/').status == 200


# --- starts that are refused ---

def test_one_owner_for_each_state_directory(make_gateway):
    first = make_gateway().start()
    second = make_gateway(config={'gateway': {'state_directory': first.state_directory}})
    refused(second, 'Another gatehoused is running on the state directory ' + first.state_directory)
    assert first.ctl('status')['gateway']['id'] == 'bed'
    let_in(first, 'undisturbed')
    first.kill()
    second.start()  # a kill leaves no lock behind
    assert device(second, 'undisturbed')['stage'] == 'active'


def test_key_that_is_wrong_missing_or_open(make_gateway):
    gateway = make_gateway().start()
    sensor = let_in(gateway, 'sealed', code='BCDF-GHJK')
    gateway.terminate()
    path = os.path.join(gateway.state_directory, 'key')
    assert os.stat(path).st_mode & 0o7777 == 0o400
    with open(path, encoding='ascii') as file:
        key = file.read()

    def put(text, mode=0o400):
        if os.path.exists(path):
            os.unlink(path)
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        os.chmod(path, mode)
        if gateway.uid is not None:
            os.chown(path, gateway.uid, gateway.uid)
    put('00ff' * 16 + '\n')
    refused(gateway, 'is not the one that this state directory was sealed with', 'Nothing was changed.')
    for text in ('no key\n', '', '00' * 32 + '\n', key[:-2]):
        put(text)
        refused(gateway, 'does not hold a key: 64 hex digits or 32 bytes are expected')
    put(key, 0o444)
    refused(gateway, 'others may read it')
    os.unlink(path)
    refused(gateway, 'sealed with a key from the key file, which is not there')
    assert not os.path.exists(path)  # no new one was made in its place
    put(key)
    gateway.start()
    assert device(gateway, 'sealed')['stage'] == 'active' and sensor.report(1).code == coap.CHANGED


def test_key_from_the_service_manager(make_gateway):
    """A credential instead of a key file; afterwards no silent step down to a file."""
    gateway = make_gateway()
    folder = os.path.join(gateway.directory, 'credentials')
    os.mkdir(folder)
    path = os.path.join(folder, 'gatehouse.kek')
    with open(path, 'wb') as file:
        file.write(os.urandom(32))
    os.chmod(path, 0o444)
    delivered = {'CREDENTIALS_DIRECTORY': folder}
    gateway.start(env=delivered)
    assert gateway.ctl('status')['key']['source'] == 'credential'
    assert not os.path.exists(os.path.join(gateway.state_directory, 'key'))
    let_in(gateway, 'sealed')
    gateway.terminate()
    refused(gateway, 'sealed with a key from the credential gatehouse.kek, which is not there')
    assert not os.path.exists(os.path.join(gateway.state_directory, 'key'))
    gateway.start(env=delivered)
    assert device(gateway, 'sealed')['stage'] == 'active'


@pytest.mark.parametrize('name', ['control.db', 'outbox.db'])
def test_newer_schema(make_gateway, name):
    gateway = make_gateway()
    starts(gateway)
    path = os.path.join(gateway.state_directory, name)

    def version(number=None):
        with sqlite3.connect(path) as file:
            if number is not None:
                file.execute('PRAGMA user_version = %d' % number)
            found = file.execute('PRAGMA user_version').fetchone()[0]
        file.close()
        return found
    known = version()
    version(known + 7)
    refused(gateway, '%s was written by a newer version (schema %d, this one knows %d)'
            % (path, known + 7, known))
    assert version() == known + 7
    version(known)
    starts(gateway)


def test_damaged_control_file(make_gateway):
    gateway = make_gateway()
    starts(gateway)
    path = os.path.join(gateway.state_directory, 'control.db')
    with open(path, 'r+b') as file:
        whole = file.read()
        file.seek(0)
        file.write(b'\xff' * 4096)
    refused(gateway, 'is damaged', 'restore the state directory from a backup')
    with open(path, 'rb') as file:
        assert file.read(4096) == b'\xff' * 4096  # left as it was
    with open(path, 'wb') as file:
        file.write(whole)
    starts(gateway)


def test_damaged_outbox_is_set_aside(make_gateway):
    gateway = make_gateway().start()
    sensor = let_in(gateway, 'goes-on')
    gateway.terminate()
    with open(os.path.join(gateway.state_directory, 'outbox.db'), 'r+b') as file:
        file.write(b'\xff' * 4096)
    gateway.start()
    assert [one['id'] for one in gateway.ctl('alarms')['alarms']] == ['outbox-set-aside']
    assert [name for name in os.listdir(gateway.state_directory) if name.startswith('outbox.db.corrupt-')]
    assert sensor.report(1).code == coap.CHANGED


def test_state_directory_that_is_no_safe_place(make_gateway):
    gateway = make_gateway()
    path = gateway.state_directory
    for mode in (0o755, 0o710, 0o701, 0o777):
        os.chmod(path, mode)
        refused(gateway, '%s is open to other users (mode %04o)' % (path, mode), "chmod 0700 '%s'" % path)
        assert os.listdir(path) == []
    os.chmod(path, 0o700)
    moved = path + '-real'
    os.rename(path, moved)
    os.symlink(moved, path)
    refused(gateway, path + ' is not a directory', 'symbolic link')
    assert os.listdir(moved) == []
    os.unlink(path)
    with open(path, 'w', encoding='utf-8'):
        pass
    refused(gateway, path + ' is not a directory')
    os.unlink(path)
    if gateway.uid is not None:
        os.mkdir(path, 0o755)
        os.chown(path, gateway.uid + 1, gateway.uid + 1)
        refused(gateway, '%s belongs to user %d, not to us' % (path, gateway.uid + 1), 'chown')
        os.rmdir(path)
    os.rename(moved, path)
    starts(gateway)


def test_files_that_are_symbolic_links(make_gateway):
    """Nobody makes us write through a link: not the lock, not the key, not the databases."""
    gateway = make_gateway()
    outside = os.path.join(gateway.directory, 'outside')
    for name in ('lock', 'key', 'control.db', 'outbox.db', 'page.key', 'page.crt'):
        with open(outside, 'w', encoding='utf-8') as file:
            file.write('untouched')
        if gateway.uid is not None:
            os.chown(outside, gateway.uid, gateway.uid)
        os.chmod(outside, 0o600)
        os.symlink(outside, os.path.join(gateway.state_directory, name))
        refused(gateway, 'cannot')
        with open(outside, encoding='utf-8') as file:
            assert file.read() == 'untouched', name
        for left in os.listdir(gateway.state_directory):
            os.unlink(os.path.join(gateway.state_directory, left))
    starts(gateway)


def test_wrong_configuration_at_start(make_gateway):
    gateway = make_gateway()
    with open(gateway.config_file, encoding='utf-8') as file:
        good = file.read()
    count = len(good.splitlines())
    for text, line, words in (('lan {\n\tport = 99999\n}', 2, 'lan.port: 99999 is too large; allowed: 0 to 65535'),
                              ('gateway {\n\tlog_level = loud\n}', 2, 'gateway.log_level: "loud" is not a word'),
                              ('lan {', 1, 'the section opened here is not closed'),
                              ('page {\n\tkey = "/x"\n}', 2, 'page.key: page.certificate is missing')):
        with open(gateway.config_file, 'w', encoding='utf-8') as file:
            file.write(good + text + '\n')
        refused(gateway, '%s:%d: %s' % (gateway.config_file, count + line, words), code=WRONG_CONFIGURATION)
        assert os.listdir(gateway.state_directory) == []
    with open(gateway.config_file, 'w', encoding='utf-8') as file:
        file.write(good + 'lan {\n\tprot = 1\n}\n')
    gateway.start()  # an unknown key is no reason to stay down
    gateway.wait_log(r'%s:%d: lan\.prot: unknown key, passed over' % (gateway.config_file, count + 2))
    gateway.terminate()
    os.unlink(gateway.config_file)
    refused(gateway, gateway.config_file, code=WRONG_CONFIGURATION)


def test_operators_own_certificate(make_gateway, work):
    authority = Authority(os.path.join(work, 'ca'))
    certificate, key = authority.issue('page', ['DNS:page.example', 'IP:127.0.0.1'])
    gateway = make_gateway(config={'page': {'certificate': certificate, 'key': key, 'names': ['page.example']}})
    for path in (certificate, key):
        os.chmod(path, 0o644)  # the daemon has a uid of its own here
    gateway.start()
    page = gateway.page()
    assert page.get('/').status == 200
    assert page.request('GET', '/setup', headers={'Host': 'page.example'}).status == 200
    assert not os.path.exists(os.path.join(gateway.state_directory, 'page.key'))
    gateway.terminate()
    other = authority.issue('other', ['IP:127.0.0.1'])[1]
    os.chmod(other, 0o644)
    gateway.configure({'page': {'key': other}})
    refused(gateway, 'The page cannot start')
    gateway.configure({'page': {'key': '/nowhere.pem'}})
    refused(gateway, 'The page cannot start', '/nowhere.pem')


def test_page_over_an_inherited_socket(make_gateway):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        gateway = make_gateway(listen_fds=[server.fileno()]).start()
        page = Page('127.0.0.1', port)
        assert page.setup(gateway.ctl('setup')['code'], 'anna', 'three quiet herons before dawn').status == 200
        assert page.get('/waiting').form('/window/open')
        with pytest.raises(OSError):
            gateway.page().get('/')  # the configured address is not opened as well
        gateway.restart()
        assert page.get('/waiting').form('/login')  # sessions end with the daemon
        with pytest.raises(ToolError):
            gateway.ctl('setup')


def test_certificate_is_kept_over_restarts(make_gateway):
    gateway = make_gateway().start()
    page = gateway.page()
    page.get('/')
    first = page.fingerprint
    gateway.restart(kill=True)
    page.get('/')
    assert page.fingerprint == first
    gateway.terminate()
    os.unlink(os.path.join(gateway.state_directory, 'page.crt'))
    gateway.start()
    page.get('/')
    assert page.fingerprint != first
