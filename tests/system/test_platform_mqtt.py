# SPDX-License-Identifier: Apache-2.0
"""The platform mqtt: a static credential for each device, a session of its own under that user."""

import json
import os
import signal
import subprocess
import time

import paho.mqtt.client as mqtt
import pytest

import bed
from bed import Recorder, coap, own, until
from bed.broker import HOST, RECORDER_RIGHTS
from bed.gateway import ToolError
from bed.own import await_link, import_lines
from bed.plain import PlainDevice, await_stage, device, let_in, open_window, values


class Accounts:
    """A broker with a password file and an access list; both are read anew with SIGHUP."""

    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.access = os.path.join(directory, 'access')
        self.passwords = os.path.join(directory, 'passwords')
        self.rules = {}
        self._write()
        self.broker = bed.Broker(directory, users={'gateway': 'gateway-secret'},
                                 extra='acl_file %s\nlog_type debug' % self.access).start()
        self.allow('gateway', 'gatehouse/bed/status')

    def _write(self):
        with open(self.access, 'w', encoding='utf-8') as file:
            file.write(RECORDER_RIGHTS)
            for user, topics in self.rules.items():
                file.write('user %s\n' % user + ''.join('topic write %s\n' % topic for topic in topics))
        os.chmod(self.access, 0o644)

    def _reload(self):
        count = self.broker.log().count('Reloading config')
        self.broker.process.signal(signal.SIGHUP)
        until(lambda: self.broker.log().count('Reloading config') > count, 10, 'mosquitto has reloaded')

    def password(self, user, password):
        subprocess.run(['mosquitto_passwd', '-b', self.passwords, user, password], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        os.chmod(self.passwords, 0o644)
        self._reload()

    def allow(self, user, *topics):
        self.rules[user] = topics
        self._write()
        self._reload()


@pytest.fixture
def accounts(work):
    one = Accounts(os.path.join(work, 'broker'))
    yield one
    one.broker.stop()


@pytest.fixture
def recorder(accounts):
    one = Recorder(accounts.broker)
    yield one
    one.close()


@pytest.fixture
def gateway(make_gateway, accounts, work):
    return make_gateway(broker=accounts.broker,
                        config=own.configuration(work, 'gateway-secret')).start()


def waiting(gateway, ep):
    """Enrolled and waiting for a person."""
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    assert one.enrol().code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    return one


def admit(gateway, accounts, ep, user, password):
    """All the way in: imported, with an account of its own that may write its own topics alone."""
    import_lines(gateway, '%s,%s,%s' % (ep, user, password))
    one = waiting(gateway, ep)
    accounts.allow(user, 'gatehouse/bed/%s/#' % one.id)
    accounts.password(user, password)
    gateway.ctl('approve', one.id)
    await_stage(gateway, ep, 'active')
    await_link(gateway, ep, 'up')
    return one


def alarms(gateway):
    return {(one['id'], one['subject']) for one in gateway.ctl('alarms')['alarms']}


def connected(accounts, device_id):
    return accounts.broker.log().count(' as gatehouse-bed-%s (' % device_id)


def test_own_user_and_topics(gateway, accounts, recorder):
    """Each device publishes under its own user, and the broker holds it to its own topics."""
    alpha = admit(gateway, accounts, 'alpha', 'user-alpha', 'alpha secret')
    beta = admit(gateway, accounts, 'beta', 'user-beta', 'beta-secret')
    for value in range(50):
        assert alpha.report(value).code == coap.CHANGED
        assert beta.report(value).code == coap.CHANGED
    until(lambda: set(values(recorder, alpha.id).values()) == set(range(50))
          and set(values(recorder, beta.id).values()) == set(range(50)), 20, 'all readings arrive')
    log = accounts.broker.log()
    for one, user in ((alpha, 'user-alpha'), (beta, 'user-beta')):
        assert any(' as gatehouse-bed-%s (p5' % one.id in line and "u'%s'" % user in line
                   for line in log.splitlines())
        assert json.loads(recorder.wait('gatehouse/bed/%s/status' % one.id)[-1].payload)['state'] == 'approved'

    # With beta's topics taken from its user nothing of beta gets through, and alpha is not touched.
    accounts.allow('user-beta', 'gatehouse/bed/%s/#' % alpha.id)
    assert beta.report(1000).code == coap.CHANGED
    gateway.wait_log('The broker refused what its user published')
    assert alpha.report(2000).code == coap.CHANGED
    until(lambda: 2000 in values(recorder, alpha.id).values(), 20, 'alpha goes on')
    assert 1000 not in values(recorder, beta.id).values()
    assert device(gateway, 'beta')['queued'] == 1
    accounts.allow('user-beta', 'gatehouse/bed/%s/#' % beta.id)
    gateway.restart()
    until(lambda: 1000 in values(recorder, beta.id).values(), 30, 'what waited arrives')


def test_wrong_password(gateway, accounts, recorder):
    """Refused: said, an alarm, and no second try until somebody replaces the token."""
    import_lines(gateway, 'ep,username,password', 'gamma,user-gamma,wrong')
    gamma = waiting(gateway, 'gamma')
    accounts.allow('user-gamma', 'gatehouse/bed/%s/#' % gamma.id)
    accounts.password('user-gamma', 'right')
    gateway.ctl('approve', gamma.id)
    await_stage(gateway, 'gamma', 'trouble')
    assert device(gateway, 'gamma')['link'] == 'refused'
    assert ('credential-refused', gamma.id) in alarms(gateway)
    gateway.wait_log('The broker refuses its credential')

    assert gamma.report(1).code == coap.CHANGED, 'what it measures is kept'
    tries = accounts.broker.log().count('New connection from')
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(1)
        gateway.ctl('show', gamma.id)
    assert accounts.broker.log().count('New connection from') == tries, 'no hot loop'
    assert connected(accounts, gamma.id) == 0

    # The same wrong one again changes nothing for the better, and is tried once.
    import_lines(gateway, 'gamma,user-gamma,wrong')
    until(lambda: accounts.broker.log().count('New connection from') == tries + 1, 10, 'one try')
    await_stage(gateway, 'gamma', 'trouble')

    done = gateway.tool('tokens', 'replace', 'gamma', '--username', 'user-gamma', stdin='right\n')
    assert done.returncode == 0, done.stderr
    assert '1 token was saved: 0 new, 1 replaced.' in done.stdout
    await_stage(gateway, 'gamma', 'active')
    until(lambda: 1 in values(recorder, gamma.id).values(), 20, 'what waited arrives')
    assert ('credential-refused', gamma.id) not in alarms(gateway)


def test_replace_while_up(gateway, accounts, recorder):
    """A new token is taken at once; the old account may go."""
    delta = admit(gateway, accounts, 'delta', 'old-user', 'one')
    accounts.allow('new-user', 'gatehouse/bed/%s/#' % delta.id)
    accounts.password('new-user', 'two')
    before = connected(accounts, delta.id)
    import_lines(gateway, 'delta,new-user,two')
    until(lambda: connected(accounts, delta.id) == before + 1, 20, 'it connects anew')
    assert delta.report(7).code == coap.CHANGED
    until(lambda: 7 in values(recorder, delta.id).values(), 20, 'it arrives')
    assert any("u'new-user'" in line and delta.id in line for line in accounts.broker.log().splitlines())
    # The one that it has already: nothing happens.
    import_lines(gateway, 'delta,new-user,two')
    assert delta.report(8).code == coap.CHANGED
    until(lambda: 8 in values(recorder, delta.id).values(), 20, 'it arrives')
    assert connected(accounts, delta.id) == before + 1
    assert alarms(gateway) == set()


def test_revoke_and_forget(gateway, accounts, recorder):
    epsilon = admit(gateway, accounts, 'epsilon', 'user-epsilon', 'secret-e')
    assert epsilon.report(1).code == coap.CHANGED
    until(lambda: 1 in values(recorder, epsilon.id).values(), 20, 'it arrives')
    gateway.ctl('revoke', epsilon.id)
    assert epsilon.report(2).code == coap.FORBIDDEN
    status = recorder.wait('gatehouse/bed/%s/status' % epsilon.id,
                           where=lambda got: json.loads(got.payload or '{}').get('state') == 'revoked')
    assert status
    until(lambda: 'Client gatehouse-bed-%s disconnected' % epsilon.id in accounts.broker.log(), 10,
          'its session ends')
    assert [one['ep'] for one in gateway.ctl('tokens', 'list')['tokens']] == ['epsilon']
    gateway.ctl('forget', epsilon.id)
    assert gateway.ctl('tokens', 'list') == {'total': 0, 'tokens': [], 'operator_since': None}


def test_broker_away(gateway, accounts, recorder):
    """Both kinds of session come back, with what waited."""
    zeta = admit(gateway, accounts, 'zeta', 'user-zeta', 'secret-z')
    assert zeta.report(1).code == coap.CHANGED
    until(lambda: 1 in values(recorder, zeta.id).values(), 20, 'it arrives')
    accounts.broker.stop()
    await_link(gateway, 'zeta', 'down')
    for value in range(2, 60):
        assert zeta.report(value).code == coap.CHANGED
    accounts.broker.start()
    recorder.wait_subscribed(30)
    until(lambda: set(values(recorder, zeta.id).values()) == set(range(1, 60)), 60, 'all of it arrives')
    order = list(values(recorder, zeta.id).values())
    assert order == sorted(order)
    gateway.restart(kill=True)
    await_link(gateway, 'zeta', 'up')
    assert zeta.report(60).code == coap.CHANGED
    until(lambda: 60 in values(recorder, zeta.id).values(), 20, 'it arrives after a restart')


def _client(client_id):
    if hasattr(mqtt, 'CallbackAPIVersion'):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    return mqtt.Client(client_id, protocol=mqtt.MQTTv5)


def test_two_under_one_identity(gateway, accounts):
    """They take each other's place: tries become rare instead of frequent. (This broker does not say
    that a session was taken over; where one does, there is an alarm.)"""
    eta = admit(gateway, accounts, 'eta', 'user-eta', 'secret-h')
    thief = _client('gatehouse-bed-' + eta.id)
    thief.username_pw_set('user-eta', 'secret-h')
    thief.reconnect_delay_set(1, 1)
    thief.connect(HOST, accounts.broker.port, keepalive=77)
    thief.loop_start()
    try:
        gateway.wait_log('Its session at .* is up', timeout=60, count=4)
    finally:
        thief.disconnect()
        thief.loop_stop()
    await_link(gateway, 'eta', 'up', 60)
    # When each one came is the broker's word, in seconds; the thief is the one with another keep-alive.
    came = [int(line.split(':')[0]) for line in accounts.broker.log().splitlines()
            if ' as gatehouse-bed-%s (' % eta.id in line and ', k77,' not in line]
    assert came[3] - came[1] >= 2


def test_without_token(gateway):
    """Nobody is taken in without a credential, and it is said what to do."""
    theta = waiting(gateway, 'theta')
    with pytest.raises(ToolError) as refused:
        gateway.ctl('approve', theta.id)
    assert 'Import a token for theta first' in refused.value.stderr
    assert device(gateway, 'theta')['stage'] == 'waiting-person'


def test_import_is_all_or_nothing(gateway, work):
    """Lines that cannot be taken are named, and then none is."""
    path = os.path.join(work, 'tokens.csv')
    with open(path, 'w', encoding='utf-8', newline='') as file:
        file.write('\ufeffep,username,password\r\n'
                   'one,user,"a,b""c"\r\n'
                   '\r\n'
                   'two,user\r\n'
                   'th ree,user,secret\r\n'
                   'four,user,%s\r\n'
                   'five,,secret\r\n'
                   'one,user,other\r\n'
                   'six,user,"open\r\n' % ('x' * 1025))
    done = gateway.tool('tokens', 'import', path)
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith('line ')] == \
        ['4', '5', '6', '7', '9', '8']
    assert 'Nothing was imported: 6 lines cannot be taken.' in done.stderr
    assert 'secret' not in done.stderr and 'xxx' not in done.stderr
    assert gateway.ctl('tokens', 'list')['total'] == 0

    # What the tool would not send the gateway refuses as well.
    import http.client
    import socket

    class Control(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(gateway.socket_path)

    def put(body):
        connection = Control('localhost')
        connection.request('PUT', '/api/v1/tokens', json.dumps(body), {'Content-Type': 'application/json'})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    good = {'ep': 'one', 'username': 'u', 'password': 'canary-7f3a'}
    assert put({'tokens': [good, {**good, 'password': ''}]})[0] == 400
    assert put({'tokens': [good, {**good, 'paswort': 'x'}]})[1]['refused'][0]['line'] == 2
    assert put({'tokens': [good, good]})[0] == 400
    assert put({'tokens': [good], 'import': 77})[0] == 409
    assert put([good])[0] == 400
    status, answer = put({'tokens': [good], 'more': True})
    assert status == 200 and answer['import']
    assert gateway.ctl('tokens', 'list')['total'] == 0
    assert put({'tokens': [{**good, 'ep': 'two'}], 'import': answer['import']})[1]['tokens'] == 2
    assert [one['ep'] for one in gateway.ctl('tokens', 'list')['tokens']] == ['one', 'two']
    assert gateway.ctl('tokens', 'drop', 'one')['result'] == 'done'
    assert [one['ep'] for one in gateway.ctl('tokens', 'list')['tokens']] == ['two']
    rows = gateway.ctl('journal')['rows']
    assert [(row['action'], row['object']) for row in rows[:2]] == \
        [('token drop', 'one'), ('tokens import', '2 names')]
    gateway.terminate()
    for folder in (gateway.state_directory, gateway.directory):
        for name in os.listdir(folder):
            whole = os.path.join(folder, name)
            if os.path.isfile(whole):
                with open(whole, 'rb') as file:
                    assert b'canary-7f3a' not in file.read(), whole
    gateway.start()
    assert gateway.ctl('tokens', 'list')['total'] == 1


def test_long_file(gateway):
    """Parts, with a word on how far it is; more than there may be is refused as a whole."""
    lines = ['device-%05d,user-%05d,secret-%05d' % (at, at, at) for at in range(3000)]
    done = gateway.tool('tokens', 'import', '-', stdin='\n'.join(lines), timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '3000 tokens were saved: 3000 new, 0 replaced.'
    assert '3000 of 3000 tokens sent' in done.stderr and len(done.stderr.splitlines()) > 5
    listed = gateway.ctl('tokens', 'list')
    assert listed['total'] == 3000
    assert [one['ep'] for one in listed['tokens']] == sorted(line.split(',')[0] for line in lines)
    gateway.restart(kill=True)
    assert gateway.ctl('tokens', 'list')['total'] == 3000


def test_record_keeps_its_platform(make_gateway, accounts, recorder, work):
    """What was taken in as 'local' stays that, beside devices of 'mqtt'."""
    accounts.allow('gateway', 'gatehouse/bed/#')
    gateway = make_gateway(broker=accounts.broker, config={
        'mqtt': own.configuration(work, 'gateway-secret')['mqtt']}).start()
    old = let_in(gateway, 'old')
    gateway.terminate()
    gateway.configure({'platform': {'default': 'mqtt'}})
    gateway.start()
    new = admit(gateway, accounts, 'new', 'user-new', 'secret-n')
    assert device(gateway, 'old')['platform'] == 'local' and device(gateway, 'new')['platform'] == 'mqtt'
    for value in range(20):
        assert old.report(value).code == coap.CHANGED and new.report(value).code == coap.CHANGED
    until(lambda: len(values(recorder, old.id)) == 20 and len(values(recorder, new.id)) == 20, 20,
          'both kinds arrive')
