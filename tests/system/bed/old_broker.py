# SPDX-License-Identifier: Apache-2.0
"""A broker that knows MQTT 3.1.1 and nothing newer: one in front of a real one, which refuses the
version as MQTT 3.1.1 section 3.1.2.2 wants it and passes everything else on."""

import socket
import threading

from .broker import HOST

REFUSED = b'\x20\x02\x00\x01'  # CONNACK: unacceptable protocol version
LEVEL = 8                      # of the CONNECT packet: after the fixed header and "MQTT"


class OldBroker:
    """'port' is what the gateway is told; 'levels' the protocol levels that were asked for."""

    def __init__(self, broker):
        self.broker = broker
        self.levels = []
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
        first = client.recv(4096)
        header = 1
        while len(first) > header and first[header] & 0x80:
            header += 1
        level = first[header + 7] if len(first) > LEVEL else 0
        self.levels.append(level)
        if level != 4:
            client.sendall(REFUSED)
            client.close()
            return
        behind = socket.create_connection((HOST, self.broker.port))
        self._open.append(behind)
        behind.sendall(first)
        self._spawn(self._pass_on, client, behind)
        self._pass_on(behind, client)

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
