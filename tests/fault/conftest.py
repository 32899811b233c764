# SPDX-License-Identifier: Apache-2.0
"""The fixtures of tests/system, for the same bed."""

import importlib.util
import os
import struct
import subprocess

import pytest

SEED = 20261129
HERE = os.path.dirname(os.path.realpath(__file__))

_spec = importlib.util.spec_from_file_location(
    'system_conftest', os.path.join(os.path.dirname(HERE), 'system', 'conftest.py'))
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)
globals().update({name: value for name, value in vars(_system).items()
                  if not name.startswith('__')})

import disk  # noqa: E402
from scene import FORMS, Scene  # noqa: E402


@pytest.fixture(params=('mixed', 'packed'))
def form(request):
    """Its name (scene.py): a test of a scene is of these two, which have all that there is in 'single'
    beside something else; the main faults are of each (scene.every_form)."""
    return request.param


@pytest.fixture
def kills():
    """How often the gateway dies at random in a stream of readings: GATEHOUSE_KILLS, or 200."""
    return int(os.environ.get('GATEHOUSE_KILLS') or 200)


@pytest.fixture
def rounds(kills):
    """How many other faults there are in a test of them: some cost ten seconds each, so that a
    long run has twice as many and not as many more as it has kills."""
    return min(max(kills // 40, 4), 10)


def preload(work, name):
    """NAME.c as a library that a daemon can be started with."""
    library = os.path.join(work, name + '.so')
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1',
                    '-shared', '-fPIC', '-o', library, os.path.join(HERE, name + '.c'),
                    '-ldl', '-lpthread'], check=True, stdin=subprocess.DEVNULL)
    return library


@pytest.fixture
def shim(work):
    """shim(FILE=..., SLOW=...): the environment of a daemon whose disk is like that (shim.c)."""
    library = preload(work, 'shim')
    return lambda **options: {'LD_PRELOAD': library,
                              **{'SHIM_' + key: str(value) for key, value in options.items()}}


@pytest.fixture
def clock(work):
    """set(seconds) by which the daemon's wall clock is wrong from now on; set.env is for the daemon."""
    library, path = preload(work, 'clock'), os.path.join(work, 'clock')

    def jump(seconds):
        with open(path, 'r+b' if os.path.exists(path) else 'w+b') as file:
            file.write(struct.pack('=q', seconds))
    jump(0)
    os.chmod(path, 0o644)
    jump.env = {'LD_PRELOAD': library, 'CLOCK_FILE': path}
    return jump


@pytest.fixture
def has_mounts():
    """Whether there is a mount namespace of our own."""
    return os.environ['GATEHOUSE_BED'] != 'plain'


@pytest.fixture
def small_disk(work, has_mounts):
    """A file system of its own for the state, and small."""
    if not has_mounts:
        pytest.skip('no namespace here, hence no file system of our own')
    one = disk.SmallDisk(work)
    yield one
    one.close()


def pytest_terminal_summary(terminalreporter):
    """Which kind of disk there was."""
    for kind in sorted(disk.kinds):
        terminalreporter.write_line('small disk: ' + kind)


@pytest.fixture
def seed():
    """What is random follows from it, and it is the same each time, but for the long run.
    GATEHOUSE_SEED replays one that failed."""
    chance = int.from_bytes(os.urandom(4), 'big') if os.environ.get('GATEHOUSE_KILLS') else SEED
    number = int(os.environ.get('GATEHOUSE_SEED') or chance)
    print('GATEHOUSE_SEED=%d' % number)
    return number


@pytest.fixture
def scene(work, seed, form):
    """scene(...): a Scene that is not started yet; it ends with the test."""
    made = []

    def make(**options):
        one = Scene(os.path.join(work, 'scene-%d' % len(made)), seed=seed, **FORMS[form],
                    **options)
        made.append(one)
        return one
    yield make
    for one in made:
        one.close()
