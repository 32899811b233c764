# SPDX-License-Identifier: Apache-2.0
"""Everything that the bed knows of the programs under test: where they are, how they are called,
what their configuration holds, how the page's fields are named. Nothing of this stands elsewhere.
"""

import os

from . import enter


def _build():
    bound = os.path.join(enter.RUN, 'build')
    if os.environ.get('GATEHOUSE_BED') in ('user', 'root') and os.path.isdir(bound):
        return bound
    return os.environ.get('GATEHOUSE_BUILD') or os.path.join(enter.ROOT, 'build')


def program(name):
    """The path of one of our programs in the build."""
    place = {'gatehoused': 'daemon', 'gatehousectl': 'daemon/ctl',
             'gatehouse-sensor': 'tests/sensor'}[name]
    return os.path.join(_build(), place, name)


def gatehoused(config_file):
    return [program('gatehoused'), '--config', config_file]


def gatehousectl(socket_path, *words, json=True):
    form = ['--json'] if json else []
    return [program('gatehousectl'), '--socket', socket_path, *form, *words]


def gatehouse_sensor(*options):
    return [program('gatehouse-sensor'), *options]


def control_socket(runtime_directory):
    return os.path.join(runtime_directory, 'control.sock')


def configuration(directory, coap_port, coaps_port, page_port, broker_port=None, mdns=False):
    """What every gateway of a test is told, unless the test says otherwise: section -> key ->
    value. 'directory' holds everything that it writes."""
    return {
        'gateway': {
            'id': 'bed',
            'state_directory': os.path.join(directory, 'state'),
            'runtime_directory': os.path.join(directory, 'run'),
            'log_level': 'debug',
        },
        'lan': {'interfaces': ['lo'], 'port': coap_port, 'secure_port': coaps_port, 'mdns': mdns},
        'page': {'addresses': ['127.0.0.1'], 'port': page_port},
        'mqtt': {'host': '127.0.0.1' if broker_port else '', 'port': broker_port or 1883,
                 'tls': False},
    }


def value_text(value):
    """A value as libconfuse reads it."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return '{ %s }' % ', '.join(value_text(one) for one in value)
    return '"%s"' % str(value).replace('\\', '\\\\').replace('"', '\\"')


def configuration_text(sections):
    """The file. A value None leaves its key out; a str as section is taken as it stands."""
    text = ''
    for section, keys in sections.items():
        if isinstance(keys, str):
            text += keys + '\n'
            continue
        text += '%s {\n' % section
        for key, value in keys.items():
            if value is not None:
                text += '\t%s = %s\n' % (key, value_text(value))
        text += '}\n'
    return text


# The page: paths and field names of the forms that every test passes through.
PAGE_SETUP = '/setup'
PAGE_LOGIN = '/login'
PAGE_LOGOUT = '/logout'
FIELD_CODE = 'code'
FIELD_NAME = 'name'
FIELD_PASSWORD = 'password'
FIELD_AGAIN = 'again'
FIELD_TOKEN = 'csrf'
COOKIE = '__Host-gh'
