// SPDX-License-Identifier: Apache-2.0
// Node-RED without its editor, without a log of each message.
'use strict';
module.exports = {
	httpAdminRoot: false,
	httpNodeRoot: false,
	uiHost: '127.0.0.1',
	flowFile: 'flows.json',
	credentialSecret: false,
	logging: { console: { level: 'warn', metrics: false, audit: false } },
};
