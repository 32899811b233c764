# SPDX-License-Identifier: Apache-2.0
"""The checker itself: it is silent where all is well, and names each violation that is planted."""

import json
import pathlib
import re
import subprocess

import pytest

import invariants
import load
import relay
from invariants import Device, Evidence, Operation, Revocation, Usage


class Message:
    def __init__(self, topic, payload, user=None):
        self.topic, self.payload, self.user = topic, payload.encode(), user or {}


def telemetry(device, who, value, row, epoch=1, base=None, **user):
    records = [{'bn': base or device + '/', 'n': 'seq', 'v': value}, {'n': 'who', 'vs': who}]
    return Message('gatehouse/bed/%s/telemetry' % device, json.dumps(records),
                   {'gh-id': 'bed.%d.%d' % (epoch, row), 'gh-trust': 'plain', **user})


def pack(*readings, topic='gatehouse/bed/telemetry', **other):
    """Of telemetry messages, what they say in one."""
    return Message(topic, json.dumps([
        {'gh': {'id': one.user['gh-id'], 'device': one.topic.split('/')[2], 'trust': 'plain', **other},
         'ct': 110, 'body': json.loads(one.payload)} for one in readings]))


def gap(device, first, last, count, epoch=1):
    return Message('gatehouse/bed/%s/gap' % device, json.dumps(
        {'from': 'bed.%d.%d' % (epoch, first), 'to': 'bed.%d.%d' % (epoch, last), 'count': count,
         'reason': 'revoked'}))


def good():
    """Two devices; a's 3 came twice; b was revoked after 2, its 3 and 4 are in a gap, and let in
    again for 5."""
    seen = Evidence()
    seen.devices = [Device('a', 'd-1', [1, 2, 3], once=[2, 3]),
                    Device('b', 'd-2', [1, 2, 3, 4, 5], approvals=2, own=True,
                           once=[1, 3, 4, 5]),
                    Device('x', 'd-3', approvals=0)]
    seen.messages = [
        telemetry('d-1', 'a', 1, 1), telemetry('d-2', 'b', 1, 2), telemetry('d-1', 'a', 2, 3),
        telemetry('d-2', 'b', 2, 4), telemetry('d-1', 'a', 3, 5), telemetry('d-1', 'a', 3, 5),
        gap('d-2', 6, 7, 2), telemetry('d-2', 'b', 5, 1, epoch=2)]
    seen.wire = [(one.topic, index) for index, one in enumerate(seen.messages)]
    seen.revocations = [Revocation('b', [1, 2, 3, 4], 4, 7)]
    seen.operations = [Operation('a', 1, 'none'), Operation('a', 1, 'awaiting'),
                       Operation('a', 1, 'bound'), Operation('b', 2, 'bound'),
                       Operation('b', 3, 'opening'), Operation('b', 3, 'bound')]
    seen.sessions = {('gatehouse-bed', 'gatehouse/bed/d-1/telemetry'),
                     ('gatehouse-bed-d-2', 'gatehouse/bed/d-2/telemetry')}
    seen.usage = [Usage(9000, 20, 6, 21000), Usage(9500, 21, 6, 30000)]
    return seen


def test_silent_when_all_is_well():
    assert invariants.violations(good()) == []


def packed():
    """The same, in packs: of both devices on the gateway's topic, of one on its own; what came twice
    came first in company and then alone."""
    seen = good()
    one = seen.messages
    seen.messages = [pack(*one[0:3]), pack(*one[3:5]), one[5], one[6],
                     pack(one[7], topic='gatehouse/bed/d-2/telemetry')]
    return seen


def test_silent_when_all_is_well_in_packs():
    assert invariants.violations(packed()) == []
    assert max(one.company for one in invariants.arrivals(packed())) == 3


def test_a_late_datagram_of_one_let_in_again():
    """Value 2 was more than one request, or came again after a restart: it is new when it comes."""
    seen = good()
    again = telemetry('d-2', 'b', 2, 2, epoch=2)
    seen.messages.append(again)
    seen.wire.append((again.topic, 2))
    assert invariants.violations(seen) == []
    seen.wire.insert(5, (again.topic, 2))
    assert [one[:2] for one in invariants.violations(seen)] == ['I3']


def test_an_envelope_by_itself():
    """As MQTT 3.1.1 has it."""
    seen = good()
    envelope = json.loads(pack(seen.messages[0]).payload)[0]
    seen.messages[0] = Message('gatehouse/bed/d-1/telemetry', json.dumps(envelope))
    assert invariants.violations(seen) == []


