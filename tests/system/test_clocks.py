# SPDX-License-Identifier: Apache-2.0
"""Two clocks that are wrong by years, the device's and the gateway's, change nothing but what a
reading says of the clock: devices come in, report, get their commands, and go on over the moment in
which the gateway's clock is set."""

import json
import os
import time

import pytest

from bed import coap, until
from bed.clock import another_clock
from bed.plain import PlainDevice, await_stage, device, let_in

YEAR = 31556952
# What a device says whose clock was never set, or runs far ahead.
ABSOLUTE = [946684800, 2840140800]


@pytest.fixture
def wrong_clock(work):
    """wrong_clock(seconds): the environment of a gateway whose clock is wrong by that much."""
    if os.environ['GATEHOUSE_BED'] == 'plain':
        pytest.skip('the bed has no /run of its own, so nobody can say whether the clock is set')
    return another_clock(work)


def send(one, records):
    """As a device does: a disk that is busy for ten seconds is answered by 5.03, and it is said again.
    What was put off may arrive all the same."""
    until(lambda: one.client.exchange(coap.POST, 't', query={'ep': one.ep}, payload=json.dumps(records),
                                      content_format=coap.SENML_JSON).code == coap.CHANGED, 30, 'it is taken')


def times(recorder, topic):
    """What the readings say of their time."""
    bodies = [json.loads(message.payload)[0] for message in recorder.messages(topic)]
    return [body.get('t', 0) + body.get('bt', 0) for body in bodies]


def empty(gateway):
    """What the broker has acknowledged is known here: a start says none of it again."""
    until(lambda: gateway.api('GET', 'status')[1]['queue']['readings'] == 0, 20, 'the queue is empty')


@pytest.mark.skipif(os.environ['GATEHOUSE_BED'] == 'plain', reason='nobody can say whether the clock is set')
def test_the_time_is_given(gateway, set_clock):
    """As text, or in CBOR where that is asked for; never from a cache."""
    with gateway.coap() as client:
        text = client.exchange(coap.GET, 'time')
        assert (text.code, text.content_format or 0, text.max_age) == (coap.CONTENT, coap.TEXT, 0), text
        cbor = client.exchange(coap.GET, 'time', options=[(coap.ACCEPT, coap.uint(coap.CBOR))])
        assert (cbor.code, cbor.content_format, cbor.max_age) == (coap.CONTENT, coap.CBOR, 0), cbor
    assert cbor.payload[0] == 0x1b and len(cbor.payload) == 9
    for seconds in (int(text.payload), int.from_bytes(cbor.payload[1:], 'big')):
        assert abs(seconds - time.time()) < 300


@pytest.mark.parametrize('skew', [-20 * YEAR, 12 * YEAR], ids=['behind', 'ahead'])
def test_two_wrong_clocks(make_gateway, broker, recorder, wrong_clock, skew):
    gateway = make_gateway(broker=broker).start(env=wrong_clock(skew))
    shown = gateway.api('GET', 'status')[1]['clock']
    assert shown['synced'] is False
    assert shown['now'][:4] == time.strftime('%Y', time.gmtime(time.time() + skew))
    one = let_in(gateway, 'dial', '--owner', 'Works Ltd')
    topic = 'gatehouse/bed/%s/telemetry' % one.id
    # It has no time to give, and says so.
    assert one.client.exchange(coap.GET, 'time').code == coap.code('5.03')
    for at in ABSOLUTE:
        send(one, [{'n': 'seq', 'v': 1, 't': at}])
    send(one, [{'n': 'seq', 'v': 2, 't': -60}])
    until(lambda: len(set(times(recorder, topic))) >= 3, 20, 'all three arrive')
    assert set(ABSOLUTE) < set(times(recorder, topic)), 'kept as they came'
    for message in recorder.messages(topic):
        assert message.user['gh-clock'] == 'unsynced'
        assert abs(float(message.user['gh-time']) - time.time() - skew) < 300
    empty(gateway)
    # The clock is set while it is off: in one start by years. What was let in stays in.
    gateway.terminate()
    gateway.start()
    assert gateway.api('GET', 'status')[1]['clock']['now'][:4] == time.strftime('%Y', time.gmtime())
    until(lambda: device(gateway, 'dial')['stage'] == 'active', 30, 'its lease is renewed')
    assert one.enrol().code == coap.CHANGED
    until(lambda: one.report(3).code == coap.CHANGED, 20)
    recorder.wait(topic, where=lambda got: abs(float(got.user['gh-time']) - time.time()) < 300)
    assert (one.state(one.enrol())['owner'], device(gateway, 'dial')['state']) == ('Works Ltd', 'approved')
    empty(gateway)
    # and back again: nobody is locked out by a clock that runs backwards either
    gateway.terminate()
    gateway.start(env=wrong_clock(-skew // 2))
    assert one.enrol().code == coap.CHANGED
    until(lambda: one.report(4).code == coap.CHANGED, 20)
    recorder.wait(topic, where=lambda got: json.loads(got.payload)[0]['v'] == 4)
    newcomer = PlainDevice(gateway, 'newcomer')
    gateway.ctl('window', 'open', '--minutes', 1)
    until(lambda: newcomer.enrol().code in (coap.CREATED, coap.CHANGED), 20, 'it is taken note of')
    gateway.ctl('approve', await_stage(gateway, 'newcomer', 'waiting-person')['id'])
    await_stage(gateway, 'newcomer', 'active')
    until(lambda: newcomer.report(1).code == coap.CHANGED, 20)
    numbers = [message.user['gh-id'].split('.')[1:] for message in recorder.messages(topic)]
    assert [list(map(int, number)) for number in numbers] == sorted(list(map(int, number)) for number in numbers)


def test_set_before_it_is_sent(make_gateway, broker, recorder, wrong_clock, work):
    """What came by a clock that nobody had set waits for the broker; meanwhile the clock is set, and each reading
    goes out with the time that it really came at. A device's own word of the time stays."""
    gateway = make_gateway(broker=broker).start(env=wrong_clock(-20 * YEAR))
    one = let_in(gateway, 'early')
    topic = 'gatehouse/bed/%s/telemetry' % one.id
    broker.stop()
    began = time.time()
    send(one, [{'n': 'ago', 'v': 1, 't': -60}])
    send(one, [{'n': 'said', 'v': 2, 't': ABSOLUTE[0]}])
    send(one, [{'n': 'now', 'v': 3}])
    ended = time.time()
    with open(os.path.join(work, 'clock-is-set'), 'w', encoding='ascii'):
        pass
    until(lambda: gateway.api('GET', 'status')[1]['clock']['synced'], 10, 'somebody has set it')
    broker.start()
    got = recorder.wait(topic, 3, timeout=60)
    for message in got:
        assert message.user['gh-clock'] == 'synced'
        assert began - 1 <= float(message.user['gh-time']) <= ended + 1, message.user
    ago, said, _ = times(recorder, topic)
    assert began - 61 <= ago <= ended - 59 and said == ABSOLUTE[0]
