# SPDX-License-Identifier: Apache-2.0
"""TLS with the trust anchors of the system, of which there are many: what a session holds of them is what
it needed, however many sessions there are."""

import os
import shutil
import subprocess

import pytest

import bed
from bed import coap, until
from bed.certificates import Authority
from bed.plain import PlainDevice, await_stage, device, open_window

ANCHORS = '/etc/ssl/certs'
SESSIONS = 12
OF_EACH_KIB = 500  # with sanitizers; the anchors of Debian alone are 850 without

pytestmark = pytest.mark.skipif(os.environ.get('GATEHOUSE_BED') == 'plain',
                                reason='without a namespace the anchors are those of the machine')


@pytest.fixture
def authority(work):
    """One that this system trusts beside all others, as update-ca-certificates would add it."""
    one, folder = Authority(os.path.join(work, 'authority')), os.path.join(work, 'anchors')
    shutil.copytree(ANCHORS, folder, symlinks=True)
    shutil.copy(one.ca_file, os.path.join(folder, 'bed.pem'))
    with open(one.ca_file, encoding='ascii') as file, open(os.path.join(folder, 'ca-certificates.crt'), 'a',
                                                           encoding='ascii') as bundle:
        bundle.write(file.read())
    subprocess.run(['openssl', 'rehash', folder], check=True, capture_output=True)
    subprocess.run(['mount', '--bind', folder, ANCHORS], check=True)
    yield one
    subprocess.run(['umount', ANCHORS], check=True)


@pytest.fixture
def gateway(make_gateway, authority, work):
    broker = bed.Broker(os.path.join(work, 'broker'), certificates=authority).start()
    one = make_gateway(broker=broker, config={
        'mqtt': {'host': 'localhost', 'tls': True}, 'platform': {'default': 'mqtt'}})
    # The sanitizer keeps what was freed, and would have that counted.
    yield one.start(env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')
                         + ':quarantine_size_mb=1:thread_local_quarantine_size_kb=1:detect_stack_use_after_return=0'})
    broker.stop()


def admit(gateway, ep):
    """As far as a session of its own."""
    one = PlainDevice(gateway, ep)
    assert one.enrol().code == coap.CREATED
    gateway.ctl('approve', await_stage(gateway, ep, 'waiting-person')['id'])
    until(lambda: device(gateway, ep)['link'] == 'up', 30, '%s has its session' % ep)


def test_a_session_does_not_hold_all_of_them(gateway):
    names = ['anchored-%02d' % at for at in range(SESSIONS)]
    gateway.ctl('tokens', 'import', '-', stdin=''.join('%s,user-%s,secret of %s\n' % (ep, ep, ep) for ep in names))
    open_window(gateway)
    admit(gateway, names[0])  # the first one takes what all share
    before = gateway.process.kib('RssAnon')
    for ep in names[1:]:
        admit(gateway, ep)
    grown = (gateway.process.kib('RssAnon') - before) / (SESSIONS - 1)
    print('a session takes %d KiB' % grown)
    assert grown < OF_EACH_KIB
