# SPDX-License-Identifier: Apache-2.0
"""The gateway ends at any moment. Its disk takes 3 ms for a sync, so that there always is something on
its way to the disk."""

import pytest

pytestmark = pytest.mark.deadline(7200)


def test_killed(scene, shim, kills):
    one = scene(env=shim(FILE='/state/', SLOW=3000)).start()
    for _ in range(kills):
        one.kill()
        one.look()
    one.check()


def test_power_cut(scene, shim, kills):
    """Whatever was not synced is gone as well."""
    one = scene(env=shim(FILE='/state/', SLOW=3000)).start()
    for _ in range(kills):
        one.cut_power()
        one.look()
    one.check()
