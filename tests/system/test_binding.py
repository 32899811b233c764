# SPDX-License-Identifier: Apache-2.0
"""Who a plain device is when nothing proves it: interface, IP and MAC. Real hosts on a real link."""

import subprocess

import pytest

from bed import coap, until
from bed.hosts import BRIDGE, Lan
from bed.plain import PlainDevice, await_stage, device, let_in, open_window, values
from bed.wait import stays


def may_have_hosts():
    done = subprocess.run(['ip', 'link', 'add', 'try0', 'type', 'bridge'], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode == 0:
        subprocess.run(['ip', 'link', 'delete', 'try0'], check=False)
    return done.returncode == 0


@pytest.fixture
def link():
    if not may_have_hosts():
        pytest.skip('hosts beside the gateway need a network namespace and bridges')
    one = Lan()
    yield one
    one.close()


@pytest.fixture
def served(link, make_gateway, broker):
    return make_gateway(broker=broker, config={'lan': {'interfaces': [BRIDGE]}}).start()


def bring(served, host, ep, server='10.7.0.1'):
    """A device on a host, all the way in."""
    one = PlainDevice(served, ep)
    one.client.close()
    one.client = host.coap(served, server)
    open_window(served)
    assert one.enrol().code == coap.CREATED
    served.ctl('approve', await_stage(served, ep, 'waiting-person')['id'])
    one.id = await_stage(served, ep, 'active')['id']
    return one


def conflicts(gateway):
    return [one for one in gateway.ctl('alarms')['alarms'] if one['id'] == 'name-conflict']


@pytest.mark.parametrize('network', [('10.7.0.1', '10.7.0.%d'), ('fd07::1', 'fd07::%d')],
                         ids=['ipv4', 'ipv6'])
def test_swapped_leases(link, served, recorder, network):
    """Two devices get each other's address. Each goes on under its own name, and what one says
    never appears under the other's."""
    server, form = network
    hosts = [link.host(10), link.host(11)]
    for number, host in zip((20, 21), hosts):
        host.lease(form % number)
    one, other = (bring(served, host, name, server)
                  for host, name in zip(hosts, ('one', 'other')))
    for sensor, host, base in ((one, hosts[0], 0), (other, hosts[1], 100)):
        assert device(served, sensor.ep)['mac'] == host.mac
        assert sensor.report(base).code == coap.CHANGED
    for number, host in enumerate(hosts):
        host.lease(form % (30 + number))  # nobody has either of them
    # what the gateway knows of an address may be a second old
    stays(lambda: device(served, 'one')['stage'] == 'active', 1.5)
    hosts[0].lease(form % 21)
    hosts[1].lease(form % 20)
    for sensor, host in ((one, hosts[0]), (other, hosts[1])):
        sensor.client.close()
        sensor.client = host.coap(served, server)

    # without a name it is nobody until it is known again where it is now
    def nameless():
        return hosts[0].coap(served, server)
    with nameless() as stranger:
        answer = stranger.exchange(coap.POST, 't', payload='[{"n":"seq","v":666}]',
                                   content_format=coap.SENML_JSON)
        assert answer.code == coap.FORBIDDEN
    for number in range(1, 6):
        assert one.report(number).code == coap.CHANGED
        assert other.report(100 + number).code == coap.CHANGED
    assert device(served, 'one')['address'].startswith(form % 21) or \
        device(served, 'one')['address'].startswith('[' + form % 21)
    for sensor, base in ((one, 0), (other, 100)):
        until(lambda s=sensor, b=base: set(values(recorder, s.id).values()) ==
              set(range(b, b + 6)), 20, 'its own values, and no others')
        assert device(served, sensor.ep)['stage'] == 'active'
    assert not conflicts(served)

    # what it is bound to survives
    served.restart(kill=True)
    assert device(served, 'one')['mac'] == hosts[0].mac
    assert one.report(6).code == coap.CHANGED


def test_a_second_claimant(link, served, recorder):
    """The bound one keeps working; the newcomer is turned away everywhere, and a person is told."""
    owner, thief = link.host(10), link.host(11)
    owner.lease('10.7.0.20')
    thief.lease('10.7.0.21')
    one = bring(served, owner, 'one')
    claimant = PlainDevice(served, 'one')
    claimant.client.close()
    claimant.client = thief.coap(served, '10.7.0.1')
    assert claimant.enrol().code == coap.CONFLICT
    assert claimant.report(666).code == coap.FORBIDDEN
    assert claimant.client.exchange(coap.GET, 'd/' + one.id).code == coap.NOT_FOUND
    assert len(conflicts(served)) == 1
    assert one.report(1).code == coap.CHANGED and one.enrol().code == coap.CHANGED

    # names that look alike are one name
    alike = PlainDevice(served, 'ONE')
    alike.client.close()
    alike.client = thief.coap(served, '10.7.0.1')
    open_window(served)
    assert alike.enrol().code == coap.CONFLICT

    # the owner is away and its address is taken: still somebody else
    owner.lease('10.7.0.99')
    stays(lambda: device(served, 'one')['stage'] == 'active', 1.5)  # as above
    thief.lease('10.7.0.20')
    claimant.client.close()
    claimant.client = thief.coap(served, '10.7.0.1')
    assert claimant.report(667).code == coap.FORBIDDEN
    assert claimant.enrol().code == coap.CONFLICT
    assert device(served, 'one')['stage'] == 'active'
    one.client.close()
    one.client = owner.coap(served, '10.7.0.1')
    assert one.report(2).code == coap.CHANGED
    until(lambda: set(values(recorder, one.id).values()) == {1, 2}, 20, 'only its own')
    assert len(served.ctl('devices')['devices']) == 1


def test_plain_is_refused_on_one_interface(link, make_gateway, broker):
    gateway = make_gateway(broker=broker, config={
        'lan': {'interfaces': ['lo', BRIDGE], 'plain_refused_on': [BRIDGE]}}).start()
    host = link.host(10)
    host.lease('10.7.0.20')
    open_window(gateway)
    one = PlainDevice(gateway, 'outside')
    one.client.close()
    one.client = host.coap(gateway, '10.7.0.1')
    assert one.enrol().code == coap.FORBIDDEN
    assert let_in(gateway, 'inside').report(1).code == coap.CHANGED


def test_several_names_at_one_address(gateway):
    """A simulator or a NAT: ep tells them apart, and loopback has no MAC at all."""
    names = [let_in(gateway, 'name-%d' % number) for number in range(3)]
    for value, one in enumerate(names):
        assert device(gateway, one.ep)['mac'] == ''
        assert one.report(value).code == coap.CHANGED
    # the port may change
    names[0].client.close()
    names[0].client = coap.Client('127.0.0.1', gateway.coap_port)
    assert names[0].report(7).code == coap.CHANGED
