# SPDX-License-Identifier: Apache-2.0
"""Everything at once, in random order: the gateway and the broker die, connections break, the disk is
full and fails, the clock is set, devices are put out and let in again. Each fault comes once in every
round. A run that failed is replayed by the seed that it printed."""

import pytest

import disk
from scene import JUMPS, every_form

pytestmark = pytest.mark.deadline(7200)


@pytest.fixture
def some_disk(request):
    """A small one, or none where no file system can be mounted."""
    if request.getfixturevalue('has_mounts'):
        return request.getfixturevalue('small_disk')
    return None


class Mix:
    """The faults, by their methods; who was revoked is 'out'."""

    def __init__(self, one, shim, clock):
        self.one, self.shim, self.clock = one, shim, clock
        self.out = []
        self.faults = [one.kill, one.kill, one.crash, one.cut_power, one.restart, one.kill_broker,
                       one.kill_broker_mid_stream, one.freeze_broker, one.refuse, one.cut,
                       self.revoke, self.readmit, self.jump, self.fail_disk]
        if one.disk:
            self.faults.append(self.fill_disk)

    def revoke(self):
        sensor = self.one.random.choice([each for each in self.one.sensors if each not in self.out])
        self.one.revoke(sensor)
        self.out.append(sensor)

    def readmit(self):
        if self.out:
            self.one.readmit(self.out.pop(self.one.random.randrange(len(self.out))))

    def jump(self):
        self.clock(self.one.random.choice(JUMPS))
        self.one.load.await_more(self.one.random.randrange(1, 60))
        self.one.count('jumps')

    def fail_disk(self):
        chance = self.one.random
        disk.fail(self.one, self.shim, chance.choice(('outbox', 'control')),
                  chance.choice(('SYNC', 'WRITE')), chance.randrange(1, 60))

    def fill_disk(self):
        disk.fill(self.one)

    def round(self):
        for fault in self.one.random.sample(self.faults, len(self.faults)):
            print(fault.__name__, flush=True)
            fault()
            self.one.look()
            if len(self.out) > len(self.one.sensors) // 2:
                self.readmit()


@every_form
def test_mix(some_disk, scene, shim, clock, rounds):
    env = shim(FILE='/state/', SLOW=1000)
    env = {**clock.env, **env, 'LD_PRELOAD': ':'.join((env['LD_PRELOAD'], clock.env['LD_PRELOAD']))}
    one = scene(disk=some_disk, env=env, gap=0.01).start()
    mix = Mix(one, env, clock)
    for _ in range(max(rounds // 4, 1)):
        mix.round()
    one.gateway.ctl('journal', 'verify')
    one.check()
