# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, driven by playwright-core: scenarios in tests/system/browser/ play what a person
does and sees, and ask the test for what happens around the page meanwhile."""

import json
import os
import select
import shutil
import subprocess

from . import enter
from .people import PASSWORDS
from .wait import PATIENCE

FOLDER = os.path.join(enter.ROOT, 'tests', 'system', 'browser')
MODULES = os.path.join(enter.ROOT, 'tests', 'node_modules')


def missing():
    """Why there is no browser here, or None."""
    for program in ('node', 'chromium'):
        if not shutil.which(program):
            return program + ' is missing'
    for module in ('playwright-core', 'axe-core'):
        if not os.path.isdir(os.path.join(MODULES, module)):
            return module + ' is missing'
    return None


class Browser:
    """One process of node and one browser, for any number of scenarios."""

    def __init__(self, directory):
        self._log = open(os.path.join(directory, 'browser.log'), 'w', encoding='utf-8')  # noqa: SIM115
        env = {**{key: value for key, value in os.environ.items() if not key.endswith('SAN_OPTIONS')},
               'HOME': directory, 'NODE_PATH': MODULES, 'TZ': 'UTC'}
        self._process = subprocess.Popen(['node', os.path.join(FOLDER, 'main.js')], env=env, cwd=directory,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log)
        self._buffer = b''
        self.version = self._read(60 * PATIENCE)['ready']

    def _read(self, timeout):
        while b'\n' not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], timeout)
            part = os.read(self._process.stdout.fileno(), 65536) if ready else b''
            if not part:
                raise AssertionError('the browser says nothing any more')
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b'\n')
        return json.loads(line)

    def _write(self, what):
        self._process.stdin.write(json.dumps(what).encode() + b'\n')
        self._process.stdin.flush()

    def play(self, scenario, gateway, args=None, **calls):
        """Plays it to its end; 'calls' are what it may ask for. Returns what it returns."""
        self._write({'play': scenario, 'url': 'https://127.0.0.1:%d' % gateway.page_port,
                     'people': PASSWORDS, 'args': args})
        while True:
            said = self._read(110 * PATIENCE)
            if 'failed' in said:
                raise AssertionError('%s: %s' % (scenario, said['failed']))
            if 'done' in said:
                return said['done']
            try:
                self._write({'value': calls[said['call']](*said['args'])})
            except Exception as error:  # the scenario's to tell
                self._write({'error': '%s: %s' % (type(error).__name__, error)})

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(20 * PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
