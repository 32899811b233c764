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
