# SPDX-License-Identifier: Apache-2.0
"""The platform spotflow when things go wrong: the daemon is killed at every step of the way, the
platform has every fault that a stand-in can have, and what was given is taken away again. What the
gateway does, and what it says."""

import os
import sys

import pytest

import bed.certificates
from bed import coap, until
from bed.plain import await_stage, device

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import Spotflow  # noqa: E402
from way_in import (admitted, alarms, arrived, asking, await_link, await_operation,  # noqa: E402
                    configuration, hub_id, import_pt, operation, taken_in, words_of_platform)

pytestmark = pytest.mark.skipif(not hub.plugin(), reason='mosquitto has no dynamic security here')


@pytest.fixture
def make_platform(work):
    made = []

    def make(**options):
        one = Spotflow(os.path.join(work, 'platform'), **options).start()
        os.chmod(os.path.join(work, 'platform'), 0o755)
        made.append(one)
        return one
    yield make
    for one in made:
        one.stop()


@pytest.fixture
def platform(make_platform):
    return make_platform()


@pytest.fixture
def gateway(make_gateway, platform):
    return make_gateway(config=configuration(platform)).start()


# ---- killed at every step ----


class Killer:
    """SIGKILL before a request is worked on, or when it is worked on and its answer never goes out."""

    def __init__(self, gateway, platform):
        self.gateway, self.platform = gateway, platform

    def order(self, path, when):
        self.platform.faults.order(path, **{when: self.gateway.process.kill})

    def await_death(self, timeout=90):
        until(lambda: not self.gateway.process.alive, timeout, 'it is killed')
        self.gateway.kill()
        self.gateway.start()


def report(one, values):
    """Every one of them is acknowledged, by whatever try."""
    for value in values:
        until(lambda: one.report(value).code == coap.CHANGED, 30, 'the reading %d is taken' % value)


def report_until_dead(one, gateway, value):
    """The next value that was not reported. What went unanswered is nobody's promise."""
    while gateway.process.alive:
        try:
            one.report(value, timeout=3)
        except coap.Silence:
            pass
        value += 1
    return value


def open_there(platform, ep_id):
    return [one for one in platform.operations.values() if one.wanted == ep_id and one.state == 'open']


WAY_IN = [('init', 'before'), ('init', 'after'), ('complete', 'before'), ('complete', 'after'),
          ('register', 'before'), ('register', 'after')]


def kill_on_the_way_in(gateway, platform, killer, path, when, approved):
    """One device, killed at that request; 'approved' before it is asked."""
    ep = '%s-%s%s' % (path, when, '-yes' if approved else '')
    one = asking(gateway, platform, ep)
    if path == 'register' or path == 'complete' and approved:
        gateway.ctl('admit', one.id)
        known = await_operation(gateway, ep)
        killer.order(path, when)
        platform.approve(known['id'])
    else:
        killer.order(path, when)
        gateway.ctl('admit', one.id)
    killer.await_death()
    code = None
    if not approved and path != 'register':
        known = await_operation(gateway, ep)
        code = platform.operations[known['id']].code
        assert gateway.ctl('show', one.id)['code'] == code, 'the same code, sealed with it'
        platform.approve(known['id'])
    await_stage(gateway, ep, 'active', 60)
    await_link(gateway, ep)
    # An INIT whose answer nobody heard has left one there that nobody can know.
    lost = (path, when) == ('init', 'after')
    inits = [other for other in platform.operations.values() if other.wanted == one.id]
    assert len(inits) == 1 + lost and len(open_there(platform, one.id)) == lost
    report(one, range(3))
    until(lambda: arrived(platform, one) == [0, 1, 2], 60, 'they arrive')
    assert words_of_platform(gateway, one) == ['operation', 'approve', 'bind']
    one.close()


@pytest.mark.long
@pytest.mark.deadline(900)
def test_killed_on_the_way_in(gateway, platform):
    killer = Killer(gateway, platform)
    for path, when in WAY_IN:
        kill_on_the_way_in(gateway, platform, killer, path, when, path == 'register')
    for when in ('before', 'after'):
        kill_on_the_way_in(gateway, platform, killer, 'complete', when, True)
    assert alarms(gateway) == set()


@pytest.mark.long
@pytest.mark.deadline(900)
def test_killed_while_it_renews(make_gateway, make_platform):
    """A token of a minute: REFRESH and the REGISTER behind it, each killed before and after. Nobody is
    asked again, nothing acknowledged is lost."""
    platform = make_platform(life=60)
    platform.same_sas = True  # the hub takes the older SAS as well, until it ends; see Hub.admit()
    gateway = make_gateway(config=configuration(platform)).start()
    killer = Killer(gateway, platform)
    one = taken_in(gateway, platform, 'clock')
    value = 0
    for path, when in (('refresh', 'before'), ('refresh', 'after'), ('register', 'before'),
                       ('register', 'after')):
        refreshes = platform.asked('refresh')
        if path == 'register':
            # The REGISTER with the new token, not one for a new session.
            platform.faults.order('refresh', after=lambda: killer.order('register', when))
        else:
            killer.order(path, when)
        value = report_until_dead(one, gateway, value)
        killer.await_death()
        until(lambda: platform.asked('refresh') > refreshes
              and device(gateway, 'clock')['credential']['state'] == 'held', 90, 'it is renewed')
        await_link(gateway, 'clock')
    until(lambda: set(one.acknowledged) <= set(arrived(platform, one)), 60, 'no acknowledged one is lost')
    assert platform.asked('init') == 1 and alarms(gateway) == set()


