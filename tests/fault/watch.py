# SPDX-License-Identifier: Apache-2.0
"""What the gateway's process takes of the machine (I8), and where the scene's secrets stand (I7).

Every secret of a scene is a canary: the passwords of the gateway and of the devices with a session of
their own, the codes of labels, the two keys of the state directory, and in the end, when the store can
be opened, the credentials that are sealed in it. They are looked for in every file below the scene's
directory and the state directory (each key but in its own file), in what /proc shows of the process,
in what devices were sent, and in what left by the broker. The log is one of those files.

No core is looked for in the same places. So that there could be one, the limit is raised in the
daemon's stead (it has to lower it by itself) and its working directory is its own; who ends it with
SIGABRT asks for one."""

import os
import resource

from bed import canaries, until
from bed.sealed import open_devices

import invariants

PLACES = ('cmdline', 'environ', 'comm', 'status')
CREDENTIALS = ('credential_current_sealed', 'credential_old_sealed')


def allow_cores():
    """As much as this process may have; what it starts inherits it."""
    for limit in (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_CORE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
            return
        except (ValueError, OSError):
            pass


def usage(pid):
    """invariants.Usage of a process."""
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as file:
        status = dict(line.rstrip('\n').split(':', 1) for line in file)
    return invariants.Usage(int(status['RssAnon'].split()[0]), len(list(descriptors(pid))),
                            int(status['Threads']), int(status['VmHWM'].split()[0]))


def descriptors(pid):
    """What each one is; the files of the store once each: shim.c holds more of them, for what it
    remembers of them."""
    folder, stores = '/proc/%d/fd' % pid, set()
    for name in os.listdir(folder):
        try:
            what = os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue  # closed meanwhile
        if '.db' not in what:
            yield what
        elif what not in stores:
            stores.add(what)
            yield what


class Watch:
    """Over a scene in the directory 'work' with its gateway. Whoever makes a secret hands it to add();
    'given' are the files in which people gave the gateway one."""

    def __init__(self, work, gateway, given):
        self.work, self.gateway, self.given = work, gateway, given
        self.canaries = []
        self.usages = []
        self.leaks = set()
        allow_cores()
        if gateway.uid is not None:
            os.chown(gateway.directory, gateway.uid, gateway.uid)

    def add(self, name, secret):
        self.canaries += canaries.forms(name, secret)
        return secret

    def see(self, where, data, allowed=()):
        """Something that was said, or that stands somewhere."""
        for name, _ in canaries.found(self.canaries, data, allowed):
            self.leaks.add((name, where))

    # ---- the process ----

    def measure(self):
        """What it takes now is how it was at the beginning, or in the end: then it gets a while to
        give back what it took during the faults."""
        pid = self.gateway.process.pid
        self._process(pid)
        if self.usages:
            try:
                until(lambda: not list(invariants.grown(self.usages[0], usage(pid))), 10)
            except AssertionError:
                pass  # the checker says it
        self.usages.append(usage(pid))

    def _process(self, pid):
        for name in PLACES:
            try:
                with open('/proc/%d/%s' % (pid, name), 'rb') as file:
                    self.see('/proc/PID/' + name, file.read())
            except PermissionError:
                pass  # it is closed to us, as it is to everybody
        with open('/proc/%d/limits' % pid, encoding='ascii') as file:
            core = next(line for line in file if line.startswith('Max core file size'))
        if core.split()[-3:] != ['0', '0', 'bytes']:
            self.leaks.add(('all that is in memory, by a core,', core.strip()))

    # ---- files ----

    def files(self):
        """Of the gateway that runs, or of one that was stopped: then what is sealed is known, too."""
        state = self.gateway.state_directory
        self.canaries += canaries.keys_of(state)
        if self.gateway.process is None:
            for ep, columns in open_devices(state).items():
                for column in CREDENTIALS:
                    if columns.get(column):
                        self.add('a credential of ' + ep, columns[column])
        for directory in {self.work, state}:
            for path in canaries.files_of(directory):
                self._file(path)

    def _file(self, path):
        name = os.path.basename(path)
        if path in self.given:
            return
        if name == 'core' or name.startswith('core.'):
            self.leaks.add(('a core', path))
        try:
            with open(path, 'rb') as file:
                self.see(path, file.read(), [canaries.KEYS.get(name)])
        except FileNotFoundError:
            pass  # what is written and renamed is gone under its first name
