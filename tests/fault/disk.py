# SPDX-License-Identifier: Apache-2.0
"""A small disk for the gateway's state, what fills it, and how a disk fails in a scene.

The small one is an ext4 in a file, on a loop device: with its journal, with what it sets aside for
itself, with its way to say ENOSPC late. Only root outside of a user namespace gets one, where the
machine has loop devices; elsewhere it is a file system in memory of the same size, whose ENOSPC is
the kernel's as well. What the disks were is said at the end of the tests (conftest.py)."""

import os
import subprocess

from bed import coap, until
from bed.gateway import ToolError

MIB = 1 << 20
SIZE = 48 * MIB     # the store keeps 12 MiB of it in reserve

BLOCK = 1024
NOT_STORED = 'no space left'
NEARLY_FULL = 14 * MIB  # is left: soon readings are refused

kinds = set()       # what the disks were


def run(*argv):
    """Of a program that may fail: what it said when it did, or None."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        return 'there is no ' + argv[0]
    return None if done.returncode == 0 else done.stderr.strip() or 'exit code %d' % done.returncode


class SmallDisk:
    """Mounted at 'directory', in this mount namespace alone. GATEHOUSE_DISK=tmpfs: without a loop
    device though there is one."""

    def __init__(self, work):
        self.directory, self.image = os.path.join(work, 'small'), os.path.join(work, 'small.img')
        os.mkdir(self.directory)
        self.filler = os.path.join(self.directory, 'filler')
        why_not = self._loop()
        if why_not:
            self.image = None
            subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%d,mode=755' % SIZE, 'tmpfs',
                            self.directory], check=True, stdin=subprocess.DEVNULL)
        kinds.add('tmpfs (no loop device: %s)' % why_not if why_not else 'ext4 on a loop device')

    def _loop(self):
        """Why it cannot be had, or None."""
        if os.environ['GATEHOUSE_BED'] != 'root':
            return 'not the root of this machine'
        if os.environ.get('GATEHOUSE_DISK') == 'tmpfs':
            return 'GATEHOUSE_DISK=tmpfs'
        with open(self.image, 'wb') as file:
            file.truncate(SIZE)
        return run('mkfs.ext4', '-q', '-F', '-m', '0', self.image) or \
            run('mount', '-o', 'loop', self.image, self.directory)

    def close(self):
        """The last program that has a file open there may still be ending. With the mount goes the
        loop device."""
        until(lambda: run('umount', self.directory) is None, 10, 'the small disk is unmounted')
        if self.image:
            until(lambda: not self.devices(), 10, 'the loop device is let go')

    def devices(self):
        done = subprocess.run(['losetup', '--associated', self.image], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=True)
        return done.stdout.split()

    # ---- how full it is ----

    def free(self):
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize

    def leave(self, room):
        """A file of ours leaves so much of it and no more. It does not get all of the rest at once,
        since its own blocks have to be kept book of."""
        with open(self.filler, 'ab') as file:
            size = self.free() - room
            while size >= BLOCK:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    size //= 2
                    continue
                size = min(size, self.free() - room)

    def give_back(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)


# ---- a full one ----

def refused(one):
    """How many readings of the scene were, for want of space or for another reason of the gateway's."""
    return sum(each.answers.get(coap.UNAVAILABLE, 0) for each in one.sensors)


def await_refused(one, count):
    before = refused(one)
    until(lambda: refused(one) > before + count, 60, 'readings are refused for lack of space')


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


def started_when_full(one):
    """It starts, or it says why not."""
    one.gateway.start(wait=False, env=one.env)
    until(lambda: one.gateway.ready or not one.gateway.process.alive, 30, 'it is ready or it ended')
    if one.gateway.ready:
        one.count('starts on a full disk')
        return True
    assert 'cannot' in one.gateway.log().splitlines()[-1]
    assert one.gateway.wait_exit() == 1
    one.count('refused starts')
    return False


def fill(one):
    """In a stream of large readings that nobody takes: full for readings, then for everybody, now and
    then with the gateway's death in it; and room again."""
    padding, one.load.padding = one.load.padding, 4
    one.relay.hold_down = True
    one.disk.leave(NEARLY_FULL)
    await_refused(one, 20)
    assert try_to_rename(one, one.sensors[0], 'in reserve %d' % one.counts.get('full disks', 0))
    one.disk.leave(0)
    await_refused(one, 20)
    if one.random.random() < 0.5:
        one.gateway.kill()
        started_when_full(one)
    one.disk.give_back()
    one.relay.hold_down = False
    one.load.padding = padding
    if one.gateway.process is None:
        one.gateway.start(env=one.env)
    one.load.await_more(100, timeout=60)
    one.count('full disks')


# ---- one that fails ----

def fail(one, shim, file, what, nth):
    """One sync or write (what: SYNC, WRITE) of the file fails, and what it was for is gone: it does not
    carry on, and what it had promised before is there at the next start. 'shim' is an environment with
    the library."""
    former = one.device(one.sensors[0])['name']
    one.gateway.kill()
    one.gateway.start(wait=False, env={**one.env, **shim, 'SHIM_FILE': '/state/%s.db' % file,
                                       'SHIM_' + what: str(nth)})
    names = rename_until_it_ends(one, former) if file == 'control' else None
    code = one.gateway.wait_exit(60)
    assert code > 0, 'it ended with %d' % code
    one.gateway.start(env=one.env)
    if names:
        assert one.device(one.sensors[0])['name'] in names
    one.count('failures of the disk')


def rename_until_it_ends(one, former):
    """Control actions, one after the other. Returns the name that was stored for certain, and those
    that may have been."""
    names, at = [former], 0
    while one.gateway.process.alive:
        at += 1
        name = 'name %d' % at
        try:
            one.gateway.ctl('rename', one.sensors[0].id, '--name', name)
            names = [name]
        except ToolError:
            names.append(name)
    return names
