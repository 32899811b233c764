# SPDX-License-Identifier: Apache-2.0
"""tests/demo ends well by itself, before every platform that it can show."""

import os
import socket
import subprocess
import sys

import pytest

from bed.wait import PATIENCE

DEMO = os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib', 'demo.py')


@pytest.mark.long
@pytest.mark.deadline(500)
@pytest.mark.parametrize('platform', ['local', 'spotflow', 'azure', 'aws'])
def test_by_itself(platform):
    """Three devices are let in, readings of each arrive under its own identity, and where a cloud shuts
    one of them out, that one stops and no other does."""
    doors = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
    names = ('GATEHOUSE_LISTEN_FD', 'GATEHOUSE_LISTEN_FD_2')
    done = subprocess.run([sys.executable, '-B', DEMO, '--auto', '--platform', platform],
                          pass_fds=[one.fileno() for one in doors], stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, **{name: str(one.fileno()) for name, one in zip(names, doors)}},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=450 * PATIENCE)
    for one in doors:
        one.close()
    assert done.returncode == 0, done.stdout
    assert 'each under its own identity' in done.stdout
