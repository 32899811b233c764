# SPDX-License-Identifier: Apache-2.0
"""What waits: how much of it may be one device's, how long there is room, how fast it leaves."""

import json
import time

from bed import coap, until
from bed.plain import let_in, values

FAST = {'device_rate': 1000, 'device_burst': 100000, 'new_per_minute': 1000}
PADDING = [{'n': 'pad%d' % at, 'vs': 'x' * 100} for at in range(4)]


def send(sensor, value):
    """The code of the answer to a large reading."""
    return sensor.client.exchange(
        coap.POST, 't', query={'ep': sensor.ep}, content_format=coap.SENML_JSON,
        payload=json.dumps([{'n': 'seq', 'v': value}, *PADDING])).code


def taken(sensor, most):
    """How many are taken until one is put off."""
    count = 0
    while count < most and send(sensor, count) == coap.CHANGED:
        count += 1
    return count


def alarms(gateway):
    return {(one['id'], one['subject']) for one in gateway.ctl('alarms')['alarms']}


def test_chatty_device_leaves_room(make_gateway, broker, recorder):
    """It fills its share and is put off; the others are taken still. All of it arrives, and the
    alarm that named it goes."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'max_bytes': 65536}}).start()
    chatty, quiet = let_in(gateway, 'chatty'), let_in(gateway, 'quiet')
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    count = taken(chatty, 500)
    assert 65536 * 0.7 < count * 550 < 65536 * 0.85, count
    assert ('outbox-share', chatty.id) in alarms(gateway)
    assert not any(one[0] == 'outbox-full' for one in alarms(gateway))
    assert taken(quiet, 10) == 10
    assert send(chatty, count) == coap.UNAVAILABLE
    assert ('outbox-share', quiet.id) not in alarms(gateway)
    broker.start()
    until(lambda: len(values(recorder, chatty.id)) == count and len(values(recorder, quiet.id)) == 10,
          40, 'all that was taken arrives')
    until(lambda: not any(one[0] == 'outbox-share' for one in alarms(gateway)), 20, 'the alarm goes')
    assert send(chatty, count) == coap.CHANGED


def test_pace(make_gateway, broker, recorder):
    """A back-log leaves no faster than the platform may be asked to take it."""
    gateway = make_gateway(broker=broker, config={'lan': FAST, 'outbox': {'pace': 20}}).start()
    sensor = let_in(gateway, 'steady')
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    assert taken(sensor, 80) == 80
    broker.start()
    until(lambda: values(recorder, sensor.id), 40, 'the first one arrives')
    began = time.monotonic()
    until(lambda: len(values(recorder, sensor.id)) == 80, 40, 'all of them arrive')
    # 20 at once, 60 more in 3 s; what was on its way when we began to look was none of them.
    assert time.monotonic() - began > 2.5


def test_answers_wait_for_others(make_gateway, broker, recorder):
    """commit_delay: few commits. An answer that takes longer than a second comes by itself, behind an
    empty ACK, so that nobody sends again."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'commit_delay': 1500}}).start()
    sensor = let_in(gateway, 'patient')
    began = time.monotonic()
    answer = sensor.report(1)
    assert time.monotonic() - began > 1.4
    assert answer.code == coap.CHANGED and answer.type != coap.ACK
    until(lambda: set(values(recorder, sensor.id).values()) == {1}, 20, 'it arrives once')
    assert len(values(recorder, sensor.id)) == 1


def test_killed_when_commits_do_not_wait_for_the_disk(make_gateway, broker, recorder):
    """durability = process: the end of the process takes nothing that was acknowledged, a number is
    never given twice, and everybody is told that an acknowledgement is worth less."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'durability': 'process'}}).start()
    assert gateway.ctl('status')['queue']['durability'] == 'process'
    assert ('not-durable', 'process') in alarms(gateway)
    assert 'a power cut takes readings' in gateway.tool('status').stdout
    sensor = let_in(gateway, 'trusting')
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    for value in range(50):
        assert sensor.report(value).code == coap.CHANGED
    gateway.restart(kill=True)
    for value in range(50, 60):
        assert sensor.report(value).code == coap.CHANGED
    broker.start()
    until(lambda: set(values(recorder, sensor.id).values()) == set(range(60)), 40, 'all arrive')
    assert len(values(recorder, sensor.id)) == 60
    gateway.configure({'lan': FAST, 'outbox': {'durability': 'power'}})
    gateway.restart()
    assert not any(one[0] == 'not-durable' for one in alarms(gateway))
    assert gateway.ctl('status')['queue']['durability'] == 'power'


def test_acknowledged_from_memory(make_gateway, broker, recorder):
    """durability = memory: the answer does not wait, and a proper stop still loses nothing."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'durability': 'memory', 'commit_delay': 5000}}).start()
    assert ('not-durable', 'memory') in alarms(gateway)
    sensor = let_in(gateway, 'hasty')
    began = time.monotonic()
    for value in range(20):
        assert sensor.report(value).code == coap.CHANGED
    assert time.monotonic() - began < 4
    gateway.restart()
    until(lambda: set(values(recorder, sensor.id).values()) == set(range(20)), 40, 'all arrive')
