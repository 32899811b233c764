# SPDX-License-Identifier: Apache-2.0
"""A relay between one device and the gateway that keeps a copy of every datagram, and can say them
again from the same address and port."""

import select
import socket
import threading


class Relay:
    """The device is told 'port'; the gateway sees all of it come from one socket."""

    def __init__(self, to_port):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(('127.0.0.1', 0))
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.bind(('127.0.0.1', 0))
        self.back.connect(('127.0.0.1', to_port))
        self.port = self.front.getsockname()[1]
        self.heard = []     # what the device said
        self.answered = []  # what the gateway said
        self.deaf = False   # nothing passes to the device
        self._device = None
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ends:
            for one in select.select([self.front, self.back], [], [], 0.05)[0]:
                try:
                    if one is self.front:
                        data, self._device = one.recvfrom(65536)
                        self.heard.append(data)
                        self.back.send(data)
                    else:
                        data = one.recv(65536)
                        self.answered.append(data)
                        if self._device and not self.deaf:
                            self.front.sendto(data, self._device)
                except OSError:
                    pass  # the gateway is away

    def say_again(self, datagrams):
        for data in datagrams:
            try:
                self.back.send(data)
            except OSError:
                pass

    def close(self):
        self._ends = True
        self._thread.join()
        self.front.close()
        self.back.close()
