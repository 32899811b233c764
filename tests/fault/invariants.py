# SPDX-License-Identifier: Apache-2.0
"""The invariants of the road, checked against what was seen of it. No process, no clock: evidence in,
violations out, each one a sentence that begins with the invariant's name.

  I1  a reading that was answered 2.04 came out at least once, or a gap record accounts for it
  I2  no reading came out under another identity
  I3  nothing of a device that is not approved came out, and nothing of a revoked one after the
      revocation was acknowledged: once it is let in again, only what is accepted from then on. A
      datagram from before that comes late, over a restart of the gateway, is that, too
  I4  a gh-id belongs to one reading for ever; duplicates carry the same message; and a reading that
      was one request has one gh-id, however often its datagram came
  I5  per device, gh-ids come out in order, and their order is the order of acceptance
  I6  a device has at most one open operation, and no operation that nobody asked for
  I7  no secret stands in a log, an argument, the environment, or a file that is not sealed
  I8  memory, descriptors and threads are bounded
  I9  when the faults stop, the back-log drains and the state converges
"""

import bisect
import json
import re

GH_ID = re.compile(r'(.+)\.(\d+)\.(\d+)\Z')
OPEN = ('opening', 'awaiting')
SHOWN = 5  # violations of one kind that are spelt out for one device


class Device:
    """What one device was promised. 'values' are the acknowledged ones, in the order of acceptance.
    'approvals': how often somebody let it in; 'own': it has an MQTT session of its own; 'once': the
    values that were one request each."""

    def __init__(self, ep, id, values=(), approvals=1, own=False, once=()):
        self.ep, self.id, self.values, self.approvals = ep, id, list(values), approvals
        self.own, self.once = own, set(once)


class Revocation:
    """Of a device: 'before' are the values that had been acknowledged when it was asked for, 'mark'
    what had left the gateway when it was answered, 'until' the same when the device was let in
    again, or None."""

    def __init__(self, ep, before, mark, until=None):
        self.ep, self.before, self.mark, self.until = ep, set(before), mark, until


class Operation:
    """What the gateway said of a device's operation at some moment."""

    def __init__(self, ep, number, state):
        self.ep, self.number, self.state = ep, number, state


class Usage:
    """What the process takes: anonymous memory in KiB, descriptors, threads; 'peak' is the most that
    was resident of it at any time, in KiB."""

    def __init__(self, memory, descriptors, threads, peak=0):
        self.memory, self.descriptors, self.threads = memory, descriptors, threads
        self.peak = peak

    def __repr__(self):
        return '%d KiB (resident at most %d KiB), %d descriptors, %d threads' % (
            self.memory, self.peak, self.descriptors, self.threads)


class Evidence:
    """All that was seen. 'messages' are what the broker handed on, in its order (topic, payload,
    user); 'wire' is what left the gateway: (topic, value or None), of a pack each reading with its
    device's own topic; 'sessions' is by which session: (client id, topic)."""

    def __init__(self, gateway='bed'):
        self.gateway = gateway
        self.devices = []
        self.messages = []
        self.wire = []
        self.sessions = set()
        self.revocations = []
        self.operations = []
        self.usage = []       # at the beginning, at the end
        self.secrets = []     # (what, where) that was found
        self.unsettled = []   # sentences: what did not converge


class Arrival:
    """One reading that came: 'message' is what it came in, 'topic' the device that its topic names
    (None: the gateway's topic), 'marks' its gh-* values wherever they stood, 'payload' its bytes when
    it came by itself. 'company': how many readings the message held."""

    def __init__(self, message, gateway, envelope=None, company=1):
        levels = message.topic.split('/')
        self.topic = levels[2] if len(levels) == 4 else None
        self.company = company
        if envelope is None:
            self.device, self.payload = self.topic, bytes(message.payload)
            self.marks, records = dict(message.user), json.loads(self.payload)
            self.marks.pop('gh-v', None)
        else:
            self.device, self.payload = envelope['gh']['device'], None
            self.marks = {'gh-' + name: text for name, text in envelope['gh'].items()
                          if name != 'device'}
            records = envelope['body']
        self.records = records
        self.base = records[0].get('bn')
        named = {one['n']: one for one in records}
        self.value = named['seq']['v']
        self.who = named['who']['vs']
        self.id = self.marks.get('gh-id', '')
        found = GH_ID.match(self.id)
        self.key = (int(found.group(2)), int(found.group(3))) if found else None
        self.foreign = not found or found.group(1) != gateway

    def says_as(self, other):
        if self.payload is not None and other.payload is not None:
            return self.payload == other.payload
        return self.records == other.records


