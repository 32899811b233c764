# SPDX-License-Identifier: Apache-2.0
"""gatehoused as it ships, with a configuration, a state directory and a service manager's socket
of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading

from . import commands, enter
from .page import Page
from .process import Process
from .wait import PATIENCE, free_port, until


class ToolError(AssertionError):
    """gatehousectl ended with a non-zero code."""

    def __init__(self, words, done):
        super().__init__('gatehousectl %s: exit code %d\n%s%s'
                         % (' '.join(words), done.returncode, done.stdout, done.stderr))
        self.code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr


class _Local(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Notifications:
    """The other end of NOTIFY_SOCKET. Read by a thread, so that the daemon never waits for us."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                datagram = self._socket.recv(4096)
            except OSError:
                return
            if datagram == b'close':
                return
            self.lines += datagram.decode('utf-8', 'replace').splitlines()

    def last(self, key):
        for line in reversed(self.lines):
            if line.startswith(key + '='):
                return line[len(key) + 1:]
        return None

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'close', self.path)
        self._thread.join(5)
        self._socket.close()
        os.unlink(self.path)


class Gateway:
    """A gateway with its own directory: configuration, state, runtime files, log.

    config      section -> key -> value, laid over commands.configuration()
    broker      a Broker to relay to, or None
    listen_fds  descriptors that are passed on as a service manager would (LISTEN_FDS)

    In the rung 'root' it runs as a uid that nobody has; in 'user' there is only one uid, in
    'plain' it runs as the caller."""

    def __init__(self, directory, config=None, broker=None, mdns=False, listen_fds=()):
        self.directory = directory
        self.uid = enter.daemon_uid()
        self.coap_port = free_port(socket.SOCK_DGRAM)
        self.coaps_port = free_port(socket.SOCK_DGRAM)
        self.page_port = free_port()
        self.listen_fds = tuple(listen_fds)
        self.config_file = os.path.join(directory, 'gatehouse.conf')
        self.log_path = os.path.join(directory, 'gatehoused.log')
        self.sections = commands.configuration(directory, self.coap_port, self.coaps_port,
                                               self.page_port,
                                               broker.port if broker else None, mdns)
        self.process = None
        self.notify = None
        self.state_directory = self.sections['gateway']['state_directory']
        self.runtime_directory = self.sections['gateway']['runtime_directory']
        for folder in (directory, self.state_directory, self.runtime_directory):
            os.makedirs(folder, mode=0o755, exist_ok=True)
        os.chmod(self.state_directory, 0o700)
        if self.uid is not None:
            for folder in (self.state_directory, self.runtime_directory):
                os.chown(folder, self.uid, self.uid)
        self.configure(config or {})

    @property
    def socket_path(self):
        return commands.control_socket(self.runtime_directory)

    def configure(self, config):
        """Lays further keys over what was set, and writes the file."""
        for section, keys in config.items():
            if isinstance(keys, str):
                self.sections[section] = keys
            else:
                self.sections[section] = {**self.sections.get(section, {}), **keys}
        with open(self.config_file, 'w', encoding='utf-8') as file:
            file.write(commands.configuration_text(self.sections))
        os.chmod(self.config_file, 0o644)

    def _environment(self):
        env = {key: value for key, value in os.environ.items()
               if key in ('PATH', 'LANG', 'TZ') or key.endswith('SAN_OPTIONS')}
        env['NOTIFY_SOCKET'] = self.notify.path
        env['HOME'] = self.state_directory
        return env

    def start(self, wait=True, env=None):
        """Starts it; with 'wait' it is READY=1 when this returns."""
        assert self.process is None, 'it runs already'
        self.notify = Notifications(os.path.join(self.directory, 'notify'))
        argv = commands.gatehoused(self.config_file)
        environment = {**self._environment(), **(env or {})}
        if self.listen_fds:
            # The descriptors have to be 3 and up (bash: sh knows one digit), and LISTEN_PID the
            # daemon's own.
            moves = ' '.join('%d<&%d' % (3 + index, fd)
                             for index, fd in enumerate(self.listen_fds) if fd != 3 + index)
            environment['LISTEN_FDS'] = str(len(self.listen_fds))
            argv = ['/bin/bash', '-c', 'LISTEN_PID=$$ exec "$@" ' + moves, 'bash', *argv]
        self.process = Process(argv, self.log_path, env=environment, cwd=self.directory,
                               uid=self.uid, pass_fds=self.listen_fds)
        self.process.name = 'gatehoused'
        if wait:
            self.wait_ready()
        return self

    @property
    def ready(self):
        return self.notify is not None and 'READY=1' in self.notify.lines

    @property
    def status(self):
        """The last STATUS= line."""
        return self.notify.last('STATUS') if self.notify else None

    def wait_ready(self, timeout=20):
        until(lambda: self.ready or not self.process.alive, timeout, 'gatehoused is ready')
        if not self.process.alive:
            raise AssertionError('gatehoused ended with code %s before it was ready:\n%s'
                                 % (self.process.exit_code, self.process.tail()))

    def _ended(self):
        process, self.process = self.process, None
        if self.notify:
            self.notify.close()
            self.notify = None
        process.check()

    def terminate(self, expect=0):
        """A clean stop: SIGTERM, and the exit code is right."""
        code = self.process.stop()
        log = self.process.tail()
        self._ended()
        assert code == expect, 'gatehoused ended with code %d:\n%s' % (code, log)

    def kill(self):
        """SIGKILL: what is not on disk is gone."""
        self.process.kill()
        self._ended()

    def restart(self, kill=False):
        if kill:
            self.kill()
        else:
            self.terminate()
        return self.start()

    def reload(self):
        """SIGHUP; returns when it says that it is through."""
        before = self.notify.lines.count('READY=1')
        self.process.signal(signal.SIGHUP)
        until(lambda: self.notify.lines.count('READY=1') > before, 10, 'gatehoused has reloaded')

    def wait_exit(self, timeout=10):
        """For a gateway that is to end by itself; returns its exit code."""
        code = self.process.wait(timeout)
        self._ended()
        return code

    def close(self):
        """The end of a test: still running means a clean stop."""
        if self.process is None:
            return
        if self.process.alive:
            self.terminate()
        else:
            code, log = self.process.exit_code, self.process.tail()
            self._ended()
            raise AssertionError('gatehoused had ended with code %s:\n%s' % (code, log))

    def log(self):
        if not os.path.exists(self.log_path):
            return ''
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def wait_log(self, pattern, timeout=10.0, count=1):
        return self.process.wait_log(pattern, timeout, count)

    def tool(self, *words, stdin=None, timeout=30, json=False, uid=None, gid=None):
        """gatehousectl WORDS... as a person sees it (or with --json): returncode, stdout, stderr.
        'uid' and 'gid' (rung 'root' only): whose command it is."""
        argv = commands.gatehousectl(self.socket_path, *map(str, words), json=json)
        if uid is not None:
            argv = ['setpriv', '--reuid', str(uid), '--regid', str(gid or uid), '--clear-groups',
                    '--', *argv]
        return subprocess.run(argv, input=stdin or '', capture_output=True, text=True,
                              timeout=timeout * PATIENCE, env=self._tool_environment(), check=False)

    def ctl(self, *words, stdin=None, timeout=30):
        """gatehousectl --json WORDS...: the parsed answer, None when it says nothing; ToolError
        with its code and words otherwise."""
        done = self.tool(*words, stdin=stdin, timeout=timeout, json=True)
        if done.returncode != 0:
            raise ToolError(tuple(map(str, words)), done)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def api(self, method, path, body=None, timeout=30):
        """What the tool would be answered, without the cost of starting one: the status and the
        answer of /api/v1/PATH at the Unix socket. For what is asked again and again."""
        link = _Local(self.socket_path, timeout * PATIENCE)
        try:
            link.request(method, '/api/v1/' + path,
                         None if body is None else json.dumps(body).encode(),
                         {'Content-Type': 'application/json'} if body is not None else {})
            answer = link.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            link.close()

    def devices(self):
        """All of them, as 'gatehousectl devices' has them."""
        found = []
        while True:
            status, answer = self.api('GET', 'devices?limit=200&offset=%d' % len(found))
            assert status == 200, answer
            found += answer['devices']
            if not answer['devices'] or len(found) >= answer['total']:
                return found

    def _tool_environment(self):
        return {key: value for key, value in os.environ.items()
                if key in ('PATH', 'LANG', 'HOME') or key.endswith('SAN_OPTIONS')}

    def page(self, source=None):
        """A new browser, without cookies; 'source' is the address that it comes from."""
        return Page('127.0.0.1', self.page_port, source=source)

    def coap(self, **options):
        """A new device address: a CoAP client with a socket of its own."""
        from .coap import Client
        return Client('127.0.0.1', self.coap_port, **options)
