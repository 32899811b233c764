# SPDX-License-Identifier: Apache-2.0
"""Scenarios in the browser that need a gateway of their own; see test_browser.py."""

import json
import os
import socket
import sqlite3
import sys

import pytest

import screens
from bed import coap, until
from bed.people import add_person, set_up
from bed.plain import PlainDevice, device, open_window
from bed.wait import PATIENCE
from test_discovery_cost import spent

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib'))
from demo_devices import BOILER, POLL_SECONDS, Devices  # noqa: E402

pytestmark = pytest.mark.together


def devices_of(gateway):
    """enrol(ep, body): a device comes along; the same one again when it is known."""
    known = {}

    def enrol(ep, body=None):
        one = known.setdefault(ep, PlainDevice(gateway, ep))
        answer = one.enrol(**(body or {}))
        assert answer.code in (coap.CREATED, coap.CHANGED), answer
        return one.state(answer)
    return enrol


@pytest.mark.deadline(300)
def test_first_set_up(browser, make_gateway):
    gateway = make_gateway().start()
    screens.look(browser, gateway, 'fresh', who=None)
    browser.play('jobs.firstSetUp', gateway, code=lambda: gateway.ctl('setup')['code'])
    screens.look(browser, gateway, 'empty')
    screens.look(browser, gateway, 'nobody', who=None)


def test_link_tested_at_set_up(browser, make_gateway, broker):
    gateway = make_gateway(broker=broker).start()
    until(lambda: gateway.api('GET', 'status')[1]['uplink']['state'] == 'up', 30, 'it is connected')
    browser.play('jobs.testAtSetUp', gateway, {'broker': '127.0.0.1:%d' % broker.port})


@pytest.mark.deadline(240)
def test_clouds_alone(browser, make_gateway):
    """No broker, and none is missed. A port that is taken, and nobody listens there, is the platform's."""
    def people():
        set_up(gateway)
        add_person(gateway, 'vera', 'viewer')

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        gateway = make_gateway(config={'platform': {'default': 'spotflow'},
                                       'spotflow': {'host': '127.0.0.1', 'port': port}}).start()
        browser.play('jobs.cloudsAlone', gateway, {'target': '127.0.0.1:%d' % port}, set_up=people)
        findings = json.loads(gateway.tool('doctor', json=True).stdout)['findings']
    assert not [one for one in findings if one['check'] == 'uplink'], 'no broker is missed'
    reach = next(one for one in findings if one['check'] == 'reach')
    assert reach['state'] == 'error' and reach['text'].startswith('127.0.0.1:%d: ' % port) and reach['remedy']


@pytest.mark.deadline(240)
def test_live_arrivals_and_restart(browser, make_gateway):
    gateway = make_gateway().start()
    set_up(gateway)
    stranger = PlainDevice(gateway, 'stranger')
    browser.play('live.arrivals', gateway, enrol=devices_of(gateway), open_window=lambda: open_window(gateway),
         reject=lambda ep: gateway.ctl('reject', device(gateway, ep)['id']),
         turned_away=lambda: stranger.report(1).code)
    browser.play('live.silent', gateway, freeze=gateway.process.pause, thaw=gateway.process.resume)
    browser.play('live.away', gateway, stop=lambda: gateway.terminate(), start=lambda: bool(gateway.start()))


@pytest.mark.mdns
@pytest.mark.deadline(240)
@pytest.mark.parametrize('name, taps', [('boiler', 6), ('hall', 7), ('door', 5)])
def test_device_of_the_demo(browser, make_gateway, avahi, broker, work, name, taps):
    """Each is let in within a minute, the log-in included, by a technician who was never logged in there:
    two seconds for each tap, half a second for each character, of which most are the password, twice."""
    gateway = make_gateway(broker=broker, mdns=True, config={'lan': {'poll_interval': POLL_SECONDS}}).start()
    set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    devices = Devices(work, gateway)
    try:
        done = browser.play('demo.' + name, gateway, {'qr': BOILER.qr}, switch_on=devices.switch_on,
                            display=lambda one: until(lambda: devices.display(one), 60, 'its display shows a code'))
    finally:
        devices.switch_off()
    assert done['taps'] == taps, done
    assert 2 * done['taps'] + done['typed'] / 2 < 60, done
    assert done['seconds'] < 60 * PATIENCE, done


def multiply(gateway, count):
    """As many devices as one that is there, with names of their own; the gateway is stopped, and the
    device has no secret: those are sealed for their own row."""
    path = os.path.join(gateway.state_directory, 'control.db')
    with sqlite3.connect(path) as database:
        names = [row[1] for row in database.execute('PRAGMA table_info(device)')]
        take = {'row': 'row + n', 'id': "'copy-' || n", 'ep': "'copy-' || n", 'port': '1 + n',
                'name': "'Sensor ' || n", 'place': "'Hall ' || (n % 40)"}
        database.execute(
            'WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < %d) '
            'INSERT INTO device SELECT %s FROM device, number WHERE ep = \'first\''
            % (count, ', '.join(take.get(name, name) for name in names)))
    database.close()


@pytest.mark.deadline(240)
def test_ten_thousand_devices(browser, make_gateway):
    gateway = make_gateway(config={'gateway': {'log_level': 'info'}}).start()
    set_up(gateway)
    open_window(gateway)
    devices_of(gateway)('first')
    gateway.ctl('reject', device(gateway, 'first')['id'])
    gateway.terminate()
    multiply(gateway, 10000)
    gateway.start()
    before = []
    cost = browser.play('jobs.tenThousand', gateway, begin=lambda: before.append(spent(gateway.process.pid)),
                        spent=lambda: spent(gateway.process.pid) - before[0])
    assert cost < 5, 'ten screens cost the gateway %.1f s, with sanitizers and all' % cost
