// SPDX-License-Identifier: Apache-2.0
// A password can be looked at while it is typed. It is hidden again before it is sent and when the
// window is left, and a field that shows one is none that a browser keeps or fills in. Tokens and keys
// are never shown.

function reveal(button, shown) {
	const field = button.previousElementSibling;
	const { selectionStart, selectionEnd } = field;
	field.type = shown ? "text" : "password";
	field.autocomplete = shown ? "off" : field.dataset.autocomplete;
	field.setSelectionRange(selectionStart, selectionEnd);
	button.setAttribute("aria-pressed", shown);
}

function hidePasswords(root) {
	for (const button of all(root, ".reveal[aria-pressed=true]"))
		reveal(button, false);
}

function offerReveal(root) {
	for (const field of all(root, "input[type=password][autocomplete$='-password']")) {
		if (field.nextElementSibling)
			continue;
		const button = $("reveal").content.firstElementChild.cloneNode(true);
		field.dataset.autocomplete = field.autocomplete;
		field.spellcheck = false; // some send what they check
		field.autocapitalize = "none";
		field.after(button);
		button.addEventListener("mousedown", (event) => event.preventDefault()); // who types goes on typing
		button.addEventListener("click", () => reveal(button, field.type === "password"));
	}
}

addEventListener("submit", (event) => hidePasswords(event.target), true);
addEventListener("pagehide", () => hidePasswords(document));
document.addEventListener("visibilitychange", () => hidePasswords(document));
offerReveal(document);
