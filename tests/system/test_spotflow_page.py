# SPDX-License-Identifier: Apache-2.0
"""Two approvals on the page: tokens that are pasted, an operation that is open there, its code, its
link, and approving it from here."""

import os
import sys

import pytest

from bed import until
from bed.label import Label
from bed.people import PASSWORDS, set_up
from bed.plain import PlainDevice, await_stage, open_window

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

import hub  # noqa: E402
from spotflow import Spotflow  # noqa: E402
from way_in import (admitted, alarms, asking, await_operation, configuration, import_pt,  # noqa: E402
                    operation, words_of_platform)

pytestmark = pytest.mark.skipif(not hub.plugin(), reason='mosquitto has no dynamic security here')

AGAIN = PASSWORDS['anna']


@pytest.fixture
def platform(work):
    one = Spotflow(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    yield one
    one.stop()


def test_the_page_shows_what_to_decide(make_gateway, platform):
    """Without a script: lines in, admit, and then all that a person needs at the platform."""
    gateway = make_gateway(config=configuration(platform)).start()
    page = set_up(gateway)
    form = page.get('/uplink/tokens').form('/uplink/tokens/import')
    pts = [platform.new_pt() for _ in range(2)]
    answer = page.submit(form, lines='ep,pt\nrobot,%s\narm %s\n' % tuple(pts), password=AGAIN)
    assert answer.status == 400 and 'Line 3 has not the two fields' in answer.text
    assert gateway.ctl('tokens', 'list')['total'] == 0, 'all or nothing'
    answer = page.submit(form, lines='ep,pt\nrobot,%s\narm,%s\n' % tuple(pts), password=AGAIN)
    assert '2 tokens were saved: 2 new, 0 replaced.' in answer.text
    assert not any(pt in answer.html for pt in pts), 'nothing comes back'
    open_window(gateway)
    robot = PlainDevice(gateway, 'robot')
    robot.enrol(code='BCDF-GHJK')
    robot.id = await_stage(gateway, 'robot', 'waiting-person')['id']
    path = '/devices/' + robot.id
    # A label is typed here, although somebody else approves.
    answer = page.get(path)
    answer = page.submit(answer.form(path + '/admit'), code='bcdf ghjk', place='hall 3')
    assert answer.status == 200
    known = await_operation(gateway, 'robot')
    answer = page.get(path)
    assert platform.newest().code in answer.text, 'its code, as it has no display'
    assert known['id'] in answer.text and known['link'] in answer.links
    assert known['link'] == platform.settings()['portal'] + known['id']
    assert 'data-countdown="' in answer.html and 0 < known['expires_in'] <= 600
    text = gateway.tool('show', robot.id).stdout
    assert known['id'] in text and known['link'] in text
    # Its token is replaced where it stands; nothing shows either of them.
    answer = page.submit(answer.form(path + '/token'), secret=platform.new_pt(), password=AGAIN)
    assert '1 token was saved: 0 new, 1 replaced.' in answer.text
    assert not any(secret in page.get(where).html for secret in platform.canaries()
                   for where in (path, '/uplink/tokens', '/waiting'))


def test_the_display_shows_it(make_gateway, platform):
    """A device with a display: its code is there, and not on the page."""
    gateway = make_gateway(config=configuration(platform)).start()
    page = set_up(gateway)
    lathe = admitted(gateway, platform, 'lathe', display=True)
    answer = page.get('/devices/' + lathe.id)
    assert 'Read the code from the device\'s own display.' in answer.text
    assert platform.newest().code not in answer.html
    assert platform.newest().code in lathe.enrol(display=True).payload.decode()


def test_approved_from_here(make_gateway, platform, work):
    """With an operator's token the approval at the gateway is the one at the platform: typed code, one
    call, both on record. It is given once on the page. A shared token is warned of, with the number of
    devices."""
    with open(os.path.join(work, 'shared'), 'w', encoding='utf-8') as file:
        file.write(platform.new_pt() + '\n')
    os.chmod(os.path.join(work, 'shared'), 0o644)
    gateway = make_gateway(config=configuration(
        platform, shared_token_file=os.path.join(work, 'shared'))).start()
    page = set_up(gateway)
    answer = page.get('/uplink/tokens')
    assert 'There is none: devices are approved at the platform.' in answer.text
    answer = page.submit(answer.form('/uplink/tokens/operator'), secret=platform.operator_token, password=AGAIN)
    assert answer.status == 200 and "The operator's token is sealed, and used from now on." in answer.text
    assert platform.operator_token not in page.get('/uplink/tokens').html
    gateway.restart()

    def warning():
        return next(one['sentence'] for one in gateway.ctl('alarms')['alarms'] if one['id'] == 'shared-token')
    assert warning().endswith('At present it would stop 0.')
    open_window(gateway)
    door = PlainDevice(gateway, 'door')
    door.enrol()
    door.id = await_stage(gateway, 'door', 'waiting-person')['id']
    gateway.ctl('approve', door.id)
    await_stage(gateway, 'door', 'active', 60)
    assert platform.asked('approve') == 1 and platform.asked('init') == 1
    assert warning().endswith('At present it would stop 1.')
    assert words_of_platform(gateway, door) == ['operation', 'approve', 'bind']
    import_pt(gateway, platform, 'door')
    assert warning().endswith('At present it would stop 0.'), 'it has one of its own'
    assert alarms(gateway) == {('shared-token', 'spotflow')}
    assert operation(gateway, 'door')['state'] == 'bound'
    until(lambda: platform.newest() is None, 10, 'nothing is open there')


def test_a_file_with_an_operators_token(make_gateway, platform, work):
    """Sealed at the start, then the file goes; it is replaced and deleted by the tool."""
    path = os.path.join(work, 'operator')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('an-old-one\n')
    os.chmod(path, 0o644)
    gateway = make_gateway(config=configuration(platform, operator_token_file=path)).start()
    until(lambda: gateway.ctl('tokens', 'list')['operator_since'], 30, 'it is sealed')
    given = {'stdin': platform.operator_token + '\n'}
    refused = gateway.tool('tokens', 'operator', '--password-file', '-', **given)
    assert refused.returncode != 0 and path in refused.stderr
    gateway.terminate()
    os.unlink(path)
    gateway.start()
    done = gateway.tool('tokens', 'operator', '--password-file', '-', **given)
    assert done.returncode == 0 and 'is sealed' in done.stdout, done.stderr
    assert "An operator's token is kept since 2" in gateway.tool('tokens', 'list').stdout
    gateway.ctl('key', 'rotate')
    gateway.restart(kill=True)
    gate = asking(gateway, platform, 'gate')
    gateway.ctl('approve', gate.id)
    await_stage(gateway, 'gate', 'active', 60)
    assert platform.asked('approve') == 1
    gateway.ctl('tokens', 'operator-drop')
    assert gateway.ctl('tokens', 'list')['operator_since'] is None
    actions = [row['action'] for row in gateway.ctl('journal')['rows']]
    assert actions.count('operator token') == 2 and actions.count('operator token drop') == 1
    other = asking(gateway, platform, 'other')
    gateway.ctl('admit', other.id)
    await_operation(gateway, 'other')
    assert platform.asked('approve') == 1 and platform.newest().wanted == other.id
    # The file is configured, was sealed and deleted, and so was what was sealed: it starts all the same.
    gateway.restart()
    assert gateway.ctl('tokens', 'list')['operator_since'] is None


@pytest.mark.deadline(240)
def test_a_token_before_the_camera(browser, make_gateway, platform):
    """A device whose token is not taken: the new one is scanned into the field of its own screen, saved, and
    the operation opens there. No log, no journal and no answer holds it."""
    gateway = make_gateway(config=configuration(platform)).start()
    set_up(gateway)
    one = asking(gateway, platform, 'scale', display=True)
    platform.revoke_pt(one.pt)
    gateway.ctl('admit', one.id)
    await_stage(gateway, 'scale', 'trouble', 30)
    pt = platform.new_pt()
    browser.play('labels.token', gateway, {'id': one.id, 'pt': pt, 'label': Label('scale').qr})
    await_operation(gateway, 'scale')
    assert platform.newest().wanted == one.id
    for text in (gateway.log(), gateway.tool('journal', json=True).stdout, gateway.tool('tokens', 'list').stdout,
                 gateway.tool('show', one.id, json=True).stdout):
        assert text and pt not in text
