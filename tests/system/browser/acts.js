// SPDX-License-Identifier: Apache-2.0
// What is done to one device on its own screen: commands, and another one in its place.
"use strict";

const assert = require("node:assert/strict");

// Sent, taken by the device, answered: without loading the page again. What cannot be sent stays typed.
exports.command = async (stage, { id, without }) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 40/);
	await page.goto(`/devices/${id}`);
	const panel = page.locator("section").filter({ has: page.getByRole("heading", { name: "Commands" }) });
	await panel.getByLabel("Command", { exact: true }).fill("set-rate");
	await panel.getByLabel("Arguments").fill("{seconds: 60");
	await panel.getByRole("button", { name: "Send" }).click();
	await stage.sees(page.getByRole("alert"), "The arguments are not JSON.");
	assert.equal(await panel.getByLabel("Command", { exact: true }).inputValue(), "set-rate");
	assert.equal(await panel.getByLabel("Arguments").inputValue(), "{seconds: 60");
	await panel.getByLabel("Arguments").fill('{"seconds": 60}');
	await panel.getByRole("button", { name: "Send" }).click();
	await stage.sees(page.getByRole("status"), "The command waits for the device.");
	await stage.sees(panel, "Waits for the device");
	await stage.sees(panel, '{"seconds":60}');
	await stage.accessible(page, "a command that waits");
	await stage.bed.obey(true, { was: "<b>5</b>" });
	await stage.sees(panel, "Done");
	await stage.sees(panel, '{"was":"<b>5</b>"}');
	await panel.getByLabel("Command", { exact: true }).fill("self-destruct");
	await panel.getByRole("button", { name: "Send" }).click();
	await stage.sees(page.getByRole("status"), "The command waits for the device.");
	await stage.bed.obey(false);
	await stage.sees(panel, "The device could not do it");
	await stage.accessible(page, "commands and answers");
	await stage.fits(page, "commands and answers");
	const vera = await stage.enter("vera");
	await vera.goto(`/devices/${id}`);
	await stage.sees(vera, "set-rate");
	await stage.never(vera, '{"seconds":60}');
	assert.equal(await vera.getByRole("button", { name: "Send" }).count(), 0);
	await vera.goto(`/devices/${without}`);
	assert.equal(await vera.getByRole("heading", { name: "Commands" }).count(), 0);
};

// Broken hardware: the new one gets name, place and history, and is approved with its own code.
exports.replace = async (stage, { id, ep }) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/status of 403/);
	await stage.openWindow(page, "anna");
	await stage.bed.enrol(ep, { model: "T-2", serial: "0077", code: "BCDF-GHJK" });
	await stage.sees(stage.card(page, ep), "Waits for a decision");
	await page.goto(`/devices/${id}`);
	await page.getByText("End or replace it").click();
	const form = page.locator("form").filter({ has: page.getByRole("button", { name: "Replace" }) });
	await form.getByLabel("The new device").selectOption({ label: `${ep} T-2 0077` });
	await form.getByRole("button", { name: "Replace" }).click();
	await stage.sees(page.getByRole("alert"), "This needs your password once more.");
	await form.getByLabel("The new device").selectOption({ label: `${ep} T-2 0077` });
	await form.getByLabel("Your own password, once more").fill(stage.people.anna);
	await form.getByRole("button", { name: "Replace" }).click();
	await stage.sees(page.getByRole("status"), "Replaced: the new device has its name");
	assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Old pump");
	await stage.sees(page, "Waits for a decision");
	await stage.sees(page, "0077");
	await page.locator(".decision").getByLabel("Type the code that its label has").fill("bcdf ghjk");
	await page.locator(".decision").getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
	await stage.bed.report(ep, 7);
	await page.goto(`/devices/${id}`);
	await stage.sees(page, "Active");
	// Its history goes on.
	for (const act of ["approve", "replace"])
		await stage.sees(page.locator(".history"), act);
	await page.goto("/devices?q=Old%20pump");
	assert.equal(await page.getByRole("link", { name: "Old pump" }).count(), 1);
};

// It does not appear by itself: somebody types where it is. What leads nowhere is said, and stays typed.
exports.byAddress = async (stage, { address, ep }) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 4/);
	await stage.openWindow(page, "tom");
	const ask = page.locator("details").filter({ hasText: "It does not appear? Look at an address" });
	await page.getByText("It does not appear? Look at an address").click();
	await ask.getByLabel("Its address").fill("over there");
	await ask.getByRole("button", { name: "Look there" }).click();
	await stage.sees(page.getByRole("alert"), "An address is an IPv4 or IPv6 address");
	assert.equal(await ask.getByLabel("Its address").inputValue(), "over there");
	await ask.getByLabel("Its address").fill(address);
	await stage.accessible(page, "an address to look at");
	await ask.getByRole("button", { name: "Look there" }).click();
	await stage.sees(page.getByRole("status"), `${ep} is there`);
	const card = stage.card(page, ep);
	for (const text of ["Waits for a decision", address])
		await stage.sees(card, text);
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
};

