#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A state directory as text: control-<version>.sql, which test-upgrade.c makes a control.db of.

    make-state /tmp/state                       (of the version that is to be kept)
    make-fixture.py /tmp/state > control-1.sql

The first line holds the key, so that the sealed records open; its secrets are those of the tests.
"""

import os
import sqlite3
import sys


def main():
    directory = sys.argv[1]
    with open(os.path.join(directory, 'key'), encoding='ascii') as file:
        print('-- key ' + file.read().strip())
    database = sqlite3.connect(os.path.join(directory, 'control.db'))
    version = database.execute('PRAGMA user_version').fetchone()[0]
    for line in database.iterdump():
        print(line)
    print('PRAGMA user_version=%d;' % version)


if __name__ == '__main__':
    main()
