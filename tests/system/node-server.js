// SPDX-License-Identifier: Apache-2.0
// A device that is a server, on node-coap: it has a display, a label, a state that it is told, a
// temperature that it tells of by itself (Observe), and a log that is too long for one datagram.
// Usage: node node-server.js PORT EP CLAIM_KEY (hex). One line of JSON for each thing that happens;
// a line on standard input is what the display answers from then on ("5.03"), or "" for well.
'use strict';

const crypto = require('crypto');
const readline = require('readline');

const coap = require('coap');

const [port, ep, claimKey] = process.argv.slice(2);
const RECORDS = 100;
const LINKS = [
    '</claim>;rt="gatehouse.claim";ct=50',
    '</display>;rt="gatehouse.display"',
    '</status>;rt="gatehouse.status";ct=50',
    '</temperature>;ct=110;obs',
    '</log>;if="core.s";ct=110',
].join(',');

let refusal = '';
let told = 0;

function say(event, rest) {
    process.stdout.write(JSON.stringify({ event, ...rest }) + '\n');
}

function end(response, code, format, body) {
    response.code = code;
    if (format) {
        response.setOption('Content-Format', format);
    }
    response.end(body);
}

function prove(request, response) {
    const challenge = Buffer.from(JSON.parse(request.payload.toString()).challenge, 'base64url');
    const nonce = crypto.randomBytes(12);
    const proof = crypto.createHmac('sha256', Buffer.from(claimKey, 'hex'))
        .update(Buffer.concat([Buffer.from('gatehouse/1|claim|'), challenge, Buffer.from([nonce.length]),
            nonce, Buffer.from(ep)])).digest().subarray(0, 16);
    say('claim', {});
    end(response, '2.04', 'application/json',
        JSON.stringify({ nonce: nonce.toString('base64url'), proof: proof.toString('base64url') }));
}

function display(request, response) {
    say('display', { method: request.method, text: request.payload.toString(), refused: refusal });
    end(response, refusal || (request.method === 'PUT' ? '2.04' : '2.02'));
}

function status(request, response) {
    say('status', JSON.parse(request.payload.toString()));
    end(response, '2.04');
}

function temperature(request, response) {
    const observed = request.headers.Observe === 0;
    const tell = () => response.write(JSON.stringify([{ n: 'told', v: ++told }]));

    say('temperature', { observed });
    response.setOption('Content-Format', 'application/senml+json');
    if (!observed) {
        response.end(JSON.stringify([{ n: 'told', v: ++told }]));
        return;
    }
    tell();
    const timer = setInterval(tell, 300);
    response.on('finish', () => clearInterval(timer));
}

function log(request, response) {
    say('log', {});
    end(response, '2.05', 'application/senml+json',
        JSON.stringify(Array.from({ length: RECORDS }, (_, at) => ({ n: 'line-' + at, v: at }))));
}

coap.registerFormat('application/senml+json', 110);
const resources = {
    '/.well-known/core': (request, response) => end(response, '2.05', 'application/link-format', LINKS),
    '/claim': prove,
    '/display': display,
    '/status': status,
    '/temperature': temperature,
    '/log': log,
};
const server = coap.createServer((request, response) => {
    const resource = resources[request.url.split('?')[0]];
    if (resource) {
        resource(request, response);
    } else {
        end(response, '4.04');
    }
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    refusal = line;
    say('answers', { refusal });
});
server.listen(Number(port), '127.0.0.1', () => say('listening', {}));
