# SPDX-License-Identifier: Apache-2.0
"""Commands from the platform to the devices, in each way that a device listens, and the results."""

import json
import select

import pytest

from bed import Recorder, coap, until
from bed.plain import await_stage, device, let_in, open_window
from bed.wait import stays
from bed.standard import StandardDevice


def listens(gateway, broker):
    """From here on a command that somebody sends reaches the gateway."""
    broker.await_subscription('gatehouse/bed/+/command/+')
    return gateway


@pytest.fixture
def gateway(gateway, broker):
    return listens(gateway, broker)


def topic(one, kind, name):
    return 'gatehouse/bed/%s/%s/%s' % (one.id, kind, name)


def command(recorder, one, name, args=b'{}', **properties):
    recorder.publish(topic(one, 'command', name), args, **properties)


def waiting(gateway, one):
    return [each['name'] for each in device(gateway, one.ep)['commands']]


def await_waiting(gateway, one, *names):
    until(lambda: waiting(gateway, one) == list(names), 20, '%r wait' % (names,))


def ask(one, **parts):
    """GET /d/<id>/c: the command as a dict, or None."""
    answer = one.client.exchange(coap.GET, 'd/%s/c' % one.id, options=[(coap.ACCEPT, b'\x32')],
                                 **parts)
    assert answer.code == coap.CONTENT and answer.max_age == 0, answer
    return json.loads(answer.payload) if answer.payload else None


def done(one, cmd, ok=True, **more):
    return one.client.exchange(coap.POST, 'd/%s/c' % one.id, content_format=coap.JSON,
                               payload=json.dumps({'cmd': cmd, 'ok': ok, **more}))


def result(recorder, one, name, count=1):
    return json.loads(recorder.wait(topic(one, 'result', name), count)[count - 1].payload)


def sleeper(gateway, recorder, seconds):
    """A device that sleeps hears of its command with its next reading, and never twice after."""
    one = let_in(gateway, 'sleeper')
    assert not one.report(1).payload
    command(recorder, one, 'set-rate', b'{"seconds": 60}')
    await_waiting(gateway, one, 'set-rate')
    one.client.close()  # asleep, and its port with it
    stays(lambda: waiting(gateway, one) == ['set-rate'], seconds)
    one.client = coap.Client('127.0.0.1', gateway.coap_port)
    hint = one.report(2)
    assert hint.content_format == coap.CBOR and hint.payload == b'\xa1\x61c\x01'
    got = ask(one)
    assert got['name'] == 'set-rate' and got['args'] == {'seconds': 60}
    assert ask(one) == got  # at least once: until it has answered
    assert done(one, got['cmd'], result={'was': 5}).code == coap.CHANGED
    assert result(recorder, one, 'set-rate') == {'cmd': got['cmd'], 'ok': True,
                                                 'result': {'was': 5}}
    assert not one.report(3).payload and ask(one) is None
    # said again it is a repetition
    assert done(one, got['cmd'], ok=False).code == coap.CHANGED
    assert len(recorder.messages(topic(one, 'result', 'set-rate'))) == 1


def test_a_sleeping_device(gateway, recorder):
    sleeper(gateway, recorder, 30)


@pytest.mark.long
@pytest.mark.deadline(800)
def test_a_device_that_sleeps_for_ten_minutes(gateway, recorder):
    sleeper(gateway, recorder, 600)


def test_a_reading_without_an_answer(gateway, recorder):
    """NON: its 2.04 is a NON, and says it too."""
    one = let_in(gateway, 'non')
    command(recorder, one, 'beep')
    await_waiting(gateway, one, 'beep')
    answer = one.report(1, type=coap.NON)
    assert answer.type == coap.NON and answer.payload == b'\xa1\x61c\x01'


def test_what_was_acknowledged_survives(gateway, recorder, broker):
    """Killed right after the broker saw the acknowledgement, again and again, and with the broker
    holding what comes meanwhile: each command is there once it was taken, and numbers stay."""
    one = let_in(gateway, 'survivor')
    for number in range(4):
        command(recorder, one, 'c%d' % number, b'%d' % number)
        if number % 2:
            gateway.kill()
            command(recorder, one, 'away', expiry=1000)  # QoS 1: the broker keeps it
            gateway.start()
        expected = {'c%d' % number} | ({'away'} if number % 2 else set())
        until(lambda: expected <= set(waiting(gateway, one)), 30, '%s wait' % expected)
        await_got = ask(one)
        assert done(one, await_got['cmd']).code == coap.CHANGED
        while (got := ask(one)) is not None:
            assert int(got['cmd']) > int(await_got['cmd'])
            assert done(one, got['cmd']).code == coap.CHANGED
    for number in range(4):
        assert result(recorder, one, 'c%d' % number)['ok']
    # a result that the platform does not have is kept as well
    command(recorder, one, 'late')
    await_waiting(gateway, one, 'late')
    recorder.close()
    broker.kill()
    assert done(one, ask(one)['cmd'], result=7).code == coap.CHANGED
    gateway.restart(kill=True)
    broker.start()
    again = Recorder(broker, 'again')
    assert result(again, one, 'late')['result'] == 7
    again.close()


