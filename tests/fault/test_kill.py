# SPDX-License-Identifier: Apache-2.0
"""The gateway ends at any moment. Its disk takes 3 ms for a sync, so that there always is something on
its way to the disk."""

import pytest

from scene import every_form

pytestmark = pytest.mark.deadline(7200)


@every_form
def test_killed(scene, shim, kills):
    """Of each form a third of them. In the end it crashes by itself, and leaves no core."""
    one = scene(env=shim(FILE='/state/', SLOW=3000)).start()
    for _ in range(-(-kills // 3)):
        one.kill()
        one.look()
    one.crash()
    one.check()


def test_power_cut(scene, shim, rounds):
    """Whatever was not synced is gone as well. 500 of these are in unit/store/test-power.c, on a disk
    that also tears what it writes."""
    one = scene(env=shim(FILE='/state/', SLOW=3000)).start()
    for _ in range(4 * rounds):
        one.cut_power()
        one.look()
    one.check()
