#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""https-peer CERTIFICATE KEY: an HTTPS server and a CONNECT proxy for the tests of the HTTP client.

Prints both ports on one line. Paths:
  /echo            what was asked, as JSON
  /status/N        an answer with this status; /status/N/AFTER with Retry-After
  /bytes/N         N bytes
  /headers/N       N bytes of header lines
  /slow            no answer
  /cut             the connection ends without one; /cuts how often
  /half            less than Content-Length said
  /redirect        to /echo
  /together        how many requests to /wait are under way at most
  /wait            an answer after a short while
  /proxy           what the proxy was told, as JSON
"""

import json
import select
import socket
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {'proxy': [], 'now': 0, 'most': 0, 'cuts': 0}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def give(self, status, body=b'', headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        what, *rest = self.path.strip('/').split('/')
        if what == 'echo':
            self.give(200, json.dumps({'method': self.command, 'headers': dict(self.headers.items()),
                                       'body': body.decode()}).encode())
        elif what == 'status':
            self.give(int(rest[0]), b'{}', [('Retry-After', rest[1])] if rest[1:] else ())
        elif what == 'bytes':
            self.give(200, b'x' * int(rest[0]))
        elif what == 'headers':
            self.give(200, b'', [('X-%d' % at, 'y' * 990) for at in range(int(rest[0]) // 1000)])
        elif what == 'slow':
            time.sleep(60)
        elif what == 'cut':
            with lock:
                seen['cuts'] += 1
            self.close_connection = True
        elif what == 'cuts':
            self.give(200, str(seen['cuts']).encode())
        elif what == 'half':
            self.send_response(200)
            self.send_header('Content-Length', '100')
            self.end_headers()
            self.wfile.write(b'half')
            self.close_connection = True
        elif what == 'redirect':
            self.give(302, b'', [('Location', '/echo')])
        elif what == 'wait':
            with lock:
                seen['now'] += 1
                seen['most'] = max(seen['most'], seen['now'])
            time.sleep(0.2)
            with lock:
                seen['now'] -= 1
            self.give(200)
        elif what == 'together':
            self.give(200, str(seen['most']).encode())
        elif what == 'proxy':
            self.give(200, json.dumps(seen['proxy']).encode())
        else:
            self.give(404)

    do_GET = do_PUT = do_POST = do_DELETE = answer


class Proxy(socketserver.BaseRequestHandler):
    """Takes any CONNECT to the port of the server above."""

    def handle(self):
        head = b''
        while b'\r\n\r\n' not in head:
            more = self.request.recv(4096)
            if not more:
                return
            head += more
        seen['proxy'].append(head.decode('latin-1'))
        with socket.create_connection(('127.0.0.1', web.server_address[1])) as there:
            self.request.sendall(b'HTTP/1.1 200 go on\r\n\r\n')
            pair = {self.request: there, there: self.request}
            while True:
                for one in select.select(list(pair), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    pair[one].sendall(data)


class Web(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
web = Web(('127.0.0.1', 0), Handler)
web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
socketserver.ThreadingTCPServer.daemon_threads = True
proxy = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
print(web.server_address[1], proxy.server_address[1], flush=True)
web.serve_forever()
