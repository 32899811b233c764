// SPDX-License-Identifier: Apache-2.0
// What goes into the gateway and out of it as a table; what was done; one's own account.
"use strict";

const fs = require("node:fs");
const assert = require("node:assert/strict");

const form = (page, kind) => page.locator(`form[data-import=${kind}]`);

// Wrong lines are named and nothing is taken; a long file goes in parts; nothing secret stays there.
exports.imports = async (stage, { codes, many }) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/status of 40/);
	await page.goto("/devices");
	await page.getByRole("link", { name: "Codes of labels" }).click();
	const labels = form(page, "codes");
	const send = async (into, text, password = stage.people.anna) => {
		await into.getByLabel("Or the lines, pasted").fill(text);
		await into.getByLabel("Your own password, once more").fill(password);
		await into.getByRole("button", { name: "Import" }).click();
	};
	await send(labels, "");
	await stage.sees(labels.getByRole("alert"), "There is no line to import.");
	await send(labels, `ep,code\n${codes[0]}\nmaker-1;no comma\n`);
	await stage.sees(labels.getByRole("alert"), "Line 3 does not have the columns");
	const typo = codes[1].slice(0, -1) + (codes[1].endsWith("7") ? "8" : "7");
	await send(labels, [codes[0], typo].join("\n"));
	await stage.sees(labels.getByRole("alert"), /Line 2 .*/);
	await send(labels, codes.join("\n"), "not the password at all");
	await stage.sees(labels.getByRole("alert"), "Nothing was imported.");
	await send(labels, `ep,code\r\n${codes.join("\r\n")}\r\n`);
	await stage.sees(labels.getByRole("status"), "All of it is imported: 3");
	assert.equal(await labels.getByLabel("Or the lines, pasted").inputValue(), "");
	assert.equal(await labels.getByLabel("Your own password, once more").inputValue(), "");

	await page.goto("/uplink");
	await page.getByRole("link", { name: "Tokens" }).click();
	const tokens = form(page, "tokens");
	await tokens.getByLabel("A file").setInputFiles({
		name: "tokens.csv", mimeType: "text/csv", buffer: Buffer.from(`ep,username,password\n${many.join("\n")}\n`) });
	await tokens.getByLabel("Your own password, once more").fill(stage.people.anna);
	await tokens.getByRole("button", { name: "Import" }).click();
	await stage.sees(tokens.getByRole("status"), "All of it is imported: 450");
	// Blanks inside of quotes belong to the field.
	const sent = page.waitForRequest((request) => request.method() === "PUT");
	await send(tokens, 'ep,username,password\nblanks-1, line9 ,"  a ""secret word""  "\n');
	await stage.sees(tokens.getByRole("status"), "All of it is imported: 1");
	assert.deepEqual((await sent).postDataJSON().tokens.map((row) => [row.username, row.password]),
		[["line9", '  a "secret word"  ']]);
	await page.reload();
	await stage.sees(page, "many-449");
	assert.ok(!(await page.content()).includes("secret word"));
	await page.goto("/codes");
	await page.getByText("3 labels are known").click();
	await stage.sees(page, "maker-2");
};

async function download(page, button) {
	const coming = page.waitForEvent("download");
	await button.click();
	return fs.readFileSync(await (await coming).path(), "utf8");
}

