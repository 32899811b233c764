// SPDX-License-Identifier: Apache-2.0
// What every scenario uses: windows that notice each complaint on their console, people who log in,
// and sentences about what somebody sees.
"use strict";

const fs = require("node:fs");
const assert = require("node:assert/strict");

const PATIENCE = 80000; // for what must come, on a busy machine
const axeSource = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

class Stage {
	constructor(browser, bed, order, entered) {
		Object.assign(this, { browser, bed, entered, url: order.url, people: order.people });
		this.windows = [];
		this.complaints = [];
		this.allowed = []; // patterns of complaints that belong to the scenario
	}

	// A new browser with cookies of its own; options as of playwright's newContext().
	async open(options = {}) {
		const context = await this.browser.newContext({
			baseURL: this.url,
			ignoreHTTPSErrors: true,
			viewport: { width: 360, height: 740 },
			reducedMotion: "reduce",
			...options,
		});
		context.setDefaultTimeout(PATIENCE);
		const page = await context.newPage();
		page.on("console", (message) => {
			if (["error", "warning"].includes(message.type()))
				this.complaints.push(`${message.text()} (${message.location().url})`);
		});
		page.on("pageerror", (error) => this.complaints.push(String(error)));
		this.windows.push({ context, page });
		return page;
	}

	// ... with somebody logged in; the login of an earlier scenario still holds.
	async enter(name, options = {}) {
		const key = `${this.url} ${name}`;
		const page = await this.open({ storageState: this.entered.get(key), ...options });
		await page.goto("/waiting");
		if (page.url().endsWith("/login")) {
			await this.logIn(page, name);
			this.entered.set(key, await page.context().storageState());
		}
		return page;
	}

	async logIn(page, name) {
		await page.getByLabel("Name", { exact: true }).fill(name);
		await page.getByLabel("Password", { exact: true }).fill(this.people[name]);
		await page.getByRole("button", { name: "Log in" }).click();
		await page.waitForURL("**/waiting");
	}

	// What a person does in this window from its next load on: presses, and characters typed. That is
	// what an approval takes; how long a busy machine takes for it is another thing.
	async counted(page) {
		const done = { presses: 0, typed: 0 };
		await page.exposeFunction("noteWork", (presses, typed) => {
			done.presses += presses;
			done.typed += typed;
		});
		await page.addInitScript(() => {
			addEventListener("click", (event) => event.isTrusted && window.noteWork(1, 0), true);
			addEventListener("input", (event) => window.noteWork(0, event.target.value.length), true);
		});
		return done;
	}

	// By this very person: the password that opens the window counts for what follows.
	async openWindow(page, name) {
		await page.goto("/waiting");
		const close = page.getByRole("button", { name: "Close it now" });
		if (await close.count()) {
			await close.click();
			await this.sees(page, "The window is closed.");
		}
		await page.getByLabel("Your own password, once more").first().fill(this.people[name]);
		await page.getByRole("button", { name: "Add a device" }).click();
		await this.sees(page, "The window is open");
	}

	// The piece of a screen that tells about one thing.
	card(page, title) {
		return page.getByRole("article").filter({ hasText: title }).first();
	}

	async sees(where, text) {
		await where.getByText(text).filter({ visible: true }).first().waitFor();
	}

	async never(where, text) {
		assert.equal(await where.getByText(text).filter({ visible: true }).count(), 0, `somebody sees "${text}"`);
	}

	async gone(where, text) {
		await until(async () => (await where.getByText(text).filter({ visible: true }).count()) === 0, `"${text}" is gone`);
	}

	// No violation that axe-core knows of (all rules, or these).
	async accessible(page, what, rules) {
		if (!(await page.evaluate(() => Boolean(window.axe))))
			await page.evaluate(axeSource);
		// Only what is wrong is worked out, and no style sheet is fetched once more.
		const found = await page.evaluate((runOnly) =>
			window.axe.run(document, { runOnly, resultTypes: ["violations"], preload: false }),
			rules || ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
		const bad = found.violations.map((one) =>
			`${one.id}: ${one.help}\n  ${one.nodes.map((node) => node.html.slice(0, 200)).join("\n  ")}`);
		assert.deepEqual(bad, [], `axe-core on ${what}`);
	}

	// Nothing stands beyond the right edge, and no choice is cut (those of devices, named by strangers, may be).
	async fits(page, what) {
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		assert.ok(wide <= 0, `${what} is ${wide} px too wide`);
		assert.deepEqual(await page.evaluate(cutChoices), [], `cut in ${what}`);
	}

	// No word of a table is divided. A text with a word that no column has room for may be.
	async whole(page, what) {
		assert.deepEqual(await page.evaluate(dividedWords), [], `divided in ${what}`);
	}

	checkSilence() {
		const rest = this.complaints.filter((one) => !this.allowed.some((pattern) => pattern.test(one)));
		assert.deepEqual(rest, [], "the console complains");
	}

	async describe() {
		let text = `complaints: ${JSON.stringify(this.complaints)}\n`;
		for (const { page } of this.windows) {
			const seen = await page.locator("body").innerText({ timeout: 2000 }).catch(() => "");
			text += `--- ${page.url()}\n${seen.slice(0, 1500)}\n`;
		}
		return text;
	}

	async close() {
		for (const { context } of this.windows)
			await context.close().catch(() => {});
	}
}

// --- these two run in the page ---

function cutChoices() {
	const pen = document.createElement("canvas").getContext("2d");
	const cut = [];
	for (const select of document.querySelectorAll("select:not([name=with])")) {
		const style = getComputedStyle(select);
		const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20; // its arrow
		pen.font = style.font;
		for (const { text } of select.clientWidth ? select.options : [])
			if (pen.measureText(text).width > room)
				cut.push(text);
	}
	return cut;
}

function dividedWords() {
	const divided = [];
	for (const cell of document.querySelectorAll("table.list :is(th, td)")) {
		const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
		for (let node = texts.nextNode(); node; node = texts.nextNode()) {
			if (node.parentElement.closest(".long"))
				continue;
			for (const word of node.data.matchAll(/[^\s/-]+/g)) { // a line may end behind a hyphen
				const range = document.createRange();
				range.setStart(node, word.index);
				range.setEnd(node, word.index + word[0].length);
				if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1)
					divided.push(word[0]);
			}
		}
	}
	return divided;
}

async function until(condition, what) {
	const end = Date.now() + PATIENCE;
	while (!(await condition())) {
		if (Date.now() > end)
			throw new Error(`not in time: ${what}`);
		await new Promise((done) => setTimeout(done, 50));
	}
}

// Milliseconds of the time that this machine gave to its programs: see bed/wait.py.
module.exports = { Stage, until };
