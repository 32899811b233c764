// SPDX-License-Identifier: Apache-2.0
// Labels on the screen: the camera, an address of this page, pasting. Debian's Chromium has no
// BarcodeDetector: where a camera is to see something, the scenario puts one in.
"use strict";

const assert = require("node:assert/strict");

const detector = (text) => `
	window.BarcodeDetector = class {
		constructor(options) { this.formats = options.formats; }
		async detect() { return [{ rawValue: ${JSON.stringify(text)}, format: this.formats[0] }]; }
	};`;

// A code read by the camera is in the field, and goes nowhere by itself.
exports.camera = async (stage) => {
	const page = await stage.enter("tom", { permissions: ["camera"] });
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("scan-1", { code: "BCDF-GHJK" });
	const card = stage.card(page, "scan-1");
	await stage.sees(card, "Waits for you");
	assert.equal(await card.getByRole("button", { name: "Scan" }).count(), 0, "no camera without a detector");
	await page.addInitScript(detector("BCDF-GHJK"));
	await page.reload();
	await card.getByRole("button", { name: "Scan" }).click();
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	const field = card.getByLabel("Type the code on its label");
	await page.waitForFunction((id) => document.getElementById(id).value !== "", await field.getAttribute("id"));
	assert.equal(await field.inputValue(), "BCDF-GHJK");
	await stage.accessible(page, "a card with a camera");

	// Pasted: an address of this page with the code in it.
	await field.fill(`${stage.url}/#GH1:scan-1:AAAABBBB`);
	assert.equal(await field.inputValue(), "GH1:scan-1:AAAABBBB");
	await field.fill("BCDF-GHJK");
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
};

// The phone's own camera opened the label's address: its code waits, in this window alone, until
// its device is there.
exports.waits = async (stage) => {
	const page = await stage.open();
	await page.goto("/#GH1:later-1:AAAABBBBCCCCDDDD");
	await page.waitForURL("**/login*");
	assert.ok(!page.url().includes("GH1"), "the code does not stay in the address");
	await page.getByLabel("Name", { exact: true }).fill("tom");
	await page.getByLabel("Password", { exact: true }).fill(stage.people.tom);
	await page.getByRole("button", { name: "Log in" }).click();
	await page.waitForURL("**/waiting");
	await stage.sees(page, "A label was scanned, of later-1");
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("later-1", { code: "BCDF-GHJK" });
	const field = stage.card(page, "later-1").getByLabel("Type the code on its label");
	await page.waitForFunction(() => [...document.querySelectorAll("input[name=code]")]
		.some((item) => item.value === "GH1:later-1:AAAABBBBCCCCDDDD"));
	await stage.gone(page, "A label was scanned");
	assert.equal(await field.inputValue(), "GH1:later-1:AAAABBBBCCCCDDDD");
	assert.equal(await page.evaluate("sessionStorage.length"), 0);
	await stage.card(page, "later-1").getByRole("button", { name: "Reject" }).click();
	await stage.gone(page.getByRole("article"), "later-1");
};

// From Waiting to an approved device: taps are counted, and nothing is typed but the password.
exports.taps = async (stage) => {
	let taps = 0;
	const tap = async (what) => {
		taps += 1;
		await what.click();
	};
	const page = await stage.enter("tom", { permissions: ["camera"], hasTouch: true });
	const close = page.getByRole("button", { name: "Close it now" });
	if (await close.count()) // another scenario's
		await close.click();
	await page.addInitScript(detector("BCDF-GHJK"));
	await page.goto("/waiting");
	await tap(page.getByLabel("Your password, once more").first());
	await page.keyboard.type(stage.people.tom);
	await tap(page.getByRole("button", { name: "Add a device" }));
	await stage.sees(page, "The window is open");
	await stage.bed.enrol("taps-1", { model: "T-9", code: "BCDF-GHJK" });
	const card = stage.card(page, "taps-1");
	await tap(card.getByRole("button", { name: "Scan" }));
	await page.waitForFunction(() => [...document.querySelectorAll("input[data-ep=taps-1]")]
		.some((item) => item.value === "BCDF-GHJK"));
	await tap(card.getByRole("button", { name: "Approve" }));
	await stage.sees(page.getByRole("status"), "The device is approved.");
	assert.ok(taps <= 8, `${taps} taps`);
};
