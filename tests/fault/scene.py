# SPDX-License-Identifier: Apache-2.0
"""A gateway with its sensors, its relay, its broker and its recorder, the faults that befall them, and
what was seen of it all in the end.

    sensors (load.py) -> gatehoused -> relay (relay.py) -> mosquitto -> recorder

The recorder subscribes with QoS 0: it gets each message as often and in the order in which the
broker took it, and has it before the gateway has its PUBACK.
"""

import os
import random
import signal
import subprocess
import time

import bed
from bed import until
from bed.plain import PlainDevice

import invariants
from load import Load, Sensor
from lossy import Lossy
from relay import Relay

PASSWORD = 'forty otters under the old quay'
CONFIG = {
    'gateway': {'log_level': 'info'},
    'lan': {'device_rate': 10000, 'device_burst': 100000, 'new_per_minute': 10000,
            'pending_max': 1000},
}


class Recorder(bed.Recorder):
    """QoS 0, and back as fast as it can."""

    def __init__(self, broker):
        super().__init__(broker, 'recorder')

    def _on_connect(self, client, *_):
        client.reconnect_delay_set(0.05, 0.1)
        client.subscribe(self._topic, qos=0)

    def wait_gone(self):
        until(lambda: not self._subscribed, 15, 'the recorder has seen the end of its broker')


class Behind:
    """What the gateway is told of its broker: the relay."""

    def __init__(self, relay):
        self.port = relay.port


def usage(pid):
    """invariants.Usage of a process."""
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as file:
        status = dict(line.rstrip('\n').split(':', 1) for line in file)
    return invariants.Usage(int(status['RssAnon'].split()[0]),
                            len(os.listdir('/proc/%d/fd' % pid)), int(status['Threads']))


