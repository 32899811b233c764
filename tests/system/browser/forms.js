// SPDX-License-Identifier: Apache-2.0
// What is typed into forms: seen by whoever types it, and not lost when a session is another one meanwhile.
"use strict";

const assert = require("node:assert/strict");

// In another tab somebody logs in anew, and no form of this one fits any more.
async function logInElsewhere(stage, page, name) {
	const other = await page.context().newPage();
	await other.goto("/assets/icon.svg");
	const status = await other.evaluate(async ({ name: who, password }) => (await fetch("/api/v1/login", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ name: who, password }),
	})).status, { name, password: stage.people[name] });
	assert.equal(status, 200);
	await other.close();
}

// What was typed for a device is there once more, on its own screen; then it is sent.
async function sendAgain(stage, page, id, name) {
	const form = page.locator("form[action$='/rename']");
	assert.equal(await page.locator("main").getAttribute("data-path"), `/devices/${id}`);
	assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), name);
	assert.equal(await form.getByLabel("Place").inputValue(), "Cellar, 2nd door");
	await form.getByRole("button", { name: "Save" }).click();
	await stage.sees(page.getByRole("heading", { level: 1 }), name);
	await stage.sees(page, "Cellar, 2nd door");
}

async function typeName(page, id, name) {
	const form = page.locator("form[action$='/rename']");
	await page.goto(`/devices/${id}`);
	await form.getByLabel("Name", { exact: true }).fill(name);
	await form.getByLabel("Place").fill("Cellar, 2nd door");
	return () => form.getByRole("button", { name: "Save" }).click();
}

exports.olderSession = async (stage, { id, label }) => {
	stage.allowed.push(/status of 40[13]/);
	const page = await stage.open();
	await page.goto("/login");
	await stage.logIn(page, "tom");
	const save = await typeName(page, id, 'Typed "before"');
	await logInElsewhere(stage, page, "tom");
	await save();
	await stage.sees(page.getByRole("alert"), "This form was of an older session");
	await stage.accessible(page, "a form of an older session");
	await stage.fits(page, "a form of an older session");
	await sendAgain(stage, page, id, 'Typed "before"');

	// A script that sends asks for the password where the form stands, and keeps what is in it.
	await page.goto("/scan");
	await page.getByText("Place and owner, for all that follow").click();
	await page.getByLabel("Place", { exact: true }).fill("Hall 4");
	await logInElsewhere(stage, page, "tom");
	const field = page.getByLabel("A label: its code, or the address on it");
	await field.fill(label);
	await page.keyboard.press("Enter");
	const dialog = page.getByRole("dialog", { name: "You were logged out", exact: true });
	await dialog.getByLabel("Password").fill(stage.people.tom);
	await dialog.getByRole("button", { name: "Log in" }).click();
	await dialog.waitFor({ state: "hidden" });
	assert.equal(await field.inputValue(), label);
	assert.equal(await page.getByLabel("Place", { exact: true }).inputValue(), "Hall 4");
	await field.press("Enter");
	await page.locator(".scanned-count").filter({ hasText: /^1$/ }).waitFor();
};

// Without scripts nothing tells that a session is over, before something is sent.
exports.endedSession = async (stage, { id }) => {
	stage.allowed.push(/status of 40[13]/);
	const page = await stage.open({ javaScriptEnabled: false });
	await page.goto("/login");
	assert.equal(await page.getByRole("button", { name: "Show the password" }).count(), 0);
	await stage.logIn(page, "tom");
	const save = await typeName(page, id, "Typed too late");
	await page.context().clearCookies();
	await save();
	await stage.sees(page.getByRole("alert"), "You were logged out before this was sent");
	const logIn = async (password) => {
		await page.getByLabel("Name", { exact: true }).fill("tom");
		await page.getByLabel("Password", { exact: true }).fill(password);
		await page.getByRole("button", { name: "Log in" }).click();
	};
	await logIn("not the password at all");
	await stage.sees(page.getByRole("alert"), /wrong|not right/);
	await logIn(stage.people.tom);
	await stage.sees(page.getByRole("status"), "You are logged in, and nothing was changed yet.");
	await sendAgain(stage, page, id, "Typed too late");
};

// Each password of a screen can be looked at; tokens cannot.
exports.reveal = async (stage, { id }) => {
	const word = stage.people.anna;
	const page = await stage.open();
	const shows = (place) => place.getByRole("button", { name: "Show the password" });
	const type = (field) => field.getAttribute("type");
	await page.goto("/login");
	const field = page.getByLabel("Password", { exact: true });
	await page.getByLabel("Name", { exact: true }).fill("anna");
	await field.focus();
	await page.keyboard.type(word.slice(0, 6));
	await shows(page).click();
	assert.deepEqual([await type(field), await field.getAttribute("autocomplete")], ["text", "off"]);
	assert.equal(await shows(page).getAttribute("aria-pressed"), "true");
	await page.keyboard.type(word.slice(6)); // where one was
	assert.equal(await field.inputValue(), word);
	await stage.accessible(page, "a password that is shown");
	await stage.fits(page, "a password that is shown");
	await page.keyboard.press("Tab");
	await page.keyboard.press("Space"); // by the keyboard, too
	assert.deepEqual([await type(field), await field.getAttribute("autocomplete")], ["password", "current-password"]);
	await page.keyboard.press("Space");
	assert.equal(await type(field), "text");
	// It is hidden before anybody sees it sent, and when the window is left.
	await page.evaluate(() => addEventListener("submit", (event) => {
		document.body.dataset.sent = event.target.elements.password.type;
		event.preventDefault();
	}, { capture: true, once: true }));
	await page.getByRole("button", { name: "Log in" }).click();
	assert.equal(await page.evaluate("document.body.dataset.sent"), "password");
	assert.equal(await shows(page).getAttribute("aria-pressed"), "false");
	await shows(page).click();
	await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
	assert.equal(await type(field), "password");
	await shows(page).click();
	await page.getByRole("button", { name: "Log in" }).click();
	await page.waitForURL("**/waiting");
	await page.goBack();
	assert.equal(await page.locator("input[type=text]").filter({ hasText: word }).count(), 0);

	for (const [path, count] of [["/people", 2], ["/account", 2], ["/codes", 1], ["/uplink/tokens", 2], ["/authorities", 1]]) {
		await page.goto(path);
		await page.evaluate(() => document.querySelectorAll("main details").forEach((item) => { item.open = true; }));
		const fields = page.locator("main input[type=password][autocomplete$='-password']").filter({ visible: true });
		const offered = await fields.count();
		assert.ok(offered >= count, `${path}: ${offered}`);
		assert.equal(await shows(page.locator("main")).count(), offered, path);
	}
	await page.goto("/uplink/tokens");
	assert.equal(await page.getByLabel("The operator's token").evaluate((item) => item.nextElementSibling), null);
	await stage.accessible(page, "passwords and a token");

	// Also in what comes in by itself, and in the dialog of a session that is over.
	await page.goto(`/devices/${id}`);
	await page.getByText("End or replace it").click();
	await stage.bed.suspend();
	const release = page.locator("form[action$='/release']");
	await page.getByRole("button", { name: "Resume" }).waitFor();
	await shows(release).click();
	assert.equal(await type(release.getByLabel("Your own password, once more")), "text");
	await page.evaluate("stopListening(); sessionOver()");
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Password").fill("half of it");
	await shows(dialog).click();
	assert.equal(await type(dialog.getByLabel("Password")), "text");
	await stage.accessible(page, "a password that is shown in a dialog");
	await stage.fits(page, "a password that is shown in a dialog");
};
