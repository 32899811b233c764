#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A platform with provisioning tokens (PT), verification codes and registration tokens (RT): the
device API with its rotation rules, an approval page, operators, and a hub behind it.

By itself: spotflow.py DIRECTORY [--port PORT] [--pt PT ...], until it is ended."""

import argparse
import datetime
import html
import os
import secrets
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'system'))

from bed.certificates import Authority  # noqa: E402
from hub import Hub  # noqa: E402
from service import Problem, Service, json_of  # noqa: E402

WORKSPACE = 'ws-1'
CANCELLED = '/problems/deviceProvisioning/provisioningOperationCancelled'
EXPIRED = '/problems/deviceProvisioning/provisioningOperationExpired'  # UNVERIFIED name
DISABLED = '/problems/workspaceDisabled'  # UNVERIFIED name


def rfc3339(moment):
    return moment.isoformat(timespec='microseconds').replace('+00:00', 'Z')


def timespan(delta):
    """As .NET writes it: [-][d.]hh:mm:ss[.fffffff]"""
    negative, delta = delta < datetime.timedelta(0), abs(delta)
    hours, rest = divmod(delta.seconds, 3600)
    return '%s%s%02d:%02d:%02d.%07d' % ('-' if negative else '',
                                        '%d.' % delta.days if delta.days else '', hours,
                                        rest // 60, rest % 60, delta.microseconds * 10)


class Token:
    def __init__(self, device, expires, parent=None):
        self.text = 'rr' + secrets.token_urlsafe(60)
        self.device, self.expires, self.parent = device, expires, parent
        self.state = 'active'  # active, grace, revoked
        self.child = None


class Operation:
    def __init__(self, pt, wanted, expires):
        self.id = secrets.token_hex(12)
        self.code = '%s-%s' % (secrets.token_hex(2).upper(), secrets.token_hex(2).upper())
        self.pt, self.wanted, self.expires = pt, wanted, expires
        self.state = 'open'  # open, approved, cancelled, closed
        self.device = None


class Spotflow(Service):
    """life      seconds of an RT, None = for ever
    sas_life  seconds of a SAS
    skew      seconds by which its clock differs from ours"""

    def __init__(self, directory, life=30 * 86400, sas_life=3600, operation_life=600, port=0):
        os.makedirs(directory, exist_ok=True)
        self.authority = Authority(os.path.join(directory, 'authority'), 'stand-in')
        super().__init__(self.authority, port=port)
        self.hub = Hub(os.path.join(directory, 'hub'), self.authority)
        self.life, self.sas_life, self.operation_life, self.skew = life, sas_life, operation_life, 0
        self.pts, self.operations, self.tokens, self.issued_sas = {}, {}, {}, []
        self.operator_token = 'operator-' + secrets.token_urlsafe(24)
        self.disabled = False
        self.same_sas = False  # REGISTER gives the one that the hub knows already, see Hub.admit()
        self.other_id = None  # what the approver overrides the device id with
        self.deleted = set()
        for method, pattern, function in (
                ('POST', '/provisioning-operations/init', self._init),
                ('PUT', '/provisioning-operations/complete', self._complete),
                ('PUT', '/devices/register', self._register),
                ('PUT', '/devices/registration-tokens/refresh', self._refresh),
                ('PUT', '/workspaces/([^/]+)/provisioning-operations/approve', self._approve),
                ('GET', '/approve/([^/]*)', self._page),
                ('POST', '/approve/([^/]*)', self._page_post)):
            self.add(method, pattern, function)

    def start(self, authority=None):
        if not self.hub.process:
            self.hub.start()
        return super().start(authority)

    def stop(self):
        super().stop()
        self.hub.stop()

    def now(self):
        return (datetime.datetime.now(datetime.timezone.utc)
                + datetime.timedelta(seconds=self.skew))

    # ---- who asks ----

    def _bearer(self, headers, scheme):
        value = headers.get('Authorization', '')
        if not value.startswith(scheme + ' '):
            raise Problem(401, title='There is no token of this kind.')
        if self.disabled:
            raise Problem(423, DISABLED, 'The workspace is disabled.')
        return value[len(scheme) + 1:]

    def _pt(self, headers):
        pt = self._bearer(headers, 'DeviceToken')
        if not self.pts.get(pt):
            raise Problem(401, title='The provisioning token is not known.')
        return pt

    def _good(self, token):
        return (token and token.state != 'revoked' and token.device not in self.deleted
                and (token.expires is None or self.now() < token.expires))

    # ---- the device API ----

    def _init(self, _match, headers, body):
        pt = self._pt(headers)
        wanted = json_of(body).get('deviceId')
        operation = Operation(pt, wanted,
                              self.now() + datetime.timedelta(seconds=self.operation_life))
        self.operations[operation.id] = operation
        # UNVERIFIED: whether it is 200 or 201
        return 201, {'provisioningOperationId': operation.id, 'verificationCode': operation.code,
                     'expirationTime': rfc3339(operation.expires)}

    def _token(self, device, parent=None):
        expires = None
        if self.life is not None:
            expires = self.now() + datetime.timedelta(seconds=self.life)
        token = Token(device, expires, parent)
        self.tokens[token.text] = token
        return token

    @staticmethod
    def _shown(token):
        return {'registrationToken': token.text,
                'expirationTime': rfc3339(token.expires) if token.expires else None}

    def _complete(self, _match, headers, body):
        pt = self._pt(headers)
        operation = self.operations.get(json_of(body).get('provisioningOperationId'))
        if not operation or operation.pt != pt:
            raise Problem(404, title='The operation is not known.')  # UNVERIFIED status
        if operation.state == 'cancelled':
            raise Problem(410, CANCELLED, 'The operation was cancelled.')
        if operation.state == 'approved':
            # Each call returns another token and makes what it returned earlier void.
            for token in self.tokens.values():
                if token.device == operation.device:
                    token.state = 'revoked'
            return 200, self._shown(self._token(operation.device))
        if operation.state == 'closed' or self.now() >= operation.expires:
            raise Problem(410, EXPIRED, 'The operation is closed.')
        return 202, None

    def _register(self, _match, headers, body):
        token = self.tokens.get(self._bearer(headers, 'DeviceToken'))
        if not self._good(token):
            raise Problem(401, title='The registration token is not taken.')
        if json_of(body).get('connectionStringType') != 'SharedAccessSignature':
            raise Problem(400, title='This stand-in offers shared access signatures alone.')
        device = '%s:%s' % (WORKSPACE, token.device)
        expires = self.now() + datetime.timedelta(seconds=self.sas_life)
        sas = 'SharedAccessSignature sr=%s%%2Fdevices%%2F%s&sig=%s&se=%d' % (
            self.hub.name, device, secrets.token_urlsafe(32), expires.timestamp())
        if self.same_sas:
            sas = self.hub.admitted.get(device, sas)
        self.issued_sas.append(sas)
        self.hub.admit(device, sas)
        left = None if token.expires is None else timespan(token.expires - self.now())
        return 200, {
            # UNVERIFIED: that HostName stands in it
            'connectionString': 'HostName=%s;DeviceId=%s;SharedAccessSignature=%s'
                                % (self.hub.name, device, sas),
            'iotHubHostName': self.hub.name, 'connectionStringType': 'SharedAccessSignature',
            'connectionStringExpiration': rfc3339(expires), 'tokenRemainingLifetime': left}

    def _refresh(self, _match, headers, body):
        self._pt(headers)
        parent = self.tokens.get(json_of(body).get('registrationToken'))
        if not self._good(parent):
            raise Problem(410, title='The registration token is invalid, expired or revoked.')
        status = 201
        if parent.state == 'grace':
            # It was refreshed before: what that returned is revoked.
            status, parent.child.state = 200, 'revoked'
        elif parent.parent:
            parent.parent.state = 'revoked'
        # UNVERIFIED: how long the time of grace is; here it does not end.
        parent.state = 'grace'
        parent.child = self._token(parent.device, parent)
        return status, self._shown(parent.child)

    # ---- operators ----

    def _approve(self, match, headers, body):
        if self._bearer(headers, 'Bearer') != self.operator_token or match[1] != WORKSPACE:
            raise Problem(403, title='Not an operator of this workspace.')
        self.approve(json_of(body).get('provisioningOperationId'))
        return 204, None

    def _find(self, key):
        """By its id or by the verification code, as the platform's tool does."""
        for one in self.operations.values():
            if key in (one.id, one.code):
                return one
        raise Problem(404, title='The operation is not known.')

    def approve(self, key):
        with self.lock:
            operation = self._find(key)
            if operation.state == 'open' and self.now() < operation.expires:
                operation.state = 'approved'
                operation.device = self.other_id or operation.wanted or secrets.token_hex(6)
            return operation

    def cancel(self, key):
        with self.lock:
            self._find(key).state = 'cancelled'

    def close(self, key):
        """As if somebody else had completed it."""
        with self.lock:
            self._find(key).state = 'closed'

    def newest(self, state='open'):
        with self.lock:
            found = [one for one in self.operations.values() if one.state == state]
            return found[-1] if found else None

    def new_pt(self):
        pt = 'pt-' + secrets.token_urlsafe(32)
        self.pts[pt] = True
        return pt

    def revoke_pt(self, pt):
        self.pts[pt] = False

    def revoke(self, device):
        """Its registration tokens, and with them its session."""
        with self.lock:
            for token in self.tokens.values():
                if token.device == device:
                    token.state = 'revoked'
        self.hub.ban('%s:%s' % (WORKSPACE, device))

    def delete(self, device):
        with self.lock:
            self.deleted.add(device)
        self.hub.ban('%s:%s' % (WORKSPACE, device))

    # ---- the page ----

    def _page(self, match, _headers, _body):
        rows = ''.join(
            '<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>' % (
                html.escape(one.code), html.escape(one.id), html.escape(one.wanted or ''), one.state,
                '<form method="post" action="/approve/%s"><button>Approve</button></form>' % one.id
                if one.state == 'open' else '')
            for one in self.operations.values() if not match[1] or match[1] in (one.id, one.code))
        return 200, ('<!doctype html><title>Approval</title><h1>Provisioning operations</h1><table>'
                     '<tr><th>code<th>operation<th>device<th>state<th></tr>%s</table>' % rows)

    def _page_post(self, match, headers, _body):
        self.approve(match[1])
        return self._page(match, headers, None)

    def settings(self):
        """What a gateway is configured with."""
        return {'host': 'localhost', 'port': self.port, 'hub_port': self.hub.port,
                'ca_file': self.authority.ca_file, 'workspace': WORKSPACE,
                'portal': 'https://localhost:%d/approve/' % self.port}

    def canaries(self):
        """Every secret that it has given out or knows."""
        return [*self.pts, *self.tokens, *self.issued_sas, self.operator_token]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('directory')
    parser.add_argument('--port', type=int, default=0)
    options = parser.parse_args()
    one = Spotflow(os.path.realpath(options.directory), port=options.port).start()
    print('API and approval page: https://localhost:%d/approve/' % one.port)
    print('hub: localhost:%d, trust anchor: %s' % (one.hub.port, one.authority.ca_file))
    print('provisioning token: %s' % one.new_pt())
    print('operator token: %s' % one.operator_token, flush=True)
    try:
        signal.pause()
    finally:
        one.stop()


if __name__ == '__main__':
    main()
