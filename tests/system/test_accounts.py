# SPDX-License-Identifier: Apache-2.0
"""The platform local with an account at the broker for each device: mosquitto's dynamic security."""

import os
import threading

import pytest

from bed import Recorder, coap, until
from bed.accounts import AccountBroker, _client
from bed.broker import HOST
from bed.old_broker import Listener
from bed.plain import await_stage, device, let_in, open_window, values, PlainDevice
from bed.wait import stays


@pytest.fixture
def broker(work):
    one = AccountBroker(os.path.join(work, 'broker')).start()
    yield one
    one.stop()


@pytest.fixture
def recorder(broker):
    one = Recorder(broker, user='recorder', password='recorder-secret')
    yield one
    one.close()


@pytest.fixture
def ear(broker):
    """Between gateway and broker: it hears who connects as whom."""
    one = Listener(broker)
    yield one
    one.close()


@pytest.fixture
def gateway(make_gateway, ear, work):
    password = os.path.join(work, 'password')
    with open(password, 'w', encoding='utf-8') as file:
        file.write('gateway-secret\n')
    os.chmod(password, 0o644)
    return make_gateway(config={
        'mqtt': {'host': HOST, 'port': ear.port, 'tls': False, 'username': 'gateway',
                 'password_file': password},
        'platform': {'local_accounts': True}}).start()


class Thief:
    """Somebody who took a device's credential, under its client id as the account wants it."""

    def __init__(self, broker, client_id, user, password):
        self.answers, self.cut = [], threading.Event()
        self.answered = threading.Event()
        self.client = _client(client_id)
        self.client.username_pw_set(user, password)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.cut.set()
        self.client.connect(HOST, broker.port)
        self.client.loop_start()
        assert self.answered.wait(60)

    def _on_connect(self, _client_, _userdata, _flags, reason, *_):
        self.answers.append(str(reason))
        self.answered.set()
        if reason != 0:
            self.client.disconnect()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def credential(ear, one):
    """(user, password) that the device's session came with last."""
    return until(lambda: ear.credentials.get('gatehouse-bed-' + one.id), 20, 'it connected')


def test_an_account_for_each_device(gateway, broker, recorder, ear):
    """Made at approval, used for the device's own session, and good for its own topics alone."""
    one, other = let_in(gateway, 'one'), let_in(gateway, 'other', host='127.0.0.2')
    assert len(broker.device_users()) == 2
    for each in (one, other):
        until(lambda: device(gateway, each.ep)['link'] == 'up', 20)
        for value in range(5):
            assert each.report(value).code == coap.CHANGED
        until(lambda: set(values(recorder, each.id).values()) == set(range(5)), 20, 'all arrive')
        user, password = credential(ear, each)
        assert user in broker.device_users() and user.startswith('gatehouse-bed-%s-' % each.id)
        assert len(password) >= 30
        log = broker.log()
        assert "as gatehouse-bed-%s (p5" % each.id in log and "u'%s'" % user in log
    assert credential(ear, one)[1] != credential(ear, other)[1]
    # neither the password nor another's topics
    status = recorder.wait('gatehouse/bed/%s/status' % one.id)
    assert status
    recorder.forget()
    thief = Thief(broker, 'gatehouse-bed-' + one.id, *credential(ear, one))
    assert thief.answers == ['Success']
    thief.client.publish('gatehouse/bed/%s/telemetry' % other.id, b'[{"n":"forged"}]', 1)
    thief.client.publish('gatehouse/bed/status', b'{}', 1, retain=True)
    thief.client.publish('gatehouse/bed/%s/telemetry' % one.id, b'[{"n":"own"}]', 1)
    recorder.wait('gatehouse/bed/%s/telemetry' % one.id, where=lambda got: b'own' in got.payload)
    # The gateway itself may speak of its state meanwhile.
    assert not [got for got in recorder.messages() if b'forged' in got.payload
                or got.topic == 'gatehouse/bed/status' and got.payload == b'{}']
    thief.close()


