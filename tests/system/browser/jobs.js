// SPDX-License-Identifier: Apache-2.0
// The main job: from the first set-up to a device that is approved, and what goes wrong on the way.
"use strict";

const assert = require("node:assert/strict");
const { until } = require("./stage.js");

const password = (page) => page.getByLabel("Your own password, once more").first();

exports.firstSetUp = async (stage) => {
	const page = await stage.open();
	await page.goto("/");
	await stage.sees(page, "Set up this gateway");
	await stage.sees(page, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
	await stage.sees(page, "Not connected"); // no broker is configured, and it says so
	const interfaces = page.locator("section").filter({ has: page.getByRole("heading", { name: "Interfaces" }) });
	await stage.sees(interfaces, "127.0.0.1"); // where devices are listened to, and whoever asks came by
	await stage.sees(interfaces, "You came by this one.");
	assert.equal(await interfaces.getByRole("listitem").count(), 1);
	assert.equal(await interfaces.locator("li .code").count(), 1, "a stranger sees no more addresses");
	await page.getByRole("button", { name: "Test it now" }).click();
	await stage.sees(page.getByRole("status"), "Nothing to test: no platform and no broker is configured.");
	const fill = async (code) => {
		await page.getByLabel("Setup code").fill(code);
		await page.getByLabel("Name", { exact: true }).fill("anna");
		await page.getByLabel("New password").fill(stage.people.anna);
		await page.getByLabel("The password a second time").fill(stage.people.anna);
		await page.getByRole("button", { name: "Create the first administrator" }).click();
	};
	stage.allowed.push(/status of 4/);
	const code = await stage.bed.code();
	await fill("BBBB-BBBB");
	await stage.sees(page.getByRole("alert"), "This is not the setup code. 4 tries are left.");
	assert.equal(await page.getByRole("button", { name: "Show the password" }).count(), 2, "one for each");
	assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "anna");
	assert.equal(await page.getByLabel("New password").inputValue(), "");
	await fill(code.toLowerCase());
	await page.waitForURL("**/waiting");
	await stage.sees(page, "Nothing waits for you");
	await stage.sees(page, "To add a device, open the window");
};

// A label with a code: one wrong, one with a typo in it, then the right one.
exports.label = async (stage) => {
	const page = await stage.enter("tom");
	const done = await stage.counted(page);
	stage.allowed.push(/status of 4/);
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("label-1", { model: "T-1", serial: "0042", code: "BCDF-GHJK" });
	const card = stage.card(page, "label-1");
	for (const text of ["Waits for a decision", "T-1", "0042", "It enrolled itself", "Plain"])
		await stage.sees(card, text);
	await card.getByLabel("Type the code that its label has").fill("BCDF-GHJL");
	await card.getByText("Name, place, owner").click();
	await card.getByLabel("Name", { exact: true }).fill("Boiler");
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("alert"), "4 tries are left");
	const again = stage.card(page, "label-1");
	await stage.sees(again, "Tries left: 4");
	assert.equal(await again.getByLabel("Name", { exact: true }).inputValue(), "Boiler");
	await again.getByLabel("Type the code that its label has").fill("bcdf ghjk");
	await again.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
	await stage.bed.report("label-1", 21.5);
	await page.goto("/devices");
	await page.getByRole("link", { name: "Boiler" }).click();
	await stage.sees(page, "Active");
	await stage.sees(page, "short code typed");
	await stage.sees(page, "21.5");
	return done;
};

// A display: admitted first, then its code is read off it.
exports.display = async (stage) => {
	const page = await stage.enter("tom");
	const done = await stage.counted(page);
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("panel-1", { display: true });
	await stage.card(page, "panel-1").getByRole("button", { name: "Admit" }).click();
	await stage.sees(page.getByRole("status"), "admitted");
	const card = stage.card(page, "panel-1");
	await stage.sees(card, "Type the code that its display shows");
	const { code } = await stage.bed.enrol("panel-1", { display: true });
	await stage.never(page, code);
	await card.getByLabel("Type the code that its display shows").fill(code);
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.gone(page.getByRole("article"), "panel-1");
	return done;
};

