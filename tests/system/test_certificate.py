# SPDX-License-Identifier: Apache-2.0
"""Sessions that prove themselves with a certificate: imported for a device, or the gateway's own.
The keys are nowhere but in the files they came from and, sealed, in the store."""

import os
import stat
import subprocess

import pytest

import bed
from bed import Recorder, coap, until
from bed.broker import RECORDER_RIGHTS
from bed.certificates import Authority
from bed.gateway import ToolError
from bed.people import PASSWORDS, set_up
from bed.plain import PlainDevice, await_stage, device, open_window, values


def read(path):
    with open(path, encoding='ascii') as file:
        return file.read()


class Site:
    """A broker that lets nobody in without a certificate of one authority, and a gateway."""

    def __init__(self, work, make_gateway):
        self.server = Authority(os.path.join(work, 'server-authority'))
        self.clients = Authority(os.path.join(work, 'client-authority'))
        self.stranger = Authority(os.path.join(work, 'stranger'))
        self.access = os.path.join(work, 'access')
        with open(self.access, 'w', encoding='utf-8') as file:
            file.write(RECORDER_RIGHTS + 'user gateway\ntopic write gatehouse/bed/status\n')
            file.write('pattern write gatehouse/bed/%u/#\n')
        os.chmod(self.access, 0o644)
        self.broker = bed.Broker(os.path.join(work, 'strict'), certificates=self.server,
                                 clients=self.clients, extra='acl_file %s' % self.access).start()
        self.recorder = Recorder(self.broker)
        certificate, key = self.clients.issue('gateway', usage='clientAuth')
        for path in (self.server.ca_file, certificate, key):
            os.chmod(path, 0o644)
        for folder in (self.server.directory, self.clients.directory):
            os.chmod(folder, 0o755)
        self.gateway = make_gateway(broker=self.broker, config={
            'mqtt': {'host': 'localhost', 'tls': 'yes', 'ca_file': self.server.ca_file,
                     'certificate_file': certificate, 'key_file': key},
            'platform': {'default': 'mqtt'}, 'lan': {'device_rate': 1000, 'device_burst': 1000}})
        self.keys = [key]
        self.gateway.start()

    def give(self, ep, authority, name):
        """Imports a certificate for a device."""
        certificate, key = authority.issue(name, usage='clientAuth')
        self.keys.append(key)
        lines = 'ep,certificate,key\n%s,%s,%s\n' % (ep, certificate, key)
        return self.gateway.ctl('tokens', 'import', '-', stdin=lines)

    def issue(self, name):
        """The files of a certificate of the right authority, and its key."""
        certificate, key = self.clients.issue(name, usage='clientAuth')
        self.keys.append(key)
        return certificate, key

    def replace(self, ep, certificate, key, *more):
        return self.gateway.tool('tokens', 'replace', ep, '--certificate', certificate, '--key', key, *more)

    def let_in(self, ep, authority):
        """The common name is the device's id, which the broker's access list goes by."""
        open_window(self.gateway)
        one = PlainDevice(self.gateway, ep)
        assert one.enrol().code == coap.CREATED
        one.id = await_stage(self.gateway, ep, 'waiting-person')['id']
        self.give(ep, authority, one.id)
        self.gateway.ctl('approve', one.id)
        await_stage(self.gateway, ep, 'active')
        return one

    def close(self):
        self.gateway.close()
        self.recorder.close()
        self.broker.stop()


@pytest.fixture
def site(work, make_gateway):
    one = Site(work, make_gateway)
    yield one
    one.close()


def key_forms(path):
    """What a search looks for: lines of the text, and the bytes that they stand for."""
    with open(path, encoding='utf-8') as file:
        lines = [line for line in file.read().splitlines() if not line.startswith('-----')]
    return [lines[1].encode()] + [bytes.fromhex(private_hex(path))]


