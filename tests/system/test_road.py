# SPDX-License-Identifier: Apache-2.0
"""The road of a reading: nothing that was acknowledged is lost, nothing goes out under another name."""

import json

from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, let_in, values


FAST = {'lan': {'device_rate': 1000, 'device_burst': 10000}}


def delivered(recorder, sensor):
    return set(values(recorder, sensor.id).values())


def await_all(recorder, sensor, timeout=40):
    until(lambda: set(sensor.acknowledged) <= delivered(recorder, sensor), timeout,
          'all that was acknowledged arrives')


def test_two_datagrams_for_a_reading(gateway, recorder):
    """CON, piggybacked 2.04: the commit takes no message of its own."""
    sensor = let_in(gateway, 'thrifty')
    assert sensor.report(0).code == coap.CHANGED
    thrifty = 0
    for value in range(1, 51):
        sent, received = len(sensor.client.sent), len(sensor.client.received)
        answer = sensor.report(value)
        assert answer.code == coap.CHANGED
        # A machine that stands still has it said again, or acknowledged before it is answered.
        thrifty += answer.type == coap.ACK and len(sensor.client.sent) - sent == 1 and \
            len(sensor.client.received) - received == 1
    assert thrifty >= 45
    await_all(recorder, sensor)
    assert len(values(recorder, sensor.id)) == 51


def test_retransmission_is_one_reading(gateway, recorder):
    sensor = let_in(gateway, 'stutter')
    sensor.report(0)
    request = sensor.client.message(coap.POST, 't', query={'ep': 'stutter'}, payload='[{"n":"seq","v":1}]',
                                    content_format=coap.SENML_JSON)
    for _ in range(3):
        sensor.client.send(request)
    first = sensor.client.await_answer(request)
    assert first.code == coap.CHANGED
    sensor.client.send(request)
    assert sensor.client.await_answer(request).code == coap.CHANGED
    sensor.report(2)
    recorder.wait('gatehouse/bed/%s/telemetry' % sensor.id, 3)
    assert sorted(values(recorder, sensor.id).values()) == [0, 1, 2]

    # A restart in between: what is still queued is known again.
    gateway.restart(kill=True)
    sensor.report(3)
    until(lambda: 3 in delivered(recorder, sensor), 20, 'the last one arrives')
    assert sorted(values(recorder, sensor.id).values()) == [0, 1, 2, 3]


def test_bad_readings_change_nothing(gateway, recorder):
    sensor = let_in(gateway, 'sloppy')
    cases = [
        ('{', coap.SENML_JSON, coap.BAD_REQUEST),
        ('[{"n":"a","v":1,"v":2}]', coap.SENML_JSON, coap.BAD_REQUEST),
        ('{"n":"a","v":1}', coap.SENML_JSON, coap.UNPROCESSABLE),
        ('[]', coap.SENML_JSON, coap.UNPROCESSABLE),
        ('[{"v":1}]', coap.SENML_JSON, coap.UNPROCESSABLE),
        ('[{"n":"a"}]', coap.SENML_JSON, coap.UNPROCESSABLE),
        ('[{"n":"a","v":1,"x_":1}]', coap.SENML_JSON, coap.UNPROCESSABLE),
        ('[{"n":"/a","v":1}]', coap.SENML_JSON, coap.UNPROCESSABLE),
        (json.dumps([{'n': 'a%d' % at, 'v': at} for at in range(129)]), coap.SENML_JSON, coap.TOO_LARGE),
        ('<a/>', 310, coap.UNSUPPORTED_FORMAT),
    ]
    for payload, content_format, expected in cases:
        answer = sensor.client.exchange(coap.POST, 't', query={'ep': 'sloppy'}, payload=payload,
                                        content_format=content_format)
        assert answer.code == expected, (payload[:60], answer)
    text = sensor.client.exchange(coap.POST, 't', query={'ep': 'sloppy', 'n': 'seq'}, payload='7',
                                  content_format=coap.TEXT)
    assert text.code == coap.CHANGED
    until(lambda: delivered(recorder, sensor) == {7}, 20, 'the only good one arrives')
    assert len(recorder.messages('gatehouse/bed/+/telemetry')) == 1


