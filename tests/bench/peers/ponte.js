// SPDX-License-Identifier: Apache-2.0
// ponte.js COAP-PORT MQTT-PORT HTTP-PORT: Ponte as it comes, with its own broker and memory store.
'use strict';
const ponte = require('ponte');
const [coap, mqtt, http] = process.argv.slice(2).map(Number);
ponte({
	logger: { level: 'fatal', name: 'ponte' },
	coap: { port: coap, host: '127.0.0.1' },
	mqtt: { port: mqtt, host: '127.0.0.1' },
	http: { port: http, host: '127.0.0.1' },
	persistence: { type: 'memory' },
});
