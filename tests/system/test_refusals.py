# SPDX-License-Identifier: Apache-2.0
"""The device contract, line by line: each form of telemetry that is taken, and each refusal that it
names. The rows below are the requests; what they need more than one device for is tested elsewhere:

    4.01 + Echo            attacks/test_hostile.py, test_foreign.py
    4.09 the name is another's   test_onboarding.py, test_binding.py, test_claim.py
    4.29 new names         test_onboarding.py, attacks/test_lan.py
    5.03 cannot store      test_road.py, tests/fault/test_disk.py
    incomplete blocks      test_discovery.py
    commands               test_commands.py
    a higher tier's name   test_psk.py
    a wrong proof          test_claim.py
"""

import json
import struct

from bed import coap, until
from bed.plain import PlainDevice, await_stage, let_in, open_window
from bed.wait import stays


def number(major, value):
    """A CBOR head: major type and value."""
    for bits, code in ((8, 24), (16, 25), (32, 26)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << bits:
            return bytes([major << 5 | code]) + value.to_bytes(bits // 8, 'big')
    raise ValueError(value)


def cbor(value):
    """As much of RFC 8949 as a device needs."""
    if isinstance(value, bool):
        return b'\xf5' if value else b'\xf4'
    if isinstance(value, int):
        return number(0, value) if value >= 0 else number(1, -1 - value)
    if isinstance(value, float):
        return b'\xfb' + struct.pack('!d', value)
    if isinstance(value, bytes):
        return number(2, len(value)) + value
    if isinstance(value, str):
        return number(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return number(4, len(value)) + b''.join(map(cbor, value))
    return number(5, len(value)) + b''.join(cbor(key) + cbor(one) for key, one in value.items())


def text(value):
    return json.dumps(value).encode()


def words(count):
    """So many records of 282 to 283 bytes."""
    return text([{'n': 'n%d' % at, 'vs': 'x' * 256} for at in range(count)])


# name: format, body, more of the query, what arrives (SenML names and values, or the bytes themselves)
TAKEN = {
    'senml-json': (coap.SENML_JSON, text([{'n': 'a', 'u': 'Cel', 'v': 20.5}]), {}, {'a': 20.5}),
    'senml-json-base-name': (coap.SENML_JSON, text([{'bn': 'x/', 'n': 'a', 'v': 1}, {'n': 'b', 'v': 2}]), {},
                             {'x/a': 1, 'x/b': 2}),
    'senml-cbor': (coap.SENML_CBOR, cbor([{0: 'a', 2: 3}, {0: 'b', 3: 'open'}, {0: 'c', 4: True}]), {},
                   {'a': 3, 'b': 'open', 'c': True}),
    'map-json': (coap.JSON, text({'a': 1, 'b': 'on', 'c': False}), {}, {'a': 1, 'b': 'on', 'c': False}),
    'map-cbor': (coap.CBOR, cbor({'a': 1.5, 'b': 'on', 'c': True}), {}, {'a': 1.5, 'b': 'on', 'c': True}),
    'long-text': (coap.SENML_JSON, text([{'n': 'a', 'vs': 'x' * 800}]), {}, {'a': 'x' * 800}),
    'text-number': (coap.TEXT, b'21.5', {'n': 'level'}, {'level': 21.5}),
    'text': (coap.TEXT, b'ajar', {}, {'value': 'ajar'}),
    'opaque': (coap.OCTETS, bytes(range(256)) * 4, {}, bytes(range(256)) * 4),
    'most-records': (coap.SENML_JSON, text([{'n': 'n%d' % at, 'v': at} for at in range(128)]), {},
                     {'n%d' % at: at for at in range(128)}),
    'longest': (coap.SENML_JSON, words(29), {}, {'n%d' % at: 'x' * 256 for at in range(29)}),
}

REFUSED = {
    'broken-json': (coap.SENML_JSON, b'[{"n":"a","v":1}', {}, '4.00'),
    'broken-json-map': (coap.JSON, b'{"a":', {}, '4.00'),
    'broken-cbor': (coap.SENML_CBOR, b'\x81\xa2\x00', {}, '4.00'),
    'broken-cbor-map': (coap.CBOR, b'\xa2\x61', {}, '4.00'),
    'too-long': (coap.SENML_JSON, words(30), {}, '4.13'),
    'too-many-records': (coap.SENML_JSON, text([{'n': 'n%d' % at, 'v': at} for at in range(129)]), {}, '4.13'),
    'opaque-too-long': (coap.OCTETS, bytes(1025), {}, '4.13'),
    'unknown-format': (41, b'<a/>', {}, '4.15'),
    'no-senml': (coap.SENML_JSON, b'[{"n":"a","v":"text"}]', {}, '4.22'),
    'no-value': (coap.SENML_JSON, b'[{"n":"a"}]', {}, '4.22'),
    'a-map-is-no-senml': (coap.SENML_JSON, b'{"a":1}', {}, '4.22'),
    'senml-cbor-no-senml': (coap.SENML_CBOR, cbor([{0: 'a', 2: 'text'}]), {}, '4.22'),
    'name-no-senml': (coap.JSON, b'{"a b":1}', {}, '4.22'),
    'nested-map': (coap.JSON, b'{"a":{"b":1}}', {}, '4.22'),
}


def send(one, form, body, query):
    query = {'ep': one.ep, **query}
    if len(body) > 1024:
        return one.client.upload('t', body, 512, query=query, content_format=form)
    return one.client.exchange(coap.POST, 't', query=query, payload=body, content_format=form)


def value_of(record):
    return next(record[key] for key in ('v', 'vs', 'vb') if key in record)


def test_each_form_of_telemetry(gateway, recorder):
    """What is taken arrives as the contract says; what is refused gets its answer, and leaves nothing."""
    one = let_in(gateway, 'meter')
    topic = 'gatehouse/bed/%s/telemetry' % one.id
    for name, (form, body, query, arrives) in TAKEN.items():
        before = len(recorder.messages(topic))
        assert send(one, form, body, query).code == coap.CHANGED, name
        message = recorder.wait(topic, before + 1)[-1]
        if isinstance(arrives, bytes):
            assert message.payload == arrives, name
            continue
        records = json.loads(message.payload)
        assert records[0]['bn'] == one.id + '/', name
        assert {record['n']: value_of(record) for record in records} == arrives, name
    count = len(recorder.messages(topic))
    for name, (form, body, query, code) in REFUSED.items():
        assert coap.code_text(send(one, form, body, query).code) == code, name
    assert send(one, coap.TEXT, b'last', {}).code == coap.CHANGED
    assert [value_of(json.loads(message.payload)[0]) for message in recorder.wait(topic, count + 1)[count:]] \
        == ['last'], 'nothing of the refused ones'


def test_times(gateway, recorder):
    """Absolute ones are kept; relative ones count from the arrival."""
    one = let_in(gateway, 'timer')
    topic = 'gatehouse/bed/%s/telemetry' % one.id
    records = [{'n': 'absolute', 'v': 1, 't': 1700000000}, {'n': 'now', 'v': 2}, {'n': 'ago', 'v': 3, 't': -60}]
    assert send(one, coap.SENML_JSON, text(records), {}).code == coap.CHANGED
    message = recorder.wait(topic)[-1]
    arrived = float(message.user['gh-time'])
    base, times = 0, {}
    for record in json.loads(message.payload):
        base = record.get('bt', base)
        times[record['n']] = base + record['t'] if 't' in record or base else None
    assert times['absolute'] == 1700000000
    assert abs(times['ago'] - (arrived - 60)) < 2
    assert times['now'] is None or abs(times['now'] - arrived) < 2


def test_without_an_answer(gateway, recorder):
    """NON and No-Response are honoured: the reading counts, and nobody is answered who did not want it."""
    one = let_in(gateway, 'mute')
    topic = 'gatehouse/bed/%s/telemetry' % one.id
    client = one.client
    nothing = [(coap.NO_RESPONSE, coap.uint(26))]

    def say(kind, payload, form=coap.TEXT):
        request = client.message(coap.POST, 't', query={'ep': 'mute'}, payload=payload, content_format=form,
                                 options=nothing, type=kind)
        client.send(request)
        return request
    request = say(coap.CON, b'1')
    answer = client.receive(10)
    assert (answer.type, answer.code, answer.mid) == (coap.ACK, coap.EMPTY, request.mid), 'received, no more'
    recorder.wait(topic, 1)
    say(coap.NON, b'2')
    recorder.wait(topic, 2)
    # one that cannot be taken is not answered either
    say(coap.NON, b'{', coap.SENML_JSON)
    assert client.silent(0.5) and len(recorder.messages(topic)) == 2


def test_over_the_rate(make_gateway, broker):
    """Ten a second and a hundred saved is what a site may set lower; who is over it is told for how long."""
    gateway = make_gateway(broker=broker, config={'lan': {'device_rate': 2}}).start()
    one, other = let_in(gateway, 'eager'), let_in(gateway, 'calm', host='127.0.0.2')
    answers = one.burst(0, 200)
    assert {answer.code for answer in answers[:100]} == {coap.CHANGED}
    put_off = [answer for answer in answers if answer.code != coap.CHANGED]
    assert put_off and all(answer.code == coap.TOO_MANY and answer.max_age >= 1 for answer in put_off)
    assert other.report(1).code == coap.CHANGED, 'the other one is not'
    until(lambda: one.report(-1).code == coap.CHANGED, 20, 'and it is over')


# name: body, format, answer
ENROLMENTS = {
    'model-too-long': (text({'model': 'x' * 65}), coap.JSON, '4.00'),
    'seventeen-attributes': (text({'attributes': {'k%d' % at: 'v' for at in range(17)}}), coap.JSON, '4.00'),
    'attribute-too-long': (text({'attributes': {'k': 'v' * 257}}), coap.JSON, '4.00'),
    'attribute-no-text': (text({'attributes': {'k': 1}}), coap.JSON, '4.00'),
    'code-of-other-letters': (text({'code': 'AAAA-AAAA'}), coap.JSON, '4.00'),
    'display-no-bool': (text({'display': 1}), coap.JSON, '4.00'),
    'nonce-too-short': (text({'nonce': 'AAAAAAAAAA', 'proof': 'A' * 22}), coap.JSON, '4.00'),
    'proof-too-short': (text({'nonce': 'A' * 16, 'proof': 'A' * 20}), coap.JSON, '4.00'),
    'another-version': (text({'v': 2}), coap.JSON, '4.00'),
    'cbor-no-map': (cbor([1]), coap.CBOR, '4.00'),
    'token-in-clear': (cbor({'pt': 'canary-pt'}), coap.CBOR, '4.00'),
    'unknown-format': (b'<a/>', 41, '4.15'),
    'unknown-keys-pass': (cbor({'model': 'T', 'shoe': 45}), coap.CBOR, '2.01'),
}


def test_enrolments_and_what_belongs_to_one_device(gateway):
    """Each refusal of /enrol, of /d/<id> and of its commands."""
    stranger = PlainDevice(gateway, 'stranger', host='127.0.0.3')
    answer = stranger.enrol()
    assert (answer.code, answer.max_age) == (coap.UNAVAILABLE, 60), 'no window is open'
    open_window(gateway)
    one = PlainDevice(gateway, 'odd')
    for name, (body, form, code) in ENROLMENTS.items():
        answer = one.client.exchange(coap.POST, 'enrol', query={'ep': 'odd'}, payload=body, content_format=form)
        assert coap.code_text(answer.code) == code, name
    record = await_stage(gateway, 'odd', 'waiting-person')
    own = 'd/%s' % record['id']
    assert one.client.exchange(coap.GET, own).code == coap.CONTENT
    assert stranger.client.exchange(coap.GET, own).code == coap.NOT_FOUND
    assert one.client.exchange(coap.GET, 'd/no-such-one').code == coap.NOT_FOUND
    assert one.client.exchange(coap.GET, own + '/c').code == coap.FORBIDDEN, 'not approved'
    assert one.report(1).code == coap.FORBIDDEN and stranger.report(1).code == coap.FORBIDDEN
    gateway.ctl('approve', record['id'])
    await_stage(gateway, 'odd', 'active')
    for payload, form, code in ((b'{"ok":true}', coap.JSON, '4.00'), (b'{', coap.JSON, '4.00'),
                                (b'ok', coap.TEXT, '4.15')):
        answer = one.client.exchange(coap.POST, own + '/c', payload=payload, content_format=form)
        assert coap.code_text(answer.code) == code, payload
    assert one.client.exchange(coap.PUT, own + '/c').code == coap.code('4.05')
    assert stranger.client.exchange(coap.GET, own + '/c').code == coap.NOT_FOUND
    gateway.ctl('revoke', record['id'])
    gateway.ctl('block', record['id'])
    assert one.enrol().code == coap.FORBIDDEN and one.report(1).code == coap.FORBIDDEN, 'blocked'
    stays(lambda: one.enrol().code == coap.FORBIDDEN, 0.3)
