// SPDX-License-Identifier: Apache-2.0
// The screen renews itself: nothing here loads a page a second time.
"use strict";

const assert = require("node:assert/strict");

// What happens elsewhere is seen; what somebody types meanwhile stays.
exports.arrivals = async (stage) => {
	const page = await stage.enter("anna");
	const loads = [];
	page.on("load", () => loads.push(page.url()));
	await stage.sees(page, "Nothing waits for you");
	await stage.bed.open_window();
	await stage.sees(page, "The window closes in");
	await stage.bed.enrol("pump-1", { model: "P-1", code: "BCDF-GHJK" });
	const first = stage.card(page, "pump-1");
	await stage.sees(first, "Waits for a decision");
	await first.getByLabel("Type the code that its label has").fill("bcdf");
	await stage.bed.enrol("pump-2", { model: "P-2" });
	await stage.sees(stage.card(page, "pump-2"), "Waits for a decision");
	assert.equal(await first.getByLabel("Type the code that its label has").inputValue(), "bcdf");
	await stage.bed.reject("pump-2");
	await stage.gone(page.getByRole("article"), "pump-2");
	await stage.bed.turned_away();
	await stage.sees(page, "A reading without approval");
	assert.deepEqual(loads, []);
};

// A device's way, on its own screen, with the readings that come in.
exports.device = async (stage, id) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	await page.goto(`/devices/${id}`);
	await stage.sees(page, "Active");
	await stage.bed.report(41);
	await page.getByRole("definition").filter({ hasText: /^1\s*$/ }).first().waitFor();
	await stage.bed.suspend();
	await stage.sees(page, "Suspended");
	await stage.sees(page.getByRole("button", { name: "Resume" }), "Resume");
};

// Tokens, labels and the hand-over sheet, while somebody types, looks, and is about to print: what is
// typed, open, or has the focus stays so, and looking is no act of a person.
exports.papers = async (stage, { id, name }) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	const asked = [];
	const visit = async (path) => {
		await page.goto(path);
		asked.length = 0;
	};
	page.on("request", (request) => asked.push([new URL(request.url()).pathname, request.headers()["x-background"]]));
	const quiet = (path) => assert.ok(asked.length > 0 &&
		asked.every(([where, mark]) => /^\/(api\/v1\/events|assets\/.*)$/.test(where) || where === path && mark === "1"),
	JSON.stringify(asked));
	const count = async (heading) => Number(/\((\d+)\)/.exec(await heading.innerText())[1]);

	await visit("/uplink/tokens");
	const secret = page.getByLabel("The operator's token");
	await secret.fill("half a tok");
	const heading = page.getByRole("heading", { name: /^Tokens \(/ });
	const before = await count(heading);
	for (const ep of ["late-token-1", "late-token-2"]) {
		await stage.bed.token(ep);
		await page.getByRole("row").filter({ hasText: ep }).waitFor();
	}
	assert.equal(await count(heading), before + 2);
	await stage.bed.drop_token("late-token-1");
	await page.getByRole("row").filter({ hasText: "late-token-1" }).waitFor({ state: "detached" });
	assert.equal(await count(heading), before + 1);
	assert.equal(await secret.inputValue(), "half a tok");
	assert.ok(await secret.evaluate((item) => item === document.activeElement));
	quiet("/uplink/tokens");

	await visit("/codes");
	const pasted = page.getByLabel("Or the lines, pasted");
	await pasted.fill("half a li");
	await stage.bed.code("late-code-1");
	const known = page.locator("summary").filter({ hasText: /labels? (is|are) known/ });
	await known.focus();
	await page.keyboard.press("Enter");
	await stage.sees(page.getByRole("row"), "late-code-1");
	const first = await known.innerText();
	await stage.bed.code("late-code-2");
	await stage.sees(page.getByRole("row"), "late-code-2");
	assert.notEqual(await known.innerText(), first, "they are counted anew");
	assert.ok(await known.evaluate((item) => item === document.activeElement), "the focus stays");
	assert.equal(await pasted.inputValue(), "half a li");
	quiet("/codes");

	await visit("/sheet");
	await page.evaluate("window.printed = 0; window.print = () => { window.printed++; }");
	await stage.bed.rename("Renamed meanwhile");
	await stage.sees(page.getByRole("row"), "Renamed meanwhile");
	await stage.bed.rename(name);
	await page.locator(`tr[data-key="device-${id}"]`).filter({ hasText: name }).waitFor();
	await page.getByRole("button", { name: "Print" }).click();
	assert.equal(await page.evaluate("window.printed"), 1);
	await stage.fits(page, "the sheet, renewed");
	await page.emulateMedia({ media: "print" });
	await stage.never(page, "Print");
	await stage.sees(page.getByRole("row"), name);
	quiet("/sheet");
};

