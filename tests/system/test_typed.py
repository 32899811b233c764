# SPDX-License-Identifier: Apache-2.0
"""Devices that a person looks for at an address: with the tool, and at the page."""

import json
import os
import select
import socket

import pytest

from bed import people
from bed.gateway import ToolError
from bed.plain import await_stage, device, open_window
from bed.wait import free_port, stays
from bed.standard import LINKS, StandardDevice


def refused(gateway, *words):
    with pytest.raises(ToolError) as error:
        gateway.ctl('add', *words)
    return error.value.stderr


def test_typed_to_broker(make_gateway, broker, recorder):
    """Found, let in while a window is open, and read; its name is its own or typed with it."""
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 1}}).start()
    with StandardDevice(links='</>;ep="lamp",' + LINKS) as lamp:
        found = gateway.ctl('add', '127.0.0.1:%d' % lamp.port)
        one = found['device']
        assert one['ep'] == 'lamp' and one['found_by'] == 'address' and one['stage'] == 'seen'
        assert gateway.ctl('add', 'coap://127.0.0.1:%d/' % lamp.port)['device']['id'] == one['id']
        with pytest.raises(ToolError):
            gateway.ctl('approve', one['id'])
        open_window(gateway)
        await_stage(gateway, 'lamp', 'waiting-person')
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'lamp', 'active')
        got = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])[0]
        assert json.loads(got.payload)[0]['v'] == 20
        # an approved one is read on after a restart, without being typed again
        gateway.restart(kill=True)
        lamp.value = 23
        recorder.wait('gatehouse/bed/%s/telemetry' % one['id'],
                      where=lambda more: json.loads(more.payload)[0]['v'] == 23)
        with StandardDevice() as nameless:
            assert 'Type one' in refused(gateway, '127.0.0.1:%d' % nameless.port)
            assert gateway.ctl('add', '127.0.0.1:%d' % nameless.port, 'hall')['device']['ep'] == 'hall'
        # the name of a device that is let in is not for another address
        with StandardDevice(links='</>;ep="lamp",' + LINKS, host='127.0.0.7') as impostor:
            assert 'another address' in refused(gateway, '127.0.0.7:%d' % impostor.port)
        assert device(gateway, 'lamp')['address'] == '127.0.0.1:%d' % lamp.port
    rows = gateway.ctl('journal')['rows']
    assert ('add', '127.0.0.1:%d' % lamp.port) in {(row['action'], row['object']) for row in rows}


PROFILE = '''match {
	path = { "/3303/0*" }
}
device {
	model = "Thermometer"
}
read {
	path = "/3303/0/5700"
	name = "temperature"
	unit = "Cel"
}
'''


def test_read_by_its_profile(make_gateway, broker, recorder, work):
    """A standard device whose links say nothing of how it is read: let in, it is silent, until a file
    says it. Who comes then is shown by what the file says as well."""
    profiles = os.path.join(work, 'devices.d')
    os.mkdir(profiles, 0o755)
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 1, 'profiles': profiles}}).start()
    with StandardDevice(links='</3303/0/5700>', path='/3303/0/5700') as meter:
        open_window(gateway)
        gateway.ctl('add', '127.0.0.1:%d' % meter.port, 'meter')
        one = await_stage(gateway, 'meter', 'waiting-person')
        assert one['model'] == ''
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'meter', 'active')
        stays(lambda: '/3303/0/5700' not in meter.asked, 1.5)
        with open(os.path.join(profiles, 'meter.conf'), 'w', encoding='ascii') as file:
            file.write(PROFILE)
        gateway.reload()
        record, = json.loads(recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])[0].payload)
        assert (record['n'], record['u'], record['v']) == ('temperature', 'Cel', 20)
        gateway.ctl('add', '127.0.0.1:%d' % meter.port, 'other')
        assert await_stage(gateway, 'other', 'waiting-person')['model'] == 'Thermometer'


def test_addresses_that_lead_nowhere(gateway):
    """Nothing is sent to what is not on the gateway's networks, and the reason is said."""
    for words in (('lamp.local',), ('127.0.0.1:0',), ('127.0.0.1', 'a b'), ('',)):
        assert refused(gateway, *words)
    for far in ('8.8.8.8', '192.0.2.1', '2001:db8::1', '224.0.1.187', 'ff02::fd%lo', '0.0.0.0',
                '127.0.0.1%eth0'):
        assert refused(gateway, far)
    assert 'Nobody answers' in refused(gateway, '127.0.0.1:%d' % free_port(socket.SOCK_DGRAM))
    assert 'gateway is there' in refused(gateway, '127.0.0.1:%d' % gateway.coap_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(('127.0.0.5', 0))
        with StandardDevice(links='<coap://127.0.0.5:%d/>;ep="x",</>;ep="liar"' % other.getsockname()[1]):
            stays(lambda: not select.select([other], [], [], 0)[0], 0.5)
    with StandardDevice(links='x' * 10) as odd:
        assert 'list of what it offers' in refused(gateway, '127.0.0.1:%d' % odd.port)
    assert gateway.ctl('devices')['devices'] == []


def test_typed_at_the_page(gateway):
    """The form is there while the window is open, and tells what came of it."""
    page = people.set_up(gateway)
    assert not [one for one in page.get('/waiting').forms if one.action == '/devices/add']
    open_window(gateway)
    with StandardDevice(links='</>;ep="shed",' + LINKS) as shed:
        screen = page.get('/waiting')
        answer = page.submit(screen.form('/devices/add'), address='127.0.0.1:%d' % shed.port, ep='')
        assert 'shed is there' in answer.text
        await_stage(gateway, 'shed', 'waiting-person')
        answer = page.submit(page.get('/waiting').form('/devices/add'), address='over there', ep='')
        assert 'An address is an IPv4 or IPv6 address' in answer.text
