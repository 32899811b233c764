// SPDX-License-Identifier: Apache-2.0
// The end of the session is told two minutes before; one press puts it off. When it has ended all
// the same, the password brings it back in a dialog, and what was typed into the screen is kept.

const WARNING_SECONDS = 120;
let sessionEnd = Infinity;
let toldEnd = 0; // the end that was announced: one that cannot be put off is announced once

function sessionLasts(seconds) {
	sessionEnd = Date.now() + 1000 * seconds;
	if (seconds > WARNING_SECONDS && ending && ending.open && !ending.classList.contains("over"))
		ending.close();
}

function sessionOver() {
	stopListening();
	sessionEnd = Infinity;
	if (!ending || ending.classList.contains("over"))
		return;
	ending.classList.add("over");
	if (!ending.open)
		ending.showModal();
	ending.querySelector("[name=password]").focus();
}

function watchEnd() {
	const left = sessionEnd - Date.now();
	if (left <= 0) {
		askSession();
	} else if (left < 1000 * WARNING_SECONDS && !ending.open && sessionEnd > toldEnd + 10000) {
		toldEnd = sessionEnd;
		ending.showModal();
	}
}

// Is it over, or was it only the connection?
async function askSession() {
	try {
		const answer = await fetch("/api/v1/status", {
			headers: { "X-Background": "1" },
			credentials: "same-origin",
			signal: AbortSignal.timeout?.(5000), // older browsers wait as long as they like
		});
		heardFromGateway(true);
		if (answer.status === 401)
			sessionOver();
	} catch {
		// The stream tries again.
	}
}

async function stay() {
	const answer = await fetch("/api/v1/status", { credentials: "same-origin" });
	if (answer.status === 401) {
		sessionOver();
		return;
	}
	sessionEnd = Infinity; // the stream tells how long it is now
	stopListening();
	listen();
	ending.close();
}

async function comeBack(event) {
	event.preventDefault();
	const form = event.target;
	const answer = await fetch("/api/v1/login", {
		method: "POST",
		credentials: "same-origin",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ name: form.dataset.name, password: form.password.value }),
	});
	const said = await answer.json();
	form.password.value = "";
	if (!answer.ok) {
		form.querySelector("[role=alert]").textContent = said.text;
		return;
	}
	for (const field of all(document, "input[name=csrf]"))
		field.value = said.csrf;
	form.querySelector("[role=alert]").textContent = "";
	ending.classList.remove("over");
	ending.close();
	listen();
}

// Who logged in here before has only the password to type.
const entrance = document.querySelector("form[action='/login']");
if (entrance) {
	try {
		entrance.elements.name.value = entrance.elements.name.value || localStorage.getItem("name") || "";
		entrance.addEventListener("submit", () => localStorage.setItem("name", entrance.elements.name.value));
	} catch {
		// Without storage the name is typed.
	}
	(entrance.elements.name.value ? entrance.elements.password : entrance.elements.name).focus();
}

if (ending) {
	sessionLasts(Number(document.body.dataset.left));
	$("stay").addEventListener("click", () => { stay().catch(() => {}); });
	ending.querySelector("form").addEventListener("submit", (event) => {
		comeBack(event).catch(() => {
			ending.querySelector("[role=alert]").textContent = say("unheard");
		});
	});
	ending.addEventListener("cancel", (event) => {
		if (ending.classList.contains("over"))
			event.preventDefault();
	});
	setInterval(watchEnd, 1000);
	listen();
}