def private_hex(path):
    """The private number alone, as every form of the key holds it."""
    text = subprocess.run(['openssl', 'pkey', '-in', path, '-noout', '-text'], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    lines = text.split('priv:')[1].split('pub:')[0]
    return ''.join(lines.split()).replace(':', '')[-64:]


def search(forms, where, data):
    for form in forms:
        assert form not in data, 'a key is in ' + where
        assert form.hex().encode() not in data, 'a key is in %s, as hex' % where


def files_of(site):
    """All of the gateway's, wherever it could have put one."""
    gateway = site.gateway
    for folder in (gateway.state_directory, gateway.runtime_directory):
        for at, _, names in os.walk(folder):
            yield from (os.path.join(at, name) for name in names)
    for folder in ('/tmp', '/var/tmp', '/dev/shm'):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.lexists(path) and gateway.uid and os.lstat(path).st_uid == gateway.uid:
                yield path


def search_everywhere(site):
    forms = [form for path in site.keys for form in key_forms(path)]
    for path in files_of(site):
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, 'rb') as file:
                search(forms, path, file.read())
    with open(site.gateway.log_path, 'rb') as file:
        search(forms, 'the log', file.read())
    process = '/proc/%d/' % site.gateway.process.pid
    for name in ('cmdline', 'environ'):
        with open(process + name, 'rb') as file:
            search(forms, name, file.read())
    search(forms, 'the list of tokens', site.gateway.tool('tokens', 'list', json=True).stdout.encode())
    return process


def keys_in_memory(process):
    """Open descriptors of files that are in memory alone."""
    found = []
    for name in os.listdir(process + 'fd'):
        try:
            found.append(os.readlink(process + 'fd/' + name))
        except FileNotFoundError:
            pass  # closed meanwhile
    return [one for one in found if one.startswith('/memfd:gatehouse')]


def test_each_device_by_its_certificate(site):
    """In under its own name, held to its own topics; a stranger's certificate opens nothing, and
    nobody else feels it."""
    alpha = site.let_in('alpha', site.clients)
    until(lambda: device(site.gateway, 'alpha')['link'] == 'up', 30, 'alpha is connected')
    wrong = site.let_in('wrong', site.stranger)
    # In TLS 1.3 too it is told from a broken line; it stops, and somebody has to do something.
    site.gateway.wait_log('refuses its credential: localhost does not take the certificate: .*unknown ca', 60)
    until(lambda: ('credential-refused', wrong.id) in {
        (one['id'], one['subject']) for one in site.gateway.ctl('alarms')['alarms']}, 30, 'an alarm says so')
    assert wrong.report(1).code == coap.CHANGED
    for value in range(20):
        assert alpha.report(value).code == coap.CHANGED
    until(lambda: set(values(site.recorder, alpha.id).values()) == set(range(20)), 20, 'all of alpha')
    assert " as gatehouse-bed-%s (p5" % alpha.id in site.broker.log()
    assert "u'%s'" % alpha.id in site.broker.log()
    assert site.recorder.wait('gatehouse/bed/status'), "the gateway's own certificate"
    assert not values(site.recorder, wrong.id)
    assert device(site.gateway, 'wrong')['queued'] == 1
    assert device(site.gateway, 'wrong')['link'] != 'up'

    # No key is anywhere, and no descriptor holds one once the sessions are up.
    process = search_everywhere(site)
    # The one that is refused may just be trying again.
    until(lambda: not keys_in_memory(process), 30, 'no key is open')

    # The right one takes its place; what waited arrives.
    assert site.replace('wrong', *site.issue(wrong.id)).returncode == 0
    until(lambda: 1 in values(site.recorder, wrong.id).values(), 40, 'what waited arrives')

    # Another one, pasted on the page: it is the next session's.
    def sessions():
        return site.broker.log().count(" as gatehouse-bed-%s (p5" % alpha.id)
    before, page = sessions(), set_up(site.gateway)
    pasted = ''.join(read(path) for path in reversed(site.issue(alpha.id)))
    form = page.get('/devices/' + alpha.id).form('/token', where=lambda one: 'lines' in one.names)
    answer = page.submit(form, lines=pasted.replace('\n', '\r\n'), password=PASSWORDS['anna'])
    assert answer.status == 200 and pasted.splitlines()[1] not in answer.text, answer.text
    until(lambda: sessions() > before, 30, 'a session by the new certificate')
    search_everywhere(site)
    site.gateway.restart()
    assert alpha.report(99).code == coap.CHANGED
    until(lambda: 99 in values(site.recorder, alpha.id).values(), 30, 'alpha is back')