// Neither: a person compares, and the journal says so.
exports.bare = async (stage) => {
	const page = await stage.enter("tom");
	const done = await stage.counted(page);
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("bare-1", { model: "Z-1" });
	const card = stage.card(page, "bare-1");
	await stage.sees(card, "It sent no code and has no display.");
	await card.getByRole("button", { name: "Identify" }).waitFor();
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
	await page.goto("/devices?q=bare-1");
	await page.getByRole("link", { name: "bare-1" }).click();
	await stage.sees(page, "no code");
	return done;
};

exports.wrongCodes = async (stage) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 4/);
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("guess-1", { code: "BCDF-GHJK" });
	const said = [
		...["4 tries are left.", "3 tries are left.", "2 tries are left.", "1 try is left."]
			.map((left) => `This is not the code of guess-1. ${left}`),
		"That was the fifth wrong code. It is void until an administrator unlocks it.",
	];
	for (const [i, sentence] of said.entries()) {
		const card = stage.card(page, "guess-1");
		await card.getByLabel("Type the code that its label has").fill("BBBB-BBBB");
		await card.getByRole("button", { name: "Approve" }).click();
		await stage.sees(page.getByRole("alert"), sentence);
		if (i < 4)
			await stage.sees(page, `Tries left: ${4 - i}`);
	}
	await stage.sees(stage.card(page, "guess-1"), "Five wrong codes: its code is void.");
	await stage.sees(page.getByRole("region", { name: "Alarms" }), "guess-1");
};

// Both look at the same device; the second is told what became of it.
exports.twoTechnicians = async (stage) => {
	const anna = await stage.enter("anna");
	const tom = await stage.enter("tom");
	stage.allowed.push(/status of 4/);
	await stage.openWindow(anna, "anna");
	await stage.bed.enrol("both-1", { code: "BCDF-GHJK" });
	await stage.sees(tom, "opened by anna");
	const hers = stage.card(anna, "both-1");
	const his = stage.card(tom, "both-1");
	await his.getByLabel("Type the code that its label has").fill("BCDF");
	await hers.getByLabel("Type the code that its label has").fill("BCDF-GHJK");
	await hers.getByRole("button", { name: "Approve" }).click();
	await stage.sees(anna.getByRole("status"), "The device is approved.");
	await anna.goto("/devices?q=both-1");
	await stage.sees(anna.getByRole("row"), "Active");
	assert.equal(await his.getByLabel("Type the code that its label has").inputValue(), "BCDF");
	await his.getByLabel("Type the code that its label has").fill("BCDF-GHJK");
	if (await password(his).count())
		await password(his).fill(stage.people.tom);
	await his.getByRole("button", { name: "Approve" }).click();
	await stage.sees(tom.getByRole("alert"), "It is active already.");
	await stage.gone(tom.getByRole("article"), "both-1");
};

exports.roles = async (stage, id) => {
	const vera = await stage.enter("vera");
	stage.allowed.push(/status of 403/);
	for (const path of ["/waiting", "/devices", `/devices/${id}`, "/uplink"]) {
		await vera.goto(path);
		await vera.getByRole("heading", { level: 1 }).waitFor();
		for (const name of ["Approve", "Add a device", "Suspend", "Revoke", "Forget", "Save"])
			assert.equal(await vera.getByRole("button", { name }).count(), 0, `${name} on ${path}`);
		for (const name of ["Journal", "People"])
			assert.equal(await vera.getByRole("link", { name }).count(), 0, `${name} on ${path}`);
	}
	const tom = await stage.enter("tom");
	for (const page of [vera, tom])
		for (const path of ["/journal", "/people"]) {
			await page.goto(path);
			await stage.sees(page, "Your role does not allow this page.");
		}
	await tom.goto(`/devices/${id}`);
	await tom.getByRole("button", { name: "Suspend" }).waitFor();
	assert.equal(await tom.getByRole("button", { name: "Revoke" }).count(), 0);
	const anna = await stage.enter("anna");
	await anna.goto(`/devices/${id}`);
	await anna.getByText("End or replace it").click();
	await anna.getByRole("button", { name: "Revoke" }).waitFor();
};

