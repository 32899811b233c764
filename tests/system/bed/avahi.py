# SPDX-License-Identifier: Apache-2.0
"""A message bus and an avahi-daemon of our own, in a namespace where /run is empty: every program
finds them where it always does."""

import os
import subprocess

from .process import Process
from .wait import PATIENCE, until

BUS = '/run/dbus/system_bus_socket'

BUS_CONF = '''<busconfig>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
''' % BUS

AVAHI_CONF = '''[server]
host-name=%s
allow-interfaces=lo
use-ipv4=yes
use-ipv6=yes
ratelimit-interval-usec=1000000
ratelimit-burst=1000
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
'''


def possible():
    """Only in a namespace: the machine's own bus and avahi-daemon are not for tests."""
    return os.environ.get('GATEHOUSE_BED') in ('user', 'root')


class Service:
    """One resolved service."""

    def __init__(self, line):
        parts = line.split(';')
        self.interface, self.protocol, self.name, self.type = parts[1:5]
        self.host, self.address, self.port = parts[6], parts[7], int(parts[8])
        self.txt = dict(item.partition('=')[::2]
                        for item in ';'.join(parts[9:]).strip('"').split('" "') if item)

    def __repr__(self):
        return '<%s %s %s:%d %r>' % (self.name, self.type, self.address, self.port, self.txt)


class Avahi:
    def __init__(self, directory, host_name='bed'):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        for name, text in (('bus.conf', BUS_CONF), ('avahi.conf', AVAHI_CONF % host_name)):
            with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
                file.write(text)
        self.bus = None
        self.daemon = None
        self.published = []

    def _path(self, name):
        return os.path.join(self.directory, name)

    def start(self):
        self.bus = Process(['dbus-daemon', '--config-file=' + self._path('bus.conf'), '--nofork',
                            '--nopidfile'], self._path('dbus.log'))
        until(lambda: os.path.exists(BUS) or not self.bus.alive, 10, 'dbus-daemon listens')
        assert self.bus.alive, self.bus.tail()
        return self.start_daemon()

    def start_daemon(self):
        self.daemon = Process(['avahi-daemon', '-f', self._path('avahi.conf'), '--no-drop-root',
                               '--no-rlimits', '--no-chroot'], self._path('avahi.log'))
        count = self.daemon.log().count('Server startup complete') + 1
        self.daemon.wait_log('Server startup complete', 15, count)
        return self

    def stop_daemon(self):
        """avahi-daemon alone: its clients see it vanish from the bus."""
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def stop(self):
        for one in self.published:
            one.stop()
        self.published = []
        self.stop_daemon()
        if self.bus:
            self.bus.stop()
            self.bus = None
        if os.path.exists(BUS):
            os.unlink(BUS)

    def publish(self, name, kind, port, txt=None, wait=True):
        """Announces a service; stop() of what this returns withdraws it."""
        argv = ['avahi-publish-service', name, kind, str(port)]
        argv += ['%s=%s' % item for item in (txt or {}).items()]
        one = Process(argv, self._path('publish-%d.log' % len(self.published)))
        self.published.append(one)
        if wait:
            one.wait_log('Established', 15)
        return one

    def withdraw(self, one):
        self.published.remove(one)
        one.stop()

    def browse(self, kind):
        """What is known and resolvable now, as Services."""
        found = subprocess.run(['avahi-browse', '--resolve', '--parsable', '--terminate', kind],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=30 * PATIENCE,
                               check=False)
        return [Service(line) for line in found.stdout.splitlines() if line.startswith('=')]
