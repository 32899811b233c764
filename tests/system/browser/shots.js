// SPDX-License-Identifier: Apache-2.0
// Pictures of every screen, as a person has it before their eyes.
"use strict";

const SIZES = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } };
const PAPER = 718; // an A4 page between its margins

const enter = async (page, name, password) => {
	await page.getByLabel("Name", { exact: true }).fill(name);
	await page.getByLabel("Password", { exact: true }).fill(password);
	await page.getByRole("button", { name: "Log in" }).click();
	await page.getByRole("alert").first().waitFor();
};

// What somebody does on a screen before it is taken.
const ACTS = {
	// What folds is open.
	open: (page) => page.evaluate(() => document.querySelectorAll("details").forEach((item) => { item.open = true; })),
	shown: async (page) => {
		await page.getByLabel("Password", { exact: true }).fill("seven rusty ladders");
		await page.getByRole("button", { name: "Show the password" }).click();
	},
	// In another tab somebody logged in anew: no token of this one fits.
	older: async (page) => {
		const form = page.locator("form[action$='/rename']");
		await form.getByLabel("Place").fill("Cellar, second door");
		await form.locator("[name=csrf]").evaluate((field) => { field.value = "0"; });
		await form.getByRole("button", { name: "Save" }).click();
		await page.getByRole("alert").filter({ visible: true }).first().waitFor();
	},
	wrongPassword: (page) => enter(page, "tom", "not the password at all"),
	// So often that there is a pause.
	slow: async (page) => {
		const pause = page.getByRole("alert").filter({ hasText: "Too many" });
		for (let i = 0; i < 20 && !(await pause.count()); i++)
			await enter(page, "tom", "not the password at all");
	},
	// What the database has in hand is used up first.
	full: async (page) => {
		const full = page.getByRole("alert").filter({ hasText: "The journal cannot be written" });
		for (let i = 0; i < 40 && !(await full.count()); i++)
			await enter(page, `nobody-${i}`, "not the password at all");
	},
	crowded: async (page) => {
		await page.evaluate("stopListening(); document.getElementById('crowded').hidden = false");
	},
	wrongCode: async (page) => {
		await page.getByLabel("Setup code").fill("BBBB-BBBB");
		await page.getByLabel("Name", { exact: true }).fill("anna");
		for (const name of ["New password", "The password a second time"])
			await page.getByLabel(name, { exact: true }).fill("a sentence of fifteen");
		await page.getByRole("button", { name: "Create the first administrator" }).click();
		await page.getByRole("alert").first().waitFor();
	},
	test: async (page) => {
		await page.getByRole("button", { name: "Test it now" }).click();
		await page.getByRole("status").or(page.getByRole("alert")).filter({ visible: true }).first().waitFor();
	},
	// A typed code that is not the device's: the card says so, and how many tries are left.
	typo: async (page, { ep, password }) => {
		const card = page.getByRole("article").filter({ hasText: ep }).first();
		const again = card.getByLabel("Your own password, once more");
		await card.getByLabel("Type the code that its label has").fill("CCCC-CCCC");
		if (await again.count())
			await again.fill(password);
		await card.getByRole("button", { name: "Approve" }).click();
		await page.getByRole("alert").filter({ visible: true }).first().waitFor();
	},
	soon: async (page) => {
		await page.evaluate("stopListening(); sessionLasts(100)"); // the stream would tell how long it really is
		await page.getByRole("dialog").waitFor();
	},
	over: (page) => page.evaluate("sessionOver()"),
	away: async (page) => {
		await page.evaluate("stopListening(); heardFromGateway(false)");
		await page.locator("#away").waitFor();
	},
	camera: async (page) => {
		await page.addInitScript(`window.BarcodeDetector = class { async detect() { return []; } };`);
		await page.reload();
		await page.getByRole("button", { name: /^Scan( with the camera)?$/ }).first().click();
		await page.getByRole("dialog").waitFor();
	},
	print: (page) => page.emulateMedia({ media: "print" }),
};

// args: {folder, state, size, screens: [[name, path, act, its argument]], only: parts of a picture's name with
// commas, or "", who, script: false for a browser without it}.
exports.take = async (stage, { folder, state, size, screens, only, who, script }) => {
	const viewport = SIZES[size];
	const colours = ["light", "dark"];
	const name = (screen, colour) => `${state}-${screen}-${size}-${colour}`;
	const wanted = (screen, colour) => only.split(",").some((part) => name(screen, colour).includes(part));
	const options = { viewport, permissions: ["camera"], javaScriptEnabled: script !== false };
	const taken = screens.filter(([screen]) => colours.some((colour) => wanted(screen, colour)));
	stage.allowed.push(/./); // refusals are screens, too
	if (!taken.length)
		return;
	const page = who ? await stage.enter(who, options) : await stage.open(options);
	for (const [screen, path, act, what] of taken) {
		// Another address first: a screen that is only scrolled to (a part behind "#") is not loaded again.
		await page.goto("about:blank");
		await page.goto(path);
		if (act)
			await ACTS[act](page, what);
		await page.mouse.move(0, 0);
		// As long as the page: the bar stands at the end of it, not across it.
		const height = await page.evaluate(() => document.documentElement.scrollHeight);
		const width = act === "print" ? PAPER : viewport.width;
		await page.setViewportSize({ width, height: Math.max(viewport.height, height) });
		for (const colorScheme of colours.filter((colour) => wanted(screen, colour))) {
			await page.emulateMedia({ colorScheme });
			await page.waitForTimeout(100);
			await page.screenshot({ path: `${folder}/${name(screen, colorScheme)}.png` });
		}
		if (act !== "print")
			await page.setViewportSize(viewport);
		await stage.fits(page, `${screen} on the ${size}`);
		await page.setViewportSize(viewport);
		await page.emulateMedia({ media: "screen" });
	}
};