// How long a session lasts stands in the page and is told by the stream: one that is nearly over takes a
// quarter of an hour, so what the gateway says of it is changed on the way to the browser.
async function warned(stage, page) {
	const dialog = page.getByRole("dialog");
	const warns = () => stage.sees(dialog, "logged out in less than two minutes");
	const isOver = () => stage.gone(page, "Are you still there?");
	const left = () => page.evaluate("(sessionEnd - Date.now()) / 1000");
	let listen;
	const mayListen = new Promise((done) => { listen = done; });
	await page.route("**/waiting", async (route) => {
		const answer = await route.fetch();
		const body = (await answer.text()).replace(/ data-left="[1-9]\d\d"/, ' data-left="100"');
		await route.fulfill({ response: answer, body });
	});
	await page.route("**/api/v1/events", async (route) => {
		await mayListen;
		await route.continue();
	});
	await page.goto("/waiting");
	await warns();
	listen();
	await isOver(); // the gateway itself says how long
	assert.ok((await left()) > 120 && (await left()) <= 900, `${await left()} s are left`);
	await page.unrouteAll();

	await page.route("**/api/v1/events", (route) => route.fulfill({
		contentType: "text/event-stream", body: "retry: 100\nevent: left\ndata: 115\n\n" }));
	await page.evaluate("stopListening(); listen()");
	await warns();
	await page.unrouteAll();
	await isOver();
	assert.ok((await left()) > 120, "told by the stream that it listens to again");
}

// The session ends while somebody types: the password brings it back, and what was typed is there.
exports.sessionEnds = async (stage) => {
	const page = await stage.enter("tom");
	stage.allowed.push(/status of 401/);
	await warned(stage, page);
	await stage.openWindow(page, "tom");
	await stage.bed.enrol("late-1", { code: "BCDF-GHJK" });
	const card = stage.card(page, "late-1");
	await card.getByLabel("Type the code that its label has").fill("BCDF-GHJK");
	await page.evaluate("stopListening(); sessionLasts(100)"); // the stream would tell how long it really is
	await stage.sees(page.getByRole("dialog"), "logged out in less than two minutes");
	await stage.never(page.getByRole("dialog"), "What you typed is kept"); // it has not ended yet
	await page.getByRole("button", { name: "Stay logged in" }).click();
	await stage.gone(page, "Are you still there?");
	// An end that cannot be put off is announced once, and leaves what it takes to save.
	await page.evaluate("stopListening(); sessionLasts(95); watchEnd()");
	await stage.never(page, "Are you still there?");
	await page.evaluate("sessionLasts(115); watchEnd()");
	await stage.sees(page, "Are you still there?");
	await page.getByRole("button", { name: "Stay logged in" }).click();
	await stage.gone(page, "Are you still there?");

	await stage.bed.end_sessions("tom");
	const dialog = page.getByRole("dialog", { name: "You were logged out", exact: true });
	await stage.sees(dialog, "What you typed is kept");
	await stage.never(dialog, "logged out in less than two minutes");
	await stage.accessible(page, "the end of a session");
	await page.keyboard.press("Escape");
	await stage.sees(dialog, "What you typed is kept");
	stage.allowed.push(/status of 403/);
	await dialog.getByLabel("Password").fill("not the password at all");
	await dialog.getByRole("button", { name: "Log in" }).click();
	await stage.sees(dialog.getByRole("alert"), "wrong");
	await dialog.getByLabel("Password").fill(stage.people.tom);
	await dialog.getByRole("button", { name: "Log in" }).click();
	await dialog.waitFor({ state: "hidden" });
	assert.equal(await card.getByLabel("Type the code that its label has").inputValue(), "BCDF-GHJK");
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
};

exports.withoutScript = async (stage) => {
	const page = await stage.open({ javaScriptEnabled: false });
	await page.goto("/login");
	await stage.logIn(page, "anna");
	await stage.openWindow(page, "anna");
	await stage.bed.enrol("quiet-1", { code: "BCDF-GHJK" });
	await stage.bed.enrol("quiet-2", {});
	await page.goto("/waiting");
	const card = stage.card(page, "quiet-1");
	await card.getByLabel("Type the code that its label has").fill("BCDF-GHJK");
	await card.getByRole("button", { name: "Approve" }).click();
	await stage.sees(page, "The device is approved.");
	await stage.card(page, "quiet-2").getByRole("button", { name: "Reject" }).click();
	await stage.sees(page, "The device is rejected.");
	await page.goto("/devices?q=quiet-1");
	await page.getByRole("link", { name: "quiet-1" }).click();
	await page.getByText("End or replace it").click();
	const revoke = page.locator("form").filter({ has: page.getByRole("button", { name: "Revoke" }) });
	await revoke.getByLabel("Your own password, once more").fill(stage.people.anna);
	await revoke.getByRole("button", { name: "Revoke" }).click();
	await stage.sees(page.getByRole("status"), "Nothing of this device is published any more.");
	await page.getByRole("button", { name: "Log out" }).click();
	await page.waitForURL("**/login");
};

