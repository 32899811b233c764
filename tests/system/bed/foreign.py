# SPDX-License-Identifier: Apache-2.0
"""libcoap's own programs, as devices that somebody else wrote."""

import os
import socket
import subprocess

from .process import Process
from .wait import free_port


class CoapServer(Process):
    """coap-server: its clock as a resource, and whatever else somebody puts there."""

    def __init__(self, directory):
        self.port = free_port(socket.SOCK_DGRAM)
        os.makedirs(directory, exist_ok=True)
        super().__init__(['coap-server-notls', '-A', '127.0.0.1', '-p', str(self.port), '-d', '10'],
                         os.path.join(directory, 'coap-server.log'), cwd=directory)


class SecureCoapServer(Process):
    """The same over DTLS, with the key of a label and for whoever has that."""

    def __init__(self, directory, label):
        self.plain_port = free_port(socket.SOCK_DGRAM, count=2)
        self.port = self.plain_port + 1  # coap-server's own rule
        os.makedirs(directory, exist_ok=True)
        super().__init__(['coap-server-openssl', '-A', '127.0.0.1', '-p', str(self.plain_port), '-d', '10',
                          '-h', 'hint', '-k', os.fsdecode(label.psk)],
                         os.path.join(directory, 'coap-server-secure.log'), cwd=directory)


def coap_client(method, where, path, payload=None, content_format=None, port=None):
    """coap-client at 127.0.0.1:<where>; it answers an Echo challenge by itself. What it printed: the
    payload, or the code of what is an error."""
    words = ['coap-client-notls', '-B', '60', '-m', method]
    if port is not None:
        words += ['-p', str(port)]
    if content_format is not None:
        words += ['-t', str(content_format)]
    if payload is not None:
        words += ['-e', payload]
    done = subprocess.run(words + ['coap://127.0.0.1:%d/%s' % (where, path)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr
