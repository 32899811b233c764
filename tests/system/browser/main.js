// SPDX-License-Identifier: Apache-2.0
// Plays scenarios in Debian's Chromium: one browser for all of them, a context for each window.
//
// One JSON object a line. From the tests: {"play": "file.name", "url", "args"}, and the answers to
// what a scenario asked the bed for: {"value"} or {"error"}. To the tests: {"call", "args"} for the
// bed, and in the end {"done"} or {"failed"}.
"use strict";

const readline = require("node:readline");
const { chromium } = require("playwright-core");
const { Stage } = require("./stage.js");

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const write = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function read() {
	const { value, done } = await lines.next();
	return done ? null : JSON.parse(value);
}

// bed.anything(...) asks the test for it; one question at a time.
let turn = Promise.resolve();
const bed = new Proxy({}, {
	get: (_, call) => (...args) => {
		const ask = async () => {
			write({ call, args });
			const answer = await read();
			if (!answer)
				throw new Error("the test is gone");
			if (answer.error)
				throw new Error(`bed.${call}: ${answer.error}`);
			return answer.value;
		};
		turn = turn.then(ask, ask);
		return turn;
	},
});

const entered = new Map(); // who is logged in where

async function play(browser, order) {
	const [file, name] = order.play.split(".");
	const scenario = require(`./${file}.js`)[name];
	const stage = new Stage(browser, bed, order, entered);
	try {
		if (!scenario)
			throw new Error(`there is no scenario ${order.play}`);
		const value = await scenario(stage, order.args);
		stage.checkSilence();
		write({ done: value === undefined ? null : value });
	} catch (error) {
		write({ failed: `${error.stack || error}\n${await stage.describe()}` });
	} finally {
		await stage.close();
	}
}

async function main() {
	const browser = await chromium.launch({
		executablePath: process.env.GATEHOUSE_CHROMIUM || "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server",
			"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
	});
	write({ ready: browser.version() });
	for (let order = await read(); order; order = await read())
		await play(browser, order);
	await browser.close();
}

main().catch((error) => {
	write({ failed: String(error.stack || error) });
	process.exit(1);
});
