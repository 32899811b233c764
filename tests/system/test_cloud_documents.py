# SPDX-License-Identifier: Apache-2.0
"""The policies and templates of docs/platforms/aws.md, as they stand there: with nothing else a device comes all the
way in, and its shadow is used."""

import json
import os
import re
import sys

import pytest

from bed import coap, enter, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'platform'))

from aws import Aws  # noqa: E402
from test_aws import arrived, taken_in  # noqa: E402
from way_in import alarms  # noqa: E402

TEXT = os.path.join(enter.ROOT, 'docs', 'platforms', 'aws.md')


def documented(begins):
    """The one block that begins so, as JSON, for the gateway of the bed."""
    with open(TEXT, encoding='utf-8') as file:
        blocks = re.findall(r'^ *```\n(.*?)^ *```', file.read().replace('/plant-7/', '/bed/'), re.DOTALL | re.MULTILINE)
    found = [re.sub(r'\s+', ' ', block).strip() for block in blocks]
    found = [block for block in found if block.startswith(begins)]
    assert len(found) == 1, begins
    return found[0]


def policies():
    """(of devices, of a claim, what devices with shadows may besides)"""
    begin = '{"Version": "2012-10-17", "Statement": [ {"Effect": "Allow", "Action": "iot:Connect", "Resource": ' \
            '"arn:aws:iot:*:123456789012:client/'
    return (json.loads(documented(begin + '${iot:Connection.Thing.ThingName}')),
            json.loads(documented(begin + 'gatehouse-claim-')),
            json.loads('[%s]' % documented('{"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"]')))


def test_they_can_be_read():
    """Nothing is cut short, and what stands in pieces fits."""
    of_devices, of_claim, of_shadows = policies()
    assert len(of_devices['Statement']) == 3 == len(of_claim['Statement']) and len(of_shadows) == 2
    for begins in ('{"Parameters": { "SerialNumber"', '{"Parameters": { "AWS::IoT::Certificate::CommonName"'):
        assert set(json.loads(documented(begins))['Resources']) == {'thing', 'certificate', 'policy'}
    assert json.loads('{%s}' % documented('"DeviceConfiguration"'))['DeviceConfiguration'] == {'gatehouse-shadow': 'yes'}


@pytest.mark.long
@pytest.mark.deadline(300)
@pytest.mark.parametrize('method', ['claim', 'jitp'])
def test_as_it_is_written(make_gateway, work, method):
    cloud = Aws(os.path.join(work, 'platform')).start()
    os.chmod(os.path.join(work, 'platform'), 0o755)
    of_devices, of_claim, of_shadows = policies()
    of_devices['Statement'] += of_shadows
    cloud.policies['gatehouse-device'] = of_devices
    settings = {**cloud.settings(), 'method': method}
    if method == 'claim':
        body = json.loads(documented('{"Parameters": { "SerialNumber"'))
        body.update(json.loads('{%s}' % documented('"DeviceConfiguration"')))
        cloud.template('gatehouse', body)
        pem, key = cloud.make('claim')
        cloud.register(pem, of_claim)
        paths = [os.path.join(work, 'claim.' + end) for end in ('pem', 'key')]
        for path, text in zip(paths, (pem, key)):
            with open(path, 'w', encoding='ascii') as file:
                file.write(text)
        settings.update({'template': 'gatehouse', 'claim_certificate_file': paths[0], 'claim_key_file': paths[1]})
    else:
        cloud.template('gatehouse-jitp', json.loads(documented('{"Parameters": { "AWS::IoT::Certificate::CommonName"')))
        settings['shadow'] = True
    try:
        gateway = make_gateway(config={'platform': {'default': 'aws'}, 'aws': settings,
                                       'lan': {'device_rate': 1000, 'device_burst': 1000}}).start()
        if method == 'jitp':
            gateway.ctl('site-ca', 'make')
            cloud.register_ca(gateway.tool('site-ca', 'certificate', '-').stdout, template='gatehouse-jitp')
        pump = taken_in(gateway, 'boiler-1', '--owner', 'Works', '--place', 'hall-2')
        given = cloud.things['boiler-1'].attributes
        assert (given['owner'], given['place']) == ('Works', 'hall-2')
        assert pump.report(1).code == coap.CHANGED
        until(lambda: arrived(cloud, 'boiler-1') == [1], 60, 'it arrives')
        until(lambda: ((cloud.shadow('boiler-1') or {}).get('reported', {}).get('gatehouse', {}).get('owner')
                       == 'Works'), 60, 'its shadow has it')
        assert not any('may not' in why or 'policy' in why for _, why in cloud.ends), cloud.ends
        assert not [why for why in cloud.refusals() if 'policy' in why] and not alarms(gateway)
    finally:
        cloud.stop()
