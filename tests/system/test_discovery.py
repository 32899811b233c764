# SPDX-License-Identifier: Apache-2.0
"""The further ways in: the resource directory, the question to everybody, and bodies in blocks."""

import json
import math
import os
import re
import select
import socket
import subprocess
import time

import pytest

from bed import coap, until
from bed.group import Group
from bed.hosts import BRIDGE
from bed.plain import PlainDevice, await_stage, device, let_in, open_window
from bed.standard import GROUP, LINKS, StandardDevice
from bed.wait import free_port, stays
from test_binding import link  # noqa: F401

COAP_PORT = 5683


def memory(gateway):
    with open('/proc/%d/status' % gateway.process.pid, encoding='ascii') as file:
        return int(re.search(r'VmRSS:\s+(\d+)', file.read())[1])


def libcoap(gateway, path, payload, content_format, port, *words):
    done = subprocess.run(
        ['coap-client-notls', '-B', '60', '-p', str(port), '-m', 'post', '-t', str(content_format),
         '-e', payload, *words, 'coap://127.0.0.1:%d/%s' % (gateway.coap_port, path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr


def test_a_body_in_blocks_is_one_reading(gateway, recorder):
    one = let_in(gateway, 'blocks')
    records = [{'n': 'v%03d' % number, 'v': number} for number in range(120)]
    body = json.dumps(records, separators=(',', ':'))
    assert 2000 < len(body) < 8192
    for size in (16, 64, 1024):
        answer = one.client.upload('t', body, size, query={'ep': 'blocks'},
                                   content_format=coap.SENML_JSON)
        assert answer.code == coap.CHANGED, answer
        assert coap.block_parts(answer.option(coap.BLOCK1))[1] is False
    # libcoap's own block-wise transfer, from the same address
    said = libcoap(gateway, 't?ep=blocks', body, coap.SENML_JSON, free_port(socket.SOCK_DGRAM), '-b', '64')
    assert not re.search(r'\b[45]\.\d\d\b', said), said
    # as large as may be, and a byte more
    body += ' ' * (8192 - len(body))
    ask = {'query': {'ep': 'blocks'}, 'content_format': coap.SENML_JSON}
    assert one.client.upload('t', body, 1024, **ask).code == coap.CHANGED
    assert one.client.upload('t', body + ' ', 1024, **ask).code == coap.TOO_LARGE
    messages = recorder.wait('gatehouse/bed/%s/telemetry' % one.id, 5)
    assert len(messages) == 5
    for message in messages:
        assert len(json.loads(message.payload)) == 120


def test_an_enrolment_in_blocks(gateway):
    open_window(gateway)
    one = PlainDevice(gateway, 'large')
    body = json.dumps({'model': 'L', 'attributes': {'k%d' % key: 'x' * 100 for key in range(16)}})
    one.client.exchange(coap.GET, 'd/nothing')  # its address is verified by that
    answer = one.client.upload('enrol', body, 256, query={'ep': 'large'}, content_format=coap.JSON)
    assert answer.code == coap.CREATED, answer
    assert len(device(gateway, 'large')['attributes']) == 16


def test_blocks_without_end(make_gateway):
    """What a device announces costs nothing, and what it sends is bounded."""
    gateway = make_gateway()
    # What the sanitizer keeps of freed memory, to find its use, would hide what we look for.
    gateway.start(env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'})
    one = let_in(gateway, 'hostile')
    ask = {'query': {'ep': 'hostile'}, 'content_format': coap.OCTETS}
    answer = one.client.request(coap.POST, 't', payload=b'x' * 16, **ask, options=[
        (coap.BLOCK1, coap.block(0, True, 16)), (coap.SIZE1, coap.uint(2 ** 32 - 1))])
    assert answer.code == coap.TOO_LARGE and answer.number(coap.SIZE1) == 8192

    def without_end(round_number):
        for number in range(8):
            answer = one.client.request(
                coap.POST, 't', payload=b'x' * 1024, **ask,
                options=[(coap.BLOCK1, coap.block(number, True, 1024))])
            assert answer.code == (coap.CONTINUE if number < 7 else coap.TOO_LARGE), round_number
        answer = one.client.request(coap.POST, 't', payload=b'x' * 16, **ask,
                                    options=[(coap.BLOCK1, coap.block(5 + round_number % 20, True, 16))])
        assert answer.code == coap.INCOMPLETE
        answer = one.client.request(coap.POST, 't', payload=b'x' * 1024, **ask,
                                    options=[(coap.BLOCK1, coap.block(0xfffff, True, 1024))])
        assert answer.code == coap.TOO_LARGE

    # The first rounds fill what is filled once: tables, the sanitizer's own books.
    for round_number in range(40):
        if round_number == 20:
            before = memory(gateway)
        without_end(round_number)
    many = [coap.Client('127.0.0.1', gateway.coap_port) for _ in range(200)]
    for client in many:
        answer = client.request(coap.POST, 't', payload=b'x' * 1024, **ask,
                                options=[(coap.BLOCK1, coap.block(0, True, 1024))])
        assert answer.code == coap.CONTINUE
    limit = next(row for row in gateway.ctl('status', '--limits')['limits']
                 if row['name'] == 'block-transfers')
    assert limit['value'] == 32 and limit['reached'] == 168
    for client in many:
        client.close()
    assert memory(gateway) - before < 8192  # KiB: sanitizers keep what was freed for a while
    assert one.report(1).code == coap.CHANGED


def test_registration_to_broker(make_gateway, broker, recorder):
    """A standard device: it registers, waits for a person, is read, and keeps its place."""
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 1}}).start()
    with StandardDevice() as lamp:
        found = lamp.ask(gateway, coap.GET, '.well-known/core', ['rt=core.rd'])
        assert found.payload == b'</rd>;rt="core.rd"'
        made = lamp.ask(gateway, coap.POST, 'rd', ['ep=lamp', 'lt=3600'], LINKS.encode(),
                        coap.LINK_FORMAT)
        assert made.code == coap.CREATED
        one = await_stage(gateway, 'lamp', 'seen')
        assert made.location == 'rd/' + one['id']
        assert one['found_by'] == 'rd' and one['present'] and one['trust'] == 'plain'
        # its address answered the question beside the answer; then it was asked what it is
        until(lambda: device(gateway, 'lamp')['model'] == 'S-9', 20, 'its description was read')
        assert lamp.asked.count('/.well-known/core') == 1
        again = lamp.ask(gateway, coap.POST, 'rd', ['ep=lamp', 'lt=3600'], LINKS.encode(),
                         coap.LINK_FORMAT)
        assert again.code == coap.CREATED and again.location == made.location
        assert len(gateway.ctl('devices')['devices']) == 1
        assert device(gateway, 'lamp')['stage'] == 'seen'  # never an approval
        open_window(gateway)
        await_stage(gateway, 'lamp', 'waiting-person')
        assert '/s' not in lamp.asked
        gateway.ctl('approve', one['id'])
        await_stage(gateway, 'lamp', 'active')
        topic = 'gatehouse/bed/%s/telemetry' % one['id']
        record, = json.loads(recorder.wait(topic)[0].payload)
        assert record['v'] == 20

        # the location survives our restart, and what is read goes on
        gateway.restart(kill=True)
        lamp.value = 21.5
        assert not device(gateway, 'lamp')['present']
        assert lamp.ask(gateway, coap.POST, made.location).code == coap.CHANGED
        assert device(gateway, 'lamp')['present']
        recorder.wait(topic, where=lambda got: json.loads(got.payload)[0]['v'] == 21.5)

        # another address has no say in it; the device itself takes it away and stays approved
        with coap.Client('127.0.0.1', gateway.coap_port, local_host='127.0.0.2') as other:
            assert other.request(coap.DELETE, made.location).code == coap.NOT_FOUND
            refused = other.request(coap.POST, 'rd', query=['ep=lamp'])
            assert refused.code == coap.FORBIDDEN
        assert lamp.ask(gateway, coap.DELETE, made.location).code == coap.DELETED
        assert not device(gateway, 'lamp')['present']
        assert device(gateway, 'lamp')['stage'] == 'active'
        assert lamp.ask(gateway, coap.POST, made.location).code == coap.NOT_FOUND
        back = lamp.ask(gateway, coap.POST, 'rd', ['ep=lamp'], LINKS.encode(), coap.LINK_FORMAT)
        assert (back.code, back.location) == (coap.CREATED, made.location)


def test_a_registration_on_file(gateway):
    """After a restart an update without lt counts what the registration gave, at the port that it
    said, and who removed itself is not known."""
    open_window(gateway)
    with StandardDevice() as lamp, StandardDevice() as mouth:
        # Another socket of the device registers for it: the base says where it serves.
        made = mouth.ask(gateway, coap.POST, 'rd', ['ep=lamp', 'lt=20', 'base=coap://127.0.0.1:%d' % lamp.port],
                         LINKS.encode(), coap.LINK_FORMAT)
        assert made.code == coap.CREATED
        await_stage(gateway, 'lamp', 'waiting-person')
        gateway.restart(kill=True)
        del lamp.asked[:]
        assert mouth.ask(gateway, coap.POST, made.location).code == coap.CHANGED
        until(lambda: not device(gateway, 'lamp')['present'], 60, 'its twenty seconds are over')
        until(lambda: '/info' in lamp.asked, 20, 'it is asked where it said')
        assert device(gateway, 'lamp')['stage'] == 'waiting-person'
        assert mouth.ask(gateway, coap.DELETE, made.location).code == coap.DELETED
        gateway.restart(kill=True)
        assert mouth.ask(gateway, coap.POST, made.location).code == coap.NOT_FOUND
        assert mouth.ask(gateway, coap.DELETE, made.location).code == coap.NOT_FOUND
        back = mouth.ask(gateway, coap.POST, 'rd', ['ep=lamp'], LINKS.encode(), coap.LINK_FORMAT)
        assert (back.code, back.location) == (coap.CREATED, made.location)


def test_simple_registration_and_expiry(gateway):
    with StandardDevice() as lamp:
        done = lamp.ask(gateway, coap.POST, '.well-known/rd', ['ep=simple', 'lt=600'])
        assert done.code == coap.CHANGED and not done.location
        assert '/.well-known/core' in lamp.asked
        one = await_stage(gateway, 'simple', 'seen')
        assert one['found_by'] == 'rd'
        assert lamp.ask(gateway, coap.POST, '.well-known/rd', ['ep=simple', 'lt=2']).code == coap.CHANGED
        until(lambda: device(gateway, 'simple') is None, 20, 'a sighting goes with its registration')
        assert lamp.ask(gateway, coap.POST, 'rd/' + one['id']).code == coap.NOT_FOUND
    with coap.Client('127.0.0.1', gateway.coap_port) as silent:
        wrong = silent.request(coap.POST, '.well-known/rd', query=['ep=b', 'base=coap://127.0.0.1'])
        assert wrong.code == coap.BAD_REQUEST


def test_the_simulated_registrant(make_gateway, broker, recorder, sensor):
    """The reference of a standard device: registers, is approved and read, outlives a restart of the
    gateway in its place, and says when it goes."""
    gateway = make_gateway(broker=broker, config={'lan': {'poll_interval': 1}}).start()
    open_window(gateway)
    meter = sensor('meter', ep='meter', mode='register', lifetime=4,
                   gateway='127.0.0.1:%d' % gateway.coap_port)
    one = await_stage(gateway, 'meter', 'waiting-person')
    assert one['found_by'] == 'rd'
    gateway.ctl('approve', one['id'])
    await_stage(gateway, 'meter', 'active')
    topic = 'gatehouse/bed/%s/telemetry' % one['id']
    first = recorder.wait(topic)[0]
    assert [record['n'] for record in json.loads(first.payload)] == ['seq', 'temperature']
    meter.wait_log('"event":"renewed"', 30)
    registered = meter.log().count('"event":"registered"')
    gateway.restart(kill=True)
    until(lambda: device(gateway, 'meter')['present'], 60, 'it is renewed')
    assert meter.log().count('"event":"registered"') == registered, 'its place is the one from before'
    meter.stop()
    until(lambda: not device(gateway, 'meter')['present'], 20, 'it said that it goes')
    assert device(gateway, 'meter')['stage'] == 'active'


def test_registrant_of_libcoap(gateway, coap_server):
    """coap-client registers for coap-server: base says the port."""
    port = coap_server.port
    with coap.Client('127.0.0.1', port) as probe:
        links = until(lambda: probe.request(coap.GET, '.well-known/core').payload.decode(), 10)
    # A libcoap client does not answer questions: Echo, of another request, shows its address.
    with coap.Client('127.0.0.1', gateway.coap_port) as neighbour:
        neighbour.exchange(coap.GET, 'd/nothing')
    said = libcoap(gateway, 'rd?ep=hall&lt=600&base=coap://127.0.0.1:%d' % port, links,
                   coap.LINK_FORMAT, free_port(socket.SOCK_DGRAM))
    assert not re.search(r'\b[45]\.\d\d\b', said), said
    one = await_stage(gateway, 'hall', 'seen')
    assert one['found_by'] == 'rd' and one['address'].endswith(':%d' % port)


def test_a_base_leads_nowhere_else(gateway):
    """Attack A20: nobody is asked but the address that registered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim, StandardDevice() as liar:
        victim.bind(('127.0.0.9', 0))
        port = victim.getsockname()[1]
        for base in ('coap://127.0.0.9:%d' % port, 'coap://8.8.8.8', 'coap://localhost:%d' % port,
                     'http://127.0.0.1', 'coap://[::ffff:127.0.0.9]:%d' % port):
            refused = liar.ask(gateway, coap.POST, 'rd', ['ep=liar', 'base=' + base],
                               LINKS.encode(), coap.LINK_FORMAT)
            assert refused.code == coap.BAD_REQUEST, base
        assert device(gateway, 'liar') is None
        links = '<coap://127.0.0.9:%d/info>;rt="gatehouse.info",<//127.0.0.9:%d/s>;if="core.s"' % (
            port, port)
        liar.links = links
        made = liar.ask(gateway, coap.POST, 'rd', ['ep=liar'], links.encode(), coap.LINK_FORMAT)
        assert made.code == coap.CREATED
        until(lambda: liar.asked.count('/.well-known/core') >= 2, 20, 'it was asked itself')
        victim.settimeout(0)
        stays(lambda: not select.select([victim], [], [], 0)[0], 1)


def test_registrations_of_strangers_are_limited(gateway):
    """Forged sources: no 4.01, three times their bytes, at most so many names."""
    codes, began = [], time.monotonic()
    for number in range(20):
        with coap.Client('127.0.0.1', gateway.coap_port,
                         local_host='127.0.1.%d' % (number + 1)) as forged:
            answer = forged.request(coap.POST, 'rd', query=['ep=forged-%d' % number],
                                    payload=LINKS, content_format=coap.LINK_FORMAT)
            forged.silent(0.05)  # the question beside it
            codes.append(answer.code)
            assert sum(len(data) for _, data in forged.received) <= 3 * sum(len(data) for _, data in forged.sent)
    # Ten, and ten more a minute.
    assert 10 <= codes.count(coap.CREATED) <= 10 + math.ceil((time.monotonic() - began) / 6)
    assert set(codes) == {coap.CREATED, coap.UNAVAILABLE}
    listed = gateway.ctl('devices')['devices']
    assert len(listed) == codes.count(coap.CREATED) and {one['stage'] for one in listed} == {'seen'}
    open_window(gateway)
    stays(lambda: {one['stage'] for one in gateway.ctl('devices')['devices']} == {'seen'}, 0.5)


@pytest.mark.mdns  # the well-known port and the group are those of a namespace
def test_everybody_is_asked(make_gateway):
    with StandardDevice(COAP_PORT, '</>;ep="group-1",' + LINKS, group=True) as lamp:
        gateway = make_gateway().start()
        until(lambda: '/.well-known/core' in lamp.asked, 10, 'the question at the start')
        one = await_stage(gateway, 'group-1', 'seen')
        assert one['found_by'] == 'multicast' and one['present']
        until(lambda: device(gateway, 'group-1')['model'] == 'S-9', 20, 'its description was read')
        asked = len(lamp.asked)
        open_window(gateway)  # and everybody is asked once more
        until(lambda: '/.well-known/core' in lamp.asked[asked:], 10, 'the question on demand')
        await_stage(gateway, 'group-1', 'waiting-person')
        assert len(gateway.ctl('devices')['devices']) == 1  # it did not find itself


@pytest.mark.mdns
def test_who_comes_later_is_asked_by_the_timer(make_gateway):
    """Nobody asks for it: no start, no window."""
    gateway = make_gateway(config={'lan': {'multicast_interval': 5}}).start()
    with StandardDevice(COAP_PORT, '</>;ep="later",' + LINKS, group=True):
        one = await_stage(gateway, 'later', 'seen')
        assert one['found_by'] == 'multicast' and one['present']
    # It is off now, and silent for more than three questions.
    until(lambda: device(gateway, 'later') is None, 60, 'it is not there any more')


def find_by_asking(everybody):
    """A question to all CoAP nodes is answered by datagram to the asker alone, with the one link that
    it asked for; what is no such question is not answered at all (RFC 7252 section 8.2)."""
    unanswered = [everybody.ask(*question) for question in (
        (coap.GET, '.well-known/core', 'rt=somebody.else'), (coap.POST, 'rd', 'ep=all'),
        (coap.POST, 'enrol', 'ep=all'), (coap.GET, 'time'))]
    for word, wanted in (('rt=gatehouse.*', b'</enrol>;rt="gatehouse.enrol"'),
                         ('rt=core.rd', b'</rd>;rt="core.rd"')):
        answer = everybody.answered(coap.GET, '.well-known/core', word)
        assert (answer.type, answer.code, answer.payload) == (coap.NON, coap.CONTENT, wanted)
    assert not set(unanswered) & set(everybody.answers)
    assert sum(len(data) for _, data in everybody.received) <= 3 * sum(len(data) for _, data in everybody.sent)


@pytest.mark.mdns
def test_who_asks_everybody_finds_the_gateway(gateway):
    with Group(GROUP, gateway.coap_port, '127.0.0.1') as everybody:
        find_by_asking(everybody)
    assert gateway.ctl('devices')['devices'] == []


def test_who_asks_everybody_by_ipv6(link, make_gateway):  # noqa: F811
    """The same over IPv6, which loopback does not carry to a group: from a host on a real link, in the
    groups of the link and of the site."""
    host = link.host(10)
    host.lease('fd07::20')
    gateway = make_gateway(config={'lan': {'interfaces': [BRIDGE]}}).start()
    for group in ('ff02::fd', 'ff05::fd'):
        with host.asks(group, gateway) as everybody:
            find_by_asking(everybody)
    assert gateway.ctl('devices')['devices'] == []


def test_everybody_is_asked_by_ipv6(link, make_gateway):  # noqa: F811
    """What the question at the start does not find, since an address on a new link is not ready at
    once, the timer does; where it answered it is asked what it is."""
    host = link.host(10)
    host.lease('fd07::20')
    with host.serves('</>;ep="six",' + LINKS) as lamp:
        gateway = make_gateway(config={'lan': {'interfaces': [BRIDGE], 'multicast_interval': 5}}).start()
        one = await_stage(gateway, 'six', 'seen')
        assert one['found_by'] == 'multicast' and one['address'].startswith('[f'), one
        until(lambda: device(gateway, 'six')['model'] == 'S-9', 20, 'its description was read')
        assert set(lamp.asked) == {'/.well-known/core', '/info'}


@pytest.mark.mdns
def test_who_answers_without_a_name_is_counted(make_gateway):
    with StandardDevice(COAP_PORT, LINKS, group=True):
        gateway = make_gateway().start()

        def counted():
            return any(row['reason'] == 'malformed' for row in gateway.ctl('heard')['heard'] if row['count'])
        until(counted, 10, 'the answer is counted')
        assert gateway.ctl('devices')['devices'] == []


@pytest.mark.mdns
def test_the_directory_is_announced(avahi, make_gateway):
    gateway = make_gateway(mdns=True).start()

    def announced():
        return [one for one in avahi.browse('_core-rd._udp') if one.protocol == 'IPv4']
    one = until(announced, 20, 'the directory is announced')[0]
    assert one.port == gateway.coap_port
    assert one.txt == {'v': '1', 'rt': 'gatehouse'}
