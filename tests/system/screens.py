# SPDX-License-Identifier: Apache-2.0
"""Every screen of the page, and the states in which it is looked at: one row for each route of
daemon/web/page.c. test_browser.py and test_browser_alone.py look at them with axe-core; a route
without a row fails there."""

import os
import re

from bed import enter

# fresh: nobody has set it up; nobody: nobody is logged in; empty: just set up; busy: something of everything; failing: a void
# code, an alarm, somebody turned away, the broker gone. What is the same in two is looked at once.
STATES = ('fresh', 'nobody', 'empty', 'busy', 'failing')

SCREENS = {
    '/setup': {'fresh': ['/setup']},
    '/login': {'nobody': ['/login']},
    '/waiting': {'empty': ['/waiting'], 'busy': ['/waiting'], 'failing': ['/waiting']},
    '/devices': {'empty': ['/devices'], 'busy': ['/devices', '/devices?q=nobody'], 'failing': ['/devices']},
    '/devices/{id}': {'busy': ['/devices/{active}', '/devices/{waiting}', '/devices/nobody'],
                      'failing': ['/devices/{void}']},
    '/scan': {'empty': ['/scan'], 'busy': ['/scan']},
    '/authorities': {'empty': ['/authorities'], 'busy': ['/authorities']},
    '/sheet': {'empty': ['/sheet'], 'busy': ['/sheet']},
    '/codes': {'empty': ['/codes'], 'busy': ['/codes']},
    '/uplink': {'empty': ['/uplink'], 'busy': ['/uplink'], 'failing': ['/uplink']},
    '/uplink/tokens': {'empty': ['/uplink/tokens'], 'busy': ['/uplink/tokens']},
    '/journal': {'empty': ['/journal?who=nobody'], 'busy': ['/journal']},
    '/journal/chain': {'busy': ['/journal/chain']},
    '/people': {'busy': ['/people']},
    '/account': {'busy': ['/account']},
}


def routes():
    """The table of the program."""
    with open(os.path.join(enter.ROOT, 'daemon', 'web', 'page.c'), encoding='ascii') as file:
        return re.findall(r'^\t\{"(/[^"]*)", ROLE_\w+, TEXT_\w+, (?:true|false), draw_', file.read(), re.MULTILINE)


def paths(state, **known):
    """Where to look in that state; 'known' are ids of devices."""
    return [path.format(**known) for states in SCREENS.values() for path in states.get(state, [])]


def look(browser, gateway, state, who='anna', **known):
    """axe-core on every screen of that state; who: None for those that nobody is logged in at."""
    browser.play('access.screens', gateway, {'state': state, 'paths': paths(state, **known), 'who': who},
                 looks=lambda path: None)
