// SPDX-License-Identifier: Apache-2.0
// A standard device on node-coap: it serves its links and a value, and registers at a resource
// directory (RFC 9176) from the port that it serves on.
// Usage: node node-registrant.js HOST PORT EP. Each line on standard input is a step: "register",
// "update", "remove", or a number, which is its value from then on; each one is answered by a line
// of JSON.
'use strict';

const dgram = require('dgram');
const readline = require('readline');

const coap = require('coap');

const [host, port, ep] = process.argv.slice(2);
const LINKS = '</temperature>;if="core.s";ct=0';

let value = '1';
let location = '';

function say(event, rest) {
    process.stdout.write(JSON.stringify({ event, ...rest }) + '\n');
}

const socket = dgram.createSocket('udp4');
const server = coap.createServer((request, response) => {
    const path = request.url.split('?')[0];
    say('asked', { path });
    if (path === '/.well-known/core') {
        response.code = '2.05';
        response.setOption('Content-Format', 'application/link-format');
        response.end(LINKS);
    } else if (path === '/temperature') {
        response.code = '2.05';
        response.setOption('Content-Format', 'text/plain');
        response.end(value);
    } else {
        response.code = '4.04';
        response.end();
    }
});

function ask(agent, step, method, pathname, query, body) {
    const request = coap.request({ host, port: Number(port), method, pathname, query, agent });
    if (body) {
        request.setOption('Content-Format', 'application/link-format');
    }
    request.on('response', (answer) => {
        // One option for each part of it.
        const place = answer.options.filter((option) => option.name === 'Location-Path')
            .map((option) => '/' + option.value).join('');
        location = place || location;
        say(step, { code: answer.code, location: place });
    });
    request.on('error', (error) => say(step, { code: '', error: String(error) }));
    request.end(body);
}

socket.bind(0, '127.0.0.1', () => {
    server.listen(socket);
    const agent = new coap.Agent({ socket });
    readline.createInterface({ input: process.stdin }).on('line', (line) => {
        if (line === 'register') {
            ask(agent, line, 'POST', '/rd', 'ep=' + ep + '&lt=3600', LINKS);
        } else if (line === 'update') {
            ask(agent, line, 'POST', location);
        } else if (line === 'remove') {
            ask(agent, line, 'DELETE', location);
        } else {
            value = line;
            say('value', { value });
        }
    });
    say('listening', { port: socket.address().port });
});
