# SPDX-License-Identifier: Apache-2.0
"""Somebody who asks everybody: questions to a multicast group, and who answered them."""

import os
import socket

from . import coap
from .wait import until



class Group(coap.Client):
    """Asks all CoAP nodes of a group; 'source' is the interface's own address (IPv4) or name (IPv6)."""

    def __init__(self, group, port, source):
        if ':' in group:
            super().__init__(group, port)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(source))
        else:
            super().__init__(group, port, local_host=source)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        self.answers = {}

    def ask(self, code, path, *query):
        """Once, as NON; its token."""
        request = self.message(code, path, list(query), type=coap.NON, token=os.urandom(4))
        self.send(request)
        return request.token

    def answered(self, *question):
        """The answer to this question, which is said again until there is one: a group is answered
        after a while, by chance (RFC 7252 section 8.2), and a few times a second."""
        asked = set()

        def there():
            try:
                asked.add(self.ask(*question))
                while not asked & set(self.answers):
                    answer = self.receive(2)
                    self.answers[answer.token] = answer
            except (coap.Silence, OSError):  # an address may not be ready yet
                pass
            return asked & set(self.answers)
        return self.answers[until(there, 60, '%s is answered' % question[-1]).pop()]
