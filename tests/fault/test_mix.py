# SPDX-License-Identifier: Apache-2.0
"""Everything at once, in random order. A run that failed is replayed by the seed that it printed."""

import pytest

pytestmark = pytest.mark.deadline(7200)


def test_mix(scene, shim, rounds):
    one = scene(env=shim(FILE='/state/', SLOW=1000), gap=0.01).start()
    out = []

    def revoke():
        sensor = one.random.choice([each for each in one.sensors if each not in out])
        one.revoke(sensor)
        out.append(sensor)

    def readmit():
        if out:
            one.readmit(out.pop(one.random.randrange(len(out))))

    faults = (one.kill, one.kill, one.cut_power, one.restart, one.kill_broker,
              one.kill_broker_mid_stream, one.freeze_broker, one.cut, revoke, readmit)
    for _ in range(2 * rounds):
        fault = one.random.choice(faults)
        print(fault.__name__, flush=True)
        fault()
        one.look()
        if len(out) > len(one.sensors) // 2:
            readmit()
    one.check()
