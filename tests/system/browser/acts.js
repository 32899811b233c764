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
	await stage.sees(stage.card(page, ep), "Waits for you");
	await page.goto(`/devices/${id}`);
	await page.getByText("End or replace it").click();
	const form = page.locator("form").filter({ has: page.getByRole("button", { name: "Replace" }) });
	await form.getByLabel("The new device").selectOption({ label: `${ep} T-2 0077` });
	await form.getByRole("button", { name: "Replace" }).click();
	await stage.sees(page.getByRole("alert"), "This needs your password once more.");
	await page.getByText("End or replace it").click();
	await form.getByLabel("The new device").selectOption({ label: `${ep} T-2 0077` });
	await form.getByLabel("Your password, once more").fill(stage.people.anna);
	await form.getByRole("button", { name: "Replace" }).click();
	await stage.sees(page.getByRole("status"), "Replaced: the new device has its name");
	assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Old pump");
	await stage.sees(page, "Waits for you");
	await stage.sees(page, "0077");
	await page.locator(".decision").getByLabel("Type the code on its label").fill("bcdf ghjk");
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
	for (const text of ["Waits for you", address])
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
	await stage.sees(stage.card(page, ep), "Waits for you");
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
	await stage.sees(stage.card(page, ep), "Waits for you");
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
		await stage.sees(stage.card(page, name), "Waits for you");
	assert.deepEqual(await order(), names);
	await stage.bed.arrive(late);
	await stage.sees(stage.card(page, late), "Waits for you");
	assert.deepEqual(await order(), ours, "as it comes");
	await page.reload();
	assert.deepEqual(await order(), ours, "and when it is loaded again");
};
