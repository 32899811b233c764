# SPDX-License-Identifier: Apache-2.0
"""A gateway is backed up while it runs, lost, and restored elsewhere under its recovery phrase:
devices, people and journal are there, its readings have numbers that no reading ever had, and
whatever is wrong with phrase, file or place changes nothing."""

import os
import re
import signal
import sqlite3
import stat

import pytest

from bed import Recorder, coap, commands
from bed.backups import PHRASE, backup, phrase_file
from bed.gateway import ToolError
from bed.people import add_person, log_in, set_up
from bed.plain import PlainDevice, await_stage, device, let_in
from bed.terminal import Terminal


def restore(gateway, path, *options, phrase=PHRASE):
    return gateway.ctl('restore', path, '--config', gateway.config_file, '--phrase-file', '-', *options,
                       stdin=phrase + '\n')


def refused(gateway, path, *options, words, phrase=PHRASE):
    before = contents(gateway)
    with pytest.raises(ToolError) as caught:
        restore(gateway, path, *options, phrase=phrase)
    assert words in str(caught.value)
    assert contents(gateway) == before


def contents(gateway):
    """What stands in the state directory, but for the lock."""
    found = {}
    for folder, _, names in os.walk(gateway.state_directory):
        for name in names:
            if name != 'lock':
                with open(os.path.join(folder, name), 'rb') as file:
                    found[name] = file.read()
    return found


@pytest.fixture
def twin(make_gateway, broker):
    """A fresh machine for the same gateway: it was started once, and is stopped."""
    other = make_gateway(broker=broker).start()
    other.terminate()
    return other


def test_from_one_machine_to_another(gateway, twin, broker):
    recorder = Recorder(broker)
    sensor = let_in(gateway, 'boiler', code='BCDF-GHJK')
    set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    assert sensor.report(1).code == coap.CHANGED
    before, = recorder.wait('gatehouse/bed/+/telemetry')
    identity = device(gateway, 'boiler')
    path = backup(gateway)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, 'rb') as file:
        sealed = file.read()
    assert b'boiler' not in sealed and b'SQLite' not in sealed
    assert 'backup.db' not in contents(gateway)
    assert not [name for name, data in contents(gateway).items() if PHRASE.encode() in data]
    newest = gateway.ctl('journal', '--limit', '1')['rows'][0]
    assert newest['action'] == 'backup' and newest['who'].startswith('uid ')
    gateway.terminate()

    answer = restore(twin, path)
    assert answer['gateway'] == 'bed' and answer['key'] == 'file'
    for name in os.listdir(twin.state_directory):
        owner = os.stat(os.path.join(twin.state_directory, name))
        assert owner.st_uid == os.stat(twin.state_directory).st_uid, name
        assert not owner.st_mode & 0o077, name
    twin.start()
    assert device(twin, 'boiler')['id'] == identity['id']
    await_stage(twin, 'boiler', 'active')
    log_in(twin, 'tom')
    assert twin.ctl('journal', 'verify')['intact']
    # Newest first: this start may have written rows of its own.
    rows = twin.ctl('journal')['rows']
    assert [row['action'] for row in rows if row['action'] in ('restore', 'window open')][0] == 'restore'
    assert PlainDevice(twin, 'boiler').report(2).code == coap.CHANGED
    after = recorder.wait('gatehouse/bed/+/telemetry', count=2)[1]
    # The same topic, and a number of an epoch that comes later.
    assert after.topic == before.topic
    epoch = [int(one.user['gh-id'].split('.')[1]) for one in (before, after)]
    assert epoch[1] > epoch[0] + 1000000
    with open(os.path.join(twin.state_directory, 'page.crt'), 'rb') as one:
        with open(os.path.join(gateway.state_directory, 'page.crt'), 'rb') as two:
            assert one.read() == two.read()


def test_what_waits_is_set_aside(gateway):
    """Back to an earlier decision on the same machine: the present one is set aside whole."""
    let_in(gateway, 'kept')
    path = backup(gateway)
    gateway.ctl('revoke', device(gateway, 'kept')['id'])
    gateway.terminate()
    refused(gateway, path, words='with 1 devices and 0 people')
    restore(gateway, path, '--replace')
    names = os.listdir(gateway.state_directory)
    assert {'control.db.before-restore-1', 'outbox.db.before-restore-1'} <= set(names)
    gateway.start()
    await_stage(gateway, 'kept', 'active')
    gateway.terminate()
    # Once more: another set is kept, and the epoch goes on.
    first = epoch_of(gateway)
    restore(gateway, path, '--replace')
    assert 'control.db.before-restore-2' in os.listdir(gateway.state_directory)
    gateway.start()
    gateway.terminate()
    assert epoch_of(gateway) > first


def epoch_of(gateway):
    with sqlite3.connect(os.path.join(gateway.state_directory, 'outbox.db')) as handle:
        return handle.execute('SELECT epoch FROM meta').fetchone()[0]


def test_what_is_refused_changes_nothing(gateway, twin):
    let_in(gateway, 'sealed')
    path = backup(gateway)
    with pytest.raises(ToolError) as caught:
        backup(gateway)
    assert 'is there already' in str(caught.value)
    with pytest.raises(ToolError) as caught:
        gateway.ctl('backup', path + '-2', '--config', gateway.config_file, '--phrase-file',
                    phrase_file(gateway, 'too short'))
    assert 'at least 12 characters' in str(caught.value)
    with pytest.raises(ToolError) as caught:
        gateway.ctl('backup', path + '-2', '--config', gateway.config_file)
    assert 'needs --phrase-file' in str(caught.value)
    assert not os.path.exists(path + '-2')
    refused(gateway, path, '--replace', words='The gateway is running')
    refused(twin, path, words='phrase is another one', phrase='another phrase of them')
    # Case, spaces and hyphens do not matter; what is damaged is seen.
    with open(path, 'rb') as file:
        sealed = file.read()
    for at, words in ((0, 'no backup of a gateway'), (60, 'damaged'), (len(sealed) - 1, 'damaged')):
        with open(path + '-damaged', 'wb') as file:
            file.write(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1:])
        refused(twin, path + '-damaged', words=words)
    with open(path + '-damaged', 'wb') as file:
        file.write(sealed[:-1])
    refused(twin, path + '-damaged', words='damaged')
    restore(twin, path, phrase=PHRASE.upper().replace(' ', '-'))


def at_a_terminal(gateway, *argv):
    return Terminal(commands.gatehousectl(gateway.socket_path, *argv, '--config', gateway.config_file, json=False))


def test_who_waits_sees_how_far_it_is(make_gateway):
    """What takes longer than a second says so at a terminal, and the line is gone in the end."""
    gateway = make_gateway().start()
    path = os.path.join(gateway.directory, 'backup')
    os.kill(gateway.process.pid, signal.SIGSTOP)  # a gateway that takes its time
    try:
        talk = at_a_terminal(gateway, 'backup', path)
        talk.until('step 1 of 5: asking the gateway')
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)
    assert 'Written: %s' % path in talk.until('Recovery phrase: ')
    assert talk.end() == 0 and re.search(r'\r +\r', talk.text)

    # The phrase of this file costs sixteen times as much to try.
    with open(path, 'r+b') as file:
        file.seek(8)
        file.write(bytes([18, 8, 4]))
    talk = at_a_terminal(gateway, 'restore', path, '--phrase-file', phrase_file(gateway))
    talk.until('step 2 of 3: opening it with the phrase')
    talk.until('The recovery phrase is another one')
    assert talk.end() == 1
