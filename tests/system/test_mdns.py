# SPDX-License-Identifier: Apache-2.0
"""mDNS in bad hours: names that are taken, an avahi-daemon that is killed, gone, back, or hangs; and
networks behind a border router."""

import json
import select
import socket
import subprocess

import pytest

from bed import coap, until
from bed.plain import await_stage, device, open_window
from bed.wait import Stopwatch, stays

pytestmark = pytest.mark.mdns
OURS, TAKEN = 'gatehouse\\032bed', 'gatehouse\\032bed\\032\\0352'  # as avahi-browse writes them


def names(avahi, kind='_coap._udp'):
    return {one.name for one in avahi.browse(kind)}


def ask(gateway, path='time'):
    """Seconds until CoAP answered."""
    with gateway.coap() as client, Stopwatch() as took:
        assert client.request(coap.GET, path).code in (coap.CONTENT, coap.UNAVAILABLE)
    return took.seconds


def test_a_hung_avahi_daemon_holds_nobody(avahi, make_gateway):
    """It keeps its name on the bus and answers nothing: CoAP, the page and a stop do not wait."""
    gateway = make_gateway(mdns=True)
    avahi.daemon.pause()
    gateway.start()
    until(lambda: ask(gateway) < 5 and any(
        alarm['id'] == 'discovery-lost' for alarm in gateway.ctl('alarms')['alarms']), 40,
        'the gateway says that avahi-daemon does not answer, and answers itself meanwhile')
    with Stopwatch() as took:
        gateway.terminate()
    assert took.seconds < 15
    gateway.start()
    assert ask(gateway) < 5
    avahi.daemon.resume()
    until(lambda: OURS in names(avahi), 60, 'it announces itself when the daemon goes on')
    avahi.publish('lamp', '_coap._udp', 9)
    until(lambda: device(gateway, 'lamp'), 40, 'and finds devices')
    until(lambda: not any(alarm['id'] == 'discovery-lost'
                          for alarm in gateway.ctl('alarms')['alarms']), 40, 'all is well')


def test_avahi_daemon_dies_and_comes_back(avahi, make_gateway):
    gateway = make_gateway(mdns=True).start()
    service = avahi.publish('lamp', '_coap._udp', 9)
    await_stage(gateway, 'lamp', 'seen')
    avahi.withdraw(service)
    avahi.daemon.kill()
    avahi.daemon = None
    until(lambda: device(gateway, 'lamp') is None, 30, 'what is not watched is not known')
    assert ask(gateway) < 5
    avahi.start_daemon()
    avahi.publish('lamp', '_coap._udp', 9)
    until(lambda: device(gateway, 'lamp'), 60, 'found again')
    until(lambda: OURS in names(avahi), 60, 'announced again')
    # the bus with it
    avahi.stop()
    until(lambda: device(gateway, 'lamp') is None, 30)
    assert ask(gateway) < 5
    # and nobody was ever there when the gateway starts
    gateway.restart()
    assert ask(gateway) < 5
    avahi.start()
    avahi.publish('lamp', '_coap._udp', 9)
    until(lambda: device(gateway, 'lamp'), 90, 'found again')


def test_a_name_that_is_taken(avahi, make_gateway):
    avahi.publish('gatehouse bed', '_coap._udp', 9)
    make_gateway(mdns=True).start()
    until(lambda: TAKEN in names(avahi), 30, 'it takes the next free name')
    until(lambda: names(avahi, '_core-rd._udp') == {TAKEN}, 30, 'for the directory too')


def test_announced_for_dtls(avahi, make_gateway):
    """_coaps._udp is listed, and nobody talks to its port in the clear."""
    gateway = make_gateway(mdns=True).start()
    open_window(gateway)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(('127.0.0.1', 0))
        avahi.publish('vault', '_coaps._udp', port.getsockname()[1])
        seen = await_stage(gateway, 'vault', 'seen')
        assert seen['found_by'] == 'mdns' and seen['present']
        stays(lambda: not select.select([port], [], [], 0)[0], 1)


@pytest.fixture
def behind_a_router():
    """The whole of fd77:1::/64 answers here, and none of it is an address of an interface."""
    route = ['ip', '-6', 'route', '%s', 'local', 'fd77:1::/64', 'dev', 'lo']
    with open('/proc/sys/net/ipv6/ip_nonlocal_bind', 'w', encoding='ascii') as file:
        file.write('1')
    subprocess.run([word % 'add' if '%' in word else word for word in route], check=True)
    yield 'fd77:1::'
    subprocess.run([word % 'del' if '%' in word else word for word in route], check=True)


def test_a_routed_device(behind_a_router, make_gateway, broker, recorder):
    """Behind a border router a device is bound to its IP; other networks are still not ours."""
    gateway = make_gateway(broker=broker, config={'lan': {'routed': [behind_a_router + '/64']}}).start()
    open_window(gateway)
    with coap.Client('::1', gateway.coap_port, local_host=behind_a_router + '5') as client:
        answer = client.exchange(coap.POST, 'enrol', query={'ep': 'thread'})
        assert answer.code == coap.CREATED, answer
        one = await_stage(gateway, 'thread', 'waiting-person')
        assert one['address'].startswith('[fd77:1::5]:')
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'thread', 'active')
        answer = client.exchange(coap.POST, 't', query={'ep': 'thread'}, payload=b'20',
                                 content_format=coap.TEXT)
        assert answer.code == coap.CHANGED, answer
        message = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])[0]
        assert json.loads(message.payload)[0]['v'] == 20
    with coap.Client('::1', gateway.coap_port, local_host=behind_a_router + '6') as other:
        answer = other.exchange(coap.POST, 't', query={'ep': 'thread'}, payload=b'20',
                                content_format=coap.TEXT)
        assert answer.code == coap.FORBIDDEN, answer