def test_rate_is_limited(make_gateway, broker):
    gateway = make_gateway(broker=broker, config={'lan': {'device_rate': 1, 'device_burst': 5}}).start()
    sensor = let_in(gateway, 'noisy')
    codes = [answer.code for answer in sensor.burst(0, 40)]
    assert codes[:5] == [coap.CHANGED] * 5 and coap.TOO_MANY in codes[5:]


def test_broker_down_at_start(make_gateway, broker, recorder):
    """Down when the gateway starts, and later for longer than its back-off: readings wait on disk."""
    recorder.close()
    broker.kill()
    gateway = make_gateway(broker=broker).start()
    sensor = let_in(gateway, 'patient')
    for value in range(20):
        assert sensor.report(value).code == coap.CHANGED
    status = gateway.ctl('status')
    assert status['uplink']['state'] != 'up' and status['queue']['readings'] == 20
    gateway.restart(kill=True)
    broker.start()
    from bed import Recorder
    late = Recorder(broker, 'late')
    await_all(late, sensor, 90)
    until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 30, 'the queue is empty')
    late.close()


def test_broker_away_mid_stream(make_gateway, broker, recorder):
    gateway = make_gateway(broker=broker, config=FAST).start()
    sensor = let_in(gateway, 'streamer')
    for value in range(30):
        sensor.report(value)
    await_all(recorder, sensor)
    broker.pause()
    for value in range(30, 60):
        assert sensor.report(value).code == coap.CHANGED
    broker.resume()
    broker.stop()
    for value in range(60, 90):
        assert sensor.report(value).code == coap.CHANGED
    broker.start()
    recorder.wait_subscribed(30)
    for value in range(90, 120):
        assert sensor.report(value).code == coap.CHANGED
    await_all(recorder, sensor, 90)
    order = list(values(recorder, sensor.id).items())
    assert [value for _, value in order] == sorted(value for _, value in order)
    rows = [int(key.rsplit('.', 1)[1]) for key, _ in order]
    assert rows == sorted(rows)


def test_kill_mid_stream(make_gateway, broker, recorder):
    """SIGKILL at any moment: what was answered 2.04 arrives, under the same gh-id if it comes twice."""
    gateway = make_gateway(broker=broker, config=FAST).start()
    sensor = let_in(gateway, 'survivor')
    value = 0
    for _ in range(5):
        for _ in range(20):
            value += 1
            assert sensor.report(value).code == coap.CHANGED
        gateway.restart(kill=True)
    await_all(recorder, sensor, 60)
    assert set(values(recorder, sensor.id).values()) == set(sensor.acknowledged)
    keys = list(values(recorder, sensor.id))
    assert len(keys) == len(set(keys))
    assert device(gateway, 'survivor')['stage'] == 'active'
    assert device(gateway, 'survivor')['operation']['number'] == 1


def test_kill_mid_onboarding(gateway):
    """SIGKILL while it is enrolled and approved: one record, one operation, and it ends active."""
    from bed.plain import open_window
    sensor = PlainDevice(gateway, 'halfway')
    open_window(gateway)
    sensor.enrol(display=True)
    gateway.restart(kill=True)
    assert device(gateway, 'halfway')['stage'] == 'waiting-person'
    one = device(gateway, 'halfway')
    gateway.ctl('admit', one['id'])
    await_stage(gateway, 'halfway', 'waiting-code')
    code = sensor.state(sensor.enrol(display=True))['code']
    for _ in range(3):
        gateway.restart(kill=True)
        assert device(gateway, 'halfway')['operation']['state'] == 'awaiting'
        assert device(gateway, 'halfway')['operation']['number'] == 1
    gateway.ctl('approve', one['id'], '--code', code)
    gateway.restart(kill=True)
    await_stage(gateway, 'halfway', 'active')
    assert device(gateway, 'halfway')['operation']['number'] == 1
    assert gateway.ctl('devices')['total'] == 1
    assert sensor.report(1).code == coap.CHANGED