// The hand-over sheet and the journal, for programs.
exports.saved = async (stage, id) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	await page.goto("/devices");
	await page.getByRole("link", { name: "Hand-over sheet" }).click();
	await stage.sees(page.getByRole("row").filter({ hasText: "=2+3" }), "no code");
	await page.getByRole("button", { name: "Print" }).waitFor();
	await stage.whole(page, "the sheet");
	const devices = await download(page, page.getByRole("button", { name: "Save as a table" }));
	await stage.sees(page.getByRole("status").first(), "Saved. Rows:");
	await page.goto("/journal");
	await page.getByLabel("Action").fill("approve");
	await page.getByRole("button", { name: "Find" }).click();
	await stage.sees(page.getByRole("table"), id);
	// People's names leave the gateway: the password each time.
	stage.allowed.push(/status of 403/);
	await page.getByText("Save as a table").click();
	const form = page.locator("form[data-export=journal]");
	await form.getByLabel("Your own password, once more").fill("not the password at all");
	await form.getByRole("button", { name: "Save it" }).click();
	await stage.sees(page.locator("[data-progress]"), /not right|wrong/);
	assert.equal(await form.getByLabel("Your own password, once more").inputValue(), "");
	await form.getByLabel("Your own password, once more").fill(stage.people.anna);
	const journal = await download(page, form.getByRole("button", { name: "Save it" }));
	return { devices, journal };
};

// What was done to a device stands on its screen, all of it in the journal, whose chain is whole.
exports.journal = async (stage, { id, name, gone }) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	await page.goto(`/devices/${id}`);
	await stage.sees(page.locator(".history"), "Approve");
	await page.getByRole("link", { name: "All of it, in the journal" }).click();
	await page.waitForURL(`**/journal?object=${id}`);
	assert.equal(await page.getByLabel("Object").inputValue(), id);
	for (const row of await page.locator("tbody tr").all())
		assert.ok((await row.innerText()).includes(id));
	// Words of people, and the program's beside them; a device by its name, as long as there is one.
	const approved = page.getByRole("row").filter({ hasText: "Approve" });
	await stage.sees(approved, "Done");
	await approved.getByRole("link", { name }).click();
	await page.getByRole("heading", { level: 1, name }).waitFor();
	await page.goto(`/journal?object=${gone}`);
	const forgotten = page.getByRole("row").filter({ hasText: "Forget" });
	await stage.sees(forgotten, "not here any more");
	assert.equal(await forgotten.getByRole("link").count(), 0);
	// An action is chosen by its name, and looked for by the program's word.
	await page.getByLabel("Object").fill("");
	await page.getByLabel("Action").fill("window open");
	assert.equal(await page.locator("datalist option[value='window open']").textContent(), "Open the window");
	await page.getByRole("button", { name: "Find" }).click();
	await stage.sees(page.getByRole("table"), "Open the window");
	await stage.sees(page.getByRole("table"), "window open");
	await stage.never(page.getByRole("table"), "Approve");
	for (const path of ["/journal", "/devices", "/uplink"]) {
		await page.goto(path);
		await stage.whole(page, path);
		await stage.fits(page, path);
	}
	await page.goto(`/journal?object=${id}`);
	await page.getByLabel("Who").fill("nobody of this name");
	await page.getByRole("button", { name: "Find" }).click();
	await stage.sees(page, "No row fits");
	await page.getByRole("link", { name: "Check the chain now" }).click();
	await stage.sees(page, "The journal is whole");
};

// What the script makes of a number of seconds.
exports.durations = async (stage, rows) => {
	const page = await stage.enter("vera");
	const said = await page.evaluate((list) => list.map(([seconds]) => [seconds, ago(seconds), clock(seconds)]), rows);
	assert.deepEqual(said, rows);
};

