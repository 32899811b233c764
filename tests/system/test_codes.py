# SPDX-License-Identifier: Apache-2.0
"""Labels with a key: files of codes, and what is kept of them."""

import csv
import json
import os
import xml.etree.ElementTree

import pytest

from bed.label import Label, changed, unlike

SECRET = bytes(range(16))


@pytest.fixture
def gateway(make_gateway):
    return make_gateway().start()


def import_codes(gateway, *lines):
    return gateway.tool('codes', 'import', '-', stdin='\n'.join(lines) + '\n', timeout=60)


def test_label_of_the_contract():
    label = Label('sensor-1', SECRET)
    assert label.code == 'GH1-000G40R40M30E209185GR38E1WJB'
    assert label.qr == 'GH1:sensor-1:000G40R40M30E209185GR38E1WJB'
    assert label.psk.hex() == '343644d1e5c79a5555d64635e11fc3fc'
    assert label.key('claim').hex() == 'b489514eb745169325765ba10b4cf8d4'
    assert label.proof(bytes(range(16, 32)), bytes(range(32, 40))).hex() == 'b2bf713507e731000140f7ac853ff096'


def test_import(gateway):
    """All of a file or nothing; what is kept is keys, sealed, also over a kill."""
    labels = [Label('pump-0'), Label('pump-1'), unlike('pump-2', 'pump-1')]
    lines = ['%s,%s' % (one.ep, one.code) for one in labels]
    done = import_codes(gateway, 'ep,code', *lines)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '3 codes were saved as keys: 3 new, 0 replaced.'
    assert import_codes(gateway, 'pump-1,' + labels[1].qr).stdout.strip() == \
        '1 code was saved as keys: 0 new, 1 replaced.'
    bad = import_codes(gateway, 'new-1,' + Label('new-1').code, lines[0][:-1] + '?',
                       'pump-1,' + labels[2].code, 'pump-2,' + changed(labels[2].code), 'pump-2',
                       'a b,' + labels[0].code, 'new-1,' + Label('new-1').code + 'X')
    assert bad.returncode == 1
    assert bad.stderr.splitlines() == [
        'line 2 has a code that is not for this name, or has a typo',
        'line 3 has a code that is not for this name, or has a typo',
        'line 4 has a code that is not for this name, or has a typo',
        'line 5 has not the two fields ep and code',
        'line 6 has an endpoint name that no device can have (1 to 63 printable ASCII characters '
        'without space, quotation mark, < and >, and no address)',
        'line 7 has a code that is not of 28 characters behind "GH1"',
        'Nothing was imported: 6 lines cannot be taken.']
    twice = import_codes(gateway, lines[0], lines[1], lines[0].upper().replace('PUMP', 'pump'))
    assert twice.returncode == 1 and 'Line 3: pump-0 stands there twice' in twice.stderr
    assert import_codes(gateway, 'ep,code').returncode == 1
    gateway.restart(kill=True)
    listed = gateway.ctl('codes', 'list')
    assert [(one['ep'], one['imported'], one['dtls'], one['window'], one['device'])
            for one in listed['codes']] == [(one.ep, True, True, None, None) for one in labels]
    assert gateway.ctl('codes', 'drop', 'pump-0')['result'] == 'done'
    rows = [(row['action'], row['object']) for row in gateway.ctl('journal')['rows']]
    assert rows == [('code drop', 'pump-0'), ('codes import', 'pump-1'), ('codes import', '3 names')]
    gateway.terminate()
    for folder in (gateway.state_directory, gateway.directory):
        for name in os.listdir(folder):
            whole = os.path.join(folder, name)
            if not os.path.isfile(whole):
                continue
            with open(whole, 'rb') as file:
                content = file.read()
            for one in labels:
                for secret in (one.secret, one.code.encode(), one.code[4:].encode(), one.psk, one.key('claim')):
                    assert secret not in content, whole
    gateway.start()
    assert [one['ep'] for one in gateway.ctl('codes', 'list')['codes']] == ['pump-1', 'pump-2']


def test_long_file(gateway):
    """Parts, with a word on how far it is."""
    lines = ['%s,%s' % (ep, Label(ep).code) for ep in ('device-%04d' % at for at in range(1500))]
    done = import_codes(gateway, *lines)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '1500 codes were saved as keys: 1500 new, 0 replaced.'
    assert '1500 of 1500 codes sent' in done.stderr
    gateway.restart(kill=True)
    listed = gateway.ctl('codes', 'list')
    assert listed['total'] == 1500
    assert [one['ep'] for one in listed['codes']] == ['device-%04d' % at for at in range(1500)]


def test_make_and_print(gateway, work):
    """A maker's file, the sheet of its labels, and back into a gateway; no code where it may be read."""
    names = ['pump-1', 'pump-2', 'a,b&c', 'urn:dev:7']
    made, sheet = os.path.join(work, 'codes.csv'), os.path.join(work, 'labels.svg')
    done = gateway.tool('codes', 'make', '-', made, stdin='\n'.join(names) + '\n')
    assert done.returncode == 0, done.stderr
    assert os.stat(made).st_mode & 0o777 == 0o600
    with open(made, encoding='ascii', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['ep'] for row in rows] == names
    assert len({row['code'] for row in rows}) == 4
    assert not any(row['code'] in done.stdout + done.stderr for row in rows)
    assert gateway.ctl('codes', 'import', made)['codes'] == 4
    again = gateway.tool('codes', 'make', '-', made, stdin='other\n')
    assert again.returncode == 1 and 'File exists' in again.stderr
    for bad, why in (('a b\n', 'line 1 is no endpoint name'), ('one\nTwo\ntwo\n', 'two stands there twice'),
                     ('', 'no name is there')):
        other = os.path.join(work, 'other.csv')
        refused = gateway.tool('codes', 'make', '-', other, stdin=bad)
        assert refused.returncode == 1 and why.lower() in refused.stderr.lower(), refused.stderr
        assert not os.path.exists(other)

    assert gateway.tool('qr', made, '--svg', sheet, '--page', 'https://plant.local:8443/').returncode == 0
    assert os.stat(sheet).st_mode & 0o777 == 0o600
    root = xml.etree.ElementTree.parse(sheet).getroot()
    svg = '{http://www.w3.org/2000/svg}'
    texts = [one.text for one in root.iter(svg + 'text')]
    assert texts == [text for row in rows for text in (row['ep'], row['code'])]
    assert len(list(root.iter(svg + 'path'))) == 4
    assert gateway.tool('qr', made, '--svg', sheet).returncode == 1, 'what is there is not written over'
    told = gateway.tool('qr', made, '--svg', sheet + '2', '--json')
    assert json.loads(told.stdout) == {'labels': 4, 'file': sheet + '2'}
    assert gateway.tool('qr', made, '--json').returncode == 2, 'what is drawn is nothing for programs'
    shown = gateway.tool('qr', made)
    assert shown.returncode == 0 and shown.stdout.count('\u2580') > 4 * 400
    assert all(row['code'] in shown.stdout for row in rows)
    broken = gateway.tool('qr', '-', stdin='pump-1,%s\n' % changed(rows[0]['code']))
    assert broken.returncode == 1 and 'line 1 has a code that is not for this name' in broken.stderr
