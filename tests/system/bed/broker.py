# SPDX-License-Identifier: Apache-2.0
"""mosquitto on a port of its own, and a recorder of everything that passes through it."""

import os
import signal
import subprocess
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .process import Process
from .wait import accepts, free_port, until

HOST = '127.0.0.1'
RECORDER = 'recorder'
RECORDER_RIGHTS = 'user %s\ntopic readwrite #\n' % RECORDER


class Broker:
    """mosquitto. It keeps its port, and with persistence its sessions and retained messages, over
    stop() and start(), so that a recorder misses nothing of what was published in between.

    users         name -> password; without them everybody may come. The recorder comes as RECORDER
    certificates  a certificates.Authority: the listener speaks TLS
    clients       a certificates.Authority: who has no certificate of it does not come in, and the
                  common name in it is the user
    persistence   False: a restart forgets sessions and retained messages
    extra         further lines of mosquitto.conf. An access list begins with RECORDER_RIGHTS

    All listeners have the same settings of security: with settings for each, mosquitto keeps nothing
    for a client that is away (from 2.0.12 on)."""

    def __init__(self, directory, users=None, certificates=None, persistence=True, extra='',
                 clients=None):
        self.directory = directory
        self.port = free_port()
        self.local_port = free_port()  # plain text, for the recorder
        self.users = users or {}
        self.recorder_password = os.urandom(16).hex() if users else None
        self.certificates = certificates
        self.clients = clients
        self.log_path = os.path.join(directory, 'mosquitto.log')
        self.process = None
        os.makedirs(directory, exist_ok=True)
        self._configure(persistence, extra)

    def _configure(self, persistence, extra):
        lines = [
            'per_listener_settings false', 'user root',
            'log_dest stderr', 'log_type error', 'log_type warning', 'log_type notice',
            'log_type information', 'log_type subscribe', 'max_queued_messages 0', 'max_inflight_messages 0',
            # After this many changes; the interval counts changes, so that a kill loses nothing.
            'autosave_on_changes true', 'autosave_interval 1',
            'persistence %s' % ('true' if persistence else 'false'),
            'persistence_location %s/' % self.directory,
        ]
        if self.users:
            passwords = os.path.join(self.directory, 'passwords')
            with open(passwords, 'w', encoding='utf-8'):
                pass
            for name, password in [*self.users.items(), (RECORDER, self.recorder_password)]:
                subprocess.run(['mosquitto_passwd', '-b', passwords, name, password], check=True,
                               stdin=subprocess.DEVNULL, capture_output=True)
            lines += ['allow_anonymous false', 'password_file ' + passwords]
        else:
            lines.append('allow_anonymous true')
        lines += ['listener %d %s' % (self.local_port, HOST), 'listener %d %s' % (self.port, HOST)]
        if self.certificates:
            certificate, key = self.certificates.issue('localhost', ['DNS:localhost', 'IP:' + HOST])
            lines += ['certfile ' + certificate, 'keyfile ' + key]
        if self.clients:
            lines += ['cafile ' + self.clients.ca_file, 'require_certificate true',
                      'use_identity_as_username true']
        with open(os.path.join(self.directory, 'mosquitto.conf'), 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n' + extra + '\n')

    def start(self):
        before = self._runs()
        self.process = Process(['mosquitto', '-c', os.path.join(self.directory, 'mosquitto.conf')],
                               self.log_path, cwd=self.directory)
        # It listens before it knows what to do at a SIGHUP: until it says that it runs that ends it.
        until(lambda: (self._runs() > before and accepts(self.local_port) and accepts(self.port))
              or not self.process.alive, 10, 'mosquitto listens')
        assert self.process.alive, 'mosquitto ended:\n' + self.process.tail()
        return self

    def _runs(self):
        return self.log().count(' running\n') if os.path.exists(self.log_path) else 0

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self):
        """As when its power is cut."""
        self.process.kill()
        self.process = None

    def pause(self):
        """SIGSTOP: connections stay, nothing is answered."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def await_subscription(self, topic, timeout=30):
        """Somebody listens to this very filter: what is sent there from now on reaches them."""
        until(lambda: ' %s\n' % topic in self.log(), timeout, 'somebody subscribes to ' + topic)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()


class Message:
    """One message as it arrived. 'retain' says that it was waiting, not that it is kept. 'user'
    holds the user properties; one that came twice is a list."""

    def __init__(self, message):
        self.topic = message.topic
        self.payload = bytes(message.payload)
        self.retain = bool(message.retain)
        self.qos = message.qos
        self.at = time.monotonic()
        self.user = {}
        properties = getattr(message, 'properties', None)
        for name, value in getattr(properties, 'UserProperty', []):
            if name in self.user:
                former = self.user[name]
                self.user[name] = (former if isinstance(former, list) else [former]) + [value]
            else:
                self.user[name] = value
        self.content_type = getattr(properties, 'ContentType', None)
        self.expiry = getattr(properties, 'MessageExpiryInterval', None)
        self.correlation = getattr(properties, 'CorrelationData', None)

    def text(self):
        return self.payload.decode('utf-8')

    def __repr__(self):
        return '<%s %r %r%s>' % (self.topic, self.payload[:80], self.user,
                                 ' retained' if self.retain else '')


def _client(client_id):
    """paho's first major version (Debian 12) and its second (13) differ in the constructor."""
    if hasattr(mqtt, 'CallbackAPIVersion'):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    return mqtt.Client(client_id, protocol=mqtt.MQTTv5)


