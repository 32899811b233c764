# SPDX-License-Identifier: Apache-2.0
"""mosquitto with its dynamic security plugin, where accounts are made and deleted while it runs."""

import json
import os
import subprocess
import threading

import paho.mqtt.client as mqtt

from .broker import HOST, Broker
from .wait import PATIENCE

PLUGIN = '/usr/lib/%s-linux-gnu/mosquitto_dynamic_security.so' % os.uname().machine
TOPIC = '$CONTROL/dynamic-security/v1'


def _client(client_id):
    if hasattr(mqtt, 'CallbackAPIVersion'):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    return mqtt.Client(client_id, protocol=mqtt.MQTTv5)


class AccountBroker(Broker):
    """The gateway's user is 'gateway', with the rights of docs/upstream.md; 'admin' may do
    everything, and 'recorder' reads."""

    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.accounts_file = os.path.join(directory, 'dynamic-security.json')
        subprocess.run(['mosquitto_ctrl', 'dynsec', 'init', self.accounts_file, 'admin', 'admin-secret'],
                       check=True, stdin=subprocess.DEVNULL, capture_output=True)
        os.chmod(self.accounts_file, 0o600)
        super().__init__(directory)

    def _configure(self, persistence, extra):
        super()._configure(persistence, extra)
        path = os.path.join(self.directory, 'mosquitto.conf')
        with open(path, encoding='utf-8') as file:
            lines = file.read()
        assert 'allow_anonymous true\n' in lines
        with open(path, 'w', encoding='utf-8') as file:
            file.write(lines.replace('allow_anonymous true\n', 'allow_anonymous false\nplugin %s\n'
                                     'plugin_opt_config_file %s\n' % (PLUGIN, self.accounts_file)))

    def start(self):
        super().start()
        if 'gateway' not in self.users_there():
            self.command(
                {'command': 'createRole', 'rolename': 'gateway', 'acls': [
                    {'acltype': 'publishClientSend', 'topic': 'gatehouse/bed/#', 'allow': True},
                    {'acltype': 'publishClientSend', 'topic': TOPIC, 'allow': True},
                    {'acltype': 'subscribePattern', 'topic': 'gatehouse/bed/+/command/+', 'allow': True},
                    {'acltype': 'subscribePattern', 'topic': TOPIC + '/response', 'allow': True},
                    {'acltype': 'publishClientReceive', 'topic': TOPIC + '/response', 'allow': True}]},
                {'command': 'createClient', 'username': 'gateway', 'password': 'gateway-secret',
                 'roles': [{'rolename': 'gateway'}]},
                {'command': 'createRole', 'rolename': 'reader', 'acls': [
                    {'acltype': 'subscribePattern', 'topic': '#', 'allow': True},
                    {'acltype': 'publishClientSend', 'topic': 'gatehouse/#', 'allow': True}]},
                {'command': 'createClient', 'username': 'recorder', 'password': 'recorder-secret',
                 'roles': [{'rolename': 'reader'}]})
        return self

    def command(self, *commands):
        """As 'admin': the answers."""
        answers, done, mark = [], threading.Event(), os.urandom(8).hex()
        for one in commands:
            one['correlationData'] = mark
        client = _client('admin')
        client.username_pw_set('admin', 'admin-secret')

        def on_message(_client_, _userdata, message):
            # The broker answers everybody who listens: others' answers come along.
            mine = [one for one in json.loads(message.payload)['responses']
                    if one.get('correlationData') == mark]
            answers.extend(mine)
            if mine:
                done.set()
        client.on_message = on_message
        client.on_connect = lambda *_: client.subscribe(TOPIC + '/response', 1)
        client.on_subscribe = lambda *_: client.publish(TOPIC, json.dumps({'commands': list(commands)}), 1)
        client.connect(HOST, self.local_port)
        client.loop_start()
        assert done.wait(10 * PATIENCE), 'no answer of the broker'
        client.disconnect()
        client.loop_stop()
        errors = [one for one in answers if 'error' in one]
        assert not errors, errors
        return answers

    def users_there(self):
        return self.command({'command': 'listClients'})[0]['data']['clients']

    def roles_there(self):
        return self.command({'command': 'listRoles'})[0]['data']['roles']

    def device_users(self):
        return [one for one in self.users_there() if one.startswith('gatehouse-')]
