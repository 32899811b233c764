#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""enter.py [--listen ADDRESS:PORT]... -- COMMAND...: runs a command in a bed of its own.

The ladder, from the best rung down:

  user    a user, network, mount and pid namespace on loopback; no root needed
  root    the same for root, who needs no user namespace: the daemon can run as a uid of its own
  plain   no namespaces here: free ports on the machine's own loopback, no mDNS; said loudly

In a namespace lo is up and takes multicast, /run is empty, and when the command ends everything
that it left running ends with it. GATEHOUSE_BED names the rung to the command.

--listen opens a TCP socket before the namespace is entered and passes it on as descriptor
GATEHOUSE_LISTEN_FD (a second one as GATEHOUSE_LISTEN_FD_2): what listens inside can then be reached
from outside.
"""

import os
import re
import signal
import socket
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
RUN = '/run/gatehouse-bed'
DAEMON = 'gatehouse-bed'
SEARCH = '/usr/sbin:/usr/bin:/sbin:/bin'
INIT = ['--pid', '--fork', '--kill-child', '--mount-proc']


def namespaces():
    """(rung, options of unshare) of the best rung that this machine allows, or None."""
    rung, kinds = ('root', ['-nm']) if os.geteuid() == 0 else ('user', ['-Urnm'])
    for extra in (INIT, []):
        probe = subprocess.run(['unshare', *kinds, *extra, '--', 'ip', 'link', 'set', 'lo', 'up'],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            return rung, kinds + extra
    return None


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def loopback():
    run('ip', 'link', 'set', 'lo', 'up')
    run('ip', 'link', 'set', 'lo', 'multicast', 'on')
    run('ip', 'route', 'add', '224.0.0.0/4', 'dev', 'lo')
    # A kernel without IPv6 has no such route, and no test of ours hangs on it alone.
    subprocess.run(['ip', '-6', 'route', 'add', 'ff00::/8', 'dev', 'lo', 'table', 'local'],
                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def edit_users(change):
    """/etc/passwd and /etc/group as change(name, text) makes them, for this namespace alone."""
    for name in ('passwd', 'group'):
        with open('/etc/' + name, encoding='utf-8') as file:
            text = file.read()
        with open(os.path.join(RUN, name), 'w', encoding='utf-8') as file:
            file.write(change(name, text))
        run('mount', '--bind', os.path.join(RUN, name), '/etc/' + name)


def avahi_is_root(name, text):
    """In a user namespace only uid 0 exists. avahi-daemon gives its directory to 'avahi' and ends
    when it cannot: there, 'avahi' is 0 as well."""
    if name == 'passwd':
        return re.sub(r'^(avahi:x):\d+:\d+:', r'\1:0:0:', text, flags=re.M)
    return re.sub(r'^(avahi:x):\d+:', r'\1:0:', text, flags=re.M)


def spare_user(name, text):
    """The uid of the daemon under test. It has a name: dbus-daemon turns away who has none."""
    uid = next(uid for uid in range(64000, 65000) if ':%d:' % uid not in text)
    text = text if text.endswith('\n') else text + '\n'
    if name == 'passwd':
        return text + '%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n' % (DAEMON, uid, uid)
    return text + '%s:x:%d:\n' % (DAEMON, uid)


def furnish(rung):
    run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
    for folder in ('/run/dbus', '/run/avahi-daemon', '/run/lock', RUN):
        os.mkdir(folder, 0o755)
    loopback()
    edit_users(avahi_is_root if rung == 'user' else spare_user)
    # The programs under test, where a uid that may not enter the tree finds them too.
    build = os.environ.get('GATEHOUSE_BUILD') or os.path.join(ROOT, 'build')
    if os.path.isdir(build):
        os.mkdir(os.path.join(RUN, 'build'), 0o755)
        run('mount', '--bind', build, os.path.join(RUN, 'build'))


def supervise(argv):
    """Runs argv, hands signals on to it, reaps whatever ends, and ends with its exit code. As pid 1
    of a pid namespace its own end is the end of all that is left in it."""
    child = os.fork()
    if child == 0:
        os.execvp(argv[0], argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: os.kill(child, received))
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def inside(rung, argv):
    furnish(rung)
    os.environ['GATEHOUSE_BED'] = rung
    code = supervise(argv)
    return code if code >= 0 else 128 - code


def listen(where, name):
    """Opens the socket that is passed on; it stays open over every exec from here."""
    address, _, port = where.rpartition(':')
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address.strip('[]'), int(port)))
    server.listen(64)
    os.set_inheritable(server.fileno(), True)
    os.environ[name] = str(server.detach())


def outside(argv):
    rung = namespaces()
    if rung is None:
        print('*' * 78 + '\n'
              'No namespaces here: the programs use free ports of this machine\'s loopback, and\n'
              'everything that needs mDNS is left out.\n' + '*' * 78, file=sys.stderr, flush=True)
        os.environ['GATEHOUSE_BED'] = 'plain'
        os.execvp(argv[0], argv)
    name, options = rung
    os.execvp('unshare', ['unshare', *options, '--', sys.executable, os.path.realpath(__file__),
                          '--inside', name, '--', *argv])


def daemon_uid():
    """In the rung 'root' a uid that nobody else on this machine has, for the daemon under test;
    None elsewhere: a user namespace has one uid, and without namespaces the caller's has to do."""
    if os.environ.get('GATEHOUSE_BED') != 'root':
        return None
    # Our copy: /etc/passwd is the machine's again when a package adds a user to it meanwhile, since
    # the file that ours was mounted over is then another one.
    with open(os.path.join(RUN, 'passwd'), encoding='utf-8') as file:
        return next(int(line.split(':')[2]) for line in file if line.startswith(DAEMON + ':'))


def main(arguments):
    os.environ['PATH'] = os.environ.get('PATH', '') + ':' + SEARCH
    if '--' not in arguments or arguments[-1] == '--':
        sys.exit(__doc__)
    cut = arguments.index('--')
    options, argv = arguments[:cut], arguments[cut + 1:]
    if options[:1] == ['--inside']:
        return inside(options[1], argv)
    sockets = ['GATEHOUSE_LISTEN_FD', 'GATEHOUSE_LISTEN_FD_2']
    while options[:1] == ['--listen'] and len(options) > 1 and sockets:
        listen(options[1], sockets.pop(0))
        options = options[2:]
    if options:
        sys.exit(__doc__)
    if os.environ.get('GATEHOUSE_BED'):
        os.execvp(argv[0], argv)
    return outside(argv)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
