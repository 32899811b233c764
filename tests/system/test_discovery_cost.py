# SPDX-License-Identifier: Apache-2.0
"""What it costs to know a thousand names: five hundred that are announced by mDNS (the cache of
avahi-daemon holds about eight hundred) and five hundred that enrolled and wait."""

import os
import socket
import time

import pytest

from attacks.test_mdns_attacks import A, Neighbour, name, record, service, texts
from bed import coap, until
from bed.standard import StandardDevice

NAMES = 500
LASTING = 4500  # seconds: nobody renews them
SECONDS = int(os.environ.get('GATEHOUSE_COST_SECONDS') or 180)


def spent(pid):
    """Seconds of processor time."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as file:
        words = file.read().rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


def announce(neighbour, port):
    """Ten services in a datagram, for longer than the test takes."""
    neighbour.say(record(name('herd.local'), A, socket.inet_aton('127.0.0.1'), LASTING))
    for start in range(0, NAMES, 10):
        neighbour.say(*(part for number in range(start, start + 10) for part in service(
            'herd-%d' % number, 'herd.local', port, texts(b'ep=herd-%d' % number, b'v=1'), LASTING)))


@pytest.mark.long
@pytest.mark.mdns
@pytest.mark.deadline(900)
def test_a_thousand_names(avahi, make_gateway, broker):
    """All are listed, each announced one was asked what it is; from then on less than a hundredth of a
    core goes into it, with sanitizers and all."""
    gateway = make_gateway(broker=broker, mdns=True, config={
        'lan': {'new_per_minute': 5000, 'pending_max': 2000}, 'gateway': {'log_level': 'warning'}}).start()
    neighbour, herd = Neighbour('127.0.0.77'), StandardDevice(links='</s>;if="core.s";ct=0')
    try:
        gateway.ctl('window', 'open', '--minutes', 5)
        with gateway.coap() as client:
            for number in range(NAMES):
                answer = client.exchange(coap.POST, 'enrol', query={'ep': 'come-%d' % number})
                assert answer.code == coap.CREATED, answer
        gateway.ctl('window', 'close')

        def known():
            announce(neighbour, herd.port)
            counts = gateway.api('GET', 'status')[1]['devices']
            return counts['total'] == 2 * NAMES
        until(known, 300, 'all of them are known', every=5)
        until(lambda: herd.asked.count('/.well-known/core') >= NAMES, 300, 'each one was asked what it is')
        before = {pid: spent(pid) for pid in (gateway.process.pid, avahi.daemon.pid)}
        began = time.monotonic()
        time.sleep(SECONDS)
        took = time.monotonic() - began
        ours, theirs = (100 * (spent(pid) - before[pid]) / took for pid in before)
        print('DISCOVERY COST: %.2f%% of a core for gatehoused, %.2f%% for avahi-daemon, over %d s'
              % (ours, theirs, took))
        assert gateway.api('GET', 'status')[1]['devices']['total'] == 2 * NAMES
        assert ours < 1
    finally:
        herd.close()
        neighbour.close()
