# SPDX-License-Identifier: Apache-2.0
"""A backup of a gateway, as its administrator makes one."""

import os

PHRASE = 'canary of the recovery phrase'


def phrase_file(gateway, text=PHRASE):
    path = os.path.join(gateway.directory, 'phrase')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text + '\n')
    return path


def backup(gateway, name='backup'):
    path = os.path.join(gateway.directory, name)
    answer = gateway.ctl('backup', path, '--config', gateway.config_file,
                         '--phrase-file', phrase_file(gateway))
    assert answer['size'] == os.stat(path).st_size
    return path
