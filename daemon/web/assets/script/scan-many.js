// SPDX-License-Identifier: Apache-2.0
// Labels one after the other, without leaving the camera or the field: each is sent as soon as it is
// read, and stands in a list that tells which devices are in.

const many = document.querySelector("[data-scan-many]");
const scanned = new Map(); // what was read -> its line

// It waits, or became of it what its device is now; "" where that is not known.
function show(item, stage) {
	const word = item.line.querySelector("span");
	const tag = many.querySelector(`template[data-stage="${stage}"]`);
	item.stage = stage;
	item.line.className = { active: "good", waits: "wait" }[stage] || "";
	if (item.line.className || !tag)
		word.textContent = say({ active: "in", waits: "waits" }[stage] || "gone");
	else
		word.replaceChildren(tag.content.cloneNode(true));
	const lines = [...scanned.values()];
	many.querySelector(".scanned-count").textContent = lines.length;
	many.querySelector(".scanned-in").textContent = lines.filter((one) => one.line.className === "good").length;
}

function addLine(code, ep, waits) {
	const line = document.createElement("li");
	const link = document.createElement("a");
	const name = document.createElement("bdi");
	name.textContent = ep;
	link.href = `/devices?q=${encodeURIComponent(ep)}`;
	link.append(name);
	line.append(link, " ", document.createElement("span"));
	const item = { line, ep, since: renewals };
	scanned.set(code, item);
	many.querySelector("ol").prepend(line);
	many.querySelector(".scanned").hidden = false;
	show(item, waits ? "waits" : "active");
}

// "" when there is no such device. Nobody pressed anything: this keeps no session alive.
async function stageOf(ep) {
	const { devices } = await ask(`devices?limit=200&q=${encodeURIComponent(ep)}`, { "X-Background": "1" });
	const device = devices.find((one) => one.ep === ep);
	return device ? device.stage : "";
}

// A label that waits no more has let its device in, or was rejected, cancelled, or ran out: its device
// tells, and is asked again while it is on its way. The list shows 200 labels.
async function lookAtScanned(turn) {
	const rows = all(document, ".open-labels [data-ep]");
	const open = new Set(rows.map((row) => row.dataset.ep));
	if (rows.length >= 200)
		return;
	for (const item of scanned.values())
		if (turn > item.since && !open.has(item.ep) && item.stage.startsWith("wait"))
			show(item, await stageOf(item.ep));
}

// The sentence of what became of it. A refused one stays in the field.
async function takeOne(form, text) {
	const found = readLabel(text);
	const again = scanned.get(found.code);
	const password = form.password.value;
	if (again)
		return `${again.ep} ${say("again")}`;
	if (password) {
		form.password.value = "";
		const answer = await call(form, "POST", "password", { password });
		if (!answer.ok)
			throw new Error((await answer.json()).text);
		many.querySelector(".fresh-password").hidden = true;
	}
	const body = { code: found.code };
	for (const name of ["place", "owner"])
		if (form[name].value)
			body[name] = form[name].value;
	const answer = await call(form, "POST", "codes/scan", body);
	const said = await answer.json();
	if (said.error === "password") // no longer fresh
		many.querySelector(".fresh-password").hidden = false;
	if (!answer.ok)
		throw new Error(said.text);
	addLine(found.code, found.ep, Boolean(said.text));
	renewSoon();
	return `${found.ep} ${say(said.text ? "waits" : "in")}`;
}

async function takeText(form, text) {
	const problem = form.querySelector("[role=alert]");
	problem.textContent = "";
	try {
		const said = await takeOne(form, text);
		form.code.value = "";
		return said;
	} catch (error) {
		form.code.value = text;
		problem.textContent = error instanceof TypeError ? say("unscanned") : error.message;
		return problem.textContent;
	}
}

if (many) {
	const form = many.querySelector("form");
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		await takeText(form, form.code.value);
		const locked = !many.querySelector(".fresh-password").hidden && !form.password.value;
		(locked ? form.password : form.code).focus();
	});
	if (canScan()) {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = say("camera");
		button.addEventListener("click", () => {
			let last = "";
			look(async (text, tell) => {
				if (text === last)
					return;
				last = text;
				tell(await takeText(form, text));
			});
		});
		form.querySelector(".buttons").append(button);
	} else {
		form.querySelector(".buttons").before(noCamera());
	}
}
