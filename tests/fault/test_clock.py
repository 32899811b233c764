# SPDX-License-Identifier: Apache-2.0
"""Somebody sets the clock while readings flow: ten years back, ten years on, an hour back. The order of
readings, their ids and their fate hang on no clock."""

from scene import JUMPS


def test_clock_jumps(scene, clock):
    one = scene(env=clock.env, gap=0.01).start()
    for at, seconds in enumerate(JUMPS):
        clock(seconds)
        one.load.await_more(60)
        one.gateway.ctl('rename', one.sensors[at].id, '--name', 'jump %d' % at)
        one.count('jumps')
        if seconds < 0:
            # What was promised before is there after a restart at this time, too.
            one.gateway.kill()
            one.gateway.start(env=one.env)
            one.load.await_more(60)
            continue
        goner = one.sensors[at]
        one.relay.hold_down = True
        one.load.await_more(20, sensors=[goner])
        one.revoke(goner)
        one.relay.hold_down = False
        one.readmit(goner)
    one.gateway.ctl('journal', 'verify')
    one.check()
