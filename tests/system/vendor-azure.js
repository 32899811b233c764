// SPDX-License-Identifier: Apache-2.0
// The vendor's own clients of its provisioning service and hub, for whoever wants to know whether a
// stand-in is like the real ones. Usage: node vendor-azure.js register | hub 'OPTIONS AS JSON'
//   both      id, key (base64) or cert and certKey (PEM)
//   register  host ("name:port"), scope: each line of stdin is such options, and one line answers it
//   hub       host, door ("name:port"): twin, method, messages in both directions; ends with stdin
// What happens is written to stdout, one JSON object a line.
'use strict';

const dns = require('dns');
const readline = require('readline');

// Stand-ins listen on 127.0.0.1, and until version 20 Node.js tries one address of a name alone.
dns.setDefaultResultOrder('ipv4first');

const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt: ProvisioningMqtt } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

const [what, text] = process.argv.slice(2);
const options = JSON.parse(text || '{}');

function say(event) {
    process.stdout.write(JSON.stringify(event) + '\n');
}

let give = null;

function failed(error) {
    const event = { failed: error.name, message: error.message };
    if (give) {
        give(event);
    } else {
        say(event);
        process.exit(1);
    }
}

// Some of what goes wrong on the way is thrown where nobody can catch it.
process.on('uncaughtException', failed);

function register(wanted) {
    const security = wanted.cert
        ? new X509Security(wanted.id, { cert: wanted.cert, key: wanted.certKey })
        : new SymmetricKeySecurityClient(wanted.id, wanted.key);
    const client = ProvisioningDeviceClient.create(wanted.host, wanted.scope, new ProvisioningMqtt(), security);
    if (wanted.payload) {
        client.setProvisioningPayload(wanted.payload);
    }
    return new Promise((resolve) => {
        give = resolve;
        client.register((error, result) => (error ? failed(error) : resolve({ assigned: result })));
    });
}

async function registerAll() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        say({ answer: await register(JSON.parse(line)) });
    }
    process.exit(0);
}

async function hub() {
    // With a certificate the client knows of no other door than the hub's own.
    const text = options.cert
        ? 'HostName=' + options.door + ';DeviceId=' + options.id + ';x509=true'
        : 'HostName=' + options.host + ';DeviceId=' + options.id + ';GatewayHostName=' + options.door
            + ';SharedAccessKey=' + options.key;
    const client = Client.fromConnectionString(text, Mqtt);
    client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => -1 });
    if (options.cert) {
        await client.setOptions({ cert: options.cert, key: options.certKey });
    }
    client.on('disconnect', () => {
        say({ disconnected: true });
        process.exit(0);
    });
    client.on('message', (message) => {
        say({ message: message.data.toString(), properties: message.properties.propertyList });
        client.complete(message);
    });
    await client.open();
    client.onDeviceMethod('turn', (request, response) => {
        say({ method: request.methodName, payload: request.payload });
        response.send(200, { turned: request.payload });
    });
    const twin = await client.getTwin();
    twin.on('properties.desired', (delta) => say({ desired: delta }));
    await new Promise((resolve, reject) => twin.properties.reported.update(
        { owner: 'plant', gone: null }, (error) => (error ? reject(error) : resolve())));
    const message = new Message(JSON.stringify([{ n: 'seq', v: 7 }]));
    message.contentType = 'application/senml+json';
    message.properties.add('gh-id', 'bed.1-1');
    await client.sendEvent(message);
    say({ open: true });
    process.stdin.on('end', () => client.close(() => process.exit(0)));
    process.stdin.resume();
}

if (what === 'register') {
    registerAll();
} else {
    hub().catch(failed);
}
