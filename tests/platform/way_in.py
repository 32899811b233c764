# SPDX-License-Identifier: Apache-2.0
"""A gateway before a stand-in platform, and what every scenario does there: tokens in, a device that
asks, two approvals, readings."""

from bed import coap, until
from bed.plain import PlainDevice, await_stage, device, open_window

from spotflow import WORKSPACE


def configuration(platform, **spotflow):
    """Of a gateway whose devices belong to the stand-in."""
    return {'platform': {'default': 'spotflow'}, 'spotflow': {**platform.settings(), **spotflow},
            'lan': {'device_rate': 1000, 'device_burst': 1000}}


def import_pt(gateway, platform, ep):
    pt = platform.new_pt()
    done = gateway.ctl('tokens', 'import', '-', stdin='ep,pt\n%s,%s\n' % (ep, pt))
    assert done['tokens'] == 1
    return pt


def asking(gateway, platform, ep, **body):
    """It has a token and waits for a person here."""
    pt = import_pt(gateway, platform, ep)
    open_window(gateway)
    one = PlainDevice(gateway, ep)
    one.pt = pt
    assert one.enrol(**body).code == coap.CREATED
    one.id = await_stage(gateway, ep, 'waiting-person')['id']
    return one


def await_operation(gateway, ep, *states):
    until(lambda: operation(gateway, ep)['state'] in (states or ('awaiting',)), 60,
          'the operation of %s is open there' % ep)
    return operation(gateway, ep)


def admitted(gateway, platform, ep, **body):
    """Waits at the platform for somebody to approve it there."""
    one = asking(gateway, platform, ep, **body)
    gateway.ctl('admit', one.id)
    await_operation(gateway, ep)
    return one


def operation(gateway, ep):
    return device(gateway, ep)['operation']


def hub_id(one):
    return '%s:%s' % (WORKSPACE, one.id)


def await_link(gateway, ep, link='up', timeout=60):
    until(lambda: device(gateway, ep)['link'] == link, timeout, 'the link of %s is %s' % (ep, link))


def taken_in(gateway, platform, ep):
    one = admitted(gateway, platform, ep)
    platform.approve(operation(gateway, ep)['id'])
    await_stage(gateway, ep, 'active', 60)
    await_link(gateway, ep)
    return one


def alarms(gateway):
    return {(one['id'], one['subject']) for one in gateway.ctl('alarms')['alarms']}


def arrived(platform, one):
    return list(platform.hub.values(hub_id(one)).values())


def words_of_platform(gateway, one):
    """What the journal holds of the platform's decisions about a device, oldest first."""
    rows = gateway.ctl('journal')['rows']
    return [row['action'] for row in sorted(rows, key=lambda row: row['number'])
            if row['who'] == 'platform' and row['object'] == one.id]


