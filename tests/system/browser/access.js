// SPDX-License-Identifier: Apache-2.0
// Who does not see the colours, does not use a mouse, or listens to the page. Ten things are looked
// at by hand (numbered below), the rest is axe-core's.
"use strict";

const assert = require("node:assert/strict");

// What depends on colours and width: the markup is the same in both.
const SIGHT = ["color-contrast", "target-size", "scrollable-region-focusable"];
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

// One screen with all that folds open: at the desk in the light, then the same on a phone in the dark.
async function look(stage, page, what) {
	await page.evaluate(() => document.querySelectorAll("details").forEach((item) => { item.open = true; }));
	await stage.accessible(page, `${what}, at a desk`);
	await stage.fits(page, `${what}, at a desk`);
	await page.setViewportSize(PHONE);
	await page.emulateMedia({ colorScheme: "dark" });
	await stage.accessible(page, `${what}, on a phone in the dark`, SIGHT);
	await stage.fits(page, `${what}, on a phone`);
	await page.setViewportSize(DESK);
	await page.emulateMedia({ colorScheme: "light" });
}

// args: {state, paths, who}; nobody: whoever is not logged in.
exports.screens = async (stage, { state, paths, who }) => {
	const options = { viewport: DESK, colorScheme: "light" };
	const page = who ? await stage.enter(who, options) : await stage.open(options);
	stage.allowed.push(/status of 40[34]/); // a device that is not there is a screen, too
	let refused = 0; // what a role may not see looks the same everywhere
	for (const path of paths) {
		await stage.bed.looks(path);
		const answer = await page.goto(path);
		if (answer.status() !== 403 || refused++ === 0)
			await look(stage, page, `${path} (${state}, ${who})`);
	}
	assert.ok(!refused || who !== "anna", "an administrator sees every screen");
};

// What comes back when something was refused: the screen with its alarm on it, and what was typed.
exports.refusals = async (stage, { id }) => {
	const options = { viewport: DESK, colorScheme: "light" };
	stage.allowed.push(/status of 4/);
	const stranger = await stage.open(options);
	await stranger.goto("/login");
	await stranger.getByLabel("Name", { exact: true }).fill("nobody");
	await stranger.getByLabel("Password", { exact: true }).fill("not the password at all");
	await stranger.getByRole("button", { name: "Log in" }).click();
	await stranger.getByRole("alert").first().waitFor();
	await look(stage, stranger, "a login that is refused");

	const page = await stage.enter("anna", options);
	const refused = async (path, what, fill) => {
		await page.goto(path);
		await page.evaluate(() => document.querySelectorAll("main details").forEach((item) => { item.open = true; }));
		await fill();
		await page.getByRole("alert").filter({ visible: true }).first().waitFor();
		await look(stage, page, what);
	};
	const press = (name) => page.getByRole("button", { name, exact: true }).first().click();
	await refused("/uplink/tokens", "lines that are refused", async () => {
		const form = page.locator("form[data-import=tokens]");
		await form.getByLabel("Or the lines, pasted").fill("ep,pt\none, two, three\n");
		await form.getByRole("button", { name: "Import" }).click();
	});
	await refused("/authorities", "an authority that is none", async () => {
		await page.getByLabel("Its certificate, in PEM").fill("no certificate");
		await press("Register");
	});
	await refused("/account", "a password that is not changed", async () => {
		await page.getByLabel("Your own password, once more").fill("not the password at all");
		await page.getByLabel("New password").fill("another heavy door in may");
		await press("Save");
	});
	await refused(`/devices/${id}`, "an act that is refused", () => press("Revoke"));
	await refused("/nowhere", "a page that is not there", async () => {});
	// ... and the dialog of a session that will end. The stream, which knows better, is not asked.
	await page.goto("/waiting");
	await page.evaluate("stopListening(); sessionLasts(100)");
	await page.getByRole("dialog").waitFor();
	await look(stage, page, "a session that will end");
};

const focused = (page) => page.evaluate(() => {
	const at = document.activeElement;
	const style = getComputedStyle(at);
	return {
		text: (at.innerText || at.getAttribute("aria-label") || at.name || "").trim(),
		outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
		tag: at.tagName,
	};
});

exports.keyboard = async (stage) => {
	const page = await stage.open({ viewport: { width: 1280, height: 800 } });

	// 1. Log in with the keyboard alone.
	await page.goto("/login");
	await page.getByLabel("Name", { exact: true }).focus();
	await page.keyboard.type("tom");
	await page.keyboard.press("Tab");
	await page.keyboard.type(stage.people.tom);
	await page.keyboard.press("Enter");
	await page.waitForURL("**/waiting");

	// 2. The first stop skips the bar.
	await page.keyboard.press("Tab");
	assert.equal((await focused(page)).text, "Skip to the content");
	await page.keyboard.press("Enter");
	await page.keyboard.press("Tab");
	assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)));

	// 3. Whatever has the focus shows it.
	for (let i = 0; i < 6; i++) {
		const at = await focused(page);
		if (at.tag !== "BODY")
			assert.ok(at.outline, `no outline on ${at.tag} ${at.text}`);
		await page.keyboard.press("Tab");
	}

	// 4. A device is approved with the keyboard alone, and 5. its arrival is announced.
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("keys-1", { code: "BCDF-GHJK" });
	await page.locator("#said").filter({ hasText: "New: keys-1" }).waitFor({ state: "attached" });
	assert.equal(await page.locator("#said").getAttribute("role"), "status");
	await stage.card(page, "keys-1").getByLabel("Type the code that its label has").focus();
	await page.keyboard.type("bcdfghjk");
	await page.keyboard.press("Enter");

	// 6. What came of it is a status, and 7. an error is an alert.
	await stage.sees(page.getByRole("status"), "The device is approved.");
	stage.allowed.push(/status of 40/);
	await page.goto("/journal");
	await stage.sees(page.getByRole("alert"), "Your role does not allow this page.");

	// 8. One first heading, and none is left out below it.
	for (const path of ["/waiting", "/devices", "/uplink"]) {
		await page.goto(path);
		const levels = await page.locator("main :is(h1, h2, h3, h4)").evaluateAll((list) =>
			list.map((item) => Number(item.tagName[1])));
		assert.equal(levels.filter((level) => level === 1).length, 1, path);
		levels.forEach((level, i) => assert.ok(i === 0 || level <= levels[i - 1] + 1, `${path}: ${levels}`));
	}

	// 9. The places of the page have names, and where one is, is said.
	await page.goto("/devices");
	await page.getByRole("navigation", { name: "Screens" }).waitFor();
	await page.getByRole("search").waitFor();
	assert.equal(await page.locator("nav [aria-current=page]").innerText(), "Devices");

	// 10. What is pressed is large enough for a finger.
	await page.setViewportSize({ width: 360, height: 740 });
	for (const path of ["/waiting", "/devices", "/uplink"]) {
		await page.goto(path);
		for (const item of await page.locator("button:visible, nav a:visible, summary:visible, select:visible").all()) {
			const box = await item.boundingBox();
			assert.ok(box.width >= 24 && box.height >= 24, `${await item.innerText()}: ${JSON.stringify(box)}`);
		}
	}
};
