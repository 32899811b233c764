# SPDX-License-Identifier: Apache-2.0
"""The demo with a stand-in of a cloud behind the gateway: readings arrive there under each device's own
identity. A further platform is a class here, a row of VARIANTS and a word in tests/demo."""

import json
import os
import socket
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'platform'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'system'))

import bed  # noqa: E402
from bed.wait import until  # noqa: E402

import hub  # noqa: E402
from aws import ANYTHING, Aws, fleet_template  # noqa: E402
from demo import LABEL, READINGS_EACH, Demo, bold  # noqa: E402
from dps import Dps  # noqa: E402
from spotflow import Spotflow  # noqa: E402

SECOND_SOCKET = 'GATEHOUSE_LISTEN_FD_2'


class PlatformDemo(Demo):
    """What they share: readings are looked for at the hub, under the name that the platform gave."""

    platform = None

    def make_platform(self):
        """Started."""
        raise NotImplementedError

    def start_platform(self, text):
        self.step('Starting a stand-in of the platform %s' % text)
        self.platform = self.make_platform()
        os.chmod(self.path('platform'), 0o755)

    def admit(self, name, place, *options):
        """A person lets it in here; whatever the platform wants comes after that."""
        one = self.wait_pending(name)
        self.decide('admit', one, place, *options)
        return one

    def await_active(self, name):
        until(lambda: self.check_alive() or self.devices()[name]['stage'] == 'active', 90, '%s is active' % name)

    def say_alarms(self):
        for alarm in self.gateway.ctl('alarms')['alarms']:
            self.say('alarm %s: %s %s' % (alarm['id'], alarm['sentence'], alarm['remedy']))

    # ---- readings ----

    def arrivals(self):
        """(name of the device there, properties, payload) of each message, in order."""
        return [(topic.split('/')[1], bag, payload) for topic, bag, payload in self.platform.hub.events()]

    def show_readings(self):
        found = self.arrivals()
        for name, properties, payload in found[self.shown:]:
            print('   %-34s %s %s' % (properties.get('gh-id'), name, payload.decode()), flush=True)
        self.shown = len(found)
        return found

    def check_identities(self):
        """Every reading came by the session of its own device."""
        own = {one['platform_id']: (name, one['id']) for name, one in self.devices().items()}
        counts = {name: 0 for name in self.sensors}
        for there, properties, payload in self.arrivals():
            name, device_id = own.get(there, (None, None))
            if properties.get('gh-kind'):
                continue
            if name is None or b'"%s/"' % device_id.encode() not in payload:
                raise AssertionError('a reading under a foreign identity: %s' % there)
            counts[name] += 1
        return counts

    def await_readings(self, names, before, what):
        """Of each of them so many more than there were."""
        def again():
            self.check_alive()
            self.show_readings()
            counts = self.check_identities()
            return all(counts[name] >= before[name] + READINGS_EACH for name in names)
        until(again, 90, what)

    def close(self):
        failed = super().close()
        if self.platform:
            self.platform.stop()
        return failed


class SpotflowDemo(PlatformDemo):
    """Its approval page is reachable from outside, like that of the gateway."""

    def make_platform(self):
        if not hub.plugin():
            raise AssertionError('mosquitto has no dynamic-security plugin here: the stand-in needs it')
        return Spotflow(self.path('platform')).start()

    def portal(self):
        return 'https://localhost:%d/approve/' % self.portal_port

    def configuration(self):
        self.start_platform('"spotflow": its API, its approval page, its hub')
        outside = socket.socket(fileno=int(os.environ[SECOND_SOCKET]))
        self.portal_port = outside.getsockname()[1]
        self.platform.listen_also(outside)
        self.say('approval page: %s' % bold(self.portal()))
        return {'platform': {'default': 'spotflow'},
                'spotflow': {**self.platform.settings(), 'portal': self.portal()}}

    # ---- tokens ----

    def start_sensors(self):
        self.step('Importing a provisioning token for each device: gatehousectl tokens import')
        names = ['boiler', 'door'] + (['hall'] if self.mdns else [])
        lines = ''.join('%s,%s\n' % (name, self.platform.new_pt()) for name in names)
        done = self.gateway.ctl('tokens', 'import', '-', stdin='ep,pt\n' + lines)
        self.say('%s They are sealed; nothing shows them again.' % done['text'])
        super().start_sensors()

    # ---- two approvals ----

    def operation_of(self, name):
        """The device's operation once it is open at the platform, None before."""
        self.check_alive()
        one = self.devices()[name]
        return one['operation'] if one['operation']['state'] == 'awaiting' else None

    def approve(self, name, place, *options):
        one = self.admit(name, place, *options)
        operation = until(lambda: self.operation_of(name), 60, 'an operation for %s is open' % name)
        self.say('%s is admitted here. Its code is %s; the operation is open at %s'
                 % (name, self.code_of(name), operation['link']))
        self.press(operation)
        self.await_active(name)
        self.say('%s is approved on that page, and is %s there.'
                 % (name, self.devices()[name]['platform_id']))

    def code_of(self, name):
        """From its display, or, where it has none, from the gateway."""
        one = self.devices()[name]
        if one['display']:
            return until(lambda: self.display(name), 60, 'the display of %s shows it' % name)
        return self.gateway.ctl('show', one['id'])['code']

    def press(self, operation):
        """What a person does on the platform's page: open the link, compare, press the button."""
        page = bed.Page('localhost', self.platform.port)
        path = '/approve/' + operation['id']
        page.submit(page.get(path).form(path))

    def finish(self):
        """What the tokens are for: one is revoked there, and the device comes back by two decisions."""
        self.step('Revoking the registration token of boiler at the platform')
        device_id = self.devices()['boiler']['id']
        self.platform.revoke(device_id)
        self.wait_pending('boiler')
        self.say_alarms()
        before = self.check_identities()
        self.approve('boiler', 'plant room', '--code', LABEL)
        self.await_readings(['boiler'], before, 'readings of boiler again')

    def wait_portal(self, name):
        self.say('Then approve %s a second time at %s' % (name, bold(self.portal())))


