// SPDX-License-Identifier: Apache-2.0
// The screen that renews itself. The gateway tells by a stream that something changed; then the
// screen is asked for again and put in place piece by piece (data-key), so that what somebody types
// into stays as it is.

const live = $("live");
const ending = $("ending"); // the dialog of session.js: somebody is logged in
const busy = new WeakSet(); // pieces that somebody began to fill in

const key = (item) => item.dataset.key;
const pieces = (root) => [...root.children].filter(key);
const held = (item) =>
	item.contains(document.activeElement) && document.activeElement.matches("input, select, textarea") ||
	busy.has(item) ||
	all(item, "*").some((inner) => busy.has(inner));

// A window that stays as it is keeps its form, only its countdown moves.
function same(old, fresh) {
	if (fresh.dataset.same !== undefined && fresh.dataset.same === old.dataset.same) {
		const from = fresh.querySelector("[data-countdown]");
		const to = old.querySelector("[data-countdown]");
		if (from && to)
			to.dataset.end = Date.now() + 1000 * from.dataset.countdown;
		return true;
	}
	return old.source === fresh.outerHTML;
}

// Where a piece keeps others, and what it is without them: a heading that counts them, what follows.
const itemsOf = (item) => item.matches("[data-items]") ? item : item.querySelector("[data-items]");
const shell = (item) => itemsOf(item) ? item.outerHTML.replace(itemsOf(item).innerHTML, "") : "";

function remember(root) {
	for (const item of [root, ...all(root, "[data-key]")]) {
		item.source = item.outerHTML;
		item.shell = shell(item);
	}
}

// What has the focus, to be found again in what comes in its place.
const nameOf = (item, piece) => item.id || item.getAttribute("formaction") || item.getAttribute("href") ||
	(item.form ? `${item.form.getAttribute("action")} ${item.textContent}` : all(piece, "summary").indexOf(item));

function put(old, fresh) {
	const open = all(old, "details").map((item) => item.open);
	const at = old.contains(document.activeElement) ? nameOf(document.activeElement, old) : null;
	remember(fresh);
	all(fresh, "details").forEach((item, i) => {
		item.open = item.open || open[i] === true;
	});
	old.replaceWith(fresh);
	prepareTimes(fresh);
	if (at !== null) {
		const again = all(fresh, "a, button, summary, [id]").find((item) => nameOf(item, fresh) === at);
		if (again)
			again.focus();
	}
}

function add(parent, fresh, place) {
	remember(fresh);
	parent.insertBefore(fresh, place ? place.nextSibling : parent.firstChild);
	prepareTimes(fresh);
}

function merge(parent, wanted, arrivals) {
	const present = new Map(pieces(parent).map((item) => [key(item), item]));
	let place = null;
	for (const fresh of wanted) {
		const old = present.get(key(fresh));
		present.delete(key(fresh));
		const outer = old && itemsOf(old);
		const inner = itemsOf(fresh);
		const keyed = outer && inner && pieces(outer).length + pieces(inner).length > 0;
		let item = old;
		if (keyed && (held(old) || old.shell === shell(fresh))) {
			merge(outer, pieces(inner), arrivals);
		} else if (old && !held(old) && !same(old, fresh)) {
			const known = new Set(all(old, "[data-key]").map(key));
			arrivals.push(...all(fresh, "[data-key]").filter((one) => !known.has(key(one))));
			put(old, fresh);
			item = fresh;
		} else if (!old) {
			add(parent, fresh, place);
			arrivals.push(fresh, ...all(fresh, "[data-key]"));
			item = fresh;
		}
		place = item;
	}
	for (const gone of present.values())
		if (!held(gone))
			gone.remove();
}

function announce(arrivals) {
	const names = arrivals
		.filter((item) => /^(device|alarm)-/.test(key(item)))
		.map((item) => {
			item.classList.add("fresh");
			const title = item.querySelector("h3, th, strong");
			return title ? title.textContent.trim() : "";
		});
	if ($("said") && names.length > 0)
		$("said").textContent = `${say("new")} ${names.join(", ")}`;
}

let renewals = 0; // begun so far

