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
	await stage.sees(card, "Waits for a decision");
	assert.equal(await card.getByRole("button", { name: "Scan" }).count(), 0, "no camera without a detector");
	await page.addInitScript(detector("BCDF-GHJK"));
	await page.reload();
	await card.getByRole("button", { name: "Scan" }).click();
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	const field = card.getByLabel("Type the code that its label has");
	await page.waitForFunction((id) => document.getElementById(id).value !== "", await field.getAttribute("id"));
	assert.equal(await field.inputValue(), "BCDF-GHJK");
	await stage.accessible(page, "a card with a camera");

	// Pasted: an address of this page with the code in it.
	await field.fill(`${stage.url}/#GH1:scan-1:AAAABBBB`);
	assert.equal(await field.inputValue(), "GH1:scan-1:AAAABBBB");
	// A name may hold what divides addresses and labels.
	await field.fill("GH1:a://b#50%:AAAABBBB");
	assert.equal(await field.inputValue(), "GH1:a://b#50%:AAAABBBB");
	const other = stage.card(page, "urn:scan:2").getByLabel("Code of its label");
	await stage.bed.enrol("urn:scan:2", {});
	await other.waitFor();
	await page.evaluate(detector("GH1:urn:scan:2:AAAABBBB"));
	await card.getByRole("button", { name: "Scan" }).click();
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	await page.waitForFunction((id) => document.getElementById(id).value !== "", await other.getAttribute("id"));
	assert.equal(await other.inputValue(), "GH1:urn:scan:2:AAAABBBB", "it goes to its own device");
	assert.equal(await field.inputValue(), "GH1:a://b#50%:AAAABBBB");
	await field.fill("BCDF-GHJK");
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
};

// One code after the other is before the camera.
const inTurn = (texts) => `
	window.BarcodeDetector = class {
		constructor(options) { this.formats = options.formats; this.at = 0; }
		async detect() {
			const list = ${JSON.stringify(texts)};
			return [{ rawValue: list[Math.min(this.at++, list.length - 1)], format: this.formats[0] }];
		}
	};`;

// A device's token, read by the camera into its field: shown nowhere, sent by the form alone, kept in
// no place of the browser. A label before the camera is none. Without a detector the page says so.
exports.token = async (stage, { id, pt, label }) => {
	const page = await stage.enter("anna", { permissions: ["camera"] });
	const open = async () => {
		await page.goto(`/devices/${id}`);
		await page.getByText("Replace its provisioning token").click();
	};
	const form = page.locator("form").filter({ has: page.locator("input[data-scan]") });
	await open();
	await stage.sees(form, "This browser cannot read codes with its camera: type it, or paste it.");
	assert.equal(await form.getByRole("button", { name: "Scan" }).count(), 0, "no camera without a detector");
	await stage.accessible(page, "a token to type");

	const sent = [];
	page.on("request", (request) => sent.push([request.method(), request.url(), request.postData() || ""]));
	await page.addInitScript(inTurn([label, `${pt}\n`]));
	await open();
	await form.getByRole("button", { name: "Scan" }).click();
	const dialog = page.locator("#scanner");
	await dialog.waitFor({ state: "hidden" });
	const field = form.getByLabel("Provisioning token");
	await page.waitForFunction((one) => document.getElementById(one).value !== "", await field.getAttribute("id"));
	assert.equal(await dialog.locator("[role=status]").textContent(), "This is the label of a device, not a token.");
	assert.equal(await field.inputValue(), pt);
	assert.equal(await field.getAttribute("type"), "password", "what is read is not shown");
	assert.ok(!(await page.locator("body").innerText()).includes(pt));
	assert.equal(await page.evaluate("document.activeElement.name"), "password", "the next thing to type");
	await stage.accessible(page, "a token that was scanned");
	await stage.fits(page, "a token that was scanned");
	assert.ok(!sent.some((one) => one.join(" ").includes(pt)), "nothing is sent by itself");
	await page.keyboard.type(stage.people.anna);
	await form.getByRole("button", { name: "Save" }).click();
	await stage.sees(page.getByRole("status"), "1 token was saved");
	assert.ok(!(await page.content()).includes(pt), "it does not come back");
	assert.ok(!page.url().includes(pt));
	const kept = await page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])");
	assert.ok(!kept.includes(pt), "the browser keeps it nowhere");
	const carriers = sent.filter((one) => one.some((part) => part.includes(encodeURIComponent(pt)) || part.includes(pt)));
	assert.deepEqual(carriers.map(([method, url]) => [method, new URL(url).pathname]), [["POST", `/devices/${id}/token`]]);
	assert.ok(!carriers[0][1].includes(pt), "in the body alone");
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
	const field = stage.card(page, "later-1").getByLabel("Type the code that its label has");
	await page.waitForFunction(() => [...document.querySelectorAll("input[name=code]")]
		.some((item) => item.value === "GH1:later-1:AAAABBBBCCCCDDDD"));
	await stage.gone(page, "A label was scanned");
	assert.equal(await field.inputValue(), "GH1:later-1:AAAABBBBCCCCDDDD");
	assert.equal(await page.evaluate("sessionStorage.length"), 0);
	assert.equal(await page.evaluate("document.activeElement.textContent"), "Approve", "the next thing to press");

	// Somebody who types meanwhile goes on typing: in a card, and in the note itself.
	const scan = async (code) => {
		await page.goto("about:blank");
		await page.goto(`/waiting#${code}`);
		await stage.sees(page, "A label was scanned, of");
	};
	const comes = async (ep, code) => {
		await stage.bed.enrol(ep, { code: "BCDF-GHJK" });
		await page.waitForFunction((text) => [...document.querySelectorAll(".decision input[name=code]")]
			.some((item) => item.value === text), code);
	};
	const said = (ep) => page.locator("#said").filter({ hasText: `filled in: ${ep}` }).waitFor({ state: "attached" });
	await scan("GH1:later-2:AAAABBBB");
	await field.focus();
	await page.keyboard.type("BCDF");
	await comes("later-2", "GH1:later-2:AAAABBBB");
	await page.keyboard.type("-GHJK");
	assert.equal(await field.inputValue(), "BCDF-GHJK");
	await said("later-2");
	await stage.gone(page, "A label was scanned");

	await scan("GH1:later-3:AAAABBBB");
	// The field that is there when the password is not fresh, which takes five minutes.
	await page.evaluate(() => document.querySelector("#label-note form").insertAdjacentHTML("afterbegin",
		"<label>Once more <input type=password name=password></label>"));
	await page.getByLabel("Once more").focus();
	await page.keyboard.type("half");
	await comes("later-3", "GH1:later-3:AAAABBBB");
	await page.keyboard.type("way");
	assert.equal(await page.getByLabel("Once more").inputValue(), "halfway");
	await said("later-3");
	await stage.sees(page, "A label was scanned, of later-3");
	for (const ep of ["later-1", "later-2", "later-3"]) {
		await stage.card(page, ep).getByRole("button", { name: "Reject" }).click();
		await stage.gone(page.getByRole("article"), ep);
	}
};

