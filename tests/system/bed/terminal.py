# SPDX-License-Identifier: Apache-2.0
"""A program at a terminal: what a person sees and types."""

import os
import pty
import select
import subprocess

from .wait import Patience


class Terminal:
    """Runs argv with a terminal of its own as all three streams. 'text' is all that it showed."""

    def __init__(self, argv, env=None):
        ours, theirs = pty.openpty()
        self.text = ''
        self._fd = ours
        self._popen = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', '--', *argv], stdin=theirs,
                                       stdout=theirs, stderr=theirs, env=env, start_new_session=True)
        os.close(theirs)

    def _read(self, seconds):
        """False when nothing came in that time, or nothing comes any more."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 4096)
        except OSError:  # the other end is closed
            return False
        self.text += data.decode('utf-8', 'replace').replace('\r\n', '\n')
        return bool(data)

    def until(self, words, timeout=30.0):
        """All that was shown, once 'words' are among it."""
        patience = Patience(timeout)
        while words not in self.text:
            ended = self._popen.poll() is not None  # asked first: what it said last is read behind it
            if not self._read(0.2) and (ended or patience.over()):
                raise AssertionError('%r was not shown: %r' % (words, self.text))
        return self.text

    def type(self, words):
        os.write(self._fd, words.encode())

    def end(self, timeout=30.0):
        """The exit code, when the program has ended by itself."""
        patience = Patience(timeout)
        while self._popen.poll() is None and not patience.over():
            self._read(0.1)
        while self._read(0):
            pass
        os.close(self._fd)
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()
            raise AssertionError('it did not end: %r' % self.text)
        return self._popen.returncode
