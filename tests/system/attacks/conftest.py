# SPDX-License-Identifier: Apache-2.0
"""Each gateway that was attacked is measured: it may not have grown by what was done to it."""

import os

import pytest

from bed import until

# What devices that were let in and their sessions may need; a flood needs thousands of each. With
# sanitizers each piece of memory is larger, and 40 MiB are what one hash of a password takes there.
THREADS, DESCRIPTORS, KIB, KIB_SANITIZED = 4, 24, 8 * 1024, 40 * 1024


def figures(gateway):
    """Threads, descriptors and KiB of memory of its own."""
    folder = '/proc/%d/' % gateway.process.pid
    with open(folder + 'status', encoding='ascii') as file:
        words = dict(line.split(':', 1) for line in file if ':' in line)
    return int(words['Threads']), len(os.listdir(folder + 'fd')), int(words['RssAnon'].split()[0])


@pytest.fixture
def make_gateway(make_gateway, monkeypatch):
    # What the sanitizer keeps of freed memory, to find its use, would hide what we look for.
    monkeypatch.setenv('ASAN_OPTIONS', os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1')
    measured = []

    def make(**options):
        gateway = make_gateway(**options)
        start = gateway.start

        def start_and_measure(wait=True, env=None):
            start(wait, env)
            if wait:
                measured.append((gateway, gateway.process, figures(gateway)))
            return gateway
        gateway.start = start_and_measure
        return gateway
    yield make
    for gateway, process, before in measured:
        if gateway.process is not process or not process.alive:
            continue
        # Connections of the test that were closed a moment ago go at the loop's next turn.
        until(lambda: figures(gateway)[0] <= before[0] + THREADS and
              figures(gateway)[1] <= before[1] + DESCRIPTORS, 20, 'threads and descriptors are given back')
        after = figures(gateway)
        print('threads %d -> %d, descriptors %d -> %d, memory %d -> %d KiB' % tuple(
            one for pair in zip(before, after) for one in pair))
        with open('/proc/%d/maps' % process.pid, encoding='ascii') as file:
            most = KIB_SANITIZED if 'libasan' in file.read() else KIB
        assert after[0] <= before[0] + THREADS and after[2] <= before[2] + most, (before, after)