// A label that is the address of this page, from the phone's own camera to a device that is in: taps
// are counted, and nothing is typed but the password.
exports.taps = async (stage, { address, ep }) => {
	let taps = 0;
	const tap = async (what) => {
		taps += 1;
		await what.tap();
	};
	const page = await stage.open({ hasTouch: true });
	await page.goto("/login"); // somebody was logged in here before, and logged out
	await stage.logIn(page, "tom");
	await page.getByRole("button", { name: "Log out" }).click();
	await page.waitForURL("**/login");

	await page.goto("about:blank");
	taps += 1; // on what the camera shows
	await page.goto(address);
	await page.waitForURL("**/login*");
	assert.ok(!page.url().includes("#"), "the code does not stay in the address");
	assert.equal(await page.evaluate("document.activeElement.name"), "password");
	await page.keyboard.type(stage.people.tom);
	await tap(page.getByRole("button", { name: "Log in" }));
	await page.waitForURL("**/waiting");
	await stage.sees(page, `A label was scanned, of ${ep}`);
	const note = page.locator("#label-note");
	assert.equal(await note.getByLabel("Your own password, once more").count(), 0, "it was just typed");
	await tap(note.getByRole("button", { name: "Take it in" }));
	await stage.sees(page, `The label of ${ep} is kept.`);
	await stage.gone(page, "A label was scanned, of");
	await stage.bed.prove(ep);
	await page.goto(`/devices?q=${encodeURIComponent(ep)}`);
	await stage.sees(page, "Active");
	return taps;
};

// A label with a typo is refused with a reason, is there to be looked at, and is gone with the next
// screen; a right one is listed, and can be cancelled.
exports.refused = async (stage, { qr, ep }) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 40[03]/);
	const note = page.locator("#label-note");
	const password = note.getByLabel("Your own password, once more");
	const take = async (text) => {
		await page.goto("about:blank");
		await page.goto(`/waiting#${text}`);
		if (await password.count())
			await password.fill(stage.people.tom);
		await note.getByRole("button", { name: "Take it in" }).click();
	};
	// Without a name it is no label of anybody, and a secret all the same. What looks like an escape and is
	// none stands for itself, and stops nothing.
	for (const text of ["GH1-AAAABBBB", "GH1:half%zz:AAAABBBB"]) {
		await page.goto("about:blank");
		await page.goto(`/waiting#${text}`);
		assert.ok(!page.url().includes("#"), `${text} does not stay in the address`);
	}
	await stage.sees(page, "A label was scanned, of half%zz");
	await take(qr.slice(0, -1) + (qr.endsWith("7") ? "8" : "7"));
	await stage.sees(page.getByRole("alert"), "has a typo");
	await stage.sees(page, `A label was scanned, of ${ep}`);
	await stage.accessible(page, "a label that waits and was refused");
	await stage.fits(page, "a label that waits and was refused");
	await page.goto("/waiting");
	await stage.never(page, `A label was scanned, of ${ep}`);
	await take(qr);
	await stage.sees(page, `The label of ${ep} is kept.`);
	await page.goto("/scan");
	const row = page.getByRole("listitem").filter({ hasText: ep });
	await stage.sees(row, "Not heard yet");
	await row.getByRole("button", { name: "Do not wait for it" }).click();
	await stage.sees(page.getByRole("status"), "waited for");
	await stage.gone(page.getByRole("listitem"), ep);
};