class Gap:
    def __init__(self, message):
        self.device = message.topic.split('/')[2]
        record = json.loads(message.payload)
        self.first = tuple(map(int, GH_ID.match(record['from']).groups()[1:]))
        self.last = tuple(map(int, GH_ID.match(record['to']).groups()[1:]))
        self.count = record['count']
        self.left = self.count


def of_topic(evidence, kind):
    head = 'gatehouse/%s/' % evidence.gateway
    return [one for one in evidence.messages
            if one.topic.startswith(head) and one.topic.endswith('/' + kind)
            and one.topic.count('/') in (2, 3)]


def arrivals(evidence):
    """Every reading of every message, in their order; a pack is an array of envelopes."""
    found = []
    for message in of_topic(evidence, 'telemetry'):
        envelopes = json.loads(message.payload)
        if isinstance(envelopes, dict):
            envelopes = [envelopes]
        if 'gh' in envelopes[0]:
            found += [Arrival(message, evidence.gateway, one, len(envelopes)) for one in envelopes]
        else:
            found.append(Arrival(message, evidence.gateway))
    return found


def gaps(evidence):
    """The gap records; one that came twice counts once."""
    found = {(one.topic, bytes(one.payload)): one for one in of_topic(evidence, 'gap')}
    return [Gap(one) for one in found.values()]


def listed(values):
    values = list(values)
    text = ', '.join(map(str, values[:12]))
    return text if len(values) <= 12 else '%s and %d more' % (text, len(values) - 12)


def nothing_lost(evidence, came):
    keys = {}
    for one in came:
        if one.key:
            keys.setdefault(one.who, {}).setdefault(one.value, []).append(one.key)
    records = gaps(evidence)
    for device in evidence.devices:
        there = keys.get(device.ep, {})
        mine = [one for one in records if one.device == device.id]
        present = sorted(there)
        lost = []
        for value in sorted(set(device.values) - set(there)):
            # It was accepted between its neighbours, as they first were: a gap record has to reach
            # in there.
            at = bisect.bisect(present, value)
            lower = min(there[present[at - 1]]) if at else (0, 0)
            upper = min(there[present[at]]) if at < len(present) else (1 << 62, 1 << 62)
            gap = next((one for one in mine
                        if one.left > 0 and one.first < upper and one.last > lower), None)
            if gap:
                gap.left -= 1
            else:
                lost.append(value)
        if lost:
            yield 'I1: %s was told 2.04 for %d readings that neither came out nor are in a gap ' \
                  'record: %s' % (device.ep, len(lost), listed(lost))


def right_identity(evidence, came):
    ids = {one.id: one.ep for one in evidence.devices}
    for one in came:
        if ids.get(one.device, one.who) != one.who:
            yield 'I2: %s of %s came out as %s (%s)' % (
                one.value, one.who, ids[one.device], one.id)
        elif one.topic not in (None, one.device):
            yield 'I2: %s of %s came on the topic of %s' % (one.value, one.who, one.topic)
        elif one.base != one.device + '/':
            yield 'I2: %s of %s names %r inside' % (one.value, one.who, one.base)
    own = {one.id for one in evidence.devices if one.own}
    for client, topic in sorted(evidence.sessions):
        device = topic.split('/')[2]
        right = 'gatehouse-%s' % evidence.gateway + ('-' + device if device in own else '')
        if client != right:
            yield 'I2: readings of %s left by the session of %s' % (device, client)


def nobody_uninvited(evidence, came):
    approved = {one.id: one.ep for one in evidence.devices if one.approvals > 0}
    for one in came:
        if one.device not in approved or one.who not in approved.values():
            yield 'I3: %s of %s came out under %s, and was never approved' % (
                one.value, one.who, one.device)
    devices = {one.ep: one for one in evidence.devices}
    for revocation in evidence.revocations:
        device = devices[revocation.ep]
        topic = 'gatehouse/%s/%s/telemetry' % (evidence.gateway, device.id)
        over = revocation.before & device.once
        end = len(evidence.wire) if revocation.until is None else revocation.until
        late = [value for at, (where, value) in enumerate(evidence.wire[revocation.mark:],
                                                          revocation.mark)
                if where == topic and (at < end or value in over)]
        if late:
            yield 'I3: %d readings of %s left the gateway after its revocation was acknowledged: ' \
                  '%s' % (len(late), revocation.ep, listed(late))