// Two browsers of the same person: one ends the other; a new password ends them all.
exports.account = async (stage, { name, old, new: fresh }) => {
	const enter = async (password) => {
		const page = await stage.open();
		await page.goto("/login");
		await page.getByLabel("Name", { exact: true }).fill(name);
		await page.getByLabel("Password", { exact: true }).fill(password);
		await page.getByRole("button", { name: "Log in" }).click();
		return page;
	};
	stage.allowed.push(/status of 40/);
	const other = await enter(old);
	await other.waitForURL("**/waiting");
	const page = await enter(old);
	await page.waitForURL("**/waiting");
	await page.getByRole("link", { name }).click();
	// They are told apart: which is this one, by what it is used, from where, and since when.
	const session = page.getByRole("article");
	await stage.sees(session.first(), "This window");
	assert.equal(await session.filter({ hasText: "This window" }).count(), 1);
	for (const one of await session.all())
		for (const what of [/Chrome on \w+/, /Address\s+127\.0\.0\.\d|Address\s+\S*:/, /Logged in\s+\d+ \w+ ago/, /Last used\s+\d+ \w+ ago/])
			assert.match(await one.innerText(), what);
	assert.equal(await page.getByRole("button", { name: "Log out there" }).count(), 1);
	await page.getByRole("button", { name: "Log out there" }).click();
	await stage.sees(page.getByRole("status"), "That session has ended.");
	await stage.sees(other, "You were logged out");

	const change = async (present, next) => {
		await page.getByLabel("Your own password, once more").fill(present);
		await page.getByLabel("New password").fill(next);
		await page.getByRole("button", { name: "Save" }).click();
	};
	await change("not the password at all", fresh);
	await stage.sees(page.getByRole("alert"), /wrong|not right/);
	await change(old, fresh);
	await page.waitForURL(/\/login/);
	const again = await enter(old);
	await stage.sees(again.getByRole("alert"), /wrong|not right/);
	const back = await enter(fresh);
	await back.waitForURL("**/waiting");
};

// What needs scripts is not offered without them, and says what to use.
exports.withoutScript = async (stage) => {
	const page = await stage.open({ javaScriptEnabled: false });
	await page.goto("/login");
	await stage.logIn(page, "anna");
	await page.goto("/codes");
	// Playwright does not look for text inside <noscript>.
	assert.match(await page.locator("main").innerText(), /gatehousectl codes import/);
	assert.equal(await page.getByRole("button", { name: "Import" }).filter({ visible: true }).count(), 0);
	await page.goto("/sheet");
	assert.equal(await page.getByRole("button", { name: "Print" }).filter({ visible: true }).count(), 0);
	await page.goto("/journal?action=login");
	await stage.sees(page.locator("tbody"), "login");
	await page.goto("/account");
	await stage.sees(page, "This window");
};

// An authority: its certificate stays in the field when the password was not typed; a technician looks.
exports.authorities = async (stage, { name, certificate, fingerprint }) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/status of 403/);
	await page.goto("/devices");
	await page.getByRole("link", { name: "Authorities of devices" }).click();
	await page.getByLabel("Its certificate, in PEM").fill(certificate);
	await page.getByLabel("What you call it").fill(name);
	await page.getByLabel("A device that shows its certificate").selectOption("Its word is enough");
	await page.getByRole("button", { name: "Register" }).click();
	await stage.sees(page.getByRole("alert"), "This needs your password once more.");
	assert.equal((await page.getByLabel("Its certificate, in PEM").inputValue()).trim(), certificate.trim());
	assert.equal(await page.getByLabel("A device that shows its certificate").inputValue(), "auto");
	const form = page.locator("form").filter({ has: page.getByRole("button", { name: "Register" }) });
	await form.getByLabel("Your own password, once more").fill(stage.people.anna);
	await form.getByRole("button", { name: "Register" }).click();
	await page.getByRole("status").filter({ hasText: "authority" }).waitFor();
	const card = stage.card(page, name);
	await stage.sees(card, "Its word is enough");
	await stage.sees(card, fingerprint.toUpperCase().match(/../g).join(":"));

	const tom = await stage.enter("tom");
	await tom.goto("/authorities");
	await stage.sees(stage.card(tom, name), "Its word is enough");
	assert.equal(await tom.getByRole("button", { name: "Withdraw it" }).count(), 0);

	await card.getByText("Withdraw it").first().click();
	await card.getByLabel("Your own password, once more").fill(stage.people.anna);
	await card.getByRole("button", { name: "Withdraw it" }).click();
	await page.getByRole("status").filter({ hasText: "withdrawn" }).waitFor();
	await stage.gone(tom.getByRole("article"), name);
};

