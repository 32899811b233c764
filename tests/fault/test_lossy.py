# SPDX-License-Identifier: Apache-2.0
"""Three of ten datagrams are lost on either side, two of ten come twice, others come late and in
another order, some after two seconds: beyond the first retransmissions, and some after the next
reading."""

import pytest

pytestmark = pytest.mark.deadline(7200)


def test_far_broker(scene, rounds):
    """The same between the gateway and its broker, where TCP makes it a standstill: for up to two
    seconds nothing passes, and then all of it."""
    one = scene(gap=0.01).start()
    one.relay.lag = 2.0
    for at in range(max(rounds // 2, 2)):
        goner = one.sensors[at]
        one.load.await_more(20, sensors=[goner])
        one.random.choice((one.kill, one.cut))()
        one.look()
        one.revoke(goner)
        one.load.await_more(20)
        one.readmit(goner)
    one.relay.lag = 0.0
    one.check(backlog=True)


def test_lossy(scene, shim, rounds):
    one = scene(env=shim(FILE='/state/', SLOW=3000), lossy=True).start()
    goner = one.sensors[0]
    for _ in range(max(rounds // 4, 1)):
        one.load.await_more(50, timeout=120)
        one.kill()
        one.look()
        one.load.await_more(20, timeout=120)
        one.revoke(goner)
        one.readmit(goner)
    assert one.lossy.lost > one.lossy.passed / 4
    assert one.lossy.doubled > one.lossy.passed / 10
    one.count('datagrams lost', one.lossy.lost)
    one.count('datagrams doubled', one.lossy.doubled)
    one.count('datagrams passed', one.lossy.passed)
    one.check()