const scripted = (texts) => `
	window.BarcodeDetector = class {
		async detect() {
			const list = ${JSON.stringify(texts)};
			const at = window.shown = (window.shown || 0) + 1;
			return at % 2 ? [] : [{ rawValue: list[(at / 2 - 1) % list.length] }]; // each one twice, and again from the start
		}
	};`;

// Forty labels in a row: all but three are typed (a scanner at the keyboard types them with Enter), the
// rest comes before the camera; nobody leaves the screen. Some of the devices come meanwhile.
exports.forty = async (stage, { typed, shown, some, rejected, cancelled }) => {
	const page = await stage.enter("tom", { permissions: ["camera"] });
	await page.addInitScript(scripted(shown.map((label) => label.qr)));
	await page.goto("/waiting");
	await page.getByRole("link", { name: "Scan labels first" }).click();
	await page.waitForURL("**/scan");
	const loads = [];
	page.on("load", () => loads.push(page.url()));
	const asked = []; // for the devices of labels that do not wait any more
	page.on("request", (request) => request.url().includes("/api/v1/devices?") && asked.push(request.headers()["x-background"]));
	const field = page.getByLabel("A label: its code, or the address on it");
	const password = page.getByLabel("Your own password, once more");
	if (await password.isVisible())
		await password.fill(stage.people.tom);
	await page.getByText("Place and owner, for all that follow").click();
	await page.getByLabel("Place", { exact: true }).fill("Hall 4");
	await field.focus();
	for (let i = 0; i < typed.length; i++) {
		await (i === 2 ? page.keyboard.type(typed[i].url) : page.keyboard.insertText(i % 2 ? typed[i].qr : typed[i].url));
		await page.keyboard.press("Enter");
		await page.locator(".scanned-count").filter({ hasText: new RegExp(`^${i + 1}$`) }).waitFor();
		assert.ok(await field.evaluate((item) => item === document.activeElement && item.value === ""));
	}
	// A typo is said, stays in the field, and is no label.
	const typo = typed[0].qr.slice(0, -1) + (typed[0].qr.endsWith("7") ? "8" : "7");
	stage.allowed.push(/status of 400/);
	await page.keyboard.insertText(typo);
	await page.keyboard.press("Enter");
	await page.locator("[data-scan-many] [role=alert]:not(:empty)").waitFor();
	assert.equal(await field.inputValue(), typo);
	await field.fill("");
	// The camera stays open, and a label that is held long is taken once.
	const all = typed.length + shown.length;
	await page.getByRole("button", { name: "Scan with the camera" }).click();
	await page.locator(".scanned-count").filter({ hasText: new RegExp(`^${all}$`) }).waitFor({ state: "attached" });
	await page.locator("#scanner [role=status]").filter({ hasText: "was scanned already" }).waitFor();
	await stage.accessible(page, "the camera of forty labels");
	await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	assert.equal(await page.locator(".scanned ol li").count(), all);
	await stage.sees(page, `Labels that wait for their devices (${all})`);
	// What comes is seen to be in, without a word of anybody.
	for (const ep of some)
		await stage.bed.prove(ep);
	await page.locator(".scanned-in").filter({ hasText: new RegExp(`^${some.length}$`) }).waitFor();
	await stage.sees(page, `Labels that wait for their devices (${all - some.length})`);
	// What does not wait for another reason is not said to be in.
	const line = (ep) => page.locator(".scanned li").filter({ hasText: ep });
	await stage.sees(line(some[0]), "is in");
	await stage.bed.reject(rejected);
	await stage.sees(line(rejected), "Rejected");
	await stage.bed.cancel(cancelled);
	await stage.sees(line(cancelled), "does not wait any more");
	await stage.sees(page, `Labels that wait for their devices (${all - some.length - 2})`);
	assert.equal(await page.locator(".scanned-in").innerText(), String(some.length));
	await stage.accessible(page, "forty labels");
	await stage.fits(page, "forty labels");
	assert.deepEqual(loads, []);
	assert.ok(asked.length >= some.length + 2 && asked.every((one) => one === "1"), `no act of a person: ${asked}`);
};
