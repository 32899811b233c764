// SPDX-License-Identifier: Apache-2.0
// bridge.js COAP-PORT MQTT-PORT QOS: the ten lines that join node-coap and mqtt.js.
'use strict';
const coap = require('coap');
const mqtt = require('mqtt');
const [port, broker, qos] = process.argv.slice(2).map(Number);
const client = mqtt.connect(`mqtt://127.0.0.1:${broker}`);
client.once('connect', () => {
	coap.createServer((request, response) => {
		client.publish('bench/telemetry', request.payload, { qos });
		response.code = '2.04';
		response.end();
	}).listen(port);
});