def drop(seen, value, who):
    seen.messages = [one for one in seen.messages
                     if not (one.topic.endswith('telemetry') and invariants.Arrival(one, 'bed').value
                             == value and invariants.Arrival(one, 'bed').who == who)]


def lost(seen):
    drop(seen, 2, 'a')


def lost_at_the_end(seen):
    drop(seen, 3, 'a')


def gap_lost(seen):
    seen.messages = [one for one in seen.messages if not one.topic.endswith('gap')]


def gap_elsewhere(seen):
    gap_lost(seen)
    seen.messages.append(gap('d-2', 2, 3, 2))


def gap_of_another(seen):
    gap_lost(seen)
    seen.messages.append(gap('d-1', 6, 7, 2))


def gap_too_small(seen):
    gap_lost(seen)
    seen.messages += [gap('d-2', 6, 7, 1), gap('d-2', 6, 7, 1)]


def wrong_topic(seen):
    seen.messages.append(telemetry('d-2', 'a', 9, 30))


def wrong_base(seen):
    seen.messages.append(telemetry('d-1', 'a', 9, 30, base='d-2/'))


def on_the_shared_session(seen):
    seen.sessions.add(('gatehouse-bed', 'gatehouse/bed/d-2/telemetry'))


def on_the_session_of_another(seen):
    seen.sessions.add(('gatehouse-bed-d-2', 'gatehouse/bed/d-1/telemetry'))


def intruder(seen):
    seen.messages.append(telemetry('d-3', 'x', 1, 30))


def stranger(seen):
    seen.messages.append(telemetry('d-9', 'nobody', 1, 30))


def after_revocation(seen):
    seen.wire.insert(5, ('gatehouse/bed/d-2/telemetry', 3))


def after_return(seen):
    seen.wire.append(('gatehouse/bed/d-2/telemetry', 4))


def two_payloads(seen):
    seen.messages.append(telemetry('d-1', 'a', 4, 5))


def two_devices(seen):
    seen.messages.append(telemetry('d-1', 'a', 4, 2))


def other_time(seen):
    seen.messages.append(telemetry('d-1', 'a', 3, 5, **{'gh-time': '1.000'}))


def taken_twice(seen):
    seen.messages.append(telemetry('d-1', 'a', 3, 31))


def no_id(seen):
    seen.messages.append(Message('gatehouse/bed/d-1/telemetry',
                                 seen.messages[0].payload.decode(), {}))


def out_of_order(seen):
    seen.messages[0], seen.messages[2] = seen.messages[2], seen.messages[0]


def ids_out_of_order(seen):
    seen.messages[0] = telemetry('d-1', 'a', 2, 1)
    seen.messages[2] = telemetry('d-1', 'a', 1, 3)


def second_operation(seen):
    seen.operations.append(Operation('a', 4, 'opening'))


def reopened(seen):
    seen.operations.append(Operation('a', 1, 'awaiting'))


def shared_operation(seen):
    seen.operations.append(Operation('a', 2, 'bound'))


def backwards(seen):
    seen.operations.append(Operation('b', 2, 'bound'))


def memory(seen):
    seen.usage[1] = Usage(18000, 20, 6)


def descriptors(seen):
    seen.usage[1] = Usage(9000, 40, 6)


def threads(seen):
    seen.usage[1] = Usage(9000, 20, 7)


def peak(seen):
    seen.usage[1] = Usage(9000, 20, 6, 70000)


def secret(seen):
    seen.secrets = [('the password of the broker', 'the log')]


def unsettled(seen):
    seen.unsettled = ['12 readings still wait']


PLANTED = [
    ('I1', lost), ('I1', lost_at_the_end), ('I1', gap_lost), ('I1', gap_elsewhere),
    ('I1', gap_of_another), ('I1', gap_too_small),
    ('I2', wrong_topic), ('I2', wrong_base), ('I2', on_the_shared_session),
    ('I2', on_the_session_of_another),
    ('I3', intruder), ('I3', stranger), ('I3', after_revocation), ('I3', after_return),
    ('I4', two_payloads), ('I4', two_devices), ('I4', other_time), ('I4', no_id),
    ('I4', taken_twice),
    ('I5', out_of_order), ('I5', ids_out_of_order),
    ('I6', second_operation), ('I6', reopened), ('I6', shared_operation), ('I6', backwards),
    ('I7', secret), ('I8', memory), ('I8', descriptors), ('I8', threads), ('I8', peak),
    ('I9', unsettled),
]


