# SPDX-License-Identifier: Apache-2.0
"""demo.py [--auto] [--platform NAME]: the main job of the gateway, step by step, for a person who
watches. Another platform than the embedded one is a subclass in a file of its own.

Runs inside tests/system/bed/enter.py, with the page's listening socket passed in from outside."""

import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'system'))

import bed  # noqa: E402
from bed import avahi as bed_avahi  # noqa: E402
from bed import enter, process  # noqa: E402
from bed.wait import until  # noqa: E402
from demo_devices import BOILER, POLL_SECONDS, Devices  # noqa: E402

ADMIN = 'demo'
READINGS_EACH = 3
WINDOW_SECONDS = 900
LABEL = BOILER.code

EVIDENCE = {'label': 'the key of its label', 'display-code': 'the code on its display',
            'short-code': 'its code'}

TTY = sys.stdout.isatty()


def bold(text):
    return '\x1b[1m%s\x1b[0m' % text if TTY else text


class Demo(Devices):
    def __init__(self, auto):
        super().__init__(tempfile.mkdtemp(prefix='demo-', dir=enter.RUN if os.path.isdir(enter.RUN) else None))
        os.chmod(self.directory, 0o755)
        self.auto = auto
        self.step_number = 0
        self.parts = []
        self.shown = 0
        self.password = '-'.join(secrets.token_hex(3) for _ in range(4))

    def path(self, name):
        return os.path.join(self.directory, name)

    def step(self, text):
        self.step_number += 1
        print('\n%s' % bold('%d. %s' % (self.step_number, text)), flush=True)

    def say(self, text):
        print('   ' + text, flush=True)

    # ---- parts ----

    def start_parts(self):
        self.step('Starting what is around: message bus, avahi-daemon, mosquitto')
        self.mdns = bed_avahi.possible()
        if self.mdns:
            self.avahi = bed.Avahi(self.path('avahi')).start()
            self.parts.append(self.avahi)
        else:
            self.say('No namespace here, hence no mDNS: only the two devices that come by themselves.')
        self.broker = bed.Broker(self.path('broker')).start()
        self.recorder = bed.Recorder(self.broker)
        self.say('mosquitto listens on port %d (inside).' % self.broker.port)

        self.step('Starting the gateway')
        outside = int(os.environ['GATEHOUSE_LISTEN_FD'])
        listener = socket.socket(fileno=outside)
        self.page_port = listener.getsockname()[1]
        listener.detach()
        # In a namespace this script cannot reach the socket that was opened outside: one for each.
        self.inside = socket.socket()
        self.inside.bind(('127.0.0.1', 0))
        self.inside.listen(16)
        self.gateway = bed.Gateway(self.path('gateway'), broker=self.broker, mdns=self.mdns,
                                   config={'lan': {'poll_interval': POLL_SECONDS},
                                           'gateway': {'id': 'demo', 'log_level': 'info'},
                                           **self.configuration()},
                                   listen_fds=[outside, self.inside.fileno()])
        self.gateway.start()
        self.say('READY=1; STATUS=%s' % self.gateway.status)

    def configuration(self):
        """What the platform's variant adds."""
        return {}

    def set_up(self):
        self.step('First run: gatehousectl setup, then the first administrator on the page')
        code = self.gateway.ctl('setup')['code']
        self.say('setup code: %s (from the control socket, root only)' % code)
        self.page = bed.Page('127.0.0.1', self.inside.getsockname()[1])
        answer = self.page.setup(code, ADMIN, self.password)
        if answer.status != 200:
            raise AssertionError('the page said: ' + answer.text[:400])
        self.say('page:        %s' % bold('https://127.0.0.1:%d/' % self.page_port))
        self.say('name:        %s' % ADMIN)
        self.say('password:    %s' % self.password)
        self.say('fingerprint: %s' % ':'.join(self.page.fingerprint[at:at + 2].upper()
                                              for at in range(0, 64, 2)))

    def open_window(self):
        self.step('Opening the onboarding window')
        self.gateway.ctl('window', 'open', '--minutes', WINDOW_SECONDS // 60)
        self.say('New names may come in for %d minutes.' % (WINDOW_SECONDS // 60))

    def start_sensors(self):
        self.step('Switching three devices on, of three kinds')
        self.switch_on('boiler')
        self.say('boiler  enrols itself (POST /enrol) and proves the key of its label, without showing it:')
        self.say('        %s' % BOILER.qr)
        if self.mdns:
            self.switch_on('hall')
            self.say('hall    announces itself by mDNS, waits to be asked, and has a display')
        self.switch_on('door')
        self.say('door    knows the standards alone: it registers at /rd, a link with if="core.s" says'
                 ' where its readings are')

    # ---- devices ----

    def devices(self):
        return {one['ep']: one for one in self.gateway.ctl('devices')['devices']}

    def wait_pending(self, name):
        def there():
            self.check_alive()
            one = self.devices().get(name)
            return one if one and one['stage'] == 'waiting-person' else None
        one = until(there, 60, '%s waits for a person' % name)
        self.say('%s waits: %sfound by %s, %s, from %s'
                 % (name, 'model %s, serial %s, ' % (one['model'], one['serial']) if one['model'] else '',
                    one['found_by'], one['trust'], one['address']))
        return one

    def decide(self, act, one, place, *options):
        """The code of a label is a secret: it goes in by standard input, not on the command line."""
        words, stdin = list(options), None
        if '--code' in words:
            at = words.index('--code') + 1
            words[at], stdin = '-', words[at] + '\n'
        return self.gateway.ctl(act, one['id'], '--place', place, *words, stdin=stdin)

    def approve(self, name, place, *options):
        one = self.wait_pending(name)
        if one['display']:
            self.decide('admit', one, place)
            code = until(lambda: self.display(name), 60, 'the display of %s shows a code' % name)
            self.say('%s is admitted; its display shows %s, which is typed here.' % (name, bold(code)))
            options = ('--code', code)
        self.decide('approve', one, place, *options)
        until(lambda: self.devices()[name]['stage'] == 'active', 30, '%s is active' % name)
        self.say('%s is approved (%s) and has its own token: a lease, sealed on disk.'
                 % (name, EVIDENCE.get(self.devices()[name]['evidence'], 'no code')))

    def check_alive(self):
        if not self.gateway.process.alive:
            raise AssertionError('gatehoused ended:\n' + self.gateway.process.tail())
        for name, sensor in self.sensors.items():
            if not sensor.alive:
                raise AssertionError('sensor %s ended:\n%s' % (name, sensor.tail()))

    # ---- readings ----

    def show_readings(self):
        messages = self.recorder.messages('gatehouse/demo/+/telemetry')
        for one in messages[self.shown:]:
            records = json.loads(one.payload)
            last = records[-1]
            print('   %-34s %s = %s %s   trust %s' % (
                one.user.get('gh-id'), one.topic.split('/')[2], last.get('v', last.get('vs')),
                last.get('u', ''), one.user.get('gh-trust')), flush=True)
        self.shown = len(messages)
        return messages

    def check_identities(self):
        """Every reading is on its own device's topic, and says so inside."""
        ids = {one['id']: name for name, one in self.devices().items()}
        counts = {name: 0 for name in self.sensors}
        for message in self.recorder.messages('gatehouse/demo/+/telemetry'):
            device = message.topic.split('/')[2]
            base = json.loads(message.payload)[0].get('bn')
            if device not in ids or base != device + '/':
                raise AssertionError('a reading under a foreign identity: %r' % message)
            counts[ids[device]] += 1
        return counts

    def run(self):
        self.start_parts()
        self.set_up()
        self.open_window()
        self.start_sensors()
        self.step('Approving them')
        self.approve('boiler', 'plant room', '--code', LABEL)
        if self.mdns:
            self.approve('hall', 'entrance hall')
        if self.auto:
            self.approve('door', 'back door')
        else:
            self.wait_pending('door')
            print('\n%s' % bold('   door waits for you: open https://127.0.0.1:%d/ , log in as %s, approve it.'
                                % (self.page_port, ADMIN)), flush=True)
            self.wait_portal('door')
        self.step('Readings, as they reach the broker' + ('' if self.auto else ' (Ctrl-C ends)'))
        return self.watch()

    def watch(self):
        def enough():
            self.check_alive()
            self.show_readings()
            return all(count >= READINGS_EACH for count in self.check_identities().values())
        if not self.auto:
            while True:
                enough()
                time.sleep(0.2)
        until(enough, 90, 'readings of each of %s' % ', '.join(self.sensors))
        self.finish()
        self.step('Done: readings of %s arrived, each under its own identity.'
                  % ', '.join(sorted(self.sensors)))
        return 0

    def finish(self):
        """What a variant shows beyond that."""

    def wait_portal(self, name):
        """Where else a person has to decide."""

    def close(self):
        failed = []
        self.switch_off()
        if getattr(self, 'recorder', None):
            self.recorder.close()
        for name, end in (('gateway', 'close'), ('broker', 'stop')):
            try:
                if getattr(self, name, None):
                    getattr(getattr(self, name), end)()
            except AssertionError as error:
                failed.append(str(error))
        for one in self.parts:
            one.stop()
        for one in list(process.running):
            one.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        return failed


class Interrupted(Exception):
    pass


def interrupt(_number, _frame):
    raise Interrupted


def demo_of(arguments):
    name = arguments[arguments.index('--platform') + 1] if '--platform' in arguments else 'local'
    if name == 'local':
        return Demo('--auto' in arguments)
    sys.modules['demo'] = sys.modules[__name__]
    from demo_platform import VARIANTS
    return VARIANTS[name]('--auto' in arguments)


def main():
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    demo = demo_of(sys.argv[1:])
    code = 0
    try:
        code = demo.run()
    except Interrupted:
        print('\n   Ended by you.', flush=True)
    except (AssertionError, OSError) as error:
        print('\ndemo: %s' % error, file=sys.stderr, flush=True)
        code = 1
    failed = demo.close()
    for text in failed:
        print('\ndemo: %s' % text, file=sys.stderr, flush=True)
    return 1 if failed else code


if __name__ == '__main__':
    sys.exit(main())
