# SPDX-License-Identifier: Apache-2.0
"""What is wanted of the relay: the rows of a table, from what was measured. A shape that was not run, or one
who did not take part in it, leaves 'not measured' behind and no gap."""

from bench import Target

BASE = 'node-coap + mqtt.js, QoS 0'
BARE = 'libcoap, bare'
VOLATILE = (BASE, 'Ponte', 'Node-RED')
POWER, PACKED = 'ours, power', 'ours, power, packed'
KNOWN = 'ours, power, packed, 10,000 known'

# Who, sensors, beside whom, so many times their rate at least.
RATIOS = [
    (POWER, 50, 'to_volatile', 1.8), (POWER, 500, 'to_volatile', 2.2),
    (PACKED, 50, 'to_volatile', 3), (PACKED, 500, 'to_volatile', 6),
    (PACKED, 50, 'to_bare', 0.6), (PACKED, 500, 'to_bare', 1.3),
    ('ours, process, packed', 50, 'to_volatile', 4), ('ours, process, packed', 500, 'to_volatile', 4),
    ('ours, memory, packed', 50, 'to_volatile', 6), ('ours, memory, packed', 500, 'to_volatile', 6),
    (KNOWN, 500, 'to_known', 0.8),
]
BESIDE = {'to_volatile': 'the best volatile', 'to_bare': 'the bare server', 'to_known': 'with 500 known'}
# An answer, at most: three times the disk's own p99, and so many ms.
ANSWERS = [(50, 2), (500, 10)]
# Microseconds of a processor for a reading, all our threads, at most.
COSTS = [(POWER, 500, 35), (PACKED, 500, 10)]
GENERATOR = 3  # times the bare server


def relay(shapes):
    at = {(one['sensors'], one['size']): one for one in shapes}

    def of(sensors):
        return at.get((sensors, 128))

    def figure(name, sensors, key):
        found = (of(sensors) or {}).get('subjects', {}).get(name)
        return found[key] if found else None
    targets = [Target('%s, %d sensors, times %s' % (name, sensors, BESIDE[beside]), wanted,
                      figure(name, sensors, beside), least=True)
               for name, sensors, beside, wanted in RATIOS]
    for sensors, more in ANSWERS:
        shape = of(sensors)
        # Without the disk's figure there is nothing to compare with.
        targets.append(Target('%s, %d sensors, p99 of the answer' % (POWER, sensors),
                              3 * shape['disk']['p99'] + more if shape else more,
                              figure(POWER, sensors, 'p99'), 'ms'))
    targets += [Target('%s, %d sensors, processor for a reading' % (name, sensors), wanted,
                       figure(name, sensors, 'cpu_us'), 'us') for name, sensors, wanted in COSTS]
    for sensors in (50, 500):
        bare = figure(BARE, sensors, 'rate')
        targets.append(Target('the generator alone, %d sensors, times the bare server' % sensors, GENERATOR,
                              of(sensors)['generator'] / bare if bare else None, least=True))
    return targets