@pytest.mark.parametrize('name, plant', PLANTED, ids=[one.__name__ for _, one in PLANTED])
def test_names_what_is_planted(name, plant):
    seen = good()
    plant(seen)
    found = invariants.violations(seen)
    assert found and name in {one[:2] for one in found}, found


def pack_lost(seen):
    del seen.messages[0]


def pack_wrong_topic(seen):
    seen.messages[4].topic = 'gatehouse/bed/d-1/telemetry'


def pack_wrong_device(seen):
    seen.messages.append(pack(telemetry('d-2', 'a', 9, 30)))


def pack_wrong_base(seen):
    seen.messages.append(pack(telemetry('d-1', 'a', 9, 30, base='d-2/')))


def pack_intruder(seen):
    seen.messages.append(pack(telemetry('d-1', 'a', 3, 5), telemetry('d-3', 'x', 1, 30)))


def pack_other_payload(seen):
    seen.messages.append(pack(telemetry('d-1', 'a', 4, 5)))


def pack_other_marks(seen):
    seen.messages.append(pack(telemetry('d-1', 'a', 3, 5), time='1.000'))


def pack_out_of_order(seen):
    one = good().messages
    seen.messages[0] = pack(one[2], one[1], one[0])


PLANTED_IN_PACKS = [
    ('I1', pack_lost), ('I2', pack_wrong_topic), ('I2', pack_wrong_device), ('I2', pack_wrong_base),
    ('I3', pack_intruder), ('I4', pack_other_payload), ('I4', pack_other_marks),
    ('I5', pack_out_of_order),
]


@pytest.mark.parametrize('name, plant', PLANTED_IN_PACKS,
                         ids=[one.__name__ for _, one in PLANTED_IN_PACKS])
def test_names_what_is_planted_in_a_pack(name, plant):
    seen = packed()
    plant(seen)
    found = invariants.violations(seen)
    assert found and name in {one[:2] for one in found}, found


def test_the_relay_takes_packs_apart():
    one = good().messages
    text = pack(one[0], one[1]).payload.replace(b': ', b':').replace(b', ', b',')
    assert relay.told('gatehouse/bed/telemetry', b'\0' + text) == [
        ('gatehouse/bed/d-1/telemetry', 1), ('gatehouse/bed/d-2/telemetry', 1)]
    assert relay.told('gatehouse/bed/d-1/telemetry', b'[{"n":"seq","v":7}]') == [
        ('gatehouse/bed/d-1/telemetry', 7)]
    assert relay.told('gatehouse/bed/status', b'{}') == [('gatehouse/bed/status', None)]


def test_the_relay_knows_whose_session_it_is():
    head = b'\0\4MQTT'
    assert relay.client_of(head + b'\5\xc2\0\x3c\3\x21\0\x20\0\3bed\0\1u\0\1p') == 'bed'
    assert relay.client_of(head + b'\4\xc2\0\x3c\0\3bed\0\1u\0\1p') == 'bed'


def test_what_is_known_to_be_one_request():
    """Of a sensor that asked once a second: the value 3 in two requests."""
    sensor = load.Sensor('a', '127.0.0.1')
    for at, value in enumerate([1, 2, 3, 3, *range(4, 40)]):
        sensor.asked.append(value)
        sensor.made.append(at)
        sensor.sent.append(at + 0.5)
    assert sensor.said_once([], 0) == set(range(1, 40)) - {3}
    assert sensor.said_once([1.2, 4.8, 9.3], 0.5) == set(range(1, 40)) - {2, 3, 4, 9}
    # The sixteenth behind it comes 15.5 s after it was sent for the last time.
    assert sensor.said_once([], 15.4) == set(range(1, 40)) - {3}
    assert sensor.said_once([], 15.6) == set(range(24, 40))


ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('mutant', sorted((ROOT / 'tests/mutants').glob('*.patch')),
                         ids=lambda one: one.stem)
def test_a_planted_fault_finds_its_place(mutant):
    """Where the code went on, a mutant must too: one that lands elsewhere proves nothing."""
    text = mutant.read_text()
    for field in 'Caught-by', 'Says':
        assert re.search('^%s: ' % field, text, re.MULTILINE), field
    done = subprocess.run(
        ['patch', '--directory=%s' % ROOT, '--strip=1', '--fuzz=0', '--dry-run', '--force'],
        input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
