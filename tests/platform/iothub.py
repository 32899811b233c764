# SPDX-License-Identifier: Apache-2.0
"""An Azure IoT Hub: identities with keys or thumbprints, one session for each, cloud-to-device
messages, twins and direct methods. hub.py is its plainer sister, whose SAS somebody else makes."""

import base64
import copy
import hashlib
import hmac
import itertools
import json
import queue
import re
import secrets
import time
import urllib.parse

from bed.wait import until

from front import Front, Refused
from hub import Events
from service import Problem

MESSAGE_MAX = 256 * 1024
SUBSCRIPTIONS_MAX = 5
CONNECTIONS_A_SECOND = 100  # S1, for the whole hub
USERNAME = re.compile(r'([^/]+)/([^/]+)/\??api-version=([0-9]{4}-[0-9]{2}-[0-9]{2}(?:-preview)?)(?:&.*)?\Z')


def new_key():
    return base64.b64encode(secrets.token_bytes(32)).decode()


def signature(key, text):
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def derived_key(group_key, registration):
    """The key of one device of a group."""
    return signature(group_key, registration)


def shared_access_signature(key, resource, expires, name=None):
    """What a client makes: signed is what stands in 'sr', byte by byte."""
    where = urllib.parse.quote(resource, safe='')
    return 'SharedAccessSignature sr=%s&sig=%s&se=%d%s' % (
        where, urllib.parse.quote(signature(key, '%s\n%d' % (where, expires)), safe=''), expires,
        '&skn=' + name if name else '')


def check_signature(text, keys, resource, now, name=None):
    """Returns when it ends; raises Refused with what is wrong."""
    head, _, rest = text.partition(' ')
    parts = dict(one.partition('=')[::2] for one in rest.split('&'))
    if head != 'SharedAccessSignature' or not {'sr', 'sig', 'se'} <= set(parts):
        raise Refused('no shared access signature')
    if urllib.parse.unquote(parts['sr']).lower() != resource.lower():
        raise Refused('a signature for %s' % parts['sr'])
    if parts.get('skn') != name:
        raise Refused('the key name is %r' % parts.get('skn'))
    signed = parts['sr'] + '\n' + parts['se']
    given = urllib.parse.unquote(parts['sig'])
    if not any(hmac.compare_digest(given, signature(key, signed)) for key in keys):
        raise Refused('the signature is wrong')
    if not parts['se'].isdigit() or int(parts['se']) <= now:
        raise Refused('the signature has expired')
    return int(parts['se'])


