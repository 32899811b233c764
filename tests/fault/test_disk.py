# SPDX-License-Identifier: Apache-2.0
"""The disk is full, or it fails. A loop device is nothing that a namespace may make: the small disk is a
file system in memory, whose ENOSPC is the kernel's as well, and what fails with EIO is the shim's."""

import os
import subprocess

import pytest

from bed import coap, until
from bed.gateway import ToolError

pytestmark = pytest.mark.deadline(600)

MIB = 1 << 20
SIZE = 48 * MIB     # of the state directory's file system; the store keeps 12 MiB of it in reserve
NOT_STORED = 'no space left'


@pytest.fixture
def small_disk(work):
    """A directory on a file system of its own."""
    if os.environ['GATEHOUSE_BED'] == 'plain':
        pytest.skip('no namespace here, hence no file system of our own')
    directory = os.path.join(work, 'small')
    os.mkdir(directory)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%d,mode=755' % SIZE, 'tmpfs', directory],
                   check=True, stdin=subprocess.DEVNULL)
    yield directory
    subprocess.run(['umount', '--lazy', directory], check=True, stdin=subprocess.DEVNULL)


class Filler:
    """A file that leaves so much of the file system and no more."""

    def __init__(self, directory):
        self.directory, self.path = directory, os.path.join(directory, 'filler')

    def free(self):
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize

    def leave(self, room):
        with open(self.path, 'ab') as file:
            missing = self.free() - room
            if missing > 0:
                os.posix_fallocate(file.fileno(), file.tell(), missing)

    def give_back(self):
        os.unlink(self.path)


def refused(one):
    return sum(each.answers.get(coap.UNAVAILABLE, 0) for each in one.sensors)


def try_to_rename(one, sensor, name):
    """A control action on a full disk: done, or refused in words."""
    try:
        one.gateway.ctl('rename', sensor.id, '--name', name)
    except ToolError as error:
        assert NOT_STORED in error.stdout + error.stderr, error
        assert one.device(sensor)['name'] != name
        return False
    assert one.device(sensor)['name'] == name
    return True


def test_full(scene, small_disk):
    one = scene(state=os.path.join(small_disk, 'state'), padding=4).start()
    filler = Filler(small_disk)
    one.relay.hold_down = True
    filler.leave(14 * MIB)
    until(lambda: refused(one) > 100, 60, 'readings are refused for lack of space')
    # The reserve is for people: what they do is still stored.
    assert try_to_rename(one, one.sensors[0], 'in reserve')
    assert filler.free() > 8 * MIB

    # Somebody else takes the reserve as well.
    filler.leave(0)
    before = refused(one)
    until(lambda: refused(one) > before + 100, 30, 'readings are still refused')
    outcomes = [try_to_rename(one, one.sensors[1], 'full %d' % at) for at in range(20)]
    assert one.gateway.process.alive and one.gateway.ctl('status')['queue']['readings'] > 0
    print('on a full disk %d of %d renames were stored' % (sum(outcomes), len(outcomes)))

    # Delivered readings make room by themselves where nobody takes it.
    filler.give_back()
    one.load.await_more(200, timeout=60)
    assert try_to_rename(one, one.sensors[2], 'again')
    one.relay.hold_down = False
    one.load.padding = 0
    one.load.await_more(200, timeout=60)
    one.count('refused readings', refused(one))
    one.check()


def test_killed_when_full(scene, small_disk):
    """Full and killed: it starts or says why not; with room again nothing is lost."""
    one = scene(state=os.path.join(small_disk, 'state'), padding=4).start()
    filler = Filler(small_disk)
    one.relay.hold_down = True
    filler.leave(14 * MIB)
    until(lambda: refused(one) > 20, 60, 'readings are refused for lack of space')
    filler.leave(0)
    for _ in range(3):
        one.gateway.kill()
        one.gateway.start(wait=False, env=one.env)
        until(lambda: one.gateway.ready or not one.gateway.process.alive, 30,
              'it is ready or it ended')
        if not one.gateway.ready:
            assert 'cannot' in one.gateway.log().splitlines()[-1]
            assert one.gateway.wait_exit() == 1
            one.count('refused starts')
            break
        one.count('starts on a full disk')
    filler.give_back()
    one.relay.hold_down = False
    if one.gateway.process is None:
        one.gateway.start(env=one.env)
    one.load.await_more(200, timeout=60)
    one.check()


@pytest.mark.parametrize('nth', (3, 40, pytest.param(111, marks=pytest.mark.long)))
@pytest.mark.parametrize('what', ('SYNC', 'WRITE'))
@pytest.mark.parametrize('file', ('outbox', 'control'))
def test_disk_fails(scene, shim, file, what, nth):
    """One sync or write fails, and what it was for is gone: it does not carry on, and what it had
    promised before is there at the next start."""
    one = scene().start()
    one.gateway.kill()
    one.gateway.start(wait=False, env=shim(FILE='/state/%s.db' % file, **{what: nth}))
    names = rename_until_it_ends(one) if file == 'control' else None
    code = one.gateway.wait_exit(60)
    assert code > 0, 'it ended with %d' % code
    one.gateway.start()
    if names:
        assert one.device(one.sensors[0])['name'] in names
    one.load.await_more(3 * len(one.sensors))
    one.count('failures')
    one.check()


def rename_until_it_ends(one):
    """Control actions, one after the other. Returns the name that was stored for certain, and those
    that may have been."""
    names, at = [''], 0
    while one.gateway.process.alive:
        at += 1
        name = 'name %d' % at
        try:
            one.gateway.ctl('rename', one.sensors[0].id, '--name', name)
            names = [name]
        except ToolError:
            names.append(name)
    return names
