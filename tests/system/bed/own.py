# SPDX-License-Identifier: Apache-2.0
"""Devices with an MQTT session of their own (platform mqtt): what the gateway is told, and how their
credentials come in."""

import os

from .plain import device
from .wait import until


def password_file(directory, password):
    """What mqtt.password_file names: readable for the daemon, whoever it runs as."""
    path = os.path.join(directory, 'password')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(password + '\n')
    os.chmod(path, 0o644)
    return path


def configuration(directory, password, user='gateway'):
    """Of a gateway that logs in as 'user' and whose devices have sessions of their own."""
    return {'mqtt': {'username': user, 'password_file': password_file(directory, password)},
            'platform': {'default': 'mqtt'}, 'lan': {'device_rate': 1000, 'device_burst': 1000}}


def import_lines(gateway, *lines):
    """Lines 'ep,username,password'."""
    return gateway.ctl('tokens', 'import', '-', stdin='\n'.join(lines) + '\n')


def await_link(gateway, ep, link='up', timeout=30):
    return until(lambda: (lambda one: one if one['link'] == link else None)(device(gateway, ep)),
                 timeout, 'the link of %s is %s' % (ep, link))