// A device that calls itself names, in every field that it has: wherever one of them stands, it is text.
exports.hostile = async (stage, { ep, unescaped, label, other }) => {
	const evil = '"><img src=x onerror=pwned=1><script>pwned=1</script>';
	const name = evil.slice(0, 60);
	const page = await stage.enter("anna");
	page.on("dialog", (dialog) => stage.complaints.push(`a dialog: ${dialog.message()}`));
	const visit = async (path, ...texts) => {
		await page.goto(path);
		await page.evaluate(() => document.querySelectorAll("details").forEach((item) => { item.open = true; }));
		for (const text of texts)
			await stage.sees(page.locator("main"), text);
		await stage.never(page, unescaped);
		assert.equal(await page.evaluate("typeof pwned"), "undefined", path);
		assert.equal(await page.locator("main img").count(), 0, path);
		await stage.fits(page, path);
	};
	await stage.openWindow(page, "anna");
	const id = await stage.bed.hostile(ep, evil);
	await stage.bed.scanned(evil);
	await visit("/waiting", evil, ep);
	await visit(`/devices/${id}`, evil, ep);
	await visit("/devices", ep);
	await visit("/sheet", evil, ep);
	await visit("/scan", label, evil);
	await visit("/uplink/tokens", label);
	await visit(`/devices/${other}`);
	assert.ok((await page.locator("select[name=with] option").allTextContents()).includes(`${ep} ${evil} ${evil}`));

	await visit("/waiting");
	await stage.card(page, ep).getByRole("button", { name: "Approve" }).click();
	await stage.sees(page.getByRole("status"), "The device is approved.");
	await stage.bed.impostor();
	await visit("/waiting");
	const alarm = page.getByRole("region", { name: "Alarms" }).getByRole("listitem").filter({ hasText: ep });
	await alarm.getByRole("button", { name: "Done, clear it" }).click();
	await stage.sees(page.getByRole("status"), "The alarm is cleared.");
	await visit(`/devices/${id}`, evil, ep);
	const rename = page.locator("form[action$='/rename']");
	await rename.getByLabel("Name", { exact: true }).fill(name);
	await rename.getByRole("button", { name: "Save" }).click();
	await stage.sees(page.getByRole("heading", { level: 1 }), name);
	await stage.bed.stop_broker();
	await stage.bed.report(ep, 1);
	await visit("/uplink", name);
	await stage.bed.start_broker();
	await visit("/devices?q=onerror", name);
	await until(async () => (await page.title()).includes("Devices"), "the screen is there");
	await page.setViewportSize({ width: 1280, height: 800 });
	await visit("/devices");
	await visit("/sheet", name, ep);
	await visit(`/journal?object=${id}`, id);
};

// ... and who uses how much of what one device may have waiting.
exports.uplinkLost = async (stage, { name, id }) => {
	const page = await stage.enter("anna");
	await page.goto("/uplink");
	await stage.sees(page, "Connected");
	await stage.bed.stop_broker();
	await stage.sees(page, "Not connected");
	const row = panel(page, "Devices with most waiting").getByRole("row").filter({ hasText: name });
	for (let value = 0; value < 3; value++) {
		await stage.bed.report(value);
		await stage.sees(row, new RegExp(`^${value + 1}$`)); // the row goes on while it stands there
	}
	await stage.sees(row, "1 KiB, 0%");
	await row.getByRole("meter", { name: `${name}, Of its share` }).waitFor();
	await stage.sees(page, /One device may have waiting at present: \d+ MiB/);
	const { share_bytes: share, devices } = await (await page.request.get("/api/v1/queue")).json();
	assert.ok(share > 1024 * 1024, "an outbox that is nearly empty");
	assert.deepEqual(devices.filter((one) => one.id === id).map((one) => one.readings), [3]);
	await stage.accessible(page, "what waits of one device");
	await stage.fits(page, "what waits of one device");
	await stage.bed.start_broker();
	await stage.sees(page, /✓\s*Connected/);
	await row.waitFor({ state: "detached" });
};

