# SPDX-License-Identifier: Apache-2.0
"""The bed itself: what the other tests rest on is not taken on trust."""

import json
import os
import socket
import subprocess
import sys

import pytest

from bed import Broker, Process, Recorder, coap, commands, enter, until
from bed.certificates import Authority
from bed.gateway import Notifications
from bed.page import Answer
from bed.wait import free_port, stays


def test_until_awaits_and_gives_up():
    turns = []
    assert until(lambda: turns.append(1) or len(turns) == 3 and 'there') == 'there'
    with pytest.raises(AssertionError, match='still not: the moon'):
        until(lambda: False, 0.05, 'the moon')
    with pytest.raises(AssertionError, match='did not stay'):
        stays(lambda: len(turns) < 3, 0.05)


def test_process_is_ended_by_its_pid_and_sanitizer_reports_are_seen(work):
    log = os.path.join(work, 'sleep.log')
    one = Process(['sleep', '600'], log)
    assert one.alive and one.stop() == -15 and not one.alive
    planted = Process(['sh', '-c', 'echo "x.c:1:2: runtime error: planted" >&2; exit 3'], log)
    assert planted.wait() == 3
    with pytest.raises(AssertionError, match='planted'):
        planted.check()
    stubborn = Process(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 1; done'], log)
    stubborn.wait_log('^up$')
    with pytest.raises(AssertionError, match='did not end'):
        stubborn.stop(0.3)


def test_daemon_has_a_uid_of_its_own_where_that_is_possible(work):
    uid = enter.daemon_uid()
    assert (uid is not None) == (os.environ['GATEHOUSE_BED'] == 'root')
    one = Process(['sh', '-c', 'id -u; grep CapEff /proc/self/status'],
                  os.path.join(work, 'id.log'), uid=uid)
    assert one.wait() == 0
    seen, capabilities = one.log().splitlines()
    assert int(seen) == (os.geteuid() if uid is None else uid)
    if uid is not None:
        assert capabilities.split()[1].strip('0') == ''


def test_entering_again_stays_in_the_same_bed():
    done = subprocess.run([sys.executable, enter.__file__, '--', 'sh', '-c', 'echo $GATEHOUSE_BED; exit 7'],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, os.environ['GATEHOUSE_BED'] + '\n')


def test_recorder_keeps_topic_payload_retain_and_properties(broker, recorder):
    recorder.publish('a/b', b'one', user=[('gh-id', '7'), ('k', '1'), ('k', '2')])
    recorder.publish('a/c', b'two', retain=True)
    (first,) = recorder.wait('a/b')
    assert (first.payload, first.retain, first.qos) == (b'one', False, 1)
    assert first.user == {'gh-id': '7', 'k': ['1', '2']}
    late = Recorder(broker, 'late')
    (kept,) = late.wait('a/+')
    assert (kept.topic, kept.payload, kept.retain) == ('a/c', b'two', True)
    late.close()
    with pytest.raises(AssertionError, match='wanted 1 of x/y'):
        recorder.wait('x/y', timeout=0.1)


def test_recorder_misses_nothing_over_a_restart_and_a_kill(broker, recorder):
    def seen():
        """A broker that went before it heard that one had arrived sends it again."""
        return list(dict.fromkeys(one.payload for one in recorder.messages('seen')))
    port = broker.port
    sender = Recorder(broker, 'sender', 'nothing')
    for number, leave in enumerate((broker.stop, broker.kill)):
        sender.publish('seen', b'before %d' % number)
        until(lambda: len(seen()) == number * 2 + 1, what='it is there')
        leave()
        broker.start()
        assert broker.port == port
        sender.wait_subscribed()
        sender.publish('seen', b'after %d' % number)
        until(lambda: len(seen()) == number * 2 + 2, what='it is there, too')
    assert seen() == [b'before 0', b'after 0', b'before 1', b'after 1']
    sender.close()


def test_paused_broker_answers_nothing_until_it_goes_on(broker, recorder):
    broker.pause()
    with socket.create_connection(('127.0.0.1', broker.local_port), timeout=60) as silent:
        silent.sendall(b'\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00')
        silent.settimeout(0.3)
        with pytest.raises(socket.timeout):
            silent.recv(4)
        broker.resume()
        silent.settimeout(60)
        assert silent.recv(4)[:1] == b'\x20'
    recorder.publish('on', b'')
    recorder.wait('on')


def test_broker_with_passwords_and_tls(work):
    authority = Authority(os.path.join(work, 'ca'))
    broker = Broker(os.path.join(work, 'tls'), users={'gw': 'secret'}, certificates=authority).start()
    recorder = Recorder(broker)
    tool = ['mosquitto_pub', '-V', '5', '-h', 'localhost', '-p', str(broker.port), '--cafile',
            authority.ca_file, '-q', '1', '-t', 'tls', '-m', 'x', '-u', 'gw', '-P']
    refused = subprocess.run([*tool, 'wrong'], capture_output=True, timeout=80, check=False)
    assert refused.returncode != 0
    subprocess.run([*tool, 'secret'], capture_output=True, timeout=80, check=True)
    assert [one.payload for one in recorder.wait('tls')] == [b'x']
    recorder.close()
    broker.stop()


@pytest.mark.mdns
def test_services_appear_resolve_and_vanish(avahi):
    service = avahi.publish('sensor one', '_coap._udp', 5683, {'v': '1', 'rt': 'gatehouse.info'})
    found = until(lambda: [one for one in avahi.browse('_coap._udp') if one.protocol == 'IPv4'], 15)
    assert (found[0].address, found[0].port) == ('127.0.0.1', 5683)
    assert found[0].txt == {'v': '1', 'rt': 'gatehouse.info'}
    avahi.withdraw(service)
    until(lambda: not avahi.browse('_coap._udp'), 15, 'the service is withdrawn')


def test_coap_messages_survive_the_wire_and_malformed_ones_are_told():
    message = coap.Message(coap.NON, coap.POST, 0x1234, b'tok',
                           [(coap.URI_PATH, b't'), (coap.ECHO, b'x' * 40), (coap.NO_RESPONSE, b'\x1a'),
                            (coap.URI_QUERY, b'q' * 300)], b'body')
    again = coap.Message.decode(message.encode())
    assert again.encode() == message.encode() and again.option(coap.ECHO) == b'x' * 40
    assert (again.type, again.code, again.mid, again.token) == (1, 2, 0x1234, b'tok')
    assert coap.block_parts(coap.block(5, True, 64)) == (5, True, 64)
    for data in (b'', b'\x40\x01', b'\x80\x01\x00\x01', b'\x49\x01\x00\x01' + b'x' * 9,
                 b'\x40\x01\x00\x01\xff', b'\x40\x01\x00\x01\xf0', b'\x40\x01\x00\x01\xb5ab'):
        with pytest.raises(coap.Malformed):
            coap.Message.decode(data)


@pytest.fixture
def coap_server(work):
    port = free_port(socket.SOCK_DGRAM)
    server = Process(['coap-server-notls', '-A', '127.0.0.1', '-p', str(port), '-d', '10'],
                     os.path.join(work, 'coap-server.log'))
    with coap.Client('127.0.0.1', port) as probe:
        until(lambda: (probe.send(b'\x40\x00\x00\x01'), not probe.silent(0.1))[1], 10,
              'coap-server answers a ping')
    yield port
    server.stop()


def test_coap_client_against_another_implementation(coap_server):
    with coap.Client('127.0.0.1', coap_server) as device:
        links = device.request(coap.GET, '.well-known/core')
        assert links.code == coap.CONTENT and links.content_format == coap.LINK_FORMAT
        assert len(device.sent) == len(device.received)  # one, or as often as it was said again
        missing = device.request(coap.GET, 'nowhere', query={'a': 'b'})
        assert missing.code == coap.NOT_FOUND
        # Its 'async' resource answers after a second, separately: an empty ACK, then a CON.
        late = device.request(coap.GET, 'async', query=['1'])
        assert late.code == coap.CONTENT and late.type == coap.CON
        made = device.request(coap.PUT, 'made', payload='x', content_format=coap.TEXT)
        assert made.code == coap.CREATED
        assert device.request(coap.GET, 'made').payload == b'x'
        device.send(b'\x40\x01\x00')
        assert device.silent(0.2)


def test_coap_blocks_against_another_implementation(coap_server):
    body = bytes(range(32, 127)) * 4
    with coap.Client('127.0.0.1', coap_server) as device:
        device.request(coap.PUT, 'example_data', payload='-', content_format=coap.TEXT)
        number, more = 0, True
        while more:
            more = (number + 1) * 64 < len(body)
            answer = device.request(coap.PUT, 'example_data', payload=body[number * 64:][:64],
                                    options=[(coap.BLOCK1, coap.block(number, more, 64))])
            assert answer.code == (coap.CONTINUE if more else coap.CHANGED)
            number += 1
        assert device.request(coap.GET, 'example_data').payload.startswith(body[:64])


STAND_IN = '''
import os, signal, socket, sys
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
signal.signal(signal.SIGHUP, lambda *_: notify("RELOADING=1\\nREADY=1"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if "LISTEN_FDS" in os.environ:
    assert os.environ["LISTEN_PID"] == str(os.getpid())
    print("port", socket.socket(fileno=3).getsockname()[1], flush=True)
print(open(sys.argv[1]).read(), "runtime error: planted" if "planted" in os.environ else "", flush=True)
notify("STATUS=up\\nREADY=1")
while True:
    signal.pause()
'''


def test_gateway_is_awaited_reloaded_stopped_and_checked(work, make_gateway, monkeypatch):
    """The bed's part of it, with a stand-in for the daemon."""
    script = os.path.join(work, 'stand-in.py')
    with open(script, 'w', encoding='utf-8') as file:
        file.write(STAND_IN)
    monkeypatch.setattr(commands, 'gatehoused', lambda path: ['/usr/bin/python3', script, path])
    with socket.create_server(('127.0.0.1', 0)) as server:
        one = make_gateway(config={'lan': {'port': 7}}, listen_fds=[server.fileno()]).start()
        assert one.ready and one.status == 'up'
        one.wait_log(r'^port %d$' % server.getsockname()[1])
        one.wait_log(r'^\tport = 7$')
        one.reload()
        pid = one.process.pid
        one.restart(kill=True)
        assert one.process.pid != pid
        one.terminate()
    dirty = make_gateway().start(env={'planted': '1'})
    with pytest.raises(AssertionError, match='sanitizer'):
        dirty.terminate()
    failing = make_gateway()
    monkeypatch.setattr(commands, 'gatehoused', lambda path: ['/bin/sh', '-c', 'echo why; exit 3'])
    with pytest.raises(AssertionError, match='(?s)code 3 before it was ready.*why'):
        failing.start()
    assert failing.wait_exit() == 3


def test_notifications_are_read_as_a_service_manager_would(work):
    box = Notifications(os.path.join(work, 'notify'))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.sendto(b'READY=1\nSTATUS=one', box.path)
        daemon.sendto(b'STATUS=two', box.path)
    until(lambda: box.last('STATUS') == 'two')
    assert 'READY=1' in box.lines
    box.close()


def test_forms_are_read_as_a_browser_would():
    answer = Answer(200, [('Content-Type', 'text/html')], b'''<p>Hello <b>you</b></p><script>no</script>
        <form method=post action="/approve"><input type=hidden name=csrf value="a&amp;b">
        <input name=code><input type=checkbox name=c value=1><input type=radio name=r value=2 checked>
        <select name=s><option value=1>one<option value=2 selected>two</select>
        <textarea name=t>text</textarea><button name=do value=yes>Yes</button></form>
        <form method=post action="/reject"></form><a href="/next">next</a>''')
    form = answer.form('/approve')
    assert form.fields == {'csrf': 'a&b', 'code': '', 'r': '2', 's': '2', 't': 'text'}
    assert form.buttons == [('do', 'yes')] and answer.form(button='yes') is form
    assert answer.text.startswith('Hello you') and 'no' not in answer.text.split()
    assert answer.links == ['/next']
    with pytest.raises(AssertionError, match='wanted one form'):
        answer.form()


def test_configuration_is_written_as_libconfuse_reads_it():
    text = commands.configuration_text({
        'lan': {'port': 5683, 'mdns': False, 'interfaces': ['lo', 'a"b'], 'absent': None}})
    assert text == 'lan {\n\tport = 5683\n\tmdns = no\n\tinterfaces = { "lo", "a\\"b" }\n}\n'
    assert json.loads(commands.value_text('x\\y')) == 'x\\y'