def one_reading(evidence, came):
    once, ids = {one.ep: one.once for one in evidence.devices}, {}
    for one in came:
        if one.value in once.get(one.who, ()):
            ids.setdefault((one.who, one.value), set()).add(one.id)
    for (who, value), found in sorted(ids.items()):
        if len(found) > 1:
            yield 'I4: %s of %s was one request and has the gh-ids %s' % (
                value, who, listed(sorted(found)))


def unique_ids(evidence, came):
    seen = {}
    for one in came:
        if one.foreign:
            yield 'I4: %s of %s has the gh-id %r' % (one.value, one.who, one.id)
            continue
        first = seen.setdefault(one.id, one)
        if first.device != one.device or not first.says_as(one):
            yield 'I4: %s belongs to %s of %s and to %s of %s' % (
                one.id, first.value, first.who, one.value, one.who)
        elif first.marks != one.marks:
            yield 'I4: %s came with %r and then with %r' % (one.id, first.marks, one.marks)


def kept_order(evidence, came):
    for device in evidence.devices:
        last, seen, first, out = None, set(), {}, []
        for one in came:
            if one.who != device.ep or one.key is None or one.key in seen:
                continue
            seen.add(one.key)
            if last and one.key < last:
                out.append('%s after %s' % (one.key, last))
            last = max(last or one.key, one.key)
            first[one.value] = min(first.get(one.value, one.key), one.key)
        if out:
            yield 'I5: %s came out in another order than its gh-ids: %s' % (
                device.ep, listed(out))
        values = sorted(first)
        bad = [b for a, b in zip(values, values[1:]) if first[b] <= first[a]]
        if bad:
            yield 'I5: gh-ids of %s are not in the order of acceptance: at %s' % (
                device.ep, listed(bad))


def one_operation(evidence):
    last, owner, numbers = {}, {}, {}
    for one in evidence.operations:
        if one.state == 'none' or not one.number:
            continue
        before = last.get(one.ep)
        if before and one.number < before.number:
            yield 'I6: the operation of %s went from %d back to %d' % (
                one.ep, before.number, one.number)
        if owner.setdefault(one.number, one.ep) != one.ep:
            yield 'I6: operation %d is of %s and of %s' % (one.number, owner[one.number], one.ep)
        if before and before.number == one.number and before.state not in OPEN \
                and one.state in OPEN:
            yield 'I6: operation %d of %s was %s and is open again' % (
                one.number, one.ep, before.state)
        last[one.ep] = one
        numbers.setdefault(one.ep, set()).add(one.number)
    for device in evidence.devices:
        count = len(numbers.get(device.ep, ()))
        if count > device.approvals:
            yield 'I6: %s had %d operations for %d approvals' % (
                device.ep, count, device.approvals)
    asked = sum(one.approvals for one in evidence.devices)
    if owner and max(owner) > asked:
        yield 'I6: there is an operation %d, and only %d were asked for' % (max(owner), asked)


MEMORY = 8 * 1024     # KiB above the beginning
RESIDENT = 64 * 1024  # KiB at any time: what 10,000 devices with a full window may take
DESCRIPTORS = 8


def grown(first, last):
    for what, was, now, spare in (('memory', first.memory, last.memory, MEMORY),
                                  ('descriptors', first.descriptors, last.descriptors, DESCRIPTORS),
                                  ('threads', first.threads, last.threads, 0)):
        if now > was + spare:
            yield 'I8: %s grew from %d to %d' % (what, was, now)


def bounded(evidence):
    """From the beginning to the end, whether it is the same process or the one after the last kill."""
    if evidence.usage:
        yield from grown(evidence.usage[0], evidence.usage[-1])
    for one in evidence.usage:
        if one.peak > RESIDENT:
            yield 'I8: %d KiB were resident at once' % one.peak


def violations(evidence):
    """Every violation, as a list of sentences. Empty: the invariants held."""
    came = arrivals(evidence)
    found = []
    for check in (nothing_lost, right_identity, nobody_uninvited, unique_ids, one_reading,
                  kept_order):
        some = list(check(evidence, came))
        found += some[:SHOWN]
        if len(some) > SHOWN:
            found.append('%s: and %d more of these' % (some[0][:2], len(some) - SHOWN))
    found += one_operation(evidence)
    found += ['I7: %s was found in %s' % one for one in evidence.secrets]
    found += bounded(evidence)
    found += ['I9: ' + one for one in evidence.unsettled]
    return found
