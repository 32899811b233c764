// SPDX-License-Identifier: Apache-2.0
// The devices of tests/demo, let in by a technician with a phone who was never logged in there: from
// /login to a device whose readings are seen. Each press and each character is counted, and nothing is
// done that a hand could not do.
"use strict";

const assert = require("node:assert/strict");

class Hands {
	constructor() {
		this.begun = Date.now();
		this.taps = 0;
		this.typed = 0;
	}

	async tap(what) {
		await what.tap();
		this.taps += 1;
	}

	async type(page, text) {
		await page.keyboard.type(text);
		this.typed += text.length;
	}

	// Both as the person has them: how long it took here says more about this machine.
	done() {
		return { taps: this.taps, typed: this.typed, seconds: (Date.now() - this.begun) / 1000 };
	}
}

// Logged in, the window open, and the device switched on: it arrives without a load of the page.
async function arrive(stage, name, options, script) {
	const page = await stage.open({ hasTouch: true, ...options });
	if (script)
		await page.addInitScript(script);
	const hands = new Hands();
	const field = page.getByLabel("Your own password, once more").first();
	await page.goto("/login");
	assert.equal(await page.evaluate("document.activeElement.name"), "name", "it can be typed at once");
	await hands.type(page, "tom");
	await hands.tap(page.getByLabel("Password", { exact: true }));
	await hands.type(page, stage.people.tom);
	await hands.tap(page.getByRole("button", { name: "Log in" }));
	await page.waitForURL("**/waiting");
	await stage.sees(page, "Nothing waits for you");
	await hands.tap(field);
	await hands.type(page, stage.people.tom);
	await hands.tap(page.getByRole("button", { name: "Add a device" }));
	await stage.sees(page, "The window is open");
	await page.evaluate("window.loadedOnce = true");
	await stage.bed.switch_on(name);
	const card = stage.card(page, name);
	await stage.sees(card, "Waits for a decision");
	assert.equal(await page.evaluate("window.loadedOnce"), true, "the page was not loaded again");
	return { page, hands, card };
}

// What came of it is said, with a way to the device; there it is active, and its readings are seen.
async function isIn(stage, page, name, texts) {
	const said = page.getByRole("status").filter({ hasText: "The device is approved." });
	await said.waitFor();
	await stage.gone(page.getByRole("article"), name);
	await said.getByRole("link", { name }).tap();
	await stage.sees(page.getByRole("heading", { level: 1 }), name);
	for (const text of [/✓\s*Active/, "As numbers", ...texts])
		await stage.sees(page, text);
	await stage.fits(page, name);
	await stage.accessible(page, `${name}, let in`);
}

const sees = async (stage, card, texts) => {
	for (const text of texts)
		await stage.sees(card, text);
};

const camera = (text) => `
	window.BarcodeDetector = class {
		async detect() { return [{ rawValue: ${JSON.stringify(text)} }]; }
	};`;

// It enrols itself, and its label is held before the phone's camera.
exports.boiler = async (stage, { qr }) => {
	const { page, hands, card } = await arrive(stage, "boiler", { permissions: ["camera"] }, camera(qr));
	await sees(stage, card, ["T-100", "0001", "It enrolled itself"]);
	await hands.tap(card.getByRole("button", { name: "Scan" }));
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	const field = card.getByLabel(/label/);
	await page.waitForFunction((id) => document.getElementById(id).value !== "", await field.getAttribute("id"));
	assert.equal(await field.inputValue(), qr);
	await hands.tap(card.getByRole("button", { name: "Approve" }));
	const done = hands.done();
	await isIn(stage, page, "boiler", ["label scanned", /◔\s*Claimed/]);
	return done;
};

// Found by mDNS; admitted, it shows a code on its display, which is typed.
exports.hall = async (stage) => {
	const { page, hands, card } = await arrive(stage, "hall");
	await sees(stage, card, ["H-20", "0002", "Found on the network (mDNS)"]);
	assert.equal(await card.getByRole("button", { name: "Approve" }).count(), 0, "its code comes first");
	await hands.tap(card.getByRole("button", { name: "Admit" }));
	await stage.sees(page.getByRole("status"), "admitted");
	const code = await stage.bed.display("hall");
	await stage.never(page, code);
	await hands.tap(card.getByLabel("Type the code that its display shows"));
	await hands.type(page, code);
	await hands.tap(card.getByRole("button", { name: "Approve" }));
	const done = hands.done();
	await isIn(stage, page, "hall", ["code from its display"]);
	return done;
};

// It registered at /rd, has neither a code nor a display, and is compared by eye.
exports.door = async (stage) => {
	const { page, hands, card } = await arrive(stage, "door");
	await sees(stage, card, ["Registered itself", /○\s*Plain/, "It sent no code and has no display."]);
	await hands.tap(card.getByRole("button", { name: "Approve" }));
	const done = hands.done();
	await isIn(stage, page, "door", ["no code"]);
	return done;
};
