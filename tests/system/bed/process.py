# SPDX-License-Identifier: Apache-2.0
"""One program under the bed's care: its output in a file, its end by its own pid."""

import os
import re
import signal
import subprocess

from .wait import PATIENCE, until

# What gcc's and clang's sanitizers write when they find something.
SANITIZER = re.compile(r'ERROR: (Address|Leak|Memory)Sanitizer|WARNING: ThreadSanitizer|'
                       r'runtime error:|Sanitizer:DEADLYSIGNAL')

# Processes that are alive now, so that a failed test can show what they said.
running = []


class Process:
    """A started program. 'log' names the file that takes its output, both streams; several runs
    of the same program append to it. 'uid' (root only) also takes all privileges away."""

    def __init__(self, argv, log, env=None, cwd=None, uid=None, pass_fds=()):
        self.log_path = log
        self.name = os.path.basename(argv[0])
        prefix = ['setpriv', '--pdeathsig', 'KILL']
        if uid is not None:
            prefix += ['--reuid', str(uid), '--regid', str(uid), '--clear-groups',
                       '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs']
        with open(log, 'ab') as output:
            self.popen = subprocess.Popen(
                [*prefix, '--', *argv], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True,
                pass_fds=pass_fds)
        running.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def kib(self, what):
        """RssAnon, VmRSS: what it takes now; VmHWM: the most that it ever took, as the kernel noted it."""
        with open('/proc/%d/status' % self.pid, encoding='ascii') as file:
            return next(int(line.split()[1]) for line in file if line.startswith(what + ':'))

    @property
    def alive(self):
        return self.popen.poll() is None

    @property
    def exit_code(self):
        """None while it runs; -n when signal n ended it."""
        return self.popen.poll()

    def signal(self, number):
        if self.alive:
            self.popen.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout=10.0):
        """Awaits the end by itself; returns the exit code."""
        until(lambda: not self.alive, timeout, '%s ends' % self.name)
        self._gone()
        return self.popen.returncode

    def kill(self):
        """SIGKILL, and it is gone when this returns."""
        self.signal(signal.SIGKILL)
        self.popen.wait()
        self._gone()

    def stop(self, timeout=20.0):
        """SIGTERM; returns the exit code. One that does not end in time is killed, and that is an
        error."""
        self.resume()
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError('%s did not end within %g s of SIGTERM:\n%s'
                                 % (self.name, timeout, self.tail())) from None
        self._gone()
        return self.popen.returncode

    def _gone(self):
        if self in running:
            running.remove(self)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def tail(self, lines=60):
        return '\n'.join(self.log().splitlines()[-lines:])

    def wait_log(self, pattern, timeout=10.0, count=1):
        """Awaits that the log holds the regular expression at least 'count' times; returns the
        last match."""
        expression = re.compile(pattern, re.M)

        def found():
            matches = list(expression.finditer(self.log()))
            return matches[-1] if len(matches) >= count else None
        return until(found, timeout, '%s says %r' % (self.name, pattern))

    def check(self):
        """No sanitizer found anything so far."""
        text = self.log()
        found = SANITIZER.search(text)
        if found:
            raise AssertionError('%s: a sanitizer reports:\n%s'
                                 % (self.name, text[max(0, found.start() - 500):][:8000]))
