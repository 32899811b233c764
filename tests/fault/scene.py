# SPDX-License-Identifier: Apache-2.0
"""A gateway with its sensors, its relay, its broker and its recorder, the faults that befall them, and
what was seen of it all in the end.

    sensors (load.py) -> gatehoused -> relay (relay.py) -> mosquitto -> recorder

The recorder subscribes with QoS 0: it gets each message as often and in the order in which the
broker took it, and has it before the gateway has its PUBACK.

Sensors share the gateway's session, but for those that have one of their own, under a user of their own
whom the broker lets write nothing but his device's topics.
"""

import os
import random
import signal
import subprocess
import time

import pytest

import bed
from bed import own as own_session, until
from bed.broker import RECORDER_RIGHTS
from bed.plain import PlainDevice

import invariants
from load import Load, Sensor
from lossy import Lossy
from relay import Relay
from watch import Watch

HOUR, YEAR = 3600, 365 * 86400
JUMPS = (-10 * YEAR, 10 * YEAR, -HOUR, 0)  # where the wall clock may stand
PASSWORD = 'forty otters under the old quay'
CONFIG = {
    'gateway': {'log_level': 'info'},
    'lan': {'device_rate': 10000, 'device_burst': 100000, 'new_per_minute': 10000,
            'pending_max': 1000},
    'platform': {'default': 'local', 'others': ['mqtt']},
}
CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
LABELLED = 3  # every third sensor has a label with a code
NOBODY = slice(0)
REFUSALS = 0x87, 0x97  # not authorised, quota exceeded

# How readings leave. single: one in each message on its device's topic; mixed: the same, and every
# other sensor has a session of its own; packed: in packs on the gateway's topic, beside a few that have
# a session of their own. The first sensor, whom most befalls, shares the gateway's but in 'mixed'.
FORMS = {'single': {}, 'mixed': {'own': slice(0, None, 2)},
         'packed': {'mqtt': {'layout': 'gateway', 'pack': 16}, 'own': slice(1, None, 4)}}
every_form = pytest.mark.parametrize('form', FORMS, indirect=True)

# Of the gateway, and of a device with a session of its own, at the broker (docs/upstream.md).
RIGHTS = 'user gatehouse\ntopic write gatehouse/bed/#\ntopic read gatehouse/bed/+/command/+\n'
OWN_RIGHTS = 'user {0.ep}\ntopic write gatehouse/bed/{0.id}/#\n' \
    'topic read gatehouse/bed/{0.id}/command/+\n'


class Recorder(bed.Recorder):
    """QoS 0, and back as fast as it can."""

    def __init__(self, broker):
        super().__init__(broker, 'recorder')

    def _on_connect(self, client, *_):
        client.reconnect_delay_set(0.05, 0.1)
        client.subscribe(self._topic, qos=0)

    def wait_gone(self):
        until(lambda: not self._subscribed, 15, 'the recorder has seen the end of its broker')


class Gateway(bed.Gateway):
    """One that knows when it was started."""

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        self.starts = []

    def start(self, wait=True, env=None):
        self.starts.append(time.monotonic())
        return super().start(wait, env)


class Behind:
    """What the gateway is told of its broker: the relay."""

    def __init__(self, relay):
        self.port = relay.port


