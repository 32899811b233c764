# SPDX-License-Identifier: Apache-2.0
"""The first minutes of an installation at the shell: the networks are chosen once, then the setup
code is made."""

import os
import subprocess

import pytest

from bed import commands
from bed.terminal import Terminal
from bed.wait import until

DONE, _, USAGE, _ = range(4)
ADDRESS, PHONE = '192.0.2.77', '192.0.2.78'


@pytest.fixture
def gateway(make_gateway):
    return make_gateway().start()


class Network:
    """A network beside loopback, and a phone on it: a network namespace of its own."""

    def __init__(self, name):
        self.name = name
        self.phone = subprocess.Popen(['unshare', '--net', '--', 'sleep', '600'])
        own = os.readlink('/proc/self/ns/net')
        until(lambda: os.readlink('/proc/%d/ns/net' % self.phone.pid) != own, what='a namespace')
        self._ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'phone0', 'netns',
                 str(self.phone.pid))
        self._ip('address', 'add', ADDRESS + '/24', 'dev', name)
        self._ip('link', 'set', name, 'up')
        self.there('ip', 'address', 'add', PHONE + '/24', 'dev', 'phone0').check_returncode()
        self.there('ip', 'link', 'set', 'phone0', 'up').check_returncode()

    @staticmethod
    def _ip(*words):
        subprocess.run(['ip', *words], check=True)

    def there(self, *argv):
        """What the phone does."""
        return subprocess.run(['nsenter', '--net=/proc/%d/ns/net' % self.phone.pid, '--', *argv],
                              capture_output=True, text=True, timeout=60, check=False)

    def close(self):
        self.phone.kill()
        self.phone.wait()
        subprocess.run(['ip', 'link', 'delete', self.name], check=False, capture_output=True)


@pytest.fixture
def network():
    if os.environ.get('GATEHOUSE_BED') == 'plain':
        pytest.skip('a network of its own needs namespaces')
    one = Network('ghplant0')
    yield one
    one.close()


def configuration_file(work):
    path = os.path.join(work, 'site.conf')
    with open(path, 'w', encoding='ascii') as file:
        file.write('gateway { id = "site" }\n')
    return path, path + '.d/20-interfaces.conf'


def test_networks_by_option(gateway, work):
    """A wrong name changes nothing; an answer is kept, and the question is not asked again."""
    path, dropin = configuration_file(work)
    done = gateway.tool('setup', '--config', path, '--interfaces', 'nowhere0')
    assert done.returncode == USAGE and '"nowhere0"' in done.stderr and 'allowed: ' in done.stderr
    assert not os.path.exists(dropin)
    done = gateway.tool('setup', '--config', path, '--interfaces', 'none')
    assert done.returncode == DONE and dropin in done.stdout and 'Restart' in done.stdout, done
    done = gateway.tool('check-config', path)
    assert done.returncode == DONE, done
    done = gateway.tool('setup', '--config', path)
    assert done.returncode == DONE and 'Setup code' in done.stdout, done


def test_networks_by_question(gateway, work, network):
    """At a terminal: the list, an answer by number, the next step; then only the code."""
    path, dropin = configuration_file(work)
    talk = Terminal(commands.gatehousectl(gateway.socket_path, 'setup', '--config', path, json=False))
    shown = talk.until('leave it as it is: ')
    row = next(line.split() for line in shown.splitlines() if network.name in line)
    assert row[1] == network.name and ADDRESS in row[2]
    talk.type(row[0] + '\n')
    assert talk.end() == DONE
    assert 'Restart gatehoused' in talk.text and 'Setup code' not in talk.text
    with open(dropin, encoding='ascii') as file:
        text = file.read()
    assert 'interfaces = { "lo", "%s" }' % network.name in text
    assert '"0.0.0.0%%%s"' % network.name in text
    talk = Terminal(commands.gatehousectl(gateway.socket_path, 'setup', '--config', path, json=False))
    assert talk.end() == DONE
    assert 'Setup code' in talk.text and 'leave it as it is' not in talk.text


def test_the_page_on_a_chosen_network(make_gateway, network):
    """Heard where its interface is named, whatever address that has, and nowhere else."""
    def fetch(gateway, here):
        argv = ['curl', '--silent', '--insecure', '--max-time', '20', '--output', '/dev/null',
                '--write-out', '%{http_code}',
                'https://%s:%d/' % ('127.0.0.1' if here else ADDRESS, gateway.page_port)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False) if here \
            else network.there(*argv)
        return done.returncode, done.stdout

    gateway = make_gateway(config={'page': {'addresses': ['127.0.0.1%lo', '0.0.0.0%' + network.name]},
                                   'lan': {'interfaces': ['lo', network.name]}}).start()
    for here in (True, False):
        code, status = fetch(gateway, here)
        assert code == 0 and status in ('200', '303'), (here, code, status)