// Somebody new, who is somebody else then, and then nobody: each time the password of who does it.
exports.people = async (stage, { name, password }) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/status of 40[0-9]/);
	await page.goto("/people");
	// What is said next is said by the next screen.
	const press = async (button) => {
		const loaded = page.waitForEvent("load");
		await button.click();
		await loaded;
	};
	const fresh = page.locator("section").filter({ has: page.getByRole("heading", { name: "Somebody new" }) });
	const add = async (word) => {
		await fresh.getByRole("textbox", { name: "Name", exact: true }).fill(name);
		await fresh.getByLabel("Role").selectOption("Viewer");
		await fresh.getByLabel("New password").fill(word);
		await fresh.getByLabel("Your own password, once more").fill(stage.people.anna);
		await press(fresh.getByRole("button", { name: "Add" }));
	};
	await add("passwordpassword");
	await page.getByRole("alert").filter({ hasText: "repeats a short group of characters" }).waitFor();
	assert.equal(await fresh.getByRole("textbox", { name: "Name", exact: true }).inputValue(), name);
	assert.equal(await fresh.getByLabel("Role").inputValue(), "viewer");
	assert.equal(await fresh.getByLabel("New password").inputValue(), "", "a password does not come back");
	await stage.accessible(page, "a password that is refused");
	await stage.fits(page, "a password that is refused");
	// Elsewhere it is seen without a press.
	const people = await stage.enter("anna");
	await people.goto("/people");
	const journal = await stage.enter("anna");
	await journal.goto("/journal");
	const there = people.getByRole("article").filter({ has: people.getByRole("heading", { name }) });
	assert.equal(await there.count(), 0);
	await add(password);
	await stage.sees(there, "Viewer");
	await journal.locator("tr").filter({ hasText: "person put" }).filter({ hasText: name }).first().waitFor();
	// One address may have eight connections, and a fourth window would want more.
	await journal.context().close();
	await page.getByRole("status").filter({ hasText: /Saved|saved/ }).waitFor();
	const card = page.getByRole("article").filter({ has: page.getByRole("heading", { name }) });
	await stage.sees(card, "Viewer");

	const other = await stage.open();
	const enter = async () => {
		await other.goto("/login");
		await other.getByLabel("Name", { exact: true }).fill(name);
		await other.getByLabel("Password", { exact: true }).fill(password);
		await other.getByRole("button", { name: "Log in" }).click();
	};
	await enter();
	await other.waitForURL("**/waiting");
	assert.equal(await other.getByRole("button", { name: "Add a device" }).count(), 0);

	await card.getByText("Change", { exact: true }).click();
	const change = card.locator("form").filter({ has: page.getByRole("button", { name: "Save" }) });
	await change.getByLabel("Role").selectOption("Technician");
	await change.getByLabel("Your own password, once more").fill(stage.people.anna);
	await press(change.getByRole("button", { name: "Save" }));
	await page.getByRole("status").filter({ hasText: /Saved|saved/ }).waitFor();
	await stage.sees(other, "You were logged out");
	await enter();
	await other.waitForURL("**/waiting");
	await other.getByRole("link", { name: "Scan labels first" }).waitFor();

	await card.getByText("Change", { exact: true }).click();
	const drop = card.locator("form").filter({ has: page.getByRole("button", { name: "Remove this person" }) });
	await press(drop.getByRole("button", { name: "Remove this person" }));
	await stage.sees(page.getByRole("alert"), "This needs your password once more.");
	await stage.sees(card, "Technician");
	await drop.getByLabel("Your own password, once more").fill(stage.people.anna);
	await press(drop.getByRole("button", { name: "Remove this person" }));
	await page.getByRole("status").filter({ hasText: /removed/ }).waitFor();
	assert.equal(await card.count(), 0);
	await there.waitFor({ state: "detached" });
	await stage.sees(other, "You were logged out");
	await enter();
	await other.getByRole("alert").filter({ hasText: /wrong|not right/ }).waitFor();
};
