# SPDX-License-Identifier: Apache-2.0
"""The form of what goes upstream, brokers of another age, and brokers that are somebody else."""

import base64
import json

import bed
from bed import Recorder, coap, until
from bed.certificates import Authority
from bed.old_broker import OldBroker, Touchy
from bed.plain import device, let_in
from bed.wait import stays


def readings(recorder, one, count):
    return recorder.wait('gatehouse/bed/%s/telemetry' % one.id, count)


def is_envelope(message, one):
    """The reading in an object of its own, with its marks beside it, and no property."""
    said = json.loads(message.payload)
    assert set(said) == {'gh', 'ct', 'body'} and not message.user
    assert message.content_type in ('application/json', None)
    assert set(said['gh']) == {'id', 'device', 'trust', 'time', 'clock'}
    assert said['gh']['id'].startswith('bed.') and said['gh']['device'] == one.id
    assert said['gh']['trust'] == 'plain' and float(said['gh']['time']) > 1.6e9
    return said


def report_both(one):
    """One reading that is SenML, and one of bytes that are nobody's format."""
    assert one.report(7).code == coap.CHANGED
    answer = one.client.exchange(coap.POST, 't', query={'ep': one.ep}, payload=b'\x00\xff\x7f',
                                 content_format=coap.OCTETS)
    assert answer.code == coap.CHANGED, answer


def both_are_envelopes(recorder, one):
    first, second = (is_envelope(message, one) for message in readings(recorder, one, 2)[:2])
    assert first['ct'] == coap.SENML_JSON
    assert first['body'] == [{'bn': one.id + '/', 'n': 'seq', 'v': 7}]
    assert second['ct'] == coap.OCTETS and base64.b64decode(second['body']) == b'\x00\xff\x7f'
    assert first['gh']['id'] != second['gh']['id']


def test_envelope(make_gateway, broker, recorder):
    """As configured, under MQTT 5 too; a reload changes it back."""
    gateway = make_gateway(broker=broker, config={'mqtt': {'envelope': 'json'}}).start()
    one = let_in(gateway, 'wrapped')
    report_both(one)
    both_are_envelopes(recorder, one)
    gateway.configure({'mqtt': {'envelope': 'properties'}})
    gateway.reload()
    assert one.report(8).code == coap.CHANGED
    bare = readings(recorder, one, 3)[2]
    assert bare.user['gh-v'] == '1' and json.loads(bare.payload)[0]['v'] == 8


def test_packed(make_gateway, broker, recorder):
    """What waited for the broker travels together: of one device, then of all of them. Each reading
    has its own id, in order, and none is missing or twice."""
    gateway = make_gateway(broker=broker, config={'mqtt': {'pack': 4}}).start()
    first, second = let_in(gateway, 'first'), let_in(gateway, 'second')

    def outage():
        broker.stop()
        until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20, 'the uplink is down')
        for value in range(10):
            assert first.report(value).code == second.report(value).code == coap.CHANGED
        broker.start()
        recorder.wait_subscribed(30)

    def came(topic, count):
        """What the messages on a topic hold, message by message, when 'count' readings are there."""
        def there():
            found = [json.loads(one.payload) for one in recorder.messages(topic)]
            return found if sum(map(len, found)) >= count else None
        return until(there, 30, '%d readings on %s' % (count, topic))
    outage()
    for one in (first, second):
        found = came('gatehouse/bed/%s/telemetry' % one.id, 10)
        assert len(found) < 10 and max(map(len, found)) == 4, found
        flat = [envelope for some in found for envelope in some]
        assert {envelope['gh']['device'] for envelope in flat} == {one.id}
        assert [envelope['body'][0]['v'] for envelope in flat] == list(range(10))
    gateway.configure({'mqtt': {'layout': 'gateway', 'pack': 16}})
    gateway.reload()
    outage()
    found = came('gatehouse/bed/telemetry', 20)
    assert max(map(len, found)) == 16, found
    flat = [envelope for some in found for envelope in some]
    for one in (first, second):
        assert [envelope['body'] for envelope in flat if envelope['gh']['device'] == one.id] == \
            [[{'bn': one.id + '/', 'n': 'seq', 'v': value}] for value in range(10)]
    ids = [tuple(map(int, envelope['gh']['id'].split('.')[1:])) for envelope in flat]
    assert len(set(ids)) == 20
    assert not [one for one in recorder.messages('gatehouse/bed/+/telemetry')
                if json.loads(one.payload)[0]['gh']['id'] in
                {envelope['gh']['id'] for envelope in flat}]


