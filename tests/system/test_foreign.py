# SPDX-License-Identifier: Apache-2.0
"""Devices that somebody else wrote: libcoap's coap-client and coap-server, and node-coap, as devices
that come by themselves, that register, and that are asked."""

import base64
import json
import os
import re
import socket
import subprocess

from bed import enter, until
from bed.foreign import coap_client
from bed.label import Label
from bed.plain import await_stage, device, open_window, values
from bed.wait import free_port

NODE_DEVICE = os.path.join(os.path.dirname(__file__), 'node-device.js')
NODE_REGISTRANT = os.path.join(os.path.dirname(__file__), 'node-registrant.js')


def test_libcoap_client(gateway, recorder):
    port = free_port(socket.SOCK_DGRAM)
    open_window(gateway)

    def enrolled():
        coap_client('post', gateway.coap_port, 'enrol?ep=libcoap', '{"model":"coap-client"}', 50, port)
        return any(one['ep'] == 'libcoap' for one in gateway.ctl('devices')['devices'])
    until(enrolled, 40, 'coap-client is enrolled')
    one = await_stage(gateway, 'libcoap', 'waiting-person')
    assert one['model'] == 'coap-client'
    gateway.ctl('approve', one['id'])
    await_stage(gateway, 'libcoap', 'active')
    said = coap_client('post', gateway.coap_port, 't?ep=libcoap', '[{"n":"seq","v":3}]', 110, port)
    assert not re.search(r'\b[45]\.\d\d\b', said), said
    recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])
    assert set(values(recorder, one['id']).values()) == {3}


def test_node_coap(gateway, recorder):
    open_window(gateway)
    node = subprocess.Popen(['node', NODE_DEVICE, '127.0.0.1', str(gateway.coap_port), 'node-1', '5'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              cwd=os.path.join(enter.ROOT, 'tests'))
    try:
        one = await_stage(gateway, 'node-1', 'waiting-person')
        gateway.ctl('approve', one['id'])
        output, _ = node.communicate(timeout=240)
    finally:
        node.kill()
        node.wait()
    events = [json.loads(line) for line in output.splitlines()]
    acknowledged = [event['value'] for event in events if event['event'] == 'acknowledged']
    assert acknowledged == [1, 2, 3, 4, 5], events
    recorder.wait('gatehouse/bed/%s/telemetry' % one['id'], 5)
    assert sorted(values(recorder, one['id']).values()) == [1, 2, 3, 4, 5]


class Registrant:
    """node-registrant.js: step() is one of its steps, and what it was answered."""

    def __init__(self, work, gateway, ep):
        self.name, self.path = 'node-registrant', os.path.join(work, 'node-registrant.log')
        with open(self.path, 'ab') as log:
            self.process = subprocess.Popen(
                ['node', NODE_REGISTRANT, '127.0.0.1', str(gateway.coap_port), ep],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True,
                cwd=os.path.join(enter.ROOT, 'tests'))
        until(lambda: self.events('listening'), 40, 'it listens')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def events(self, kind):
        with open(self.path, encoding='utf-8') as log:
            found = [json.loads(line) for line in log if line.startswith('{') and line.endswith('}\n')]
        return [one for one in found if one['event'] == kind]

    def step(self, line, kind=None):
        before = len(self.events(kind or line))
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        return until(lambda: self.events(kind or line)[before:], 60, line)[0]


def test_node_coap_registers(make_gateway, broker, recorder, work):
    """From its registration to its removal: listed, asked, approved, read; an update holds its place,
    also over a restart of the gateway; a removal takes it away and leaves the approval."""
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 1}}).start()
    with Registrant(work, gateway, 'node-2') as node:
        made = node.step('register')
        assert made['code'] == '2.01', made
        one = await_stage(gateway, 'node-2', 'seen')
        assert made['location'] == '/rd/' + one['id']
        assert one['found_by'] == 'rd' and one['present']
        open_window(gateway)
        await_stage(gateway, 'node-2', 'waiting-person')
        assert '/temperature' not in [event['path'] for event in node.events('asked')]
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'node-2', 'active')
        topic = 'gatehouse/bed/%s/telemetry' % one['id']
        record, = json.loads(recorder.wait(topic)[0].payload)
        assert (record['n'], record['v']) == ('temperature', 1)
        assert node.step('update')['code'] == '2.04'
        gateway.restart(kill=True)
        assert node.step('update')['code'] == '2.04'
        assert device(gateway, 'node-2')['present']
        node.step('7.5', 'value')
        recorder.wait(topic, where=lambda got: json.loads(got.payload)[0]['v'] == 7.5)
        assert node.step('remove')['code'] == '2.02'
        gone = device(gateway, 'node-2')
        assert (gone['stage'], gone['present']) == ('active', False)
        assert node.step('update')['code'] == '4.04'
        assert node.step('register')['location'] == made['location']


