# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, as people see it: Debian's Chromium. What they do stands in browser/,
what happens around them here."""

import shutil
import tempfile

import pytest

from bed import coap
from bed import browser as bed_browser
from bed.people import add_person, set_up
from bed.plain import PlainDevice, device, let_in, open_window

WHY_NOT = bed_browser.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture(scope='module')
def browser():
    """One browser for all: a scenario has contexts of its own."""
    directory = tempfile.mkdtemp(prefix='browser-')
    one = bed_browser.Browser(directory)
    yield one
    one.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def ready(make_gateway):
    """A gateway with an administrator, a technician and a viewer, without an uplink."""
    gateway = make_gateway().start()
    set_up(gateway)
    add_person(gateway, 'tom', 'technician')
    add_person(gateway, 'vera', 'viewer')
    return gateway


def devices_of(gateway):
    """enrol(ep, body): a device comes along; the same one again when it is known."""
    known = {}

    def enrol(ep, body=None):
        one = known.setdefault(ep, PlainDevice(gateway, ep))
        answer = one.enrol(**(body or {}))
        assert answer.code in (coap.CREATED, coap.CHANGED), answer
        return one.state(answer)
    return enrol


def test_live_arrivals(browser, ready):
    stranger = PlainDevice(ready, 'stranger')
    browser.play('live.arrivals', ready, enrol=devices_of(ready),
                 open_window=lambda: open_window(ready),
                 reject=lambda ep: ready.ctl('reject', device(ready, ep)['id']),
                 turned_away=lambda: stranger.report(1).code)


def test_live_device(browser, ready):
    one = let_in(ready, 'boiler')
    browser.play('live.device', ready, one.id, report=lambda value: one.report(value).code,
                 suspend=lambda: ready.ctl('suspend', one.id))


def test_gateway_goes_away(browser, ready):
    browser.play('live.away', ready, stop=lambda: ready.terminate(), start=lambda: bool(ready.start()))
