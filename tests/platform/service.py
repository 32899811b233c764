# SPDX-License-Identifier: Apache-2.0
"""What every stand-in platform is: an HTTPS service with a table of routes, problem documents
(RFC 9457), a log of what was asked, and faults on order."""

import json
import re
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_MAX = 65536


class Problem(Exception):
    """An answer that is an error."""

    def __init__(self, status, kind='about:blank', title='', headers=()):
        super().__init__(status, kind)
        self.status, self.kind, self.title, self.headers = status, kind, title, headers


class Faults:
    """What is to go wrong, for the next 'count' requests whose path matches.

    slow         seconds before it is worked on
    status       answered at once with this status (and Retry-After, when 'retry_after' is given)
    lost         worked on, then the connection ends without an answer
    before       called instead of working on it; then the connection ends without an answer
    after        called when it is worked on, before the answer goes out
    text         worked on, then answered with this instead
    huge         worked on, then answered with so many bytes"""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = []

    def order(self, path='', count=1, **what):
        with self.lock:
            self.waiting.append({'path': path, 'count': count, **what})

    def clear(self):
        with self.lock:
            self.waiting.clear()

    def take(self, path):
        with self.lock:
            for one in self.waiting:
                if re.search(one['path'], path):
                    one['count'] -= 1
                    if one['count'] <= 0:
                        self.waiting.remove(one)
                    return one
        return {}


class Asked:
    """What was asked of a stand-in and when, and what is to go wrong with it."""

    def __init__(self):
        self.lock = threading.RLock()
        self.requests = []
        self.unheard = []  # answers that nobody listened for
        self.faults = Faults()

    def note(self, path, method='MQTT'):
        """Returns the fault that was ordered for it, {} when there is none."""
        with self.lock:
            self.requests.append((method, path, time.monotonic()))
        return self.faults.take(path)

    def asked(self, pattern=''):
        """How often something was asked."""
        with self.lock:
            return sum(1 for _, path, _ in self.requests if re.search(pattern, path))

    def times(self, pattern=''):
        with self.lock:
            return [at for _, path, at in self.requests if re.search(pattern, path)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 60

    def log_message(self, *_):
        pass

    def _send(self, status, body, kind='application/json', headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _work(self, path, body, fault):
        """(status, body, content type, headers)"""
        if 'status' in fault:
            after = [('Retry-After', str(fault['retry_after']))] if 'retry_after' in fault else []
            return fault['status'], b'', 'application/problem+json', after
        try:
            status, value = self.server.service.route(self.command, path, self.headers, body)
        except Problem as problem:
            text = {'type': problem.kind, 'title': problem.title, 'status': problem.status}
            return (problem.status, json.dumps(text).encode(), 'application/problem+json',
                    problem.headers)
        if isinstance(value, str):
            return status, value.encode(), 'text/html; charset=utf-8', ()
        return status, b'' if value is None else json.dumps(value).encode(), 'application/json', ()

    def _answer(self):
        service = self.server.service
        path = self.path.split('?', 1)[0]
        size = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(min(size, BODY_MAX))
        fault = service.note(path, self.command)
        if 'slow' in fault:
            time.sleep(fault['slow'])
        if 'before' in fault:
            fault['before']()
            self.close_connection = True
            return
        status, text, kind, headers = self._work(path, body, fault)
        if 'after' in fault:
            fault['after']()
        if fault.get('lost'):
            self.close_connection = True
            return
        if 'text' in fault:
            text = fault['text'].encode()
        if 'huge' in fault:
            text = b'"' + b'x' * fault['huge'] + b'"'
        try:
            self._send(status, text, kind, headers)
        except OSError:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # a client that does not trust us ends the handshake


class Service(Asked):
    """Subclasses fill 'routes': (method, pattern) -> function(match, headers, body) that returns
    (status, JSON value, HTML text or None) or raises Problem."""

    def __init__(self, certificates, name='localhost', port=0):
        super().__init__()
        self.certificates = certificates
        self.name = name
        self.port = port
        self.routes = []
        self.server = None
        self.others = []

    def add(self, method, pattern, function):
        self.routes.append((method, re.compile(pattern + r'\Z'), function))

    def route(self, method, path, headers, body):
        for wanted, pattern, function in self.routes:
            match = pattern.match(urllib.parse.unquote(path))
            if match and wanted == method:
                with self.lock:
                    return function(match, headers, body)
        raise Problem(404, title='There is no such call.')

    def _serve(self, server, authority):
        certificate, key = (authority or self.certificates).issue('localhost', ['DNS:' + self.name])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.service = self
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05},
                         daemon=True).start()

    def start(self, authority=None):
        """With another authority its certificate is not trusted any more."""
        self.server = Server(('127.0.0.1', self.port), Handler)
        self.port = self.server.server_address[1]
        self._serve(self.server, authority)
        return self

    def listen_also(self, listener):
        """On a socket that listens already, passed in from wherever it was opened."""
        server = Server(listener.getsockname(), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = listener
        self._serve(server, None)
        self.others.append(server)

    def stop(self):
        for server in [*self.others, *([self.server] if self.server else [])]:
            server.shutdown()
            server.server_close()
        self.others, self.server = [], None


def json_of(body):
    try:
        value = json.loads(body or b'{}')
    except ValueError:
        raise Problem(400, title='The body is no JSON.') from None
    if not isinstance(value, dict):
        raise Problem(400, title='The body is no object.')
    return value