class Scene:
    """'sensors' are let in and report, 'strangers' enrol and report without ever being let in.
    Those of the slice 'own' have an MQTT session of their own. 'disk' is a SmallDisk for the gateway's
    files, 'env' goes to the daemon, 'seed' decides everything that is random, 'lossy' puts a bad
    network before the gateway."""

    def __init__(self, work, sensors=12, strangers=2, seed=0, env=None, mqtt=None, own=NOBODY,
                 disk=None, lossy=False, **load):
        self.random = random.Random(seed)
        self.packs = (mqtt or {}).get('pack', 0)
        self.env = dict(env or {})
        self.counts = {}
        self.approvals = {}
        self.revocations = []
        self.operations = []
        self.sensors = [Sensor('s%02d' % at, '127.1.0.%d' % (at + 1)) for at in range(sensors)]
        self.strangers = [Sensor('x%02d' % at, '127.2.0.%d' % (at + 1)) for at in range(strangers)]
        os.makedirs(work, mode=0o755)
        self.broker = self._broker(os.path.join(work, 'broker'), self.sensors[own])
        self.recorder = Recorder(self.broker)
        self.relay = Relay(self.broker.port, seed)
        secret = own_session.password_file(work, PASSWORD)
        self.disk = disk
        state = os.path.join(disk.directory, 'state') if disk else None
        gateway = {'state_directory': state} if state else {}
        self.gateway = Gateway(os.path.join(work, 'gateway'), broker=Behind(self.relay), config={
            **CONFIG, 'gateway': {**CONFIG['gateway'], **gateway},
            'mqtt': {**(mqtt or {}), 'username': 'gatehouse', 'password_file': secret}})
        if state:
            os.mkdir(state, 0o700)
            self.gateway.state_directory = state
            if self.gateway.uid is not None:
                os.chown(state, self.gateway.uid, self.gateway.uid)
        self.watch = Watch(work, self.gateway, [secret])
        self._secrets()
        self.lossy = Lossy(self.gateway.coap_port, seed) if lossy else None
        port = self.lossy.port if lossy else self.gateway.coap_port
        self.load = Load(port, self.everybody, **load)

    def _broker(self, directory, with_session):
        """It knows the gateway and each sensor that has a session of its own."""
        os.makedirs(directory)
        self.rights = os.path.join(directory, 'rights')
        self._allow([])
        users = {'gatehouse': PASSWORD}
        for sensor in with_session:
            sensor.password = '%s: %032x' % (sensor.ep, self.random.getrandbits(128))
            users[sensor.ep] = sensor.password
        return bed.Broker(directory, users=users, persistence=False,
                          extra='acl_file ' + self.rights).start()

    def _allow(self, owners):
        with open(self.rights, 'w', encoding='ascii') as file:
            file.write('\n'.join([RECORDER_RIGHTS, RIGHTS, *map(OWN_RIGHTS.format, owners)]))

    def _secrets(self):
        """Those that there are from the beginning."""
        self.watch.add('the password of the gateway', PASSWORD)
        for sensor in self.everybody[::LABELLED]:
            sensor.code = self.watch.add('the code on the label of ' + sensor.ep, ''.join(
                self.random.choice(CODE_LETTERS) for _ in range(8)))
        for sensor in self.owners:
            self.watch.add('the password of ' + sensor.ep, sensor.password)

    @property
    def owners(self):
        """Who has a session of its own."""
        return [one for one in self.sensors if one.password]

    @property
    def everybody(self):
        return self.sensors + self.strangers

    # ---- beginning and end ----

    def start(self):
        """Everybody is let in, and reports."""
        self.gateway.start(env=self.env)
        self.gateway.ctl('window', 'open', '--minutes', 15)
        if self.owners:
            own_session.import_lines(self.gateway, *('%s,%s,%s' % (one.ep, one.ep, one.password)
                                                     for one in self.owners))
        for sensor in self.everybody:
            self._enrol(sensor)
        self._allow(self.owners)
        self.broker.process.signal(signal.SIGHUP)
        until(lambda: 'Reloading config' in self.broker.log(), 10, 'the broker knows their rights')
        for sensor in self.sensors:
            self.approve(sensor)
        self.load.start()
        self.load.await_more(3 * len(self.sensors))
        for sensor in self.owners:
            own_session.await_link(self.gateway, sensor.ep)
        self.watch.measure()
        return self

    def _enrol(self, sensor):
        one = PlainDevice(self.gateway, sensor.ep, sensor.host)
        answer = one.enrol(**({'code': sensor.code} if sensor.code else {}))
        sensor.id = one.state(answer)['id']
        for _, data in one.client.received:
            self.watch.see('what %s was sent' % sensor.ep, data)
        one.close()

    def close(self):
        """Whatever still runs; a test that failed comes here, too."""
        self.load.close()
        if self.lossy:
            self.lossy.close()
        if self.gateway.process:
            self.gateway.kill()
        self.recorder.close()
        self.relay.close()
        if self.broker.process:
            self.broker.process.resume()
            self.broker.stop()

    def count(self, what, by=1):
        self.counts[what] = self.counts.get(what, 0) + by

    # ---- people ----

    def device(self, sensor):
        return next(one for one in self.look() if one['id'] == sensor.id)

    def look(self):
        """The gateway's records, remembered as evidence."""
        found = self.gateway.devices()
        for one in found:
            self.operations.append(invariants.Operation(
                one['ep'], one['operation']['number'], one['operation']['state']))
        return found

    def approve(self, sensor):
        self.approvals[sensor.ep] = self.approvals.get(sensor.ep, 0) + 1
        words = ['--platform', 'mqtt' if sensor.password else 'local']
        if sensor.code:
            words += ['--code', '-']
        self.gateway.ctl('approve', sensor.id, *words, stdin=(sensor.code or '') + '\n')
        until(lambda: self.device(sensor)['stage'] == 'active', 20, sensor.ep + ' is active')

    def revoke(self, sensor):
        """Returns when it is acknowledged."""
        before = [value for value, _ in list(sensor.acknowledged)]
        self.gateway.ctl('revoke', sensor.id)
        self._revoked(sensor, before)

    def _revoked(self, sensor, before):
        self.revocations.append(
            invariants.Revocation(sensor.ep, before, self.relay.mark()))
        self.count('revocations')

    def revoke_and_kill(self, sensor):
        """The gateway dies while it revokes: afterwards it is revoked, or it is not."""
        before = [value for value, _ in list(sensor.acknowledged)]
        tool = subprocess.Popen(
            bed.commands.gatehousectl(self.gateway.socket_path, 'revoke', sensor.id),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._moment(0.03)
        self.gateway.kill()
        tool.wait()
        self.count('kills')
        mark = self.relay.mark()
        self.gateway.start(env=self.env)
        if self.device(sensor)['stage'] != 'revoked':
            return False
        self.revocations.append(invariants.Revocation(sensor.ep, before, mark))
        self.count('revocations')
        return True

    def readmit(self, sensor):
        """A revoked one is let in again, and reports."""
        for one in reversed(self.revocations):
            if one.ep == sensor.ep:
                one.until = self.relay.mark()
                break
        self.approve(sensor)
        self.load.await_more(3, sensors=[sensor])

    # ---- faults ----

    def _moment(self, most):
        """A random while: where in a reading's way the fault falls."""
        time.sleep(self.random.random() * most)

    def kill(self):
        """SIGKILL at a random moment in a stream of readings, and up again. Every other time what it
        said last is lost on the way to the broker."""
        self.relay.hold_up = self.random.random() < 0.5
        self.load.await_more(self.random.randrange(1, 60))
        self._moment(0.02)
        self.gateway.kill()
        self._lose()
        self.gateway.start(env=self.env)
        self.count('kills')

    def crash(self):
        """It ends by a signal that asks for a core; there must be none in the end."""
        self.load.await_more(self.random.randrange(1, 60))
        self.gateway.process.signal(signal.SIGABRT)
        assert self.gateway.wait_exit(30) == -signal.SIGABRT
        self.gateway.start(env=self.env)
        self.count('crashes')

    def cut_power(self):
        """With the shim: what was not synced is gone as well."""
        self.relay.hold_up = self.random.random() < 0.5
        self.load.await_more(self.random.randrange(1, 60))
        self._moment(0.02)
        self.gateway.process.signal(signal.SIGUSR2)
        code = self.gateway.wait_exit(30)
        assert code == 137, 'the shim ended the gateway with %d' % code
        self._lose()
        self.gateway.start(env=self.env)
        self.count('power cuts')

    def restart(self):
        self.gateway.terminate()
        self.gateway.start(env=self.env)
        self.count('restarts')

    def kill_broker(self):
        """Gone at once; back, with its recorder, a while later."""
        self.relay.open = False
        self.relay.cut()
        self.broker.kill()
        self._broker_back()
        self.count('broker kills')

    def flowing(self):
        """Readings leave the gateway: what happens now happens in a stream."""
        before = len(self.relay.sent)
        until(lambda: len(self.relay.sent) > before + 10, 60, 'readings flow')

    def kill_broker_mid_stream(self):
        """The same, while the gateway talks to it."""
        self.flowing()
        self.broker.kill()
        self.relay.open = False
        self._broker_back()
        self.count('broker kills')

    def _broker_back(self):
        self.recorder.wait_gone()
        self.load.await_more(self.random.randrange(20, 200))
        self.broker.start()
        self.recorder.wait_subscribed()
        self.relay.open = True

    def freeze_broker(self):
        """SIGSTOP: the connection stays, nothing is answered."""
        self.flowing()
        self.broker.pause()
        self.load.await_more(self.random.randrange(20, 400))
        self.broker.resume()
        self.count('freezes')

    def refuse(self):
        """The broker takes no reading for a while: by a word that does not say that it never will. It
        ends when each device has tried again: no gateway can keep the order of what it has said at
        once, and of which a broker refuses the first and takes the last."""
        self.flowing()
        self.relay.refusals, self.relay.refused_again = set(), set()
        self.relay.refuse = self.random.choice(REFUSALS)
        self.load.await_more(self.random.randrange(20, 200))
        topics = {'gatehouse/bed/%s/telemetry' % one.id for one in self.sensors
                  if self.expected(one) == 'active'}
        until(lambda: topics <= self.relay.refused_again, 60, 'each of them was refused again')
        self.relay.refuse = 0
        self.flowing()
        self.count('refusals')

    def cut(self):
        """The connection breaks; what one of them had said is lost on the way."""
        which = self.random.choice(('hold_up', 'hold_down'))
        self.flowing()
        setattr(self.relay, which, True)
        self.load.await_more(self.random.randrange(1, 100))
        until(lambda: self.relay.held, 60, 'something is held back')
        self._lose()
        self.count('cuts')

    def _lose(self):
        """What is held back goes nowhere any more."""
        if self.relay.hold_up or self.relay.hold_down:
            self.relay.cut()
        self.relay.hold_up = self.relay.hold_down = False

    # ---- the end ----

    def settle(self, timeout=60):
        """The faults have stopped: what is still not as it should be after a while."""
        left = []
        try:
            self.load.finish(timeout)
            until(lambda: self.gateway.ctl('status')['uplink']['state'] == 'up', timeout,
                  'the uplink is up')
            until(lambda: self.gateway.ctl('status')['queue']['readings'] == 0, timeout,
                  'the back-log has drained')
            for sensor in self.owners:
                if self.expected(sensor) == 'active':
                    own_session.await_link(self.gateway, sensor.ep, timeout=timeout)
        except AssertionError as error:
            left.append('%s; %s' % (error, self.gateway.ctl('status')['queue']))
        self.recorder.publish('end')
        self.recorder.wait('end')
        records = {one['ep']: one for one in self.look()}
        for sensor in self.everybody:
            one, expected = records[sensor.ep], self.expected(sensor)
            if one['stage'] != expected:
                left.append('%s is %s and not %s' % (sensor.ep, one['stage'], expected))
            if one['queued']:
                left.append('%d readings of %s still wait' % (one['queued'], sensor.ep))
            left += ['%s was answered %s' % (sensor.ep, one) for one in sensor.unexpected[:3]]
        return left

    def expected(self, sensor):
        """The stage in which it has to be when the faults are over."""
        if any(one.ep == sensor.ep and one.until is None for one in self.revocations):
            return 'revoked'
        return 'active' if sensor.ep in self.approvals else 'waiting-person'

    def look_for_secrets(self):
        """I7: in all that was said, and in all that was written."""
        self.watch.see('what sensors were sent', bytes(self.load.heard))
        self.watch.see('what left by the broker', b'\n'.join(
            one.topic.encode() + one.payload + repr(one.user).encode()
            for one in self.recorder.messages()))
        self.watch.files()

    def evidence(self):
        seen = invariants.Evidence('bed')
        seen.unsettled = self.settle()
        self.watch.measure()
        self.look_for_secrets()
        late = self.lossy.delay + 3 if self.lossy else 0
        seen.devices = [invariants.Device(
            one.ep, one.id, [value for value, _ in one.acknowledged],
            self.approvals.get(one.ep, 0), bool(one.password),
            one.said_once(self.gateway.starts, late)) for one in self.everybody]
        self.count('of one request alone', sum(len(one.once) for one in seen.devices))
        seen.messages = self.recorder.messages()
        seen.wire = list(self.relay.sent)
        seen.sessions = set(self.relay.sessions)
        seen.revocations = self.revocations
        seen.operations = self.operations
        seen.usage = self.watch.usages
        seen.secrets = sorted(self.watch.leaks)
        return seen

    def check(self, backlog=False):
        """The verdict. 'backlog': readings waited, so that where packs are made there have to be
        some."""
        seen = self.evidence()
        found = invariants.violations(seen)
        came = invariants.arrivals(seen)
        print('%d readings acknowledged, %d came out, %d of them again%s'
              % (self.load.total, len(came), len(came) - len({one.id for one in came}),
                 ''.join(', %d %s' % (number, what) for what, number in self.counts.items())))
        print('at first %r, in the end %r' % (seen.usage[0], seen.usage[-1]))
        assert not found, '\n'.join(found)
        assert self.load.total and came
        largest = max(one.company for one in came)
        assert largest == 1 or self.packs and largest <= self.packs
        assert largest > 1 or not (backlog and self.packs)
        self.gateway.terminate()
        self.watch.files()
        assert not self.watch.leaks, self.watch.leaks