def test_revoked_at_the_broker(gateway, broker, recorder, ear):
    """Revoked: the last word is there, the account is gone, whoever holds it is cut and refused."""
    one = let_in(gateway, 'gone')
    assert one.report(1).code == coap.CHANGED
    until(lambda: 1 in values(recorder, one.id).values(), 20)
    user, password = credential(ear, one)
    gateway.ctl('revoke', one.id)
    recorder.wait('gatehouse/bed/%s/status' % one.id, where=lambda got: b'"revoked"' in got.payload)
    until(lambda: not broker.device_users(), 20, 'the account is deleted')
    assert not [role for role in broker.roles_there() if role.startswith('gatehouse-')]
    refused = Thief(broker, 'gatehouse-bed-' + one.id, user, password)
    assert refused.answers != ['Success']
    refused.close()
    # taken in anew it has another one
    gateway.ctl('forget', one.id)
    open_window(gateway)
    again = PlainDevice(gateway, 'gone')
    again.enrol()
    gateway.ctl('approve', await_stage(gateway, 'gone', 'waiting-person')['id'])
    again.id = await_stage(gateway, 'gone', 'active')['id']
    assert again.report(2).code == coap.CHANGED
    until(lambda: 2 in values(recorder, again.id).values(), 20)
    assert credential(ear, again)[0] != user and len(broker.device_users()) == 1


def test_the_broker_cuts_the_session(gateway, broker, recorder, ear):
    """It is not left to whoever connected to go: a stolen session ends with the account."""
    one = let_in(gateway, 'stolen')
    until(lambda: device(gateway, 'stolen')['link'] == 'up', 20)
    gateway.process.signal(19)  # the gateway itself does nothing now
    thief = Thief(broker, 'gatehouse-bed-' + one.id, *credential(ear, one))
    assert thief.answers == ['Success']
    thief.cut.clear()
    gateway.process.signal(18)
    gateway.ctl('revoke', one.id)
    assert thief.cut.wait(80), 'the broker ends the session'
    until(lambda: not broker.device_users(), 20)
    thief.close()


@pytest.mark.parametrize('what', ['revoke', pytest.param('release', marks=pytest.mark.long)])
def test_killed_before_the_broker_knows(gateway, broker, recorder, ear, what):
    """The decision is on disk, the broker is away, the gateway is killed: the account goes when both
    are back, whatever became of the device."""
    one = let_in(gateway, 'killed')
    user, password = credential(ear, one)
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20)
    gateway.ctl(what, one.id)
    if what == 'revoke':
        gateway.ctl('forget', one.id)
    gateway.kill()
    broker.start()
    assert broker.device_users() == [user]
    gateway.start()
    until(lambda: not broker.device_users(), 40, 'the account is deleted after all')
    gateway.restart(kill=True)
    recorder.wait_subscribed(30)
    assert one.report(9).code == coap.FORBIDDEN
    stays(lambda: not broker.device_users(), 1)


def test_cancelled_while_the_account_is_made(gateway, broker, ear):
    """Approved while the broker is away: nothing is made twice, and a rejection makes it go."""
    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20)
    open_window(gateway)
    one = PlainDevice(gateway, 'early')
    one.enrol()
    one.id = await_stage(gateway, 'early', 'waiting-person')['id']
    gateway.ctl('approve', one.id)
    await_stage(gateway, 'early', 'waiting-platform')
    gateway.restart(kill=True)
    assert one.report(1).code == coap.FORBIDDEN
    broker.start()
    await_stage(gateway, 'early', 'active', 60)
    assert len(broker.device_users()) == 1

    broker.stop()
    until(lambda: gateway.ctl('status')['uplink']['state'] != 'up', 20)
    open_window(gateway)
    other = PlainDevice(gateway, 'never', host='127.0.0.2')
    other.enrol()
    other.id = await_stage(gateway, 'never', 'waiting-person')['id']
    gateway.ctl('approve', other.id)
    await_stage(gateway, 'never', 'waiting-platform')
    gateway.ctl('reject', other.id)
    gateway.kill()
    broker.start()
    gateway.start()
    until(lambda: gateway.ctl('status')['uplink']['state'] == 'up', 30)
    stays(lambda: len(broker.device_users()) == 1, 2)


@pytest.mark.long
def test_renewed(gateway, broker, recorder, ear):
    """Half of its life over, a token becomes another account, and the former one goes."""
    gateway.terminate()
    gateway.configure({'platform': {'local_lease': 12}})
    gateway.start()
    one = let_in(gateway, 'renewed')
    first = credential(ear, one)[0]
    until(lambda: credential(ear, one)[0] != first, 30, 'another account is used')
    until(lambda: first not in broker.device_users(), 20, 'the former one is deleted')
    assert one.report(5).code == coap.CHANGED
    until(lambda: 5 in values(recorder, one.id).values(), 20, 'it goes on')
    assert len(broker.device_users()) <= 2