def test_libcoap_server(gateway, recorder, coap_server):
    """Typed, approved, and observed: its links say which resource tells of changes by itself."""
    open_window(gateway)
    until(lambda: gateway.tool('add', '127.0.0.1:%d' % coap_server.port, 'clock').returncode == 0, 40,
          'coap-server answers')
    one = await_stage(gateway, 'clock', 'waiting-person')
    gateway.ctl('approve', one['id'])
    await_stage(gateway, 'clock', 'active')
    # it notifies every second, which no reading by the minute would bring
    messages = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'], 3, timeout=20)
    assert {json.loads(message.payload)[0]['n'] for message in messages} == {'time'}


def test_libcoap_client_proves_its_label(gateway):
    """A label, a challenge, a proof, and a code in the answer: by hand, with libcoap's client."""
    label, port = Label('bench'), free_port(socket.SOCK_DGRAM)
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr
    open_window(gateway)

    def enrol(**said):
        """The answer map; {} while it is none."""
        text = coap_client('post', gateway.coap_port, 'enrol?ep=bench', json.dumps({'display': True, **said}),
                           50, port)
        found = re.search(r'\{.*\}', text)
        return json.loads(found[0]) if found else {}

    def challenged():
        return enrol().get('challenge')

    def proved():
        asked = challenged()
        if not asked:
            return device(gateway, 'bench')['trust'] == 'claimed'
        challenge = base64.urlsafe_b64decode(asked + '==')
        nonce = os.urandom(8)
        texts = [base64.urlsafe_b64encode(part).decode().rstrip('=')
                 for part in (nonce, label.proof(challenge, nonce))]
        enrol(nonce=texts[0], proof=texts[1])
        return device(gateway, 'bench')['trust'] == 'claimed'
    until(challenged, 40, 'it is asked for its proof')
    until(proved, 60, 'its proof counts')
    one = await_stage(gateway, 'bench', 'waiting-person')
    gateway.ctl('admit', one['id'])
    code = until(lambda: enrol().get('code'), 40, 'the code is in its answer')
    assert 'code' not in device(gateway, 'bench')
    gateway.ctl('approve', one['id'], '--code', code)
    assert await_stage(gateway, 'bench', 'active')['evidence'] == 'display-code'


def test_a_code_at_libcoap_server(gateway, coap_server):
    """Its display is a resource that the gateway makes by PUT and takes away by DELETE; coap-client
    registers it, and reads it as a person would."""
    port, own = coap_server.port, free_port(socket.SOCK_DGRAM)
    open_window(gateway)
    coap_client('get', gateway.coap_port, 'd/nothing', port=own)  # Echo: its address is proved
    links = '</time>;if="core.s";ct=0,</display>;rt="gatehouse.display"'
    said = coap_client('post', gateway.coap_port, 'rd?ep=panel&base=coap://127.0.0.1:%d' % port, links, 40, own)
    assert not re.search(r'\b[45]\.\d\d\b', said), said
    one = await_stage(gateway, 'panel', 'waiting-person')
    assert one['display'] and one['found_by'] == 'rd'

    def shown():
        return re.search(r'^[A-Z]{4}-[A-Z]{4}$', coap_client('get', port, 'display'), re.M)
    gateway.ctl('admit', one['id'])
    first = until(shown, 40, 'the code is there')[0]
    gateway.ctl('reject', one['id'])
    until(lambda: not shown(), 40, 'cleared on cancel')
    gateway.ctl('admit', one['id'])
    code = until(shown, 40, 'another code is there')[0]
    assert code != first
    gateway.ctl('approve', one['id'], '--code', code)
    assert await_stage(gateway, 'panel', 'active')['evidence'] == 'display-code'
    until(lambda: not shown(), 40, 'cleared on success')


def test_what_libcoap_client_is_refused(gateway):
    port = free_port(socket.SOCK_DGRAM)

    def refused(path, payload, content_format):
        found = re.search(r'\b([45]\.\d\d)\b', coap_client('post', gateway.coap_port, path, payload,
                                                           content_format, port))
        return found[1] if found else ''
    for code, *words in (('5.03', 'enrol?ep=x', '{}', 50), ('4.00', 'enrol?ep=x', '{', 50),
                         ('4.03', 't?ep=x', '[{"n":"seq","v":3}]', 110), ('4.00', 'rd', '</s>', 40),
                         ('4.15', 'rd?ep=x', '{}', 50), ('4.04', 'nothing', '{}', 50)):
        until(lambda: refused(*words) == code, 40, '%s is %s' % (words[0], code))