// One that asks and asks: blocked, it is gone from Waiting, and its asking is counted; unblocked, it
// may ask again.
exports.block = async (stage, { id, ep }) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 404/);
	await stage.openWindow(page, "tom");
	await stage.sees(stage.card(page, ep), "Waits for a decision");
	await page.goto(`/devices/${id}`);
	await page.getByRole("button", { name: "Block", exact: true }).click();
	await stage.sees(page.getByRole("status"), "blocked");
	await stage.sees(page, /⊘\s*Blocked/);
	assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
	await stage.accessible(page, "a device that is blocked");
	assert.equal(await stage.bed.knock(ep), "4.03");
	await page.goto("/waiting");
	await stage.sees(page.getByRole("region", { name: "Heard and turned away" }), "Blocked");
	assert.equal(await page.getByRole("article").filter({ hasText: ep }).count(), 0);
	await page.goto(`/devices/${id}`);
	await page.getByRole("button", { name: "Unblock" }).click();
	await stage.sees(page.getByRole("status"), "may ask again");
	await page.goto("/waiting");
	assert.notEqual(await stage.bed.knock(ep), "4.03");
	await stage.sees(stage.card(page, ep), "Waits for a decision");
	const vera = await stage.enter("vera");
	await vera.goto(`/devices/${id}`);
	assert.equal(await vera.getByRole("button", { name: "Block", exact: true }).count(), 0);
};

// Whoever came first stands first, whatever it is called; one that comes now stands last.
exports.oldestFirst = async (stage, { names, late }) => {
	const page = await stage.enter("tom");
	await page.goto("/waiting");
	const ours = [...names, late];
	const order = async () => (await page.getByRole("article").getByRole("heading").allInnerTexts())
		.map((text) => text.trim()).filter((text) => ours.includes(text));
	for (const name of names)
		await stage.sees(stage.card(page, name), "Waits for a decision");
	assert.deepEqual(await order(), names);
	await stage.bed.arrive(late);
	await stage.sees(stage.card(page, late), "Waits for a decision");
	assert.deepEqual(await order(), ours, "as it comes");
	await page.reload();
	assert.deepEqual(await order(), ours, "and when it is loaded again");
};

// The one that blinks is the one that is meant. Nothing is decided by it, so what is typed stays typed.
// A device that cannot is said to be one.
exports.identify = async (stage, { ep, id, without }) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 4/);
	await page.goto("/waiting");
	const card = stage.card(page, ep);
	await card.getByLabel("Code of its label").fill("GH1:");
	await card.getByText("Name, place, owner").click();
	await card.getByLabel("Place").fill("Cellar");
	await card.getByRole("button", { name: "Identify" }).click();
	await stage.sees(page.getByRole("status"), "It should blink or beep now.");
	assert.deepEqual(await stage.bed.told(), [["/blink", "10"]]);
	await stage.sees(card, "Waits for a decision");
	assert.equal(await card.getByLabel("Code of its label").inputValue(), "GH1:");
	assert.equal(await card.getByLabel("Place").inputValue(), "Cellar");
	await stage.accessible(page, "a device that blinks");
	await page.goto(`/devices/${id}`);
	await stage.sees(page.locator(".history"), "identify");
	await page.goto("/waiting");
	await stage.card(page, without).getByRole("button", { name: "Identify" }).click();
	await stage.sees(page.getByRole("alert"), "cannot show which one it is");
	await stage.sees(stage.card(page, without), "Waits for a decision");
	await stage.accessible(page, "a device that cannot blink");
	const vera = await stage.enter("vera");
	assert.equal(await vera.getByRole("button", { name: "Identify" }).count(), 0);
};

const acts = (page) => page.locator("form.act .buttons").getByRole("button");

// For a while: its readings are refused, nothing is deleted, and the way back stands where the way in
// stood.
exports.suspend = async (stage, { id }) => {
	const page = await stage.enter("tom");
	await page.goto(`/devices/${id}`);
	await stage.sees(page.locator("form.act"), "Readings are refused until somebody resumes it. Nothing is deleted.");
	await page.getByRole("button", { name: "Suspend" }).click();
	await stage.sees(page.getByRole("status"), "Suspended. Nothing of this device is published until it is resumed.");
	await stage.sees(page, /❚❚\s*Suspended/);
	await stage.sees(page, "Its readings are not taken.");
	assert.deepEqual(await acts(page).allInnerTexts(), ["Resume"]);
	await stage.accessible(page, "a device that is suspended");
	await stage.fits(page, "a device that is suspended");
	assert.equal(await stage.bed.report(1), "4.03");
	await page.goto("/devices?q=life-1");
	await stage.sees(page.getByRole("row"), "Suspended");
	await page.goto(`/devices/${id}`);
	await page.getByRole("button", { name: "Resume" }).click();
	await stage.sees(page.getByRole("status"), "The device is active again.");
	await stage.sees(page, /✓\s*Active/);
	assert.deepEqual(await acts(page).allInnerTexts(), ["Suspend"]);
	assert.equal(await stage.bed.report(2), "2.04");
	for (const act of ["suspend", "resume"])
		await stage.sees(page.locator(".history"), act);
};

