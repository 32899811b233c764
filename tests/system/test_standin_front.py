# SPDX-License-Identifier: Apache-2.0
"""What a test can order from a stand-in cloud, and the rules that no vendor's client would break."""

import os
import socket
import ssl
import sys
import time

import pytest

from bed import Recorder, until
from bed.certificates import Authority

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import packets  # noqa: E402
from dps import Dps  # noqa: E402
from front import matches, most_within  # noqa: E402
from iothub import derived_key, shared_access_signature  # noqa: E402

REGISTER = '$dps/registrations/PUT/iotdps-register/?$rid=1'


class Raw:
    """A client that says what it is told, and waits for every answer."""

    def __init__(self, port, ca_file):
        context = ssl.create_default_context(cafile=ca_file)
        self.socket = context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=60),
                                          server_hostname='localhost')

    def send(self, first, body):
        self.socket.sendall(packets.packet(first, body))

    def receive(self):
        """(first byte, body), None at the end."""
        try:
            head = self.socket.recv(1)
            size = shift = 0
            while head:
                digit = self.socket.recv(1)[0]
                size, shift = size | (digit & 127) << shift, shift + 7
                if digit < 128:
                    break
            body = b''
            while head and len(body) < size:
                part = self.socket.recv(size - len(body))
                if not part:
                    return None
                body += part
            return (head[0], body) if head else None
        except (ConnectionError, IndexError, ssl.SSLError):
            return None

    def connect(self, client_id, username, password, level=4):
        """The code of the CONNACK, None when there is none."""
        self.send(16, packets.text_of('MQTT') + bytes([level, 0xc2, 0, 60])
                  + b''.join(map(packets.text_of, (client_id, username, password))))
        answer = self.receive()
        return answer and answer[1][1]

    def subscribe(self, *filters):
        self.socket.sendall(packets.subscribe(7, [(one, 1) for one in filters]))
        return list(self.receive()[1][2:])

    def publish(self, topic, payload=b'', qos=0, retain=False):
        self.send(0x30 | qos << 1 | retain, packets.text_of(topic) + (b'\0\5' if qos else b'') + payload)

    def close(self):
        self.socket.close()


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    one = Dps(str(tmp_path_factory.mktemp('cloud'))).start()
    one.group = one.enrol_group('all')
    yield one
    one.stop()


@pytest.fixture
def raw(cloud):
    made = []

    def start(port):
        made.append(Raw(port, cloud.certificates.ca_file))
        return made[-1]
    yield start
    for one in made:
        one.close()


def registering(cloud, raw, name):
    """One that is in and listens."""
    one = raw(cloud.port)
    resource = '%s/registrations/%s' % (cloud.scope, name)
    sas = shared_access_signature(derived_key(cloud.group.key, name), resource, int(time.time()) + 60, 'registration')
    assert one.connect(name, resource + '/api-version=2019-03-31', sas) == 0
    assert one.subscribe('$dps/registrations/res/#') == [1]
    return one


def at_hub(cloud, raw, name, life=60):
    key = derived_key(cloud.group.key, name)
    if name not in cloud.hub.identities:
        cloud.hub.add(name, key)
    one = raw(cloud.hub.port)
    sas = shared_access_signature(key, 'localhost/devices/' + name, int(time.time()) + life)
    return one, one.connect(name, 'localhost/%s/?api-version=2021-04-12' % name, sas)


def test_faults_on_order(cloud, raw):
    one = registering(cloud, raw, 'a')
    body = b'{"registrationId":"a"}'

    def answer():
        one.publish(REGISTER, body)
        _, said = one.receive()
        size = int.from_bytes(said[:2], 'big')
        return said[2:2 + size].decode(), said[2 + size:]
    cloud.faults.order('iotdps-register', text='{not json')
    assert answer() == ('$dps/registrations/res/202/?$rid=1&retry-after=1', b'{not json')
    cloud.faults.order('iotdps-register', huge=100000)
    assert len(answer()[1]) == 100002
    cloud.faults.order('iotdps-register', status=500, retry_after=4)
    topic, said = answer()
    assert topic == '$dps/registrations/res/500/?$rid=1&retry-after=4' and b'"errorCode": 5' in said
    cloud.faults.order('iotdps-register', slow=0.5)
    began = time.monotonic()
    answer()
    assert time.monotonic() - began >= 0.5
    # Worked on, but who asked does not hear of it.
    count = cloud.registrations['a'].count
    cloud.faults.order('iotdps-register', lost=True)
    one.publish(REGISTER, body)
    assert one.receive() is None and cloud.registrations['a'].count == count + 1
    two = registering(cloud, raw, 'a')
    cloud.faults.order('iotdps-register', before=lambda: None)
    two.publish(REGISTER, body)
    assert two.receive() is None and cloud.registrations['a'].count == count + 1
    cloud.faults.order('CONNECT a', lost=True)
    three = raw(cloud.port)
    assert three.connect('a', 'x', 'y') is None


