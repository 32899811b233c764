# SPDX-License-Identifier: Apache-2.0
"""Attacks from upstream, by their rows in the list of attacks: A30 a hostile broker. Hostile HTTP is
played in tests/unit/uplink and by the stand-in of a platform."""

import os
import socket
import threading

import pytest

from bed import coap, until
from bed.plain import PlainDevice, let_in, open_window
from bed.wait import free_port

CONNACK, CONNACK_5 = b'\x20\x02\x00\x00', b'\x20\x03\x00\x00\x00'
FAULTS = (
    CONNACK_5 + b'\x30\xff\xff\xff\x7f\x00\x05a/b/c' + b'x' * 1000000, b'\x20\xff\xff\xff\xff\xff', CONNACK_5 + b'\x90\x02\xff\xff',
    b'\x20\xff\xff\xff\x7f' + bytes(65536), CONNACK + b'\x90\x00\x40\x02\x00\x01' * 100, os.urandom(4096),
    b'\x20\x06\x00\x00\x03\x21\x00\x00', CONNACK_5 + b'\x30\x04\x00\x02\xff\xff\x00', CONNACK_5 + b'\xe0\x02\x8e\x00',
    b'', b'\x00', b'\x20\x02\x00', b'HTTP/1.1 400 Bad Request\r\n\r\n' * 100,
)


class HostileBroker:
    """Each connection gets the next of the answers, whatever it asked; every third one is never closed."""

    def __init__(self):
        self.port = free_port()
        self.taken = 0
        self._open = []
        self._socket = socket.create_server(('127.0.0.1', self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            one.settimeout(5)
            try:
                one.recv(4096)
                one.sendall(FAULTS[self.taken % len(FAULTS)])
            except OSError:
                pass
            self.taken += 1
            self._open.append(one)
            if self.taken % 3:
                one.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in self._open:
            one.close()


@pytest.fixture
def hostile():
    one = HostileBroker()
    yield one
    one.close()


def memory(gateway):
    with open('/proc/%d/status' % gateway.process.pid, encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('RssAnon'))


@pytest.mark.deadline(300)
@pytest.mark.parametrize('attempts', [3, pytest.param(9, marks=pytest.mark.long)])
def test_a30_a_broker_that_wants_to_hurt(make_gateway, broker, recorder, hostile, attempts):
    """It sends what no broker sends, and without end. The gateway asks again, later and later; devices
    get their answers meanwhile, and a right broker gets all of it."""
    gateway = make_gateway(broker=broker, config={'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
    one = let_in(gateway, 'steady')
    gateway.terminate()
    gateway.configure({'mqtt': {'port': hostile.port}})
    gateway.start(env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'})
    before, files, value = memory(gateway), len(os.listdir('/proc/%d/fd' % gateway.process.pid)), 0

    def went_on():
        nonlocal value
        value += 1
        assert one.report(value).code == coap.CHANGED
        return hostile.taken >= attempts
    until(went_on, 250, 'it asked again', every=0.3)
    print('A30: %d connections, %d readings, %d KiB more' % (hostile.taken, value, memory(gateway) - before))
    assert memory(gateway) - before < 16 * 1024
    assert len(os.listdir('/proc/%d/fd' % gateway.process.pid)) <= files + 8
    open_window(gateway)
    assert PlainDevice(gateway, 'newcomer', '127.0.0.8').enrol().code == coap.CREATED
    gateway.terminate()
    gateway.configure({'mqtt': {'port': broker.port}})
    gateway.start()
    until(lambda: len(recorder.messages('gatehouse/bed/%s/telemetry' % one.id)) == value, 60, 'all of it arrives')