const panel = (page, name) => page.locator("section").filter({ has: page.getByRole("heading", { name, exact: true }) });

// Whoever knocks waits for ten seconds: on a machine that stands still so long, nobody has answered,
// and a person tries it again.
async function testLink(page, what) {
	await until(async () => {
		await page.getByRole("button", { name: "Test it now" }).click();
		await page.getByRole("status").or(page.getByRole("alert")).filter({ hasText: /Tested|under way/ }).first().waitFor();
		return (await panel(page, "Link test").getByText(what).count()) > 0;
	}, `the test says ${what}`);
}

// Before anybody can log in: does the way out work? The broker answers, and takes the gateway.
exports.testAtSetUp = async (stage, { broker }) => {
	const page = await stage.open();
	await page.goto("/setup");
	await page.getByLabel("Name", { exact: true }).fill("anna");
	await testLink(page, "It answers, without TLS");
	await stage.sees(page.getByRole("status"), "Tested: every platform answers.");
	await stage.sees(page.getByRole("heading", { level: 1 }), "Set up this gateway");
	for (const text of [broker, /✓\s*Connected/, "It answers, without TLS, and the gateway is connected there.", "Last done"])
		await stage.sees(panel(page, "Link test"), text);
	await stage.accessible(page, "a link that was tested at the set-up");
	await stage.fits(page, "a link that was tested at the set-up");
};

// Clouds alone: there is no broker, and nothing says that one is missing. Each platform in words; the
// test tells what is wrong with the way there, and what to do.
exports.cloudsAlone = async (stage, { target }) => {
	for (const [path, who] of [["/setup", null], ["/uplink", "anna"]]) {
		const page = who ? await stage.enter(who) : await stage.open();
		await page.goto(path);
		await stage.sees(panel(page, "Platforms"), "spotflow");
		await stage.sees(panel(page, "Platforms"), "No device yet");
		for (const text of ["Not connected", "No broker is configured", "no broker is configured"])
			await stage.never(page, text);
		await testLink(page, "It could not be reached.");
		await stage.sees(panel(page, "Link test"), target);
		for (const text of [/✕\s*Not reached/, "It could not be reached.", "Check the network, the port, and the firewalls"])
			await stage.sees(panel(page, "Link test"), text);
		await stage.sees(page.getByRole("alert"), "Tested: 1 of 1 do not answer as they should.");
		await stage.accessible(page, `a link that fails on ${path}`);
		await stage.fits(page, `a link that fails on ${path}`);
		if (!who)
			await stage.bed.set_up();
	}
	const vera = await stage.enter("vera");
	await vera.goto("/uplink");
	await stage.sees(panel(vera, "Link test"), "Not reached");
	assert.equal(await vera.getByRole("button", { name: "Test it now" }).count(), 0);
};

// Ten thousand devices: found by a word or a state, looked through by fifty. What it costs the gateway
// is counted around it.
exports.tenThousand = async (stage) => {
	const page = await stage.enter("anna", { viewport: { width: 1280, height: 800 } });
	const find = async (words, state) => {
		await page.getByLabel("Search by name, model, serial or place").fill(words);
		await page.getByRole("search").getByLabel("State").selectOption(state);
		await page.getByRole("button", { name: "Find" }).click();
	};
	await stage.bed.begin();
	await page.goto("/devices");
	await stage.sees(page, "1–50 of 10001");
	assert.equal(await page.locator("tbody tr").count(), 50);
	await page.getByRole("link", { name: "Next" }).click();
	await stage.sees(page, "51–100 of 10001");
	await page.getByRole("link", { name: "Previous" }).click();
	await stage.sees(page, "1–50 of 10001");
	await find("hall 7", "Rejected");
	await stage.sees(page, "1–50 of 250");
	await page.getByRole("link", { name: "Next" }).click();
	await stage.sees(page, "51–100 of 250");
	await find("hall 7", "Active");
	await stage.sees(page, "No device fits");
	await find("sensor 9999", "All");
	await page.getByRole("link", { name: "Sensor 9999" }).click();
	await stage.sees(page.getByRole("heading", { level: 1 }), "Sensor 9999");
	await page.goto("/devices?offset=9999");
	await stage.sees(page, "10000–10001 of 10001");
	await page.goto("/waiting");
	await stage.sees(page, "Nothing waits for you");
	return stage.bed.spent();
};