// What cannot be taken back stands behind a fold, and asks for the password each time; without it, or
// with a wrong one, all is as it was.
exports.end = async (stage, { id, ep }) => {
	const page = await stage.enter("anna");
	stage.allowed.push(/status of 40[34]/);
	const form = (act) => page.locator("form.act").filter({ has: page.getByRole("button", { name: act, exact: true }) });
	const fold = async (act) => {
		assert.equal(await form(act).count(), 0, `${act} stands behind a fold`);
		await page.getByText("End or replace it").click();
	};
	const press = async (act, password) => {
		if (password)
			await form(act).getByLabel("Your own password, once more").fill(password);
		await form(act).locator(".buttons button").click();
	};
	await page.goto(`/devices/${id}`);
	await fold("Release");
	await press("Release");
	await stage.sees(page.getByRole("alert"), "This needs your password once more. Nothing was changed");
	await press("Release", "not the password at all");
	await stage.sees(page.getByRole("alert"), /not right|wrong/);
	await stage.sees(page, /✓\s*Active/);
	assert.equal(await form("Release").getByLabel("Your own password, once more").inputValue(), "");
	await press("Release", stage.people.anna);
	await stage.sees(page.getByRole("status"), "Released. Nothing of this device is published until it is approved anew.");
	await stage.never(page, /✓\s*Active/);
	assert.equal(await stage.bed.report(3), "4.03");
	await stage.accessible(page, "a device that was released");

	const label = await page.getByRole("heading", { level: 1 }).innerText();
	await fold("Forget");
	await press("Forget", stage.people.anna);
	await page.waitForURL("**/devices");
	await stage.sees(page.getByRole("status"), "Forgotten.");
	await page.goto(`/devices?q=${ep}`);
	await stage.sees(page, "No device fits");
	await page.goto(`/devices/${id}`);
	await stage.sees(page.getByRole("alert"), "There is no device with this id.");
	await stage.never(page, label);
	// The journal keeps what was done.
	await page.goto(`/journal?object=${id}`);
	for (const act of ["release", "forget"])
		await stage.sees(page.getByRole("table"), act);
	const tom = await stage.enter("tom");
	await tom.goto(`/devices?q=${ep}`);
	await stage.sees(tom, "No device fits");
};

// Who guessed a code away is let try again by an administrator, who looked at the device.
exports.unlock = async (stage, { id, code }) => {
	const tom = await stage.enter("tom");
	await tom.goto(`/devices/${id}`);
	await stage.sees(tom, "Five wrong codes: its code is void.");
	assert.equal(await tom.getByRole("button", { name: "Unlock the code" }).count(), 0);
	const page = await stage.enter("anna");
	await page.goto(`/devices/${id}`);
	await stage.sees(page, "Five new tries for its code. Look at the device first: somebody guessed.");
	assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0, "a void code approves nothing");
	await page.getByRole("button", { name: "Unlock the code" }).click();
	await stage.sees(page.getByRole("status"), "There are five new tries for its code.");
	await stage.never(page, "Five wrong codes: its code is void.");
	await stage.openWindow(page, "anna");
	const alarms = page.getByRole("region", { name: "Alarms" }).getByRole("listitem");
	assert.equal(await alarms.filter({ hasText: id }).count(), 0, "nobody is told of it any more");
	await page.goto(`/devices/${id}`);
	await page.locator(".decision").getByLabel("Type the code that its label has").fill(code);
	await page.locator(".decision").getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
	assert.ok(page.url().endsWith(`/devices/${id}`), "one stays where one was");
};

// Two that call themselves the same: what it means and what to do, until somebody has done it.
exports.alarm = async (stage, { name }) => {
	const page = await stage.enter("tom");
	await page.goto("/waiting");
	const alarm = page.getByRole("region", { name: "Alarms" }).getByRole("listitem").filter({ hasText: name });
	await stage.never(page.getByRole("region", { name: "Alarms" }), name);
	assert.equal(await stage.bed.impostor(), "4.09");
	await alarm.waitFor();
	await page.locator("#said").filter({ hasText: "New:" }).waitFor({ state: "attached" });
	assert.equal(await alarm.getByRole("paragraph").count(), 4, "what happened, what to do, since when, to whom");
	const way = alarm.getByRole("link", { name: `Look at ${name}` });
	await stage.sees(alarm, `A second device claims the name of ${name};`);
	assert.ok((await way.boundingBox()).height >= 24);
	await stage.accessible(page, "an alarm");
	await stage.fits(page, "an alarm");
	const vera = await stage.enter("vera");
	await stage.sees(vera.getByRole("region", { name: "Alarms" }), name);
	await vera.getByRole("link", { name: `Look at ${name}` }).click();
	await vera.getByRole("heading", { level: 1, name }).waitFor();
	await vera.goto("/waiting");
	assert.equal(await vera.getByRole("button", { name: "Done, clear it" }).count(), 0);
	await alarm.getByRole("button", { name: "Done, clear it" }).click();
	await stage.sees(page.getByRole("status"), "The alarm is cleared.");
	assert.equal(await alarm.count(), 0);
	await stage.gone(vera, name);
};
