# SPDX-License-Identifier: Apache-2.0
"""Canaries in the clouds: the private keys of devices at AWS and at Azure, that of the site's authority and that of
a claim, and then a search for each of them, in each form, in every place where it must not be."""

import os
import re
import signal
import subprocess
import sys

import pytest

from bed import coap, until
from bed.backups import backup
from bed.people import ADMIN, log_in, set_up
from bed.plain import PlainDevice, await_stage, open_window
from bed.sealed import open_devices

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws  # noqa: E402
from dps import Dps  # noqa: E402
from test_aws import DEVICES, template as template_of_fleet  # noqa: E402
from test_aws_jit import authority, template  # noqa: E402
from test_secrets import files_of, forms, search, search_files, search_process  # noqa: E402
from way_in import await_link  # noqa: E402

KEY = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----\n.*?-----END [A-Z ]*PRIVATE KEY-----', re.DOTALL)
NUMBER = b'\x02\x01\x01\x04\x20'  # ECPrivateKey (RFC 5915): version 1, then the number of a P-256 key
PATHS = ('status', 'status/limits', 'doctor', 'network', 'heard', 'alarms', 'devices', 'queue', 'dead', 'journal',
         'people', 'tokens', 'device-cas', 'site-ca')
SCREENS = ('/waiting', '/devices', '/uplink', '/journal', '/people')


def canaries_of(name, pem):
    """Each whole line of its text, all of its bytes, and the number itself."""
    der = subprocess.run(['openssl', 'pkey', '-outform', 'DER'], input=pem, check=True, capture_output=True).stdout
    at = der.index(NUMBER) + len(NUMBER)
    lines = [line for line in pem.split(b'\n') if len(line) > 40 and b'-' not in line]
    assert lines
    return [*((name, line) for line in lines), (name, der), *forms(name, der[at:at + 32])]


def made_here(gateway):
    """Those of the devices, of a stopped gateway: nothing else tells them."""
    found = []
    for ep, columns in open_devices(gateway.state_directory).items():
        keys = {key for text in columns.values() for key in KEY.findall(text)}
        assert keys, ep
        for key in keys:
            found += canaries_of('key of ' + ep, key)
    return found


class Clouds:
    def __init__(self, work, method):
        self.aws = Aws(os.path.join(work, 'aws')).start()
        self.azure = Dps(os.path.join(work, 'azure')).start()
        for one in ('aws', 'azure'):
            os.chmod(os.path.join(work, one), 0o755)
        self.aws.policies['devices'] = DEVICES
        self.aws.template('jitp', template())
        self.aws.template('fleet', template_of_fleet())
        self.settings = {**self.aws.settings(), 'method': method}
        self.claim = None
        if method == 'claim':
            paths = [os.path.join(work, 'claim.' + end) for end in ('pem', 'key')]
            texts = self.aws.claim('fleet')
            for path, text in zip(paths, texts):
                with open(path, 'w', encoding='ascii') as file:
                    file.write(text)
            self.claim = texts[1].encode()
            self.settings.update({'template': 'fleet', 'claim_certificate_file': paths[0], 'claim_key_file': paths[1]})

    def said(self):
        """All that a gateway has sent to them, but for what TLS itself carries."""
        for one in (*self.aws.telemetry(), *self.azure.hub.recorder.messages()):
            yield one.topic, one.topic.encode() + one.payload
        for one in self.azure.registrations.values():
            yield 'a registration', repr(one.payload).encode()
        for cloud in (self.aws, self.azure, self.azure.hub):
            yield 'what was asked', repr(cloud.requests).encode()

    def stop(self):
        self.aws.stop()
        self.azure.stop()


@pytest.fixture(params=['jitp', pytest.param('claim', marks=pytest.mark.long)])
def clouds(work, request):
    one = Clouds(work, request.param)
    yield one
    one.stop()


