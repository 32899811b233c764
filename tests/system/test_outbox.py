# SPDX-License-Identifier: Apache-2.0
"""What waits: how much of it may be one device's, how long there is room, how fast it leaves."""

import json
import time

import pytest

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


@pytest.mark.long
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
        'lan': FAST, 'outbox': {'commit_delay': 4000}}).start()
    sensor = let_in(gateway, 'patient')
    began = time.monotonic()
    answer = sensor.report(1)
    assert time.monotonic() - began > 3.9
    assert answer.code == coap.CHANGED and answer.type != coap.ACK
    until(lambda: set(values(recorder, sensor.id).values()) == {1}, 20, 'it arrives once')
    assert len(values(recorder, sensor.id)) == 1


@pytest.mark.long
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


@pytest.mark.long
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


def gaps(recorder, sensor):
    return [json.loads(one.payload) for one in recorder.messages(
        'gatehouse/bed/%s/gap' % sensor.id)]


def accounted(recorder, sensor, count):
    """All of them arrived or are in a gap record, and none is in both."""
    came = values(recorder, sensor.id)
    rows = {int(key.rsplit('.', 1)[1]) for key in came}
    for one in gaps(recorder, sensor):
        first, last = (int(one[end].rsplit('.', 1)[1]) for end in ('from', 'to'))
        assert not any(first <= row <= last for row in rows), one
    return len(came) + sum(one['count'] for one in gaps(recorder, sensor)) == count


def test_oldest_make_room(make_gateway, broker, recorder):
    """when_full = drop-oldest: a chatty device gives up its own oldest readings, and nobody else's;
    the platform is told which."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'max_bytes': 65536, 'when_full': 'drop-oldest'}}).start()
    chatty, quiet = let_in(gateway, 'chatty'), let_in(gateway, 'quiet')
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    assert taken(quiet, 5) == 5
    for value in range(250):  # who is put off comes again
        until(lambda: send(chatty, value) == coap.CHANGED, 20, '%d is taken' % value)
    assert gateway.ctl('queue')['lost']['for-room'] > 100
    broker.start()
    until(lambda: accounted(recorder, chatty, 250), 40, 'each one came or is told as missing')
    assert 249 in values(recorder, chatty.id).values() and \
        0 not in values(recorder, chatty.id).values()
    assert len(values(recorder, quiet.id)) == 5 and not gaps(recorder, quiet)
    assert sum(one['count'] for one in gaps(recorder, chatty)) == \
        gateway.ctl('queue')['lost']['for-room']
    assert {one['reason'] for one in gaps(recorder, chatty)} == {'outbox full'}


@pytest.mark.usefixtures('set_clock')
def test_too_old(make_gateway, broker, recorder):
    """max_age: what waited for too long is given up and told, what did not arrives."""
    gateway = make_gateway(broker=broker, config={
        'lan': FAST, 'outbox': {'max_age': 4}}).start()
    if not gateway.ctl('status')['clock']['synced']:
        pytest.skip('the clock of this machine is not set')
    sensor = let_in(gateway, 'stale')
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    assert taken(sensor, 30) == 30
    until(lambda: gateway.ctl('queue')['lost']['too-old'] == 30, 30, 'they are too old')
    assert gateway.ctl('status')['queue']['readings'] == 0
    # What comes from here on has time enough, however long the machine stands still.
    gateway.configure({'outbox': {'max_age': 3600}})
    gateway.restart(kill=True)
    broker.start()
    until(lambda: gateway.ctl('status')['uplink']['state'] == 'up', 40, 'the uplink is up')
    assert send(sensor, 30) == coap.CHANGED
    until(lambda: accounted(recorder, sensor, 31), 40, 'each one came or is told as missing')
    assert list(values(recorder, sensor.id).values()) == [30]
    assert {one['reason'] for one in gaps(recorder, sensor)} == {'too old'}