async function renew() {
	const turn = ++renewals;
	const answer = await fetch($("main").dataset.path || location.href.split("#")[0], {
		headers: { "X-Background": "1" },
		credentials: "same-origin",
		redirect: "error",
	});
	if (answer.status === 401) {
		sessionOver();
		return;
	}
	if (!answer.ok)
		return;
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	const wanted = page.getElementById("live");
	if (!wanted)
		return;
	const arrivals = [];
	merge(live, pieces(wanted), arrivals);
	announce(arrivals);
	offerReveal(live);
	lookForLabels(turn);
	tick();
}

let renewing = false;
let again = false;

// A long list that changes all the time takes the machine of whoever looks, and the gateway: it rests.
const rest = () => new Promise((done) => { setTimeout(done, 1000 * (live.dataset.rest || 0)); });

async function renewSoon() {
	if (!live)
		return;
	if (renewing) {
		again = true;
		return;
	}
	renewing = true;
	do {
		again = false;
		try {
			await renew();
		} catch {
			// The gateway is away for a moment: the stream tells when it is back.
		}
		await rest();
	} while (again);
	renewing = false;
}

// --- the stream ---

const BEATS_WITHIN = 40000; // one comes every 15 s; without power or network nothing else tells

let stream = null;
let silence = 0;
let silentSince = null; // the first try that failed; null: it was heard last
let beat = 0;

function showAway() {
	$("away").hidden = false;
	$("crowded").hidden = true;
	$("away-since").textContent = silentSince.toTimeString().slice(0, 5);
}

function heardFromGateway(alive) {
	if (alive) {
		clearTimeout(silence);
		silentSince = null;
		$("away").hidden = true;
	} else if (!silentSince) {
		silentSince = new Date();
		silence = setTimeout(showAway, 3000);
	}
}

let sending = false;

// A form leads away from here, and while the gateway is silent to the browser's own error page, where
// what was typed is gone. So it is asked first; the bar tells when it does not answer.
async function sendWhenHeard(form, button) {
	if (sending)
		return;
	sending = true;
	await askSession();
	sending = false;
	if (silentSince)
		showAway();
	else if (!ending.classList.contains("over"))
		form.requestSubmit(button);
}

// An EventSource does not tell why it was refused: the session is over, or too many listen.
async function askWhy() {
	try {
		const answer = await fetch("/api/v1/events", {
			headers: { "X-Background": "1" },
			credentials: "same-origin",
		});
		heardFromGateway(true);
		answer.body.cancel();
		if (answer.status === 401)
			sessionOver();
		$("crowded").hidden = answer.status !== 429;
	} catch {
		// The stream tries again.
	}
}

function awaitBeat() {
	clearTimeout(beat);
	beat = setTimeout(() => {
		heardFromGateway(false);
		stream.close();
		stream = null;
		listen();
	}, BEATS_WITHIN);
}

function listen() {
	if (stream || document.hidden || ending.classList.contains("over"))
		return;
	stream = new EventSource("/api/v1/events");
	awaitBeat();
	stream.addEventListener("open", () => {
		heardFromGateway(true);
		$("crowded").hidden = true;
	});
	stream.addEventListener("state", renewSoon);
	stream.addEventListener("traffic", () => {
		if (live && live.dataset.traffic !== undefined)
			renewSoon();
	});
	stream.addEventListener("left", (event) => {
		awaitBeat();
		sessionLasts(Number(event.data));
	});
	stream.addEventListener("error", () => {
		const refused = stream.readyState === EventSource.CLOSED;
		heardFromGateway(false);
		if (!refused)
			return; // it tries again by itself
		clearTimeout(beat);
		stream = null;
		askWhy();
		setTimeout(listen, 5000);
	});
}

function stopListening() {
	if (stream)
		stream.close();
	stream = null;
	clearTimeout(beat);
	if ($("away").hidden) {
		clearTimeout(silence);
		silentSince = null;
	}
}

function keepTyped(field) {
	const piece = field.closest("[data-key]");
	if (piece)
		busy.add(piece);
}

if (live) {
	remember(live);
	live.addEventListener("input", (event) => keepTyped(event.target));
	// What came back with a form that was refused was typed, too.
	if ($("main").dataset.path)
		all(live, "input:not([type=hidden]), textarea").filter((field) => field.value).forEach(keepTyped);
}

// Each tab that is looked at listens; the others leave their place to somebody else.
if (ending) {
	document.addEventListener("visibilitychange", () => {
		if (document.hidden)
			stopListening();
		else
			listen();
	});
	addEventListener("pagehide", stopListening);
}