class CloudDemo(PlatformDemo):
    """One decision for each device, here: there, what the account was given is the approval."""

    became = ''

    def approve(self, name, place, *options):
        self.admit(name, place, *options)
        self.await_active(name)
        self.say(self.became % (name, self.devices()[name]['platform_id']))

    def shut_out(self, there):
        """The account takes back what it gave that device; it has ended once this returns."""
        raise NotImplementedError

    def finish(self):
        """One device is shut out there: it stops, and no other does."""
        self.shut_out(self.devices()['boiler']['platform_id'])
        others = sorted(set(self.sensors) - {'boiler'})
        # What it sent in time is counted once a later one of the others is.
        self.await_readings(others, self.check_identities(), 'readings of all but boiler')
        before = self.check_identities()
        self.await_readings(others, before, 'readings of all but boiler')
        if self.check_identities()['boiler'] != before['boiler']:
            raise AssertionError('boiler goes on')
        self.say('boiler stopped; %s go on.' % ' and '.join(others))
        self.say_alarms()


class AzureDemo(CloudDemo):
    """The enrolment group is the approval there."""

    became = '%s is admitted here, registered there, and assigned to a hub as %s.'

    def make_platform(self):
        return Dps(self.path('platform'), delay=1).start()

    def configuration(self):
        self.start_platform('"azure": the Device Provisioning Service and the hub that it assigns to')
        path = os.path.join(self.path('platform'), 'group.key')
        with open(path, 'w', encoding='ascii') as file:
            file.write(self.platform.enrol_group('demo').key + '\n')
        self.say('The key of an enrolment group is in a file; the key of each device is derived from it.')
        return {'platform': {'default': 'azure'},
                'azure': {**self.platform.settings(), 'group_key_file': path}}

    def shut_out(self, there):
        self.step('Disabling boiler at the hub')
        self.platform.hub.disable(there)
        until(lambda: self.platform.hub.refusals(there), 60, 'boiler is refused there')


class AwsDemo(CloudDemo):
    """The provisioning template is the approval there, by the claim certificate of the gateway."""

    became = '%s is admitted here; it has a certificate of its own, and is the thing %s there.'

    def make_platform(self):
        one = Aws(self.path('platform')).start()
        one.policies['devices'] = ANYTHING
        one.template('fleet', fleet_template())
        return one

    def configuration(self):
        self.start_platform('"aws": AWS IoT Core with a provisioning template')
        paths = [self.path('claim.pem'), self.path('claim.key')]
        for path, text in zip(paths, self.platform.claim('fleet')):
            with open(path, 'w', encoding='ascii') as file:
                file.write(text)
        self.say('The claim certificate is in a file; with it the gateway asks for one for each device.')
        return {'platform': {'default': 'aws'},
                'aws': {**self.platform.settings(), 'template': 'fleet', 'claim_certificate_file': paths[0],
                        'claim_key_file': paths[1]}}

    def arrivals(self):
        """The envelope is in the payload there: what a rule of the account reads."""
        found = []
        for message in self.platform.telemetry('gatehouse/demo/+/telemetry'):
            found.append((message.topic.split('/')[2],
                          {'gh-id': json.loads(message.payload)['gh']['id']}, message.payload))
        return found

    def shut_out(self, there):
        self.step('Deactivating the certificate of boiler there')
        self.platform.deactivate(self.platform.certificate_of(there))
        until(lambda: self.platform.refusals(there), 60, 'boiler is refused there')


VARIANTS = {'spotflow': SpotflowDemo, 'azure': AzureDemo, 'aws': AwsDemo}