// Two columns at a desk: whatever opens, and whatever comes in, nothing moves into the other one.
exports.columns = async (stage, { id }) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	// In one step: a section that is renewed between two of them is nowhere.
	const lefts = () => page.evaluate(() => Object.fromEntries([...document.querySelectorAll("main section")]
		.map((item) => [item.dataset.key, Math.round(item.getBoundingClientRect().left)])));
	for (const path of [`/devices/${id}`, "/uplink"]) {
		await page.goto(path);
		const before = await lefts();
		assert.equal(new Set(Object.values(before)).size, 2, `two columns on ${path}: ${JSON.stringify(before)}`);
		for (const fold of await page.locator("main summary").all()) {
			await fold.click();
			assert.deepEqual(await lefts(), before, path);
		}
		await stage.fits(page, path);
	}
	await page.goto(`/devices/${id}`);
	const before = await lefts();
	for (let value = 0; value < 6; value++)
		await stage.bed.report(value);
	await stage.sees(page, "As numbers");
	assert.deepEqual(await lefts(), before, "with curves");
};

// The gateway goes away and comes back. A button that is pressed meanwhile leads nowhere, and takes
// nothing of what was typed.
exports.away = async (stage) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/ERR_|Failed to load resource/);
	const card = stage.card(page, "pump-1");
	const field = card.getByLabel("Type the code that its label has");
	const press = () => card.getByRole("button", { name: "Approve" }).click();
	const label = "GH1:away-1:AAAABBBB";
	const kept = async () => {
		await stage.sees(page, "The gateway does not answer since");
		assert.ok(page.url().endsWith("/waiting"), page.url());
		assert.equal(await field.inputValue(), "BCDF-GHJK");
	};
	await page.goto("about:blank");
	await page.goto(`/waiting#${label}`);
	await field.fill("BCDF-GHJK");
	for (const where of [card, page.locator("#label-note")]) // where it is not fresh any more
		if (await where.getByLabel("Your own password, once more").count())
			await where.getByLabel("Your own password, once more").fill(stage.people.anna);
	await stage.bed.stop();
	await page.waitForFunction("silentSince !== null");
	await press(); // before the bar is there
	await kept();
	await stage.accessible(page, "a gateway that is away");
	await stage.fits(page, "a gateway that is away");
	for (const again of [press, () => page.getByRole("button", { name: "Take it in" }).click()]) {
		const refused = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/api/v1/status"));
		await again();
		await refused;
		await kept();
	}
	assert.equal(await page.evaluate("sessionStorage.getItem('label')"), label);
	await stage.bed.start();
	await stage.gone(page, "The gateway does not answer since");
	const dialog = page.getByRole("dialog");
	await stage.sees(dialog, "You were logged out"); // sessions do not survive a restart
	await dialog.getByLabel("Password").fill(stage.people.anna);
	await dialog.getByRole("button", { name: "Log in" }).click();
	await dialog.waitFor({ state: "hidden" });
	assert.equal(await field.inputValue(), "BCDF-GHJK");
	await press();
	await stage.sees(page.getByRole("status"), "The device is approved.");
};

// Four screens of one session listen; the fifth says that it does not renew itself, until one is closed.
exports.crowded = async (stage) => {
	const first = await stage.enter("tom");
	stage.allowed.push(/status of 429/);
	await stage.sees(first, "Devices that wait");
	await first.evaluate(() => Promise.all([1, 2, 3].map(() => new Promise((done) => {
		const more = new EventSource("/api/v1/events");
		window.more = [...(window.more || []), more];
		more.onopen = done;
	}))));
	const page = await stage.enter("tom");
	await stage.sees(page.getByRole("status"), "This screen does not renew itself now. Too many screens are listening.");
	await stage.never(page, "The gateway does not answer since");
	await stage.accessible(page, "too many screens");
	await stage.fits(page, "too many screens");
	await first.evaluate("window.more.forEach((one) => one.close())");
	await stage.gone(page, "This screen does not renew itself now.");
};

// No power, or no network: nothing says that the line is broken, but beats do not come any more.
exports.silent = async (stage) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/ERR_|Failed to load resource/);
	await stage.sees(page, "Devices that wait");
	await stage.bed.freeze();
	await stage.sees(page, "The gateway does not answer since");
	await stage.bed.thaw();
	await stage.gone(page, "The gateway does not answer since");
	await stage.sees(page, "Devices that wait");
};