def test_documented_limits(cloud, raw):
    """They are counted always, and held with 429 when that is wanted."""
    assert most_within([1, 2, 2.5, 9, 9.1, 9.2, 9.3], 1) == 4
    one = registering(cloud, raw, 'b')
    cloud.throttled = True
    try:
        cloud.delay = 3600
        one.publish(REGISTER, b'{"registrationId":"b"}')
        operation = one.receive()[1].split(b'"operationId": "')[1].split(b'"')[0].decode()
        found = []
        for _ in range(7):
            one.publish('$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=' + operation)
            found.append(one.receive()[1][2:].split(b'/res/')[1][:3])
        assert found == [b'202'] * 5 + [b'429'] * 2
    finally:
        cloud.throttled, cloud.delay = False, 0
    assert cloud.over_limits() == {'polls of b': 7, 'polls before retry-after': 5}


def test_rules_of_the_hub(cloud, raw):
    one, code = at_hub(cloud, raw, 'c')
    assert code == 0
    assert one.subscribe('devices/c/messages/devicebound/#', 'devices/d/messages/devicebound/#', '#') == [1, 128, 128]
    one.publish('devices/c/messages/events/a=b', b'1', qos=1, retain=True)
    assert one.receive()[0] == 64
    assert cloud.hub.await_events('c', 1)[0][1:] == ({'a': 'b'}, b'1')
    late = Recorder(cloud.broker, 'late', 'devices/c/messages/events/#')
    late.publish('devices/c/messages/events/mark')
    assert [message.topic for message in late.wait()] == ['devices/c/messages/events/mark'], 'nothing is retained'
    late.close()
    cloud.hub.send('c', b'down')
    assert one.receive()[1].endswith(b'down')
    one.publish('devices/d/messages/events/', b'1')
    assert one.receive() is None
    for break_ in (lambda client: client.publish('devices/c/messages/events/', b'1', qos=2),
                   lambda client: client.publish('devices/c/messages/events/', b'x' * 262145)):
        one, code = at_hub(cloud, raw, 'c')
        break_(one)
        assert one.receive() is None
    assert raw(cloud.hub.port).connect('c', 'x', 'y', 5) == 1
    assert len(cloud.hub.events('c')) == 2


def test_a_session_ends_with_its_signature(cloud, raw):
    one, code = at_hub(cloud, raw, 'e', life=8)
    assert code == 0 and one.receive() is None
    assert cloud.hub.ends[-1] == ('e', 'the signature has expired')
    cloud.hub.skew = 3600
    try:
        assert at_hub(cloud, raw, 'e')[1] == packets.NOT_AUTHORISED
    finally:
        cloud.hub.skew = 0


def test_another_certificate(cloud, raw, tmp_path):
    """The same address, and nobody who was told of the old authority goes on."""
    registering(cloud, raw, 'f')
    cloud.shut()
    cloud.start(Authority(str(tmp_path / 'other'), 'somebody else'))
    with pytest.raises(ssl.SSLCertVerificationError):
        raw(cloud.port)
    cloud.shut()
    cloud.start()
    registering(cloud, raw, 'f')
    until(lambda: cloud.online('f'), 10)


@pytest.mark.parametrize('wanted, topic, expected', [
    ('a/+/c', 'a/b/c', True), ('a/#', 'a', True), ('a/#', 'a/b/c', True), ('a/+', 'a/b/c', False),
    ('#', '$dps/x', False), ('$dps/#', '$dps/x/y', True), ('+/x', '$dps/x', False)])
def test_filters(wanted, topic, expected):
    assert matches(wanted, topic) is expected