def test_a_broker_that_speaks_3_1_1_only(make_gateway, broker, recorder):
    """MQTT 5 is asked for, refused, and then everything works in the older one."""
    old = OldBroker(broker)
    gateway = make_gateway(config={'mqtt': {'host': '127.0.0.1', 'port': old.port, 'tls': False}})
    gateway.start()
    try:
        one = let_in(gateway, 'aged')
        report_both(one)
        both_are_envelopes(recorder, one)
        assert old.levels[:2] == [5, 4]
        assert gateway.ctl('status')['uplink']['detail'] == 'MQTT 3.1.1'
        # commands come as well, and what is answered goes to the topic beside them
        broker.await_subscription('gatehouse/bed/+/command/+')
        recorder.publish('gatehouse/bed/%s/command/beep' % one.id, b'{}')
        until(lambda: device(gateway, 'aged')['commands'], 20, 'it waits')

        def fetched():
            """What waits may not be on disk yet, and is given out when it is."""
            got = one.client.exchange(coap.GET, 'd/%s/c' % one.id, options=[(coap.ACCEPT, b'\x32')])
            return got if got.payload else None
        answer = until(fetched, 10, 'it is given out')
        one.client.exchange(coap.POST, 'd/%s/c' % one.id, content_format=coap.JSON,
                            payload=json.dumps({'cmd': json.loads(answer.payload)['cmd'], 'ok': True}))
        assert json.loads(recorder.wait('gatehouse/bed/%s/result/beep' % one.id)[0].payload)['ok']
        # the broker goes and comes: the version is found again
        broker.stop()
        until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20)
        assert one.report(9).code == coap.CHANGED
        broker.start()
        recorder.wait_subscribed(30)
        assert is_envelope(readings(recorder, one, 3)[2], one)['body'][0]['v'] == 9
        gateway.terminate()
    finally:
        old.close()


def test_a_broker_that_hangs_up_on_a_reading(make_gateway, broker, recorder):
    """MQTT 3.1.1 has no other word for what will never be taken. What waits behind it comes, the
    platform is told what does not, and a person sees why."""
    touchy = Touchy(broker, b'"v":666')
    gateway = make_gateway(config={'mqtt': {'host': '127.0.0.1', 'port': touchy.port, 'tls': False}})
    gateway.start()
    try:
        one, other = let_in(gateway, 'poisoned'), let_in(gateway, 'bystander')
        for each, value in ((one, 1), (other, 3)):
            assert each.report(value).code == coap.CHANGED
        until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 30, 'they are out')
        for value in (666, 2):
            assert one.report(value).code == coap.CHANGED
        assert other.report(4).code == coap.CHANGED
        came = recorder.wait('gatehouse/bed/%s/telemetry' % one.id, 2, 60)
        assert [json.loads(each.payload)['body'][0]['v'] for each in came] == [1, 2]
        recorder.wait('gatehouse/bed/%s/telemetry' % other.id, 2, 60)
        # It may hang up before it passed on that what came before the poison was taken.
        assert 3 <= touchy.hung_up <= 5
        gap = json.loads(recorder.wait('gatehouse/bed/%s/gap' % one.id)[0].payload)
        assert gap['count'] == 1 and 'hung up' in gap['reason']
        letters = gateway.ctl('queue', 'dead')['letters']
        assert [(each['device'], each['id'], each['reason']) for each in letters] == \
            [(one.id, gap['from'], 'the broker hung up on it three times')]
        assert letters[0]['bytes'] == len('[{"bn":"%s/","n":"seq","v":666}]' % one.id)
        assert 'hung up on it three times' in gateway.tool('queue', 'dead').stdout
        # A new start shows the same, and goes on.
        gateway.restart()
        assert gateway.ctl('queue', 'dead')['letters'] == letters
        assert one.report(5).code == coap.CHANGED
        until(lambda: gateway.ctl('status')['queue']['readings'] == 0, 30, 'all of it is out')
    finally:
        gateway.terminate()
        touchy.close()


def test_a_broker_of_another_name(make_gateway, work):
    """A certificate of the right authority for somebody else is nobody we talk to."""
    authority = Authority(work + '/authority')

    class Elsewhere:
        """Issues for a name that is not the one that is asked for."""

        @staticmethod
        def issue(_name, _alternatives):
            return authority.issue('elsewhere', ['DNS:elsewhere.example'])
    wrong = bed.Broker(work + '/wrong', certificates=Elsewhere, extra='log_type all').start()
    gateway = make_gateway(broker=wrong, config={
        'mqtt': {'host': 'localhost', 'tls': True, 'ca_file': authority.ca_file}}).start()
    gateway.wait_log('certificate')
    assert gateway.ctl('status')['uplink']['state'] != 'up'
    stays(lambda: ' as gatehouse-bed' not in wrong.log(), 1)
    wrong.stop()
    # the same authority, the right name, the same place
    right = bed.Broker(work + '/right', certificates=authority)
    right.start()
    gateway.terminate()
    gateway.configure({'mqtt': {'port': right.port}})
    gateway.start()
    recorder = Recorder(right)
    one = let_in(gateway, 'sure')
    assert one.report(1).code == coap.CHANGED
    readings(recorder, one, 1)
    recorder.close()
    right.stop()
