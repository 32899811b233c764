#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""AWS IoT Core: certificates that register themselves (JITR, JITP), fleet provisioning by claim, device
shadows, policies.

By itself: aws.py DIRECTORY, until it is ended."""

import argparse
import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'system'))

import aws_shadow  # noqa: E402
from aws_policy import Outcome, allows  # noqa: E402
from bed.certificates import Authority  # noqa: E402
from dps import fingerprint, subject_of  # noqa: E402
from front import Front, Refused, most_within  # noqa: E402
from service import Problem, json_of  # noqa: E402

ACCOUNT = '123456789012'
TOKEN_LIFE = 3600
CLAIM_LIFE = 300
MESSAGE_MAX = 128 * 1024
SLASHES_MAX = 7
SUBJECT = {'CommonName': 'commonName', 'Organization': 'organizationName', 'Country': 'countryName',
           'OrganizationalUnit': 'organizationalUnitName', 'StateName': 'stateOrProvinceName',
           'SerialNumber': 'serialNumber', 'DistinguishedNameQualifier': 'dnQualifier'}
CREATE, CREATE_CSR = '$aws/certificates/create/json', '$aws/certificates/create-from-csr/json'
PROVISION = re.compile(r'\$aws/provisioning-templates/([^/]+)/provision/json\Z')
ATTRIBUTE = re.compile(r'[a-zA-Z0-9_.,@/:#-]{1,800}\Z')
EVENT = '$aws/events/certificates/registered/'

# For one account, a second. UNVERIFIED but for the connections.
CONNECTIONS_A_SECOND, CREATIONS_A_SECOND, REQUESTS_A_SECOND, PROVISIONS_A_SECOND = 500, 10, 20, 10
REGISTRATIONS_A_SECOND = 10  # of certificates that come for the first time


def document(*statements):
    """A policy: document(('Connect', 'client/x'), ('Publish', 'topic/y'), ...)"""
    return {'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': 'iot:' + action, 'Resource': 'arn:aws:iot:*:%s:%s' % (ACCOUNT, resource)}
        for action, resource in statements]}


ANYTHING = {'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'iot:*', 'Resource': '*'}}


def claim_policy(template):
    """What a claim certificate is for, and no more."""
    topics = [CREATE, CREATE_CSR, '$aws/provisioning-templates/%s/provision/json' % template]
    return document(('Connect', 'client/*'), *(('Publish', 'topic/' + one) for one in topics),
                    *(('Receive', 'topic/%s/*' % one) for one in topics),
                    *(('Subscribe', 'topicfilter/%s/*' % one) for one in topics))


class Ca:
    def __init__(self, pem, auto, template):
        self.id, self.subject = fingerprint(pem), subject_of(pem)
        self.auto, self.template, self.status = auto, template, 'ACTIVE'


class Certificate:
    def __init__(self, identity, status, ca=None):
        self.id, self.status, self.ca = identity, status, ca
        self.policies, self.thing = {}, None
        self.common_name = ''  # of one that registered by coming
        self.token = None
        self.token_ends = 0
        self.ends = None  # of a temporary one


class Thing:
    def __init__(self, name):
        self.name, self.attributes, self.certificates = name, {}, set()


class Aws(Front):
    """rule         called with each event of a certificate that registered: what a rule of the account
                 would do (JITR). None: somebody has to activate it by hand
    activation   seconds from that event until rule, or the template of a CA (JITP), has done its work
    hooks        template -> function(parameters, claim certificate's id) that returns
                 {'allowProvisioning': bool, 'parameterOverrides': {...}}"""

    recorded = '#'

    def __init__(self, directory, port=0):
        os.makedirs(directory, exist_ok=True)
        super().__init__(directory, Authority(os.path.join(directory, 'authority'), 'stand-in'), port=port)
        self.own = Authority(os.path.join(directory, 'own'), 'stand-in of device certificates')
        with open(self.own.ca_file, encoding='ascii') as file:
            self.trust(file.read())
        self.cas, self.registry, self.things, self.templates = {}, {}, {}, {}
        self.policies, self.hooks = {}, {}
        self.rule, self.activation = None, 0.2
        self.events_of_certificates = []
        self.failed_provisioning = []  # (certificate id, why)
        self.first_seen = []           # when certificates registered by coming
        self.secrets = []
        self.shadows = aws_shadow.Shadows(self.now)

    # ---- the account ----

    def register_ca(self, pem, auto=True, template=None):
        """With a template it is JITP, without one JITR. Names of authorities have to differ here."""
        self.trust(pem)
        ca = Ca(pem, auto, template)
        assert all(one.subject != ca.subject for one in self.cas.values())
        self.cas[ca.id] = ca
        return ca

    def register(self, pem, policy=None, thing=None, status='ACTIVE'):
        """A certificate that somebody registers by hand, whoever signed it."""
        self.trust(pem)
        one = self.registry[fingerprint(pem)] = Certificate(fingerprint(pem), status)
        self._give(one, thing, {'by-hand': policy or ANYTHING})
        return one

    def template(self, name, body, hook=None):
        self.templates[name] = body
        if hook:
            self.hooks[name] = hook

    def make(self, name):
        """(PEM, key PEM) of the account's own authority: for a claim certificate."""
        certificate, key = self.own.issue(name, ['DNS:' + name], 'clientAuth')
        with open(certificate, encoding='ascii') as one, open(key, encoding='ascii') as other:
            return one.read(), other.read()

    def claim(self, template):
        """(PEM, key PEM) of a claim certificate."""
        pem, key = self.make('claim-' + secrets.token_hex(4))
        self.register(pem, claim_policy(template))
        self.secrets.append(key)
        return pem, key

    def temporary_claim(self, template):
        """The same for five minutes, as a trusted user's application asks for."""
        pem, key = self.claim(template)
        self.registry[fingerprint(pem)].ends = self.now() + CLAIM_LIFE
        return pem, key

    def _give(self, certificate, thing, policies):
        certificate.policies.update({name: one if one is not None else self.policies[name]
                                     for name, one in policies.items()})
        if thing:
            one = self.things.setdefault(thing, Thing(thing))
            one.certificates.add(certificate.id)
            certificate.thing = thing

    def activate(self, certificate_id, thing=None, policy=None):
        """What a person or a rule does with one that waits."""
        with self.lock:
            certificate = self.registry[certificate_id]
            self._give(certificate, thing, {'given': policy or ANYTHING})
            certificate.status = 'ACTIVE'

    def deactivate(self, certificate_id, status='INACTIVE'):
        """It gets in no more, and its session ends."""
        self.registry[certificate_id].status = status

        def end():
            for one in list(self.sessions.values()):
                if one.mind.id == certificate_id:
                    one.end('its certificate is ' + status)
        self.ask(end)

    def revoke(self, certificate_id):
        self.deactivate(certificate_id, 'REVOKED')

    def waiting(self):
        """Certificates that somebody has to activate."""
        return [one.id for one in list(self.registry.values()) if one.status == 'PENDING_ACTIVATION']

    # ---- the way in ----

    def admit(self, peer, connect):
        """Who is refused gets no CONNACK: the connection ends behind the CONNECT."""
        if not peer.fingerprint:
            raise Refused('no certificate', None)
        if not peer.server_name:
            raise Refused('no server name (SNI)', None)  # UNVERIFIED: that it is wanted of everybody
        certificate = self.registry.get(peer.fingerprint)
        if not certificate:
            certificate = self._first_sight(peer)
        if certificate.status == 'PENDING_ACTIVATION':
            self._announce(certificate, peer)
            raise Refused('the certificate waits for its activation', None)
        if certificate.status != 'ACTIVE':
            raise Refused('the certificate is ' + certificate.status, None)
        if certificate.ends is not None and self.now() >= certificate.ends:
            raise Refused('the claim has expired', None)
        if not self._allows(certificate, connect.client_id, 'Connect', 'client/' + connect.client_id):
            raise Refused('no policy lets it connect as ' + connect.client_id, None)
        return certificate

    def _first_sight(self, peer):
        for ca in self.cas.values():
            if ca.subject == peer.issuer:
                if ca.status != 'ACTIVE' or not ca.auto:
                    raise Refused('its CA registers nobody', None)
                one = self.registry[peer.fingerprint] = Certificate(peer.fingerprint, 'PENDING_ACTIVATION', ca)
                one.common_name = peer.common_name
                self.first_seen.append(time.monotonic())
                return one
        raise Refused('the certificate is not registered', None)

    def _announce(self, certificate, peer):
        """Each time that it comes while it waits."""
        if not certificate.ca:
            return  # one that was made here waits for RegisterThing
        event = {'certificateId': certificate.id, 'caCertificateId': certificate.ca.id,
                 'timestamp': int(self.now() * 1000), 'certificateStatus': 'PENDING_ACTIVATION',
                 'awsAccountId': ACCOUNT, 'certificateRegistrationTimestamp': str(int(self.now() * 1000))}
        self.events_of_certificates.append(event)
        self.distribute(EVENT + certificate.ca.id, json.dumps(event).encode())
        if certificate.ca.template:
            self.loop.call_later(self.activation, self._provision_just_in_time, certificate, peer)
        elif self.rule:
            self.loop.call_later(self.activation, self.rule, event)

    def _provision_just_in_time(self, certificate, peer):
        if certificate.status != 'PENDING_ACTIVATION':
            return
        given = {'AWS::IoT::Certificate::' + name: peer.subject[field]
                 for name, field in SUBJECT.items() if field in peer.subject}
        given['AWS::IoT::Certificate::Id'] = certificate.id
        try:
            self._provision(certificate, Outcome(self.templates[certificate.ca.template], given))
        except Problem as problem:
            self.failed_provisioning.append((certificate.id, problem.title))

    def _provision(self, certificate, outcome):
        attributes = outcome.attributes.get('attributes', outcome.attributes)
        if not all(ATTRIBUTE.match(one) for one in attributes.values()):
            raise Problem(400, 'InvalidParameters', 'An attribute has characters that are not allowed.')
        with self.lock:
            self._give(certificate, outcome.thing, outcome.policies)
            if outcome.thing:
                self.things[outcome.thing].attributes.update(attributes)
            certificate.status = outcome.status

    # ---- what its policies say ----

    def _allows(self, certificate, client_id, action, resource):
        variables = {'iot:ClientId': client_id, 'iot:Connection.Thing.ThingName': certificate.thing}
        return allows(certificate.policies.values(), action, resource, variables)

    def may_subscribe(self, session, wanted):
        return self._allows(session.mind, session.client_id, 'Subscribe', 'topicfilter/' + wanted)

    def may_publish(self, session, message):
        # The first three levels of the service's own topics do not count.
        slashes = message.topic.count('/') - (3 if message.topic.startswith('$aws/') else 0)
        return (message.qos < 2 and len(message.payload) <= MESSAGE_MAX and slashes <= SLASHES_MAX
                and self._allows(session.mind, session.client_id, 'Publish', 'topic/' + message.topic))

    # ---- fleet provisioning ----

    def asks(self, session, topic):
        if topic in (CREATE, CREATE_CSR) or PROVISION.match(topic) or aws_shadow.TOPIC.match(topic):
            return topic
        return None

    def serve(self, session, path, topic, payload):
        if topic == CREATE:
            return self._create(topic)
        if topic == CREATE_CSR:
            return self._create_from_csr(topic, json_of(payload).get('certificateSigningRequest'))
        match = PROVISION.match(topic)
        if match:
            return self._register_thing(session, topic, match[1], json_of(payload))
        with self.lock:
            return self.shadows.serve(topic, payload)

    def failed(self, path, topic, problem):
        if aws_shadow.TOPIC.match(topic):
            return self.shadows.rejected(topic, problem)
        codes = {400: 'InvalidPayload', 403: 'AccessDenied', 404: 'ResourceNotFound', 429: 'TooManyRequests',
                 500: 'InternalFailure', 503: 'ServiceUnavailable'}  # UNVERIFIED words
        code = codes.get(problem.status, 'Failure') if problem.kind == 'about:blank' else problem.kind
        return [(topic + '/rejected', {'statusCode': problem.status, 'errorCode': code,
                                       'errorMessage': problem.title or 'refused'})]

    def deliver(self, session, topic, payload):
        if topic.startswith('$aws/things/'):
            return self.distribute(topic, payload) or topic.endswith(('/documents', '/delta', '/accepted'))
        return session.tell(topic, payload)

    def _made(self, pem):
        certificate = self.registry[fingerprint(pem)] = Certificate(fingerprint(pem), 'PENDING_ACTIVATION')
        certificate.token = secrets.token_urlsafe(48)
        certificate.token_ends = self.now() + TOKEN_LIFE
        self.secrets.append(certificate.token)
        return {'certificateId': certificate.id, 'certificatePem': pem,
                'certificateOwnershipToken': certificate.token}

    async def _create(self, topic):
        pem, key = await asyncio.get_running_loop().run_in_executor(None, self._new_keys)
        self.secrets.append(key)
        return [(topic + '/accepted', {**self._made(pem), 'privateKey': key})]

    def _new_keys(self):
        key = _openssl(['genrsa', '-traditional', '2048'])
        request = _openssl(['req', '-new', '-key', '/dev/stdin', '-subj', '/CN=AWS IoT Certificate'], key)
        return self._sign(request), key

    async def _create_from_csr(self, topic, request):
        if not isinstance(request, str) or 'CERTIFICATE REQUEST' not in request:
            raise Problem(400, 'InvalidCertificateSigningRequest', 'There is no request.')
        try:
            pem = await asyncio.get_running_loop().run_in_executor(None, self._sign, request)
        except subprocess.CalledProcessError:
            raise Problem(400, 'InvalidCertificateSigningRequest', 'The request cannot be read.') from None
        return [(topic + '/accepted', self._made(pem))]

    def _sign(self, request):
        return _openssl(['x509', '-req', '-CA', self.own.ca_file, '-CAkey',
                         os.path.join(self.own.directory, 'ca.key'), '-set_serial', '0x' + secrets.token_hex(16),
                         '-days', '30'], request)

    def _register_thing(self, session, topic, name, body):
        if name not in self.templates:
            raise Problem(404, title='There is no template %s.' % name)
        token, parameters = body.get('certificateOwnershipToken'), body.get('parameters') or {}
        certificate = next((one for one in self.registry.values() if one.token and one.token == token), None)
        if not certificate or self.now() >= certificate.token_ends:
            raise Problem(400, 'InvalidCertificateOwnershipToken', 'The token is unknown or has expired.')
        hook = self.hooks.get(name)
        if hook:
            answer = hook(dict(parameters), session.mind.id)
            if not answer.get('allowProvisioning'):
                raise Problem(403, 'AccessDenied', 'The hook refuses it.')  # UNVERIFIED words
            parameters = {**parameters, **answer.get('parameterOverrides', {})}
        # UNVERIFIED: that the token is taken a second time while it lives.
        outcome = Outcome(self.templates[name], {**parameters, 'AWS::IoT::Certificate::Id': certificate.id})
        self._provision(certificate, outcome)
        return [(topic + '/accepted', {'deviceConfiguration': outcome.configuration, 'thingName': outcome.thing})]

    # ---- what a test asks ----

    def desire(self, thing, state):
        """Somebody changes what is desired of a device."""
        def change():
            for topic, value in self.shadows.serve('$aws/things/%s/shadow/update' % thing,
                                                   json.dumps({'state': {'desired': state}}).encode()):
                self.distribute(topic, json.dumps(value).encode())
        self.ask(change)

    def shadow(self, thing):
        return self.shadows.document(thing)

    def telemetry(self, filter_='#'):
        """What arrived, in order; not what the service answers itself."""
        return self.recorder.messages(filter_)

    def publish(self, topic, payload):
        """As an application of the account does."""
        self.recorder.publish(topic, payload)

    def certificate_of(self, thing):
        """Of a device's certificates the one that is active."""
        return next((one for one in self.things[thing].certificates if self.registry[one].status == 'ACTIVE'), None)

    def over_limits(self):
        found = {}
        for what, pattern, most in (('connections', '^CONNECT ', CONNECTIONS_A_SECOND),
                                    ('keys made', '^' + re.escape(CREATE) + '$', CREATIONS_A_SECOND),
                                    ('requests signed', '^' + re.escape(CREATE_CSR) + '$', REQUESTS_A_SECOND),
                                    ('things registered', r'^\$aws/provisioning-templates/', PROVISIONS_A_SECOND)):
            if most_within(self.times(pattern), 1) > most:
                found[what] = most_within(self.times(pattern), 1)
        if most_within(self.first_seen, 1) > REGISTRATIONS_A_SECOND:
            found['certificates registered'] = most_within(self.first_seen, 1)
        for client_id in {who for who, _, _ in self.connects}:
            count = most_within([at for who, _, at in self.connects if who == client_id], 1)
            if count > 1:
                found['connections of ' + client_id] = count
        return found

    def settings(self):
        """What a gateway is configured with."""
        return {'host': self.name, 'port': self.port, 'ca_file': self.certificates.ca_file}

    def canaries(self):
        """Every secret that it has given out or knows."""
        return list(self.secrets)


def _openssl(arguments, text=None):
    return subprocess.run(['openssl', *arguments], input=text, stdin=None if text else subprocess.DEVNULL,
                          check=True, capture_output=True, text=True).stdout


def fleet_template(policy_name='devices'):
    """A usual one: the thing is named by its serial number."""
    return {'Parameters': {'SerialNumber': {'Type': 'String'}, 'AWS::IoT::Certificate::Id': {'Type': 'String'}},
            'Resources': {
                'thing': {'Type': 'AWS::IoT::Thing', 'Properties': {'ThingName': {'Ref': 'SerialNumber'}}},
                'certificate': {'Type': 'AWS::IoT::Certificate', 'Properties': {
                    'CertificateId': {'Ref': 'AWS::IoT::Certificate::Id'}, 'Status': 'Active'}},
                'policy': {'Type': 'AWS::IoT::Policy', 'Properties': {'PolicyName': policy_name}}}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('directory')
    parser.add_argument('--port', type=int, default=0)
    options = parser.parse_args()
    directory = os.path.realpath(options.directory)
    one = Aws(directory, port=options.port).start()
    one.policies['devices'] = ANYTHING
    one.template('fleet', fleet_template())
    for name, text in zip(('claim.pem', 'claim.key'), one.claim('fleet')):
        with open(os.path.join(directory, name), 'w', encoding='ascii') as file:
            file.write(text)
    print('endpoint: %s:%d, trust anchor: %s' % (one.name, one.port, one.certificates.ca_file))
    print('template: fleet, claim: %s/claim.pem and claim.key' % directory, flush=True)
    try:
        signal.pause()
    finally:
        one.stop()


if __name__ == '__main__':
    main()
