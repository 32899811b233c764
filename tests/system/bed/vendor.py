# SPDX-License-Identifier: Apache-2.0
"""The clients that the vendors of two clouds give to their users, as programs that say what they do."""

import json
import os
import shutil
import subprocess

from .browser import MODULES
from .wait import PATIENCE, until

HERE = os.path.join(os.path.dirname(os.path.realpath(__file__)), '..')


def missing(package):
    """Why they cannot run here, None when they can."""
    if shutil.which('node') and os.path.isdir(os.path.join(MODULES, package)):
        return None
    return 'node, or the npm packages of the tests, are not installed'


class Vendor:
    """One that stays until close()."""

    def __init__(self, script, what, ca_file, options, log_path):
        self.log_path = log_path
        self.answers = 0
        with open(log_path, 'wb') as output:
            self.popen = subprocess.Popen(
                ['node', os.path.join(HERE, script), what, json.dumps(options)],
                env={**os.environ, 'NODE_PATH': MODULES, 'NODE_EXTRA_CA_CERTS': ca_file},
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)

    def ask(self, **options):
        """Has it do one thing more, and returns what came of that."""
        self.popen.stdin.write(json.dumps(options).encode() + b'\n')
        self.popen.stdin.flush()
        self.answers += 1
        return self.wait('answer', self.answers)['answer']

    def said(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return [json.loads(line) for line in file.read().split('\n')[:-1] if line.startswith('{')]

    def wait(self, key, count=1):
        """What it said with this key, when there is so much of it."""
        def there():
            alive = self.popen.poll() is None
            found = [one for one in self.said() if key in one]
            assert len(found) >= count or alive, 'it ended and had said: %s' % self.said()
            return len(found) >= count and found[-1]
        return until(there, 30, 'the client says ' + key)

    def wait_for(self, event):
        until(lambda: event in self.said(), 30, 'the client says %s' % event)

    def close(self):
        self.popen.stdin.close()
        try:
            self.popen.wait(20 * PATIENCE)
        finally:
            self.popen.kill()


def device_certificate(folder, name, authority=None, subject=None):
    """(PEM, key PEM) of a device, signed by itself or by an authority."""
    path = os.path.join(folder, name)
    command = ['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
               '-keyout', path + '.key', '-subj', subject or '/CN=' + name]
    if authority:
        subprocess.run([*command, '-out', path + '.csr'], check=True, capture_output=True)
        subprocess.run(['openssl', 'x509', '-req', '-in', path + '.csr', '-CA', authority.ca_file, '-CAkey',
                        os.path.join(authority.directory, 'ca.key'), '-CAcreateserial', '-days', '1',
                        '-out', path + '.pem'], check=True, capture_output=True)
    else:
        subprocess.run([*command, '-x509', '-days', '1', '-out', path + '.pem'], check=True, capture_output=True)
    with open(path + '.pem', encoding='ascii') as pem, open(path + '.key', encoding='ascii') as key:
        return pem.read(), key.read()


def signing_request(folder, name):
    """(request PEM, key PEM)"""
    path = os.path.join(folder, name)
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', path + '.key', '-subj', '/CN=' + name, '-out', path + '.csr'], check=True,
                   capture_output=True)
    with open(path + '.csr', encoding='ascii') as request, open(path + '.key', encoding='ascii') as key:
        return request.read(), key.read()
