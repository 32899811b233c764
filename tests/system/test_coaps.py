# SPDX-License-Identifier: Apache-2.0
"""Devices that serve over DTLS: they are asked with the key of their label, and in no other way."""

import json
import select
import socket

import pytest

from bed import coap, until
from bed.foreign import SecureCoapServer
from bed.gateway import ToolError
from bed.label import Label
from bed.plain import await_stage, device, open_window
from bed.relay import Relay
from bed.standard import LINKS, StandardDevice
from bed.wait import free_port, stays


@pytest.fixture
def gateway(make_gateway, broker):
    return make_gateway(broker=broker, config={'lan': {'poll_interval': 1}}).start()


def know(gateway, label):
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (label.ep, label.code), timeout=60)
    assert done.returncode == 0, done.stderr


def serve(sensor, label, port, name=None, **more):
    one = sensor(name or label.ep, ep=label.ep, mode='server', port=port, psk=label.psk.hex(), **more)
    one.wait_log('"listening"', 30)
    return one


def look(gateway, label, port):
    """The device at a typed address, as soon as it answers."""
    words = ('add', 'coaps://127.0.0.1:%d' % port, label.ep)
    until(lambda: gateway.tool(*words).returncode == 0, 60, '%s answers' % label.ep)


def approve(gateway, label):
    gateway.ctl('approve', await_stage(gateway, label.ep, 'waiting-person', 60)['id'])
    return await_stage(gateway, label.ep, 'active')


def test_the_whole_way(gateway, recorder, sensor):
    """Typed, asked, told and read, all of it over DTLS; what passes on the wire is never in clear."""
    label, port = Label('safe-1'), free_port(socket.SOCK_DGRAM)
    one = serve(sensor, label, port, model='S')
    wire = Relay(port)
    with pytest.raises(ToolError) as refused:
        gateway.ctl('add', 'coaps://127.0.0.1:%d' % wire.port, label.ep)
    assert 'label' in refused.value.stderr
    know(gateway, label)
    open_window(gateway)
    look(gateway, label, wire.port)
    found = approve(gateway, label)
    assert (found['trust'], found['model']) == ('psk', 'S')
    messages = recorder.wait('gatehouse/bed/%s/telemetry' % found['id'], 2)
    assert {message.user['gh-trust'] for message in messages} == {'psk'}
    one.wait_log('"status".*"approved"', 30)
    gateway.ctl('identify', found['id'])
    one.wait_log('"identify"', 30)
    assert len(wire.heard) > 5 and len(wire.answered) > 5
    # Type and version of a record: DTLS 1.2, or 1.0 in the first message.
    assert all(data[0] in (20, 21, 22, 23) and data[1:3] in (b'\xfe\xfd', b'\xfe\xff')
               for data in wire.heard + wire.answered)
    wire.close()
    one.stop()


@pytest.mark.mdns
def test_found_by_mdns(avahi, make_gateway, broker, recorder, sensor):
    """Announced as _coaps._udp: listed, and nothing more until its label is known; then let in and read."""
    gateway = make_gateway(broker=broker, mdns=True, config={'lan': {'poll_interval': 1}}).start()
    label, port = Label('safe-4'), free_port(socket.SOCK_DGRAM)
    one = serve(sensor, label, port, advertise=True)
    open_window(gateway)
    seen = await_stage(gateway, label.ep, 'seen', 60)
    assert (seen['found_by'], seen['trust']) == ('mdns', 'plain')
    know(gateway, label)
    found = approve(gateway, label)
    assert found['trust'] == 'psk'
    message = recorder.wait('gatehouse/bed/%s/telemetry' % found['id'])[0]
    assert message.user['gh-trust'] == 'psk'
    one.stop()


@pytest.mark.long
def test_after_restarts(gateway, recorder, sensor):
    """Neither side's restart needs a person, and neither leads to CoAP in clear."""
    label, port = Label('safe-3'), free_port(socket.SOCK_DGRAM)
    one = serve(sensor, label, port)
    know(gateway, label)
    open_window(gateway)
    look(gateway, label, port)
    topic = 'gatehouse/bed/%s/telemetry' % approve(gateway, label)['id']
    recorder.wait(topic, 1)
    gateway.restart(kill=True)
    recorder.wait(topic, len(recorder.messages(topic)) + 2, timeout=90)
    one.kill()
    two = serve(sensor, label, port, 'again')
    recorder.wait(topic, len(recorder.messages(topic)) + 2, timeout=180)
    assert device(gateway, label.ep)['trust'] == 'psk'
    two.stop()


def test_libcoap_server(gateway, recorder, work):
    """coap-server with a key: observed over one session, by its announcement of changes."""
    label = next(one for one in map(lambda _: Label('clock'), iter(int, 1)) if 0 not in one.psk)
    with_key = SecureCoapServer(work, label)
    try:
        know(gateway, label)
        open_window(gateway)
        look(gateway, label, with_key.port)
        found = approve(gateway, label)
        assert found['trust'] == 'psk'
        topic = 'gatehouse/bed/%s/telemetry' % found['id']
        recorder.wait(topic, 3, timeout=60, where=lambda got: json.loads(got.payload)[0]['n'] == 'time')
        # Its other link is a text of 1,500 bytes.
        assert {json.loads(message.payload)[0]['n'] for message in recorder.messages(topic)} <= \
            {'time', 'example_data'}
    finally:
        with_key.kill()


def test_another_key(gateway, sensor):
    """Who answers with another key is not the device: nothing is listed, and nobody is let in."""
    label, other, port = Label('safe-2'), Label('safe-2'), free_port(socket.SOCK_DGRAM)
    one = serve(sensor, other, port)
    know(gateway, label)
    open_window(gateway)
    with pytest.raises(ToolError) as refused:
        gateway.ctl('add', 'coaps://127.0.0.1:%d' % port, label.ep, timeout=60)
    assert 'key of this label' in refused.value.stderr
    assert device(gateway, label.ep) is None
    one.stop()


def test_nothing_in_clear_at_a_port_of_dtls(gateway, recorder):
    """A device that was read in clear says that it serves over DTLS from now on, and its label is not
    known: it is asked nothing at all, also after a restart, until it serves in clear again."""
    with StandardDevice() as lamp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secure:
        secure.bind(('127.0.0.1', 0))
        open_window(gateway)
        made = lamp.ask(gateway, coap.POST, 'rd', ['ep=lamp'], LINKS.encode(), coap.LINK_FORMAT)
        assert made.code == coap.CREATED
        one = await_stage(gateway, 'lamp', 'waiting-person')
        gateway.ctl('approve', one['id'])
        topic = 'gatehouse/bed/%s/telemetry' % one['id']
        recorder.wait(topic)
        base = 'base=coaps://127.0.0.1:%d' % secure.getsockname()[1]
        assert lamp.ask(gateway, coap.POST, made.location, [base]).code == coap.CHANGED

        def unasked():
            return not select.select([secure], [], [], 0)[0]
        stays(unasked, 3)  # it was read every second
        read = lamp.asked.count('/s')
        gateway.restart(kill=True)
        assert lamp.ask(gateway, coap.POST, made.location).code == coap.CHANGED
        stays(lambda: unasked() and lamp.asked.count('/s') == read, 3)
        assert device(gateway, 'lamp')['stage'] == 'active'
        lamp.value = 23.5
        base = 'base=coap://127.0.0.1:%d' % lamp.port
        assert lamp.ask(gateway, coap.POST, made.location, [base]).code == coap.CHANGED
        recorder.wait(topic, where=lambda got: json.loads(got.payload)[0]['v'] == 23.5)
