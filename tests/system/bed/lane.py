# SPDX-License-Identifier: Apache-2.0
"""Lanes: several pytest runs, each in a namespace of its own, get through one suite together. They
all collect all of it. GATEHOUSE_LANES names a directory that they share, and who makes a test's
file there runs the test; to the others it is over before it began. What is left of a lane that is
slow is so taken by the rest.

A file that is marked 'together' (its tests share a fixture that costs time) is taken as a whole.
Such files come first: what takes longest is not begun last.
"""

import os
from urllib.parse import quote

from _pytest import runner

LANES = 'GATEHOUSE_LANES'


def together(item):
    return item.get_closest_marker('together') is not None


def unit(item):
    return item.nodeid.split('::', 1)[0] if together(item) else item.nodeid


class Lane:
    """The plugin: pytest calls its methods by their names."""

    def __init__(self, directory):
        self.directory = directory
        self.mine = set()

    def takes(self, item):
        """True when this lane was first, or was so before with another test of the same file."""
        name = unit(item)
        if name not in self.mine:
            try:
                os.close(os.open(os.path.join(self.directory, quote(name, safe='')),
                                 os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                return False
            self.mine.add(name)
        return True

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: not together(item))

    def pytest_runtest_protocol(self, item, nextitem):
        if not self.takes(item):
            return True
        # Who follows may be another lane's: then nothing is kept for it.
        if not nextitem or not together(item) or unit(nextitem) != unit(item):
            nextitem = None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        runner.runtestprotocol(item, nextitem=nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def register(config):
    directory = os.environ.get(LANES)
    if directory:
        config.pluginmanager.register(Lane(directory), 'lane')