def test_answered_where_the_asker_wants_it(gateway, recorder):
    one = let_in(gateway, 'server')
    command(recorder, one, 'ping', response='answers/anna', correlation=b'\x00\xff42')
    await_waiting(gateway, one, 'ping')
    done(one, ask(one)['cmd'])
    answer, = recorder.wait('answers/anna')
    assert answer.correlation == b'\x00\xff42' and json.loads(answer.payload)['ok']
    # nobody makes the gateway speak in another device's name
    command(recorder, one, 'ping', response='gatehouse/bed/other/telemetry')
    await_waiting(gateway, one, 'ping')
    done(one, ask(one)['cmd'])
    assert result(recorder, one, 'ping')['ok']
    assert not recorder.messages('gatehouse/bed/other/#')


def test_refused_and_expired(make_gateway, broker, recorder):
    gateway = make_gateway(broker=broker, config={'mqtt': {'command_expiry': 600}}).start()
    listens(gateway, broker)
    one = let_in(gateway, 'busy')
    cases = [(b'{', {}, 'JSON'), (b'x' * 513, {}, '512'), (b'[[[[1]]]]', {}, 'deep'),
             (b'{}', {'correlation': b'x' * 200}, 'too long'),
             (b'{"a":1,"a":2}', {}, 'JSON'), (b'\xff\x00', {}, 'JSON')]
    for count, (args, properties, why) in enumerate(cases, 1):
        command(recorder, one, 'bad', args, **properties)
        answer = result(recorder, one, 'bad', count)
        assert answer['cmd'] is None and not answer['ok'] and why in answer['reason']
    for number in range(5):
        command(recorder, one, 'n%d' % number)
    assert 'too many' in result(recorder, one, 'n4')['reason']
    await_waiting(gateway, one, 'n0', 'n1', 'n2', 'n3')
    for _ in range(4):
        done(one, ask(one)['cmd'])
    command(recorder, one, 'soon', expiry=2)
    expired = result(recorder, one, 'soon')
    assert expired['cmd'] and not expired['ok'] and expired['reason'] == 'expired'
    assert ask(one) is None
    # retained ones are never taken, also not by a gateway that starts anew
    recorder.publish(topic(one, 'command', 'reboot'), b'{}', retain=True)
    command(recorder, one, 'behind')
    await_waiting(gateway, one, 'behind')
    done(one, ask(one)['cmd'])
    gateway.restart()
    # what is no command of a device is passed over
    for where in ('gatehouse/bed/nobody/command/x', topic(one, 'command', 'a b'),
                  topic(one, 'command', 'x') + '/y', topic(one, 'command', 'n' * 65)):
        recorder.publish(where, b'{}')
    command(recorder, one, 'mark')
    await_waiting(gateway, one, 'mark')
    gateway.ctl('revoke', one.id)
    assert 'not approved' in result(recorder, one, 'mark')['reason']
    command(recorder, one, 'after')
    assert 'not approved' in result(recorder, one, 'after')['reason']


def test_a_flood_from_the_broker(gateway, recorder):
    """What a broker sends without end is answered or counted, and the road stays open."""
    one = let_in(gateway, 'flooded')
    for number in range(300):
        command(recorder, one, 'f', b'{"n":%d}' % number)
    for number in range(20):
        recorder.publish(topic(one, 'command', 'large'), b'[' * 65000, qos=0)
    command(recorder, one, 'last')
    assert 'too many' in result(recorder, one, 'last')['reason']
    assert one.report(1).code == coap.CHANGED
    # The broker was told that all of them arrived: none is gone without a word.
    until(lambda: len(recorder.messages(topic(one, 'result', 'f'))) == 296, 30, 'all are answered')
    assert len(waiting(gateway, one)) == 4
    recorder.wait(topic(one, 'telemetry', '')[:-1])


