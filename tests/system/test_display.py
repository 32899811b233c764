# SPDX-License-Identifier: Apache-2.0
"""The three ways in which a verification code reaches a person: the device's display as a resource,
its answer to an enrolment, and, where neither can be read, this gateway; and that it is gone
everywhere when it is over. The device with the resource is the simulated one, and one on node-coap,
which also proves its label, tells of changes by itself and answers in blocks."""

import itertools
import json
import os
import socket
import subprocess
import sys

import pytest

from bed import enter, until
from bed.label import Label
from bed.plain import PlainDevice, await_stage, device, open_window
from bed.wait import free_port

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import Spotflow  # noqa: E402
from way_in import alarms, configuration, import_pt  # noqa: E402

NODE_SERVER = os.path.join(os.path.dirname(__file__), 'node-server.js')


def events(process, kind):
    found = [json.loads(line) for line in process.log().splitlines() if line.startswith('{')]
    return [one for one in found if one['event'] == kind]


def await_event(process, kind, where=lambda event: True, timeout=30):
    return until(lambda: [one for one in events(process, kind) if where(one)], timeout,
                 '%s says %s' % (process.name, kind))[-1]


class Foreign:
    """The device on node-coap."""

    def __init__(self, work, label):
        self.name, self.label = 'node-server', label
        self.port = free_port(socket.SOCK_DGRAM)
        self.log_path = os.path.join(work, 'node-server.log')
        self.start()

    def start(self):
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                ['node', NODE_SERVER, str(self.port), self.label.ep, self.label.key('claim').hex()],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True,
                cwd=os.path.join(enter.ROOT, 'tests'))

    def log(self):
        with open(self.log_path, encoding='utf-8') as log:
            return log.read()

    def answers(self, code):
        """What its display answers from now on."""
        self.process.stdin.write(code + '\n')
        self.process.stdin.flush()
        await_event(self, 'answers', lambda event: event['refusal'] == code)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def shows(self):
        """What a person reads off it."""
        taken = [one for one in events(self, 'display') if not one['refused']]
        return taken[-1]['text'] if taken else ''


@pytest.fixture
def panel(work):
    foreign = Foreign(work, Label('panel'))
    await_event(foreign, 'listening')
    yield foreign
    foreign.stop()


def find(gateway, foreign):
    """Somebody types its address."""
    def there():
        return gateway.tool('add', '127.0.0.1:%d' % foreign.port, foreign.label.ep).returncode == 0
    open_window(gateway)
    until(there, 40, 'it answers')
    return await_stage(gateway, foreign.label.ep, 'waiting-person')


def code_at(gateway, ep):
    return device(gateway, ep)['code_at']


def journal(gateway, action):
    return [row for row in gateway.ctl('journal')['rows'] if row['action'] == action]


def test_a_foreign_display(make_gateway, broker, recorder, panel):
    """Label, display, state, observed and long readings of a device that somebody else wrote."""
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 2}}).start()
    done = gateway.tool('codes', 'import', '-', stdin='ep,code\n%s,%s\n' % (panel.label.ep, panel.label.code),
                        timeout=60)
    assert done.returncode == 0, done.stderr
    one = find(gateway, panel)
    assert one['display'] and one['code_at'] is None
    until(lambda: device(gateway, 'panel')['trust'] == 'claimed', 30, 'its proof counts')
    gateway.ctl('admit', one['id'])
    shown = await_event(panel, 'display')
    assert shown['method'] == 'PUT' and len(shown['text']) == 9
    until(lambda: code_at(gateway, 'panel') == 'display')
    assert 'code' not in device(gateway, 'panel')
    assert 'show-code' in device(gateway, 'panel')['actions']
    wrong = gateway.tool('approve', one['id'], '--code', 'BBBB-BBBB')
    assert wrong.returncode != 0 and panel.shows() == shown['text']
    gateway.ctl('approve', one['id'], '--code', panel.shows(), '--owner', 'Works Ltd')
    await_stage(gateway, 'panel', 'active')
    until(lambda: panel.shows() == '', 30, 'cleared on success')
    assert device(gateway, 'panel')['evidence'] == 'display-code'
    await_event(panel, 'status', lambda event: event['state'] == 'approved' and event['owner'] == 'Works Ltd')
    # it tells of changes by itself, and was asked to once
    topic = 'gatehouse/bed/%s/telemetry' % one['id']

    def readings(name):
        found = [json.loads(message.payload) for message in recorder.messages(topic)]
        return [records for records in found if records[0]['n'].startswith(name)]
    until(lambda: len(readings('told')) >= 3, 30, 'observed')
    assert [one['observed'] for one in events(panel, 'temperature')] == [True]
    # a hundred records, which no datagram holds, come by Block2 and are one reading
    records = until(lambda: readings('line-'), 30, 'polled')[0]
    assert [record['v'] for record in records] == list(range(100))
    gateway.ctl('release', one['id'])
    await_event(panel, 'status', lambda event: event['state'] == 'pending' and 'owner' not in event)
    await_stage(gateway, 'panel', 'waiting-person')


