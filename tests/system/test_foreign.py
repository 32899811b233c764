# SPDX-License-Identifier: Apache-2.0
"""Devices that somebody else wrote: libcoap's coap-client and node-coap."""

import json
import os
import subprocess

from bed import enter, until
from bed.plain import await_stage, open_window, values

NODE_DEVICE = os.path.join(os.path.dirname(__file__), 'node-device.js')


def coap_client(gateway, path, payload, content_format, port):
    """libcoap's client; it answers an Echo challenge by itself. Returns what it printed."""
    done = subprocess.run(
        ['coap-client-notls', '-B', '60', '-p', str(port), '-m', 'post', '-t', str(content_format),
         '-e', payload, 'coap://127.0.0.1:%d/%s' % (gateway.coap_port, path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr


def test_libcoap_client(gateway, recorder):
    from bed.wait import free_port
    import socket
    port = free_port(socket.SOCK_DGRAM)
    open_window(gateway)

    def enrolled():
        coap_client(gateway, 'enrol?ep=libcoap', '{"model":"coap-client"}', 50, port)
        return any(one['ep'] == 'libcoap' for one in gateway.ctl('devices')['devices'])
    until(enrolled, 40, 'coap-client is enrolled')
    one = await_stage(gateway, 'libcoap', 'waiting-person')
    assert one['model'] == 'coap-client'
    gateway.ctl('approve', one['id'])
    await_stage(gateway, 'libcoap', 'active')
    said = coap_client(gateway, 't?ep=libcoap', '[{"n":"seq","v":3}]', 110, port)
    assert '4.' not in said and '5.' not in said, said
    recorder.wait('gatehouse/bed/%s/telemetry' % one['id'])
    assert set(values(recorder, one['id']).values()) == {3}


def test_node_coap(gateway, recorder):
    open_window(gateway)
    device = subprocess.Popen(['node', NODE_DEVICE, '127.0.0.1', str(gateway.coap_port), 'node-1', '5'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              cwd=os.path.join(enter.ROOT, 'tests'))
    try:
        one = await_stage(gateway, 'node-1', 'waiting-person')
        gateway.ctl('approve', one['id'])
        output, _ = device.communicate(timeout=240)
    finally:
        device.kill()
        device.wait()
    events = [json.loads(line) for line in output.splitlines()]
    acknowledged = [event['value'] for event in events if event['event'] == 'acknowledged']
    assert acknowledged == [1, 2, 3, 4, 5], events
    recorder.wait('gatehouse/bed/%s/telemetry' % one['id'], 5)
    assert sorted(values(recorder, one['id']).values()) == [1, 2, 3, 4, 5]


def test_libcoap_server(gateway, recorder):
    """Typed, approved, and observed: its links say which resource tells of changes by itself."""
    import socket
    from bed.wait import free_port
    port = free_port(socket.SOCK_DGRAM)
    server = subprocess.Popen(['coap-server-notls', '-A', '127.0.0.1', '-p', str(port)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        open_window(gateway)
        found = []

        def there():
            done = gateway.tool('add', '127.0.0.1:%d' % port, 'clock', json=True)
            found.append(done.stderr)
            return done.returncode == 0
        until(there, 40, 'coap-server answers')
        one = await_stage(gateway, 'clock', 'waiting-person')
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'clock', 'active')
        # it notifies every second, which no reading by the minute would bring
        messages = recorder.wait('gatehouse/bed/%s/telemetry' % one['id'], 3, timeout=20)
        assert {json.loads(message.payload)[0]['n'] for message in messages} == {'time'}
    finally:
        server.kill()
        server.wait()