def merge(target, patch):
    """A JSON merge patch; null deletes."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(name), dict):
                target[name] = {}
            merge(target[name], value)
        else:
            target[name] = value


class Identity:
    def __init__(self, keys=(), thumbprint=None):
        self.keys, self.thumbprint = list(keys), thumbprint
        self.enabled = True
        self.desired, self.reported, self.tags = {}, {}, {}
        self.desired_version = self.reported_version = 1


class IotHub(Front, Events):
    """name is the host that devices are told. 'skew' is by how much its clock is ahead of ours."""

    recorded = 'devices/#'

    def __init__(self, directory, certificates, **more):
        super().__init__(directory, certificates, **more)
        self.identities = {}
        self.calls = {}  # $rid -> queue of the answer to a direct method
        self.numbers = itertools.count(1)
        self.passwords = set()

    @property
    def messages(self):
        return [(one.topic, one.payload) for one in self.recorder.messages('devices/+/messages/events/#')]

    # ---- the registry ----

    def add(self, device, *keys, thumbprint=None):
        """An identity; one that is there keeps its twin."""
        with self.lock:
            former = self.identities.get(device)
            self.identities[device] = one = Identity(keys, thumbprint)
            if former:
                one.desired, one.reported, one.tags = former.desired, former.reported, former.tags
                one.desired_version = former.desired_version
                one.reported_version = former.reported_version
            return one

    def disable(self, device):
        """No new session, and the one that it has ends (UNVERIFIED: how soon)."""
        self.identities[device].enabled = False
        self.drop(device, 'disabled')

    def enable(self, device):
        self.identities[device].enabled = True

    def remove(self, device):
        with self.lock:
            self.identities.pop(device, None)
        self.drop(device, 'deleted')

    ban = disable

    def kick(self, device):
        """Somebody else connects under its id (400027); its own next attempt is taken again."""
        self.drop(device, '400027')

    # ---- the way in ----

    def admit(self, peer, connect):
        match = USERNAME.match(connect.username)
        device = connect.client_id
        # With its port, as who dials another one than the usual may write it.
        names = (self.name, '%s:%d' % (self.name, self.port))
        if not match or match[1].lower() not in names or match[2] != device:
            raise Refused('the user name is %r' % connect.username)
        identity = self.identities.get(device)
        if not identity or not identity.enabled:
            raise Refused('there is no such device, or it is disabled')
        if identity.thumbprint:
            if connect.password or peer.fingerprint != identity.thumbprint:
                raise Refused('another certificate than the registered one')
            return None
        if not connect.password:
            raise Refused('no password')
        self.passwords.add(connect.password)
        return check_signature(connect.password, identity.keys, '%s/devices/%s' % (self.name, device),
                               self.now())

    def opened(self, session):
        if session.mind is not None:
            # It ends with the signature that it came with.
            self.loop.call_later(max(0, session.mind - self.now()), session.end, 'the signature has expired')

    def may_subscribe(self, session, wanted):
        allowed = wanted in ('devices/%s/messages/devicebound/#' % session.client_id, '$iothub/twin/res/#',
                             '$iothub/twin/PATCH/properties/desired/#', '$iothub/methods/POST/#')
        # UNVERIFIED: whether one too many is refused or ends the session.
        return allowed and (wanted in session.subscribed or len(session.subscribed) < SUBSCRIPTIONS_MAX)

    def may_publish(self, session, message):
        return (message.qos < 2 and len(message.payload) <= MESSAGE_MAX
                and (message.topic.startswith('devices/%s/messages/events/' % session.client_id)
                     or self.asks(session, message.topic) is not None))

    # ---- twins and methods ----

    def asks(self, session, topic):
        match = re.match(r'(\$iothub/(?:twin/GET|twin/PATCH/properties/reported|methods/res/[0-9]+))/\?\$rid=', topic)
        return match[1] if match else None

    @staticmethod
    def _rid(topic):
        return urllib.parse.parse_qs(topic.partition('?')[2]).get('$rid', [''])[0]

    def serve(self, session, path, topic, payload):
        rid = self._rid(topic)
        identity = self.identities[session.client_id]
        if path.startswith('$iothub/methods/res/'):
            waiting = self.calls.pop(rid, None)
            if waiting:
                waiting.put((int(path.rpartition('/')[2]), payload))
            return []
        with self.lock:
            if path == '$iothub/twin/GET':
                return [('$iothub/twin/res/200/?$rid=' + rid, self._twin(identity))]
            try:
                patch = json.loads(payload)
            except ValueError:
                patch = None
            if not isinstance(patch, dict):
                raise Problem(400)
            merge(identity.reported, patch)
            identity.reported_version += 1
            return [('$iothub/twin/res/204/?$rid=%s&$version=%d' % (rid, identity.reported_version), b'')]

    def failed(self, path, topic, problem):
        after = '&retry-after=%d' % problem.headers if problem.headers else ''  # UNVERIFIED
        return [('$iothub/twin/res/%d/?$rid=%s%s' % (problem.status, self._rid(topic), after), b'')]

    @staticmethod
    def _twin(identity):
        return {'desired': {**copy.deepcopy(identity.desired), '$version': identity.desired_version},
                'reported': {**copy.deepcopy(identity.reported), '$version': identity.reported_version}}

    def twin(self, device):
        with self.lock:
            return self._twin(self.identities[device])

    def desire(self, device, patch):
        """Somebody changes the desired properties; the device hears of it while it is connected."""
        identity = self.identities[device]
        with self.lock:
            merge(identity.desired, patch)
            identity.desired_version += 1
            told = json.dumps({**patch, '$version': identity.desired_version}).encode()
            topic = '$iothub/twin/PATCH/properties/desired/?$version=%d' % identity.desired_version
        self._tell(device, topic, told)
        return identity.desired_version

    def call(self, device, method, payload, timeout=30):
        """A direct method: (status, answer) of the device."""
        rid, answer = str(next(self.numbers)), queue.Queue()
        self.calls[rid] = answer
        if not self._tell(device, '$iothub/methods/POST/%s/?$rid=%s' % (method, rid), json.dumps(payload).encode()):
            raise Problem(404, title='The device does not listen.')
        status, body = answer.get(timeout=timeout)
        return status, json.loads(body) if body else None

    def _tell(self, device, topic, payload):
        def tell():
            session = self.sessions.get(device)
            return bool(session) and session.tell(topic, payload)
        return self.ask(tell)

    def send(self, device, payload, properties=None):
        """A message to the device. It waits for one that is away, once that has listened before."""
        bag = {'$.to': '/devices/%s/messages/devicebound' % device, '$.mid': secrets.token_hex(8),
               **(properties or {})}
        self.recorder.publish('devices/%s/messages/devicebound/%s' % (device, '&'.join(
            '%s=%s' % (urllib.parse.quote(name, safe=''), urllib.parse.quote(value, safe=''))
            for name, value in bag.items())), payload)

    # ---- what a test asks ----

    def await_events(self, device, count, timeout=30):
        return until(lambda: (lambda found: found if len(found) >= count else None)(self.events(device)),
                     timeout, '%d events of %s' % (count, device))

    def canaries(self):
        """Every secret that it knows."""
        return [*self.passwords, *(key for one in self.identities.values() for key in one.keys)]

    def since(self, device):
        """Seconds that its session has lived."""
        session = self.sessions.get(device)
        return time.monotonic() - session.since if session else None
