# SPDX-License-Identifier: Apache-2.0
"""A plain device of its own address, datagram by datagram: what the simulated sensor would not do
wrong, this one can."""

import json

from . import coap
from .wait import until


def reading(value):
    """As a device writes it, without a space: it goes upstream as it came."""
    return '[{"n":"seq","v":%s}]' % json.dumps(value)


class PlainDevice:
    """Enrols and reports over one UDP socket. Bodies are JSON."""

    def __init__(self, gateway, ep, host=None):
        self.gateway, self.ep = gateway, ep
        self.client = coap.Client('127.0.0.1', gateway.coap_port, local_host=host)
        self.acknowledged = []

    def close(self):
        self.client.close()

    def enrol(self, **body):
        """One POST /enrol, Echo answered: the answer as it came."""
        payload = json.dumps(body) if body else b''
        return self.client.exchange(coap.POST, 'enrol', query={'ep': self.ep}, payload=payload,
                                    content_format=coap.JSON)

    def state(self, answer):
        return json.loads(answer.payload)

    def report(self, value, timeout=10.0, **parts):
        """One POST /t; a value that was answered 2.04 is remembered as acknowledged."""
        answer = self.client.exchange(coap.POST, 't', timeout=timeout, query={'ep': self.ep},
                                      payload=reading(value), content_format=coap.SENML_JSON, **parts)
        if answer.code == coap.CHANGED:
            self.acknowledged.append(value)
        return answer


    def burst(self, first, count):
        """Readings first, first + 1, ... all at once, without waiting for answers in between: the
        answers in the order of the readings. For what depends on how fast somebody sends."""
        asked = [self.client.message(coap.POST, 't', query={'ep': self.ep}, content_format=coap.SENML_JSON,
                                     payload=reading(first + at)) for at in range(count)]
        for one in asked:
            self.client.send(one)
        answers = self.client.answers(asked)
        self.acknowledged += [first + at for at, one in enumerate(answers) if one.code == coap.CHANGED]
        return answers


def device(gateway, ep):
    """The gateway's record of an endpoint name, or None."""
    found = [one for one in gateway.devices() if one['ep'] == ep]
    return found[0] if found else None


def await_stage(gateway, ep, stage, timeout=30):
    def there():
        one = device(gateway, ep)
        return one if one and one['stage'] == stage else None
    return until(there, timeout, '%s is %s' % (ep, stage))


def open_window(gateway, minutes=10):
    gateway.ctl('window', 'open', '--minutes', minutes)


def let_in(gateway, ep, *options, code=None, host=None, **body):
    """A plain device all the way in: window, enrolment, approval."""
    open_window(gateway)
    one = PlainDevice(gateway, ep, host)
    if code:
        body['code'] = code
        options = ('--code', code, *options)
    answer = one.enrol(**body)
    assert answer.code == coap.CREATED, answer
    gateway.ctl('approve', await_stage(gateway, ep, 'waiting-person')['id'], *options)
    one.id = await_stage(gateway, ep, 'active')['id']
    return one


def values(recorder, device_id, gateway_id='bed'):
    """gh-id -> value of each reading of a device that arrived; a reading that came twice must have
    come with the same value."""
    found = {}
    for message in recorder.messages('gatehouse/%s/%s/telemetry' % (gateway_id, device_id)):
        records = json.loads(message.payload)
        assert records[0]['bn'] == device_id + '/', message
        value = next(one['v'] for one in records if one['n'] == 'seq')
        key = message.user['gh-id']
        assert found.setdefault(key, value) == value, 'gh-id %s came with two values' % key
    return found
