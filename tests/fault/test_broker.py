# SPDX-License-Identifier: Apache-2.0
"""The broker dies, freezes, refuses, comes back, loses connections; devices are revoked meanwhile."""

import pytest

from scene import every_form

pytestmark = pytest.mark.deadline(7200)

CALM = 0.01  # seconds between two readings of a device: the back-log of an outage stays small


@every_form
def test_broker_comes_and_goes(scene, rounds):
    """The gateway lives through all of it, and does not grow."""
    one = scene(gap=CALM).start()
    faults = (one.kill_broker, one.kill_broker_mid_stream, one.freeze_broker, one.cut, one.refuse)
    order = []
    while len(order) < rounds:
        order += one.random.sample(faults, len(faults))
    for fault in order:
        fault()
        one.look()
    one.check(backlog=True)


def test_revoked_with_backlog(scene):
    """A device that has readings in flight and readings on disk: what is in flight arrives or does
    not, what is on disk is dropped and accounted for. Let in again, it goes on."""
    one = scene(gap=CALM).start()
    goner, stayer = one.sensors[:2]
    one.relay.hold_down = True
    one.load.await_more(50, sensors=[goner])
    one.revoke(goner)
    one.load.await_more(50, sensors=[stayer])
    one.relay.hold_down = False
    one.readmit(goner)
    one.revoke(goner)
    one.check(backlog=True)


@pytest.mark.parametrize('killed', (False, True), ids=('lives', 'killed'))
def test_revoked_while_broker_is_away(scene, killed):
    """What was dropped is told when there is somebody to tell it to, and once it was told."""
    one = scene(gap=CALM).start()
    goner = one.sensors[0]
    one.relay.open = False
    one.relay.cut()
    one.load.await_more(50, sensors=[goner])
    one.revoke(goner)
    if killed:
        one.gateway.kill()
        one.gateway.start()
    one.relay.open = True
    one.load.await_more(100)
    one.check(backlog=True)


def test_killed_while_revoking(scene, rounds):
    """It is revoked afterwards or it is not; readings that were promised stay accounted for."""
    one = scene(gap=CALM).start()
    for at in range(rounds):
        goner = one.sensors[at % len(one.sensors)]
        one.relay.hold_down = True
        one.load.await_more(20, sensors=[goner])
        revoked = one.revoke_and_kill(goner)
        one.relay.hold_down = False
        if revoked:
            one.readmit(goner)
    one.check()
