# SPDX-License-Identifier: Apache-2.0
"""The demo with a platform of its own behind the gateway: two approvals for each device, one here and
one on that platform's page, and readings that arrive at its hub under the device's own identity."""

import os
import socket
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'platform'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'system'))

import bed  # noqa: E402
from bed.wait import until  # noqa: E402

import hub  # noqa: E402
from demo import LABEL, READINGS_EACH, Demo, bold  # noqa: E402
from spotflow import WORKSPACE, Spotflow  # noqa: E402

SECOND_SOCKET = 'GATEHOUSE_LISTEN_FD_2'


class SpotflowDemo(Demo):
    """Its approval page is reachable from outside, like that of the gateway."""

    platform = None

    def start_platform(self):
        if not hub.plugin():
            raise AssertionError('mosquitto has no dynamic-security plugin here: the stand-in needs it')
        self.step('Starting a stand-in of the platform "spotflow": its API, its approval page, its hub')
        self.platform = Spotflow(self.path('platform')).start()
        os.chmod(self.path('platform'), 0o755)
        outside = socket.socket(fileno=int(os.environ[SECOND_SOCKET]))
        self.portal_port = outside.getsockname()[1]
        self.platform.listen_also(outside)
        self.say('approval page: %s' % bold(self.portal()))

    def portal(self):
        return 'https://localhost:%d/approve/' % self.portal_port

    def configuration(self):
        self.start_platform()
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
        one = self.wait_pending(name)
        self.decide('admit', one, place, *options)
        operation = until(lambda: self.operation_of(name), 60, 'an operation for %s is open' % name)
        self.say('%s is admitted here. Its code is %s; the operation is open at %s'
                 % (name, self.code_of(name), operation['link']))
        self.press(operation)
        until(lambda: self.devices()[name]['stage'] == 'active', 60, '%s is active' % name)
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

    # ---- readings ----

    def show_readings(self):
        events = self.platform.hub.events()
        for topic, bag, payload in events[self.shown:]:
            print('   %-34s %s %s' % (bag.get('gh-id'), topic.split('/')[1], payload.decode()), flush=True)
        self.shown = len(events)
        return events

    def check_identities(self):
        """Every reading came by the session of its own device."""
        own = {'%s:%s' % (WORKSPACE, one['id']): (name, one['id']) for name, one in self.devices().items()}
        counts = {name: 0 for name in self.sensors}
        for topic, bag, payload in self.platform.hub.events():
            name, device_id = own.get(topic.split('/')[1], (None, None))
            if bag.get('gh-kind'):
                continue
            if name is None or b'"%s/"' % device_id.encode() not in payload:
                raise AssertionError('a reading under a foreign identity: %s' % topic)
            counts[name] += 1
        return counts

    def finish(self):
        """What the tokens are for: one is revoked there, and the device comes back by two decisions."""
        self.step('Revoking the registration token of boiler at the platform')
        device_id = self.devices()['boiler']['id']
        self.platform.revoke(device_id)
        self.wait_pending('boiler')
        for alarm in self.gateway.ctl('alarms')['alarms']:
            self.say('alarm %s: %s %s' % (alarm['id'], alarm['sentence'], alarm['remedy']))
        before = self.check_identities()['boiler']
        self.approve('boiler', 'plant room', '--code', LABEL)

        def again():
            self.check_alive()
            self.show_readings()
            return self.check_identities()['boiler'] >= before + READINGS_EACH
        until(again, 90, 'readings of boiler again')

    def wait_portal(self, name):
        self.say('Then approve %s a second time at %s' % (name, bold(self.portal())))

    def close(self):
        failed = super().close()
        if self.platform:
            self.platform.stop()
        return failed
