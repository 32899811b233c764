# SPDX-License-Identifier: Apache-2.0
"""The MQTT side of an Azure IoT Hub: mosquitto with TLS and its dynamic-security plugin. A SAS is the
password of an account; disabling the account ends its session there and then."""

import glob
import json
import os
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'system'))

import paho.mqtt.client as mqtt  # noqa: E402

from bed.broker import HOST  # noqa: E402
from bed.process import Process  # noqa: E402
from bed.wait import accepts, free_port, until  # noqa: E402

ADMIN, PASSWORD = 'hub', 'hub-secret'
CONTROL = '$CONTROL/dynamic-security/v1'


def plugin():
    """Where Debian puts it, on any architecture."""
    found = glob.glob('/usr/lib/*/mosquitto_dynamic_security.so')
    return found[0] if found else None


class Events:
    """What arrived: 'messages' holds (topic, payload) of all of it, in order."""

    messages = ()

    def events(self, device=None):
        """(topic, property bag as a dict, payload) of each event of a device, or of all of them, in
        order."""
        start = 'devices/%s/messages/events/' % device
        found = [one for one in list(self.messages) if '/messages/events/' in one[0]
                 and (device is None or one[0].startswith(start))]
        return [(topic, {urllib.parse.unquote(key): urllib.parse.unquote(value) for key, _, value in
                         (pair.partition('=') for pair in
                          topic.split('/messages/events/', 1)[1].split('&'))}, payload)
                for topic, payload in found]

    def values(self, device):
        """gh-id -> value, in order; twice under one id must be the same value."""
        found = {}
        for _, bag, payload in self.events(device):
            for one in json.loads(payload):
                if one.get('n') == 'seq' and 'gh-id' in bag:
                    assert found.setdefault(bag['gh-id'], one['v']) == one['v']
        return found


class Hub(Events):
    """name is the host that devices are told; 'port' is its TLS port."""

    def __init__(self, directory, certificates, name='localhost'):
        self.directory, self.name = directory, name
        self.port, self.local_port = free_port(), free_port()
        self.log_path = os.path.join(directory, 'hub.log')
        self.messages = []
        self.admitted = {}  # device -> SAS
        self.lock = threading.Lock()
        self.process = self.client = None
        os.makedirs(directory, exist_ok=True)
        certificate, key = certificates.issue('hub', ['DNS:' + name])
        state = os.path.join(directory, 'dynamic-security.json')
        subprocess.run(['mosquitto_ctrl', 'dynsec', 'init', state, ADMIN, PASSWORD], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        with open(os.path.join(directory, 'mosquitto.conf'), 'w', encoding='utf-8') as file:
            file.write('\n'.join([
                'user root', 'log_dest stderr', 'log_type error', 'log_type warning',
                'log_type notice', 'log_type information', 'max_queued_messages 0',
                'per_listener_settings false', 'allow_anonymous false',
                'plugin ' + plugin(), 'plugin_opt_config_file ' + state,
                'listener %d %s' % (self.local_port, HOST),
                'listener %d %s' % (self.port, HOST), 'certfile ' + certificate, 'keyfile ' + key,
            ]) + '\n')

    def start(self):
        self.process = Process(['mosquitto', '-c', os.path.join(self.directory, 'mosquitto.conf')],
                               self.log_path, cwd=self.directory)
        until(lambda: (accepts(self.local_port) and accepts(self.port)) or not self.process.alive,
              10, 'the hub listens')
        assert self.process.alive, 'the hub ended:\n' + self.process.tail()
        self._connect()
        return self

    def _connect(self):
        if hasattr(mqtt, 'CallbackAPIVersion'):
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, 'operator')
        else:
            self.client = mqtt.Client('operator')
        ready = threading.Event()
        self.client.username_pw_set(ADMIN, PASSWORD)
        self.client.on_message = self._on_message
        # A change of its own roles ends its session: it comes back and subscribes anew.
        self.client.on_connect = lambda client, *_: client.subscribe('devices/#', 1)
        self.client.on_subscribe = lambda _client, _userdata, _mid, granted, *_: (
            ready.set() if all(qos < 128 for qos in granted) else None)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(HOST, self.local_port)
        self.client.loop_start()
        self.command({'command': 'createRole', 'rolename': 'reader', 'acls': [
            {'acltype': 'subscribePattern', 'topic': '#', 'allow': True},
            {'acltype': 'publishClientReceive', 'topic': '#', 'allow': True}]},
            {'command': 'addClientRole', 'username': ADMIN, 'rolename': 'reader'})
        assert ready.wait(20), 'the hub lets its operator listen'

    def stop(self):
        if self.client:
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None
        if self.process:
            self.process.stop()
            self.process = None

    def _on_message(self, _client, _userdata, message):
        with self.lock:
            self.messages.append((message.topic, bytes(message.payload)))

    def command(self, *commands):
        self.client.publish(CONTROL, json.dumps({'commands': list(commands)}), 1).wait_for_publish(10)

    # ---- devices ----

    def username(self, device, api_version='2018-06-30'):
        return '%s/%s/?api-version=%s' % (self.name, device, api_version)

    def admit(self, device, sas):
        """From now on this SAS is the one of the device. The plugin ends a session whose password
        changes, which the real hub does not."""
        if self.admitted.get(device) == sas:
            return
        self.admitted[device] = sas
        name, role = self.username(device), 'role-' + device
        self.command(
            {'command': 'createRole', 'rolename': role, 'acls': [
                {'acltype': 'publishClientSend', 'topic': 'devices/%s/messages/events/#' % device,
                 'allow': True},
                {'acltype': 'publishClientReceive', 'topic': 'devices/%s/messages/devicebound/#' % device,
                 'allow': True},
                {'acltype': 'subscribePattern', 'topic': 'devices/%s/messages/devicebound/#' % device,
                 'allow': True},
                # Its twin and its methods: what is asked there nobody answers, which is iothub.py's part.
                {'acltype': 'publishClientSend', 'topic': '$iothub/#', 'allow': True},
                {'acltype': 'subscribePattern', 'topic': '$iothub/#', 'allow': True}]},
            {'command': 'createClient', 'username': name, 'password': sas, 'clientid': device,
             'roles': [{'rolename': role}]},
            {'command': 'enableClient', 'username': name},
            {'command': 'setClientPassword', 'username': name, 'password': sas})

    def ban(self, device):
        """Its session ends, and its SAS is not taken any more."""
        self.admitted.pop(device, None)
        self.command({'command': 'disableClient', 'username': self.username(device)})

    def kick(self, device):
        """Somebody else connects under its id (the hub says so in its own way, 400027)."""
        self.ban(device)
        self.command({'command': 'enableClient', 'username': self.username(device)})

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()
