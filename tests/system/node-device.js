// SPDX-License-Identifier: Apache-2.0
// A device on node-coap: enrols (answering the Echo challenge, which the library does not know),
// waits for its approval, then reports. Usage: node node-device.js HOST PORT EP COUNT
'use strict';

const dgram = require('dgram');

const coap = require('coap');

const [host, port, ep, count] = process.argv.slice(2);
const ECHO = '252';
// A socket of its own: the agent closes the one that it makes itself after each request, and a
// device that changes its port with every request would have to prove its address each time.
const socket = dgram.createSocket('udp4').bind(0);
const agent = new coap.Agent({ socket });

coap.registerOption(ECHO, (value) => value, (value) => value);

function say(event) {
    process.stdout.write(JSON.stringify(event) + '\n');
}

function post(path, body, format, echo) {
    return new Promise((resolve, reject) => {
        const request = coap.request({
            host, port: Number(port), method: 'POST', pathname: path, query: 'ep=' + ep, agent,
        });
        request.setOption('Content-Format', format);
        if (echo) {
            request.setOption(ECHO, echo);
        }
        request.on('response', (answer) => {
            const challenge = answer.options.find((option) => String(option.name) === ECHO);
            if (answer.code === '4.01' && challenge && !echo) {
                post(path, body, format, challenge.value).then(resolve, reject);
            } else {
                resolve(answer);
            }
        });
        request.on('error', reject);
        request.end(JSON.stringify(body));
    });
}

async function main() {
    for (;;) {
        const answer = await post('/enrol', { model: 'node-coap' }, 'application/json');
        const map = answer.code[0] === '2' ? JSON.parse(answer.payload.toString()) : {};
        say({ event: 'enrolled', code: answer.code, state: map.state || null });
        if (map.state === 'approved') {
            break;
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
    for (let value = 1; value <= Number(count); value++) {
        const answer = await post('/t', { seq: value }, 'application/json');
        say({ event: answer.code === '2.04' ? 'acknowledged' : 'refused', value, code: answer.code });
    }
    socket.close();
}

main().then(() => process.exit(0), (error) => {
    say({ event: 'error', text: String(error) });
    process.exit(1);
});