def test_what_is_not_taken(site):
    """A key that is another's, files that are not there: said by line, and nothing is imported."""
    certificate, _ = site.clients.issue('one', usage='clientAuth')
    _, key = site.clients.issue('two', usage='clientAuth')
    for line, why in (('a,%s,%s' % (certificate, key), 'belongs to another certificate'),
                      ('a,%s,/nowhere' % certificate, 'cannot be read'),
                      ('a,%s' % certificate, 'three fields')):
        with pytest.raises(ToolError, match=why):
            site.gateway.ctl('tokens', 'import', '-', stdin='ep,certificate,key\n%s\n' % line)
    done = site.replace('a', certificate, key)
    assert (done.returncode, 'belongs to another certificate' in done.stderr) == (1, True), done
    done = site.replace('a', certificate, key, '--platform', 'azure')
    assert (done.returncode, 'belongs to another certificate' in done.stderr) == (1, True), done
    for more in (['--username', 'u'], ['--platform', 'spotflow']):
        assert site.replace('a', certificate, key, *more).returncode == 2
    for words in (['--key', key], ['--platform', 'nowhere'], ['--platform', 'azure', '--username', 'u']):
        done = site.gateway.tool('tokens', 'replace', 'a', *words, stdin='x\n')
        assert done.returncode == 2 and 'gatehousectl: --' in done.stderr, done
    assert site.gateway.ctl('tokens', 'list')['total'] == 0


def test_a_key_and_a_token_for_one_device(site):
    """What --platform says is what the secret is; a provisioning token may be a long one."""
    key, token = 'QUJDREVGR0g=', 'x' * 1000
    site.gateway.ctl('tokens', 'replace', 'a', '--platform', 'azure', '--password-file', '-', stdin=key + '\n')
    site.gateway.ctl('tokens', 'replace', 'a', '--password-file', '-', stdin=token + '\n')
    done = site.gateway.tool('tokens', 'replace', 'b', '--platform', 'azure', stdin='no base64\n')
    assert done.returncode == 1 and 'The token has' in done.stderr, done
    rows = site.gateway.ctl('tokens', 'list')['tokens']
    assert [(row['ep'], row['platform']) for row in rows] == [('a', 'azure'), ('a', 'spotflow')]


def test_the_gateways_own_is_refused(work, make_gateway):
    """A certificate that the broker's authority did not issue: it says so, after the handshake, and a
    person hears that, and not that the broker is away."""
    server, clients, stranger = (Authority(os.path.join(work, name)) for name in ('server', 'clients', 'stranger'))
    broker = bed.Broker(os.path.join(work, 'strict'), certificates=server, clients=clients).start()
    certificate, key = stranger.issue('gateway', usage='clientAuth')
    for path in (server.ca_file, certificate, key):
        os.chmod(path, 0o644)
    for folder in (server.directory, stranger.directory):
        os.chmod(folder, 0o755)
    gateway = make_gateway(broker=broker, config={
        'mqtt': {'host': 'localhost', 'tls': 'yes', 'ca_file': server.ca_file,
                 'certificate_file': certificate, 'key_file': key}}).start()
    until(lambda: 'uplink-refused' in {one['id'] for one in gateway.ctl('alarms')['alarms']}, 60, 'an alarm says so')
    gateway.wait_log('does not take the certificate: .*unknown ca')
    broker.stop()