class Scene:
    """'sensors' are let in and report, 'strangers' enrol and report without ever being let in.
    'state' is the directory for the gateway's files (default: its own), 'env' goes to the daemon,
    'seed' decides everything that is random, 'lossy' puts a bad network before the gateway."""

    def __init__(self, work, sensors=12, strangers=2, seed=0, env=None, config=None, state=None,
                 lossy=False, **load):
        self.random = random.Random(seed)
        self.packs = (config or {}).get('mqtt', {}).get('pack', 0)
        self.env = dict(env or {})
        self.counts = {}
        self.approvals = {}
        self.revocations = []
        self.operations = []
        self.usages = []
        self.leaks = set()
        os.makedirs(work, mode=0o755)
        self.broker = bed.Broker(os.path.join(work, 'broker'), users={'gatehouse': PASSWORD},
                                 persistence=False).start()
        self.recorder = Recorder(self.broker)
        self.relay = Relay(self.broker.port, seed)
        secret = os.path.join(work, 'password')
        with open(secret, 'w', encoding='ascii') as file:
            file.write(PASSWORD + '\n')
        gateway = {'state_directory': state} if state else {}
        self.gateway = bed.Gateway(os.path.join(work, 'gateway'), broker=Behind(self.relay), config={
            **CONFIG, **(config or {}), 'gateway': {**CONFIG['gateway'], **gateway},
            'mqtt': {**(config or {}).get('mqtt', {}), 'username': 'gatehouse',
                     'password_file': secret}})
        if state:
            os.mkdir(state, 0o700)
            self.gateway.state_directory = state
        if self.gateway.uid is not None:
            for path in (secret, self.gateway.state_directory):
                os.chown(path, self.gateway.uid, self.gateway.uid)
        self.sensors = [Sensor('s%02d' % at, '127.1.0.%d' % (at + 1)) for at in range(sensors)]
        self.strangers = [Sensor('x%02d' % at, '127.2.0.%d' % (at + 1)) for at in range(strangers)]
        self.lossy = Lossy(self.gateway.coap_port, seed) if lossy else None
        self.load = Load(self.lossy.port if lossy else self.gateway.coap_port, self.sensors + self.strangers, **load)

    # ---- beginning and end ----

    def start(self):
        """Everybody is let in, and reports."""
        self.gateway.start(env=self.env)
        self.gateway.ctl('window', 'open', '--minutes', 15)
        for sensor in self.sensors + self.strangers:
            one = PlainDevice(self.gateway, sensor.ep, sensor.host)
            sensor.id = one.state(one.enrol())['id']
            one.close()
        for sensor in self.sensors:
            self.approve(sensor)
        self.load.start()
        self.load.await_more(3 * len(self.sensors))
        return self

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
        self.gateway.ctl('approve', sensor.id)
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

    def measure(self):
        self.usages.append(usage(self.gateway.process.pid))

    def looked_for(self):
        """I7: what must stand nowhere."""
        needle = PASSWORD.encode()
        files = [self.gateway.log_path]
        for folder, _, names in os.walk(self.gateway.state_directory):
            files += [os.path.join(folder, name) for name in names]
        if self.gateway.process:
            files += ['/proc/%d/%s' % (self.gateway.process.pid, name)
                      for name in ('cmdline', 'environ')]
        for path in files:
            try:
                with open(path, 'rb') as file:
                    if needle in file.read():
                        self.leaks.add(('the password of the broker', path))
            except FileNotFoundError:
                pass  # what is written and renamed is gone under its first name

    def settle(self, timeout=60):
        """The faults have stopped: what is still not as it should be after a while."""
        left = []
        try:
            self.load.finish(timeout)
            until(lambda: self.gateway.ctl('status')['uplink']['state'] == 'up', timeout,
                  'the uplink is up')
            until(lambda: self.gateway.ctl('status')['queue']['readings'] == 0, timeout,
                  'the back-log has drained')
        except AssertionError as error:
            left.append('%s; %s' % (error, self.gateway.ctl('status')['queue']))
        self.recorder.publish('end/%d' % len(self.usages))
        self.recorder.wait('end/%d' % len(self.usages))
        gone = {one.ep for one in self.revocations if one.until is None}
        for one in self.look():
            expected = 'revoked' if one['ep'] in gone else \
                'active' if one['ep'] in self.approvals else 'waiting-person'
            if one['stage'] != expected:
                left.append('%s is %s and not %s' % (one['ep'], one['stage'], expected))
            if one['queued']:
                left.append('%d readings of %s still wait' % (one['queued'], one['ep']))
        for sensor in self.sensors + self.strangers:
            left += ['%s was answered %s' % (sensor.ep, one) for one in sensor.unexpected[:3]]
        return left

    def evidence(self):
        seen = invariants.Evidence('bed')
        seen.unsettled = self.settle()
        self.measure()
        self.looked_for()
        seen.devices = [invariants.Device(
            one.ep, one.id, [value for value, _ in one.acknowledged],
            self.approvals.get(one.ep, 0)) for one in self.sensors + self.strangers]
        seen.messages = self.recorder.messages()
        seen.wire = list(self.relay.sent)
        seen.revocations = self.revocations
        seen.operations = self.operations
        seen.usage = self.usages
        seen.secrets = sorted(self.leaks)
        return seen

    def check(self, measured=False, backlog=False):
        """The verdict. 'measured': the process is the one of the first measure(); 'backlog': readings
        waited, so that where packs are made there have to be some."""
        seen = self.evidence()
        if not measured:
            seen.usage = []
        found = invariants.violations(seen)
        came = invariants.arrivals(seen)
        print('%d readings acknowledged, %d came out, %d of them again%s'
              % (self.load.total, len(came), len(came) - len({one.id for one in came}),
                 ''.join(', %d %s' % (number, what) for what, number in self.counts.items())))
        assert not found, '\n'.join(found)
        assert self.load.total and came
        largest = max(one.company for one in came)
        assert largest == 1 or self.packs and largest <= self.packs
        assert largest > 1 or not (backlog and self.packs)
        self.gateway.terminate()
