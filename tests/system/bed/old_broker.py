# SPDX-License-Identifier: Apache-2.0
"""In front of a real broker: one that hears who connects, and one that knows MQTT 3.1.1 and nothing
newer, which refuses the version as MQTT 3.1.1 section 3.1.2.2 wants it."""

import socket
import threading

from .broker import HOST

REFUSED = b'\x20\x02\x00\x01'  # CONNACK: unacceptable protocol version
PUBLISH = 3
LEVEL = 8                      # where it stands in a short CONNECT packet, after "MQTT"


def _field(packet, at):
    """A text with two bytes of length before it, and what is behind."""
    size = int.from_bytes(packet[at:at + 2], 'big')
    return packet[at + 2:at + 2 + size].decode(), at + 2 + size


def packet_size(data):
    """Of the packet in front, with its header (MQTT 3.1.1 section 2.2.3); None: not known yet."""
    size, at = 0, 1
    while at < len(data):
        size |= (data[at] & 127) << 7 * (at - 1)
        at += 1
        if not data[at - 1] & 128:
            return at + size
    return None


def read_connect(packet):
    """(protocol level, client id, user, password) of a CONNECT packet without a Will."""
    at = 1
    while packet[at] & 0x80:
        at += 1
    at += 1 + LEVEL - 2
    level, flags = packet[at], packet[at + 1]
    at += 4
    if level == 5:
        at += 1 + packet[at]
    client_id, at = _field(packet, at)
    if flags & 4 or not flags & 0x80:
        return level, client_id, None, None
    user, at = _field(packet, at)
    return level, client_id, user, _field(packet, at)[0]


class Listener:
    """'port' is what the gateway is told; 'levels' the protocol levels that were asked for,
    'credentials' what each client came with last."""

    refuses_5 = False

    def __init__(self, broker):
        self.broker = broker
        self.levels = []
        self.credentials = {}
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self._open = []

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _spawn(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, client):
        self._open.append(client)
        try:
            first = client.recv(4096)
        except OSError:
            first = b''
        if not first:
            client.close()
            return
        level, client_id, *credential = read_connect(first)
        self.levels.append(level)
        self.credentials[client_id] = tuple(credential)
        if self.refuses_5 and level != 4:
            client.sendall(REFUSED)
            client.close()
            return
        try:
            behind = socket.create_connection((HOST, self.broker.port))
        except OSError:
            client.close()
            return
        self._open.append(behind)
        behind.sendall(first)
        self._spawn(self._said, client, behind)
        self._pass_on(behind, client)

    def _said(self, client, behind):
        self._pass_on(client, behind)

    @staticmethod
    def _pass_on(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(5)
        for one in self._open:
            one.close()


class OldBroker(Listener):
    """MQTT 3.1.1 only."""

    refuses_5 = True


class Touchy(OldBroker):
    """MQTT 3.1.1 only, and it hangs up on a PUBLISH that holds 'poison', as such brokers do on what
    they will never take. 'hung_up' counts it."""

    def __init__(self, broker, poison):
        self.poison, self.hung_up = poison, 0
        super().__init__(broker)

    def _said(self, client, behind):
        data = b''
        try:
            while chunk := client.recv(65536):
                data += chunk
                while (size := packet_size(data)) and size <= len(data):
                    if data[0] >> 4 == PUBLISH and self.poison in data[:size]:
                        self.hung_up += 1
                        raise ConnectionError
                    behind.sendall(data[:size])
                    data = data[size:]
        except OSError:
            pass
        for one in (client, behind):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
