# SPDX-License-Identifier: Apache-2.0
"""Devices that prove their label: before and after it is imported, wrongly, and over a restart; those
that enrol themselves, and those that are asked."""

import base64
import collections
import json
import os

import pytest

from bed import coap, until
from bed.label import Label
from bed.plain import await_stage, open_window


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker).start()


def know(gateway, label):
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class Device:
    """It has a label, and speaks JSON."""

    def __init__(self, gateway, label, host=None):
        self.client = coap.Client('127.0.0.1', gateway.coap_port, local_host=host)
        self.label = label

    def post(self, **body):
        return self.client.exchange(coap.POST, 'enrol', query={'ep': self.label.ep},
                                    content_format=coap.JSON, payload=json.dumps(body).encode())

    def enrol(self, **body):
        answer = self.post(**body)
        assert answer.code in (coap.CREATED, coap.CHANGED), answer
        return json.loads(answer.payload)

    def answer(self, said, label=None):
        """Answers a challenge with this label, its own by default."""
        challenge = base64.urlsafe_b64decode(said + '=' * (-len(said) % 4))
        assert len(challenge) == 16
        nonce = os.urandom(12)
        proof = (label or self.label).proof(challenge, nonce)
        return self.enrol(nonce=text(nonce), proof=text(proof))

    def prove(self, label=None):
        """Asks for a challenge and answers it; what came back, without the next challenge."""
        said = self.enrol()['challenge']
        answer = self.answer(said, label)
        assert answer.pop('challenge', None) != said
        return answer

    def prove_if_asked(self):
        said = self.enrol().get('challenge')
        if said:
            self.answer(said)

    def report(self, value):
        return self.client.exchange(coap.POST, 't', query={'ep': self.label.ep},
                                    content_format=coap.TEXT, payload=str(value).encode())


def trust(gateway, label):
    return await_stage(gateway, label.ep, 'waiting-person')['trust']


def test_a_label_that_is_known(gateway, recorder):
    """A wrong proof is answered like a right one; a right one is seen by the approver and upstream."""
    label, other = Label('claim-1'), Label('claim-1')
    know(gateway, label)
    open_window(gateway)
    device = Device(gateway, label)
    wrong = device.prove(other)
    assert trust(gateway, label) == 'plain'
    right = device.prove()
    assert wrong == right and right['state'] == 'pending'
    assert trust(gateway, label) == 'claimed'
    rows = [row for row in gateway.ctl('journal')['rows'] if row['action'] == 'proof']
    assert [row['result'] for row in rows] == ['claimed']
    gateway.restart(kill=True)
    assert trust(gateway, label) == 'claimed'
    gateway.ctl('approve', await_stage(gateway, label.ep, 'waiting-person')['id'])
    record = await_stage(gateway, label.ep, 'active')
    until(lambda: device.report(1).code == coap.CHANGED)
    topic = 'gatehouse/bed/%s/telemetry' % record['id']
    recorder.wait(topic, 1)
    assert {message.user['gh-trust'] for message in recorder.messages(topic)} == {'claimed'}


def test_a_label_that_comes_later(gateway):
    """The proof is kept until then, also over a restart: the device need not come again."""
    label = Label('claim-2')
    open_window(gateway)
    device = Device(gateway, label)
    device.prove()
    assert trust(gateway, label) == 'plain'
    gateway.restart(kill=True)
    assert trust(gateway, label) == 'plain'
    know(gateway, label)
    until(lambda: trust(gateway, label) == 'claimed')


def test_the_simulated_sensor(gateway, sensor):
    """It answers each challenge once, and sends in its own time."""
    label = Label('claim-3')
    know(gateway, label)
    open_window(gateway)
    one = sensor('claim-3', ep=label.ep, gateway='127.0.0.1:%d' % gateway.coap_port, label=label.code,
                 interval=0.2)
    one.wait_log('"event":"proved"')
    until(lambda: trust(gateway, label) == 'claimed')
    gateway.ctl('approve', await_stage(gateway, label.ep, 'waiting-person')['id'])
    one.wait_log('"event":"acknowledged","n":3')


@pytest.fixture
def serving(make_gateway, broker, avahi):
    return make_gateway(broker=broker, mdns=True, config={'lan': {'poll_interval': 2}}).start()


def server(sensor, label, ep=None, **options):
    return sensor(ep or label.ep, ep=ep or label.ep, mode='server', advertise=True,
                  label=label.qr if label else None, **options)


@pytest.mark.mdns
def test_a_device_that_is_asked(serving, sensor, recorder):
    """Its claim resource gets the challenge; its readings say that it proved itself once."""
    label = Label('claim-4')
    know(serving, label)
    open_window(serving)
    one = server(sensor, label)
    one.wait_log('"event":"proved"')
    until(lambda: trust(serving, label) == 'claimed')
    rows = [row for row in serving.ctl('journal')['rows'] if row['action'] == 'proof']
    assert [row['result'] for row in rows] == ['claimed']
    serving.ctl('approve', await_stage(serving, label.ep, 'waiting-person')['id'])
    record = await_stage(serving, label.ep, 'active')
    topic = 'gatehouse/bed/%s/telemetry' % record['id']
    recorder.wait(topic, 1)
    assert {message.user['gh-trust'] for message in recorder.messages(topic)} == {'claimed'}


@pytest.mark.mdns
def test_a_device_that_is_asked_before_its_label_is_known(serving, sensor):
    """What it proved waits for the label; a label that is another one's makes it nothing."""
    label, other = Label('claim-5'), Label('claim-6')
    open_window(serving)
    one = server(sensor, label)
    wrong = server(sensor, other)
    for device in (one, wrong):
        device.wait_log('"event":"proved"')
    assert trust(serving, label) == trust(serving, other) == 'plain'
    know(serving, label)
    know(serving, Label('claim-6'))
    until(lambda: trust(serving, label) == 'claimed')
    assert trust(serving, other) == 'plain'
    until(lambda: heard(serving)['wrong-proof'] >= 1)
    # after a restart it is asked again, and what is proved stays
    serving.restart(kill=True)
    until(lambda: heard(serving)['wrong-proof'] >= 1, 60)
    assert trust(serving, other) == 'plain'
    assert trust(serving, label) == 'claimed'
    know(serving, other)
    until(lambda: trust(serving, other) == 'claimed')


def heard(gateway):
    return collections.Counter({row['reason']: row['count'] for row in gateway.ctl('heard')['heard']})