@pytest.mark.long
@pytest.mark.deadline(600)
def test_killed_while_approving_and_revoking(make_gateway, platform, work):
    path = os.path.join(work, 'operator')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(platform.operator_token + '\n')
    os.chmod(path, 0o644)
    gateway = make_gateway(config=configuration(platform, operator_token_file=path)).start()
    killer = Killer(gateway, platform)
    for when in ('before', 'after'):
        one = asking(gateway, platform, 'approve-' + when)
        killer.order('/approve', when)
        gateway.ctl('approve', one.id)
        killer.await_death()
        await_stage(gateway, one.ep, 'active', 60)
        assert len([other for other in platform.operations.values() if other.wanted == one.id]) == 1
        await_link(gateway, one.ep)
        # Revoked there, and killed when it asks why its session ended.
        report(one, range(5))
        until(lambda: arrived(platform, one) == list(range(5)), 60, 'they arrive')
        killer.order('refresh', when)
        platform.revoke(one.id)
        report_until_dead(one, gateway, 5)
        killer.await_death()
        await_stage(gateway, one.ep, 'waiting-person', 60)
        assert open_there(platform, one.id) == []
        gateway.ctl('approve', one.id)
        await_stage(gateway, one.ep, 'active', 60)
        until(lambda: set(one.acknowledged) <= set(arrived(platform, one)), 60, 'nothing is lost')
        one.close()




# ---- faults of the platform ----

FAULTS = [
    ('slow', {'slow': 12}, 'The platform spotflow'),
    ('5xx', {'status': 503}, None),
    ('lost', {'lost': True}, None),  # asked again at once: they are PUT
    ('wrong JSON', {'text': '{"registrationToken":'}, None),
    ('huge', {'huge': 200000}, 'The platform spotflow'),
    ('too often', {'status': 429, 'retry_after': 1}, None),
]


@pytest.mark.long
@pytest.mark.deadline(600)
@pytest.mark.parametrize('fault', FAULTS, ids=[one[0] for one in FAULTS])
def test_a_fault_of_each_call(gateway, platform, fault):
    """Whatever call it hits, the gateway goes on by itself, with one operation for each INIT that was
    answered, and the device gets in."""
    _, what, words = fault
    platform.same_sas = True  # a REGISTER that comes through late would end the session, see Hub.admit()
    one = asking(gateway, platform, 'mixer')
    platform.faults.order('complete', **what)
    gateway.ctl('admit', one.id)
    await_operation(gateway, 'mixer')
    until(lambda: not platform.faults.waiting, 60, 'it was hit')
    platform.faults.order('complete', **what)
    platform.faults.order('register', **what)
    platform.approve(operation(gateway, 'mixer')['id'])
    await_stage(gateway, 'mixer', 'active', 240)
    assert not platform.faults.waiting and platform.asked('init') == 1
    assert platform.asked('complete') >= 3 and platform.asked('register') >= 2, 'each is asked again'
    await_link(gateway, 'mixer')
    report(one, [7])
    until(lambda: 7 in arrived(platform, one), 30, 'it arrives')
    assert alarms(gateway) == set()
    if words:
        gateway.wait_log(words)


@pytest.mark.deadline(120)
def test_faults_of_init(gateway, platform):
    """5xx and 429 are tried again, not sooner than asked; 400 and an answer that is none end it, and a
    person hears why: another INIT could open a second operation."""
    for ep, what, words in (('a', {'status': 400}, 'the platform does not accept what was asked'),
                            ('b', {'text': '[]'}, "the platform's answer could not be understood")):
        one = asking(gateway, platform, 'bad-' + ep)
        platform.faults.order('init', **what)
        gateway.ctl('admit', one.id)
        await_stage(gateway, one.ep, 'trouble', 30)
        assert device(gateway, one.ep)['platform_why'] == words
        assert ('operation-failed', one.id) in alarms(gateway)
        assert words_of_platform(gateway, one) == ['fail']
    one = asking(gateway, platform, 'late')
    asked = len(platform.times('init'))
    platform.faults.order('init', status=429, retry_after=4)
    gateway.ctl('admit', one.id)
    await_operation(gateway, 'late')
    first, second = platform.times('init')[asked:]
    assert second - first >= 3.9, 'Retry-After is honoured'


