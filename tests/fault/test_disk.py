# SPDX-License-Identifier: Apache-2.0
"""The disk is full (disk.py: a small one), or it fails (shim.c: EIO)."""

import pytest

import disk
from disk import MIB, NEARLY_FULL

pytestmark = pytest.mark.deadline(600)


def test_full(small_disk, scene):
    one = scene(disk=small_disk, padding=4).start()
    one.relay.hold_down = True
    small_disk.leave(NEARLY_FULL)
    disk.await_refused(one, 100)
    # The reserve is for people: what they do is still stored.
    assert disk.try_to_rename(one, one.sensors[0], 'in reserve')
    assert small_disk.free() > 8 * MIB

    # Somebody else takes the reserve as well.
    small_disk.leave(0)
    disk.await_refused(one, 100)
    outcomes = [disk.try_to_rename(one, one.sensors[1], 'full %d' % at) for at in range(20)]
    assert one.gateway.process.alive and one.gateway.ctl('status')['queue']['readings'] > 0
    print('on a full disk %d of %d renames were stored' % (sum(outcomes), len(outcomes)))

    # Delivered readings make room by themselves where nobody takes it.
    small_disk.give_back()
    one.load.await_more(200, timeout=60)
    assert disk.try_to_rename(one, one.sensors[2], 'again')
    one.relay.hold_down = False
    one.load.padding = 0
    one.load.await_more(200, timeout=60)
    one.count('refused readings', disk.refused(one))
    one.check()


def test_killed_when_full(small_disk, scene):
    """Full and killed: it starts or says why not; with room again nothing is lost."""
    one = scene(disk=small_disk, padding=4).start()
    one.relay.hold_down = True
    small_disk.leave(NEARLY_FULL)
    disk.await_refused(one, 20)
    small_disk.leave(0)
    for _ in range(3):
        one.gateway.kill()
        if not disk.started_when_full(one):
            break
    small_disk.give_back()
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
    disk.fail(one, shim(), file, what, nth)
    one.load.await_more(3 * len(one.sensors))
    one.check()
