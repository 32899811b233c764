# SPDX-License-Identifier: Apache-2.0
"""The three devices of tests/demo, each of another kind: one enrols itself and proves the key of its
label, one is found by mDNS and shows a code on its display, one registers at /rd and knows nothing else."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'system'))

import bed  # noqa: E402
from bed.label import Label  # noqa: E402

BOILER = Label('boiler')
POLL_SECONDS = 2


class Devices:
    """They are switched on one by one; 'gateway' runs."""

    def __init__(self, directory, gateway=None):
        self.directory, self.gateway = directory, gateway
        self.sensors = {}

    def switch_on(self, name):
        where = '127.0.0.1:%d' % self.gateway.coap_port
        options = {
            'boiler': {'gateway': where, 'model': 'T-100', 'serial': '0001', 'label': BOILER.code, 'interval': 1},
            'hall': {'mode': 'server', 'advertise': True, 'display': True, 'model': 'H-20', 'serial': '0002'},
            'door': {'gateway': where, 'mode': 'register'},
        }[name]
        self.sensors[name] = bed.Sensor(self.directory, name, ep=name, **options)

    def display(self, name):
        """What a person reads off the display of a sensor."""
        lines = [json.loads(line) for line in self.sensors[name].log().splitlines() if line.startswith('{')]
        codes = [line['code'] for line in lines if line['event'] == 'code']
        return codes[-1] if codes else ''

    def switch_off(self):
        for one in self.sensors.values():
            one.stop()