def test_a_wrong_certificate(make_gateway, platform, work):
    other = bed.certificates.Authority(os.path.join(work, 'other'), 'other')
    gateway = make_gateway(config=configuration(platform, ca_file=other.ca_file)).start()
    saw = asking(gateway, platform, 'saw')
    gateway.ctl('admit', saw.id)
    gateway.wait_log('its certificate is not trusted', 30)
    until(lambda: device(gateway, 'saw')['platform_why'], 30, 'the reason is on the disk, too')
    assert platform.asked() == 0


@pytest.mark.long
@pytest.mark.parametrize('skew', [-7 * 86400, 7 * 86400], ids=['behind', 'ahead'])
@pytest.mark.deadline(120)
def test_a_skewed_clock(make_gateway, make_platform, skew):
    """The platform's clock is a week off: what it says of ends is not believed against reason, and it
    does not matter."""
    platform = make_platform(life=3600)
    platform.skew = skew
    gateway = make_gateway(config=configuration(platform)).start()
    one = taken_in(gateway, platform, 'dial')
    report(one, range(3))
    until(lambda: arrived(platform, one) == [0, 1, 2], 30, 'they arrive')
    assert platform.asked('init') == 1 and platform.asked('refresh') == 0
    assert platform.asked('register') <= 2 and alarms(gateway) == set()


@pytest.mark.long
@pytest.mark.deadline(300)
def test_workspace_disabled(gateway, platform):
    """423: said once for the platform, nothing ends, and it is over by itself."""
    one = admitted(gateway, platform, 'crane')
    platform.disabled = True
    until(lambda: ('platform-disabled', 'spotflow') in alarms(gateway), 60, 'it is said')
    assert operation(gateway, 'crane')['state'] == 'awaiting'
    platform.disabled = False
    platform.approve(operation(gateway, 'crane')['id'])
    await_stage(gateway, 'crane', 'active', 120)
    assert ('platform-disabled', 'spotflow') not in alarms(gateway)
    assert platform.asked('init') == 1 and one.id


# ---- taken away ----


def lose(platform, one, how):
    if how == 'revoked':
        platform.revoke(one.id)
    elif how == 'deleted':
        platform.delete(one.id)
    else:
        platform.hub.kick(hub_id(one))


@pytest.mark.long
@pytest.mark.parametrize('keep', ['no', 'yes'])
@pytest.mark.deadline(240)
def test_a_revoked_token(make_gateway, platform, keep):
    """Said in words, in the journal, as an alarm; the next step is offered; what waits is kept until a
    person here decides, and then dropped or kept as configured."""
    gateway = make_gateway(config={**configuration(platform),
                                   'outbox': {'keep_readings_of_revoked': keep}}).start()
    one = taken_in(gateway, platform, 'belt')
    report(one, range(2))
    until(lambda: arrived(platform, one) == [0, 1], 30, 'they arrive')
    lose(platform, one, 'revoked')
    until(lambda: one.report(2).code != coap.CHANGED
          or device(gateway, 'belt')['stage'] == 'waiting-person', 60, 'the session is over')
    found = await_stage(gateway, 'belt', 'waiting-person', 60)
    assert found['platform_why'] == 'the platform revoked its registration token, or deleted the device'
    assert 'admit' in found['actions'] and 'block' in found['actions']
    assert ('leak', one.id) in alarms(gateway) and found['credential']['state'] == 'none'
    assert words_of_platform(gateway, one)[-1] == 'revoke'
    assert platform.asked('init') == 1, 'no operation without a person'
    waiting = found['queued']
    gateway.ctl('admit', one.id)
    await_operation(gateway, 'belt')
    gateway.ctl('revoke', one.id)
    assert device(gateway, 'belt')['queued'] == (waiting if keep == 'yes' else 0)


@pytest.mark.long
@pytest.mark.deadline(240)
def test_a_deleted_device(gateway, platform):
    one = taken_in(gateway, platform, 'lift')
    lose(platform, one, 'deleted')
    found = await_stage(gateway, 'lift', 'waiting-person', 60)
    assert 'deleted the device' in found['platform_why']
    assert words_of_platform(gateway, one)[-1] == 'revoke'
    platform.deleted.clear()
    gateway.ctl('admit', one.id)
    platform.approve(await_operation(gateway, 'lift')['id'])
    await_stage(gateway, 'lift', 'active', 60)
    assert platform.asked('init') == 2


@pytest.mark.long
@pytest.mark.deadline(240)
def test_its_token_is_revoked_too(make_gateway, make_platform):
    """The PT: the registration token carries it on until that ends; it is said at the first renewal."""
    platform = make_platform(life=40)
    gateway = make_gateway(config=configuration(platform)).start()
    one = taken_in(gateway, platform, 'fan')
    platform.revoke_pt(one.pt)
    until(lambda: ('pt-refused', one.id) in alarms(gateway), 60, 'it is said')
    assert device(gateway, 'fan')['stage'] == 'active'
    report(one, [1])
    until(lambda: arrived(platform, one) == [1], 30, 'it goes on')
    import_pt(gateway, platform, 'fan')
    until(lambda: ('pt-refused', one.id) not in alarms(gateway), 60, 'a new one ends it')
    assert platform.asked('init') == 1
