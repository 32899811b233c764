# SPDX-License-Identifier: Apache-2.0
"""The watch itself: it is silent over a process and files that are as they should be, and sees each
thing that is planted."""

import os
import resource
import subprocess

import pytest

from bed import until

from watch import Watch, usage

SECRET = 'forty otters'
LABEL = 'BCDFGHJK'


class Idle:
    """What a watch asks of a gateway; its process does nothing, without a core."""

    def __init__(self, directory):
        self.directory, self.uid = directory, None
        self.state_directory = os.path.join(directory, 'state')
        self.log_path = os.path.join(directory, 'gatehoused.log')
        os.makedirs(self.state_directory)
        self.write('state/key', '00' * 31 + 'a7\n')
        self.write('state/page.key', '-----BEGIN\nMHcCAQEEIPageKeyOfThisScene\n-----END\n')
        self.write('state/outbox.db', 'sealed')
        self.write('gatehoused.log', 'Device s00 waits for a decision.\n')
        self.process = None

    def write(self, name, text):
        with open(os.path.join(self.directory, name), 'a', encoding='ascii') as file:
            file.write(text)

    def start(self, core=0, **env):
        self.process = subprocess.Popen(
            ['/bin/cat'], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (core, core)))
        # What loads a program opens its libraries, between exec and its first line: it has begun
        # when it answers, and holds its three descriptors from then on.
        self.process.stdin.write(b'begun\n')
        assert self.process.stdout.readline() == b'begun\n'

    def end(self):
        if self.process:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def gateway(work):
    one = Idle(os.path.join(work, 'gateway'))
    yield one
    one.end()


@pytest.fixture
def watch(work, gateway):
    given = os.path.join(work, 'password')
    with open(given, 'w', encoding='ascii') as file:
        file.write(SECRET + '\n')
    one = Watch(work, gateway, [given])
    one.add('the password', SECRET)
    one.add('the code', LABEL)
    return one


def looked(watch):
    watch.measure()
    watch.files()
    return sorted(watch.leaks)


def test_silent_when_all_is_well(watch, gateway):
    gateway.start(HOME='/nonexistent')
    assert looked(watch) == []
    assert watch.usages[0].descriptors == 3 and watch.usages[0].threads == 1
    assert 0 < watch.usages[0].memory <= watch.usages[0].peak


@pytest.mark.parametrize('name, text, what', [
    ('gatehoused.log', 'took the password forty otters\n', 'the password'),
    ('state/outbox.db', 'Zm9ydHkgb3R0ZXJz', 'the password'),
    ('state/control.db-wal', '..forty otters..', 'the password'),
    ('state/new/file', 'bcdfghjk', 'the code'),
    ('run-file', 'BCDFGHJK', 'the code'),
    ('gatehoused.log', '00' * 31 + 'a7', 'key file'),
    ('state/page.key', '00' * 31 + 'a7', 'key file'),
    ('state/outbox.db', 'MHcCAQEEIPageKeyOfThisScene', 'page key'),
    ('core', '', 'a core'), ('state/core.4711', '', 'a core')])
def test_sees_it_in_a_file(watch, gateway, name, text, what):
    gateway.start()
    os.makedirs(os.path.dirname(os.path.join(gateway.directory, name)), exist_ok=True)
    gateway.write(name, text)
    assert looked(watch) == [(what, os.path.join(gateway.directory, name))]


def test_sees_it_in_the_environment(watch, gateway):
    gateway.start(MQTT_PASSWORD=SECRET)
    assert looked(watch) == [('the password', '/proc/PID/environ')]


def test_sees_that_there_could_be_a_core(watch, gateway):
    gateway.start(core=resource.getrlimit(resource.RLIMIT_CORE)[1])
    assert [what for what, _ in looked(watch)] == ['all that is in memory, by a core,']


def test_counts_what_is_open(work):
    """The store's files once each, all else each time."""
    path = os.path.join(work, 'outbox.db')
    command = 'exec 5>>%s 6>>%s 7</dev/null 8</dev/null; exec sleep 600' % (path, path)
    one = subprocess.Popen(['/bin/sh', '-c', command], stdin=subprocess.DEVNULL)
    try:
        # Its own three, the two of /dev/null, and one for the store.
        until(lambda: os.readlink('/proc/%d/exe' % one.pid).endswith('sleep')
              and usage(one.pid).descriptors == 6, 10, 'six are open')
    finally:
        one.kill()
        one.wait()
