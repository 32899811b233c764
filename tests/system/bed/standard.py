# SPDX-License-Identifier: Apache-2.0
"""A device by the standards alone, datagram by datagram: it has links and a value, and registers."""

import os
import select
import socket
import struct
import threading

from . import coap
from .wait import Patience

BLINKS = ',</blink>;rt="gatehouse.identify"'
GROUP = '224.0.1.187'
GROUP_IPV6 = 'ff02::fd'
LINKS = '</info>;rt="gatehouse.info",</s>;if="core.s";ct=0'


class StandardDevice:
    """A device that knows CoAP and RFC 9176 and nothing of a gateway: it serves its links and a
    value, and registers. 'asked' holds the paths that somebody asked it for, 'told' what was posted to
    it, as (path, body). With 'group' it hears what is asked of all CoAP nodes: on loopback, or by IPv6
    on the interface of that name."""

    def __init__(self, port=0, links=LINKS, group=False, path='/s', host='127.0.0.1'):
        self.path = path
        self.links, self.asked, self.told, self.answers, self.value = links, [], [], [], 20.0
        family = socket.AF_INET6 if isinstance(group, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        if group:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('' if group else host, port))
        if family == socket.AF_INET6:
            member = socket.inet_pton(family, GROUP_IPV6) + struct.pack('@I', socket.if_nametoindex(group))
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        elif group:
            member = socket.inet_aton(GROUP) + struct.pack('@4si', socket.inet_aton('127.0.0.1'), 0)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Condition()
        self.next_mid = 1
        self.known = set()  # (sender, message id): what is said again is no question more
        self.running = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.running = False
        self.thread.join()
        self.socket.close()

    def serve(self):
        while self.running:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data, sender = self.socket.recvfrom(2048)
            message = coap.Message.decode(data)
            if message.code == coap.GET:
                self.serve_one(message, sender)
            elif message.code == coap.POST:
                self.obey(message, sender)
            elif message.code >= 64:
                with self.lock:
                    self.answers.append(message)
                    self.lock.notify_all()

    def serve_one(self, message, sender):
        path = '/' + '/'.join(part.decode() for part in message.all(coap.URI_PATH))
        if (sender, message.mid) not in self.known:
            self.known.add((sender, message.mid))
            self.asked.append(path)
        body = {'/.well-known/core': (coap.LINK_FORMAT, self.links.encode()),
                '/info': (coap.JSON, b'{"model":"S-9","serial":"77"}'),
                self.path: (coap.TEXT, b'%g' % self.value)}.get(path)
        answer = coap.Message(coap.ACK if message.type == coap.CON else coap.NON,
                              coap.CONTENT if body else coap.NOT_FOUND, message.mid, message.token)
        if body:
            answer.options.append((coap.CONTENT_FORMAT, coap.uint(body[0])))
            answer.payload = body[1]
        self.socket.sendto(answer.encode(), sender)

    def obey(self, message, sender):
        """What its links name can be posted to."""
        path = '/' + '/'.join(part.decode() for part in message.all(coap.URI_PATH))
        known = '<%s>' % path in self.links
        if known and (sender, message.mid) not in self.known:
            self.known.add((sender, message.mid))
            self.told.append((path, message.payload.decode()))
        answer = coap.Message(coap.ACK if message.type == coap.CON else coap.NON,
                              coap.CHANGED if known else coap.NOT_FOUND, message.mid, message.token)
        self.socket.sendto(answer.encode(), sender)

    def ask(self, gateway, code, path, query=(), payload=b'', content_format=None, timeout=20):
        """One request from the port that it serves on; retransmitted like any CON."""
        options = [(coap.URI_PATH, part.encode()) for part in path.split('/')]
        options += [(coap.URI_QUERY, word.encode()) for word in query]
        if content_format is not None:
            options.append((coap.CONTENT_FORMAT, coap.uint(content_format)))
        self.next_mid += 1
        request = coap.Message(coap.CON, code, self.next_mid, os.urandom(4), options, payload)

        def answered():
            return next((one for one in self.answers if one.token == request.token), None)
        patience = Patience(timeout)
        while not patience.over():
            self.socket.sendto(request.encode(), ('127.0.0.1', gateway.coap_port))
            for _ in range(4):
                with self.lock:
                    self.lock.wait_for(answered, 0.5)
                if answered():
                    return answered()
                patience.over()
        raise AssertionError('no answer to %r' % request)
