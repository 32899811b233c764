// SPDX-License-Identifier: Apache-2.0
// Tables out of the gateway and into it: what is on a screen as CSV, and files of tokens or codes.
// A long file goes in parts, which the gateway keeps all of, or none.

const PART_ROWS = 200;

// What a spreadsheet would take for a formula is marked as text: names come from strangers. Also
// behind what may divide cells there, whatever quotes we put: a spreadsheet that divides at ";"
// does not see quotes that begin elsewhere.
const FORMULA = /(^|[;|\t\r\n])(["'\s]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

function cell(value) {
	let text = value === null || value === undefined ? "" :
		typeof value === "object" ? JSON.stringify(value) : String(value);
	if (typeof value !== "number")
		text = text.replace(FORMULA, "$1$2'");
	return /[",;\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const COLUMNS = {
	devices: ["id", "ep", "name", "place", "owner", "model", "serial", "firmware", "stage", "trust", "address",
		"first_seen", "decided_by", "decided_at", "evidence", "platform", "platform_id", "last_reading", "readings"],
	journal: ["number", "time", "clock_synced", "who", "role", "via", "action", "object", "evidence", "result"],
};

async function ask(path, headers = {}) {
	const answer = await fetch(`/api/v1/${path}`, { headers, credentials: "same-origin" });
	if (answer.status === 401)
		sessionOver();
	if (!answer.ok)
		throw new Error((await answer.json()).text);
	return answer.json();
}

// Calls take(rows) for each part.
async function everyRow(kind, query, take) {
	let at = 0;
	for (;;) {
		const where = kind === "journal" ? `before=${at}` : `offset=${at}`;
		const part = await ask(`${kind === "journal" ? "journal/export" : kind}?limit=200&${where}&${query}`);
		const rows = part.rows || part.devices;
		take(rows);
		at = kind === "journal" ? part.next : at + rows.length;
		if (kind === "journal" ? !at : rows.length === 0 || at >= part.total)
			return;
	}
}

function save(name, lines) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(new Blob([lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A button, or a form whose password goes first.
async function exportTable(from) {
	const kind = from.dataset.export;
	const button = from.querySelector(".buttons button") || from;
	const progress = document.querySelector("[data-progress]");
	const lines = [COLUMNS[kind].join(",")];
	button.disabled = true;
	try {
		if (from.password) { // a button has none
			const answer = await call(from, "POST", "password", { password: from.password.value });
			from.password.value = "";
			if (!answer.ok)
				throw new Error((await answer.json()).text);
		}
		await everyRow(kind, from.dataset.query, (rows) => {
			for (const row of rows)
				lines.push(COLUMNS[kind].map((key) => cell(row[key])).join(","));
			progress.textContent = `${say("exporting")} ${lines.length - 1}`;
		});
		save(`${kind}.csv`, lines);
		progress.textContent = `${say("exported")} ${lines.length - 1}`;
	} catch (error) {
		progress.textContent = error.message;
	}
	button.disabled = false;
}

// --- the other way ---

// One line of CSV; quotes as RFC 4180 has them (blanks inside belong to the field), no line
// breaks inside.
function fieldsOf(line) {
	const fields = [];
	for (const found of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g))
		fields.push(found[1] === undefined ? found[2].trim() : found[1].replaceAll('""', '"'));
	return fields;
}

const KINDS = { codes: [["ep", "code"]], tokens: [["ep", "username", "password"], ["ep", "pt"], ["ep", "key"]] };

// {rows, refused}: the first line may name the columns.
function rowsOf(kind, text) {
	let columns = KINDS[kind][0];
	const rows = [];
	const refused = [];
	text.split(/\r?\n/).forEach((line, i) => {
		if (!line.trim())
			return;
		const fields = fieldsOf(line);
		const named = KINDS[kind].find((names) => names.join() === fields.join().toLowerCase());
		if (i === 0 && named)
			columns = named;
		else if (fields.length !== columns.length)
			refused.push({ line: i + 1, text: say("fields") });
		else
			rows.push({ ...Object.fromEntries(columns.map((name, n) => [name, fields[n]])), line: i + 1 });
	});
	return { rows, refused };
}

// A form of an older session is asked for the password like one whose session is over: it stays as it is.
async function call(form, method, path, body) {
	const answer = await fetch(`/api/v1/${path}`, {
		method,
		credentials: "same-origin",
		headers: { "Content-Type": "application/json", "X-CSRF-Token": form.csrf.value },
		body: JSON.stringify(body),
	});
	if (answer.status === 401 || answer.status === 403 && (await answer.clone().json()).error === "token")
		sessionOver();
	return answer;
}

function showRefused(form, said, list) {
	const place = form.querySelector(".refused");
	form.querySelector(".outcome").textContent = "";
	const lines = [`${said || ""} ${say("failed")}`.trim(), ...list.slice(0, 20).map((one) =>
		`${say("line")} ${one.line} ${one.text}`)];
	place.replaceChildren(...lines.map((text) => {
		const item = document.createElement("p");
		item.textContent = text;
		return item;
	}));
}

async function importTable(form) {
	const kind = form.dataset.import;
	const file = form.querySelector("[type=file]");
	const pasted = form.querySelector("textarea");
	const bar = form.querySelector("progress");
	const text = file.files.length ? await file.files[0].text() : pasted.value;
	const { rows, refused } = rowsOf(kind, text);
	form.querySelector(".refused").replaceChildren();
	if (refused.length || !rows.length) {
		showRefused(form, refused.length ? "" : say("empty"), refused);
		return;
	}
	const password = form.password.value;
	form.password.value = "";
	let answer = await call(form, "POST", "password", { password });
	let said = await answer.json();
	let number = 0;
	bar.hidden = rows.length <= PART_ROWS;
	for (let at = 0; answer.ok && at < rows.length; at += PART_ROWS) {
		answer = await call(form, "PUT", kind, {
			[kind]: rows.slice(at, at + PART_ROWS), import: number, more: at + PART_ROWS < rows.length });
		said = await answer.json();
		number = said.import;
		bar.value = Math.min(1, (at + PART_ROWS) / rows.length);
	}
	bar.hidden = true;
	if (!answer.ok) {
		showRefused(form, said.text, said.refused || []);
		return;
	}
	form.querySelector(".outcome").textContent = `${say("imported")} ${rows.length}`;
	pasted.value = ""; // secrets do not stay on the screen
	file.value = "";
}

for (const button of all(document, "button[data-export]"))
	button.addEventListener("click", () => exportTable(button));
for (const form of all(document, "form[data-export]"))
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		exportTable(form);
	});
for (const button of all(document, "[data-print]"))
	button.addEventListener("click", () => print());
for (const form of all(document, "form[data-import]"))
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		importTable(form).catch(() => showRefused(form, say("unreachable"), []));
	});
document.documentElement.classList.add("script");
