# SPDX-License-Identifier: Apache-2.0
"""Hosts beside the gateway's: each one is a network namespace of its own, behind a veth pair on a
bridge of the bed. So each one has a MAC, and the kernel's neighbour table is a real one."""

import ctypes
import os
import subprocess
import threading

from . import coap
from .group import Group
from .standard import StandardDevice
from .wait import until

BRIDGE = 'lan0'
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    subprocess.run(['ip', *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def inside(pid, work):
    """work() with the network of a process; sockets that it makes stay there."""
    result = []

    def enter():
        fd = os.open('/proc/%d/ns/net' % pid, os.O_RDONLY)
        try:
            if _libc.setns(fd, CLONE_NEWNET) != 0:
                result.append(OSError(ctypes.get_errno(), 'setns'))
            else:
                result.append(work())
        finally:
            os.close(fd)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


class Lan:
    """A link with the gateway at .1, and hosts. To be closed."""

    def __init__(self):
        self.hosts = []
        ip('link', 'add', BRIDGE, 'type', 'bridge')
        ip('address', 'add', '10.7.0.1/24', 'brd', '+', 'dev', BRIDGE)
        ip('address', 'add', 'fd07::1/64', 'dev', BRIDGE, 'nodad')
        ip('link', 'set', BRIDGE, 'up')

    def host(self, number):
        one = Host(number)
        self.hosts.append(one)
        return one

    def close(self):
        for one in self.hosts:
            one.close()
        ip('link', 'delete', BRIDGE)


class Host:
    """One host, with the MAC 02:00:00:00:00:<number>; addresses come and go."""

    def __init__(self, number):
        self.mac = '02:00:00:00:00:%02x' % number
        self.keeper = subprocess.Popen(['unshare', '-n', 'sleep', '3600'],
                                       stdin=subprocess.DEVNULL)
        mine = os.readlink('/proc/self/ns/net')
        until(lambda: os.readlink('/proc/%d/ns/net' % self.keeper.pid) != mine, 10,
              'the host has a network of its own')
        near, far = 'near%d' % number, 'far%d' % number
        ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'address', self.mac)
        ip('link', 'set', near, 'master', BRIDGE, 'up')
        ip('link', 'set', far, 'netns', str(self.keeper.pid))
        self.device = far
        self.inside('link', 'set', far, 'up')

    def inside(self, *words):
        inside(self.keeper.pid, lambda: ip(*words))

    def lease(self, address):
        """Has this address and no other, as after a new lease; what it knew of the link is gone."""
        self.inside('address', 'flush', 'dev', self.device, 'scope', 'global')
        if ':' in address:
            self.inside('address', 'add', address + '/64', 'dev', self.device, 'nodad')
        else:
            self.inside('address', 'add', address + '/24', 'brd', '+', 'dev', self.device)
        self.inside('neigh', 'flush', 'dev', self.device)

    def coap(self, gateway, server):
        return inside(self.keeper.pid, lambda: coap.Client(server, gateway.coap_port))

    def asks(self, group, gateway):
        """Somebody on this host who asks everybody of the group."""
        return inside(self.keeper.pid, lambda: Group(group, gateway.coap_port, self.device))

    def serves(self, links):
        """A device by the standards on CoAP's own port, which hears what is asked of everybody."""
        return inside(self.keeper.pid, lambda: StandardDevice(5683, links, group=self.device))

    def close(self):
        self.keeper.kill()
        self.keeper.wait()