def search_everywhere(canaries, gateway, clouds, ids):
    search_files(canaries, gateway)
    search_process(canaries, gateway)
    for path in (*PATHS, *('devices/' + one for one in ids)):
        status, answer = gateway.api('GET', path)
        assert status == 200, path
        search(canaries, path, repr(answer).encode())
    page = log_in(gateway, ADMIN)
    for path in (*SCREENS, *('/devices/' + one for one in ids)):
        search(canaries, path, page.get(path).body)
    for words in (('site-ca', 'show'), ('site-ca', 'certificate', '-'), ('site-ca', 'prove', 'CODE', '-'),
                  ('tokens', 'list'), ('journal',), ('show', ids[0]), ('show', ids[1])):
        done = gateway.tool(*words)
        assert done.returncode == 0, done
        search(canaries, ' '.join(words), done.stdout.encode() + done.stderr.encode())
    for where, data in clouds.said():
        search(canaries, where, data)
    # What leaves the gateway on purpose carries them sealed.
    parcel = os.path.join(gateway.directory, 'parcel')
    gateway.ctl('devices', 'export', ids[0], parcel, '--for', gateway.ctl('key', 'show')['public'])
    for path in (backup(gateway), parcel):
        with open(path, 'rb') as file:
            search(canaries, path, file.read())


@pytest.mark.usefixtures('set_clock')
@pytest.mark.deadline(300)
def test_keys_are_found_nowhere(make_gateway, clouds, work):
    certificate, key = authority(work, 200)
    clouds.aws.register_ca(certificate, template='jitp')
    clouds.azure.enrol_group('plant', authority=certificate)
    gateway = make_gateway(config={
        'platform': {'default': 'aws', 'others': ['azure']}, 'aws': clouds.settings,
        'azure': {**clouds.azure.settings(), 'method': 'certificate'},
        'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
    gateway.ctl('site-ca', 'import', '-', stdin=certificate + key)
    set_up(gateway)
    canaries = canaries_of('key of the authority', key.encode())
    if clouds.claim:
        canaries += [('key of the claim', line) for line in clouds.claim.split(b'\n') if len(line) > 40
                     and b'-' not in line]
    devices = []
    for ep, platform in (('pump', 'aws'), ('fan', 'azure')):
        open_window(gateway)
        one = PlainDevice(gateway, ep)
        assert one.enrol().code == coap.CREATED
        one.id = await_stage(gateway, ep, 'waiting-person')['id']
        gateway.ctl('admit', one.id, '--platform', platform)
        devices.append(one)
    for one in devices:
        await_stage(gateway, one.ep, 'active', 120)
        await_link(gateway, one.ep)
        assert one.report(1).code == coap.CHANGED
    until(lambda: clouds.aws.telemetry('gatehouse/bed/pump/telemetry') and clouds.azure.hub.values('fan'), 60,
          'both arrive')
    gateway.terminate()
    canaries += made_here(gateway)
    assert {name for name, _ in canaries} >= {'key of the authority', 'key of pump', 'key of fan'}
    gateway.start()
    for one in devices:
        await_link(gateway, one.ep)
    search_everywhere(canaries, gateway, clouds, [one.id for one in devices])
    # What it is ended with leaves nothing behind either.
    gateway.process.signal(signal.SIGABRT)
    assert gateway.wait_exit() == -signal.SIGABRT
    assert not [path for path in files_of(gateway.directory) if os.path.basename(path).startswith('core')]
    search_files(canaries, gateway)


def test_the_search_finds_a_key(work):
    """In each form in which one could be written down: the search above can fail."""
    _, key = authority(work, 2)
    pem = key.encode()
    der = subprocess.run(['openssl', 'pkey', '-outform', 'DER'], input=pem, check=True, capture_output=True).stdout
    number = der[der.index(NUMBER) + len(NUMBER):][:32]
    canaries = canaries_of('planted', pem)
    for planted in (pem, der, number, number.hex().encode(), KEY.findall(pem)[0].split(b'\n')[1]):
        with pytest.raises(AssertionError, match='planted'):
            search(canaries, 'here', b'before' + planted + b'behind')
