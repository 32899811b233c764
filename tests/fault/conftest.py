# SPDX-License-Identifier: Apache-2.0
"""The fixtures of tests/system, for the same bed."""

import importlib.util
import os
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

from scene import Scene  # noqa: E402


# How readings leave: one for each message on its device's topic, or in packs on the gateway's.
FORMS = {'single': {}, 'packed': {'layout': 'gateway', 'pack': 16}}


@pytest.fixture(params=sorted(FORMS, reverse=True))
def form(request):
    """Its name; every test of a scene is of both."""
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


@pytest.fixture
def shim(work):
    """shim(FILE=..., SLOW=...): the environment of a daemon whose disk is like that (shim.c)."""
    library = os.path.join(work, 'shim.so')
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1',
                    '-shared', '-fPIC', '-o', library, os.path.join(HERE, 'shim.c'),
                    '-ldl', '-lpthread'], check=True, stdin=subprocess.DEVNULL)
    return lambda **options: {'LD_PRELOAD': library,
                              **{'SHIM_' + key: str(value) for key, value in options.items()}}


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
        one = Scene(os.path.join(work, 'scene-%d' % len(made)), seed=seed,
                    config={'mqtt': FORMS[form]}, **options)
        made.append(one)
        return one
    yield make
    for one in made:
        one.close()
