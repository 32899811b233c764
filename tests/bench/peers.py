# SPDX-License-Identifier: Apache-2.0
"""The others: what also takes CoAP and hands it on by MQTT, as it comes from npm and Debian."""

import os
import shutil
import subprocess

from bed import until
from bed.process import Process
from bed.wait import free_port

import bench
from bench import HERE, say

SOURCE = os.path.join(HERE, 'peers')
PLACE = os.path.join(bench.BUILD, 'peers')


def install():
    """The npm packages, as the lock file has them, once."""
    lock = os.path.join(SOURCE, 'package-lock.json')
    stamp = os.path.join(PLACE, '.installed-from')
    with open(lock, 'rb') as file:
        wanted = file.read()
    if os.path.exists(stamp):
        with open(stamp, 'rb') as file:
            if file.read() == wanted:
                return
    say('installing: node-coap, mqtt.js, Ponte and Node-RED, some 750 packages')
    os.makedirs(PLACE, exist_ok=True)
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(os.path.join(SOURCE, name), PLACE)
    subprocess.run(['npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts',
                    '--no-update-notifier', '--loglevel=error'],
                   check=True, cwd=PLACE, stdin=subprocess.DEVNULL)
    shutil.copy(lock, stamp)


class Subject:
    """One that is measured. 'load' are the words that the generator is told of it."""

    load = ()
    pids = ()

    def __init__(self, name, work, broker):
        self.name, self.work, self.broker = name, work, broker
        self.port = free_port(2)  # UDP
        self.process = None

    def start(self, sensors):
        self.process = Process(self.command(), os.path.join(self.work, self.name + '.log'),
                               cwd=PLACE, env={'PATH': os.environ['PATH'], 'HOME': self.work})
        until(self.answers, 60, self.name + ' answers')

    def answers(self):
        assert self.process.alive, self.process.tail()
        return bench.load(self.port, *self.load, '--sensors', 1, '--size', 64, '--once',
                          '--seconds', 0.3, '--warm-up', 0)['answered']

    def stop(self):
        if self.process:
            self.process.kill()
            self.process = None

    @property
    def pid(self):
        return self.process.pid

    def delivered(self):
        """Readings that the platform has, or None where nothing tells."""
        return None

    def settle(self):
        """What was taken has gone where it goes."""


class Bare(Subject):
    """libcoap's example server: it stores nothing and hands nothing on. The ceiling."""

    load = ('--path', 'example_data', '--put', '--prefix', '')

    def command(self):
        return ['coap-server-notls', '-A', '127.0.0.1', '-p', str(self.port)]


class Node(Subject):
    """node-coap and mqtt.js, joined by ten lines."""

    load = ('--path', 't', '--prefix', '')
    qos = 0

    def command(self):
        shutil.copy(os.path.join(SOURCE, 'bridge.js'), PLACE)
        return ['node', 'bridge.js', str(self.port), str(self.broker.port), str(self.qos)]


class NodeQos1(Node):
    qos = 1


class Ponte(Subject):
    """With the broker that it has inside."""

    # It knows no format but those of its time: 50 is JSON.
    load = ('--path', 'r/t', '--put', '--prefix', '', '--format', 50)

    def command(self):
        shutil.copy(os.path.join(SOURCE, 'ponte.js'), PLACE)
        return ['node', 'ponte.js', str(self.port), str(free_port()), str(free_port())]


class NodeRed(Subject):
    """Three nodes: coap in, a function, mqtt out."""

    load = ('--path', 't', '--prefix', '')

    def command(self):
        home = os.path.join(self.work, 'node-red')
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        shutil.copy(os.path.join(SOURCE, 'settings.js'), home)
        os.symlink(os.path.join(PLACE, 'node_modules'), os.path.join(home, 'node_modules'))
        with open(os.path.join(SOURCE, 'flows.json'), encoding='utf-8') as file:
            flows = file.read()
        with open(os.path.join(home, 'flows.json'), 'w', encoding='utf-8') as file:
            file.write(flows.replace('COAP_PORT', str(self.port)).replace(
                'MQTT_PORT', str(self.broker.port)))
        with open(os.path.join(home, 'package.json'), 'w', encoding='utf-8') as file:
            file.write('{"name": "bench", "version": "1.0.0", "dependencies": '
                       '{"node-red-contrib-coap": "0.6.0"}}')
        return ['node', 'node_modules/node-red/red.js', '--userDir', home,
                '--settings', os.path.join(home, 'settings.js')]


class Ours(Subject):
    """gatehoused. 'config' is what this one differs in."""

    def __init__(self, name, gateway, config, known=0):
        """'known': so many devices are let in, also where fewer take part."""
        self.name, self.gateway, self.config, self.known = name, gateway, config, known
        self.port = gateway.coap_port

    load = ()

    def start(self, sensors):
        self.gateway.let_in(max(sensors, self.known))
        self.gateway.configure({'outbox': {'durability': 'power'}, **self.config})
        self.gateway.start()
        self.gateway.await_link()
        # Each one is asked for a sign that it is there, once: that belongs to no rate.
        bench.load(self.port, '--sensors', sensors, '--once', '--seconds', 30)

    def stop(self):
        if self.gateway.process:
            self.gateway.terminate()

    @property
    def pid(self):
        return self.gateway.process.pid

    def delivered(self):
        return self.gateway.counter('gatehouse_readings_delivered_total')

    def settle(self):
        self.gateway.await_drained()