class Recorder:
    """An MQTT 5 subscriber to everything, with a session that outlives the broker's restarts."""

    def __init__(self, broker, client_id='recorder', topic='#', user=None, password=None):
        self._lock = threading.Lock()
        self._messages = []
        self._subscribed = False
        self._topic = topic
        self._client = _client(client_id)
        self._client.username_pw_set(user or RECORDER, password or broker.recorder_password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self._client.connect(HOST, broker.local_port, keepalive=60, clean_start=False,
                             properties=session)
        self._client.loop_start()
        self.wait_subscribed()

    def _on_connect(self, client, *_):
        client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, *_):
        self._subscribed = True

    def _on_disconnect(self, *_):
        self._subscribed = False

    def _on_message(self, _client_, _userdata, message):
        with self._lock:
            self._messages.append(Message(message))

    def wait_subscribed(self, timeout=15):
        until(lambda: self._subscribed, timeout, 'the recorder is subscribed')

    def messages(self, topic=None, where=None):
        """What arrived so far, in order: on topics that match the filter, for which where() holds."""
        with self._lock:
            found = list(self._messages)
        return [one for one in found
                if (topic is None or mqtt.topic_matches_sub(topic, one.topic))
                and (where is None or where(one))]

    def wait(self, topic=None, count=1, timeout=15.0, where=None):
        """Awaits at least 'count' such messages; returns all that there are then."""
        try:
            return until(lambda: (lambda found: found if len(found) >= count else None)(
                self.messages(topic, where)), timeout)
        except AssertionError:
            raise AssertionError(
                'wanted %d of %s within %g s; all that came:\n%s'
                % (count, topic or 'any topic', timeout,
                   '\n'.join(map(repr, self.messages()[-40:])))) from None

    def forget(self):
        with self._lock:
            self._messages.clear()

    def publish(self, topic, payload=b'', qos=1, retain=False, user=(), response=None,
                correlation=None, expiry=None):
        """Sends a message of its own, acknowledged when this returns. 'response' is the topic that
        an answer is wanted on."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = list(user)
        if response is not None:
            properties.ResponseTopic = response
        if correlation is not None:
            properties.CorrelationData = correlation
        if expiry is not None:
            properties.MessageExpiryInterval = expiry
        self._client.publish(topic, payload, qos, retain, properties).wait_for_publish()

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
