#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An Azure Device Provisioning Service over MQTT, with the hub that it assigns to: enrolments by key
and by certificate, for one device and for groups.

By itself: dps.py DIRECTORY, until it is ended."""

import argparse
import datetime
import hashlib
import os
import re
import secrets
import signal
import ssl
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'system'))

from bed.certificates import Authority  # noqa: E402
from front import Front, Refused, most_within  # noqa: E402
from iothub import IotHub, check_signature, derived_key, new_key  # noqa: E402
from service import Problem, json_of  # noqa: E402

USERNAME = re.compile(r'([^/]+)/registrations/([^/]+)/api-version=([0-9]{4}-[0-9]{2}-[0-9]{2})(?:&.*)?\Z')
REGISTRATION = re.compile(r'[0-9A-Za-z\-._:]{0,127}[0-9A-Za-z\-]\Z')
REGISTER = '$dps/registrations/PUT/iotdps-register'
STATUS = '$dps/registrations/GET/iotdps-get-operationstatus'

# For one service, and for one device. The number that was documented longest; later texts allow more.
REGISTRATIONS_A_MINUTE = 200
POLLS_IN_10_SECONDS = 5

# The service's own codes, as far as a driver sees them. UNVERIFIED but for the first three digits.
CODES = {400: 400004, 401: 401002, 404: 404201, 409: 409201, 429: 429001, 500: 500001}


def iso(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


class Enrolment:
    """key: of the device, or of the group that its keys are derived from. certificate: fingerprint of
    the device's own, or the name (as Python's ssl has it) of the authority of a group."""

    def __init__(self, key=None, certificate=None, device=None, group=False):
        self.key, self.certificate, self.device, self.group = key, certificate, device, group
        self.enabled = True

    def key_of(self, registration):
        return derived_key(self.key, registration) if self.group else self.key


class Operation:
    """assign: what makes the hub know the device, called once when it is ready."""

    def __init__(self, registration, fingerprint_of_it, delay, assign):
        self.id = '4.%s.%s' % (secrets.token_hex(8), secrets.token_hex(16))
        self.registration, self.fingerprint, self.assign = registration, fingerprint_of_it, assign
        self.ready = time.monotonic() + delay

    def look(self, now):
        """Whether it is ready."""
        if now >= self.ready and self.assign:
            self.assign()
            self.assign = None
        return now >= self.ready


class Registration:
    """What the service knows of one device."""

    def __init__(self):
        self.hub = self.device = None
        self.created = self.updated = 0
        self.etag = ''
        self.count = 0
        self.payload = None


class Dps(Front):
    """delay        seconds from a registration to its end, when its hub knows the device
    retry_after  what clients are told to wait
    scope        the id scope"""

    recorded = 'unused/#'
    at_the_broker = 'provisioning-'

    def __init__(self, directory, delay=0, retry_after=1, scope='0ne00C0FFEE', port=0):
        os.makedirs(directory, exist_ok=True)
        super().__init__(directory, Authority(os.path.join(directory, 'authority'), 'stand-in'), port=port)
        self.hub = IotHub(os.path.join(directory, 'hub'), self.certificates, broker=self.broker)
        self.scope, self.delay, self.retry_after = scope, delay, retry_after
        self.enrolments, self.groups = {}, {}
        self.registrations, self.operations = {}, {}
        self.failures = {}       # registration id -> (code, message): it ends as 'failed'
        self.throttled = False   # hold clients to the documented limits, with 429
        self.early_polls = []    # of whom the next question came before retry-after
        self._polls = {}         # registration id -> when it asked
        self._told = {}          # registration id -> when it last heard of retry-after
        self.passwords = set()

    def start(self, authority=None):
        super().start(authority)
        if not self.hub.loop:
            self.hub.start(authority)
        return self

    def stop(self):
        self.hub.stop()
        super().stop()

    # ---- who may come ----

    def enrol(self, registration, key=None, device=None, certificate=None):
        """One device, with a key (one is made when nothing is given) or its certificate (PEM)."""
        if certificate:
            self.trust(certificate)
            one = Enrolment(certificate=fingerprint(certificate), device=device)
        else:
            one = Enrolment(key or new_key(), device=device)
        self.enrolments[registration.lower()] = one
        return one

    def enrol_group(self, name, key=None, authority=None):
        """All devices whose keys are derived from one, or whose certificates an authority signed (PEM)."""
        if authority:
            self.trust(authority)
            one = Enrolment(certificate=subject_of(authority), group=True)
        else:
            one = Enrolment(key or new_key(), group=True)
        self.groups[name] = one
        return one

    def fail(self, registration, code=400209, message='There is no hub for it.'):
        """Its next registrations end as 'failed'."""
        self.failures[registration.lower()] = (code, message)

    def _enrolment(self, peer, connect, registration):
        """The most specific one decides, also when it is disabled."""
        one = self.enrolments.get(registration.lower())
        if one:
            if one.certificate:
                if peer.fingerprint != one.certificate:
                    raise Refused('another certificate than the enrolled one')
            else:
                self._check(connect, registration, [one.key])
            return one
        if peer.fingerprint and not connect.password:
            for one in self.groups.values():
                if one.certificate == peer.issuer:
                    return one
            raise Refused('no group has this authority')
        for one in self.groups.values():
            if one.key:
                try:
                    self._check(connect, registration, [one.key_of(registration)])
                    return one
                except Refused as refused:
                    if 'expired' in str(refused):
                        raise
        raise Refused('no enrolment, or a wrong key')

    def _check(self, connect, registration, keys):
        check_signature(connect.password, keys, '%s/registrations/%s' % (self.scope, registration), self.now(),
                        'registration')

    def admit(self, peer, connect):
        match = USERNAME.match(connect.username)
        registration = connect.client_id
        if not match or match[1] != self.scope or match[2] != registration:
            raise Refused('the user name is %r' % connect.username)
        if not REGISTRATION.match(registration):
            raise Refused('this is no registration id')
        if connect.password:
            self.passwords.add(connect.password)
        elif peer.fingerprint and peer.common_name != registration:
            raise Refused('the certificate is for ' + peer.common_name)
        return self._enrolment(peer, connect, registration), peer

    def may_subscribe(self, session, wanted):
        return wanted == '$dps/registrations/res/#'

    def may_publish(self, session, message):
        return message.qos < 2 and self.asks(session, message.topic) is not None

    def asks(self, session, topic):
        for one in (REGISTER, STATUS):
            if topic.startswith(one + '/?$rid='):
                return one
        return None

    # ---- what is asked ----

    @staticmethod
    def _query(topic):
        return {key: value[0] for key, value in urllib.parse.parse_qs(topic.partition('?')[2]).items()}

    def _topic(self, status, topic, wait=None):
        return '$dps/registrations/res/%d/?$rid=%s%s' % (
            status, self._query(topic).get('$rid', ''), '' if wait is None else '&retry-after=%d' % wait)

    def serve(self, session, path, topic, payload):
        with self.lock:
            self._limit(session, path)
            if path == REGISTER:
                return self._register(session, topic, payload)
            return self._status(session, topic)

    def failed(self, path, topic, problem):
        status = problem.status
        wait = problem.headers or (self.retry_after if status in (429, 500) else None)
        return [(self._topic(status, topic, wait), {
            'errorCode': CODES.get(status, status * 1000), 'trackingId': secrets.token_hex(16),
            'message': problem.title or 'refused', 'timestampUtc': iso(self.now())})]

    def _limit(self, session, path):
        polls = self._polls.setdefault(session.client_id, [])
        if path == STATUS:
            polls.append(time.monotonic())
        if self.throttled:
            if path == REGISTER:
                most, span, times = REGISTRATIONS_A_MINUTE, 60, self.times(re.escape(REGISTER))
            else:
                most, span, times = POLLS_IN_10_SECONDS, 10, polls
            if sum(1 for one in times if time.monotonic() - one < span) > most:
                raise Problem(429, title='Operations are being throttled.')

    def _register(self, session, topic, payload):
        body = json_of(payload)
        enrolment, peer = session.mind
        if str(body.get('registrationId', '')).lower() != session.client_id.lower():
            raise Problem(400, title='The registration id is another one.')
        one = self.registrations.setdefault(session.client_id.lower(), Registration())
        one.payload = body.get('payload')
        one.count += 1
        one.updated = self.now()
        one.created = one.created or one.updated
        one.etag = secrets.token_hex(6)
        operation = Operation(session.client_id, peer.fingerprint, self.delay,
                              lambda: self._assign(session.client_id, enrolment, peer, one))
        self.operations[operation.id] = operation
        operation.look(time.monotonic())
        self._told[session.client_id] = time.monotonic()
        return [(self._topic(202, topic, self.retry_after), {'operationId': operation.id, 'status': 'assigning'})]

    def _assign(self, registration, enrolment, peer, one):
        if not enrolment.enabled or registration.lower() in self.failures:
            return
        one.hub, one.device = self.hub.name, enrolment.device or registration
        known = self.hub.identities.get(one.device)
        if enrolment.key:
            keys = [enrolment.key_of(registration)]
            # UNVERIFIED: that one which was disabled at the hub stays so.
            if not known or known.keys != keys:
                self.hub.add(one.device, *keys)
        elif not known or known.thumbprint != peer.fingerprint:
            self.hub.trust(ssl.DER_cert_to_PEM_cert(peer.der))
            self.hub.add(one.device, thumbprint=peer.fingerprint)

    def _status(self, session, topic):
        operation = self.operations.get(self._query(topic).get('operationId'))
        if not operation or operation.registration != session.client_id:
            raise Problem(404, title='The operation is not known.')
        now = time.monotonic()
        if now - self._told[session.client_id] < self.retry_after - 0.05:
            self.early_polls.append(session.client_id)
        self._told[session.client_id] = now
        if not operation.look(now):
            return [(self._topic(202, topic, self.retry_after),
                     {'operationId': operation.id, 'status': 'assigning'})]
        state = self._state(session.client_id, session.mind[0])
        return [(self._topic(200, topic), {'operationId': operation.id, 'status': state['status'],
                                           'registrationState': state})]

    def _state(self, registration, enrolment):
        one = self.registrations[registration.lower()]
        state = {'registrationId': registration, 'createdDateTimeUtc': iso(one.created),
                 'lastUpdatedDateTimeUtc': iso(one.updated), 'etag': one.etag}
        if not enrolment.enabled:
            # UNVERIFIED: that the connection is taken, and the word comes with the answer.
            return {**state, 'status': 'disabled'}
        if registration.lower() in self.failures:
            code, message = self.failures[registration.lower()]
            return {**state, 'status': 'failed', 'errorCode': code, 'errorMessage': message}
        # UNVERIFIED: the second word.
        substatus = 'initialAssignment' if one.count == 1 else 'deviceDataMigrated'
        return {**state, 'status': 'assigned', 'substatus': substatus, 'assignedHub': one.hub,
                'deviceId': one.device}

    def finish(self):
        """All that is under way ends now, whoever asks for it or does not."""
        with self.lock:
            for one in self.operations.values():
                one.ready = 0
                one.look(0)

    # ---- what a test asks ----

    def registered(self):
        """The devices that were assigned."""
        with self.lock:
            return sorted(one.device for one in self.registrations.values() if one.device)

    def over_limits(self):
        """Which documented limits were passed, and by how much. Empty is what is wanted."""
        found = {}
        for what, times, seconds, most in (
                ('registrations', self.times(re.escape(REGISTER)), 60, REGISTRATIONS_A_MINUTE),
                ('connections of the hub', [at for _, _, at in self.hub.connects], 1, 100),
                *(('polls of ' + who, times, 10, POLLS_IN_10_SECONDS) for who, times in self._polls.items())):
            if most_within(times, seconds) > most:
                found[what] = most_within(times, seconds)
        if self.early_polls:
            found['polls before retry-after'] = len(self.early_polls)
        return found

    def settings(self):
        """What a gateway is configured with."""
        return {'host': self.name, 'port': self.port, 'hub_port': self.hub.port, 'id_scope': self.scope,
                'ca_file': self.certificates.ca_file}

    def canaries(self):
        """Every secret that it has given out or knows."""
        enrolments = [*self.enrolments.values(), *self.groups.values()]
        return [*self.passwords, *self.hub.canaries(), *(one.key for one in enrolments if one.key)]


def fingerprint(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def subject_of(pem):
    """The name of an authority, as Python's ssl shows issuers."""
    context = ssl.create_default_context(cadata=pem)
    return context.get_ca_certs()[-1]['subject']


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('directory')
    parser.add_argument('--port', type=int, default=0)
    options = parser.parse_args()
    one = Dps(os.path.realpath(options.directory), port=options.port).start()
    print('provisioning: %s:%d, id scope %s' % (one.name, one.port, one.scope))
    print('hub: %s:%d, trust anchor: %s' % (one.hub.name, one.hub.port, one.certificates.ca_file))
    print('group key: %s' % one.enrol_group('all').key, flush=True)
    try:
        signal.pause()
    finally:
        one.stop()


if __name__ == '__main__':
    main()