def test_cleared_over_restarts(gateway, panel):
    """A code that is still good is shown again; one that is over is cleared, whoever was away."""
    one = find(gateway, panel)
    gateway.ctl('admit', one['id'])
    code = until(panel.shows, 30, 'its code')
    gateway.restart(kill=True)
    until(lambda: len(events(panel, 'display')) >= 2, 40, 'shown again')
    assert panel.shows() == code
    # rejected while its display does not answer, and the gateway ends before it does
    panel.answers('5.03')
    gateway.ctl('reject', one['id'])
    until(lambda: events(panel, 'display')[-1]['method'] == 'DELETE', 30, 'tried')
    assert panel.shows() == code
    gateway.restart(kill=True)
    panel.answers('')
    until(lambda: panel.shows() == '', 60, 'cleared after the restart')


@pytest.mark.skipif(not hub.plugin(), reason='mosquitto has no dynamic security here')
def test_cleared_on_expiry(make_gateway, work, panel):
    """Nobody comes to read it: an operation that is over is opened anew, twice, each time with a code
    of its own, and when the last one is over nothing is left on the display."""
    platform = Spotflow(os.path.join(work, 'platform'), operation_life=8).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    try:
        gateway = make_gateway(config=configuration(platform)).start()
        import_pt(gateway, platform, 'panel')
        one = find(gateway, panel)
        gateway.ctl('admit', one['id'])
        until(lambda: ('operation-failed', one['id']) in alarms(gateway), 120, 'nobody approved it')
        until(lambda: panel.shows() == '', 60, 'cleared on expiry')
        said = [event for event in events(panel, 'display') if not event['refused']]
        # What a slow display answered too late is said again.
        shown = [text for text, _ in itertools.groupby(event['text'] for event in said if event['method'] == 'PUT')]
        assert shown and len(set(shown)) == len(shown) and said[-1]['method'] == 'DELETE', said
        assert set(shown) <= {operation.code for operation in platform.operations.values()}
        assert code_at(gateway, 'panel') is None
    finally:
        platform.stop()


def test_a_display_that_is_not_reached(gateway, panel):
    """It is tried again; a technician with a fresh password may see the code here, for this operation
    alone, and the journal and the device say that it was so."""
    panel.answers('5.03')
    one = find(gateway, panel)
    gateway.ctl('admit', one['id'])
    until(lambda: code_at(gateway, 'panel') == 'missed', 30, 'the page may offer it')
    assert 'code' not in device(gateway, 'panel')
    until(lambda: len(events(panel, 'display')) >= 2, 60, 'tried again')
    done = gateway.tool('show-code', one['id'])
    assert done.returncode == 0, done.stderr
    code = device(gateway, 'panel')['code']
    assert code in done.stdout
    assert events(panel, 'display')[-1]['text'] == code
    row, = journal(gateway, 'show code')
    assert (row['object'], row['evidence'], row['result']) == (one['id'], 'shown-by-gateway', 'done')
    gateway.restart(kill=True)
    assert device(gateway, 'panel')['code'] == code, 'it stays so over a restart'
    gateway.ctl('approve', one['id'], '--code', code)
    assert await_stage(gateway, 'panel', 'active')['evidence'] == 'shown-by-gateway'


def test_the_answer_of_an_enrolment(gateway):
    """It has a display and is no server: the code is with its answer, and with nobody else's."""
    open_window(gateway)
    sensor = PlainDevice(gateway, 'meter')
    sensor.enrol(display=True)
    one = await_stage(gateway, 'meter', 'waiting-person')
    gateway.ctl('admit', one['id'])
    until(lambda: code_at(gateway, 'meter') == 'sending')
    code = sensor.state(sensor.enrol(display=True))['code']
    assert code_at(gateway, 'meter') == 'display' and 'code' not in device(gateway, 'meter')
    gateway.ctl('reject', one['id'])
    assert 'code' not in sensor.state(sensor.enrol(display=True)), 'cleared on cancel'
    assert code_at(gateway, 'meter') is None
    gateway.ctl('admit', one['id'])
    again = until(lambda: sensor.state(sensor.enrol(display=True)).get('code'))
    assert again != code
    gateway.ctl('approve', one['id'], '--code', again)
    assert 'code' not in sensor.state(sensor.enrol(display=True)), 'cleared on success'
    assert device(gateway, 'meter')['evidence'] == 'display-code'


@pytest.mark.mdns
def test_the_simulated_display(make_gateway, broker, avahi, sensor):
    gateway = make_gateway(broker=broker, mdns=True).start()
    open_window(gateway)
    one = sensor('lcd', ep='lcd', mode='server', advertise=True, display=True)
    record = await_stage(gateway, 'lcd', 'waiting-person')
    assert record['display']
    gateway.ctl('admit', record['id'])
    code = await_event(one, 'code')['code']
    gateway.ctl('approve', record['id'], '--code', code)
    assert await_event(one, 'code', lambda event: not event['code']) and \
        await_stage(gateway, 'lcd', 'active')['evidence'] == 'display-code'
