# SPDX-License-Identifier: Apache-2.0
"""Somebody sets the clock while readings flow: ten years back, ten years on, an hour back. The order of
readings, their ids and their fate hang on no clock."""

import os
import struct
import subprocess

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
HOUR, YEAR = 3600, 365 * 86400
JUMPS = (-10 * YEAR, 10 * YEAR, -HOUR, 0)


@pytest.fixture
def clock(work):
    """set(seconds) by which the daemon's wall clock is wrong from now on; set.env is for the daemon."""
    library, path = os.path.join(work, 'clock.so'), os.path.join(work, 'clock')
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1',
                    '-shared', '-fPIC', '-o', library, os.path.join(HERE, 'clock.c')],
                   check=True, stdin=subprocess.DEVNULL)

    def jump(seconds):
        with open(path, 'r+b' if os.path.exists(path) else 'w+b') as file:
            file.write(struct.pack('=q', seconds))
    jump(0)
    os.chmod(path, 0o644)
    jump.env = {'LD_PRELOAD': library, 'CLOCK_FILE': path}
    return jump


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
