# SPDX-License-Identifier: Apache-2.0
"""Devices with a session of their own, and a broker that refuses what they publish. What else befalls
such sessions is in the other tests, under the form 'mixed'."""

import os

import pytest

import bed
from bed import coap, own, until
from bed.plain import device, let_in, values
from relay import Relay
from scene import REFUSALS, Behind

WINDOW = 32  # link-window


@pytest.fixture
def broker(work):
    one = bed.Broker(os.path.join(work, 'broker'), users={'gateway': 'one', 'user': 'two'}).start()
    yield one
    one.stop()


@pytest.fixture
def relay(broker):
    one = Relay(broker.port)
    yield one
    one.close()


@pytest.fixture
def gateway(make_gateway, relay, work):
    return make_gateway(broker=Behind(relay), config=own.configuration(work, 'one')).start()


@pytest.mark.parametrize('reason', REFUSALS)
def test_a_back_log_that_is_refused_for_a_while(gateway, relay, recorder, reason):
    """More than its session's window waits, and all of it is refused: it leaves when the broker lets
    it, by the same connection."""
    own.import_lines(gateway, 'iota,user,two')
    iota = let_in(gateway, 'iota')
    own.await_link(gateway, 'iota')
    relay.refuse = reason
    for value in range(3 * WINDOW):
        assert iota.report(value).code == coap.CHANGED
    # The first by itself is tried again and again.
    before = relay.refused
    until(lambda: relay.refused >= before + 2, 20, 'it is refused again')
    assert device(gateway, 'iota')['queued'] == 3 * WINDOW
    relay.refuse = 0
    until(lambda: set(values(recorder, iota.id).values()) == set(range(3 * WINDOW)), 30, 'all of them arrive')
    until(lambda: device(gateway, 'iota')['queued'] == 0, 20, 'nothing waits')
    assert gateway.log().count('Its session at') == 1, 'it never connected anew'
