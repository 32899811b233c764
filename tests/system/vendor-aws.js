// SPDX-License-Identifier: Apache-2.0
// The vendor's own client, for whoever wants to know whether a stand-in is like the real service.
// Usage: node vendor-aws.js connect 'OPTIONS AS JSON' | provision
//   both       port, ca, cert, key (PEM), id
//   connect    topic: comes back until it is let in, then publishes there; with 'shadow' (a thing's
//              name) it also reports a state and hears what is wanted. Ends with stdin.
//   provision  template, serial, csr (without it the service makes the key): each line of stdin is such
//              options, and one line answers it
// What happens is written to stdout, one JSON object a line.
'use strict';

const dns = require('dns');
const readline = require('readline');

// Stand-ins listen on 127.0.0.1, and until version 20 Node.js tries one address of a name alone.
dns.setDefaultResultOrder('ipv4first');

const aws = require('aws-iot-device-sdk');

const [what, text] = process.argv.slice(2);
const options = JSON.parse(text || '{}');

function say(event) {
    process.stdout.write(JSON.stringify(event) + '\n');
}

function settings(given) {
    return {
        host: 'localhost', port: given.port, clientId: given.id,
        caCert: Buffer.from(given.ca), clientCert: Buffer.from(given.cert), privateKey: Buffer.from(given.key),
        baseReconnectTimeMs: 300, maximumReconnectTimeMs: 1000,
    };
}

function shadow(device) {
    device.register(options.shadow, {}, () => {
        device.on('delta', (name, state) => say({ delta: state.state }));
        device.on('status', (name, status, token, state) => say({ status, state: state.state || state }));
        device.update(options.shadow, { state: { reported: { interval: 1 } } });
    });
}

function connect() {
    const device = options.shadow ? aws.thingShadow(settings(options)) : aws.device(settings(options));
    device.on('error', (error) => say({ error: error.message }));
    device.on('close', () => say({ closed: true }));
    device.on('connect', () => {
        say({ connected: true });
        if (options.topic) {
            device.publish(options.topic, '{"v":1}', { qos: 1 }, () => say({ published: true }));
        }
        if (options.shadow) {
            shadow(device);
        }
    });
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
}

function provision(wanted) {
    const device = aws.device(settings(wanted));
    const create = '$aws/certificates/' + (wanted.csr ? 'create-from-csr' : 'create') + '/json';
    const register = '$aws/provisioning-templates/' + wanted.template + '/provision/json';
    const answers = [create, register].flatMap((one) => [one + '/accepted', one + '/rejected']);
    let made = null;
    device.on('error', (error) => say({ error: error.message }));
    device.on('connect', () => device.subscribe(answers, { qos: 1 }, () => device.publish(
        create, wanted.csr ? JSON.stringify({ certificateSigningRequest: wanted.csr }) : '', { qos: 1 })));
    return new Promise((resolve) => {
        device.on('message', (topic, payload) => {
            const answer = JSON.parse(payload.toString());
            if (topic === create + '/accepted') {
                made = answer;
                device.publish(register, JSON.stringify({
                    certificateOwnershipToken: answer.certificateOwnershipToken,
                    parameters: { SerialNumber: wanted.serial },
                }), { qos: 1 });
                return;
            }
            device.end(true);
            resolve(topic === register + '/accepted' ? { ...made, ...answer } : { rejected: answer });
        });
    });
}

async function provisionAll() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        say({ answer: await provision(JSON.parse(line)) });
    }
    process.exit(0);
}

if (what === 'provision') {
    provisionAll();
} else {
    connect();
}