def test_not_for_others(gateway, recorder):
    one, other = let_in(gateway, 'one'), let_in(gateway, 'other', host='127.0.0.2')
    command(recorder, one, 'secret')
    await_waiting(gateway, one, 'secret')
    path = 'd/%s/c' % one.id
    assert other.client.exchange(coap.GET, path).code == coap.NOT_FOUND
    answer = other.client.exchange(coap.POST, path, content_format=coap.JSON,
                                   payload=b'{"cmd":"1","ok":true}')
    assert answer.code == coap.NOT_FOUND
    assert ask(other) is None
    assert waiting(gateway, one) == ['secret']
    gateway.ctl('suspend', one.id)
    assert one.client.exchange(coap.GET, path).code == coap.FORBIDDEN


def test_observed(gateway, recorder):
    """RFC 7641 at tier plain: told of each new oldest command, until a reset."""
    one = let_in(gateway, 'watcher')
    request = one.client.message(coap.GET, 'd/%s/c' % one.id, token=b'watch',
                                 options=[(coap.OBSERVE, b''), (coap.ACCEPT, b'\x32')])
    one.client.send(request)
    first = one.client.await_answer(request)
    assert first.code == coap.CONTENT and first.number(coap.OBSERVE) is not None
    assert not first.payload
    seen = []

    def told():
        """The next notification. What is not acknowledged soon is said again, and is no next one."""
        while True:
            got = one.client.receive(20)
            if got.type == coap.CON and got.mid not in seen:
                seen.append(got.mid)
                return got
    command(recorder, one, 'blink')
    blink = told()
    assert blink.token == b'watch' and blink.number(coap.OBSERVE) > first.number(coap.OBSERVE)
    assert json.loads(blink.payload)['name'] == 'blink'
    one.client.send(coap.Message(coap.ACK, coap.EMPTY, blink.mid))
    assert done(one, json.loads(blink.payload)['cmd']).code == coap.CHANGED
    nothing = told()
    assert nothing.token == b'watch' and not nothing.payload
    one.client.send(coap.Message(coap.RST, coap.EMPTY, nothing.mid))
    assert all(again.mid in seen for again in one.client.settled())
    command(recorder, one, 'beep')
    await_waiting(gateway, one, 'beep')
    assert one.client.silent(1)


class CommandedDevice(StandardDevice):
    """A server with a gatehouse.command resource."""

    def __init__(self):
        self.commands, self.awake = [], True
        super().__init__(links='</info>;rt="gatehouse.info",</do>;rt="gatehouse.command";ct=50')

    def serve(self):
        while self.running:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data, sender = self.socket.recvfrom(2048)
            message = coap.Message.decode(data)
            if message.code == coap.POST and self.awake:
                self.obey(message, sender)
            elif message.code == coap.GET:
                self.serve_one(message, sender)
            elif message.code >= 64:
                with self.lock:
                    self.answers.append(message)
                    self.lock.notify_all()

    def obey(self, message, sender):
        got = json.loads(message.payload)
        self.commands.append(got)
        answer = coap.Message(coap.ACK, coap.CHANGED, message.mid, message.token)
        if got['name'] == 'fly':
            answer.code = coap.code('4.05')
        elif got['name'] == 'read':
            answer.options.append((coap.CONTENT_FORMAT, coap.uint(coap.JSON)))
            answer.payload = json.dumps({'cmd': got['cmd'], 'ok': True, 'result': 4.5}).encode()
        self.socket.sendto(answer.encode(), sender)


def test_posted_to_a_server(gateway, recorder):
    with CommandedDevice() as lamp:
        lamp.ep = 'lamp'
        made = lamp.ask(gateway, coap.POST, 'rd', ['ep=lamp', 'lt=3600'], lamp.links.encode(),
                        coap.LINK_FORMAT)
        assert made.code == coap.CREATED
        open_window(gateway)
        lamp.id = await_stage(gateway, 'lamp', 'waiting-person')['id']
        gateway.ctl('approve', lamp.id)
        await_stage(gateway, 'lamp', 'active')
        command(recorder, lamp, 'read', b'{"what":"temperature"}')
        assert result(recorder, lamp, 'read')['result'] == 4.5
        assert lamp.commands[0]['args'] == {'what': 'temperature'}
        command(recorder, lamp, 'blink')
        assert result(recorder, lamp, 'blink')['ok']
        command(recorder, lamp, 'fly')
        assert result(recorder, lamp, 'fly')['reason'] == 'the device answered 4.05'
        # asleep: it waits, over a restart too, and is tried again
        lamp.awake = False
        command(recorder, lamp, 'long', b'"' + b'x' * 400 + b'"')
        await_waiting(gateway, lamp, 'long')
        gateway.restart(kill=True)
        lamp.awake = True
        lamp.ask(gateway, coap.POST, made.location)
        assert result(recorder, lamp, 'long')['ok']
        assert lamp.commands[-1]['args'] == 'x' * 400
