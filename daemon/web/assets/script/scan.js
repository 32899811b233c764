// SPDX-License-Identifier: Apache-2.0
// Labels. One printed on site is an address of this page with its code behind the '#', so that any
// phone's camera opens it: GH1:<name>:<code>. It is kept until its device is there, in this window
// alone, and never sent anywhere before somebody presses Approve. A device's token is read into its
// field, and nowhere else. Scanning here needs the browser's own BarcodeDetector; where there is none,
// typing and pasting remain.

// What is behind the '#' of an address; the text itself when it is none. "%3A" is ':', and whatever is
// no escape stands for itself.
function fragmentOf(text) {
	const [front, ...rest] = text.split("#");
	if (/^GH1/i.test(text) || !rest.length || !front.includes("://"))
		return text;
	return rest.join("#").replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

// What a label says: its text, and the name of its device ("" for a short code). The gateway reads it
// alike (core/label-scan.c): up to the last colon, since a name may hold colons, and a code does not.
function readLabel(text) {
	const code = fragmentOf(text.trim()).trim();
	const parts = /^GH[1IL]:(.*):[^:]*$/is.exec(code);
	return { code, ep: parts ? parts[1] : "" };
}

const codeFields = () => all(document, ".decision input[name=code]");

function write(field, code) {
	field.value = code;
	field.dispatchEvent(new Event("input", { bubbles: true }));
}

function fill(field, code) {
	write(field, code);
	const form = field.closest("form");
	const next = form.querySelector("input[name=password]") || form.querySelector("button.primary");
	next.focus();
	next.scrollIntoView({ block: "center" });
}

// --- a label that waits for its device ---

let label = null;

function keepLabel(found) {
	label = found;
	try {
		sessionStorage.setItem("label", found.code);
	} catch {
		// Without storage it lasts as long as this screen.
	}
}

// When the screen renews itself, somebody who types goes on typing: the code is filled in beside it.
function placeLabel(renewed = false) {
	const note = $("label-note");
	if (!label || !note)
		return;
	const field = codeFields().find((one) => one.dataset.ep === label.ep);
	const typing = renewed && document.activeElement.matches("input, select, textarea");
	if (!typing || !note.contains(document.activeElement))
		note.hidden = Boolean(field);
	note.querySelector("bdi").textContent = label.ep;
	if (note.querySelector("form"))
		note.querySelector("form").code.value = label.code;
	if (!field)
		return;
	if (typing) {
		write(field, label.code);
		$("said").textContent += ` ${say("filled")} ${label.ep}`;
	} else {
		fill(field, label.code);
	}
	dropLabel();
}

function dropLabel() {
	label = null;
	try {
		sessionStorage.removeItem("label");
	} catch {
		// There is none.
	}
}

function keptLabel() {
	try {
		return sessionStorage.getItem("label") || "";
	} catch {
		return "";
	}
}

function takeLabel() {
	const note = $("label-note");
	const opened = readLabel(location.href);
	const refused = readLabel(note ? note.dataset.label : "");
	if (/^GH[1IL]/i.test(opened.code)) // right or wrong: it is a secret
		history.replaceState(null, "", location.pathname + location.search);
	label = [opened, refused, readLabel(keptLabel())].find((one) => one.ep) || null;
	if (label === opened) // a refused one is looked at once more, and kept no longer
		keepLabel(opened);
	placeLabel();
}

// --- pasted ---

// An address is its label. One that a scanner types letter by letter is whole only in the end.
for (const kind of ["input", "change"])
	document.addEventListener(kind, (event) => {
		const field = event.target;
		const text = field.name === "code" && !/^.$/.test(event.data) ? field.value.trim() : "";
		if (fragmentOf(text) !== text)
			field.value = readLabel(text).code;
	});

// --- the camera ---

const canScan = () => "BarcodeDetector" in window && navigator.mediaDevices && $("scanner");

// Calls found(text, tell) with each code that is before the camera, until the dialog is closed.
async function look(found) {
	const dialog = $("scanner");
	const video = dialog.querySelector("video");
	const problem = dialog.querySelector("[role=alert]");
	const seenBefore = dialog.querySelector("[role=status]");
	problem.textContent = "";
	seenBefore.textContent = "";
	dialog.showModal();
	let camera = null;
	try {
		camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
		video.srcObject = camera;
		await video.play();
		const detector = new BarcodeDetector({ formats: ["qr_code"] });
		while (dialog.open) {
			const [seen] = await detector.detect(video);
			if (seen)
				await found(seen.rawValue, (said) => { seenBefore.textContent = said; });
			await new Promise((done) => setTimeout(done, 120));
		}
	} catch {
		problem.textContent = say("denied");
	}
	for (const track of camera ? camera.getTracks() : [])
		track.stop();
	video.srcObject = null;
}

// What is scanned into stays where it is meanwhile, whatever renews itself around it.
async function scan(field, taken) {
	keepTyped(field);
	await look(taken);
	if (!field.value)
		busy.delete(field.closest("[data-key]"));
}

function scanLabel(field) {
	return scan(field, (text) => {
		$("scanner").close();
		take(field, text);
	});
}

// A secret: never shown, never kept here, and sent by the form alone. A label is none.
function scanToken(field) {
	return scan(field, (text, tell) => {
		if (/(^|#)GH1[-:]/i.test(text.trim())) {
			tell(say("label"));
			return;
		}
		$("scanner").close();
		fill(field, text.trim());
	});
}

// A label of another device goes to that device's card.
function take(field, text) {
	const found = readLabel(text);
	const own = codeFields().find((one) => found.ep && one.dataset.ep === found.ep);
	if (own || !found.ep) {
		fill(own || field, found.code);
		return;
	}
	keepLabel(found);
	placeLabel();
}

function scanButton(field, begin) {
	const button = document.createElement("button");
	button.type = "button";
	button.className = "scan";
	button.textContent = say("scan");
	button.addEventListener("click", () => begin(field));
	return button;
}

function noCamera() {
	const hint = document.createElement("p");
	hint.className = "hint";
	hint.textContent = say("nocamera");
	return hint;
}

function offerCamera(root) {
	for (const field of all(root, ".decision input[name=code]"))
		if (canScan() && !field.nextElementSibling)
			field.after(scanButton(field, scanLabel));
	for (const field of all(root, "input[data-scan]"))
		if (!field.nextElementSibling)
			field.after(canScan() ? scanButton(field, scanToken) : noCamera());
}

function lookForLabels(turn) {
	offerCamera(document);
	placeLabel(true);
	if (many)
		lookAtScanned(turn).catch(() => {}); // the next change looks again
}

// It is the gateway's now, if that is there; refused, it comes back with the page.
if ($("label-note"))
	$("label-note").addEventListener("submit", () => silentSince || dropLabel());
if ($("scanner"))
	$("scanner").querySelector("button").addEventListener("click", () => $("scanner").close());
takeLabel();
offerCamera(document);
