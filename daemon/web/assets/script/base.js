// SPDX-License-Identifier: Apache-2.0
// Everything here is a comfort: without it each screen works by loading it again. The files of this
// directory become one, in the order of their names; what they share are these few functions.
"use strict";

const $ = (id) => document.getElementById(id);
const all = (root, what) => [...root.querySelectorAll(what)];

// Sentences for this file stand in the page, as data of <body>, units too: texts.h names them all.
const say = (name) => document.body.dataset[name] || "";

// --- times that go on ---

const clock = (left) => {
	const two = (n) => String(n).padStart(2, "0");
	const hours = Math.floor(left / 3600);
	const minutes = Math.floor(left / 60) % 60;
	return hours ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
};

// As the gateway writes them before a script is there (draw-time.c).
const UNITS = [[86400, "days"], [3600, "hours"], [60, "minutes"], [1, "seconds"]];

const ago = (seconds) => {
	const [size, unit] = UNITS.find(([least]) => seconds >= least) || UNITS[UNITS.length - 1];
	return `${Math.floor(seconds / size)} ${say(unit)} ${say("past")}`;
};

function prepareTimes(root) {
	for (const item of all(root, "[data-countdown]"))
		if (!item.dataset.end)
			item.dataset.end = Date.now() + 1000 * item.dataset.countdown;
	for (const item of all(root, "[data-ago]"))
		if (!item.dataset.at)
			item.dataset.at = Date.now() - 1000 * item.dataset.ago;
}

function tick() {
	for (const item of all(document, "[data-end]"))
		item.textContent = clock(Math.max(0, Math.round((item.dataset.end - Date.now()) / 1000)));
	for (const item of all(document, "[data-at]"))
		item.textContent = ago(Math.max(0, Math.round((Date.now() - item.dataset.at) / 1000)));
}

prepareTimes(document);
tick();
setInterval(tick, 1000);

// --- forms ---

document.addEventListener("submit", (event) => {
	const button = event.submitter;
	if (event.defaultPrevented)
		return;
	if (silentSince) {
		event.preventDefault();
		sendWhenHeard(event.target, button);
	} else if (button) {
		setTimeout(() => { button.disabled = true; }, 0);
	}
});

// A page that comes back out of the browser's memory may be long out of date.
addEventListener("pageshow", (event) => {
	if (event.persisted)
		location.reload();
});