def test_revoke_stops_at_once(gateway, broker, recorder):
    """After the answer to 'revoke' nothing of the device arrives, not even what was waiting."""
    sensor = let_in(gateway, 'goner')
    other = let_in(gateway, 'stayer')
    for value in range(20):
        sensor.report(value)
    await_all(recorder, sensor)
    broker.pause()
    for value in range(20, 60):
        assert sensor.report(value).code == coap.CHANGED
        assert other.report(value).code == coap.CHANGED
    gateway.ctl('revoke', sensor.id, timeout=30)
    arrived = len(recorder.messages('gatehouse/bed/%s/telemetry' % sensor.id))
    assert sensor.report(100).code == coap.FORBIDDEN
    broker.resume()
    await_all(recorder, other, 60)
    recorder.wait('gatehouse/bed/%s/status' % sensor.id, timeout=30,
                  where=lambda got: json.loads(got.payload)['state'] == 'revoked')
    late = recorder.messages('gatehouse/bed/%s/telemetry' % sensor.id)[arrived:]
    # What the broker had taken in before it froze may come out of it; it was sent before the answer.
    assert {json.loads(one.payload)[0]['v'] for one in late} <= set(range(20, 60))
    until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 30, 'the queue is empty')
    gateway.restart(kill=True)
    assert sensor.report(101).code == coap.FORBIDDEN
    assert device(gateway, 'goner')['credential']['state'] == 'none'
    assert 101 not in delivered(recorder, sensor) and 100 not in delivered(recorder, sensor)


def test_what_is_missing_is_told(make_gateway, broker, recorder):
    """Revoked while the broker is away: the platform hears which readings will never come."""
    from bed import Recorder
    gateway = make_gateway(broker=broker).start()
    sensor = let_in(gateway, 'gapped')
    sensor.report(0)
    await_all(recorder, sensor)
    sent = next(iter(values(recorder, sensor.id)))
    until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 20, 'the queue is empty')
    recorder.close()
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
    for value in range(1, 6):
        assert sensor.report(value).code == coap.CHANGED
    gateway.ctl('revoke', sensor.id, timeout=30)
    gateway.restart()
    broker.start()
    late = Recorder(broker, 'late')
    topic = 'gatehouse/bed/%s/' % sensor.id
    late.wait(topic + 'gap', timeout=60)
    prefix, row = sent.rsplit('.', 1)
    assert json.loads(late.messages(topic + 'gap')[0].payload) == {
        'from': '%s.%d' % (prefix, int(row) + 1), 'to': '%s.%d' % (prefix, int(row) + 5),
        'count': 5, 'reason': 'revoked'}
    # It was taken: the next start has nothing more to tell.
    until(lambda: gateway.ctl('queue')['gaps'] == [], 20, 'the broker has acknowledged it')
    gateway.restart()
    until(lambda: gateway.ctl('status')['uplink']['state'] == 'up', 20, 'the uplink is up again')
    late.wait(topic + 'status', 3, 20)
    assert len(late.messages(topic + 'gap')) == 1
    assert not late.messages(topic + 'telemetry')
    late.close()


def test_lease_is_renewed(make_gateway, broker, recorder):
    """The registration token of 'local' is a lease: refreshed at half of its life, by itself."""
    gateway = make_gateway(broker=broker, config={'platform': {'local_lease': 20}}).start()
    sensor = let_in(gateway, 'tenant')
    first = device(gateway, 'tenant')['credential']
    assert first['state'] == 'held' and first['expires'] > first['since']
    def renewed():
        now = device(gateway, 'tenant')['credential']
        return now['since'] != first['since'] and now['state'] == 'held'
    until(renewed, 30, 'it is renewed')
    assert sensor.report(1).code == coap.CHANGED
    await_all(recorder, sensor)
