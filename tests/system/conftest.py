# SPDX-License-Identifier: Apache-2.0
"""Fixtures over the bed. Each test has a directory and programs of its own; whatever it started
ends with it, and what its programs said is shown when it fails."""

import os
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
# A namespace that was entered without the system's administration folders in the path.
os.environ['PATH'] = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'

import bed  # noqa: E402
from bed import avahi as bed_avahi  # noqa: E402
from bed import browser as bed_browser  # noqa: E402
from bed import enter, foreign, lane, process  # noqa: E402
from bed.wait import PATIENCE  # noqa: E402

RUNGS = {
    'user': 'user namespace on loopback; the daemon has the only uid that there is',
    'root': 'namespace on loopback; the daemon runs as a uid of its own',
    'plain': 'NO NAMESPACE: free ports on this machine, no mDNS',
}

# What systemd-timesyncd leaves behind when it has set the clock.
STAMP = '/run/systemd/timesync/synchronized'


def pytest_configure(config):
    os.environ.setdefault('GATEHOUSE_BED', 'plain')
    lane.register(config)


def pytest_report_header():
    return 'bed: ' + RUNGS[os.environ['GATEHOUSE_BED']]


def pytest_collection_modifyitems(items):
    if bed_avahi.possible():
        return
    for item in items:
        if item.get_closest_marker('mdns'):
            item.add_marker(pytest.mark.skip(reason='no namespace here, hence no mDNS'))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows the end of every log in its directory."""
    report = (yield).get_result()
    if not report.failed or 'work' not in getattr(item, 'funcargs', {}):
        return
    for folder, _, names in os.walk(item.funcargs['work']):
        for name in sorted(names):
            if name.endswith('.log'):
                with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
                    report.sections.append((name, ''.join(file.readlines()[-80:])))


@pytest.fixture(autouse=True)
def deadline(request):
    """Nothing hangs the run: after its time a test fails where it stands."""
    marker = request.node.get_closest_marker('deadline')
    seconds = PATIENCE * (marker.args[0] if marker else 120)

    def expired(_number, _frame):
        raise AssertionError('the test took more than %d s' % seconds)
    former = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.fixture
def work():
    """A directory that every uid may enter, gone with the test; what still runs ends here."""
    base = enter.RUN if os.path.isdir(enter.RUN) else None
    directory = tempfile.mkdtemp(prefix='test-', dir=base)
    os.chmod(directory, 0o755)
    yield directory
    for one in list(process.running):
        one.kill()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def broker(work):
    one = bed.Broker(os.path.join(work, 'broker')).start()
    yield one
    one.stop()


@pytest.fixture
def recorder(broker):
    one = bed.Recorder(broker)
    yield one
    one.close()


@pytest.fixture
def avahi(work):
    one = bed.Avahi(os.path.join(work, 'avahi')).start()
    yield one
    one.stop()


@pytest.fixture
def make_gateway(work):
    """make_gateway(config=..., broker=..., mdns=...): a gateway that is not started yet. At the
    end of the test each one that runs has to stop cleanly."""
    made = []

    def make(**options):
        one = bed.Gateway(os.path.join(work, 'gateway-%d' % len(made)), **options)
        made.append(one)
        return one
    yield make
    for one in made:
        one.close()


@pytest.fixture
def gateway(make_gateway, broker):
    """The usual one: it runs, and relays to the broker."""
    return make_gateway(broker=broker).start()


@pytest.fixture
def set_clock():
    """The clock counts as set, whatever the machine's time service says: the bed has its own /run."""
    if os.path.exists(STAMP) or os.environ['GATEHOUSE_BED'] == 'plain':
        yield
        return
    os.makedirs(os.path.dirname(STAMP), exist_ok=True)
    with open(STAMP, 'w', encoding='ascii'):
        pass
    yield
    if os.path.exists(STAMP):
        os.unlink(STAMP)


@pytest.fixture(scope='session')
def browser():
    """One browser for all tests: a scenario has windows of its own in it."""
    why_not = bed_browser.missing()
    if why_not:
        pytest.skip(why_not)
    directory = tempfile.mkdtemp(prefix='browser-')
    one = bed_browser.Browser(directory)
    yield one
    one.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def coap_server(work):
    """libcoap's server on this machine."""
    one = foreign.CoapServer(work)
    yield one
    one.kill()


@pytest.fixture
def sensor(work):
    """sensor(name, *options, **options): starts a simulated sensor."""
    made = []

    def start(name, *options, **named):
        one = bed.Sensor(os.path.join(work, 'sensors'), name, *options, **named)
        made.append(one)
        return one
    yield start
    for one in made:
        one.stop()
        one.check()
