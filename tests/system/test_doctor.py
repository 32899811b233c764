# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a gateway, and its numbers: gatehousectl doctor and /metrics, with the real
daemon and tool."""

import http.client
import json
import re
import shutil
import socket
import subprocess

import pytest

from bed import coap
from bed.plain import PlainDevice, let_in
from bed.wait import until

DONE, REFUSED, USAGE, UNREACHABLE = range(4)


class ControlConnection(http.client.HTTPConnection):
    """HTTP over the control socket."""

    def __init__(self, path):
        super().__init__('localhost', timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def promtool(text):
    """Its check of what a scrape brings: what it has to say, '' when nothing."""
    done = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.strip() or ('' if done.returncode == 0 else 'it failed')


def metrics(gateway):
    """Every series with its value; what is no line of the format fails."""
    link = ControlConnection(gateway.socket_path)
    link.request('GET', '/metrics')
    answer = link.getresponse()
    text = answer.read().decode('ascii')
    link.close()
    assert answer.status == 200
    assert answer.getheader('Content-Type').startswith('text/plain; version=0.0.4')
    # Every scrape of every test here, where it is (Debian: prometheus); test_promtool wants it.
    if shutil.which('promtool'):
        assert promtool(text) == ''
    values = {}
    for line in text.splitlines():
        if line.startswith('#'):
            assert re.fullmatch(r'# (HELP|TYPE) gatehouse_[a-z_]+ .+', line), line
            continue
        series, value = re.fullmatch(
            r'(gatehouse_[a-z_]+(?:\{[a-z]+="[^"\\]*"\})?) ([-+.0-9eInf]+)', line).groups()
        assert series not in values
        values[series] = float(value)
    return values


def findings(gateway, code):
    done = gateway.tool('doctor', '--config', gateway.config_file, json=True)
    assert done.returncode == code, done
    answer = json.loads(done.stdout)
    return {one['check']: one for one in answer['findings']}


def test_doctor(make_gateway, work):
    gateway = make_gateway().start()
    found = findings(gateway, REFUSED)
    assert {'gateway', 'versions', 'configuration', 'permissions', 'clock', 'disk', 'outbox', 'uplink',
            'avahi', 'interfaces', 'alarms', 'heard', 'limits'} <= set(found)
    assert found['versions']['state'] == found['configuration']['state'] == 'ok'
    assert found['people']['remedy'] == 'Run: gatehousectl setup'
    assert found['uplink']['state'] == 'warning' and 'No broker' in found['uplink']['text']
    assert found['heard']['state'] == 'ok'
    for one in found.values():
        assert one['state'] == 'ok' or one['remedy'], one
    PlainDevice(gateway, 'late').enrol()
    assert 'window-closed' in findings(gateway, REFUSED)['heard']['text']
    text = gateway.tool('doctor', '--config', gateway.config_file).stdout
    assert max(len(line) for line in text.splitlines() if work not in line) <= 80
    assert re.search(r'^notice   heard .*\n +-> Open the onboarding window', text, re.M), text
    gateway.terminate()
    done = gateway.tool('doctor', '--config', gateway.config_file)
    assert done.returncode == UNREACHABLE
    assert re.search(r'^error    gateway ', done.stdout, re.M) and 'journalctl' in done.stdout
    assert re.search(r'^ok       configuration ', done.stdout, re.M)


@pytest.mark.usefixtures('recorder')
def test_metrics(make_gateway, broker):
    gateway = make_gateway(broker=broker).start()
    values = metrics(gateway)
    assert values['gatehouse_readings_accepted_total'] == 0
    assert values['gatehouse_devices{stage="active"}'] == 0
    one = let_in(gateway, 'counted')
    for number in range(5):
        assert one.report(number).code == coap.CHANGED
    until(lambda: metrics(gateway)['gatehouse_readings_delivered_total'] == 5, 30, 'readings arrive')
    values = metrics(gateway)
    assert values['gatehouse_readings_accepted_total'] == 5
    assert values['gatehouse_commit_seconds_count'] == values['gatehouse_publish_seconds_count'] == 5
    assert 0 < values['gatehouse_commit_seconds_sum'] < 60
    assert values['gatehouse_commit_seconds_bucket{le="+Inf"}'] == 5
    assert values['gatehouse_devices{stage="active"}'] == 1
    assert values['gatehouse_uplink_state{state="up"}'] == 1
    assert values['gatehouse_queue_readings'] == values['gatehouse_queue_age_seconds'] == 0
    gateway.tool('window', 'close')
    PlainDevice(gateway, 'stranger').enrol()
    assert metrics(gateway)['gatehouse_turned_away_total{reason="window-closed"}'] >= 1
    broker.stop()
    until(lambda: metrics(gateway)['gatehouse_uplink_state{state="up"}'] == 0, 60, 'the uplink is down')
    assert one.report(5).code == coap.CHANGED
    # How old the oldest is is known in an outage, and after a restart in one.
    for restarted in (False, True):
        if restarted:
            gateway.terminate()
            gateway.start()
        values = metrics(gateway)
        assert values['gatehouse_queue_readings'] == 1 and values['gatehouse_queue_age_seconds'] >= 0


@pytest.mark.skipif(not shutil.which('promtool'), reason='promtool is not installed')
def test_promtool(make_gateway):
    """The check that Prometheus brings has nothing to say about a gateway, and something about less
    than that."""
    gateway = make_gateway().start()
    assert metrics(gateway)['gatehouse_devices{stage="active"}'] == 0
    assert '_total' in promtool('# TYPE gatehouse_things counter\ngatehouse_things 1\n')


def test_metrics_on_the_page(make_gateway):
    closed = make_gateway().start()
    assert closed.page().get('/metrics').status == 404
    closed.terminate()
    gateway = make_gateway(config={'page': {'metrics': True}}).start()
    answer = gateway.page().get('/metrics')
    assert answer.status == 200 and b'gatehouse_build_info{version=' in answer.body
